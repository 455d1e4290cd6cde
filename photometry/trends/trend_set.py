"""Trends of a region, and the stars that they are made of."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from photometry.trends.coefficient_prior import Neighbours
from photometry.trends.relative_series import Array, Integers
from photometry.trends.trend_smoothing import Smoothing, no_smoothing

__all__ = ["ReferenceStars", "TrendSet", "no_stars", "no_trends"]


@dataclass(frozen=True, slots=True)
class ReferenceStars:
    """Stars that trends are made of.

    Parameters
    ----------
    starid : (n_star,) int64
        Numbers.
    tmag : (n_star,) float64
        TESS magnitudes.
    row, column : (n_star,) float64
        Places, 0-based CCD pixels.
    flux : (n_star,) float64
        Median fluxes, e-/s.
    scatter : (n_star,) float64
        What a cadence scatters beyond its error, share of the flux.
    offset : (n_star,) float64
        Constant of the star, share of its flux.
    loadings : (n_star, n_trend) float64
        Shares with which the star had part in the trends; 0 where they are given.
    coefficients, variance : (n_star, n_trend) float64
        What the star has of each trend, and the variance of that.
    """

    starid: Integers
    tmag: Array
    row: Array
    column: Array
    flux: Array
    scatter: Array
    offset: Array
    loadings: Array
    coefficients: Array
    variance: Array

    def __len__(self) -> int:
        return len(self.starid)

    def neighbours(self) -> Neighbours:
        """Return them as neighbours of other stars."""
        return Neighbours(self.starid, self.row, self.column, self.flux, self.coefficients, self.variance)

    def of_stars(self, which: npt.NDArray[np.bool_]) -> "ReferenceStars":
        """Return some of them."""
        return ReferenceStars(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class TrendSet:
    """Trends of a region.

    Parameters
    ----------
    time : (n_cadence,) float64
        Times at the spacecraft, TJD, d.
    cadenceno : (n_cadence,) int32
        Cadence numbers.
    values : (n_trend, n_cadence) float64
        Trends with a mean square of 1 before they are smoothed, the strongest first; NaN where there is none.
    covariance : (n_cadence, n_trend, n_trend) float32
        Their covariance before they are smoothed.
    smoothing : Smoothing
        How they were smoothed.
    stars : ReferenceStars
        The stars that they are made of; those that coefficients are known of, where the trends are given.
    by_orbit : bool
        Whether each orbit has its own.
    scores : tuple of float
        Mean change of the logarithm of what a held-out star scatters, for 0, 1, ... trends.
    n_candidate : int
        Stars of the right brightness that the fit tells apart.
    origin : str
        Where they come from: ``learnt``, or the name of a file.
    reason : str
        Why there are none; empty where there are some.
    """

    time: Array
    cadenceno: npt.NDArray[np.int32]
    values: Array
    covariance: npt.NDArray[np.float32]
    smoothing: Smoothing
    stars: ReferenceStars
    by_orbit: bool
    scores: tuple[float, ...]
    n_candidate: int
    origin: str
    reason: str

    @property
    def n_trend(self) -> int:
        """Number of trends."""
        return len(self.values)

    def with_stars(self, stars: ReferenceStars) -> "TrendSet":
        """Return the same trends with stars whose coefficients are known."""
        return replace(self, stars=stars)


def no_stars(n_trend: int = 0) -> ReferenceStars:
    """Return no stars."""
    of_stars, of_trends = np.zeros(0), np.zeros((0, n_trend))
    return ReferenceStars(np.zeros(0, np.int64), *[of_stars] * 6, *[of_trends] * 3)


def no_trends(
    time: Array, cadenceno: npt.NDArray[np.int32], reason: str, n_candidate: int = 0, scores: tuple[float, ...] = ()
) -> TrendSet:
    """Return that there are no trends, and why."""
    n_cadence = len(time)
    return TrendSet(
        time=time,
        cadenceno=cadenceno,
        values=np.zeros((0, n_cadence)),
        covariance=np.zeros((n_cadence, 0, 0), np.float32),
        smoothing=no_smoothing(0, n_cadence),
        stars=no_stars(),
        by_orbit=False,
        scores=scores,
        n_candidate=n_candidate,
        origin="learnt",
        reason=reason,
    )
