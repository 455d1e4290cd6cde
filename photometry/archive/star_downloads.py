"""Star tables of a part of the sky, from the TIC or Gaia DR3, made of the pieces that archives gave."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from photometry.archive.gaia_stars import (
    gaia_starid,
    is_as_bright,
    match_to_tic,
    places_at_j2000,
    tess_magnitude,
)
from photometry.archive.kept_answers import kept_rows
from photometry.archive.service import conf
from photometry.archive.sky_boxes import SkyRegion
from photometry.archive.star_pieces import SkyCatalog, fetch_pieces
from photometry.archive.table_services import TIC_TABLE, TableService, tic_service
from photometry.core.errors import CatalogError
from photometry.core.settings import CATALOGS
from photometry.core.sky import unit_vectors
from photometry.io.store.provenance import atomic_path, remove_unfinished

__all__ = ["download_star_table"]

_log = logging.getLogger(__name__)
#: Columns of a star table, as the TIC names them.
_TIC_COLUMNS = ("ID", "ra", "dec", "pmRA", "pmDEC", "Tmag", "Teff", "disposition")
#: Stars of the TIC that are so much fainter than wanted may be as bright as wanted by Gaia's colours, mag.
_FAINTER = 0.5
#: Stars of the TIC as bright as this are taken from it where Gaia has no star within 10 arcsec (here in rad) that is as
#: bright to so many magnitudes: it lacks the brightest.
_BRIGHT, _SAME_PLACE, _AS_BRIGHT = 6.0, 10 / 206265, 2.0
#: Columns of a star table of Gaia.
_GAIA_COLUMNS = ("ID", "ra", "dec", "pmRA", "pmDEC", "Tmag", "e_Tmag", "Teff", "gaia_dr3")
#: Columns that say which stars of two releases of Gaia are near each other.
_PAIR = ("source_id", "dr2_source_id", "angular_distance", "magnitude_difference")
_MAG_DIGITS = 4
_Columns = dict[str, npt.NDArray[Any]]
_NO_NAMES: _Columns = {"starid": np.empty(0, np.int64), "dr2": np.empty(0, np.int64), "teff": np.empty(0)}
_NO_BRIGHT: _Columns = {"id": np.empty(0, np.int64)} | {
    name: np.empty(0) for name in ("ra", "dec", "pmra", "pmdec", "tmag", "teff")
}
_NO_PAIRS: _Columns = dict(zip(_PAIR, (np.empty(0, np.int64),) * 2 + (np.empty(0),) * 2, strict=True))


def download_star_table(
    path: str | Path, catalog: str, region: SkyRegion, tmag_limit: float, folder: str | Path, by_hand: str | Path
) -> Path:
    """Write the star table of a part of the sky.

    Parameters
    ----------
    path : path-like
        The star table, CSV. Its bytes depend on what the archive knows, not on when and in which order it answered.
    catalog : str
        One of `photometry.core.settings.CATALOGS`.
    region : SkyRegion
        Where.
    tmag_limit : float
        Faintest star, Tmag; stars of the TIC without a magnitude are wanted, too.
    folder : path-like
        Where the answers are kept; those that are there are not asked for again.
    by_hand : path-like
        A star table of the user's, which counts in place of the archive's when it is there.

    Returns
    -------
    Path
        The star table.

    Raises
    ------
    ArchiveError
        When the archive does not answer; the message says which file to put where.
    CatalogError
        When it knows no star there.
    """
    path, by_hand = Path(path), Path(by_hand)
    if by_hand.is_file():
        with atomic_path(path) as temporary:
            shutil.copyfile(by_hand, temporary)
        return path
    remedy = _remedy(by_hand, region)
    remove_unfinished(path)
    parts = (_gaia_table if catalog == "gaia" else _tic_table)(region, tmag_limit, folder, remedy)
    n_star = 0
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        for number, part in enumerate(parts):
            part.to_csv(file, index=False, header=number == 0, lineterminator="\n")
            n_star += len(part)
        if not n_star:
            raise CatalogError(path, f"{CATALOGS[catalog]} has no star there; {remedy}")
    _log.info("%d stars of %s", n_star, CATALOGS[catalog])
    return path


def _remedy(by_hand: Path, region: SkyRegion) -> str:
    """Say what to do when an archive does not answer."""
    return (
        "the same command goes on where it ended; or name a star table with the key 'catalog', or put one at "
        f"{by_hand} (CSV, ECSV, FITS or VOTable with the columns ID, ra, dec, Tmag, pmRA, pmDEC, Teff, disposition of "
        f"the TIC, {region.radius:.3f} deg around RA {region.ra:.5f}, Dec {region.dec:.5f})"
    )


def _tic(wanted: dict[str, str], condition: str, name: str) -> SkyCatalog:
    return SkyCatalog(name, "stars of the TIC", tic_service(), TIC_TABLE, wanted, condition)


def _tic_table(region: SkyRegion, tmag_limit: float, folder: str | Path, remedy: str) -> Iterator[pd.DataFrame]:
    """Ask for the stars of the TIC; return the rows of their table, a piece at a time."""
    columns = {name.lower(): name.lower() for name in _TIC_COLUMNS}
    catalog = _tic(columns, f"(tmag <= {tmag_limit:g} OR tmag IS NULL)", "tic")
    pieces = fetch_pieces(catalog, region, folder, remedy)
    return (_table_of_tic(kept_rows(piece), region) for piece in pieces)


def _table_of_tic(rows: pd.DataFrame, region: SkyRegion) -> pd.DataFrame:
    """Return the stars of an answer as rows of a star table."""
    rows = rows[region.contains(_floats(rows["ra"]), _floats(rows["dec"]))]
    order = np.argsort(_integers(rows["id"]))
    return rows.iloc[order].set_axis(list(_TIC_COLUMNS), axis="columns")


def _gaia(tmag_limit: float) -> SkyCatalog:
    """Return the stars of Gaia DR3, each once for every star of DR2 that is near, or once when there is none."""
    stars = ("source_id", "ra", "dec", "pmra", "pmdec", "phot_g_mean_mag", "bp_rp")
    columns = {f"s.{name}": name for name in stars} | {f"n.{name}": name for name in _PAIR[1:]}
    return SkyCatalog(
        "gaia",
        "stars of Gaia DR3",
        TableService("ESA's table service", conf.gaia_url.rstrip("/")),
        "gaiadr3.gaia_source AS s LEFT OUTER JOIN gaiadr3.dr2_neighbourhood AS n ON n.dr3_source_id = s.source_id",
        columns,
        is_as_bright(tmag_limit, "s.phot_g_mean_mag", "s.bp_rp"),
    )


def _gaia_table(region: SkyRegion, tmag_limit: float, folder: str | Path, remedy: str) -> Iterator[pd.DataFrame]:
    """Ask for the stars of Gaia DR3 and their numbers in the TIC; return the rows of their table, a piece at a time."""
    columns = {name.lower(): name.lower() for name in (*_TIC_COLUMNS, "gaia")}
    of_gaia = f"gaia IS NOT NULL AND tmag <= {tmag_limit + _FAINTER:g}"
    catalog = _tic(columns, f"({of_gaia} OR tmag <= {_BRIGHT:g})", "tic_gaia")
    of_tic = fetch_pieces(catalog, region, folder, remedy)
    pieces = fetch_pieces(_gaia(tmag_limit), region, folder, remedy)
    named = _together(_NO_NAMES, [_named_stars(kept_rows(piece)) for piece in of_tic])
    bright = _together(_NO_BRIGHT, [_bright_stars(kept_rows(piece), region) for piece in of_tic])
    pairs = _together(_NO_PAIRS, [_pairs(kept_rows(piece)) for piece in pieces])
    source_id, starid = match_to_tic(
        (pairs["source_id"], pairs["dr2_source_id"], pairs["angular_distance"], pairs["magnitude_difference"]),
        (named["starid"], named["dr2"]),
    )
    order = np.argsort(named["starid"])
    teff = named["teff"][order[np.searchsorted(named["starid"], starid, sorter=order)]]
    return _parts_of_gaia(pieces, (source_id, starid, teff), bright, region, tmag_limit)


def _parts_of_gaia(
    pieces: list[Path],
    of_tic: tuple[npt.NDArray[Any], ...],
    bright: _Columns,
    region: SkyRegion,
    tmag_limit: float,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a table of Gaia DR3, a piece at a time, and those of bright stars that it lacks."""
    seen = [np.empty((0, 3))]
    for piece in pieces:
        table = _table_of_gaia(kept_rows(piece), of_tic, region, tmag_limit)
        seen.append(table.loc[table["Tmag"] <= _BRIGHT + _AS_BRIGHT, ["ra", "dec", "Tmag"]].to_numpy())
        yield table
    yield _table_of_bright(bright, np.concatenate(seen), of_tic[1])


def _together(none: _Columns, parts: list[_Columns]) -> _Columns:
    """Put columns of several answers together; `none` has their names and kinds."""
    return {name: np.concatenate([empty, *(part[name] for part in parts)]) for name, empty in none.items()}


def _named_stars(rows: pd.DataFrame) -> _Columns:
    """Return the numbers in the TIC and in Gaia DR2, and the temperatures, of an answer's stars."""
    rows = rows[rows["gaia"] != ""]
    return {"starid": _integers(rows["id"]), "dr2": _integers(rows["gaia"]), "teff": _floats(rows["teff"])}


def _bright_stars(rows: pd.DataFrame, region: SkyRegion) -> _Columns:
    """Return the stars of an answer of the TIC that Gaia may lack, as they are too bright for it."""
    rows = rows[(rows["disposition"] == "") & (_floats(rows["tmag"]) <= _BRIGHT)]
    rows = rows[region.contains(_floats(rows["ra"]), _floats(rows["dec"]))]
    return {name: (_integers if name == "id" else _floats)(rows[name]) for name in _NO_BRIGHT}


def _table_of_bright(bright: _Columns, seen: npt.NDArray[np.float64], named: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return the bright stars of the TIC that Gaia lacks, as rows of a star table.

    Parameters
    ----------
    bright : dict of (n_bright,) arrays
        Stars of the TIC.
    seen : (n_seen, 3) float64
        Bright stars of Gaia: right ascension, declination (deg), T.
    named : (n_named,) int64
        TIC numbers of the stars of Gaia.
    """
    places = unit_vectors(seen[:, 0], seen[:, 1])
    lacking = ~np.isin(bright["id"], named)
    for star in np.flatnonzero(lacking):
        near = np.linalg.norm(places - unit_vectors(bright["ra"][star], bright["dec"][star]), axis=-1) <= _SAME_PLACE
        lacking[star] = not np.any(near & (np.abs(seen[:, 2] - bright["tmag"][star]) <= _AS_BRIGHT))
    if lacking.any():
        _log.info("%d bright stars that Gaia lacks are from the TIC", lacking.sum())
    found = pd.DataFrame({name: values[lacking] for name, values in bright.items()}).sort_values("id")
    names = {"id": "ID", "pmra": "pmRA", "pmdec": "pmDEC", "tmag": "Tmag", "teff": "Teff"}
    return found.rename(columns=names).reindex(columns=_GAIA_COLUMNS)


def _pairs(rows: pd.DataFrame) -> _Columns:
    """Return the pairs of stars of DR3 and DR2 of an answer."""
    rows = rows[rows["dr2_source_id"] != ""]
    kinds = (_integers, _integers, _floats, _floats)
    return {name: kind(rows[name]) for name, kind in zip(_PAIR, kinds, strict=True)}


def _table_of_gaia(
    rows: pd.DataFrame, of_tic: tuple[npt.NDArray[Any], ...], region: SkyRegion, tmag_limit: float
) -> pd.DataFrame:
    """Return the stars of an answer as rows of a star table; `of_tic`: numbers in DR3, in the TIC, temperatures, K."""
    source_id, first = np.unique(_integers(rows["source_id"]), return_index=True)
    number = {name: _floats(rows[name])[first] for name in ("ra", "dec", "pmra", "pmdec", "phot_g_mean_mag", "bp_rp")}
    ra, dec, pm_ra, pm_decl = places_at_j2000(number["ra"], number["dec"], number["pmra"], number["pmdec"])
    tmag, error = tess_magnitude(number["phot_g_mean_mag"], number["bp_rp"])
    known, starid, teff = of_tic
    place = np.minimum(np.searchsorted(known, source_id), max(len(known) - 1, 0))
    is_named = known[place] == source_id if len(known) else np.zeros(len(source_id), dtype=bool)
    ids, temperatures = gaia_starid(source_id), np.full(len(source_id), np.nan)
    ids[is_named], temperatures[is_named] = starid[place[is_named]], teff[place[is_named]]
    columns = (ids, ra, dec, pm_ra, pm_decl, tmag.round(_MAG_DIGITS), error, temperatures, source_id)
    table = pd.DataFrame(dict(zip(_GAIA_COLUMNS, columns, strict=True)))
    return table[(tmag <= tmag_limit) & region.contains(number["ra"], number["dec"])]


def _floats(texts: "pd.Series[str]") -> npt.NDArray[np.float64]:
    return np.asarray(pd.to_numeric(texts, errors="coerce"), dtype=np.float64)


def _integers(texts: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Read whole numbers without a way through floats, which have fewer digits than those of Gaia."""
    return np.array([int(text) for text in texts], dtype=np.int64)
