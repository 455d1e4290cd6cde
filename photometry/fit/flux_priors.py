"""Priors of the flux deviations: as wide as each star is seen to vary.

A prior of 30 % on hundreds of faint neighbours is room for errors of the PRF. A first fit with such priors shows how
much each star varies beyond its noise; the final fit gives it that much, and a little more.
"""

import numpy as np
import numpy.typing as npt

from photometry.core.statistics import median

__all__ = ["variation_widths"]

#: Numbers of consecutive cadences whose mean may show that a star has changed: an eclipse or a flare makes a wide prior
#: in all cadences.
_WINDOWS = (1, 3, 9, 27)
#: Significance of such a change, standard errors: a false alarm in a million stars and cadences.
_SIGNIFICANT = 5.5
#: Stars that are worked on at once: bounds the memory.
_STARS_AT_ONCE = 64


def variation_widths(
    deviation: npt.NDArray[np.float32], noise: npt.NDArray[np.float32], good: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return how much stars vary beyond their noise, (n_star,), e-/s.

    Parameters
    ----------
    deviation : (n_star, n_cadence) float32
        Flux less mean flux, own prior taken out, e-/s.
    noise : (n_star, n_cadence) float32
        Standard errors, e-/s; infinite where the flux does not count.
    good : (n_cadence,) bool
        Cadences that count.
    """
    some = [slice(start, start + _STARS_AT_ONCE) for start in range(0, len(deviation), _STARS_AT_ONCE)]
    widths = [_widths(deviation[stars][:, good], noise[stars][:, good]) for stars in some]
    return np.concatenate([np.zeros(0), *widths])


def _widths(series: npt.NDArray[np.float32], noise: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Widths of some stars, of the good cadences."""
    counts = np.isfinite(noise)
    series = np.where(counts, series - median(series, axis=1, keepdims=True), 0).astype(np.float64)
    square = np.where(counts, noise, 0).astype(np.float64) ** 2
    excess = (series**2 - square).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    width: npt.NDArray[np.float64] = np.sqrt(np.maximum(excess, 0.0))
    total, variance = (np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1) for values in (series, square))
    for size in _WINDOWS:
        change = np.abs(total[:, size:] - total[:, :-size])
        seen = change > _SIGNIFICANT * np.sqrt(variance[:, size:] - variance[:, :-size])
        width = np.maximum(width, np.where(seen, change / size, 0.0).max(axis=1, initial=0.0))
    return width
