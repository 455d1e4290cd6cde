"""Light curves with shared systematics and known truth, arrays alone: for `benchmarks.trends` and the tests."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.stars import flux_of_tmag
from photometry.simulate.shared_systematics import SharedSystematics, shared_light
from photometry.trends.corrected_fluxes import CorrectedFluxes, corrected_fluxes
from photometry.trends.learning import StarFluxes, learn_trends
from photometry.trends.reference_stars import Candidates
from photometry.trends.trend_set import TrendSet

__all__ = ["Field", "Signal", "amplitudes", "corrected", "depth_errors", "depths", "learnt", "make_field", "scatter"]

Array = npt.NDArray[np.float64]
#: Side of the field, pixels; background and noise of a star's pixels, e-/s.
_SIDE, _BACKGROUND = 256.0, 5000.0
#: Systematics of a field have a size drawn between these, a share of the flux.
_SIZES = 0.0005, 0.005


@dataclass(frozen=True, slots=True)
class Signal:
    """What a star does by itself.

    Parameters
    ----------
    size : float
        Depth of a transit, amplitude of a sinusoid: shares of the flux.
    period, duration : float
        Of transits, and of a sinusoid, d; a sinusoid has no duration.
    phase : (n_cadence,) float64
        Time from the middle of the next transit, d; of a sinusoid its phase, rad.
    """

    size: float
    period: float
    duration: float
    phase: Array

    @property
    def series(self) -> Array:
        """Change of the flux, a share of it, (n_cadence,)."""
        if self.duration:
            return np.where(np.abs(self.phase) < self.duration / 2, -self.size, 0.0)
        return np.asarray(self.size * np.sin(self.phase))


@dataclass(frozen=True, slots=True)
class Field:
    """Light curves of a field.

    Parameters
    ----------
    stars : Candidates
        Its stars.
    time : (n_cadence,) float64
        d.
    mean, error : (n_star,) float64
        Flux and noise of a cadence, e-/s.
    truth : (n_star, n_cadence) float64
        Flux without noise and systematics, e-/s.
    clean : (n_star, n_cadence) float64
        The same with noise.
    shared : (n_star, n_cadence) float64
        Systematics, e-/s.
    signals : dict of int to Signal
        Stars that do something by themselves.
    """

    stars: Candidates
    time: Array
    mean: Array
    error: Array
    truth: Array
    clean: Array
    shared: Array
    signals: dict[int, Signal]

    @property
    def quiet(self) -> npt.NDArray[np.bool_]:
        """Stars of T = 8 to 12 that do nothing by themselves, (n_star,)."""
        bright = (self.stars.tmag > 8) & (self.stars.tmag < 12)
        return bright & ~np.isin(np.arange(len(bright)), list(self.signals))

    def fluxes(self) -> StarFluxes:
        """Return what is measured."""
        errors = np.broadcast_to(self.error[:, None], self.truth.shape).astype(np.float32)
        number = np.arange(len(self.time), dtype=np.int32)
        usable = np.ones(len(number), dtype=np.bool_)
        return StarFluxes(self.stars, self.time, number, usable, (self.clean + self.shared).astype(np.float32), errors)


def make_field(
    seed: int, kind: str = "", *, n_star: int = 420, cadence_s: float = 600.0, n_signal: int = 30, none: bool = False
) -> Field:
    """Make a field of 256 x 256 pixels over a sector of two orbits.

    Parameters
    ----------
    seed : int
        Of the random numbers.
    kind : str
        What some stars of T = 8 to 12 do: ``transits``, ``sinusoids``, ``spared`` (no systematics), nothing.
    n_star : int
        Stars of T = 7.5 to 15.5, half of which are of T < 13.5.
    cadence_s : float
        Cadence, s.
    n_signal : int
        How many of them do that.
    none : bool
        No star has systematics.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, 27.0, cadence_s / 86400)
    time = time[(time < 13) | (time > 14)]
    tmag = np.sort(np.minimum(7.5 + 8 * rng.uniform(size=n_star) ** 0.35, 15.5))
    row, column = rng.uniform(0, _SIDE, (2, n_star))
    mean = flux_of_tmag(tmag)
    error = np.sqrt((mean + _BACKGROUND) / (0.79 * cadence_s))
    size = np.exp(rng.uniform(*np.log(_SIZES)))
    settings = SharedSystematics.of_size(size)
    shared = shared_light(time, row, column, mean, settings, rng).total()
    bright = np.flatnonzero((tmag > 8) & (tmag < 12))
    chosen = rng.choice(bright, min(n_signal, len(bright) // 3), replace=False) if kind else np.zeros(0, int)
    drawn = {"transits": _transit, "sinusoids": _sinusoid, "spared": _nothing}
    signals = {int(star): drawn[kind](time, rng) for star in chosen}
    truth = np.repeat(mean[:, None], len(time), axis=1)
    for star, signal in signals.items():
        truth[star] *= 1 + signal.series
    if kind == "spared" or none:
        shared[slice(None) if none else list(signals)] = 0.0
    nothing = np.zeros(n_star)
    stars = Candidates(
        np.arange(n_star),
        tmag,
        row,
        column,
        np.zeros(n_star, np.int32),
        blend_correlation=nothing,
    )
    clean = truth + error[:, None] * rng.standard_normal(truth.shape)
    return Field(stars, time, mean, error, truth, clean, shared, signals)


def _transit(time: Array, rng: np.random.Generator) -> Signal:
    """Transits of 0.02 to 1 % and 0.5 to 12 h."""
    depth, duration = np.exp(rng.uniform(np.log([2e-4, 0.5 / 24]), np.log([1e-2, 0.5])))
    period = rng.uniform(max(2.0, 4 * duration), 13.0)
    phase = (time - rng.uniform(0, period) + period / 2) % period - period / 2
    return Signal(float(depth), float(period), float(duration), phase)


def _sinusoid(time: Array, rng: np.random.Generator) -> Signal:
    """Sinusoids of 0.3 to 13 d and 0.05 to 5 %."""
    amplitude, period = np.exp(rng.uniform(np.log([5e-4, 0.3]), np.log([5e-2, 13.0])))
    return Signal(float(amplitude), float(period), 0.0, 2 * np.pi * time / period + rng.uniform(0, 2 * np.pi))


def _nothing(time: Array, _rng: np.random.Generator) -> Signal:
    return Signal(0.0, 1.0, 0.0, np.zeros_like(time))


def learnt(field: Field) -> TrendSet:
    """Return the trends of a field."""
    return learn_trends(field.fluxes())


def corrected(field: Field, trends: TrendSet) -> CorrectedFluxes:
    """Return the light curves of a field without trends."""
    given = field.fluxes()
    stars = field.stars
    return corrected_fluxes(trends, stars.starid, stars.row, stars.column, given.flux, given.flux_err, given.usable)


def scatter(flux: Array, time: Array, hours: float = 6.5) -> Array:
    """Return the standard deviation of means over so many hours, (n_star,)."""
    number = np.floor((time - time[0]) * 24 / hours + 1e-6).astype(np.int64)
    start = np.flatnonzero(np.diff(number, prepend=-1))
    count = np.diff(np.append(start, len(time)))
    means = np.add.reduceat(flux.astype(np.float64), start, axis=-1) / count
    return np.asarray(means[:, count > count.max() / 2].std(axis=1))


def depths(flux: Array, field: Field) -> Array:
    """Return the depths of the transits, between them and as much time to either side, (n_signal,) e-/s."""
    found = []
    for star, signal in field.signals.items():
        inside = np.abs(signal.phase) < signal.duration / 2
        beside = ~inside & (np.abs(signal.phase) < 1.5 * signal.duration)
        found.append(flux[star, beside].mean(dtype=np.float64) - flux[star, inside].mean(dtype=np.float64))
    return np.array(found)


def depth_errors(field: Field) -> Array:
    """Return the standard errors of these depths by noise, (n_signal,) e-/s."""
    found = []
    for star, signal in field.signals.items():
        inside = np.abs(signal.phase) < signal.duration / 2
        beside = ~inside & (np.abs(signal.phase) < 1.5 * signal.duration)
        found.append(field.error[star] * np.sqrt(1 / max(inside.sum(), 1) + 1 / max(beside.sum(), 1)))
    return np.array(found)


def amplitudes(flux: Array, field: Field) -> Array:
    """Return the amplitudes of the sinusoids by least squares, (n_signal,) e-/s."""
    found = []
    for star, signal in field.signals.items():
        waves = np.stack([np.ones_like(signal.phase), np.sin(signal.phase), np.cos(signal.phase)], axis=1)
        found.append(np.hypot(*np.linalg.lstsq(waves, flux[star].astype(np.float64), rcond=None)[0][1:]))
    return np.array(found)
