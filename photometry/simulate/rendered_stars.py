"""Images of very many moving stars, by expansion in the movement.

All stars of a CCD are rendered exactly at a few movements, the Chebyshev points of the range over which they move. In
every cadence each pixel is the polynomial through these images, at the movement of its own place (which differs from
that of the star's place by 1e-4 pixel at most). With 5x5 points over 0.2 px that is within 1e-4 of the peak of a star,
usually 1e-5. `photometry.simulate.render` gives the exact images, at 2 microseconds per star and cadence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.prf.prf_grid import FOOTPRINT, PrfGrid
from photometry.simulate.ccd_motion import AffineMotion, shift_ranges
from photometry.simulate.render import spline_coefficients, spline_weights

__all__ = ["REACH", "StampExpansion", "StarStamps", "add_stamps", "expand"]

_Floats = npt.NDArray[np.float64]
_Images = npt.NDArray[np.float32]

#: Range of movement on either side of the middle that one expansion serves, pixels.
REACH = 0.1
#: Points per axis; fewer for ranges up to `_SHORT_REACH`, pixels.
_N_POINT, _N_POINT_SHORT, _SHORT_REACH = 5, 3, 0.025
#: Least range, so that the points of a single cadence are apart, pixels.
_LEAST_REACH = 1e-3
#: Stars whose stamps are made at once: bounds the memory.
_STARS_AT_ONCE = 256
#: Rows that are evaluated at once: what stays in a processor's cache.
_ROWS_AT_ONCE = 32


class StarStamps:
    """PRF of stars in the pixels around them, ready for any movement.

    Parameters
    ----------
    grid : PrfGrid
        PRF; every star has that of its place without motion.
    row, column : (n_star,) float64
        0-based CCD position without motion, pixels.
    """

    def __init__(self, grid: PrfGrid, row: _Floats, column: _Floats) -> None:
        self._coefficients = spline_coefficients(grid).astype(np.float32)
        places, mix = grid.mixture(row, column)
        self._mix = np.zeros((len(row), len(self._coefficients)), dtype=np.float32)
        np.add.at(self._mix, (np.arange(len(row))[:, None], places), mix.astype(np.float32))
        self._row, self._column = row, column

    def at(
        self,
        which: npt.NDArray[np.int64],
        shift: tuple[npt.ArrayLike, npt.ArrayLike],
        offsets: tuple[_Floats, _Floats] = (np.zeros(1), np.zeros(1)),
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], _Images]]:
        """Yield the stamps of moved stars, some at a time.

        Parameters
        ----------
        which : (n,) int64
            The stars.
        shift : (row shift, column shift)
            Movement of all of them or of each, pixels.
        offsets : (row offsets, column offsets)
            Further movements, all combinations of which are given, pixels.

        Yields
        ------
        members : (m,) int64
            Indices into `which`.
        first_row, first_column : (m,) int64
            First pixel of each stamp.
        stamps : (m, n_offset, FOOTPRINT, FOOTPRINT) float32
            Fraction of the light; offsets in row-major order.
        """
        axes = [
            _axis(place[which] + np.asarray(by), offset)
            for place, by, offset in zip((self._row, self._column), shift, offsets, strict=True)
        ]
        (first_row, tap_row, weight_row), (first_column, tap_column, weight_column) = axes
        taps = np.stack([tap_row, tap_column], axis=1)
        kinds, kind_of = np.unique(taps, axis=0, return_inverse=True)
        for kind, (low_row, low_column) in enumerate(kinds):
            patch = self._patch(low_row, weight_row.shape[2], low_column, weight_column.shape[2])
            same = np.flatnonzero(kind_of == kind)
            for start in range(0, len(same), _STARS_AT_ONCE):
                members = same[start : start + _STARS_AT_ONCE]
                mixed = (self._mix[which[members]] @ patch).reshape(len(members), -1, FOOTPRINT**2)
                on_row, on_column = weight_row[members], weight_column[members]
                weights = on_row[:, :, None, :, None] * on_column[:, None, :, None, :]
                stamps = weights.reshape(len(members), -1, mixed.shape[1]) @ mixed
                shape = (len(members), -1, FOOTPRINT, FOOTPRINT)
                yield members, first_row[members], first_column[members], stamps.reshape(shape)

    def _patch(self, low_row: int, n_row: int, low_column: int, n_column: int) -> _Images:
        """Coefficients that stars of one phase meet: (n_place, row tap * column tap * pixel row * pixel column)."""
        step = PRF_SAMPLES_PER_PIXEL * (np.arange(FOOTPRINT) - FOOTPRINT // 2) + self._coefficients.shape[-1] // 2
        rows = low_row + np.arange(n_row)[:, None] + step
        columns = low_column + np.arange(n_column)[:, None] + step
        patch = self._coefficients[:, rows[:, None, :, None], columns[None, :, None, :]]
        return patch.reshape(len(patch), -1)


def _axis(
    position: _Floats, offsets: _Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """First pixel of each star's window, first spline it meets, and weights (n_star, n_offset, n_tap), on one axis."""
    nearest = np.rint(position).astype(np.int64)
    sample = PRF_SAMPLES_PER_PIXEL * (nearest - position)[:, None] - PRF_SAMPLES_PER_PIXEL * offsets
    low = np.floor(sample).astype(np.int64)
    first = low.min(axis=1) - 1 if len(low) else np.zeros(0, dtype=np.int64)
    reach = int(np.ptp(low, axis=1).max()) if len(low) else 0
    weights = np.zeros((*sample.shape, reach + 4), dtype=np.float32)
    star, offset = np.ogrid[: sample.shape[0], : sample.shape[1]]
    for tap, weight in enumerate(spline_weights(sample - low)):
        weights[star, offset, low - 1 - first[:, None] + tap] = weight
    return nearest - FOOTPRINT // 2, first, weights


@dataclass(frozen=True, slots=True)
class StampExpansion:
    """Images of all stars as a polynomial of the movement.

    Parameters
    ----------
    stamp : Stamp
        The pixels.
    center, reach : (2,) float64
        Middle and half width of the range of row and column shifts, pixels.
    images : (n_point, n_point, n_row, n_column) float32
        Images at the Chebyshev points of the row (first axis) and column shift, e-/s.
    """

    stamp: Stamp
    center: _Floats
    reach: _Floats
    images: _Images

    def image(self, motion: AffineMotion, cadence: int) -> _Images:
        """Return the image of the stars in a cadence, (n_row, n_column) float32, e-/s."""
        made = np.empty(self.stamp.shape, dtype=np.float32)
        columns = np.arange(self.stamp.col_min, self.stamp.col_max, dtype=np.float64)[None, :]
        basis = _lagrange_coefficients(len(self.images)).astype(np.float32)
        for start in range(0, self.stamp.shape[0], _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, self.stamp.shape[0]))
            rows = np.arange(self.stamp.row_min + part.start, self.stamp.row_min + part.stop, dtype=np.float64)[:, None]
            shifts = motion.shifts_in(cadence, rows, columns)
            on_row, on_column = (
                _values(basis, ((shifts[axis] - self.center[axis]) / self.reach[axis]).astype(np.float32))
                for axis in (0, 1)
            )
            total = np.zeros(on_row[0].shape, dtype=np.float32)
            product = np.empty_like(total)
            for k, weight in enumerate(on_row):
                inner = np.zeros_like(total)
                for n, other in enumerate(on_column):
                    np.multiply(self.images[k, n, part], other, out=product)
                    inner += product
                inner *= weight
                total += inner
            made[part] = total
        return made


def expand(
    stamps: StarStamps,
    flux: npt.NDArray[np.float32],
    stamp: Stamp,
    star_margin: int,
    motion: AffineMotion,
    cadences: npt.NDArray[np.int64],
) -> StampExpansion:
    """Expand the images of all stars over the range of movements of some cadences.

    Parameters
    ----------
    stamps : StarStamps
        The stars.
    flux : (n_star,) float32
        e-/s.
    stamp : Stamp
        The pixels.
    star_margin : int
        Pixels around the stamp in which there are stars.
    motion : AffineMotion
        The motion.
    cadences : (n,) int64
        Cadences of like motion.
    """
    low, high = shift_ranges(motion, stamp.grown(star_margin))
    low, high = low[cadences].min(axis=0), high[cadences].max(axis=0)
    center, reach = (low + high) / 2, np.maximum((high - low) / 2, _LEAST_REACH)
    n_point = _N_POINT if reach.max() > _SHORT_REACH else _N_POINT_SHORT
    points = _points(n_point)
    margin = star_margin + FOOTPRINT // 2 + 1 + int(np.ceil(np.abs(center).max()))
    wide = stamp.grown(margin)
    images = np.zeros((n_point**2, *wide.shape), dtype=np.float32)
    every = np.arange(len(flux))
    for members, first_row, first_column, light in stamps.at(
        every, (center[0], center[1]), (reach[0] * points, reach[1] * points)
    ):
        add_stamps(images, wide, first_row, first_column, light * flux[members, None, None, None])
    inner = images[:, margin:-margin, margin:-margin]
    return StampExpansion(stamp, center, reach, inner.reshape(n_point, n_point, *stamp.shape, copy=None))


def add_stamps(
    images: _Images,
    wide: Stamp,
    first_row: npt.NDArray[np.int64],
    first_column: npt.NDArray[np.int64],
    stamps: _Images,
) -> None:
    """Add stamps (n_star, n_image, FOOTPRINT, FOOTPRINT) to images (n_image, n_row, n_column) of `wide`, in place."""
    first_row, first_column = first_row - wide.row_min, first_column - wide.col_min
    for star, (row, column) in enumerate(zip(first_row.tolist(), first_column.tolist(), strict=True)):
        images[:, row : row + FOOTPRINT, column : column + FOOTPRINT] += stamps[star]


def _points(n_point: int) -> _Floats:
    """Chebyshev points of the interval -1 to 1."""
    return np.asarray(chebyshev.chebpts1(n_point), dtype=np.float64)


def _lagrange_coefficients(n_point: int) -> _Floats:
    """Coefficients (point, power) of the polynomials that are 1 at one point and 0 at the others."""
    powers = np.vander(_points(n_point), n_point, increasing=True)
    return np.asarray(np.linalg.inv(powers).T, dtype=np.float64)


def _values(basis: npt.NDArray[np.float32], place: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Values of the polynomials at places between -1 and 1, by Horner's scheme."""
    values = []
    for coefficients in basis:
        value = np.full_like(place, coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            value *= place
            value += coefficient
        values.append(value)
    return values
