"""Every product of a run compared with what was written; damaged ones are moved aside, so that they are made again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from photometry.core.errors import InputFileError
from photometry.io.results.lightcurve_files import FOLDER
from photometry.io.results.listed_files import ListedFile, files_in_index
from photometry.io.results.page_files import PAGE_FOLDER, files_of_page
from photometry.io.store.provenance import digest_of
from photometry.workflow.batch_members import FIGURES, TREND_FIGURE
from photometry.workflow.product_checks import damage_of, digests_named_in

__all__ = ["Damage", "damaged_products", "move_aside"]

#: Products of a region, by the first part of their names: what names digests of them comes after them.
_PREPARED = ("", "movement_", "prf_", "movement_refined_")


@dataclass(frozen=True, slots=True)
class Damage:
    """A product that is not what was written."""

    path: Path
    problem: str


def damaged_products(
    output: str | Path,
    version: int,
    tiles: Mapping[str, Iterable[str]],
    more: Sequence[str] = (),
    *,
    plots: bool = True,
    page: bool = True,
) -> tuple[list[Damage], int, int]:
    """Compare the products of all regions, and the summary, with what was written.

    Parameters
    ----------
    output : path-like
        Output folder.
    version : int
        Version of the products.
    tiles : mapping of str to iterable of str
        Names of the tiles of all regions.
    more : sequence of str
        Other products below the output folder, with checksums of their own.
    plots : bool
        Whether regions have plots.
    page : bool
        Whether there is a page, and what it shows of regions.

    Returns
    -------
    damaged : list of Damage
        What is lost or damaged.
    n_curve, n_other : int
        Light curves and other products that were looked at.
    """
    output, damaged, n_curve, n_other = Path(output), list[Damage](), 0, 0
    for region, names in tiles.items():
        indices = [output / f"{FOLDER}/index/{region}/{tile}.ecsv" for tile in names]
        for index in indices:
            try:
                listed = files_in_index(index)
            except InputFileError as error:
                damaged.append(Damage(index, error.problem))
                continue
            n_curve += len(listed)
            damaged += _damaged_files(output, listed)
        others = _products(output, region, names) + (_plots(output, region) if plots else [])
        others += [output / f"{PAGE_FOLDER}/data/{region}.js"] if page else []
        n_other += len(others) + len(indices)
        named: dict[str, str] = {}
        for path in [*others, *indices]:
            named |= digests_named_in(path)
        damaged += _damaged(others, named)
    summary = output / f"summary_v{version:02d}.ecsv"
    others = [summary, *(output / name for name in more)]
    if page:
        shown = [output / f"{PAGE_FOLDER}/data/{region}.js" for region in tiles]
        others.append(output / f"{PAGE_FOLDER}/index.html")
        written = [one for path in (*shown, others[-1]) for one in _written_with(path)]
        damaged += _damaged_files(output, written)
        n_other += len(written)
    damaged += _damaged(others, {})
    return damaged, n_curve, n_other + len(others)


def _products(output: Path, region: str, tiles: Iterable[str]) -> list[Path]:
    """Return the products of a region but its light curves, indices and plots."""
    prepared = output / "prepared"
    return [
        *(prepared / f"{start}{region}.hdf5" for start in _PREPARED),
        prepared / f"reference_stars_{region}.hdf5",
        prepared / f"catalog_{region}.sqlite",
        prepared / f"unlisted_stars_{region}.ecsv",
        prepared / f"targets_{region}.ecsv",
        # Not of every region.
        *prepared.glob(f"*trends_{region}.fits"),
        *(output / f"photometry/{region}/{tile}.hdf5" for tile in tiles),
    ]


def _plots(output: Path, region: str) -> list[Path]:
    folder = output / "plots" / region
    # That of the trends is not of every region.
    return [*(folder / f"{name}.png" for name in FIGURES), *folder.glob(f"{TREND_FIGURE}.png")]


def _written_with(path: Path) -> list[ListedFile]:
    """Return what was written with a file of the page; nothing where that cannot be told, as the file is damaged."""
    try:
        return files_of_page(path)
    except InputFileError:
        return []


def _damaged_files(output: Path, listed: Iterable[ListedFile]) -> list[Damage]:
    damaged = []
    for one in listed:
        path = output / one.file
        if not path.is_file():
            damaged.append(Damage(path, "is lost"))
        elif digest_of(path) != one.digest:
            damaged.append(Damage(path, "is not what was written: its SHA-256 has changed"))
    return damaged


def _damaged(paths: Iterable[Path], named: Mapping[str, str]) -> list[Damage]:
    found = ((path, damage_of(path, named.get(path.name))) for path in paths)
    return [Damage(path, problem) for path, problem in found if problem]


def move_aside(damaged: Iterable[Damage]) -> list[Path]:
    """Rename damaged products to ``.<name>.damaged``, over earlier ones of this name; return the new names."""
    there = [damage.path for damage in damaged if damage.path.is_file()]
    return [path.replace(path.with_name(f".{path.name}.damaged")) for path in there]
