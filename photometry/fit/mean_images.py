"""Mean of a tile's good cadences: the pixels, the model, and what it leaves of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.cube import Cube
from photometry.fit.cadence_fit import CadenceFit
from photometry.scene.tile_data import TileData

__all__ = ["MeanImages", "left_in", "mean_images", "measured_image"]

#: Cadences that are averaged at once: bounds the memory.
_CADENCES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class MeanImages:
    """Means over the good cadences in which a pixel counts: neither unmeasured nor an outlier.

    Every array is (n_pixel,); bleed trails are merged as in `photometry.scene.tile_data.TileData`.

    Parameters
    ----------
    image : float64
        Pixels less the large-scale background, e-/s; NaN where a pixel never counts.
    residual : float64
        What the model leaves of them, e-/s; NaN where a pixel never counts.
    count : float64
        Number of cadences.
    """

    image: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    count: npt.NDArray[np.float64]

    @property
    def model(self) -> npt.NDArray[np.float64]:
        """Mean of the model of the same cadences: motion, widths, flux deviations and background as fitted, e-/s."""
        return self.image - self.residual


def left_in(fit: CadenceFit, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the sum of what the fit of some cadences leaves of the good ones, and their number: (2, n_pixel)."""
    which = good[fit.cadences].astype(np.float32)
    return np.stack([fit.residual @ which, fit.valid @ which]).astype(np.float64)


def mean_images(
    data: TileData,
    good: npt.NDArray[np.bool_],
    mean_residual: npt.NDArray[np.float64],
    left: npt.NDArray[np.float64],
) -> MeanImages:
    """Average the good cadences of a tile.

    The model is not put together again from its parts: it is the pixels less what the fit has left of them.

    Parameters
    ----------
    data : TileData
        The pixels, outliers not valid.
    good : (n_cadence,) bool
        Cadences that count.
    mean_residual : (n_pixel,) float64
        What was subtracted before the fit, e-/s (`photometry.scene.tile_state.TileState`).
    left : (2, n_pixel) float64
        Sum of `left_in` over all fits.
    """
    total = np.zeros(data.stamp.n_pixel)
    for start in range(0, data.n_cadence, _CADENCES_AT_ONCE):
        some = slice(start, start + _CADENCES_AT_ONCE)
        counted = data.valid[some] & good[some, None]
        total += np.where(counted, data.images[some], np.float32(0)).sum(axis=0, dtype=np.float64)
    count = left[1]
    share = np.divide(1.0, count, out=np.full(len(count), np.nan), where=count > 0)
    return MeanImages(total * share, mean_residual + left[0] * share, count)


def measured_image(cube: Cube, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the mean of the good images as they were measured, (n_row, n_column), e-/s; NaN where none was."""
    images = cube.images.reshape(cube.n_cadence, -1)
    total, count = np.zeros(images.shape[1]), np.zeros(images.shape[1])
    for start in range(0, len(images), _CADENCES_AT_ONCE):
        some, block = (values[start : start + _CADENCES_AT_ONCE] for values in (good, images))
        of_block, n_some = (some.astype(images.dtype) @ block).astype(np.float64), np.full(len(total), some.sum())
        # Pixels that were not measured in some cadence, be it a flagged one, leave no number.
        gaps = np.flatnonzero(~np.isfinite(of_block))
        finite = np.isfinite(block[:, gaps]) & some[:, None]
        of_block[gaps] = np.where(finite, block[:, gaps], 0).sum(axis=0, dtype=np.float64)
        n_some[gaps] = finite.sum(axis=0)
        total, count = total + of_block, count + n_some
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean.reshape(cube.stamp.shape)
