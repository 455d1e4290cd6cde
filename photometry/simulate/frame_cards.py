"""Header cards of simulated full-frame images: keys, order and comments of real ones.

The templates follow tess2018206192942-s0001-1-4-0120-s_ffic.fits; FFIINDEX is in the primary header, as in later
releases.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from photometry._version import __version__
from photometry.core.constants import BTJD_OFFSET, FRAME_TIME_S, INT_TIME_S, OUTPUTS, READ_TIME_S
from photometry.core.cube import Exposure
from photometry.core.geometry import SCIENCE_AREA
from photometry.core.times import readout_stagger
from photometry.io.fits.fits_bytes import CardItem
from photometry.simulate.ccd import SimulatedCcd, frame_wcs
from photometry.simulate.ccd_wcs import spacecraft_pointing
from photometry.simulate.header_templates import filled_template
from photometry.simulate.scene_cards import utc_of

__all__ = ["ffi_name", "image_header", "primary_header", "wcs_cards"]

Values: TypeAlias = dict[str, str | int | float | bool]

#: Spacecraft configuration, which is part of the file names (key SCCONFIG).
_SCCONFIG = 120
#: Powers of the SIP polynomials in the order of real headers.
_POWERS = tuple((degree - q, q) for degree in range(1, 5) for q in range(degree + 1))


def ffi_name(ccd: SimulatedCcd, cadence: int, ccd_number: int | None = None) -> str:
    """Return the name that the archive gives to a frame (of another CCD, where one is given)."""
    settings = ccd.settings
    number = settings.ccd if ccd_number is None else ccd_number
    start = utc_of(ccd.tjd[cadence] - settings.cadence_s / 2 / 86400 + BTJD_OFFSET)
    name = f"{start:tess%Y%j%H%M%S}-s{settings.sector:04d}-{settings.camera}-{number}-{_SCCONFIG:04d}-s_ffic.fits"
    return f"{name}.gz" if settings.gzip else name


def primary_header(ccd: SimulatedCcd, cadence: int, data_rel: int) -> list[CardItem]:
    """Return the cards of the primary header; its times are those at the spacecraft."""
    settings = ccd.settings
    values = {
        "DATE": f"{utc_of(ccd.tjd[-1] + BTJD_OFFSET + 30):%Y-%m-%d}",
        **_span(ccd.tjd[cadence], settings.cadence_s),
        "PROCVER": f"photometry-{__version__}",
        "DATA_REL": data_rel,
        "SCCONFIG": _SCCONFIG,
        "FFIINDEX": int(ccd.cadenceno[cadence]),
        "CRMITEN": settings.mitigated,
        "CRBLKSZ": 10 if settings.mitigated else 0,
    }
    cards = filled_template("ffi_primary", values)
    return [card for card in cards if card[0] != "FFIINDEX" or settings.ffiindex]


def image_header(
    ccd: SimulatedCcd, cadence: int, kind: str, shape: tuple[int, ...], wcs: list[CardItem], ccd_number: int
) -> list[CardItem]:
    """Return the cards of the image (`kind` cal) or of its errors (uncert).

    Parameters
    ----------
    ccd : SimulatedCcd
        The CCD.
    cadence : int
        Index of the frame.
    kind : str
        ``cal`` or ``uncert``.
    shape : (n_row, n_column)
        Of the image.
    wcs : list of cards
        What `wcs_cards` returns, or other cards in its place.
    ccd_number : int
        Number that the header names.
    """
    settings = ccd.settings
    ra, dec = spacecraft_pointing(settings, ccd.wcs)
    values = {
        "NAXIS1": shape[1],
        "NAXIS2": shape[0],
        "EXTNAME": f"CAMERA.CCD {settings.camera}.{ccd_number} {kind}",
        "CAMERA": settings.camera,
        "CCD": ccd_number,
        **_times(ccd, cadence),
        **_readout(settings.exposure),
        # Said to be the pointing of the camera; in real frames it is that of the spacecraft, as here.
        "RA_NOM": ra,
        "DEC_NOM": dec,
        "ROLL_NOM": settings.rotation_deg,
        "DQUALITY": int(ccd.quality[cadence]),
    }
    more: dict[str, list[CardItem]] = {
        "FXDOFF": _delay_card(settings.camera, ccd_number),
        "EQUINOX": wcs,
        # The blank before the comment is that of real frames; templates lose it.
        "DQUALITY": [("IMAGTYPE", kind, " FFI image type: raw, cal, uncert")],
    }
    return filled_template("ffi_image", values, more)


def _span(middle: float, cadence_s: int) -> Values:
    half = cadence_s / 2 / 86400
    start, stop = middle - half, middle + half
    dates = [f"{utc_of(time + BTJD_OFFSET):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" for time in (start, stop)]
    return {"TSTART": float(start), "TSTOP": float(stop), "DATE-OBS": dates[0], "DATE-END": dates[1]}


def _times(ccd: SimulatedCcd, cadence: int) -> Values:
    """Return times and exposure; the times are those at the barycentre, for the middle of the CCD."""
    settings = ccd.settings
    exposure_s, length = settings.exposure.exposure_s, settings.cadence_s / 86400
    return {
        "EXPOSURE": exposure_s / 86400,
        "BJDREFI": int(BTJD_OFFSET),
        "TELAPSE": length,
        "LIVETIME": exposure_s / 86400,
        **_span(ccd.time[cadence], settings.cadence_s),
        "DEADC": exposure_s / settings.cadence_s,
        "BARYCORR": float(ccd.timecorr[cadence]),
        "INT_TIME": INT_TIME_S,
        "READTIME": READ_TIME_S,
        "FRAMETIM": FRAME_TIME_S,
        "NUM_FRM": settings.num_frames,
        "TIMEDEL": length,
    }


def _readout(exposure: Exposure) -> Values:
    gains = {f"GAIN{name}": gain for name, gain in zip(OUTPUTS, exposure.gain_e_per_adu, strict=True)}
    noises = {f"READNOI{name}": noise for name, noise in zip(OUTPUTS, exposure.read_noise_e, strict=True)}
    return {**gains, **noises, "NREADOUT": exposure.num_readouts}


def _delay_card(camera: int, ccd: int) -> list[CardItem]:
    delay = readout_stagger(camera, ccd)
    return [(f"TMOFST{camera}{ccd}", delay, f"(s) readout delay for camera {camera} and ccd {ccd}")]


def wcs_cards(ccd: SimulatedCcd, cadence: int, shift_deg: float = 0.0) -> list[CardItem]:
    """Return the cards of the WCS of a frame, displaced in declination by `shift_deg`."""
    wcs = frame_wcs(ccd, cadence)
    forward, back = (wcs.sip.a, wcs.sip.b), (wcs.sip.ap, wcs.sip.bp)
    declination = float(wcs.wcs.crval[1])
    cards: list[CardItem] = [
        ("WCSAXES", 2, "number of WCS axes"),
        ("CTYPE1", "RA---TAN-SIP", "Gnomonic projection + SIP distortions"),
        ("CTYPE2", "DEC--TAN-SIP", "Gnomonic projection + SIP distortions"),
        ("CRVAL1", float(wcs.wcs.crval[0]), "RA at CRPIX1, CRPIX2"),
        ("CRVAL2", declination + (shift_deg if declination < 0 else -shift_deg), "DEC at CRPIX1, CRPIX2"),
        ("CRPIX1", float(wcs.wcs.crpix[0]), "X reference pixel"),
        ("CRPIX2", float(wcs.wcs.crpix[1]), "Y reference pixel"),
        *[(f"CD{i + 1}_{j + 1}", float(wcs.wcs.cd[i, j]), "Transformation matrix") for i, j in np.ndindex(2, 2)],
        ("A_ORDER", 4, "Polynomial order, axis 1"),
        ("B_ORDER", 4, "Polynomial order, axis 2"),
    ]
    for letter, terms in zip("AB", forward, strict=True):
        cards += [(f"{letter}_{p}_{q}", float(terms[p, q]), "distortion coefficient") for p, q in _POWERS[2:]]
    cards += [("AP_ORDER", 4, "Inv polynomial order, axis 1"), ("BP_ORDER", 4, "Inv polynomial order, axis 2")]
    for letter, terms in zip("AB", back, strict=True):
        cards += [(f"{letter}P_{p}_{q}", float(terms[p, q]), "inv distortion coefficient") for p, q in _POWERS]
    largest = _largest_distortion(wcs)
    for axis, (letter, value) in enumerate(zip("AB", largest, strict=True), start=1):
        cards.append((f"{letter}_DMAX", float(value), f"maximum distortion, axis {axis}"))
    return cards


def _largest_distortion(wcs: WCS) -> npt.NDArray[np.float64]:
    """Greatest distortion of a pixel of the science area, which a corner has, (column, row) pixels."""
    columns, rows = (SCIENCE_AREA.col_min, SCIENCE_AREA.col_max - 1), (SCIENCE_AREA.row_min, SCIENCE_AREA.row_max - 1)
    corners = np.array([[column, row] for column in columns for row in rows], dtype=np.float64)
    moved = wcs.sip_pix2foc(corners, 0) - (corners + 1 - wcs.wcs.crpix)
    largest: npt.NDArray[np.float64] = np.abs(moved).max(axis=0)
    return largest
