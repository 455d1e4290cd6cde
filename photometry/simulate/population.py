"""The stars of a scene: where they are, how bright, how they vary."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.stars import Stars, flux_of_tmag
from photometry.simulate.scene_settings import SceneSettings

__all__ = ["CONSTANT", "FIRST_STARID", "Population", "fluxes_of", "populate", "true_fluxes", "variability_of"]

_Floats = npt.NDArray[np.float64]

#: Number of the first star: behind all real TIC numbers of bright stars, made up.
FIRST_STARID = 900_000_001
#: Kind of a star that does not vary.
CONSTANT = "const"
#: Kinds of variable stars and their shares.
_VARIABLES = {"sine": 0.4, "transit": 0.3, "eb": 0.3}
#: Magnitudes of constant stars that are given an eclipsing neighbour.
_PAIR_TMAGS = (9.0, 13.5)
#: Distance of pairs from the edge of the pixels, as far as the pixels allow it, pixels.
_PAIR_BORDER_PIX = 4.0


@dataclass(frozen=True, slots=True)
class Population:
    """Stars on the CCD, brightest first but for the eclipsing neighbours at the end.

    Parameters
    ----------
    starid : (n_star,) int64
        Made-up TIC numbers.
    row, column : (n_star,) float64
        True 0-based CCD position without motion, pixels.
    tmag : (n_star,) float64
        True magnitude out of transit or eclipse.
    kind : (n_star,) str
        ``const``, ``sine``, ``transit``, ``eb``.
    pairs : (n_pair, 2) int64
        Index of a constant star and of its eclipsing neighbour.
    separation : (n_pair,) float64
        Distance of the two, pixels.
    """

    starid: npt.NDArray[np.int64]
    row: _Floats
    column: _Floats
    tmag: _Floats
    kind: npt.NDArray[np.str_]
    pairs: npt.NDArray[np.int64]
    separation: _Floats

    @property
    def stars(self) -> Stars:
        """The stars at their true places and with their true magnitudes."""
        return Stars(self.starid, self.row, self.column, self.tmag)


def populate(settings: SceneSettings, rng: np.random.Generator) -> Population:
    """Draw stars uniformly on the sky, with the magnitudes of the Galaxy."""
    area = settings.stamp.grown(settings.star_margin)
    square_deg = area.n_pixel * (ARCSEC_PER_PIXEL / 3600) ** 2

    def brighter(tmag: float) -> float:
        return settings.density * square_deg * 10 ** (settings.magnitude_slope * (tmag - 16))

    low, high = brighter(settings.brightest_tmag), brighter(settings.faintest_tmag)
    n_drawn = rng.poisson(high - low)
    tmag = 16 + np.log10(rng.uniform(low, high, n_drawn) / brighter(16)) / settings.magnitude_slope
    row = rng.uniform(area.row_min - 0.5, area.row_max - 0.5, n_drawn)
    column = rng.uniform(area.col_min - 0.5, area.col_max - 0.5, n_drawn)
    row, column, tmag = _with_extra(settings, rng, row, column, tmag)
    order = np.argsort(tmag)
    row, column, tmag = row[order], column[order], tmag[order]
    kind = np.full(len(tmag), CONSTANT, dtype="U8")
    varies = rng.random(len(tmag)) < settings.variable_fraction
    kind[varies] = rng.choice(list(_VARIABLES), size=int(varies.sum()), p=list(_VARIABLES.values()))
    return _with_pairs(settings, rng, row, column, tmag, kind)


def _with_extra(
    settings: SceneSettings, rng: np.random.Generator, row: _Floats, column: _Floats, tmag: _Floats
) -> tuple[_Floats, _Floats, _Floats]:
    """Add the stars that the settings name: the first in the middle, the others anywhere on the pixels."""
    extra, stamp = np.asarray(settings.extra_tmags, dtype=np.float64), settings.stamp
    extra_row = rng.uniform(stamp.row_min, stamp.row_max - 1, len(extra))
    extra_column = rng.uniform(stamp.col_min, stamp.col_max - 1, len(extra))
    extra_row[:1] = stamp.center[0] + rng.uniform(-0.5, 0.5, len(extra[:1]))
    extra_column[:1] = stamp.center[1] + rng.uniform(-0.5, 0.5, len(extra[:1]))
    return np.append(row, extra_row), np.append(column, extra_column), np.append(tmag, extra)


def _with_pairs(
    settings: SceneSettings,
    rng: np.random.Generator,
    row: _Floats,
    column: _Floats,
    tmag: _Floats,
    kind: npt.NDArray[np.str_],
) -> Population:
    """Put eclipsing neighbours, up to 2 mag brighter or fainter, beside constant stars well inside the pixels."""
    border = min(_PAIR_BORDER_PIX, min(settings.stamp.shape) / 4)
    suits = (kind == CONSTANT) & (tmag > _PAIR_TMAGS[0]) & (tmag < _PAIR_TMAGS[1])
    suits &= settings.stamp.border_distance(row, column) > border
    hosts = np.flatnonzero(suits)
    hosts = np.sort(rng.permutation(hosts)[: settings.n_pairs])
    separation = rng.uniform(*settings.pair_separation_pix, len(hosts))
    angle = rng.uniform(0, 2 * np.pi, len(hosts))
    neighbours = len(tmag) + np.arange(len(hosts))
    return Population(
        starid=FIRST_STARID + np.arange(len(tmag) + len(hosts), dtype=np.int64),
        row=np.append(row, row[hosts] + separation * np.sin(angle)),
        column=np.append(column, column[hosts] + separation * np.cos(angle)),
        tmag=np.append(tmag, tmag[hosts] + rng.uniform(-2, 2, len(hosts))),
        kind=np.append(kind, np.full(len(hosts), "eb", dtype="U8")),
        pairs=np.stack([hosts, neighbours], axis=1).astype(np.int64),
        separation=separation,
    )


def fluxes_of(population: Population, time: _Floats, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw light curves of all stars; parameters as of `variability_of`.

    Returns
    -------
    (n_star, n_cadence) float32
        Flux, e-/s.
    """
    flux = np.repeat(flux_of_tmag(population.tmag)[:, None], len(time), axis=1).astype(np.float32)
    variable, relative = variability_of(population, time, rng)
    flux[variable] *= relative
    return flux


def variability_of(
    population: Population, time: _Floats, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Draw light curves for the variable stars.

    Parameters
    ----------
    population : Population
        The stars.
    time : (n_cadence,) float64
        Time at the stars, d.
    rng : Generator
        Random numbers.

    Returns
    -------
    variable : (n_variable,) int64
        Indices of the stars that vary.
    relative : (n_variable, n_cadence) float32
        Their flux over that out of transit or eclipse.
    """
    variable = np.flatnonzero(population.kind != CONSTANT)
    deep = np.zeros(len(population.kind), dtype=bool)
    deep[population.pairs[:, 1]] = True
    relative = np.empty((len(variable), len(time)), dtype=np.float32)
    for k, star in enumerate(variable):
        if population.kind[star] == "sine":
            relative[k] = _sine(time, rng)
        elif population.kind[star] == "transit":
            relative[k] = _transit(time, rng)
        else:
            relative[k] = _eclipses(time, rng, 0.3 if deep[star] else 0.05)
    return variable, relative


def true_fluxes(
    tmag: _Floats,
    variable: npt.NDArray[np.int64],
    relative: npt.NDArray[np.float32],
    stars: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Return the fluxes of some stars from what `variability_of` gives.

    Parameters
    ----------
    tmag : (n_star,) float64
        Magnitudes out of transit and eclipse.
    variable, relative : (n_variable,) int64, (n_variable, n_cadence) float32
        Stars that vary and their relative fluxes.
    stars : (n,) int64
        Indices of the stars wanted.

    Returns
    -------
    (n, n_cadence) float32
        Flux, e-/s.
    """
    place = np.full(len(tmag), -1)
    place[variable] = np.arange(len(variable))
    varies = place[stars] >= 0
    flux = np.ones((len(stars), relative.shape[1]), dtype=np.float32)
    flux[varies] = relative[place[stars][varies]]
    flux *= flux_of_tmag(tmag[stars])[:, None].astype(np.float32)
    return flux


def _sine(time: _Floats, rng: np.random.Generator) -> _Floats:
    amplitude, period = 10 ** rng.uniform(-3, -1), 10 ** rng.uniform(-0.7, 1)
    return 1 + amplitude * np.sin(2 * np.pi * (time / period + rng.random()))


def _transit(time: _Floats, rng: np.random.Generator) -> _Floats:
    depth, period, hours = 10 ** rng.uniform(-2.7, -1.5), rng.uniform(1, 6), rng.uniform(2, 5)
    return 1 - depth * _dip(time, period, rng.random(), hours / 24, 0.15)


def _eclipses(time: _Floats, rng: np.random.Generator, least_depth: float) -> _Floats:
    depth, period, hours = rng.uniform(least_depth, 0.6), rng.uniform(0.7, 3), rng.uniform(4, 7)
    phase, secondary = rng.random(), depth * rng.uniform(0.1, 0.8)
    return (
        1
        - depth * _dip(time, period, phase, hours / 24, 0.4)
        - secondary * _dip(time, period, phase + 0.5, hours / 24, 0.4)
    )


def _dip(time: _Floats, period: float, phase: float, duration: float, ramp: float) -> _Floats:
    """Trapezoids of depth 1; `ramp` is the share of the duration that each flank takes."""
    distance = np.abs((time / period + phase) % 1.0 - 0.5) * period
    return np.clip((duration / 2 - distance) / (ramp * duration), 0.0, 1.0)
