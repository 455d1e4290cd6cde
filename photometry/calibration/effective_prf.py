"""Effective PRF: the given PRF convolved with a small kernel that is learnt from the data.

Focus, jitter within an exposure and charge transfer make the true PRF differ from the delivered one by a few per
cent. The correction is a sum of the PRF moved by up to two thirds of a pixel,

    R'(x) = R(x) + sum_j k_j (R(x - s_j) - R(x)),

so that the sum of the PRF stays 1 whatever the k_j, and with it the flux scale. The k_j are solved together with mean
fluxes and an affine static shift of the stars (`mean_scene.solve_mean`), under a prior that keeps them small: where few
stars constrain the correction, it stays close to zero.

The residuals of a wrong PRF grow with the light of a star. While the kernel is solved, every pixel is therefore allowed
an error of the same fraction of its light, estimated from the pixels themselves; what is further off, like a star that
is missing from the catalogue, is given less weight. (Pixels that the model does not explain must not be given less
weight one by one, as they are for the mean fluxes: those with the largest residuals constrain the correction best.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, MovementKernel
from photometry.calibration.kernel_update import static_precision, with_static
from photometry.calibration.region import mean_of_tile, region_round, static_columns
from photometry.calibration.region_motion import motion_of_all
from photometry.calibration.region_tiles import Region, parameters_of_tile, placed_tile, start_region
from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.linalg import inverse
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.core.stars import Stars
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid, phased
from photometry.scene.design_matrices import N_TERM
from photometry.scene.node_model import NodeModel
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel

__all__ = ["KERNEL_STEPS", "convolved", "learn_prf"]

#: Shifts of the PRF along each axis, samples: by one in the middle, because PRFs are rough from sample to sample.
KERNEL_STEPS = (-6, -3, -1, 0, 1, 3, 6)
_OFFSETS = np.array(KERNEL_STEPS) / PRF_SAMPLES_PER_PIXEL
#: Prior of each coefficient of the kernel.
_KERNEL_WIDTH = 0.02
#: Stars brighter than this constrain the correction, e-/s (T=14).
_LEAST_FLUX = 380.0
#: Stars brighter than this, unsaturated and on the pixels, that are needed for a correction, and their flux in e-/s
#: (T=12).
_LEAST_STARS = 3
_BRIGHT_FLUX = 2375.0
#: A step that changes no sample by more than this share of the highest is the last.
_SETTLED = 2e-4


@dataclass(frozen=True, slots=True)
class _Columns:
    """Derivatives of a node's pixels with respect to static shift and kernel."""

    model: TileModel
    flux: npt.NDArray[np.float64]
    prf: PrfEvaluator
    data: TileData

    def __call__(self, node: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        del images
        # Static shift and kernel are fitted to the same stars, because a kernel can move the PRF as well.
        bright = self.model.mean_images(node, np.where(self._is_bright, self.flux, 0.0))
        bright[:N_TERM] -= node.fixed_images
        return np.concatenate([static_columns(node, bright), self._kernel_columns(node)], axis=1)

    @property
    def _is_bright(self) -> npt.NDArray[np.bool_]:
        return (self.flux > _LEAST_FLUX) & self.model.unsaturated

    def _kernel_columns(self, node: NodeModel) -> npt.NDArray[np.float64]:
        """Change with the coefficients of the kernel, (n_pixel, n_coefficient)."""
        bright = self._is_bright
        stars = self.model.stars.select(bright).moved(node.row_shift, node.column_shift)
        first_row, first_column, values = self.prf.evaluate(stars.row, stars.column, _OFFSETS, _OFFSETS)
        middle = len(KERNEL_STEPS) // 2
        values = values - values[:, middle, middle][:, None, None]
        pad = 2 * FOOTPRINT
        n_row, n_column = self.data.stamp.shape
        image = np.zeros((n_row + 2 * pad, n_column + 2 * pad, len(KERNEL_STEPS) ** 2))
        for star, flux in enumerate(self.flux[bright]):
            row = first_row[star] - self.data.stamp.row_min + pad
            column = first_column[star] - self.data.stamp.col_min + pad
            change = values[star].reshape(-1, FOOTPRINT, FOOTPRINT).transpose(1, 2, 0)
            image[row : row + FOOTPRINT, column : column + FOOTPRINT] += flux * change
        inner = image[pad : pad + n_row, pad : pad + n_column]
        columns = inner.reshape(self.data.stamp.n_pixel, -1)
        return np.ascontiguousarray(columns if self.data.merge is None else self.data.merge @ columns)


def learn_prf(
    cubes: Sequence[Cube],
    stars: Stars,
    prf: PrfGrid,
    kernel: MovementKernel,
    settings: PrfSettings,
    motion: MotionSettings,
) -> tuple[PrfGrid, MovementKernel]:
    """Learn the effective PRF of a region and measure its motion with it.

    Parameters
    ----------
    cubes : sequence of Cube
        The pixels, as for `photometry.calibration.region.measure_motion`.
    stars : Stars
        All catalogue stars whose light reaches the pixels, by their catalogue positions.
    prf : PrfGrid
        The given PRF.
    kernel : MovementKernel
        Motion measured with the given PRF.
    settings : PrfSettings
        Whether and how the PRF is corrected.
    motion : MotionSettings
        How the motion is measured.

    Returns
    -------
    prf : PrfGrid
        The effective PRF; its `source` says what was learnt.
    kernel : MovementKernel
        Motion measured with the effective PRF.
    """
    if not settings.learn:
        return prf, kernel
    series, few = start_region(cubes, stars, motion, kernel)
    carriers = sum(_n_carriers(tile.data.stamp, tile.free) for tile in few.tiles)
    if carriers < _LEAST_STARS:
        return replace(prf, source=f"{prf.source}, nothing learnt: {carriers} stars"), kernel
    given = prf.source
    evaluator = PrfEvaluator(prf, np.float32)
    few = region_round(few, evaluator, motion)
    for _ in range(settings.n_round):
        coefficients, static = _kernel_step(few, evaluator)
        last, prf = prf, convolved(prf, coefficients)
        few = replace(few, kernel=with_static(few.kernel, static))
        evaluator = PrfEvaluator(prf, np.float32)
        few = region_round(few, evaluator, motion)
        if np.abs(prf.samples - last.samples).max() < _SETTLED * prf.samples.max():
            break
    kernel = motion_of_all(series, few, evaluator, motion)
    return replace(prf, source=f"{given}, kernel learnt from {carriers} stars"), kernel


def convolved(prf: PrfGrid, coefficients: npt.NDArray[np.float64]) -> PrfGrid:
    """Return the PRF convolved with a kernel; the sum at every phase stays as it is.

    Parameters
    ----------
    prf : PrfGrid
        The PRF.
    coefficients : (n_offset, n_offset) float64
        Coefficients for shifts by `KERNEL_STEPS` along rows and columns.
    """
    reach = max(KERNEL_STEPS)
    n_row, n_column = prf.samples.shape[2:]
    padded = np.pad(prf.samples, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    samples = prf.samples * (1 - coefficients.sum())
    for row, line in zip(KERNEL_STEPS, coefficients, strict=True):
        for column, coefficient in zip(KERNEL_STEPS, line, strict=True):
            first_row, first_column = reach - row, reach - column
            moved = padded[:, :, first_row : first_row + n_row, first_column : first_column + n_column]
            samples = samples + coefficient * moved
    by_phase, given = phased(samples), phased(prf.samples)
    by_phase *= given.sum(axis=(-4, -2), keepdims=True) / by_phase.sum(axis=(-4, -2), keepdims=True)
    return replace(prf, samples=samples)


def _n_carriers(stamp: Stamp, stars: Stars) -> int:
    """Count the stars on the pixels that are bright enough to constrain a correction."""
    return int((stamp.contains(stars.row, stars.column) & (stars.flux > _BRIGHT_FLUX)).sum())


def _kernel_step(region: Region, prf: PrfEvaluator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Best kernel for the mean scenes of all tiles, (n_offset, n_offset), and the static shift solved with it, (6,).

    A kernel can move the PRF, as the static shift moves the stars: the two are only valid together.
    """
    n_kernel = len(KERNEL_STEPS) ** 2
    information = np.zeros((N_AFFINE + n_kernel,) * 2)
    gradient = np.zeros(N_AFFINE + n_kernel)
    precision = np.concatenate([static_precision(region.kernel.scale), np.full(n_kernel, 1 / _KERNEL_WIDTH**2)])
    for tile in region.tiles:
        model, state = placed_tile(tile, region.kernel, prf)
        columns = _Columns(model, state.flux, prf, tile.data)
        mean = mean_of_tile(tile, model, state, region.good, columns, precision)
        to_tile = np.eye(N_AFFINE + n_kernel)
        to_tile[:N_AFFINE, :N_AFFINE] = parameters_of_tile(region.kernel, tile.data)[:N_AFFINE, :N_AFFINE]
        information += to_tile.T @ mean.information @ to_tile
        gradient += to_tile.T @ mean.gradient
    solution = inverse(information + np.diag(precision)) @ gradient
    kernel = solution[N_AFFINE:].reshape(len(KERNEL_STEPS), -1)
    kernel[len(KERNEL_STEPS) // 2, len(KERNEL_STEPS) // 2] = 0.0
    return kernel, solution[:N_AFFINE]
