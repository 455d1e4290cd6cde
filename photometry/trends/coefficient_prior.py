"""What is known of a star's share in the trends from quiet stars near it in place and magnitude.

The idea is that of PDC-MAP (Stumpe et al. 2012, PASP 124, 985; Smith et al. 2012, PASP 124, 1000). In place of a
density of coefficients there is a plane through those of the neighbours, with a term for light that is added to all
stars alike: its share falls with the flux. The width is what they scatter about it beyond their own errors.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.linalg import rows_times
from photometry.core.statistics import MAD_TO_SIGMA, mad_sigma
from photometry.trends.coefficient_fit import Coefficients
from photometry.trends.relative_series import Array, Integers

__all__ = ["Neighbours", "prior_of"]

#: Neighbours that count.
_N_NEAR = 60
#: A magnitude is as far as so many pixels.
_PIXELS_PER_MAG = 100.0
#: Rounds of the robust plane.
_N_ROUND = 4
#: Slopes are no larger than so many typical coefficients over the field of the neighbours.
_SLOPE = 2.0
_ROBUST_SIGMA = 2.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Quiet stars and their coefficients.

    Parameters
    ----------
    starid : (n_star,) int64
        Numbers.
    row, column : (n_star,) float64
        Places on the CCD, pixels.
    flux : (n_star,) float64
        Median fluxes, e-/s.
    values, variance : (n_star, n_trend) float64
        Coefficients and their variances.
    """

    starid: Integers
    row: Array
    column: Array
    flux: Array
    values: Array
    variance: Array


def prior_of(near: Neighbours, starid: Integers, row: Array, column: Array, flux: Array) -> Coefficients:
    """Return what neighbours say of the coefficients of stars, themselves left out.

    Parameters
    ----------
    near : Neighbours
        Quiet stars.
    starid : (n_star,) int64
        Numbers of the stars.
    row, column : (n_star,) float64
        Their places.
    flux : (n_star,) float64
        Their median fluxes, e-/s.
    """
    magnitude = -2.5 * np.log10(near.flux), -2.5 * np.log10(flux)
    rows, columns = near.row - row[:, None], near.column - column[:, None]
    distance = np.sqrt(rows**2 + columns**2 + (_PIXELS_PER_MAG * (magnitude[0] - magnitude[1][:, None])) ** 2)
    distance[near.starid == starid[:, None]] = np.inf
    chosen = np.argsort(distance, axis=1)[:, : min(_N_NEAR, len(near.starid) - 1)]
    distance, rows, columns = (np.take_along_axis(item, chosen, axis=1) for item in (distance, rows, columns))
    width = np.maximum(distance.max(axis=1, keepdims=True), 1.0)
    added = flux[:, None] / near.flux[chosen] - 1
    terms = np.stack([np.ones_like(rows), rows / width, columns / width, added], axis=2)
    closeness = np.exp(-0.5 * (2 * distance / width) ** 2)
    values, variance = near.values[chosen], near.variance[chosen]
    size = np.maximum(np.median(np.abs(values), axis=1), 1e-12)
    found = [
        _plane(terms, closeness, values[..., k], variance[..., k], size[:, k]) for k in range(near.values.shape[1])
    ]
    mean, spread = (np.stack(item, axis=1) for item in zip(*found, strict=True))
    return Coefficients(mean, spread[:, :, None] * np.eye(mean.shape[1]))


def _plane(
    terms: Array, closeness: Array, values: Array, variance: Array, size: npt.NDArray[np.float64]
) -> tuple[Array, Array]:
    """Value of a robust plane at the star, and its variance with the scatter about it, (n_star,) each."""
    n_term = terms.shape[2]
    ridge = np.zeros((len(size), n_term))
    ridge[:, 1:] = 1 / (_SLOPE * size[:, None]) ** 2
    ridge[:, 0] = 1 / (100 * size) ** 2
    scatter = np.asarray(mad_sigma(values, axis=1), dtype=np.float64) ** 2
    robust = np.ones_like(values)
    for _ in range(_N_ROUND):
        weights = closeness * robust / (variance + scatter[:, None] + 1e-30)
        weighted = terms.transpose(0, 2, 1) * weights[:, None]
        inverse: Array = np.asarray(
            np.linalg.inv(weighted @ terms + ridge[:, :, None] * np.eye(n_term)), dtype=np.float64
        )
        plane = rows_times(rows_times(values, weighted.transpose(0, 2, 1)), inverse)
        left = values - rows_times(plane, terms.transpose(0, 2, 1))
        scatter = _scatter_beyond(left, variance, closeness)
        far = np.abs(left) / np.sqrt(variance + scatter[:, None] + 1e-30)
        robust = np.minimum(1.0, _ROBUST_SIGMA / np.maximum(far, 1e-9))
    return plane[:, 0], scatter + inverse[:, 0, 0]


def _scatter_beyond(left: Array, variance: Array, closeness: Array) -> Array:
    """Variance about the plane beyond that by errors, cut where stars are far off, (n_star,)."""
    limit = 3 * MAD_TO_SIGMA * np.median(np.abs(left), axis=1)[:, None]
    squares = np.minimum(left**2, limit**2)
    # Stars whose coefficients are well known tell most of the scatter.
    weights = closeness / (variance + np.median(variance, axis=1)[:, None] + 1e-300) ** 2
    beyond = (weights * (squares - variance)).sum(axis=1) / weights.sum(axis=1)
    # Few stars leave it uncertain: a tenth of the usual error at least.
    return np.asarray(np.maximum(beyond, 0.01 * np.median(variance, axis=1)))
