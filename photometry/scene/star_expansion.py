"""Light of stars in the pixels of a stamp: evaluated where the stars are, or expanded in their movement.

Pixels are flat: ``row * n_column + column`` of the stamp. Light too faint to matter is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev
from scipy import linalg

from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT, PlacedPrf
from photometry.prf.spline import Combinations

__all__ = ["VALUE", "PixelLight", "Stencil", "expand_at", "expand_each", "expanded", "joined", "summed_light"]

#: Stars that are expanded at once: bounds the memory.
_STARS_AT_ONCE = 2000
#: The same for stars in several cadences, which have a single value in a pixel.
_PLACES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Stencil:
    """A combination of the PRF of a star at several places along an axis.

    Parameters
    ----------
    offsets : tuple of float
        Places of the star, pixels from where it is.
    weights : tuple of float
        What the PRF at each counts.
    """

    offsets: tuple[float, ...]
    weights: tuple[float, ...]

    def about(self, points: npt.NDArray[np.float64], transform: npt.NDArray[np.float64]) -> Combinations:
        """Return combinations (n_out, n_point) of the PRF at some points, pixels, with the stencil in its place."""
        places: npt.NDArray[np.float64] = np.add.outer(points, self.offsets).ravel()
        return Combinations(places, np.kron(transform, np.asarray(self.weights)))

    @property
    def here(self) -> Combinations:
        """The combination itself, where the star is."""
        return self.about(np.zeros(1), np.ones((1, 1)))


#: The PRF itself.
VALUE = Stencil((0.0,), (1.0,))


@dataclass(frozen=True, slots=True)
class PixelLight:
    """Light of stars in pixels.

    Parameters
    ----------
    pixel : (n_value,) int64
        Flat indices of the pixels, star by star.
    n_kept : (n_star,) int64
        How many pixels each star has.
    terms : (n_term, n_value) float32
        Fraction of the star's light, or coefficients of its expansion.
    """

    pixel: npt.NDArray[np.int64]
    n_kept: npt.NDArray[np.int64]
    terms: npt.NDArray[np.float32]


def joined(groups: Sequence[PixelLight]) -> PixelLight:
    """Join the light of groups of stars."""
    return PixelLight(
        np.concatenate([group.pixel for group in groups]),
        np.concatenate([group.n_kept for group in groups]),
        np.concatenate([group.terms for group in groups], axis=1),
    )


def expand_at(
    prf: PlacedPrf,
    flux: npt.NDArray[np.float64],
    row_shift: npt.NDArray[np.float64],
    column_shift: npt.NDArray[np.float64],
    stamp: Stamp,
    faintest: float,
    changed: npt.NDArray[np.bool_] | None = None,
    changes: Sequence[tuple[tuple[Stencil, Stencil], float | npt.NDArray[np.float64]]] = (),
) -> PixelLight:
    """Evaluate the PRF of stars, each moved by its own shift; other parameters as of `expanded`.

    Parameters
    ----------
    row_shift, column_shift : (n_star,) float64
        Movement, pixels.
    changed : (n_star,) bool, optional
        Stars whose PRF is changed; by default all.
    changes : sequence of ((Stencil, Stencil), float or (n_changed,) float64)
        Differences of the PRF along rows and columns, and how much of each is added to it.
    """
    first_row, first_column, values = prf.evaluate(row_shift, column_shift)
    light = values[:, 0, 0]
    which = np.ones(len(flux), dtype=bool) if changed is None else changed
    for (on_rows, on_columns), share in changes:
        shifts = row_shift[which], column_shift[which]
        _, _, difference = prf.select(which).combined(*shifts, on_rows.here, on_columns.here, [(0, 0)])
        light[which] += np.reshape(share, (-1, 1, 1)).astype(light.dtype) * difference[:, 0]
    keep, pixel = _kept(first_row, first_column, np.abs(light), flux, stamp, faintest)
    return PixelLight(pixel, keep.sum(axis=1), light.reshape(keep.shape)[keep][None].astype(np.float32))


def expand_each(
    prf: PlacedPrf,
    flux: npt.NDArray[np.float64],
    row_shift: npt.NDArray[np.float64],
    column_shift: npt.NDArray[np.float64],
    stamp: Stamp,
    faintest: float,
    changed: npt.NDArray[np.bool_],
    stencils: Sequence[tuple[Stencil, Stencil]],
    shares: npt.NDArray[np.float64],
) -> Iterator[PixelLight]:
    """Evaluate the PRF of stars in some cadences, as `expand_at` does in one: like places of all of them together.

    Parameters
    ----------
    row_shift, column_shift : (n_cadence, n_star) float64
        Movement, pixels.
    changed : (n_star,) bool
        Stars whose PRF is changed.
    stencils : sequence of (Stencil, Stencil)
        Differences of the PRF along rows and columns that are added to it.
    shares : (n_cadence, n_stencil) float64
        How much of each.
    """
    n_star, n_at_once = len(flux), max(1, _PLACES_AT_ONCE // max(len(flux), 1))
    for start in range(0, len(row_shift), n_at_once):
        some = slice(start, start + n_at_once)
        n_some = len(row_shift[some])
        by_star = np.repeat(shares[some], changed.sum(), axis=0).T
        light = expand_at(
            prf.select(np.tile(np.arange(n_star), n_some)),
            np.tile(flux, n_some),
            row_shift[some].ravel(),
            column_shift[some].ravel(),
            stamp,
            faintest,
            np.tile(changed, n_some),
            list(zip(stencils, by_star, strict=True)) if by_star.any() else (),
        )
        edges = np.cumsum(light.n_kept.reshape(n_some, n_star).sum(axis=1))[:-1]
        pixels, terms = np.split(light.pixel, edges), np.split(light.terms, edges, axis=1)
        yield from map(PixelLight, pixels, light.n_kept.reshape(n_some, n_star), terms)


def summed_light(
    prf: PlacedPrf, flux: npt.NDArray[np.float64], stamp: Stamp, *, reach: float, faintest: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the expansion of the summed light of stars about zero movement, and the sum of its squares.

    Parameters
    ----------
    prf : PlacedPrf
        PRF of the stars at zero movement.
    flux : (n_star,) float64
        Flux, e-/s.
    stamp : Stamp
        Pixels of the tile.
    reach, faintest : float
        As of `expanded`.

    Returns
    -------
    images : (N_TERM, n_pixel) float64
        Sum of the stars, e-/s.
    squares : (n_pixel,) float64
        Sum of the squares of the stars' light at zero movement, (e-/s)^2.
    """
    light = expanded(prf, flux, (0.0, 0.0), stamp, reach, faintest, 2)
    terms = light.terms * np.repeat(flux, light.n_kept)
    images = np.stack([np.bincount(light.pixel, term, stamp.n_pixel) for term in terms]).astype(np.float64)
    return images, np.bincount(light.pixel, terms[0] ** 2, stamp.n_pixel).astype(np.float64)


def expanded(
    prf: PlacedPrf,
    flux: npt.NDArray[np.float64],
    movement: tuple[float, float],
    stamp: Stamp,
    reach: float,
    faintest: float,
    degree: int,
    stencils: Sequence[tuple[Stencil, Stencil]] = ((VALUE, VALUE),),
) -> PixelLight:
    """Expand the light of stars about a movement: coefficients of the monomials, by increasing degree.

    Parameters
    ----------
    prf : PlacedPrf
        PRF of the stars at zero movement.
    flux : (n_star,) float64
        Flux, e-/s: decides which light is too faint to be kept.
    movement : (row, column)
        Movement about which is expanded, pixels.
    stamp : Stamp
        The pixels.
    reach : float
        Largest movement per axis from there for which the expansion has to hold, pixels.
    faintest : float
        Light below this in a pixel is left out, e-/s.
    degree : int
        Degree of the polynomial.
    stencils : sequence of (Stencil, Stencil)
        Differences of the PRF along rows and columns that are expanded in place of the PRF itself, one after the other.

    Notes
    -----
    On Chebyshev points the polynomial of least squares is the Chebyshev series cut at the degree.
    """
    angle = np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)
    to_series = 2 / (degree + 1) * np.cos(np.arange(degree + 1)[:, None] * angle)
    to_series[0] /= 2
    points = reach * np.cos(angle)
    on_rows, on_columns = (
        _all_of([one.about(points, to_series) for one in axis]) for axis in zip(*stencils, strict=True)
    )
    order = [(total - k, k) for total in range(degree + 1) for k in range(total + 1)]
    # Series of the first stencil, then of the others.
    pairs = [(k * (degree + 1) + a, k * (degree + 1) + b) for k in range(len(stencils)) for a, b in order]
    to_monomials = np.kron(np.eye(len(stencils)), _series_to_monomials(order, reach)).astype(np.float32)
    groups = []
    for start in range(0, max(len(flux), 1), _STARS_AT_ONCE):
        some = slice(start, start + _STARS_AT_ONCE)
        first_row, first_column, series = prf.select(some).combined(*movement, on_rows, on_columns, pairs)
        keep, pixel = _kept(first_row, first_column, np.abs(series).sum(axis=1), flux[some], stamp, faintest)
        kept = np.stack([term.reshape(keep.shape)[keep] for term in series.transpose(1, 0, 2, 3)]).astype(np.float32)
        groups.append(PixelLight(pixel, keep.sum(axis=1), to_monomials @ kept))
    return joined(groups)


def _all_of(combinations: Sequence[Combinations]) -> Combinations:
    """Join combinations along an axis: all that the first makes, then those of the others."""
    offsets = np.concatenate([one.offsets for one in combinations])
    return Combinations(offsets, linalg.block_diag(*[one.transform for one in combinations]))


def _series_to_monomials(order: list[tuple[int, int]], reach: float) -> npt.NDArray[np.float64]:
    """Matrix that turns coefficients of T_a(dr / reach) T_b(dc / reach) into those of dr^a dc^b, both in `order`."""
    degree = max(a for a, _ in order)
    powers = np.zeros((degree + 1, degree + 1))
    for a in range(degree + 1):
        powers[a, : a + 1] = chebyshev.cheb2poly(np.eye(degree + 1)[a, : a + 1]) / reach ** np.arange(a + 1)
    return np.array([[powers[a, i] * powers[b, j] for a, b in order] for i, j in order])


def _kept(
    first_row: npt.NDArray[np.int64],
    first_column: npt.NDArray[np.int64],
    largest: npt.NDArray[Any],
    flux: npt.NDArray[np.float64],
    stamp: Stamp,
    faintest: float,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which pixels of the stars' windows count, (n_star, FOOTPRINT^2), and their flat indices."""
    n_row, n_column = stamp.shape
    row = (first_row - stamp.row_min)[:, None] + np.arange(FOOTPRINT)
    column = (first_column - stamp.col_min)[:, None] + np.arange(FOOTPRINT)
    inside = ((row >= 0) & (row < n_row))[:, :, None] & ((column >= 0) & (column < n_column))[:, None, :]
    keep = inside & (largest * flux[:, None, None] > faintest)
    pixel = row[:, :, None] * n_column + column[:, None, :]
    return keep.reshape(len(flux), FOOTPRINT**2), pixel[keep]
