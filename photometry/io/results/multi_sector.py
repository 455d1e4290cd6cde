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
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.io.fits.fits_files import open_fits
from photometry.io.results.listed_files import files_in_index
from photometry.io.store.provenance import atomic_path, digest_of

__all__ = ["light_curves_of", "write_multi_sector"]

#: Cards of the light curves' headers that hold for all sectors of a star.
_OF_STAR = (
    *("ORIGIN", "CREATOR", "PROCVER", "TELESCOP", "INSTRUME", "VERSION", "OBJECT", "TICID", "RADESYS"),
    *("RA_OBJ", "DEC_OBJ", "PMRA", "PMDEC", "PMTOTAL", "TESSMAG", "TEFF"),
)
_OF_TIME = ("TIMEREF", "TIMESYS", "BJDREFI", "BJDREFF", "TIMEUNIT")
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
    start = f"tess{starid:011d}-"
    listed = [one.file for index in indices for one in files_in_index(index)]
    return sorted({file for file in listed if Path(file).name.startswith(start)})


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
    named = [("NEXTEND", 2, "number of standard extensions"), ("EXTNAME", "PRIMARY", "name of extension")]
    header = fits.Header([*named, ("OBJECT", f"TIC {starid}", "target")])
    if parts:
        first, last = parts[0][0][0].header, parts[-1][0][0].header
        header.extend((first.cards[name] for name in _OF_STAR if name in first), update=True)
        header.extend((first.cards[name] for name in ("TSTART", "DATE-OBS")), update=True)
        header.extend((last.cards[name] for name in ("TSTOP", "DATE-END")), update=True)
    header["NSECTOR"] = (len(parts), "light curves that were put together")
    return fits.PrimaryHDU(header=header)


def _light_curve(parts: Sequence[tuple[fits.HDUList, Mapping[str, Any]]]) -> fits.BinTableHDU:
    tables = [part[1] for part, _ in parts]
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
        hdu.header.extend((tables[0].header.cards[name] for name in _OF_TIME if name in tables[0].header), update=True)
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
