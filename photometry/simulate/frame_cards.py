"""Header cards of simulated full-frame images: keys, order and comments of real ones.

The model is tess2018206192942-s0001-1-4-0120-s_ffic.fits. FFIINDEX is in the primary header, as in later releases.
"""

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from photometry._version import __version__
from photometry.core.constants import BTJD_OFFSET, FRAME_SHAPE, FRAME_TIME_S, INT_TIME_S, OUTPUTS, READ_TIME_S
from photometry.core.geometry import SCIENCE_AREA
from photometry.core.times import readout_stagger
from photometry.io.fits.fits_bytes import CardItem
from photometry.simulate.ccd import SimulatedCcd, frame_wcs
from photometry.simulate.ccd_wcs import spacecraft_pointing
from photometry.simulate.scene_cards import utc_of

__all__ = ["ffi_name", "image_header", "primary_header", "wcs_cards"]

#: Spacecraft configuration, which is part of the file names (key SCCONFIG).
_SCCONFIG = 120
#: Mean black level of the outputs, ADU (keys MEANBLCA to MEANBLCD), and offset of the compressed counts.
_BLACK_ADU, _FIXED_OFFSET = (6589, 6649, 6427, 6359), 3_355_400
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
    cards: list[CardItem] = [
        ("SIMPLE", True, "conforms to FITS standards"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 0, "number of array dimensions"),
        ("EXTEND", True, "file contains extensions"),
        ("NEXTEND", 2, "number of standard extensions"),
        ("EXTNAME", "PRIMARY", "name of extension"),
        ("EXTVER", 1, "extension version number (not format version)"),
        ("SIMDATA", True, "file is based on simulated data"),
        ("ORIGIN", "NASA/Ames", "institution whose files are imitated here"),
        ("DATE", f"{utc_of(ccd.tjd[-1] + BTJD_OFFSET + 30):%Y-%m-%d}", "file creation date."),
        *_span(ccd.tjd[cadence], settings.cadence_s, "TJD"),
        ("CREATOR", "103 FfiExporter", "software imitated here"),
        ("PROCVER", f"photometry-{__version__}", "SW version"),
        ("FILEVER", "1.0", "file format version"),
        ("TIMVERSN", "OGIP/93-003", "OGIP memo number for file format"),
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("DATA_REL", data_rel, "data release version number"),
        ("ASTATE", True, "archive state F indicates single orbit processi"),
        ("SCCONFIG", _SCCONFIG, "spacecraft configuration ID"),
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("EQUINOX", 2000.0, "equinox of celestial coordinate system"),
        ("CRMITEN", settings.mitigated, "spacecraft cosmic ray mitigation enabled"),
        ("CRBLKSZ", 10 if settings.mitigated else 0, "[exposures] s/c cosmic ray mitigation block siz"),
        ("CRSPOC", False, "SPOC cosmic ray cleaning enabled"),
    ]
    if settings.ffiindex:
        cards.insert(-3, ("FFIINDEX", int(ccd.cadenceno[cadence]), "number of FFI cadence interval"))
    return cards


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
    return [
        ("XTENSION", "IMAGE", "Image extension"),
        ("BITPIX", -32, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", shape[1], ""),
        ("NAXIS2", shape[0], ""),
        ("PCOUNT", 0, "number of parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("INHERIT", True, "inherit the primary header"),
        ("EXTNAME", f"CAMERA.CCD {settings.camera}.{ccd_number} {kind}", "name of extension"),
        ("EXTVER", 1, "extension version number (not format version)"),
        ("SIMDATA", True, "file is based on simulated data"),
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("CAMERA", settings.camera, "Camera number"),
        ("CCD", ccd_number, "CCD chip number"),
        *_time_cards(ccd, cadence),
        *_readout_cards(ccd, ccd_number),
        *_layout_cards(),
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("EQUINOX", 2000.0, "equinox of celestial coordinate system"),
        *wcs,
        *_physical_cards(),
        *_pointing_cards(ccd),
        ("DQUALITY", int(ccd.quality[cadence]), "data quality flags"),
        ("IMAGTYPE", kind, " FFI image type: raw, cal, uncert"),
    ]


def _span(middle: float, cadence_s: int, scale: str) -> list[CardItem]:
    half = cadence_s / 2 / 86400
    start, stop = middle - half, middle + half
    dates = [f"{utc_of(time + BTJD_OFFSET):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" for time in (start, stop)]
    return [
        ("TSTART", float(start), f"observation start time in {scale}"),
        ("TSTOP", float(stop), f"observation stop time in {scale}"),
        ("DATE-OBS", dates[0], "TSTART as UTC calendar date"),
        ("DATE-END", dates[1], "TSTOP as UTC calendar date"),
    ]


def _time_cards(ccd: SimulatedCcd, cadence: int) -> list[CardItem]:
    """Cards on time and exposure; the times are those at the barycentre, for the middle of the CCD."""
    settings = ccd.settings
    exposure_s, length = settings.exposure.exposure_s, settings.cadence_s / 86400
    return [
        ("EXPOSURE", exposure_s / 86400, "[d] time on source"),
        ("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times"),
        ("TASSIGN", "SPACECRAFT", "where time is assigned"),
        ("TIMESYS", "TDB", "time system is Barycentric Dynamical Time (TDB)"),
        ("BJDREFI", int(BTJD_OFFSET), "integer part of BTJD reference date"),
        ("BJDREFF", 0.0, "fraction of the day in BTJD reference date"),
        ("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP"),
        ("TELAPSE", length, "[d] TSTOP - TSTART"),
        ("LIVETIME", exposure_s / 86400, "[d] TELAPSE multiplied by DEADC"),
        *_span(ccd.time[cadence], settings.cadence_s, "BTJD"),
        ("DEADC", exposure_s / settings.cadence_s, "deadtime correction"),
        ("TIMEPIXR", 0.5, "bin time beginning=0 middle=0.5 end=1"),
        ("TIERRELA", 1.16e-05, "[d] relative time error"),
        ("BTC_PIX1", 1068.0, "reference col for barycentric time correction"),
        ("BTC_PIX2", 1024.0, "reference row for barycentric time correction"),
        ("BUNIT", "electrons/s", "physical units of image data"),
        ("BARYCORR", float(ccd.timecorr[cadence]), "[d] barycentric time correction"),
        ("INT_TIME", INT_TIME_S, "[s] photon accumulation time per frame"),
        ("READTIME", READ_TIME_S, "[s] readout time per frame"),
        ("FRAMETIM", FRAME_TIME_S, "[s] frame time (INT_TIME + READTIME)"),
        ("NUM_FRM", settings.num_frames, "number of frames per time stamp"),
        ("TIMEDEL", length, "[d] time resolution of data"),
    ]


def _readout_cards(ccd: SimulatedCcd, ccd_number: int) -> list[CardItem]:
    settings, exposure = ccd.settings, ccd.settings.exposure
    return [
        ("BACKAPP", False, "background is subtracted"),
        ("DEADAPP", True, "deadtime applied"),
        ("VIGNAPP", True, "vignetting or collimator correction applied"),
        *[
            (f"GAIN{name}", gain, f"[electrons/count] CCD output {name} gain")
            for name, gain in zip(OUTPUTS, exposure.gain_e_per_adu, strict=True)
        ],
        *[
            (f"READNOI{name}", noise, f"[electrons] read noise CCD output {name}")
            for name, noise in zip(OUTPUTS, exposure.read_noise_e, strict=True)
        ],
        ("NREADOUT", exposure.num_readouts, "number of read per cadence"),
        ("FXDOFF", _FIXED_OFFSET, "compression fixed offset"),
        (
            f"TMOFST{settings.camera}{ccd_number}",
            readout_stagger(settings.camera, ccd_number),
            f"(s) readout delay for camera {settings.camera} and ccd {ccd_number}",
        ),
        *[
            (f"MEANBLC{name}", level, f"[count] FSW mean black level CCD output {name}")
            for name, level in zip(OUTPUTS, _BLACK_ADU, strict=True)
        ],
    ]


def _layout_cards() -> list[CardItem]:
    """Cards on what the columns and rows of the image are, 1-based."""
    cards: list[CardItem] = []
    for k, name in enumerate(OUTPUTS):
        cards += [
            (f"LVCS{name}", 1 + 11 * k, f"serial register col start, output {name}"),
            (f"LVCE{name}", 11 + 11 * k, f"serial register col end (inclusive), output {name}"),
            (f"TVCS{name}", SCIENCE_AREA.col_max + 1 + 11 * k, f"trailing virtual column start, output {name}"),
            (f"TVCE{name}", SCIENCE_AREA.col_max + 11 + 11 * k, "trailing virtual column end (inclusive), output"),
            (f"SCCS{name}", 45 + 512 * k, f"science col start, output {name}"),
            (f"SCCE{name}", 556 + 512 * k, f"science col end (inclusive), output {name}"),
            (f"SCICOLH{name}", k % 2 == 0, "T science cols are read increasing order else d"),
        ]
    for key, what, first, last in (
        ("SCIROW", "science rows", SCIENCE_AREA.row_min + 1, SCIENCE_AREA.row_max),
        ("VROW", "virtual row", 2069, FRAME_SHAPE[0]),
        ("SMROW", "smear rows", 2059, 2068),
        ("BFROW", "buffer rows", 2049, 2058),
    ):
        cards += [(f"{key}S", first, f"{what} start"), (f"{key}E", last, f"{what} end (inclusive)")]
    return cards


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


def _physical_cards() -> list[CardItem]:
    cards: list[CardItem] = [
        ("WCSNAMEP", "PHYSICAL", "name of world coordinate system alternate P"),
        ("WCSAXESP", 2, "number of WCS physical axes"),
    ]
    for axis, (name, what) in enumerate((("RAWX", "col"), ("RAWY", "row")), start=1):
        cards += [
            (f"CTYPE{axis}P", name, f"physical WCS axis {axis} type CCD {what}"),
            (f"CUNIT{axis}P", "PIXEL", f"physical WCS axis {axis} unit"),
            (f"CRPIX{axis}P", 1, f"reference CCD {'column' if axis == 1 else 'row'}"),
            (f"CRVAL{axis}P", 1, f"value at reference CCD {'column' if axis == 1 else 'row'}"),
            (f"CDELT{axis}P", 1.0, f"physical WCS axis {axis} step"),
        ]
    return cards


def _pointing_cards(ccd: SimulatedCcd) -> list[CardItem]:
    """Cards that are said to tell the pointing of the camera; those of real frames tell the spacecraft's, as here."""
    ra, dec = spacecraft_pointing(ccd.settings, ccd.wcs)
    return [
        ("RA_NOM", ra, "[deg] RA of camera boresight"),
        ("DEC_NOM", dec, "[deg] DEC of camera boresight"),
        ("ROLL_NOM", ccd.settings.rotation_deg, "[deg] roll angle of camera"),
    ]
