"""What the page shows of a region as a whole: cadences, flags, motion, background, mean image, expected noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel
from photometry.core.cube import CubeHeader
from photometry.core.datasources import DATASOURCES
from photometry.core.geometry import Stamp
from photometry.core.quality import TESS_QUALITY
from photometry.core.stars import Stars
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.lightcurve.noise import BOUND_PPM, expected_noise
from photometry.pages.packed_tiles import ApertureComparison
from photometry.pages.packing import deflated, numbers, rounded, unpacked

__all__ = ["BadFrame", "RegionOverview", "TileSummary", "facts_of", "pack_region"]

#: Rows and columns of the map, at most: pixels of larger images are averaged.
_MAP_SIZE = 512
#: Frames that were left out and are named, at most.
_MOST_NAMED = 200
#: Magnitudes between which the expected noise is given.
_TMAGS = np.arange(4.0, 18.01, 0.25)


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A full-frame image that cannot be used, and why."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class TileSummary:
    """What the page needs of a tile for the region as a whole.

    Parameters
    ----------
    tile : str
        Its name.
    starid : (n_target,) int64
        Targets that have a light curve.
    comparison : ApertureComparison
        Of these, (n_target,).
    background : (n_cadence,) float64
        Median background at its stars, e-/s per pixel; NaN without a star.
    prf_source : str
        The PRF that it was fitted with.
    """

    tile: str
    starid: npt.NDArray[np.int64]
    comparison: ApertureComparison
    background: npt.NDArray[np.float64]
    prf_source: str

    @classmethod
    def of(cls, tile: str, packed: Mapping[str, Any]) -> "TileSummary":
        """Take it from what `photometry.pages.packed_tiles.pack_tile` packed."""
        numbers_of = {name: unpacked(packed[name]).astype(np.float64) for name in ("level", "scatter", "background")}
        return cls(
            tile,
            unpacked(packed["targets"]).astype(np.int64),
            ApertureComparison(numbers_of["level"], numbers_of["scatter"]),
            numbers_of["background"],
            packed["prf_source"],
        )


@dataclass(frozen=True, slots=True)
class RegionOverview:
    """A region as a whole.

    Parameters
    ----------
    name : str
        Name of the region.
    header : CubeHeader
        Header of its cube.
    kernel : MovementKernel
        Its motion.
    image : (n_row, n_column) float32
        Mean image, e-/s; NaN where never measured.
    unlisted : Stars
        Stars that the star table lacks.
    bad_frames : sequence of BadFrame
        Full-frame images of a CCD that cannot be used.
    n_missing : int
        Cadences of a CCD between the first and the last that have no file.
    tiles : sequence of TileSummary
        Its tiles with targets.
    """

    name: str
    header: CubeHeader
    kernel: MovementKernel
    image: npt.NDArray[np.float32]
    unlisted: Stars
    bad_frames: Sequence[BadFrame]
    n_missing: int
    tiles: Sequence[TileSummary]


def facts_of(series: RegionOverview) -> dict[str, Any]:
    """Return the few numbers by which regions are compared in the overview of a run."""
    header, kernel = series.header, series.kernel
    pointing, good = header.pointing, header.usable & ~kernel.bad
    shifts = kernel.shifts(*header.stamp.center)
    return {
        "region": series.name,
        "datasource": pointing.datasource,
        "whole_ccd": DATASOURCES[pointing.datasource].whole_ccd,
        "sector": pointing.sector,
        "camera": pointing.camera,
        "ccd": pointing.ccd,
        "cadence_s": header.exposure.cadence_s,
        "n_cadence": header.n_cadence,
        "n_flagged": int((~header.usable).sum()),
        "n_bad_frame": len(series.bad_frames),
        "n_missing": series.n_missing,
        "n_motion_bad": int(kernel.bad.sum()),
        "motion_mpix": rounded(1000 * float(np.hypot(*(np.std(each[0, good]) for each in shifts))), 4)
        if good.any()
        else None,
        "sky": rounded(_sky(series), 4),
        "start": rounded(float(header.time[0]), 9) if header.n_cadence else None,
        "end": rounded(float(header.time[-1]), 9) if header.n_cadence else None,
    }


def pack_region(series: RegionOverview) -> dict[str, Any]:
    """Pack what the page shows of a region; see the functions of its parts."""
    header, stamp = series.header, series.header.stamp
    comparisons = [tile.comparison for tile in series.tiles]
    return facts_of(series) | {
        "time": numbers(header.time, "f8"),
        "cadenceno": numbers(header.cadenceno, "i4"),
        "quality": numbers(header.quality, "i4"),
        "bitmask": header.quality_bitmask,
        "flags": _flag_counts(header),
        "motion": _motion(series.kernel, stamp),
        "background": _background(series),
        "stamp": [stamp.row_min, stamp.row_max, stamp.col_min, stamp.col_max],
        "image": _map_image(series.image),
        "noise": _noise(header, _sky(series)),
        "bad_frames": [[frame.name, frame.status, frame.reason] for frame in series.bad_frames[:_MOST_NAMED]],
        "unlisted": {
            "row": numbers(series.unlisted.row + series.kernel.offset[0]),
            "column": numbers(series.unlisted.column + series.kernel.offset[1]),
            "tmag": numbers(series.unlisted.tmag),
        },
        "prf_source": next((tile.prf_source for tile in series.tiles), ""),
        "table_doubt": series.kernel.table_doubt,
        "tiles": [tile.tile for tile in series.tiles],
        "comparison": {
            "starid": numbers(np.concatenate([np.empty(0), *(tile.starid for tile in series.tiles)]), "f8"),
            "level": numbers(np.concatenate([np.empty(0), *(each.level for each in comparisons)])),
            "scatter": numbers(np.concatenate([np.empty(0), *(each.scatter for each in comparisons)])),
        },
    }


def _flag_counts(header: CubeHeader) -> list[dict[str, Any]]:
    """Return the flags of cadences that are set, how often, and whether these cadences are left out of means."""
    counts = [(flag, int(((header.quality & flag.value) != 0).sum())) for flag in TESS_QUALITY]
    return [
        {
            "name": flag.name,
            "meaning": flag.meaning,
            "count": count,
            "excludes": bool(flag.value & header.quality_bitmask),
        }
        for flag, count in counts
        if count
    ]


def _motion(kernel: MovementKernel, stamp: Stamp) -> dict[str, Any]:
    """Shifts in the middle and in the four corners, (5, n_cadence) each, 0.001 px."""
    rows = [stamp.center[0], stamp.row_min, stamp.row_min, stamp.row_max - 1, stamp.row_max - 1]
    columns = [stamp.center[1], stamp.col_min, stamp.col_max - 1, stamp.col_min, stamp.col_max - 1]
    row, column = kernel.shifts(rows, columns)
    return {
        "row": numbers(1000 * row),
        "column": numbers(1000 * column),
        "bad": numbers(kernel.bad, "u1"),
        "source": kernel.source,
    }


def _backgrounds(series: RegionOverview) -> npt.NDArray[np.float64]:
    """Return the backgrounds of the tiles with stars, (n_tile, n_cadence)."""
    found = [tile.background for tile in series.tiles if np.isfinite(tile.background).any()]
    return np.array(found).reshape(len(found), series.header.n_cadence)


def _background(series: RegionOverview) -> dict[str, Any]:
    """Lowest, median and highest of the tiles' backgrounds in each cadence."""
    known = _backgrounds(series)
    some = np.isfinite(known).any(axis=0)
    found = {name: np.full(series.header.n_cadence, np.nan) for name in ("low", "median", "high")}
    for name, function in (("low", np.nanmin), ("median", np.nanmedian), ("high", np.nanmax)):
        if some.any():
            found[name][some] = function(known[:, some], axis=0)
    return {name: numbers(values) for name, values in found.items()}


def _sky(series: RegionOverview) -> float:
    """Typical background of unflagged cadences, e-/s per pixel; NaN where there is none."""
    values = _backgrounds(series)[:, series.header.usable]
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _noise(header: CubeHeader, sky: float) -> dict[str, Any]:
    """Return the expected noise of isolated stars, ppm, and the bound of the joint fit in an hour."""
    known = sky if np.isfinite(sky) else 0.0
    hour, cadence = (expected_noise(_TMAGS, header.exposure, known, hours) for hours in (1.0, None))
    return {
        "tmag": numbers(_TMAGS),
        "hour": numbers(hour),
        "cadence": numbers(cadence),
        "bound": [list(pair) for pair in BOUND_PPM],
    }


def _map_image(image: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Return the mean image in 254 steps of an asinh stretch, which shows faint and bright stars; 255 is no value."""
    size = -(-max(image.shape) // _MAP_SIZE)
    n_row, n_column = (-(-length // size) for length in image.shape)
    padded = np.full((n_row * size, n_column * size), np.nan)
    padded[: image.shape[0], : image.shape[1]] = image
    blocks = padded.reshape(n_row, size, n_column, size)
    finite = np.isfinite(blocks)
    number = finite.sum(axis=(1, 3))
    mean = np.where(finite, blocks, 0.0).sum(axis=(1, 3)) / np.maximum(number, 1)
    known = mean[number > 0]
    low, middle, high = np.percentile(known, [1, 50, 99.8]) if len(known) else (0.0, 0.0, 1.0)
    width = max(
        2 * MAD_TO_SIGMA * float(np.median(np.abs(known - middle))) if len(known) else 1.0, (high - low) / 1000, 1e-6
    )
    stretched = np.arcsinh((mean - low) / width) / np.arcsinh(max(high - low, 1e-6) / width)
    steps = np.where(number > 0, np.rint(253 * np.clip(stretched, 0, 1)), 255).astype(np.uint8)
    return {"shape": [n_row, n_column], "bin": size, "packed": deflated([steps])}
