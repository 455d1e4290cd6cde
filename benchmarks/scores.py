"""How good fluxes are, against truth, oracle and bound."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.bound import Bound
from benchmarks.fields import Field, Fluxes
from photometry.calibration.kernel import MovementKernel
from photometry.core.quality import PIXEL_QUALITY, STAR_FLAGS, flagged
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.simulate import true_kernel

__all__ = ["Slopes", "StarScores", "depth_slopes", "leak_slopes", "motion_error", "robust_width", "score_stars"]

#: Pairs closer than this, or with a fainter constant star than this, do not count for the leak: pixels, mag.
_LEAST_SEPARATION, _FAINTEST_PARTNER = 1.2, 2.0
#: A star is blended when a star not fainter by more than this is so near: pixels, mag.
_BLEND_DISTANCE, _BLEND_FAINTER = 2.5, 3.0
#: Faintest star whose transit depth counts, mag.
_DEPTH_TMAG = 13.0

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StarScores:
    """Measures of each star over the unflagged cadences.

    Parameters
    ----------
    tmag : (n_star,) float64
        True magnitude.
    scatter, oracle_scatter, wide_scatter : (n_star,) float64
        Standard deviation of flux less truth, e-/s; also of the oracle and of the one with the widths of the truth.
    free_bound, held_bound, moving_bound : (n_star,) float64
        From `benchmarks.bound.Bound`, e-/s.
    bias, oracle_bias : (n_star,) float64
        Mean flux over true mean flux, less 1.
    pulls, oracle_pulls : (n_star, n_cadence) float64
        (flux - truth) / error; NaN in flagged cadences.
    n_edge, n_unmeasurable, n_unmatched : int
        Stars that are left out: by their flags, and because the oracle holds them (beyond the fit limit in truth).
    finite : (n_wanted,) float64
        Share of unflagged cadences with a flux; of stars without any, too.
    n_silent : int
        NaN without a flag, all cadences, all stars.
    """

    tmag: _Floats
    scatter: _Floats
    oracle_scatter: _Floats
    wide_scatter: _Floats
    free_bound: _Floats
    held_bound: _Floats
    moving_bound: _Floats
    bias: _Floats
    oracle_bias: _Floats
    pulls: _Floats
    oracle_pulls: _Floats
    n_edge: int
    n_unmeasurable: int
    n_unmatched: int
    finite: _Floats
    n_silent: int


@dataclass(frozen=True, slots=True)
class Slopes:
    """Slopes of regressions and their standard errors, (n,) each."""

    value: _Floats
    error: _Floats


def score_stars(
    field: Field,
    fluxes: Fluxes,
    best: Fluxes,
    wide: Fluxes,
    bound: Bound,
    cadences: npt.NDArray[np.bool_] | None = None,
) -> StarScores:
    """Compare fluxes with truth, oracles and bound; stars that the flags call edge or not measurable are left out.

    Parameters
    ----------
    field : Field
        The truth.
    fluxes, best, wide : Fluxes
        What is judged, the oracle's, and those of the oracle whose priors are as wide as the stars vary.
    bound : Bound
        Cramer-Rao bound.
    cadences : (n_cadence,) bool, optional
        Cadences that count; the unflagged ones by default.
    """
    edge = flagged(STAR_FLAGS, fluxes.star_flags, "edge")
    unmeasurable = flagged(STAR_FLAGS, fluxes.star_flags, "not_measurable")
    common = np.isin(fluxes.starid, best.starid) & np.isin(fluxes.starid, bound.starid)
    good = field.good if cadences is None else cadences
    wanted = common & ~edge & ~unmeasurable
    which = np.flatnonzero(wanted & np.isfinite(fluxes.flux[:, good]).any(axis=1))
    in_best, in_wide, in_bound = (_positions(other.starid, fluxes.starid[which]) for other in (best, wide, bound))
    truth = field.scene.flux[_positions(field.scene.population.starid, fluxes.starid[which])].astype(np.float64)
    error, best_error = fluxes.flux[which] - truth, best.flux[in_best] - truth
    missing = np.isnan(fluxes.flux) & ~flagged(PIXEL_QUALITY, fluxes.pixel_quality, "not_fitted")
    return StarScores(
        tmag=field.scene.population.tmag[_positions(field.scene.population.starid, fluxes.starid[which])],
        scatter=np.nanstd(error[:, good], axis=1),
        oracle_scatter=np.nanstd(best_error[:, good], axis=1),
        wide_scatter=np.nanstd((wide.flux[in_wide] - truth)[:, good], axis=1),
        free_bound=bound.free[in_bound],
        held_bound=bound.held[in_bound],
        moving_bound=bound.moving[in_bound],
        bias=np.nanmean(error[:, good], axis=1) / truth[:, good].mean(axis=1),
        oracle_bias=np.nanmean(best_error[:, good], axis=1) / truth[:, good].mean(axis=1),
        pulls=np.where(good, error / fluxes.flux_err[which], np.nan),
        oracle_pulls=np.where(good, best_error / best.flux_err[in_best], np.nan),
        n_edge=int(edge.sum()),
        n_unmeasurable=int((unmeasurable & ~edge).sum()),
        n_unmatched=int((~common & ~edge & ~unmeasurable).sum()),
        finite=np.isfinite(fluxes.flux[wanted][:, good]).mean(axis=1),
        n_silent=int(missing.sum()),
    )


def motion_error(field: Field, kernel: MovementKernel) -> tuple[_Floats, float]:
    """Compare a movement kernel with the true motion, on 3x3 places of the field.

    Returns
    -------
    offset : (2,) float64
        Error of the constant place of the stars, row and column, pixels.
    rms : float
        Root of the mean square error of the motion in the unflagged cadences, the constant part taken off, pixels.
    """
    stamp, truth = field.cube.stamp, true_kernel(field.scene)
    rows, columns = np.meshgrid(
        [stamp.row_min, stamp.center[0], stamp.row_max - 1.0], [stamp.col_min, stamp.center[1], stamp.col_max - 1.0]
    )
    measured, true = (np.stack(one.shifts(rows.ravel(), columns.ravel())) for one in (kernel, truth))
    constant = np.subtract(kernel.offset, truth.offset)[:, None, None]
    error = (measured - true + constant)[:, :, field.good]
    return error.mean(axis=(1, 2)), float(np.sqrt(error.var(axis=2).mean()))


def leak_slopes(field: Field, fluxes: Fluxes) -> Slopes:
    """How much of an eclipsing star's variation, in e-/s, shows in its constant neighbour."""
    population = field.scene.population
    found = []
    for (constant, eclipsing), separation in zip(population.pairs, population.separation, strict=True):
        fainter = population.tmag[constant] - population.tmag[eclipsing]
        if separation >= _LEAST_SEPARATION and fainter <= _FAINTEST_PARTNER:
            found.append(_slope(field, fluxes, int(constant), int(eclipsing)))
    return _slopes(found)


def depth_slopes(field: Field, fluxes: Fluxes) -> Slopes:
    """Measured over true depth of the transits and eclipses of blended stars, less 1."""
    population = field.scene.population
    found = []
    for star in np.flatnonzero((population.kind != "const") & (population.kind != "sine")):
        distance = np.hypot(population.row - population.row[star], population.column - population.column[star])
        near = (distance < _BLEND_DISTANCE) & (population.tmag < population.tmag[star] + _BLEND_FAINTER)
        if population.tmag[star] <= _DEPTH_TMAG and near.sum() > 1:
            found.append(_slope(field, fluxes, int(star), int(star)))
    return _slopes(found)


def robust_width(values: _Floats) -> float:
    """Return the standard deviation of the finite values about zero, by their median absolute value."""
    values = values[np.isfinite(values)]
    return float(MAD_TO_SIGMA * np.median(np.abs(values))) if len(values) else np.nan


def _slope(field: Field, fluxes: Fluxes, star: int, source: int) -> tuple[float, float] | None:
    """Regression of a star's flux error on the true variation of a star; None where it was not measured."""
    scene = field.scene
    index = np.flatnonzero(fluxes.starid == scene.population.starid[star])
    excluded = flagged(STAR_FLAGS, fluxes.star_flags[index], "edge", "not_measurable")
    variation = scene.flux[source].astype(np.float64)
    if len(index) == 0 or excluded.any():
        return None
    error = fluxes.flux[index[0]] - scene.flux[star].astype(np.float64)
    use = field.good & np.isfinite(error)
    x = variation[use] - variation[use].mean()
    power = float(x @ x)
    if power == 0:
        return None
    noise = float(np.mean(fluxes.flux_err[index[0]][use].astype(np.float64) ** 2))
    return float(x @ (error[use] - error[use].mean())) / power, float(np.sqrt(noise / power))


def _slopes(found: list[tuple[float, float] | None]) -> Slopes:
    """Put slopes together; those that are None are left out."""
    pairs = np.array([pair for pair in found if pair is not None], dtype=np.float64).reshape(-1, 2)
    return Slopes(pairs[:, 0], pairs[:, 1])


def _positions(among: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where the wanted numbers stand in an array of unique numbers that has them all."""
    order = np.argsort(among)
    return order[np.searchsorted(among, wanted, sorter=order)]
