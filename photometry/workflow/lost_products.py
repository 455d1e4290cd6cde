"""Products that no job declares as its output, and that are gone: what tells Snakemake to make them again.

Light curves and reference stars outlive the jobs that write them, so Snakemake does not miss them. Before the first job
the sizes of all light curves are compared with those in the indices. A job that has lost something has a parameter of
another value than before, which stays until something is lost again.
"""

import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from photometry.core.errors import InputFileError
from photometry.io.results.lightcurve_files import FOLDER
from photometry.io.results.listed_files import ListedFile, files_in_index, lost_files
from photometry.io.results.page_files import PAGE_FOLDER, files_of_page
from photometry.io.stars.star_files import digest_of_stars
from photometry.io.store.provenance import atomic_path

__all__ = ["losses", "page_mark", "read_losses"]

_log = logging.getLogger(__name__)
#: Losses that are told one by one, at most.
_MOST_TOLD = 20


def losses(
    output: str | Path,
    folder: str | Path,
    tiles: Mapping[str, Iterable[str]],
    batched: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    page: bool = True,
) -> dict[str, str]:
    """Find what was lost since the last run, and return the parameters of the jobs that write it.

    Parameters
    ----------
    output : path-like
        Output folder.
    folder : path-like
        Folder of the plan, where the parameters are kept.
    tiles : mapping of str to iterable of str
        Names of the tiles of all regions.
    batched : mapping of str to sequence of str
        Products of regions that were measured in a batch, none of which is a declared output; the first is what the
        batch left when it was done.
    page : bool
        Whether there is a page that one browses.

    Returns
    -------
    dict of str to str
        By region (its reference stars, or any product of a batch), region/tile (its light curves) and `page_mark`;
        jobs that never lost anything are not in it.
    """
    before = read_losses(folder)
    now, told = dict(before), list[str]()
    for region, names in tiles.items():
        kernel = Path(output, f"prepared/movement_{region}.hdf5")
        reference = Path(output, f"prepared/reference_stars_{region}.hdf5")
        if region in batched:
            done, *products = batched[region]
            if lost := [f"{path}: is lost" for path in products if not os.path.exists(path)]:
                told += lost
                now[region] = _mark(Path(done), *lost)
        elif kernel.is_file() and not digest_of_stars(reference):
            told.append(f"{reference}: is lost")
            now[region] = _mark(kernel, told[-1])
        for tile in names:
            index = Path(output, f"{FOLDER}/index/{region}/{tile}.ecsv")
            if index.is_file() and (problems := _problems(output, index, files_in_index)):
                told += problems
                now[f"{region}/{tile}"] = _mark(index, *problems)
    now |= _lost_of_page(output, tiles.keys() - batched.keys() if page else (), told)
    for line in told[:_MOST_TOLD]:
        _log.warning("%s; it is made again", line)
    if len(told) > _MOST_TOLD:
        _log.warning("and %d more", len(told) - _MOST_TOLD)
    if now != before:
        with atomic_path(_file(folder)) as temporary:
            temporary.write_text(json.dumps(now, sort_keys=True))
    return now


def _lost_of_page(output: str | Path, regions: Collection[str], told: list[str]) -> dict[str, str]:
    """Return the parameters of the jobs that write what was lost of the page, and add to what is told."""
    found = {}
    for region in ("", *sorted(regions)) if regions else ():
        shown = Path(output, PAGE_FOLDER, f"data/{region}.js" if region else "index.html")
        if shown.is_file() and (problems := _problems(output, shown, files_of_page)):
            told += problems
            found[page_mark(region)] = _mark(shown, *problems)
    return found


def page_mark(region: str = "") -> str:
    """Return the key of what the page shows of a region; without one, of the page itself."""
    return f"page/{region}"


def read_losses(folder: str | Path) -> dict[str, str]:
    """Return what `losses` has kept."""
    try:
        found = json.loads(_file(folder).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): str(mark) for name, mark in found.items()} if isinstance(found, dict) else {}


def _file(folder: str | Path) -> Path:
    return Path(folder, "losses.json")


def _problems(output: str | Path, index: Path, listed: Callable[[Path], list[ListedFile]]) -> list[str]:
    """Return what is wrong with an index or the files that it lists, one line each."""
    try:
        lost = lost_files(output, listed(index))
    except InputFileError as error:
        return [str(error)]
    return [f"{Path(output, name)}: {problem}" for name, problem in lost.items()]


def _mark(written: Path, *problems: str) -> str:
    """Return what distinguishes a loss from all others, and not from itself: a dry run finds the same."""
    return sha256(repr((written.stat().st_mtime_ns, problems)).encode()).hexdigest()[:16]
