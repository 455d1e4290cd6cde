"""Effective PRF: the given PRF, corrected by what the stars show, as far as that predicts other stars.

Focus, jitter within an exposure and the response within a pixel make the true PRF differ from the delivered one by a
few per cent. The correction (`photometry.prf.correction`) is a convolution and a smooth function beyond it, solved
together with mean fluxes and an affine static shift of the stars (`photometry.scene.mean_scene`), under a prior that
many stars overcome and few do not.

It has to earn its place. The pixels are divided into groups about bright stars; what is learnt from all groups but one
is tried on that one. The prior, and whether there is a function beyond the convolution, are those that predict the
groups left out best; if nothing predicts them better than the given PRF, that one stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, MovementKernel
from photometry.calibration.kernel_update import static_precision, with_static
from photometry.calibration.region import region_round, static_columns
from photometry.calibration.region_motion import motion_of_all
from photometry.calibration.region_tiles import Region, RegionTile, parameters_of_tile, placed_tile, start_region
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.linalg import inverse
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.core.stars import Stars
from photometry.prf.correction import N_CORRECTION, N_KERNEL, change_in_pixels, corrected, prior_precision
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid
from photometry.scene.design_matrices import N_TERM
from photometry.scene.mean_scene import SharedEquations, shared_equations
from photometry.scene.node_model import NodeModel
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel

__all__ = ["learn_prf"]

#: Stars brighter than this constrain the correction, e-/s (T=14).
_LEAST_FLUX = 380.0
#: Stars brighter than this, unsaturated and on the pixels, that are needed for a correction, and their flux in e-/s
#: (T=12).
_LEAST_STARS = 4
_BRIGHT_FLUX = 2375.0
#: Groups of pixels of which each is predicted from the others.
_N_GROUP = 4
#: Factors of the prior precision that are tried.
_PRIOR_FACTORS = (10.0, 1.0, 0.1)
#: A step that changes no sample by more than this share of the highest is the last, and one after which stars not learnt
#: from are left with more than this share of their squared residuals before it.
_SETTLED = 2e-4
_NO_BETTER = 0.8
#: Rounds before that counts: the first ones start from mean fluxes that the given PRF has spoilt.
_LEAST_ROUNDS = 2
#: Stars whose columns are worked out at once: bounds the memory.
_STARS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Columns:
    """Derivatives of a node's pixels with respect to static shift and correction."""

    model: TileModel
    flux: npt.NDArray[np.float64]
    given: PrfEvaluator
    data: TileData

    def __call__(self, node: NodeModel, images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        del images
        # Static shift and correction are fitted to the same stars, because a correction can move the PRF as well.
        bright = self.model.mean_images(node, np.where(self._is_bright, self.flux, 0.0))
        bright[:N_TERM] -= node.fixed_images
        return np.concatenate([static_columns(node, bright), self._of_correction(node)], axis=1)

    @property
    def _is_bright(self) -> npt.NDArray[np.bool_]:
        return (self.flux > _LEAST_FLUX) & self.model.unsaturated

    def _of_correction(self, node: NodeModel) -> npt.NDArray[np.float64]:
        """Change with the coefficients of the correction, (n_pixel, n_coefficient)."""
        which = np.flatnonzero(self._is_bright)
        stars = self.model.stars.select(which).moved(node.row_shift, node.column_shift)
        pad = 2 * FOOTPRINT
        n_row, n_column = self.data.stamp.shape
        image = np.zeros((n_row + 2 * pad, n_column + 2 * pad, N_CORRECTION))
        for start in range(0, len(which), _STARS_AT_ONCE):
            some = slice(start, start + _STARS_AT_ONCE)
            first_row, first_column, change = change_in_pixels(self.given, stars.row[some], stars.column[some])
            first_row, first_column = (
                first_row - self.data.stamp.row_min + pad,
                first_column - self.data.stamp.col_min + pad,
            )
            for row, column, flux, light in zip(first_row, first_column, self.flux[which[some]], change, strict=True):
                image[row : row + FOOTPRINT, column : column + FOOTPRINT] += flux * light
        columns = image[pad : pad + n_row, pad : pad + n_column].reshape(self.data.stamp.n_pixel, -1)
        return np.ascontiguousarray(columns if self.data.merge is None else self.data.merge @ columns)


@dataclass(frozen=True, slots=True)
class _Correction:
    """What is learnt of the PRF.

    Parameters
    ----------
    coefficients : (N_CORRECTION,) float64
        Of `photometry.prf.correction`; zero where nothing is learnt.
    static : (6,) float64
        Static shift of the stars that belongs to it.
    left : float
        Share of the squared residuals of stars not learnt from that is left of what the given PRF leaves.
    """

    coefficients: npt.NDArray[np.float64]
    static: npt.NDArray[np.float64]
    left: float


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
    given = evaluator = PrfEvaluator(prf, np.float32)
    effective, correction = prf, _Correction(np.zeros(N_CORRECTION), np.zeros(N_AFFINE), 1.0)
    few = region_round(few, evaluator, motion)
    for k in range(settings.n_round):
        before = correction
        correction = _best_correction(few, given, evaluator, before.coefficients)
        if not correction.coefficients.any():
            return replace(prf, source=f"{prf.source}, nothing learnt: no better on other stars"), kernel
        last, effective = effective, corrected(prf, correction.coefficients)
        few = replace(few, kernel=with_static(few.kernel, correction.static))
        evaluator = PrfEvaluator(effective, np.float32)
        few = region_round(few, evaluator, motion)
        settled = np.abs(effective.samples - last.samples).max() < _SETTLED * effective.samples.max()
        if settled or (k >= _LEAST_ROUNDS and correction.left > _NO_BETTER * before.left):
            break
    kernel = motion_of_all(series, few, evaluator, motion)
    learnt = f"learnt from {carriers} stars, residual of others x {np.sqrt(correction.left):.2f}"
    return replace(effective, source=f"{prf.source}, {learnt}"), kernel


def _n_carriers(stamp: Stamp, stars: Stars) -> int:
    """Count the stars on the pixels that are bright enough to constrain a correction."""
    return int(_carriers(stamp, stars).sum())


def _carriers(stamp: Stamp, stars: Stars) -> npt.NDArray[np.bool_]:
    """Tell which stars on the pixels are bright enough to constrain a correction, (n_star,)."""
    return np.asarray(stamp.contains(stars.row, stars.column) & (stars.flux > _BRIGHT_FLUX))


def _best_correction(
    region: Region, given: PrfEvaluator, prf: PrfEvaluator, coefficients: npt.NDArray[np.float64]
) -> _Correction:
    """Solve for the correction of the `given` PRF that predicts best what it is not learnt from.

    Residuals are those of the PRF so far, which has the given `coefficients`; the equations are linear in them, so they
    can be referred to the given PRF.
    """
    n_shared = N_AFFINE + N_CORRECTION
    groups = [SharedEquations(np.zeros((n_shared, n_shared)), np.zeros(n_shared), 0.0)] * _N_GROUP
    first = 0
    for tile in region.tiles:
        to_tile = np.eye(n_shared)
        to_tile[:N_AFFINE, :N_AFFINE] = parameters_of_tile(region.kernel, tile.data)[:N_AFFINE, :N_AFFINE]
        of_tile = _equations_of_tile(region, tile, given, prf, first)
        first += _n_carriers(tile.data.stamp, tile.free)
        groups = [_added(group, one, to_tile) for group, one in zip(groups, of_tile, strict=True)]
    so_far = np.concatenate([np.zeros(N_AFFINE), coefficients])
    groups = [_referred(group, so_far) for group in groups]
    return _predictive(groups, static_precision(region.kernel.scale), prior_precision(given.grid))


def _equations_of_tile(
    region: Region, tile: RegionTile, given: PrfEvaluator, prf: PrfEvaluator, first: int
) -> list[SharedEquations]:
    """Equations of static shift and correction by each group of a tile's pixels; `first`: number of the first star."""
    model, state = placed_tile(tile, region.kernel, prf)
    rejected = np.zeros_like(tile.data.valid) if tile.rejected is None else tile.rejected
    data = replace(tile.data, valid=tile.data.valid & ~rejected)
    columns = _Columns(model, state.flux, given, data)
    nearest = _nearest_carrier(tile, model.stars)
    order = np.argsort(np.argsort(-model.stars.flux[_carriers(data.stamp, tile.free)], kind="stable"))
    groups = (first + order[nearest]) % _N_GROUP if len(order) else np.full(data.stamp.n_pixel, first % _N_GROUP)
    return shared_equations(data, model, state, region.good, columns, groups, _N_GROUP, deviation=tile.deviation)


def _nearest_carrier(tile: RegionTile, stars: Stars) -> npt.NDArray[np.int64]:
    """Number of the carrier nearest to each pixel, (n_pixel,)."""
    stamp, which = tile.data.stamp, _carriers(tile.data.stamp, tile.free)
    if not which.any():
        return np.zeros(stamp.n_pixel, dtype=np.int64)
    row, column = np.divmod(np.arange(stamp.n_pixel), stamp.shape[1])
    away = np.hypot(
        row[:, None] + stamp.row_min - stars.row[which], column[:, None] + stamp.col_min - stars.column[which]
    )
    return np.asarray(away.argmin(axis=1), dtype=np.int64)


def _added(group: SharedEquations, one: SharedEquations, to_tile: npt.NDArray[np.float64]) -> SharedEquations:
    """Add the equations of a tile, brought to the region's parameters, to a group's."""
    return SharedEquations(
        group.information + to_tile.T @ one.information @ to_tile,
        group.gradient + to_tile.T @ one.gradient,
        group.square + one.square,
    )


def _referred(group: SharedEquations, so_far: npt.NDArray[np.float64]) -> SharedEquations:
    """Refer equations about the parameters so far to zero."""
    shift = group.information @ so_far
    square = group.square + 2 * float(so_far @ group.gradient) + float(so_far @ shift)
    return SharedEquations(group.information, group.gradient + shift, square)


def _predictive(
    groups: list[SharedEquations], static: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]
) -> _Correction:
    """Choose the correction that predicts groups best from the others, and solve for it from all.

    `static` is the prior precision of the static shift (6,), `precision` that of the correction.
    """
    information, gradient = sum(group.information for group in groups), sum(group.gradient for group in groups)
    prior = np.zeros_like(information)
    prior[np.arange(N_AFFINE), np.arange(N_AFFINE)] = static
    best, least = _Correction(np.zeros(N_CORRECTION), np.zeros(N_AFFINE), 1.0), 0.0
    for n_used in (N_AFFINE, N_AFFINE + N_KERNEL, N_AFFINE + N_CORRECTION):
        use = slice(0, n_used)
        for factor in _PRIOR_FACTORS if n_used > N_AFFINE else (1.0,):
            prior[N_AFFINE:, N_AFFINE:] = factor * precision
            left = 0.0
            for group in groups:
                others = information[use, use] - group.information[use, use] + prior[use, use]
                solution = inverse(others) @ (gradient[use] - group.gradient[use])
                left += group.square - 2 * float(solution @ group.gradient[use])
                left += float(solution @ group.information[use, use] @ solution)
            if n_used == N_AFFINE:
                least = given = left
            elif left < least:
                least = left
                solution = np.zeros(len(gradient))
                solution[use] = inverse(information[use, use] + prior[use, use]) @ gradient[use]
                best = _Correction(solution[N_AFFINE:], solution[:N_AFFINE], left / given)
    return best
