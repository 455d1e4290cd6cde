"""Where a scene is on the sky and in time, and its background light."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from astropy.coordinates import get_body_barycentric
from astropy.time import Time
from astropy.wcs import WCS, Sip

from photometry.core.constants import ARCSEC_PER_PIXEL, BTJD_OFFSET, CATALOG_EPOCH_YEAR
from photometry.core.stars import Stars
from photometry.simulate.scene_settings import SceneSettings

__all__ = [
    "Background",
    "Catalogue",
    "background_light",
    "barycentric_correction",
    "catalogue_of",
    "epoch_year",
    "field_wcs",
    "misplaced",
    "place_in_row",
    "times_of",
]

_Floats = npt.NDArray[np.float64]

#: Sectors from here on are not numbered in a row, and the sector beside which the first of them was observed.
_FIRST_SPECIAL_SECTOR, _BESIDE_SECTOR = 1000, 99
#: BTJD of the first cadence of sector 1 (key TSTART of its files), and mean length of a sector, d.
_FIRST_BTJD, _SECTOR_D = 1325.3, 27.4
#: Speed of light, au/d.
_AU_PER_DAY = 173.144632674
#: Orbital period of TESS, d: scattered light returns with it (IH, section 3).
_ORBIT_D = 13.7
_MAS = np.deg2rad(1 / 3.6e6)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a star catalogue says of the stars.

    Parameters
    ----------
    stars : Stars
        Numbers, places on the CCD at the time of the observation by the true WCS, magnitudes with their errors.
    ra, dec : (n_star,) float64
        J2000 position (epoch and equinox), deg.
    pm_ra, pm_decl : (n_star,) float64
        Proper motion, mas/yr; that in right ascension includes cos(dec).
    teff : (n_star,) float64
        Effective temperature, K.
    """

    stars: Stars
    ra: _Floats
    dec: _Floats
    pm_ra: _Floats
    pm_decl: _Floats
    teff: _Floats

    def select(self, which: npt.NDArray[np.bool_]) -> "Catalogue":
        """Return the entries that a mask chooses."""
        numbers = (getattr(self, name)[which] for name in ("ra", "dec", "pm_ra", "pm_decl", "teff"))
        return Catalogue(self.stars.select(which), *numbers)


@dataclass(frozen=True, slots=True)
class Background:
    """Background light as a sum of patterns.

    Parameters
    ----------
    amplitudes : (n_cadence, n_pattern) float64
        e-/s per pixel at the middle of the pixels.
    patterns : (n_pattern, n_row, n_column) float64
        1 at the middle.
    """

    amplitudes: _Floats
    patterns: _Floats

    def images(self, cadences: slice = slice(None)) -> _Floats:
        """Background in some of the cadences, (n_cadence, n_row, n_column) float64, e-/s."""
        return np.tensordot(self.amplitudes[cadences], self.patterns, axes=1)


def field_wcs(settings: SceneSettings, offset: tuple[float, float] = (0.0, 0.0)) -> WCS:
    """Return the WCS in CCD pixels: with origin 0 it gives 0-based (column, row).

    Parameters
    ----------
    settings : SceneSettings
        The scene.
    offset : (row, column)
        Distance of the stars from where this WCS says they are, pixels.
    """
    wcs = WCS(naxis=2)
    row, column = settings.stamp.center
    wcs.wcs.crpix = [column + 1 - offset[1], row + 1 - offset[0]]
    wcs.wcs.crval = [settings.ra % 360, settings.dec]
    angle, scale = np.deg2rad(settings.rotation_deg), ARCSEC_PER_PIXEL / 3600
    # Positive determinant: TESS images are mirrored against the sky as seen on charts.
    wcs.wcs.cd = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.radesys = "ICRS"
    if settings.sip_per_pix:
        terms = np.zeros((2, 3, 3))
        terms[0, 2, 0], terms[0, 1, 1], terms[0, 0, 2] = 1.0, 0.8, 0.15
        terms[1, 2, 0], terms[1, 1, 1], terms[1, 0, 2] = 0.15, 0.8, 1.0
        wcs.sip = Sip(*(settings.sip_per_pix * terms), None, None, wcs.wcs.crpix)
        wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    else:
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.set()
    return wcs


def times_of(settings: SceneSettings) -> tuple[_Floats, npt.NDArray[np.float32]]:
    """Return mid-exposure times, BTJD at the barycentre, and their barycentric correction, d; (n_cadence,) each."""
    start = _FIRST_BTJD + _SECTOR_D * (place_in_row(settings.sector) - 1)
    at_spacecraft = start + (np.arange(settings.n_cadence) + 0.5) * settings.cadence_s / 86400
    timecorr = barycentric_correction(at_spacecraft, settings.ra, settings.dec).astype(np.float32)
    return at_spacecraft + timecorr, timecorr


def place_in_row(sector: int) -> int:
    """Return the sector that was observed at the time of another: those from 1000 on stand beside the row.

    The first of them, 1751, was observed in January 2026, like sectors 99 and 100.
    """
    return sector if sector < _FIRST_SPECIAL_SECTOR else _BESIDE_SECTOR


def barycentric_correction(at_spacecraft: _Floats, ra: float, dec: float) -> _Floats:
    """Return the light travel time from the Earth to the barycentre along a direction (deg) at TJD times, d.

    TESS is taken to be at the Earth: up to 1.4 s are left out.
    """
    earth = get_body_barycentric("earth", Time(at_spacecraft + BTJD_OFFSET, format="jd", scale="tdb"))
    correction: _Floats = (earth.xyz.to_value("au").T @ _direction(ra, dec)) / _AU_PER_DAY
    return correction


def epoch_year(time: _Floats) -> float:
    """Return the Julian year of the middle of BTJD times."""
    return 2000.0 + (float(np.nanmean(time)) + BTJD_OFFSET - 2451545.0) / 365.25


def catalogue_of(settings: SceneSettings, wcs: WCS, stars: Stars, year: float, rng: np.random.Generator) -> Catalogue:
    """Return what a catalogue says of stars that are truly at CCD positions (with the true `wcs`) in `year`."""
    n_star = len(stars)
    speed = rng.exponential(settings.proper_motion_mas, n_star)
    angle = rng.uniform(0, 2 * np.pi, n_star)
    pm_ra, pm_decl = speed * np.cos(angle), speed * np.sin(angle)
    ra, dec = _at_epoch(wcs, stars, pm_ra, pm_decl, year)
    tmag = stars.tmag + rng.normal(0, settings.tmag_error, n_star)
    return Catalogue(
        stars=replace(stars, tmag=tmag),
        ra=ra,
        dec=dec,
        pm_ra=pm_ra,
        pm_decl=pm_decl,
        teff=np.round(rng.uniform(3200, 7500, n_star)),
    )


def misplaced(catalogue: Catalogue, wcs: WCS, row_error: _Floats, column_error: _Floats, year: float) -> Catalogue:
    """Return a catalogue whose places are wrong.

    Parameters
    ----------
    catalogue : Catalogue
        The catalogue with the right places.
    wcs : WCS
        True WCS in CCD pixels.
    row_error, column_error : (n_star,) float64
        Errors of the places in `year`, pixels.
    year : float
        Time of the observation, Julian year.
    """
    stars = catalogue.stars
    stars = replace(stars, row=stars.row + row_error, column=stars.column + column_error)
    ra, dec = _at_epoch(wcs, stars, catalogue.pm_ra, catalogue.pm_decl, year)
    return replace(catalogue, stars=stars, ra=ra, dec=dec)


def background_light(settings: SceneSettings, time: _Floats, rng: np.random.Generator) -> Background:
    """Draw sky, slowly varying scattered light and a steep episode of it."""
    rows, columns = np.mgrid[: settings.n_row, : settings.n_column]
    v, u = rows - (settings.n_row - 1) / 2, columns - (settings.n_column - 1) / 2
    slope, angle = rng.normal(0, 3e-4, 2), rng.uniform(0, 2 * np.pi)
    along = (v * np.sin(angle) + u * np.cos(angle)) / settings.glare_scale_pix
    slow = 1 + 0.6 * np.sin(2 * np.pi * (time / _ORBIT_D + rng.random())) + 0.2 * np.sin(2 * np.pi * time)
    middle = rng.uniform(0.2, 0.8) * (settings.n_cadence - 1)
    width = max(0.015 * settings.n_cadence, 1.0)
    episode = np.exp(-0.5 * ((np.arange(settings.n_cadence) - middle) / width) ** 2)
    return Background(
        amplitudes=np.stack(
            [np.full(len(time), settings.sky), settings.scattered_light * slow, settings.glare * episode], axis=1
        ),
        patterns=np.stack([1 + slope[0] * v + slope[1] * u, 1 + 0.3 * along, np.exp(along)]),
    )


def _direction(ra: npt.ArrayLike, dec: npt.ArrayLike) -> _Floats:
    """Return unit vectors, (..., 3)."""
    a, d = np.deg2rad(ra), np.deg2rad(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def _at_epoch(wcs: WCS, stars: Stars, pm_ra: _Floats, pm_decl: _Floats, year: float) -> tuple[_Floats, _Floats]:
    """Right ascension and declination, deg, at the epoch of the catalogue, of stars seen on the CCD in `year`."""
    ra, dec = wcs.all_pix2world(stars.column, stars.row, 0)
    return _moved_back(ra, dec, pm_ra, pm_decl, year - CATALOG_EPOCH_YEAR)


def _moved_back(ra: _Floats, dec: _Floats, pm_ra: _Floats, pm_decl: _Floats, years: float) -> tuple[_Floats, _Floats]:
    """Places from which stars, moving on straight lines, come to (ra, dec) after `years`; degrees."""
    arrived, place = _direction(ra, dec), _direction(ra, dec)
    for _ in range(4):
        a, d = np.arctan2(place[:, 1], place[:, 0]), np.arcsin(np.clip(place[:, 2], -1, 1))
        east = np.stack([-np.sin(a), np.cos(a), np.zeros_like(a)], axis=-1)
        north = np.stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)], axis=-1)
        step = years * _MAS * (pm_ra[:, None] * east + pm_decl[:, None] * north)
        place = arrived * np.sqrt(1 + (step**2).sum(axis=1, keepdims=True)) - step
        place /= np.linalg.norm(place, axis=1, keepdims=True)
    return np.rad2deg(np.arctan2(place[:, 1], place[:, 0])) % 360, np.rad2deg(np.arcsin(np.clip(place[:, 2], -1, 1)))
