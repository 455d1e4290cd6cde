"""Tables of results and of targets as ECSV files, with a unit and a description for every column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Column, Table

from photometry.core.cube import Pointing
from photometry.core.errors import InputFileError
from photometry.io.fits.damage import DAMAGED
from photometry.io.store.provenance import atomic_path

__all__ = ["RESULT_COLUMNS", "ColumnSpec", "read_ecsv", "results_table", "table_of", "write_ecsv"]

#: Value of an empty cell, by kind of column.
_MISSING: dict[str, Any] = {"int64": 0, "float64": np.nan, "str": ""}


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """Name, type (``int64``, ``float64``, ``str``), unit and description of a column."""

    name: str
    kind: str
    unit: str
    description: str


#: Columns of the index of a tile and of the summary.
RESULT_COLUMNS = (
    ColumnSpec("starid", "int64", "", "TIC number"),
    ColumnSpec("sector", "int64", "", "sector"),
    ColumnSpec("camera", "int64", "", "camera"),
    ColumnSpec("ccd", "int64", "", "CCD"),
    ColumnSpec("cadence", "int64", "s", "time from one cadence to the next"),
    ColumnSpec("status", "str", "", "OK, WARNING, ERROR or SKIPPED"),
    ColumnSpec("reason", "str", "", "why the status is not OK"),
    ColumnSpec("tmag", "float64", "mag", "TESS magnitude in the catalogue"),
    ColumnSpec("row", "float64", "pix", "mean CCD row, 0-based"),
    ColumnSpec("column", "float64", "pix", "mean CCD column, 0-based"),
    ColumnSpec("mean_flux", "float64", "electron / s", "mean PSF flux of the unflagged cadences"),
    ColumnSpec("mean_flux_err", "float64", "electron / s", "error of mean_flux from the errors of the cadences"),
    ColumnSpec("mean_flux_syst", "float64", "electron / s", "how far the static misfit may put mean_flux off"),
    ColumnSpec("median_flux", "float64", "electron / s", "median PSF flux"),
    ColumnSpec("variance", "float64", "electron2 / s2", "sample variance of the PSF flux"),
    ColumnSpec("rms_hour", "float64", "1e-6", "standard deviation of means over one hour over median_flux"),
    ColumnSpec("ptp", "float64", "1e-6", "robust standard deviation from differences of consecutive cadences"),
    ColumnSpec("variability", "float64", "1e-6", "robust scatter beyond the errors"),
    ColumnSpec("noise", "float64", "1e-6", "predicted noise of a cadence"),
    ColumnSpec("noise_hour", "float64", "1e-6", "predicted noise of one hour"),
    ColumnSpec("background", "float64", "electron / s", "median background per pixel at the star"),
    ColumnSpec("centroid_row", "float64", "pix", "median flux-weighted CCD row, 0-based"),
    ColumnSpec("centroid_column", "float64", "pix", "median flux-weighted CCD column, 0-based"),
    ColumnSpec("contamination", "float64", "", "share of other stars' light in the star's pixels, 0 to 1"),
    ColumnSpec("blend_correlation", "float64", "", "largest correlation of the flux with another star's"),
    ColumnSpec("chi2", "float64", "", "median reduced chi-squared of the pixels under the star"),
    ColumnSpec("chi2_mean", "float64", "", "reduced chi-squared of the mean image under the star"),
    ColumnSpec("mean_misfit", "float64", "", "error of the mean image's model over the light under the star"),
    ColumnSpec("n_trend", "int64", "", "trends that were taken off the flux"),
    ColumnSpec("noise_added", "float64", "", "scatter from cadence to cadence with that over without it, less 1"),
    ColumnSpec("correlation_left", "float64", "", "largest correlation of the corrected flux with a trend"),
    ColumnSpec("variability_kept", "float64", "", "scatter of the corrected flux over that less what neighbours have"),
    ColumnSpec("n_unflagged", "int64", "", "cadences whose QUALITY has none of the bits of quality_bitmask"),
    ColumnSpec("n_finite", "int64", "", "unflagged cadences with a flux"),
    ColumnSpec("fraction_finite", "float64", "", "n_finite / n_unflagged"),
    ColumnSpec("star_flags", "int64", "", "flags of the star, all cadences"),
    ColumnSpec("region", "str", "", "pixel file the star was measured in"),
    ColumnSpec("tile", "str", "", "tile the star was measured in"),
    ColumnSpec("file", "str", "", "light curve file below the output folder"),
    ColumnSpec("size", "int64", "byte", "size of the light curve file"),
    ColumnSpec("digest", "str", "", "SHA-256 of the light curve file"),
    ColumnSpec("stale", "str", "", "light curve file of an earlier run that belongs to no target"),
)


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[ColumnSpec]) -> Table:
    """Make a table of rows; cells that a row does not give are NaN, 0 or empty."""
    return Table(
        [
            Column(
                np.array([row.get(spec.name, _MISSING[spec.kind]) for row in rows], dtype=spec.kind),
                name=spec.name,
                unit=spec.unit or None,
                description=spec.description,
            )
            for spec in columns
        ]
    )


def results_table(rows: Sequence[Mapping[str, Any]], pointing: Pointing, cadence_s: int) -> Table:
    """Make a table of results of one region."""
    where = {"sector": pointing.sector, "camera": pointing.camera, "ccd": pointing.ccd, "cadence": cadence_s}
    return table_of([where | dict(row) for row in rows], RESULT_COLUMNS)


def write_ecsv(table: Table, path: str | Path) -> None:
    """Write a table; equal tables make equal bytes."""
    with atomic_path(path) as temporary:
        table.write(temporary, format="ascii.ecsv", overwrite=True)


def read_ecsv(path: str | Path, columns: Sequence[ColumnSpec]) -> Table:
    """Read a table that `write_ecsv` wrote.

    Raises
    ------
    InputFileError
        When it is missing, damaged, or lacks a column.
    """
    if not Path(path).is_file():
        raise InputFileError(path, "no such file")
    try:
        table = Table.read(path, format="ascii.ecsv")
    except DAMAGED as error:
        raise InputFileError(path, f"cannot be read as ECSV ({error}); delete it and run again") from error
    for name in table.colnames:
        if table[name].dtype.kind == "U" and hasattr(table[name], "mask"):
            table[name] = table[name].filled("")
    missing = [spec.name for spec in columns if spec.name not in table.colnames]
    if missing:
        raise InputFileError(path, f"lacks the columns {', '.join(missing)}; delete it and run again")
    return table
