"""WCS of a whole CCD: a gnomonic projection with the distortion of the camera's lenses as SIP polynomials.

The lenses are modelled as radial: a star at the angle theta from the camera axis lies at the distance
``F tan(theta) (1 + k tan(theta)^2)`` from it. The WCS that is fitted to it, of fourth order like SPOC's, is the truth.

References
----------
Shupe et al. 2005, ASP Conf. Ser. 347, 491: the SIP convention.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS, Sip

from photometry.core.constants import FIRST_SCIENCE_COLUMN, N_SCIENCE_COLUMNS, N_SCIENCE_ROWS
from photometry.core.geometry import camera_centre
from photometry.simulate.scene_settings import SceneSettings

__all__ = ["REFERENCE_PIXEL", "ccd_wcs", "moved_wcs", "spacecraft_pointing"]

_Floats = npt.NDArray[np.float64]

#: 0-based row and column of the WCS's reference pixel (keys CRPIX2 and CRPIX1 of real frames, less 1).
REFERENCE_PIXEL = (1000.0, 1044.0)
#: Order of the SIP polynomials (keys A_ORDER and B_ORDER of real frames).
_ORDER = 4
#: Pixels per radian at the axis, and distortion: as real CCDs, 20.55 arcsec per pixel and SIP terms of 2e-5 per pixel.
_FOCAL_PIX, _DISTORTION = 9_720.0, 0.29
#: Angle of the axes of cameras 1 to 4 to the spacecraft's, deg (TESS Instrument Handbook, section 2).
_INCLINATION_DEG = (36.0, 12.0, 12.0, 36.0)
#: Points per axis at which WCS are fitted.
_N_POINT = 25


def ccd_wcs(settings: SceneSettings) -> WCS:
    """Return the WCS of a CCD in its pixels: with origin 0 it gives 0-based (column, row).

    Parameters
    ----------
    settings : SceneSettings
        `ra`, `dec` and `rotation_deg` at the reference pixel, `ccd`.
    """
    rows, columns = _points()
    axis_row, axis_column = camera_centre(settings.ccd)
    directions = _through_lens(columns - axis_column, rows - axis_row)
    middle = _through_lens(
        np.array([REFERENCE_PIXEL[1] - axis_column]), np.array([REFERENCE_PIXEL[0] - axis_row])
    ).ravel()
    along_column = np.array([1.0, 0.0, 0.0]) - middle[0] * middle
    along_column /= np.linalg.norm(along_column)
    along_row = np.cross(middle, along_column)
    plane = directions @ np.stack([along_column, along_row], axis=1) / (directions @ middle)[:, None]
    angle = np.deg2rad(settings.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Positive determinant: TESS images are mirrored against the sky as seen on charts.
    return _fitted(rows, columns, np.rad2deg(plane @ turn.T), (settings.ra % 360, settings.dec))


def spacecraft_pointing(settings: SceneSettings, wcs: WCS) -> tuple[float, float]:
    """Return where the spacecraft points (ra, dec) in deg, to which the axes of its cameras are inclined."""
    row, column = camera_centre(settings.ccd)
    # The cameras stand in line along the rows; towards increasing row from the axis on CCDs 3 and 4.
    onward = row + (1.0 if settings.ccd > 2 else -1.0)
    axis, next_to_it = (SkyCoord(*wcs.all_pix2world(column, at, 0), unit="deg") for at in (row, onward))
    inclined = _INCLINATION_DEG[settings.camera - 1]
    pointing = axis.directional_offset_by(axis.position_angle(next_to_it), inclined * units.deg)
    return float(pointing.ra.deg), float(pointing.dec.deg)


def moved_wcs(wcs: WCS, shift: _Floats) -> WCS:
    """Return the WCS of a frame in which all has moved.

    Parameters
    ----------
    wcs : WCS
        WCS without motion.
    shift : (2, 3) float64
        Row and column shift in pixels: constant, and change per row and per column from the reference pixel on.
    """
    rows, columns = _points()
    terms = np.stack([np.ones_like(rows), rows - REFERENCE_PIXEL[0], columns - REFERENCE_PIXEL[1]], axis=1)
    ra, dec = wcs.all_pix2world(columns, rows, 0)
    moved_rows, moved_columns = rows + terms @ shift[0], columns + terms @ shift[1]
    # The sky that comes to lie on the reference pixel: one Newton step, whose rest the fit's constant would show.
    reference = wcs.all_pix2world(REFERENCE_PIXEL[1] - shift[1, 0], REFERENCE_PIXEL[0] - shift[0, 0], 0)
    crval = (float(reference[0]), float(reference[1]))
    sky = WCS(naxis=2)
    sky.wcs.ctype, sky.wcs.crval, sky.wcs.crpix = ["RA---TAN", "DEC--TAN"], crval, [0.0, 0.0]
    sky.wcs.cdelt, sky.wcs.cunit = [1.0, 1.0], ["deg", "deg"]
    plane = np.stack(sky.wcs_world2pix(ra, dec, 0), axis=-1) + 1.0
    return _fitted(moved_rows, moved_columns, plane, crval)


def _points() -> tuple[_Floats, _Floats]:
    """Rows and columns that cover the science area, (n_point,) each."""
    rows = np.linspace(0, N_SCIENCE_ROWS - 1, _N_POINT)
    columns = np.linspace(FIRST_SCIENCE_COLUMN, FIRST_SCIENCE_COLUMN + N_SCIENCE_COLUMNS - 1, _N_POINT)
    grid = np.meshgrid(rows, columns, indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def _through_lens(column: _Floats, row: _Floats) -> _Floats:
    """Directions of pixels given from the camera axis: (n, 3), along columns, along rows, along the axis."""
    distance = np.hypot(column, row) / _FOCAL_PIX
    tangent = distance.copy()
    for _ in range(20):
        excess = tangent * (1 + _DISTORTION * tangent**2) - distance
        tangent -= excess / (1 + 3 * _DISTORTION * tangent**2)
    ratio = np.divide(tangent, distance, out=np.ones_like(distance), where=distance > 0) / _FOCAL_PIX
    vectors = np.stack([column * ratio, row * ratio, np.ones_like(row)], axis=-1)
    directions: _Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return directions


def _fitted(rows: _Floats, columns: _Floats, plane: _Floats, crval: tuple[float, float]) -> WCS:
    """Fit a TAN-SIP WCS to pixels and their places (n, 2) in the tangent plane about `crval`, deg."""
    scale = 1000.0
    u, v = (columns - REFERENCE_PIXEL[1]) / scale, (rows - REFERENCE_PIXEL[0]) / scale
    powers = [(p, q) for degree in range(_ORDER + 1) for p in range(degree, -1, -1) for q in [degree - p]]
    solved = np.linalg.lstsq(np.stack([u**p * v**q for p, q in powers], axis=1), plane, rcond=None)[0]
    matrix = solved[1:3].T / scale
    distorted = np.linalg.solve(matrix, (plane - solved[0]).T).T / scale
    terms = np.zeros((4, _ORDER + 1, _ORDER + 1))
    forward = np.linalg.solve(matrix, solved[3:].T)
    for k, (p, q) in enumerate(powers[3:]):
        terms[:2, p, q] = forward[:, k] / scale ** (p + q)
    x, y = distorted.T
    back = np.stack([x**p * y**q for p, q in powers[1:]], axis=1)
    inverse = np.linalg.lstsq(back, np.stack([u - x, v - y], axis=1) * scale, rcond=None)[0]
    for k, (p, q) in enumerate(powers[1:]):
        terms[2:, p, q] = inverse[k] / scale ** (p + q)
    wcs: Any = WCS(naxis=2)
    wcs.wcs.crpix = [REFERENCE_PIXEL[1] + 1, REFERENCE_PIXEL[0] + 1]
    wcs.wcs.crval, wcs.wcs.cd = crval, matrix
    wcs.wcs.ctype, wcs.wcs.cunit, wcs.wcs.radesys = ["RA---TAN-SIP", "DEC--TAN-SIP"], ["deg", "deg"], "ICRS"
    wcs.sip = Sip(*terms, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs
