"""One file with the light curves of a star in all sectors: cadences one after the other, and a row for every sector.

Nothing is shifted or scaled: fluxes of different sectors come from different pixels and PRFs, and how far they are
apart stands beside them. Which part of that is the star's own change cannot be known.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry.core.quality import is_usable
from photometry.core.stars import star_name
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.io.fits.fits_bytes import CardItem
from photometry.io.fits.fits_files import open_fits
from photometry.io.results.lightcurve_cards import LONG_TEXTS
from photometry.io.results.listed_files import files_in_index
from photometry.io.store.provenance import atomic_path, digest_of
from photometry.lightcurve.columns import FLUX_COMMENTS, LIGHT_CURVE_COLUMNS
from photometry.lightcurve.names import named_curve

__all__ = ["light_curves_of", "write_multi_sector"]

#: Cards of the light curves' headers that hold for all sectors of a star.
_OF_STAR = (
    *("ORIGIN", "CREATOR", "PROCVER", "MISSION", "OBSERVAT", "TELESCOP", "INSTRUME", "FILTER", "TIMESYS", "VERSION"),
    *("OBJECT", "TICID", "RADESYS", "RA_OBJ", "DEC_OBJ", "RA_TARG", "DEC_TARG", "PMRA", "PMDEC", "PMTOTAL", "TESSMAG"),
    *("TEFF", "HLSPID", "HLSPNAME", "HLSPLEAD", "HLSPVER", "HLSPTARG", "DOI", "LICENSE", "LICENURL"),
)
#: Cards of the first and of the last light curve.
_FIRST, _LAST = ("TSTART", "DATE-OBS", "MJD-BEG"), ("TSTOP", "DATE-END", "MJD-END")
#: Cards of the table, beside its comments.
_OF_TABLE = ("FILTER", "RADESYS", "RA_TARG", "DEC_TARG", "TIMEREF", "TIMESYS", "BJDREFI", "BJDREFF", "TIMEUNIT")
_OF_SECTOR = ("SECTOR", "CAMERA", "CCD", "CADENCE")
#: Columns of the table of sectors: format, unit, meaning.
_SECTORS = {
    "SECTOR": ("J", "", "sector"),
    "CAMERA": ("J", "", "camera"),
    "CCD": ("J", "", "CCD"),
    "CADENCE": ("J", "s", "time from one cadence to the next"),
    "STATUS": ("8A", "", "how the photometry ended"),
    "N_GOOD": ("J", "", "unflagged cadences with a flux"),
    "MEDIAN_FLUX": ("D", "e-/s", "median of their fluxes"),
    "MEDIAN_FLUX_ERR": ("D", "e-/s", "its standard error by the scatter"),
    "FLUX_SYST": ("D", "e-/s", "how far the mean flux may be off"),
    "OFFSET": ("D", "", "median flux over that of all sectors, minus 1"),
    "FILE": ("100A", "", "light curve"),
    "SHA256": ("64A", "", "its digest"),
}


def light_curves_of(starid: int, indices: Sequence[str | Path]) -> list[str]:
    """Return the light curve files of a star that indices of tiles list, below the output folder, sorted."""
    listed = {one.file for index in indices for one in files_in_index(index)}
    return sorted(file for file in listed if (named := named_curve(Path(file).name)) and named.starid == starid)


def write_multi_sector(path: str | Path, starid: int, output: str | Path, files: Sequence[str]) -> None:
    """Write the light curves of a star in one file.

    Parameters
    ----------
    path : path-like
        The file.
    starid : int
        TIC number.
    output : path-like
        Folder that the light curves are in.
    files : sequence of str
        Light curves below it; there may be none, which makes a file with empty tables.

    Raises
    ------
    InputFileError
        When a light curve is missing or damaged.
    """
    parts = sorted((_read(Path(output, file), file) for file in files), key=lambda part: part[1]["TIME_OF"])
    sectors = [row for _, row in parts]
    medians = [row["MEDIAN_FLUX"] for row in sectors if np.isfinite(row["MEDIAN_FLUX"])]
    reference = float(np.median(medians)) if medians else np.nan
    for row in sectors:
        row["OFFSET"] = row["MEDIAN_FLUX"] / reference - 1
    hdus = fits.HDUList([_primary(starid, parts), _light_curve(parts), _table_of(sectors, reference)])
    for one in hdus:
        # No date: equal content, equal bytes.
        one.add_checksum(when="HDU checksum")
    written = BytesIO()
    hdus.writeto(written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getvalue())


def _read(path: Path, file: str) -> tuple[fits.HDUList, dict[str, Any]]:
    """Return a light curve and its row in the table of sectors."""
    with open_fits(path) as hdus:
        copy = fits.HDUList([hdu.copy() for hdu in hdus[:2]])
    header, table = copy[0].header, copy[1].data
    good = is_usable(table["QUALITY"], int(header["QBITMASK"])) & np.isfinite(table["FLUX"])
    flux = np.asarray(table["FLUX"][good], dtype=np.float64)
    median = float(np.median(flux)) if len(flux) else np.nan
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(flux - median))) if len(flux) else np.nan
    row = {name: header[name] for name in _OF_SECTOR} | {
        "STATUS": header["STATUS"],
        "N_GOOD": len(flux),
        "MEDIAN_FLUX": median,
        # The median of normal deviates scatters by sqrt(pi / 2) times the error of their mean.
        "MEDIAN_FLUX_ERR": scatter * float(np.sqrt(np.pi / 2 / max(len(flux), 1))),
        "FLUX_SYST": header.get("FLUXSYST", np.nan),
        "FILE": file,
        "SHA256": digest_of(path),
        "TIME_OF": (float(header["TSTART"]), file),
    }
    return copy, row


def _primary(starid: int, parts: Sequence[tuple[fits.HDUList, Mapping[str, Any]]]) -> fits.PrimaryHDU:
    named = [("NEXTEND", 2, "number of standard extensions"), ("EXTNAME", "PRIMARY", "name of extension"), LONG_TEXTS]
    header = fits.Header([*named, ("OBJECT", star_name(starid), "target")])
    if parts:
        headers = [hdus[0].header for hdus, _ in parts]
        for source, names in ((headers[0], (*_OF_STAR, *_FIRST)), (headers[-1], _LAST)):
            header.extend((source.cards[name] for name in names if name in source), update=True)
        header.extend(_of_all(headers))
    header["NSECTOR"] = (len(parts), "light curves that were put together")
    return fits.PrimaryHDU(header=header)


def _of_all(headers: Sequence[fits.Header]) -> list[CardItem]:
    """Return the cards that hold for all light curves together."""
    middle = (headers[0]["MJD-BEG"] + headers[-1]["MJD-END"]) / 2
    exposed = sum(header["XPOSURE"] for header in headers)
    items: list[CardItem] = [
        ("MJD-MID", middle, "[d] middle of TSTART and TSTOP as MJD, TDB"),
        ("XPOSURE", exposed, "[s] time on source, all cadences"),
    ]
    if any(header.get("SIMULATD") for header in headers):
        items.append(("SIMULATD", True, "the pixels of a sector at least are simulated"))
    return items


def _light_curve(parts: Sequence[tuple[fits.HDUList, Mapping[str, Any]]]) -> fits.BinTableHDU:
    tables = [part[1] for part, _ in parts]
    meanings = {name: meaning for name, (_, _, meaning) in _SECTORS.items()}
    meanings |= {column.name: column.comment for column in LIGHT_CURVE_COLUMNS}
    columns = []
    for column in tables[0].columns if tables else ():
        array = np.concatenate([table.data[column.name] for table in tables])
        columns.append(fits.Column(column.name, column.format, column.unit, disp=column.disp, array=array))
    for name in _OF_SECTOR:
        values: list[npt.NDArray[np.int32]] = [
            np.full(len(part[1].data), row[name], dtype=np.int32) for part, row in parts
        ]
        kind, unit, _ = _SECTORS[name]
        array = np.concatenate(values) if values else np.empty(0, dtype=np.int32)
        columns.append(fits.Column(name, kind, unit or None, array=array))
    hdu = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    if tables:
        source = tables[0].header
        hdu.header.extend((source.cards[name] for name in _OF_TABLE if name in source), update=True)
        for number, name in enumerate(hdu.columns.names, 1):
            hdu.header.comments[f"TTYPE{number}"] = meanings[name]
        for line in FLUX_COMMENTS:
            hdu.header.add_comment(line)
    return hdu


def _table_of(sectors: Sequence[Mapping[str, Any]], reference: float) -> fits.BinTableHDU:
    columns = [
        fits.Column(name, kind, unit or None, array=np.array([row[name] for row in sectors]))
        for name, (kind, unit, _) in _SECTORS.items()
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name="SECTORS")
    for number, (_, _, meaning) in enumerate(_SECTORS.values(), 1):
        hdu.header.comments[f"TTYPE{number}"] = meaning
    if np.isfinite(reference):
        hdu.header["REFFLUX"] = (reference, "[e-/s] median of the sectors' median fluxes")
    return hdu
