"""Light curves as lightkurve has them, of targets and of files: who measured them, which flux, which times."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from photometry.core.errors import ConfigError, InputFileError
from photometry.io.store.provenance import SOFTWARE

__all__ = ["AUTHOR", "columns_of", "lightkurve_of", "read_lightcurve"]

#: Who measured a light curve, as lightkurve has it.
AUTHOR = SOFTWARE.partition(" ")[0]
#: Fluxes of a file with their errors.
_FLUXES = {"flux": "flux_err", "corr_flux": "corr_flux_err", "sap_flux": "sap_flux_err"}
_FLUX_UNIT = units.electron / units.second
#: Names that lightkurve gives to columns of our files.
_RENAMED = {"mom_centr1": "centroid_col", "mom_centr2": "centroid_row"}


def read_lightcurve(path: str | Path, flux_column: str = "flux", quality_bitmask: str | int = "default") -> Any:
    """Read a light curve file of this package as a light curve of lightkurve (which has to be installed).

    ``lightkurve.read`` opens the files too, but calls them SPOC's, and takes FLUX whatever flux is asked for.

    Parameters
    ----------
    path : path-like
        The file.
    flux_column : str
        ``flux``: PSF flux; ``corr_flux``: that without what stars share; ``sap_flux``: aperture flux.
    quality_bitmask : str or int
        Cadences that are left out, as for ``lightkurve.read``: ``none``, ``default``, ``hard``, ``hardest`` or flags.

    Returns
    -------
    lightkurve.TessLightCurve
        AUTHOR is this package, FLUX_ORIGIN the column, LABEL and TARGETID the star; times are BTJD.

    Raises
    ------
    ValueError
        When the flux is not known.
    InputFileError
        When the file is none of this package.
    ImportError
        When lightkurve is not installed.
    """
    if flux_column not in _FLUXES:
        raise ConfigError(f"flux_column is {flux_column!r}, expected {' or '.join(map(repr, _FLUXES))}")
    with fits.open(path) as hdus:
        header = hdus[0].header
        if not str(header.get("CREATOR", "")).startswith(AUTHOR):
            raise InputFileError(path, "no light curve file of this package; use lightkurve.read")
        columns = {name.lower(): np.asarray(hdus["LIGHTCURVE"].data[name]) for name in hdus["LIGHTCURVE"].data.names}
        meta = {key: value for key, value in header.items() if key not in ("", "COMMENT", "HISTORY")}
    columns = {_RENAMED.get(name, name): values for name, values in columns.items()}
    return lightkurve_of(columns, meta | {"FILENAME": os.fspath(path)}, flux_column, quality_bitmask)


def columns_of(table: Table) -> dict[str, Any]:
    """Return the columns of a target's light curve by the names that lightkurve gives them, (n_cadence,) each.

    Centroids are 1-based, as in the files.
    """
    columns = {name: np.asarray(table[name]) for name in table.colnames if table[name].ndim == 1}
    centroid, motion = np.asarray(table["pos_centroid"]) + 1, np.asarray(table["pos_corr"])
    return columns | {
        "centroid_col": centroid[:, 0],
        "centroid_row": centroid[:, 1],
        "pos_corr1": motion[:, 0],
        "pos_corr2": motion[:, 1],
    }


def lightkurve_of(
    columns: dict[str, Any], meta: dict[str, Any], flux_column: str = "flux", quality_bitmask: str | int = "none"
) -> Any:
    """Return columns as a light curve of lightkurve.

    Parameters
    ----------
    columns : dict
        Arrays (n_cadence,) in native or FITS byte order: time (BTJD), fluxes (e-/s), quality and others.
    meta : dict
        OBJECT, TICID and what else is known.
    flux_column : str
        The flux.
    quality_bitmask : str or int
        As in `read_lightcurve`.
    """
    try:
        from lightkurve import TessLightCurve
        from lightkurve.utils import TessQualityFlags
    except ImportError as error:
        raise ImportError("lightkurve is not installed: pip install lightkurve") from error
    native = {name: np.asarray(v, dtype=np.asarray(v).dtype.newbyteorder("=")) for name, v in columns.items()}
    time = Time(native.pop("time"), format="btjd", scale="tdb")
    error_column = _FLUXES.get(flux_column, "flux_err")
    table = Table({"flux": native[flux_column] * _FLUX_UNIT, "flux_err": native[error_column] * _FLUX_UNIT})
    for name, values in native.items():
        if name not in table.colnames:
            is_flux = name.startswith(("flux", "corr_flux", "sap_flux"))
            table[name] = values * _FLUX_UNIT if is_flux else values
    table.meta = dict(meta) | {
        "AUTHOR": AUTHOR,
        "FLUX_ORIGIN": flux_column,
        "LABEL": meta["OBJECT"],
        "MISSION": "TESS",
        "TARGETID": meta["TICID"],
        "RA": meta.get("RA_OBJ"),
        "DEC": meta.get("DEC_OBJ"),
        "QUALITY_BITMASK": quality_bitmask,
    }
    kept = TessQualityFlags.create_quality_mask(native["quality"], bitmask=quality_bitmask)
    curve = TessLightCurve(time=time, data=table)[kept]
    curve.meta["QUALITY_MASK"] = kept
    return curve
