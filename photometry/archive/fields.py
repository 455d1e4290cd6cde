"""A field around a star or a place in the sky: its cutouts of all sectors and its stars, asked for once and kept.

Everything is in one folder: ``asked.json`` (queries, dates, digests), ``stars.ecsv``, and the pixel files below
``pixels/``. What is there is not asked for again, so a field that was fetched needs no network.
"""

import math
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from photometry.archive.bucket_files import BucketFile, download_file
from photometry.archive.cutouts import UNFINISHED, download_cutout, keep_cutout, quiet_downloads
from photometry.archive.kept import Kept, read_kept
from photometry.archive.kept_fields import (
    Field,
    FieldWish,
    Star,
    chosen_ccds,
    kept_field,
    kept_star,
    pixels_name,
    stars_name,
)
from photometry.archive.sectors import sectors_at_archive, sectors_by_pointing
from photometry.archive.seen_by import SeenBy
from photometry.archive.star_queries import find_stars, stars_in_cone
from photometry.archive.target_pixel_files import keep_tpf, tpfs_at_archive
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.errors import ArchiveError, NotAtArchiveError
from photometry.io.reference.sector_cameras import known_sectors
from photometry.io.store.provenance import atomic_path

__all__ = ["fetch_field", "find_star", "planned_sectors"]

#: Downloads at a time: the service asks for at most five requests a second.
_AT_ONCE = 2
#: Middle of sector 1 and time from sector to sector, Julian years: good to weeks, enough to move a star by its proper
#: motion (the fastest moves half a pixel in a year).
_SECTOR_1, _SECTOR_YEARS = 2018.6, 27.4 / 365.25


def planned_sectors(folder: Path, wish: FieldWish) -> tuple[list[SeenBy], list[SeenBy]]:
    """Return which cutouts of a field are there, and which have to be asked for; known before any large download.

    Raises
    ------
    ArchiveError
        When the star is not known, no sector shows it, or a sector that is wanted does not.
    """
    kept = read_kept(folder / wish.name)
    chosen = _asked_sectors(kept, wish)
    there = [seen for seen in chosen if kept.file(pixels_name(seen))]
    return there, [seen for seen in chosen if seen not in there]


def fetch_field(folder: Path, wish: FieldWish, *, refresh: bool = False) -> Field:
    """Get a field: what is there already is kept, the rest is asked for.

    Parameters
    ----------
    folder : Path
        Folder of all fields.
    wish : FieldWish
        What is wanted.
    refresh : bool
        Ask for everything again.

    Raises
    ------
    ArchiveError
        When the archive does not answer, or does not have what is wanted. What came before is kept.
    """
    kept = read_kept(folder / wish.name)
    kept.folder.mkdir(parents=True, exist_ok=True)
    for left in kept.folder.glob(f"pixels/{UNFINISHED}*"):
        shutil.rmtree(left)
    if refresh:
        kept.answers.clear()
    chosen = _asked_sectors(kept, wish)
    missing = [seen for seen in chosen if kept.file(pixels_name(seen)) is None]
    _fetch_pixels(kept, wish, missing)
    if kept.file(stars_name(wish)) is None:
        _fetch_stars(kept, wish)
    field = kept_field(folder, wish)
    if field is None:
        raise AssertionError("what was fetched is there")
    return field


def find_star(folder: Path, wish: FieldWish) -> Star | None:
    """Return the star in the middle of a field, asked for if it is not known; None of a place in the sky.

    Raises
    ------
    ArchiveError
        When the archive does not answer, or does not know the star.
    """
    _ask_star(read_kept(folder / wish.name), wish)
    return kept_star(folder, wish)


def place_at(kept: Kept, wish: FieldWish, sector: int) -> tuple[float, float]:
    """Return the middle of a field in a sector, deg: where the star's proper motion has brought it."""
    if wish.ra is not None and wish.dec is not None:
        return wish.ra, wish.dec
    star = kept.answer("star")
    years = _SECTOR_1 + (sector - 1) * _SECTOR_YEARS - 2000
    dec = star["dec"] + star["pmDEC"] * years / 3.6e6
    ra = star["ra"] + star["pmRA"] * years / 3.6e6 / max(math.cos(math.radians(star["dec"])), 1e-9)
    return ra % 360, min(max(dec, -90.0), 90.0)


def _asked_sectors(kept: Kept, wish: FieldWish) -> list[SeenBy]:
    """Return the CCDs whose cutouts are wanted; star and sectors are asked for where they are not known."""
    _ask_star(kept, wish)
    if kept.answer("sectors") is None:
        ra, dec = place_at(kept, wish, sector=1)
        kept.add("sectors", f"RA {ra:.6f}, Dec {dec:.6f}", _sectors_of(wish, ra, dec))
    chosen = chosen_ccds(kept, wish)
    if chosen is None:
        raise AssertionError("sectors are known")
    missing = sorted(set(wish.sectors) - {seen.sector for seen in chosen})
    if missing or not chosen:
        raise NotAtArchiveError(_why_none(kept, wish, missing))
    return chosen


def _ask_star(kept: Kept, wish: FieldWish) -> None:
    if wish.starid and kept.answer("star") is None:
        (row,) = find_stars([wish.starid])
        mark, other = (str(np.ma.filled(np.ma.asarray(row[name]), "")) for name in ("disposition", "duplicate_id"))
        if mark.strip():
            instead = f": ask for TIC {other}" if other.strip().isdigit() else ""
            raise NotAtArchiveError(f"{wish.title} is marked {mark} in the TIC{instead}")
        star = {name: _number(row[name]) for name in ("ra", "dec", "pmRA", "pmDEC", "Tmag")}
        if star["Tmag"] is None:
            raise NotAtArchiveError(
                f"{wish.title} has no Tmag in the TIC: it cannot be measured; give its place instead"
            )
        kept.add("star", f"TIC {wish.starid}", star | {name: star[name] or 0.0 for name in ("pmRA", "pmDEC")})


def _sectors_of(wish: FieldWish, ra: float, dec: float) -> dict[str, list[list[Any]]]:
    """Return the CCDs that show a place: those whose images MAST has, and those that it has not, yet.

    MAST has cutouts of every CCD beside whose edge the place is; where the pointing of a sector is known, the place has
    to be on the science area. Of target pixel files `files` has key and size.
    """
    by_pointing, known = sectors_by_pointing(ra, dec), set(known_sectors())
    if wish.is_tpf and wish.starid:
        files = tpfs_at_archive(wish.starid, by_pointing)
        return {
            "shown": [_row(seen) for seen in files],
            "later": [],
            "files": [[file.key, file.size] for file in files.values()],
        }
    at_archive = sectors_at_archive(ra, dec)
    shown = [seen for seen in at_archive if seen in by_pointing or seen.sector not in known]
    later = [seen for seen in by_pointing if seen.sector not in {other.sector for other in at_archive}]
    return {"shown": [_row(seen) for seen in shown], "later": [_row(seen) for seen in later]}


def _row(seen: SeenBy) -> list[Any]:
    return [seen.sector, seen.camera, seen.ccd]


def _why_none(kept: Kept, wish: FieldWish, missing: Sequence[int]) -> str:
    have, planned = (sorted({row[0] for row in kept.answer("sectors")[name]}) for name in ("shown", "later"))
    kind = "target pixel files" if wish.is_tpf else "full-frame images"
    has = f"MAST has sectors {', '.join(map(str, have))}" if have else f"MAST has no {kind} of it"
    later = f"; TESS was or will be pointed at it also in sectors {', '.join(map(str, planned))}" if planned else ""
    wanted = f"no images in sector {', '.join(map(str, missing))}" if missing else "no sector shows it"
    return f"{wish.title}: {wanted} ({has}{later}); correct the key 'sectors', or the star"


def _fetch_pixels(kept: Kept, wish: FieldWish, missing: Sequence[SeenBy]) -> None:
    """Get cutouts or target pixel files, two at a time; those that came are kept also when another one fails."""
    if not missing:
        return
    failures = []
    with (
        quiet_downloads(),
        ThreadPoolExecutor(_AT_ONCE) as pool,
        tqdm(total=len(missing), desc=f"{wish.what} of {wish.title}", unit="sector") as bar,
    ):
        for seen, job in [(seen, pool.submit(_download, kept, wish, seen)) for seen in missing]:
            try:
                # Files are looked at in one thread: astropy's filters of warnings hold for all.
                kept.add_file(pixels_name(seen), _query(kept, wish, seen), _keep(wish, seen, job.result()))
            except ArchiveError as error:
                failures.append(error)
            bar.update()
    if failures:
        came = len(missing) - len(failures)
        more = f" ({len(failures)} of {len(missing)} files failed; {came} came and are kept)" if came else ""
        raise ArchiveError(f"{failures[0]}{more}; the same command goes on from here") from failures[0]


def _download(kept: Kept, wish: FieldWish, seen: SeenBy) -> Path:
    """Get the pixels of a sector; return what came."""
    folder = kept.folder / "pixels"
    if wish.is_tpf:
        return download_file(_bucket_file(kept, seen), folder)
    return download_cutout(folder, seen, *place_at(kept, wish, seen.sector), wish.size)


def _keep(wish: FieldWish, seen: SeenBy, came: Path) -> Path:
    """Return the pixels of a sector, when they are what was asked for."""
    if wish.is_tpf and wish.starid:
        return keep_tpf(came, wish.starid, seen)
    return keep_cutout(came, seen, wish.size)


def _query(kept: Kept, wish: FieldWish, seen: SeenBy) -> str:
    """Return what was asked for, in words."""
    if wish.is_tpf:
        return _bucket_file(kept, seen).key
    ra, dec = place_at(kept, wish, seen.sector)
    return f"RA {ra:.6f}, Dec {dec:.6f}, {wish.size} px"


def _bucket_file(kept: Kept, seen: SeenBy) -> BucketFile:
    """Return the target pixel file of a sector as the bucket has it."""
    known = kept.answer("sectors")
    return BucketFile(*known["files"][known["shown"].index(_row(seen))])


def _fetch_stars(kept: Kept, wish: FieldWish) -> None:
    """Get the stars on and around the pixels."""
    ra, dec = place_at(kept, wish, sector=40)
    radius = wish.size / math.sqrt(2) * ARCSEC_PER_PIXEL / 3600 + wish.margin_deg
    table = stars_in_cone(ra, dec, radius, wish.tmag_limit)
    if not len(table):
        raise ArchiveError(f"{wish.title}: the TIC has no star within {radius:.3f} deg; correct the place")
    path = kept.folder / "stars.ecsv"
    with atomic_path(path) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)
    query = f"RA {ra:.6f}, Dec {dec:.6f}, {radius:.4f} deg, T <= {wish.tmag_limit:g}"
    kept.add_file(stars_name(wish), query, path)


def _number(value: Any) -> float | None:
    """Return a value of a table as a number; None where there is none."""
    return None if value is np.ma.masked or not np.isfinite(value) else float(value)
