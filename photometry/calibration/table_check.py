"""Do star table and pixels belong together? Told before any fit, as without that no flux means anything.

The light that the table expects is compared with the light that is there. What counts are sources in the pixels of
which the table knows nothing, bright stars of the table where it is dark, and a common shift of all stars.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.background.starlight import catalogue_light
from photometry.calibration.region_tiles import evenly_chosen
from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.stars import LIGHT_REACH, Stars
from photometry.core.statistics import MAD_TO_SIGMA
from photometry.prf.prf_grid import PrfGrid

__all__ = ["NO_SHIFT", "CheckedStar", "StampCheck", "TableShift", "checked_cube", "checked_stamp", "static_image"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
_Light = Mapping[tuple[int, int], npt.NDArray[np.float32]]

#: Cadences whose median is the light of the stars.
_STATIC_CADENCES = 48
#: A source is a local maximum that stands out of the pixels around it by this, e-/s, as a star of T=15.6 does that is
#: alone, and by so many standard errors. Its highest pixel has about this share of its light.
_LEAST_CONTRAST, _SIGNIFICANT, _PEAK_SHARE = 30.0, 6.0, 0.35
#: Where the table expects less than this share of a source within a pixel of it, it does not explain the source; where
#: the pixels have less than this share of a star, it is dark.
_SHARE_THERE = 0.3
#: Stars of the table whose highest pixel is brighter are bright, e-/s (T=14.3).
_BRIGHT = 100.0
#: Without a star of the table this near, the table does not cover a source, pixels.
_COVERED_PIX = 3.0
#: Brighter stars saturate (T). Pixels above this share their light along their columns (e-/s), and so many columns on
#: either side tell nothing.
_SATURATED_TMAG, _BLEEDING, _SPOILT_COLUMNS = 7.3, 5e4, 2
#: Shifts that are tried, pixels: whole ones up to this, and halves around the best of them.
_MOST_SHIFT = 6
#: Light from which pixels count by its logarithm, e-/s: a bright star tells no more than others.
_SOFT = 10.0
#: A shift explains the image if no more than this share of the mean square of its logarithms is left.
_LEFT_AT_MOST = 0.5
#: Fewest pixels that tell a shift.
_FEWEST_PIXELS = 9
#: Expected stars beside the pixels, so many that it is no accident if there is none.
_MANY = 10.0


@dataclass(frozen=True, slots=True)
class CheckedStar:
    """A source that the table lacks, or a star of the table that is not there.

    Parameters
    ----------
    starid : int
        TIC number; 0 for a source.
    row, column : float
        0-based CCD place, pixels.
    tmag : float
        TESS magnitude; of a source, by its highest pixel.
    """

    starid: int
    row: float
    column: float
    tmag: float


@dataclass(frozen=True, slots=True)
class TableShift:
    """Shift of all stars of the table by which they agree best with the pixels.

    Parameters
    ----------
    rows, columns : float
        The stars are so far from their places, pixels; 0 where the pixels do not tell.
    gain : float
        Mean square of the differences between the logarithms of the light that is there and that is expected, in units
        of that after the shift.
    """

    rows: float
    columns: float
    gain: float

    @property
    def length(self) -> float:
        """Length of the shift, pixels."""
        return float(np.hypot(self.rows, self.columns))


#: The pixels do not tell a shift.
NO_SHIFT = TableShift(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class StampCheck:
    """How some pixels agree with the star table.

    Parameters
    ----------
    stamp : Stamp
        The pixels.
    n_star : int
        Stars of the table on them.
    n_source : int
        Sources that the pixels show.
    n_unexplained : int
        Sources where the table expects less than a third of the light.
    n_lacking : int
        Those of them that the table says nothing of: none of its stars is within 3 px, or all are brighter.
    light, unexplained_light : float
        Sum of the highest pixels of all sources, and of those that are not explained, e-/s.
    n_bright, n_dark : int
        Bright stars of the table, and those of them where the pixels have less than a third of their light.
    faintest : float
        Magnitude of the faintest star of the table on and around the pixels; -inf without one.
    shift : TableShift
        Shift of all stars.
    empty_sides : int
        Of the four strips around the pixels from which stars shine into them, those without a star where more than ten
        are expected.
    missing : CheckedStar or None
        The brightest source that is not explained.
    dark : CheckedStar or None
        The brightest star of the table where it is dark.
    """

    stamp: Stamp
    n_star: int
    n_source: int
    n_unexplained: int
    n_lacking: int
    light: float
    unexplained_light: float
    n_bright: int
    n_dark: int
    faintest: float
    shift: TableShift
    empty_sides: int
    missing: CheckedStar | None
    dark: CheckedStar | None


@dataclass(frozen=True, slots=True)
class _Sources:
    """Sources in an image: row and column in it, and how far they stand out of the pixels around them, e-/s."""

    row: _Ints
    column: _Ints
    contrast: _Floats


def checked_cube(cube: Cube, stars: Stars, prf: PrfGrid) -> StampCheck:
    """Compare the pixels of a cube with the light that a star table expects; see `checked_stamp`."""
    return checked_stamp(*static_image(cube), cube.stamp, stars, prf)


def static_image(cube: Cube) -> tuple[_Floats, _Floats]:
    """Return the light that is the same in all unflagged cadences, and its standard error, (n_row, n_column) e-/s each.

    NaN where nothing was measured.
    """
    good = np.flatnonzero(cube.usable)
    chosen = evenly_chosen(good if len(good) else np.arange(cube.n_cadence), _STATIC_CADENCES)
    images = cube.images[chosen].astype(np.float64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice")
        image = np.nanmedian(images, axis=0)
        scatter = MAD_TO_SIGMA * np.nanmedian(np.abs(images - image), axis=0)
    count = np.maximum(np.isfinite(images).sum(axis=0), 1)
    return image, np.sqrt(np.pi / 2 / count) * scatter


def checked_stamp(image: _Floats, error: _Floats, stamp: Stamp, stars: Stars, prf: PrfGrid) -> StampCheck:
    """Compare an image with the light that a star table expects.

    Parameters
    ----------
    image, error : (n_row, n_column) float64
        Light less the large-scale background, and its standard error, e-/s; NaN where not measured.
    stamp : Stamp
        The pixels.
    stars : Stars
        Stars of the table on the pixels and `photometry.core.stars.LIGHT_REACH` around them.
    prf : PrfGrid
        PRF; the built-in model will do.
    """
    usable = np.isfinite(image) & ~_spoilt(image, stamp, stars)
    filled = np.where(np.isfinite(image), image, 0.0)
    light = _expected(prf, stamp, stars)
    found = _sources(image, error, usable)
    unexplained = _is_dark(_cut(light[0, 0], stamp, 0, 0), found)
    row, column = found.row + stamp.row_min, found.column + stamp.col_min
    tmag = ZERO_POINT_TMAG - 2.5 * np.log10(found.contrast / _PEAK_SHARE)
    faintest = float(stars.tmag.max(initial=-np.inf))
    away = np.hypot(row[:, None] - stars.row, column[:, None] - stars.column).min(axis=1, initial=np.inf)
    lacking = unexplained & ((away > _COVERED_PIX) | (tmag > faintest))
    bright, dark = _bright_and_dark(filled, usable, stamp, stars, found)
    sources = Stars(np.zeros_like(row), row.astype(np.float64), column.astype(np.float64), tmag)
    return StampCheck(
        stamp=stamp,
        n_star=int(stamp.contains(stars.row, stars.column).sum()),
        n_source=len(sources),
        n_unexplained=int(unexplained.sum()),
        n_lacking=int(lacking.sum()),
        light=float(found.contrast.sum()),
        unexplained_light=float(found.contrast[unexplained].sum()),
        n_bright=len(bright),
        n_dark=len(dark),
        faintest=faintest,
        shift=_best_shift(filled, usable, stamp, light, found),
        empty_sides=_empty_sides(stamp, stars),
        missing=_brightest(sources.select(unexplained)),
        dark=_brightest(stars.select(dark)),
    )


def _brightest(stars: Stars) -> CheckedStar | None:
    if not len(stars):
        return None
    k = int(np.argmin(stars.tmag))
    return CheckedStar(int(stars.starid[k]), float(stars.row[k]), float(stars.column[k]), float(stars.tmag[k]))


def _spoilt(image: _Floats, stamp: Stamp, stars: Stars) -> _Bools:
    """Pixels that saturated stars bleed into, and those beside them."""
    bleeds = np.nan_to_num(image) > _BLEEDING
    columns = np.rint(stars.column[stars.tmag < _SATURATED_TMAG]).astype(np.int64) - stamp.col_min
    bleeds[:, columns[(columns >= 0) & (columns < stamp.shape[1])]] = True
    return np.asarray(
        ndimage.binary_dilation(bleeds, np.ones((3, 2 * _SPOILT_COLUMNS + 1), dtype=np.bool_)), dtype=np.bool_
    )


def _expected(prf: PrfGrid, stamp: Stamp, stars: Stars) -> _Light:
    """Light that the table expects on and around the pixels, with the stars where they are and half a pixel further.

    By half pixels along rows and along columns: (0, 0), (0, 1), (1, 0), (1, 1).
    """
    wide = stamp.grown(_MOST_SHIFT + 1)
    return {
        (row, column): catalogue_light(prf, wide, stars.row + row / 2, stars.column + column / 2, stars.tmag)
        for row in (0, 1)
        for column in (0, 1)
    }


def _cut(light: npt.NDArray[np.float32], stamp: Stamp, rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Cut the pixels out of the light on and around them, with its stars shifted by whole rows and columns."""
    first_row, first_column = _MOST_SHIFT + 1 - rows, _MOST_SHIFT + 1 - columns
    return light[first_row : first_row + stamp.shape[0], first_column : first_column + stamp.shape[1]]


def _shifted(light: _Light, stamp: Stamp, rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Light that is expected on the pixels when all stars are shifted by half pixels."""
    return _cut(light[rows % 2, columns % 2], stamp, rows // 2, columns // 2)


def _is_dark(expected: npt.NDArray[np.float32], found: _Sources) -> _Bools:
    """Tell at which sources too little light is expected, (n_source,)."""
    return np.asarray(ndimage.maximum_filter(expected, 3)[found.row, found.column] < _SHARE_THERE * found.contrast)


def _best_shift(image: _Floats, usable: _Bools, stamp: Stamp, light: _Light, found: _Sources) -> TableShift:
    """Find the shift of the stars by which they agree best with the image.

    One that leaves sources unexplained is an accident: the stars of another field fit some of them, too.
    """
    if usable.sum() < _FEWEST_PIXELS:
        return NO_SHIFT
    measured = np.arcsinh(image[usable] / _SOFT)
    logarithms = {phase: np.arcsinh(values / np.float32(_SOFT)) for phase, values in light.items()}

    def left(shift: tuple[int, int]) -> float:
        return float(np.var(measured - _shifted(logarithms, stamp, *shift)[usable]))

    steps = range(-2 * _MOST_SHIFT, 2 * _MOST_SHIFT + 1, 2)
    whole = min(((rows, columns) for rows in steps for columns in steps), key=left)
    best = min(((whole[0] + rows, whole[1] + columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1)), key=left)
    settled = _shifted(light, stamp, *best)
    if left(best) > _LEFT_AT_MOST * float(np.var(measured)):
        return NO_SHIFT
    still_dark = found.contrast[_is_dark(settled, found)].sum()
    if settled[usable].max() < _LEAST_CONTRAST or still_dark > _SHARE_THERE * found.contrast.sum():
        return NO_SHIFT
    return TableShift(best[0] / 2, best[1] / 2, left((0, 0)) / max(left(best), 1e-12))


def _sources(image: _Floats, error: _Floats, usable: _Bools) -> _Sources:
    """Find local maxima; those at the border are left out, as their stars may be outside."""
    high = np.where(np.isfinite(image), image, -np.inf)
    top = (ndimage.maximum_filter(high, 3, mode="constant", cval=-np.inf) == high) & usable
    top[[0, -1]] = top[:, [0, -1]] = False
    row, column = np.nonzero(top)
    padded = np.pad(image, 2, constant_values=np.nan)
    ring = [(a, b) for a in range(5) for b in range(5) if max(abs(a - 2), abs(b - 2)) == 2]
    around = np.reshape([padded[row + a, column + b] for a, b in ring], (len(ring), len(row)))
    known = np.isfinite(around).any(axis=0)
    row, column = row[known], column[known]
    contrast = image[row, column] - np.nanmedian(around[:, known], axis=0)
    stands_out = contrast > np.maximum(_LEAST_CONTRAST, _SIGNIFICANT * error[row, column])
    return _Sources(row[stands_out], column[stands_out], contrast[stands_out])


def _bright_and_dark(
    image: _Floats, usable: _Bools, stamp: Stamp, stars: Stars, found: _Sources
) -> tuple[_Ints, _Ints]:
    """Bright stars of the table away from the border and from bad pixels, and those of them where it is dark."""
    peak = _PEAK_SHARE * stars.flux
    bright = np.flatnonzero((peak > _BRIGHT) & (stamp.border_distance(stars.row, stars.column) > 1.0))
    row = np.rint(stars.row[bright]).astype(np.int64) - stamp.row_min
    column = np.rint(stars.column[bright]).astype(np.int64) - stamp.col_min
    clean = ndimage.minimum_filter(usable, 3)[row, column]
    bright, row, column = bright[clean], row[clean], column[clean]
    # A star that is faint now is still a source.
    is_source = np.zeros(stamp.shape, dtype=np.bool_)
    is_source[found.row, found.column] = True
    dim = ndimage.maximum_filter(image, 3)[row, column] < _SHARE_THERE * peak[bright]
    return bright, bright[dim & ~ndimage.maximum_filter(is_source, 3)[row, column]]


def _empty_sides(stamp: Stamp, stars: Stars) -> int:
    """Count the sides beside which the table has no star where many are expected."""
    density = stamp.contains(stars.row, stars.column).sum() / stamp.n_pixel
    outer = stamp.grown(LIGHT_REACH)
    strips = (
        Stamp(outer.row_min, stamp.row_min, stamp.col_min, stamp.col_max),
        Stamp(stamp.row_max, outer.row_max, stamp.col_min, stamp.col_max),
        Stamp(stamp.row_min, stamp.row_max, outer.col_min, stamp.col_min),
        Stamp(stamp.row_min, stamp.row_max, stamp.col_max, outer.col_max),
    )
    return sum(
        bool(density * one.n_pixel > _MANY and not one.contains(stars.row, stars.column).any()) for one in strips
    )
