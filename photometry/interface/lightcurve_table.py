"""Light curves as tables, and what is said of them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.table import Column, Table

from photometry.core.barycentre import barycentric_correction
from photometry.core.cube import CubeHeader
from photometry.core.errors import ConfigError
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_QUALITY, bit, is_usable
from photometry.interface.stamps import moved_mask
from photometry.lightcurve.columns import FLUX_UNIT, table_columns
from photometry.lightcurve.light_curve import APERTURE_USED, LightCurve
from photometry.lightcurve.metrics import Metrics, light_curve_metrics

__all__ = [
    "blank_curve",
    "cadences_of",
    "curve_with_stamp",
    "curve_with_table",
    "empty_table",
    "fill_table",
    "has_values",
    "table_metrics",
    "unmeasured",
]

#: Units that astropy writes otherwise than FITS files.
_UNITS = {FLUX_UNIT: "electron / s"}
#: Columns that are known before the photometry, and those of them that a light curve is written with as it is.
_KNOWN, _FIXED = ("time", "timecorr", "cadenceno", "quality"), ("cadenceno",)


@dataclass(frozen=True, slots=True)
class _Series:
    """What the metrics need of a light curve, (1, n_cadence) each."""

    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    centroid_row: npt.NDArray[np.float32]
    centroid_column: npt.NDArray[np.float32]
    chi2: npt.NDArray[np.float32]


def empty_table(header: CubeHeader, ra: float, dec: float, motion: npt.NDArray[np.float64] | None = None) -> Table:
    """Return a light curve without fluxes.

    Parameters
    ----------
    header : CubeHeader
        Header of the cube: times, numbers and flags of the cadences.
    ra, dec : float
        Position of the star, deg, for its own barycentric correction where the cube's is that of the CCD's middle.
    motion : (n_cadence, 2) float64, optional
        Change of its column and row, pixels, where that is known.

    Returns
    -------
    Table
        time (BTJD, d), timecorr (d), cadenceno, quality; flux, flux_err, flux_background (e-/s), pos_centroid, pos_corr
        (column and row, pixels): NaN, but for a motion that is known.
    """
    time, timecorr = header.time, header.timecorr
    if header.ephemeris is not None:
        exact = barycentric_correction(header.ephemeris.position, ra, dec)
        time, timecorr = time - timecorr + exact, exact.astype(np.float32)
    known: dict[str, npt.NDArray[Any]] = {
        "time": time,
        "timecorr": timecorr,
        "cadenceno": header.cadenceno,
        "quality": header.quality,
    }
    shown = table_columns()
    unknown = {
        name: np.full((len(time), len(parts)) if len(parts) > 1 else len(time), np.nan)
        for name, parts in shown.items()
        if name not in known
    }
    if motion is not None:
        unknown["pos_corr"] = motion
    return Table(
        [
            Column(
                values.copy(),
                name,
                unit=_UNITS.get(shown[name][0].unit, shown[name][0].unit) or None,
                description=shown[name][0].description or shown[name][0].comment,
            )
            for name, values in (known | unknown).items()
        ]
    )


def unmeasured(table: Table, empty: Table) -> Table:
    """Return a light curve without results: the same table where it has all cadences and columns, else the empty one.

    Parameters
    ----------
    table : Table
        What there is; columns that are not of `empty_table` stay.
    empty : Table
        As `empty_table` makes it.
    """
    if len(table) != len(empty) or not set(empty.colnames) <= set(table.colnames):
        return empty
    for name in empty.colnames:
        if name not in _KNOWN:
            table[name] = empty[name]
    return table


def fill_table(table: Table, curve: LightCurve) -> None:
    """Put a light curve into a table of `empty_table`; the times stay."""
    for name, parts in table_columns().items():
        if name not in _KNOWN:
            values = [getattr(curve, part.field) for part in parts]
            table[name][:] = np.stack(values, axis=1) if len(parts) > 1 else values[0]


def has_values(table: Table, name: str) -> bool:
    """Tell whether any value of a column is finite."""
    return bool(np.isfinite(np.ma.filled(np.ma.asarray(table[name], dtype=np.float64), np.nan)).any())


def blank_curve(starid: int, header: CubeHeader, stamp: Stamp, sum_image: npt.NDArray[np.float32]) -> LightCurve:
    """Return a light curve without fluxes, to be filled from a table.

    Parameters
    ----------
    starid : int
        TIC number.
    header : CubeHeader
        Header of the cube.
    stamp : Stamp
        Pixels of the images.
    sum_image : (n_row, n_column) float32
        Mean image, e-/s.
    """
    n_cadence = len(header.time)
    nothing = np.full(n_cadence, np.nan, dtype=np.float32)
    return LightCurve(
        starid=starid,
        time=header.time,
        timecorr=header.timecorr,
        cadenceno=header.cadenceno,
        flux=nothing,
        flux_err=nothing,
        corr_flux=nothing,
        corr_flux_err=nothing,
        background=nothing,
        aperture_flux=nothing,
        aperture_flux_err=nothing,
        quality=header.quality,
        pixel_quality=np.zeros(n_cadence, dtype=np.int32),
        centroid_row=nothing.astype(np.float64),
        centroid_column=nothing.astype(np.float64),
        row_shift=nothing,
        column_shift=nothing,
        stamp=stamp,
        sum_image=sum_image.astype(np.float32),
        aperture=header.aperture[stamp.slices_in(header.stamp)].astype(np.int32),
    )


def cadences_of(table: Table, header: CubeHeader) -> npt.NDArray[np.int64]:
    """Return the places of a table's cadences among those of the cube: all of them, or some that were chosen.

    Parameters
    ----------
    table : Table
        As `empty_table` makes it; rows may have been left out.
    header : CubeHeader
        Header of the cube.

    Raises
    ------
    ConfigError
        When columns are missing, or the rows are not cadences of the cube in their order, each once.
    """
    missing = [name for name in table_columns() if name not in table.colnames]
    if missing:
        raise ConfigError(f"lightcurve lacks the columns {', '.join(missing)}, which its file has")
    places = {number: place for place, number in enumerate(header.cadenceno.tolist())}
    numbers = np.asarray(table["cadenceno"]).tolist()
    unknown = [number for number in numbers if number not in places]
    if unknown:
        raise ConfigError(
            f"lightcurve has the cadence number {unknown[0]}, which the pixels do not have: rows may be left out, "
            "but times that are binned or folded are no cadences; save them with astropy's Table.write"
        )
    which = np.array([places[number] for number in numbers], dtype=np.int64)
    if (np.diff(which) <= 0).any():
        raise ConfigError("lightcurve is not in the order of its cadences, each once: sort it by cadenceno")
    return which


def curve_with_table(curve: LightCurve, table: Table, which: npt.NDArray[np.int64]) -> LightCurve:
    """Return a light curve with what a table says, as it is written.

    Parameters
    ----------
    curve : LightCurve
        Images, aperture flux and flags, in all cadences.
    table : Table
        Times, fluxes, background, positions.
    which : (n_row of the table,) int64
        Its cadences, by `cadences_of`.
    """
    series: dict[str, Any] = {
        field.name: value[which] for field in fields(curve) if np.ndim(value := getattr(curve, field.name)) == 1
    }
    series |= _series_of(table)
    finite = np.isfinite(series["flux"]) & np.isfinite(series["flux_err"])
    nothing = np.float32(np.nan)
    series |= {name: np.where(finite, series[name], nothing) for name in ("flux", "flux_err")}
    not_fitted, flags = bit(PIXEL_QUALITY, "not_fitted"), series["pixel_quality"]
    series["pixel_quality"] = np.where(finite, flags & ~not_fitted, flags | not_fitted).astype(np.int32)
    return replace(curve, **series)


def curve_with_stamp(
    curve: LightCurve,
    stamp: Stamp,
    sum_image: npt.NDArray[np.float32],
    aperture: npt.NDArray[np.int32],
    mask: npt.NDArray[np.bool_] | None,
) -> LightCurve:
    """Return a light curve with the images of a stamp.

    Parameters
    ----------
    curve : LightCurve
        The light curve.
    stamp : Stamp
        The pixels.
    sum_image, aperture : (n_row, n_column)
        Mean image, e-/s, and flags of the pixels.
    mask : (n_row, n_column) bool, or None
        Pixels that were used for the flux: flagged in the aperture. None: those that the light curve has flagged.

    Raises
    ------
    ValueError
        When the mask has another shape than the stamp.
    """
    if mask is None:
        mask = moved_mask(curve.aperture & APERTURE_USED > 0, curve.stamp, stamp)
    if mask.shape != stamp.shape:
        raise ValueError(f"a mask has shape {mask.shape}, expected {stamp.shape} as the stamp")
    flags = np.where(mask, aperture | APERTURE_USED, aperture & ~APERTURE_USED).astype(np.int32)
    return replace(curve, stamp=stamp, sum_image=sum_image.astype(np.float32), aperture=flags)


def _series_of(table: Table) -> dict[str, Any]:
    """Return the arrays (n_cadence,) that a table gives a light curve, by its fields; cadence numbers stay."""
    return {
        part.field: np.asarray(table[name][:, place] if len(parts) > 1 else table[name], dtype=part.kind)
        for name, parts in table_columns().items()
        if name not in _FIXED
        for place, part in enumerate(parts)
    }


def table_metrics(table: Table, cadence_s: float, quality_bitmask: int) -> Metrics:
    """Return the metrics of a light curve, one element for each; those that it does not tell are NaN."""

    def series(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
        return np.asarray(values, dtype=np.float32)[None]

    one = _Series(
        flux=series(table["flux"]),
        flux_err=series(table["flux_err"]),
        background=series(table["flux_background"]),
        centroid_row=series(table["pos_centroid"][:, 1]),
        centroid_column=series(table["pos_centroid"][:, 0]),
        chi2=series(np.full(len(table), np.nan)),
    )
    usable = is_usable(table["quality"], quality_bitmask)
    return light_curve_metrics(one, usable, np.asarray(table["cadenceno"]), cadence_s)
