"""Pieces of the sky that catalogues are asked for: boxes of right ascension and declination, and which are needed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from photometry.catalog.star_catalog import stamp_on_sky, wcs_of
from photometry.core.geometry import Stamp
from photometry.core.sky import unit_vectors

__all__ = ["SkyBox", "SkyRegion", "boxes_of", "region_around"]

_Floats = npt.NDArray[np.float64]
#: Regions with a smaller radius are asked for by the box around them; larger ones by boxes of one division of the whole
#: sky, so that CCDs side by side, and sectors that see the same stars, have their pieces in common, deg.
_SMALL = 1.5
#: Size of these boxes, deg: at T = 17 they hold 26,000 stars on average, and in the plane of the Galaxy too many.
_SIZE = 2.0
#: Digits of borders in deg, which texts of questions hold.
_DIGITS = 6
#: Circles are this much larger than what they enclose, for the last digits, deg.
_MORE = 1e-5
#: Places along each side of the pixels at which it is compared with a great circle.
_N_ALONG = 17


@dataclass(frozen=True, slots=True)
class SkyBox:
    """A piece of the sky: right ascension and declination from the lower border to below the upper one, deg.

    The pole of a declination of 90 belongs to it. No box reaches across a right ascension of 0.
    """

    ra_min: float
    ra_max: float
    dec_min: float
    dec_max: float

    @property
    def width(self) -> float:
        """Extent along right ascension where it is widest, deg."""
        nearest = 0.0 if self.dec_min < 0 < self.dec_max else min(abs(self.dec_min), abs(self.dec_max))
        return float((self.ra_max - self.ra_min) * np.cos(np.deg2rad(nearest)))

    @property
    def area(self) -> float:
        """Area, deg^2."""
        low, high = np.sin(np.deg2rad([self.dec_min, self.dec_max]))
        return float((self.ra_max - self.ra_min) * np.rad2deg(high - low))

    def circle(self) -> tuple[float, float, float]:
        """Return middle (RA, Dec) and radius of a circle that holds the box, deg."""
        if self.ra_max - self.ra_min > 180:
            # Around a pole, where all corners of narrower boxes would be on one side.
            if abs(self.dec_min) > abs(self.dec_max):
                return 0.0, -90.0, 90.0 + self.dec_max + _MORE
            return 0.0, 90.0, 90.0 - self.dec_min + _MORE
        ra, dec = (self.ra_min + self.ra_max) / 2, (self.dec_min + self.dec_max) / 2
        corners = unit_vectors([self.ra_min, self.ra_min], [self.dec_min, self.dec_max])
        return ra, dec, float(_angles(corners, unit_vectors(ra, dec)).max()) + _MORE

    def contains(self, ra: npt.ArrayLike, dec: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which positions (n,) in deg are in the box, (n,)."""
        ra, dec = np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64)
        below = (dec < self.dec_max) | ((self.dec_max == 90) & (dec == 90))
        return np.asarray((ra >= self.ra_min) & (ra < self.ra_max) & (dec >= self.dec_min) & below, dtype=np.bool_)

    def condition(self, ra: str = "ra", dec: str = "dec") -> str:
        """Return the box in ADQL.

        The circle around it, which catalogues find by an index, is named as well: it is the only shape that MAST's
        service knows.

        Parameters
        ----------
        ra, dec : str
            The columns with the positions.
        """
        centre_ra, centre_dec, radius = self.circle()
        upper = "<=" if self.dec_max == 90 else "<"
        borders = (
            f"{ra} >= {_text(self.ra_min)} AND {ra} < {_text(self.ra_max)} AND "
            f"{dec} >= {_text(self.dec_min)} AND {dec} {upper} {_text(self.dec_max)}"
        )
        circle = f"CIRCLE('ICRS', {centre_ra:.6f}, {centre_dec:.6f}, {radius:.6f})"
        return f"{borders} AND CONTAINS(POINT('ICRS', {ra}, {dec}), {circle}) = 1"

    def halves(self) -> tuple["SkyBox", "SkyBox"]:
        """Return the two halves of the box, cut across its longer side."""
        if self.width > self.dec_max - self.dec_min:
            middle = round((self.ra_min + self.ra_max) / 2, _DIGITS)
            return (
                SkyBox(self.ra_min, middle, self.dec_min, self.dec_max),
                SkyBox(middle, self.ra_max, self.dec_min, self.dec_max),
            )
        middle = round((self.dec_min + self.dec_max) / 2, _DIGITS)
        return (
            SkyBox(self.ra_min, self.ra_max, self.dec_min, middle),
            SkyBox(self.ra_min, self.ra_max, middle, self.dec_max),
        )


@dataclass(frozen=True, slots=True)
class SkyRegion:
    """What stars are wanted for: a circle in the sky, less what is beyond great circles.

    Parameters
    ----------
    ra, dec, radius : float
        The circle, deg.
    sides : (n_side, 3) float64
        Poles of the great circles, on the side of what is wanted.
    margin : float
        What is so far beyond a great circle is wanted, too, deg.
    """

    ra: float
    dec: float
    radius: float
    sides: _Floats
    margin: float

    def contains(self, ra: npt.ArrayLike, dec: npt.ArrayLike, more: float = 0.0) -> npt.NDArray[np.bool_]:
        """Tell which positions (n,) in deg are in the region, or at most `more` deg outside, (n,)."""
        places = unit_vectors(np.atleast_1d(np.asarray(ra)), np.atleast_1d(np.asarray(dec)))
        near = _angles(places, unit_vectors(self.ra, self.dec)) <= self.radius + more
        above = places @ self.sides.T >= -np.sin(np.deg2rad(min(self.margin + more, 90.0)))
        return np.asarray(near & above.all(axis=-1), dtype=np.bool_)


def _angles(places: _Floats, centre: _Floats) -> _Floats:
    """Return the distances of directions (n, 3) from one, (n,), deg."""
    half = np.minimum(np.linalg.norm(places - centre, axis=-1) / 2, 1.0)
    return np.asarray(np.rad2deg(2 * np.arcsin(half)), dtype=np.float64)


def _text(angle: float) -> str:
    return f"{angle:.{_DIGITS}f}"


def region_around(wcs_header: str, stamp: Stamp, around: float) -> SkyRegion:
    """Return the part of the sky on pixels and around them.

    Parameters
    ----------
    wcs_header : str
        WCS in CCD pixels (`photometry.core.cube.CubeHeader.wcs_header`).
    stamp : Stamp
        The pixels.
    around : float
        Stars so far outside the pixels are wanted, deg.
    """
    ra, dec, radius, corners = stamp_on_sky(wcs_header, stamp)
    ends = unit_vectors(corners[:, 0], corners[:, 1])
    sides = np.cross(ends, np.roll(ends, -1, axis=0))
    sides /= np.linalg.norm(sides, axis=-1, keepdims=True)
    sides *= np.sign(sides @ unit_vectors(ra, dec))[:, None]
    # The sides of a CCD are not quite great circles, by its distortion.
    rows = np.array([stamp.row_min, stamp.row_min, stamp.row_max, stamp.row_max, stamp.row_min]) - 0.5
    columns = np.array([stamp.col_min, stamp.col_max, stamp.col_max, stamp.col_min, stamp.col_min]) - 0.5
    along = np.linspace(0, 4, 4 * (_N_ALONG - 1) + 1)
    outline = wcs_of(wcs_header).all_pix2world(
        np.interp(along, np.arange(5), columns), np.interp(along, np.arange(5), rows), 0
    )
    beyond = np.rad2deg(np.arcsin(np.clip(-(unit_vectors(*outline) @ sides.T), 0, 1))).max()
    return SkyRegion(ra, dec, radius + around, sides, around + float(beyond))


def boxes_of(region: SkyRegion) -> list[SkyBox]:
    """Return the boxes that hold a region, none of which overlap."""
    boxes = _around(region) if region.radius < _SMALL else _of_the_sky(region)
    return [box for box in boxes if _is_needed(box, region)]


def _is_needed(box: SkyBox, region: SkyRegion) -> bool:
    ra, dec, radius = box.circle()
    return bool(region.contains(ra, dec, more=radius)[0])


def _around(region: SkyRegion) -> list[SkyBox]:
    """Return the box around a circle: two across a right ascension of 0, all right ascensions around a pole."""
    low, high = _outward(region.dec - region.radius, region.dec + region.radius)
    if low <= -90 or high >= 90:
        return [SkyBox(0.0, 360.0, max(low, -90.0), min(high, 90.0))]
    half = np.rad2deg(np.arcsin(np.sin(np.deg2rad(region.radius)) / np.cos(np.deg2rad(region.dec))))
    left, right = _outward(region.ra - half, region.ra + half)
    if left < 0:
        return [SkyBox(0.0, right, low, high), SkyBox(left + 360, 360.0, low, high)]
    if right > 360:
        return [SkyBox(0.0, right - 360, low, high), SkyBox(left, 360.0, low, high)]
    return [SkyBox(left, right, low, high)]


def _outward(low: float, high: float) -> tuple[float, float]:
    """Round borders to four digits, so that what is between them stays there."""
    return float(np.floor(low * 1e4) / 1e4), float(np.ceil(high * 1e4) / 1e4)


def _of_the_sky(region: SkyRegion) -> list[SkyBox]:
    """Return boxes of the sky's division whose declinations the region reaches."""
    boxes = []
    for number in range(round(180 / _SIZE)):
        low = -90 + number * _SIZE
        high = low + _SIZE
        if high < region.dec - region.radius or low > region.dec + region.radius:
            continue
        widest = np.cos(np.deg2rad(min(abs(low), abs(high))))
        count = max(round(360 * widest / _SIZE), 3)
        borders = [round(360 * place / count, _DIGITS) for place in range(count + 1)]
        boxes += [SkyBox(*ra, low, high) for ra in pairwise(borders)]
    return boxes
