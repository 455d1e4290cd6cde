"""Pixels of a tile, flat, with the components of their noise."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from photometry.core.constants import SATURATION_E_S
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.scene.lone_pixels import lone_pixels

__all__ = ["TileData", "merged_trails", "saturated_pixels", "tile_data"]

#: Pixels above this share of full well are not linear enough to be fitted.
_SATURATION_SHARE = 0.95
#: Pixels on either end of a saturated run along the column that take up the rest of the bleeding charge.
_BLEED_PIXELS = 2
#: Cadences whose trails are merged at once: bounds the memory.
_CADENCES_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class TileData:
    """Pixels of a tile in all cadences.

    Charge that bleeds is not lost: the pixels of a bleed trail are merged into the trail's first pixel, which holds
    their sum, in the data as in the design matrices. The flux of a saturated star so rests on all its light.

    Parameters
    ----------
    stamp : Stamp
        The pixels, flattened row by row.
    images : (n_cadence, n_pixel) float32
        Flux less the large-scale background, e-/s; 0 where not valid.
    valid : (n_cadence, n_pixel) bool
        Measured, and no lone value (`photometry.scene.lone_pixels`); of a bleed trail, its first pixel where all of it
        was measured.
    sky : (n_cadence, n_pixel) float32
        Large-scale background of the single pixels, e-/s.
    usable : (n_pixel,) bool
        Pixels that are valid in some cadence.
    saturated : (n_pixel,) bool
        Pixels that saturate or take up bleeding charge.
    cut_off : (n_pixel,) bool
        Pixels of trails that are full in the first or last row: their charge goes on beyond it.
    merge : sparse (n_pixel, n_pixel) or None
        Sums bleed trails into their first pixels; None where nothing saturates.
    read_variance : (n_pixel,) float64
        Variance of a cadence by read noise, (e-/s)^2.
    exposure_s : float
        Photon accumulation time of a cadence, s.
    """

    stamp: Stamp
    images: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    sky: npt.NDArray[np.float32]
    usable: npt.NDArray[np.bool_]
    saturated: npt.NDArray[np.bool_]
    cut_off: npt.NDArray[np.bool_]
    merge: sparse.csr_matrix | None
    read_variance: npt.NDArray[np.float64]
    exposure_s: float

    @property
    def n_cadence(self) -> int:
        """Number of cadences."""
        return len(self.images)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Cadences in which a pixel is measured, (n_cadence,)."""
        return np.asarray(self.valid.any(axis=1))

    def of_cadences(self, which: npt.NDArray[np.int64]) -> "TileData":
        """Return the pixels of some cadences."""
        return replace(self, images=self.images[which], valid=self.valid[which], sky=self.sky[which])

    def variance(self, total: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the variance of pixels that hold `total` e-/s of stars and background, (..., n_pixel), (e-/s)^2."""
        return np.maximum(total, 0.0) / self.exposure_s + self.read_variance


def saturated_pixels(total: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Find the pixels of an image that saturate or lie in a bleed trail.

    Parameters
    ----------
    total : (n_row, n_column) float
        Stars and background, e-/s.

    Returns
    -------
    (n_row, n_column) bool
        Charge bleeds along columns only, so runs are lengthened along the column.
    """
    full = _full(total)
    along_column = np.zeros((3, 3), dtype=bool)
    along_column[:, 1] = True
    grown: npt.NDArray[np.bool_] = ndimage.binary_dilation(full, along_column, iterations=_BLEED_PIXELS)
    return grown


def _full(total: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Find the pixels of an image that are at full well."""
    return np.asarray(np.nan_to_num(total, nan=0.0) >= _SATURATION_SHARE * SATURATION_E_S)


def tile_data(cube: Cube, *, overwrite: bool = False) -> TileData:
    """Flatten a cube for the fit.

    Parameters
    ----------
    cube : Cube
        The pixels.
    overwrite : bool
        Whether the pixels of the cube may be overwritten, which no longer hold what was measured then: of many cadences
        a copy takes as much memory as all else.
    """
    images, sky = (pixels.reshape(cube.n_cadence, -1) for pixels in (cube.images, cube.backgrounds))
    has_sky, finite = np.isfinite(sky), np.isfinite(images)
    finite &= has_sky
    is_own = overwrite or not finite.all()
    if is_own:
        images, sky = (images, sky) if overwrite else (images.copy(), sky.copy())
        for pixels, measured in ((images, finite), (sky, has_sky)):
            if not measured.all():
                np.copyto(pixels, np.float32(0), where=~measured)
    total = _mean_of_finite(images, finite) + _mean_of_finite(sky, has_sky)
    saturated = saturated_pixels(total.reshape(cube.stamp.shape))
    # Pixels of a bleed trail vary by themselves.
    lone = lone_pixels(images, finite & ~saturated.ravel(), cube.stamp.shape)
    merge = merged_trails(saturated) if saturated.any() else None
    if not is_own and (lone.any() or merge is not None):
        images = images.copy()
    if lone.any():
        finite &= ~lone
        np.copyto(images, np.float32(0), where=lone)
    columns = np.tile(np.arange(cube.stamp.col_min, cube.stamp.col_max), cube.stamp.shape[0])
    read_variance = cube.exposure.read_variance(columns)
    if merge is not None:
        n_merged = np.asarray(merge.sum(axis=1), dtype=np.float32).ravel()
        _sum_trails(images, finite, merge, n_merged)
        # Merged pixels keep a variance, although it is not used.
        read_variance = np.where(n_merged > 0, merge @ read_variance, read_variance)
    return TileData(
        stamp=cube.stamp,
        images=images.astype(np.float32, copy=False),
        valid=finite,
        sky=sky.astype(np.float32, copy=False),
        usable=np.asarray(finite.any(axis=0)),
        saturated=saturated.ravel(),
        cut_off=_cut_off_trails(total.reshape(cube.stamp.shape), saturated).ravel(),
        merge=merge,
        read_variance=read_variance,
        exposure_s=cube.exposure.exposure_s,
    )


def _cut_off_trails(total: npt.NDArray[np.float64], saturated: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Find the pixels of the trails that are full in the first or last row, (n_row, n_column).

    Parameters
    ----------
    total : (n_row, n_column) float
        Stars and background, e-/s.
    saturated : (n_row, n_column) bool
        Pixels of all trails.
    """
    trails, _ = ndimage.label(saturated)
    ends = trails[[0, -1]][_full(total)[[0, -1]]]
    return np.asarray(np.isin(trails, ends), dtype=np.bool_)


def merged_trails(saturated: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return the matrix (n_pixel, n_pixel) that sums every bleed trail into its first pixel and keeps all other pixels.

    Parameters
    ----------
    saturated : (n_row, n_column) bool
        Pixels of all trails; those that touch along rows or columns are one trail.
    """
    trails, n_trail = ndimage.label(saturated)
    trails = trails.ravel()
    target = np.arange(trails.size)
    first = np.array([np.flatnonzero(trails == trail)[0] for trail in range(1, n_trail + 1)], dtype=np.int64)
    target[trails > 0] = first[trails[trails > 0] - 1]
    ones = np.ones(trails.size, dtype=np.float32)
    return sparse.csr_matrix((ones, (target, np.arange(trails.size))), shape=(trails.size, trails.size))


def _sum_trails(
    images: npt.NDArray[np.float32],
    finite: npt.NDArray[np.bool_],
    merge: sparse.csr_matrix,
    n_merged: npt.NDArray[np.floating],
) -> None:
    """Sum trails (n_cadence, n_pixel) in place; `n_merged` pixels are summed into each, 0 of those that have no sum."""
    for start in range(0, len(images), _CADENCES_AT_ONCE):
        some = slice(start, start + _CADENCES_AT_ONCE)
        finite[some] = (finite[some].astype(np.float32) @ merge.T == n_merged) & (n_merged > 0)
        images[some] = np.where(finite[some], images[some] @ merge.T, np.float32(0))


def _mean_of_finite(values: npt.NDArray[np.float32], finite: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Mean over cadences of values that are 0 where they are not finite; 0 for pixels without finite values."""
    total = np.ones(len(values), dtype=values.dtype) @ values
    return np.asarray(total / np.maximum(finite.sum(axis=0), 1), dtype=np.float64)
