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
from functools import partial

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_AFFINE, MovementKernel
from photometry.calibration.kernel_update import static_precision
from photometry.calibration.region import moved_region, region_round, static_columns
from photometry.calibration.region_motion import motion_of_all
from photometry.calibration.region_tiles import Region, RegionTile, parameters_of_tile, start_region
from photometry.calibration.unlisted_stars import are_settled, kept_in_place, unlisted_stars
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.linalg import solved
from photometry.core.settings import MotionSettings, PrfSettings
from photometry.core.stages import counted
from photometry.core.stars import NO_STARS, Stars
from photometry.core.wording import number_of
from photometry.prf.correction import N_CORRECTION, N_KERNEL, change_of_image, corrected, prior_precision
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid
from photometry.scene.design_matrices import N_TERM
from photometry.scene.mean_scene import PixelMean, SharedEquations, shared_equations
from photometry.scene.node_model import NodeModel
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import TileModel
from photometry.scene.tile_state import TileState

__all__ = ["EffectivePrf", "learn_prf"]

#: Stars brighter than this constrain the correction, e-/s (T=14).
_LEAST_FLUX = 380.0
#: Stars brighter than this, unsaturated and on the pixels, that are needed for a correction, and their flux in e-/s
#: (T=13).
_LEAST_STARS = 6
_BRIGHT_FLUX = 945.0
#: Groups of pixels of which each is predicted from the others.
_N_GROUP = 4
#: Share of the cadences that nothing is learnt from: their nodes, with a few of them each, take as much time as others.
_SPARED = 0.2
#: Factors of the prior precision that are tried.
_PRIOR_FACTORS = (10.0, 1.0, 0.1)
#: A step that changes no sample by more than this share of the highest is the last, and one after which stars that were
#: not learnt from are left with more than this share of their squared residuals before it.
_SETTLED = 2e-4
_NO_BETTER = 0.8
#: Static shift, where stars are missing, that is the last one, pixels: to first order little of it remains, and a
#: correction that is hardly worth it, accepted in one round and not in the next, moves the PRF as well.
_STILL = 0.01
#: Rounds before that counts: the first ones start from mean fluxes that the given PRF has spoilt.
_LEAST_ROUNDS = 2
#: The motion is measured in the last one of so many rounds.
_ROUNDS_OF_MOTION = 4


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
        return (self.flux > _LEAST_FLUX) & self.model.unsaturated & self.model.stars.is_listed

    def _of_correction(self, node: NodeModel) -> npt.NDArray[np.float64]:
        """Change with the coefficients of the correction, (n_pixel, n_coefficient)."""
        bright = self._is_bright
        stars = self.model.stars.select(bright).moved(node.row_shift, node.column_shift)
        columns = change_of_image(self.given, stars.row, stars.column, self.flux[bright], self.data.stamp)
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


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What is learnt so far.

    Parameters
    ----------
    region : Region
        The region, with mean scene, motion and missing stars.
    prf : PrfEvaluator
        The PRF.
    correction : _Correction
        By what it differs from the given one.
    """

    region: Region
    prf: PrfEvaluator
    correction: _Correction


@dataclass(frozen=True, slots=True)
class EffectivePrf:
    """What is learnt of a region.

    Parameters
    ----------
    prf : PrfGrid
        The effective PRF; its `source` says what was learnt.
    kernel : MovementKernel
        Motion measured with it.
    unlisted : Stars
        Stars that the table lacks, with numbers below zero, by positions as if they were in the catalogue.
    """

    prf: PrfGrid
    kernel: MovementKernel
    unlisted: Stars


def learn_prf(
    cubes: Sequence[Cube],
    stars: Stars,
    prf: PrfGrid,
    kernel: MovementKernel,
    settings: PrfSettings,
    motion: MotionSettings,
) -> EffectivePrf:
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
    """
    if not settings.learn:
        return EffectivePrf(prf, kernel, NO_STARS)
    series, few = start_region(cubes, stars, motion, kernel)
    carriers = sum(_n_carriers(tile.data.stamp, tile.free) for tile in few.tiles)
    given, learning = PrfEvaluator(prf, np.float32), carriers >= _LEAST_STARS
    so_far = _Learnt(
        region_round(few, given, motion), given, _Correction(np.zeros(N_CORRECTION), np.zeros(N_AFFINE), 1.0)
    )
    learns = learning
    for k in counted(range(settings.n_round), "PRF and missing stars", "rounds"):
        before, so_far = so_far, _next_round(so_far, given, motion, k, learns=learns)
        in_place = are_settled(unlisted_stars(before.region.tiles), unlisted_stars(so_far.region.tiles))
        if in_place and learns == learning and (not learning or _is_settled(before, so_far, k)):
            break
        # Where nothing was learnt, nothing will be as long as it is the missing stars alone that move.
        learns = learning and (in_place or _change(before, so_far) >= _SETTLED)
    few, correction, effective = so_far.region, so_far.correction, so_far.prf.grid
    sources = unlisted_stars(few.tiles)
    if not correction.coefficients.any() and not len(sources):
        return EffectivePrf(replace(prf, source=f"{prf.source}, {_nothing(carriers)}"), kernel, sources)
    few = region_round(few, so_far.prf, motion)
    kernel = motion_of_all(series, few, so_far.prf, motion)
    sources = unlisted_stars(kept_in_place(few.tiles, few.kernel, kernel))
    learnt = _nothing(carriers)
    if correction.coefficients.any():
        learnt = f"learnt from {number_of(carriers, 'star')}, residual of others x {np.sqrt(correction.left):.2f}"
    return EffectivePrf(replace(effective, source=f"{prf.source}, {learnt}"), kernel, sources)


def _next_round(before: _Learnt, given: PrfEvaluator, motion: MotionSettings, k: int, *, learns: bool) -> _Learnt:
    """Improve mean scene and missing stars and, if it `learns`, the correction of the given PRF; `k` is the round."""
    # The motion hardly follows the PRF: it is measured in some rounds, and once more after the last one.
    still = k % _ROUNDS_OF_MOTION != _ROUNDS_OF_MOTION - 1
    improved = partial(region_round, before.region, before.prf, motion, offset_only=still, seek=True)
    if not learns:
        return replace(before, region=improved())
    equations = _Equations(before.region, given)
    region = improved(watch=equations)
    correction = equations.best_correction(before.correction.coefficients)
    prf = PrfEvaluator(corrected(given.grid, correction.coefficients), np.float32)
    return _Learnt(moved_region(region, correction.static), prf, correction)


def _change(before: _Learnt, after: _Learnt) -> float:
    """Largest change of a sample of the PRF, as a share of the highest."""
    old, new = before.prf.grid.samples, after.prf.grid.samples
    return float(np.abs(new - old).max() / new.max())


def _is_settled(before: _Learnt, after: _Learnt, k: int) -> bool:
    """Tell whether round `k`, which learns, is the last one."""
    if len(unlisted_stars(before.region.tiles)) and np.abs(after.correction.static).max() >= _STILL:
        return False
    if _change(before, after) < _SETTLED:
        return True
    return k >= _LEAST_ROUNDS and after.correction.left > _NO_BETTER * before.correction.left


def _nothing(carriers: int) -> str:
    """Say why nothing was learnt."""
    why = number_of(carriers, "star") if carriers < _LEAST_STARS else "no better on other stars"
    return f"nothing learnt: {why}"


def _n_carriers(stamp: Stamp, stars: Stars) -> int:
    """Count the stars on the pixels that are bright enough to constrain a correction."""
    return int(_carriers(stamp, stars).sum())


def _carriers(stamp: Stamp, stars: Stars) -> npt.NDArray[np.bool_]:
    """Tell which stars on the pixels are bright enough to constrain a correction, (n_star,)."""
    return np.asarray(stamp.contains(stars.row, stars.column) & (stars.flux > _BRIGHT_FLUX))


class _Equations:
    """Normal equations of static shift and correction, group by group, of the tiles that it is shown.

    Parameters
    ----------
    region : Region
        The region whose tiles they are.
    given : PrfEvaluator
        The given PRF.
    """

    def __init__(self, region: Region, given: PrfEvaluator) -> None:
        n_shared = N_AFFINE + N_CORRECTION
        self._region, self._given, self._n_star = region, given, 0
        self._groups = [SharedEquations(np.zeros((n_shared, n_shared)), np.zeros(n_shared), 0.0)] * _N_GROUP

    def __call__(self, tile: RegionTile, model: TileModel, state: TileState, means: list[PixelMean]) -> None:
        """Add those of a tile by each group of its pixels."""
        kernel, data, good = self._region.kernel, tile.data, self._region.good
        to_tile = np.eye(N_AFFINE + N_CORRECTION)
        to_tile[:N_AFFINE, :N_AFFINE] = parameters_of_tile(kernel, data)[:N_AFFINE, :N_AFFINE]
        columns = _Columns(model, state.flux, self._given, data)
        groups, n_star = _groups_of_pixels(data.stamp, model.stars, self._n_star)
        of_tile = shared_equations(data, model, state, good, _well_filled(means, good), columns, groups, _N_GROUP)
        self._n_star += n_star
        self._groups = [_added(group, one, to_tile) for group, one in zip(self._groups, of_tile, strict=True)]

    def best_correction(self, coefficients: npt.NDArray[np.float64]) -> _Correction:
        """Solve for the correction of the given PRF that predicts best what it is not learnt from.

        Residuals are those of the PRF so far, which has the given `coefficients`; the equations are linear in them, so
        they can be referred to the given PRF.
        """
        so_far = np.concatenate([np.zeros(N_AFFINE), coefficients])
        groups = [_referred(group, so_far) for group in self._groups]
        return _predictive(groups, static_precision(self._region.kernel.scale), prior_precision(self._given.grid))


def _well_filled(means: Sequence[PixelMean], good: npt.NDArray[np.bool_]) -> list[PixelMean]:
    """Leave out the nodes with the fewest good cadences, as many as hold no more than a few of all cadences."""
    count = np.array([np.count_nonzero(good[mean.node.cadences]) for mean in means])
    order = np.argsort(count, kind="stable")
    few = order[np.cumsum(count[order]) <= _SPARED * count.sum()]
    return [mean for k, mean in enumerate(means) if k not in few]


def _groups_of_pixels(stamp: Stamp, stars: Stars, first: int) -> tuple[npt.NDArray[np.int64], int]:
    """Group of each pixel, that of the carrier nearest to it, (n_pixel,), and the number of carriers.

    Carriers take the groups in turns, by brightness, beginning with number `first`.
    """
    which = np.flatnonzero(_carriers(stamp, stars))
    if len(which) == 0:
        return np.full(stamp.n_pixel, first % _N_GROUP), 0
    rank = np.argsort(np.argsort(-stars.flux[which], kind="stable"))
    row, column = np.divmod(np.arange(stamp.n_pixel), stamp.shape[1])
    rows, columns = row[:, None] + stamp.row_min, column[:, None] + stamp.col_min
    nearest = np.hypot(rows - stars.row[which], columns - stars.column[which]).argmin(axis=1)
    return np.asarray((first + rank[nearest]) % _N_GROUP, dtype=np.int64), len(which)


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
    information = np.sum([group.information for group in groups], axis=0)
    gradient = np.sum([group.gradient for group in groups], axis=0)
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
                solution = solved(others, gradient[use] - group.gradient[use])
                left += group.square - 2 * float(solution @ group.gradient[use])
                left += float(solution @ group.information[use, use] @ solution)
            if n_used == N_AFFINE:
                least = given = left
                static_alone = solved(information[use, use] + prior[use, use], gradient[use])
                best = _Correction(np.zeros(N_CORRECTION), static_alone, 1.0)
            elif left < least:
                least = left
                solution = np.zeros(len(gradient))
                solution[use] = solved(information[use, use] + prior[use, use], gradient[use])
                best = _Correction(solution[N_AFFINE:], solution[:N_AFFINE], left / given)
    return best
