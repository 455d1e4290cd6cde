"""Trends of a region from the light curves of its quiet stars."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.trends.coefficient_fit import fit_coefficients, modes_of, without_dips
from photometry.trends.low_rank import (
    Factors,
    canonical,
    extra_variance,
    factorise,
    fit_cadences,
    fit_stars,
    robust_weights,
    weights_of,
)
from photometry.trends.reference_stars import (
    FEWEST_STARS,
    Candidates,
    alone_in_trend,
    are_candidates,
    are_quiet,
    have_cadences,
)
from photometry.trends.relative_series import Array, Bins, RelativeSeries, binned_trends, bins_of, orbits_of, relative
from photometry.trends.trend_number import TrendNumber, trend_number
from photometry.trends.trend_set import ReferenceStars, TrendSet, no_trends
from photometry.trends.trend_smoothing import Smoothing, joined, smoothing_of

__all__ = ["MOST_STARS", "StarFluxes", "learn_trends", "n_changed", "reference_of_given"]

#: Stars that make trends, at most: the brightest that are quiet.
MOST_STARS = 1200
#: Fewest stars per trend, of an orbit where they are apart.
_STARS_PER_TREND = 5
#: Stars are left out before any trend is known that scatter more than others of like brightness by this factor, as the
#: logarithm: several such stars would come before what all share.
_LOUD = float(np.log(3.0))
#: Rounds in which noisy stars are left out.
_N_CLEANING = 3
#: Rounds of stars and cadences at the cadences themselves.
_N_FINAL = 3
#: A star is the same while its median flux changes by less than this.
_SAME_FLUX = 0.002


@dataclass(frozen=True, slots=True)
class StarFluxes:
    """Light curves of the stars of a region.

    Parameters
    ----------
    stars : Candidates
        The stars.
    time : (n_cadence,) float64
        Times at the spacecraft, TJD, d.
    cadenceno : (n_cadence,) int32
        Cadence numbers.
    usable : (n_cadence,) bool
        Cadences that count.
    flux, flux_err : (n_star, n_cadence) float32
        Fluxes and errors, e-/s; NaN where there are none.
    """

    stars: Candidates
    time: Array
    cadenceno: npt.NDArray[np.int32]
    usable: npt.NDArray[np.bool_]
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]

    def chosen(self) -> tuple[npt.NDArray[np.int64], RelativeSeries]:
        """Return the candidates that have light curves, the brightest first, and these."""
        which = np.flatnonzero(are_candidates(self.stars))
        which = which[np.argsort(self.stars.tmag[which], kind="stable")][:MOST_STARS]
        series = relative(self.flux[which], self.flux_err[which], self.usable)
        some = np.isfinite(series.median)
        which, series = which[some], series.of_stars(some)
        whole = have_cadences(series.where(self.usable))
        return which[whole], series.of_stars(whole)


def learn_trends(given: StarFluxes) -> TrendSet:
    """Find the trends that the stars of a region share; none where there are too few quiet stars, or nothing is shared.

    Parameters
    ----------
    given : StarFluxes
        Light curves of the region.
    """
    which, series = given.chosen()
    n_candidate = len(which)
    if n_candidate < FEWEST_STARS:
        return _too_few(given, n_candidate, "stars of T = 6.8 to 13.5 that the fit tells apart")
    bins = bins_of(given.time)
    binned = bins.means(series.where(given.usable))
    quiet = are_quiet(binned, binned.values, _LOUD)
    which, series, binned = which[quiet], series.of_stars(quiet), binned.of_stars(quiet)
    for _ in range(_N_CLEANING):
        found, factors = _numbered(binned, bins)
        residual = binned.values - (factors.model() if factors else 0.0)
        quiet = are_quiet(binned, residual)
        if quiet.sum() < FEWEST_STARS:
            return _too_few(given, int(quiet.sum()), f"quiet stars among {n_candidate} candidates")
        which, series, binned = which[quiet], series.of_stars(quiet), binned.of_stars(quiet)
        if quiet.all():
            break
    while (
        factors is not None and (star := alone_in_trend(binned, factors := _factors(binned, bins, found))) is not None
    ):
        others = np.arange(len(which)) != star
        which, series, binned = which[others], series.of_stars(others), binned.of_stars(others)
        if len(which) < FEWEST_STARS:
            return _too_few(given, len(which), f"quiet stars among {n_candidate} candidates")
    if factors is None:
        reason = f"{len(which)} quiet stars share nothing that stars which had no part in it have, too"
        return no_trends(given.time, given.cadenceno, reason, n_candidate, found.scores)
    return _at_all_cadences(given, which, series, factors, found, n_candidate)


def n_changed(trends: TrendSet, given: StarFluxes) -> int:
    """Return how many of the stars that trends are made of have another median flux now, or none."""
    places = {star: place for place, star in enumerate(given.stars.starid.tolist())}
    there = [place for star in trends.stars.starid.tolist() if (place := places.get(star)) is not None]
    series = relative(given.flux[there], given.flux_err[there], given.usable)
    before = trends.stars.of_stars(np.isin(trends.stars.starid, given.stars.starid))
    same = np.abs(series.median / before.flux - 1) < _SAME_FLUX
    return len(trends.stars) - int(same.sum())


def _too_few(given: StarFluxes, n_star: int, what: str) -> TrendSet:
    reason = f"too few stars for trends: {n_star} {what}, {FEWEST_STARS} are needed"
    return no_trends(given.time, given.cadenceno, reason, n_star)


def _numbered(binned: RelativeSeries, bins: Bins) -> tuple[TrendNumber, Factors | None]:
    """Return the number of trends and the trends; no more than the stars allow."""
    found = trend_number(binned, bins)
    most = len(binned.values) // _STARS_PER_TREND
    found = TrendNumber(min(found.n_trend, most), found.by_orbit, found.scores)
    return found, _factors(binned, bins, found) if found.n_trend else None


def _factors(binned: RelativeSeries, bins: Bins, found: TrendNumber) -> Factors:
    return factorise(binned, found.n_trend, bins.time, by_orbit=found.by_orbit)


def _at_all_cadences(
    given: StarFluxes,
    which: npt.NDArray[np.int64],
    series: RelativeSeries,
    factors: Factors,
    found: TrendNumber,
    n_candidate: int,
) -> TrendSet:
    """Work out the trends in every cadence, flagged ones among them, and what their stars have of them."""
    orbits = orbits_of(given.time) if found.by_orbit else np.zeros(len(given.time), np.int64)
    length = np.diff(np.append(bins_of(given.time).start, len(given.time)))
    trends, offset, loadings = np.repeat(factors.trends, length, axis=1), factors.offset, factors.loadings
    for _ in range(_N_FINAL):
        residual = series.values - loadings @ trends - offset[:, None]
        extra = extra_variance(series.where(given.usable), np.where(given.usable, residual, 0.0))
        variance = series.errors**2 + extra[:, None]
        weights = robust_weights(residual, variance)
        trends, information = _trends_at(series, weights, loadings, offset, orbits, given.usable)
        known = (weights > 0).sum(axis=0) >= FEWEST_STARS // 2
        smoothing = _smoothing(trends, information, known & given.usable, given.time, orbits)
        trends = smoothing.applied(trends, orbits_of(given.time))
        offset, loadings = fit_stars(series, np.where(given.usable, weights, 0.0), trends)
    stars = _reference(given.stars, which, series.median, np.stack([np.sqrt(extra), offset]), loadings)
    learnt = TrendSet(
        time=given.time,
        cadenceno=given.cadenceno,
        values=np.where(known, trends, np.nan),
        covariance=np.linalg.inv(information).astype(np.float32),
        smoothing=smoothing,
        stars=stars,
        by_orbit=found.by_orbit,
        scores=found.scores,
        n_candidate=n_candidate,
        origin="learnt",
        reason="",
    )
    return learnt.with_stars(_with_coefficients(stars, series, learnt, given.usable))


def _reference(
    stars: Candidates, which: npt.NDArray[np.int64], flux: Array, constants: Array, loadings: Array
) -> ReferenceStars:
    """Return reference stars, with nothing known of their coefficients; `constants` are scatter and offset."""
    return ReferenceStars(
        stars.starid[which],
        stars.tmag[which],
        stars.row[which],
        stars.column[which],
        flux,
        constants[0],
        constants[1],
        loadings,
        np.zeros_like(loadings),
        np.zeros_like(loadings),
    )


def _trends_at(
    series: RelativeSeries,
    weights: Array,
    loadings: Array,
    offset: Array,
    orbits: npt.NDArray[np.int64],
    usable: npt.NDArray[np.bool_],
) -> tuple[Array, Array]:
    """Return the trends in every cadence, in their canonical form, and the inverses of their covariances."""
    n_orbit, n_all = int(orbits.max()) + 1, loadings.shape[1]
    trends = np.zeros((n_all, len(orbits)))
    information = np.zeros((len(orbits), n_all, n_all)) + np.eye(n_all) * 1e30
    for number in range(n_orbit):
        part = np.flatnonzero(orbits == number)
        counts = usable[part]
        column = slice(number * (n_all // n_orbit), (number + 1) * (n_all // n_orbit))
        found, its = fit_cadences(series.values[:, part] - offset[:, None], weights[:, part], loadings[:, column])
        if n_orbit == 1:
            found = found - found[:, counts].mean(axis=1, keepdims=True)
        turn = canonical(found[:, counts], loadings[:, column])
        back = np.linalg.inv(turn)
        trends[column, part] = turn @ found
        information[part, column, column] = back.T @ its @ back
    return trends, information


def _smoothing(
    trends: Array,
    information: Array,
    counts: npt.NDArray[np.bool_],
    time: Array,
    orbits: npt.NDArray[np.int64],
) -> Smoothing:
    """Return how trends are smoothed, those of each orbit by themselves."""
    n_orbit, pauses, step = int(orbits.max()) + 1, orbits_of(time), float(np.median(np.diff(time)))
    n_each = len(trends) // n_orbit
    found = []
    for number in range(n_orbit):
        part, column = np.flatnonzero(orbits == number), slice(number * n_each, (number + 1) * n_each)
        its = information[part, column, column]
        found.append(smoothing_of(trends[column, part], its, counts[part], pauses[part], step))
    return joined(found, orbits)


def _with_coefficients(
    stars: ReferenceStars, series: RelativeSeries, trends: TrendSet, usable: npt.NDArray[np.bool_]
) -> ReferenceStars:
    """Return stars with what they have of trends."""
    bins = bins_of(trends.time)
    counts = usable & np.isfinite(trends.values).all(axis=0)
    binned = bins.means(series.where(counts))
    shapes = binned_trends(trends.values, counts, bins)
    found = fit_coefficients(without_dips(binned, _first_model(binned, shapes), bins), shapes, modes_of(bins))
    variance = np.diagonal(found.covariance, axis1=1, axis2=2)
    return replace(stars, coefficients=found.values, variance=variance)


def _first_model(binned: RelativeSeries, shapes: Array) -> Array:
    """Return a plain fit of trends, which tells what is a dip."""
    offset, loadings = fit_stars(binned, weights_of(binned, binned.values), shapes)
    return np.asarray(loadings @ shapes + offset[:, None])


def reference_of_given(trends: TrendSet, given: StarFluxes) -> TrendSet:
    """Return trends of elsewhere with the quiet stars of the region and their coefficients, if there are enough."""
    which, series = given.chosen()
    if len(which) < FEWEST_STARS:
        return trends
    counts = given.usable & np.isfinite(trends.values).all(axis=0)
    bins = bins_of(given.time)
    binned = bins.means(series.where(counts))
    residual = binned.values - _first_model(binned, binned_trends(trends.values, counts, bins))
    quiet = are_quiet(binned, residual)
    if quiet.sum() < FEWEST_STARS:
        return trends
    which, series = which[quiet], series.of_stars(quiet)
    nothing = np.zeros((len(which), trends.n_trend))
    stars = _reference(given.stars, which, series.median, np.zeros((2, len(which))), nothing)
    return trends.with_stars(_with_coefficients(stars, series, trends, given.usable))
