"""Header cards of simulated pixel files: the keys and comments of real ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from astropy.wcs import WCS

from photometry._version import __version__
from photometry.core.constants import BTJD_OFFSET, FRAME_TIME_S, INT_TIME_S, OUTPUTS, READ_TIME_S
from photometry.core.geometry import Stamp
from photometry.simulate.scenes import Scene

__all__ = [
    "column_wcs_cards",
    "epoch_cards",
    "ffi_cards",
    "image_wcs_cards",
    "object_cards",
    "pixel_cards",
    "primary_cards",
    "utc_of",
]

Cards = list[tuple[Any, ...]]

#: TDB - UTC since 2017: 37 leap seconds and 32.184 s, s.
_TDB_MINUS_UTC_S = 69.184
_JD_OF_2000 = 2451544.5


def utc_of(jd_tdb: float) -> datetime:
    """Return the calendar date of a Julian date in TDB."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=float(jd_tdb) - _JD_OF_2000, seconds=-_TDB_MINUS_UTC_S)


def primary_cards(scene: Scene, is_tpf: bool = False) -> Cards:
    """Return cards of the primary header that cutouts and target pixel files share."""
    settings = scene.settings
    start, stop = _span(scene)
    # Programs know kinds of files by these two; SIMDATA, SIMULATD and PROCVER tell that this one is simulated.
    origin, creator = ("NASA/Ames", "20617 TargetPixelExporterPipelineModule") if is_tpf else ("STScI/MAST", "astrocut")
    return [
        ("EXTNAME", "PRIMARY", "name of extension"),
        ("ORIGIN", origin, "institution whose files are imitated here"),
        ("DATE", f"{utc_of(stop + BTJD_OFFSET):%Y-%m-%d}", "file creation date"),
        ("TSTART", start, "observation start time in BTJD"),
        ("TSTOP", stop, "observation stop time in BTJD"),
        *_dates(start, stop),
        ("CREATOR", creator, "software imitated here"),
        ("PROCVER", f"photometry-{__version__}", "software version"),
        ("FILEVER", "1.0", "file format version"),
        ("TIMVERSN", "OGIP/93-003", "OGIP memo number for file format"),
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("DATA_REL", 1, "data release version number"),
        ("SECTOR", settings.sector, "Observing sector"),
        ("CAMERA", settings.camera, "Camera number"),
        ("CCD", settings.ccd, "CCD chip number"),
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("EQUINOX", 2000.0, "equinox of celestial coordinate system"),
        ("CRMITEN", settings.mitigated, "spacecraft cosmic ray mitigation enabled"),
        ("CRBLKSZ", 10 if settings.mitigated else 0, "[exposures] s/c cosmic ray mitigation block siz"),
        ("CRSPOC", False, "SPOC cosmic ray cleaning enabled"),
    ]


def ffi_cards(scene: Scene) -> Cards:
    """Return cards of the primary header of a cutout beyond those of all pixel files."""
    return [
        ("FFIINDEX", int(scene.cadenceno[0]), "number of FFI cadence interval of first FFI"),
        ("FFI_TYPE", "SPOC", "the FFI type used to make the cutouts"),
        ("RA_OBJ", scene.settings.ra, "[deg] right ascension"),
        ("DEC_OBJ", scene.settings.dec, "[deg] declination"),
        ("OBJECT", "", "string version of target id"),
        *epoch_cards(scene)[:6],
    ]


def object_cards(scene: Scene, target: int) -> Cards:
    """Return cards that describe the target of a target pixel file."""
    catalogue, starid = scene.full_catalogue, int(scene.population.starid[target])
    pm_ra, pm_decl = float(catalogue.pm_ra[target]), float(catalogue.pm_decl[target])
    return [
        ("OBJECT", f"TIC {starid}", "string version of target id"),
        ("TICID", starid, "unique tess target identifier"),
        ("PXTABLE", 0, "pixel table id"),
        ("RA_OBJ", float(catalogue.ra[target]), "[deg] right ascension"),
        ("DEC_OBJ", float(catalogue.dec[target]), "[deg] declination"),
        ("PMRA", pm_ra, "[mas/yr] RA proper motion"),
        ("PMDEC", pm_decl, "[mas/yr] Dec proper motion"),
        ("PMTOTAL", float(np.hypot(pm_ra, pm_decl)), "[mas/yr] total proper motion"),
        ("TESSMAG", float(catalogue.stars.tmag[target]), "[mag] TESS magnitude"),
        ("TEFF", float(catalogue.teff[target]), "[K] Effective temperature"),
        ("TICVER", 8, "TICVER"),
    ]


def epoch_cards(scene: Scene) -> Cards:
    """Return cards on the time system; the first six are also in the primary header of cutouts."""
    start, stop = _span(scene)
    return [
        ("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times"),
        ("TASSIGN", "SPACECRAFT", "where time is assigned"),
        ("TIMESYS", "TDB", "time system is Barycentric Dynamical Time (TDB)"),
        ("BJDREFI", int(BTJD_OFFSET), "integer part of BTJD reference date"),
        ("BJDREFF", 0.0, "fraction of the day in BTJD reference date"),
        ("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP"),
        ("TELAPSE", stop - start, "[d] TSTOP - TSTART"),
        ("TSTART", start, "observation start time in BTJD"),
        ("TSTOP", stop, "observation stop time in BTJD"),
        *_dates(start, stop),
    ]


def pixel_cards(scene: Scene, *, is_tpf: bool) -> Cards:
    """Return cards of the table that tell how the pixels were exposed, read and calibrated."""
    settings, exposure = scene.settings, scene.settings.exposure
    n_cadence = len(scene.time) if is_tpf else 1
    dead_time = exposure.exposure_s / settings.cadence_s
    flag: type[bool] | type[float] = bool if is_tpf else float  # as the real files have it
    return [
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("EXPOSURE", n_cadence * exposure.exposure_s / 86400, "[d] time on source"),
        ("LIVETIME", n_cadence * exposure.exposure_s / 86400, "[d] TELAPSE multiplied by DEADC"),
        ("DEADC", dead_time, "deadtime correction"),
        ("TIMEPIXR", 0.5, "bin time beginning=0 middle=0.5 end=1"),
        ("TIERRELA", 1.16e-05, "[d] relative time error"),
        ("INT_TIME", INT_TIME_S, "[s] photon accumulation time per frame"),
        ("READTIME", READ_TIME_S, "[s] readout time per frame"),
        ("FRAMETIM", FRAME_TIME_S, "[s] frame time (INT_TIME + READTIME)"),
        ("NUM_FRM", settings.num_frames, "number of frames per time stamp"),
        ("TIMEDEL", settings.cadence_s / 86400, "[d] time resolution of data"),
        ("BACKAPP", flag(is_tpf), "background is subtracted"),
        ("DEADAPP", flag(1), "deadtime applied"),
        ("VIGNAPP", flag(1), "vignetting or collimator correction applied"),
        *[
            (f"GAIN{name}", gain, f"[electrons/count] CCD output {name} gain")
            for name, gain in zip(OUTPUTS, exposure.gain_e_per_adu, strict=True)
        ],
        *[
            (f"READNOI{name}", noise, f"[electrons] read noise CCD output {name}")
            for name, noise in zip(OUTPUTS, exposure.read_noise_e, strict=True)
        ],
        ("NREADOUT", exposure.num_readouts, "number of read per cadence"),
        ("FXDOFF", 209700, "compression fixed offset"),
        (f"TMOFST{settings.camera}{settings.ccd}", 0.0, "(s) readout delay"),
    ]


def image_wcs_cards(wcs: WCS, stamp: Stamp | None = None) -> Cards:
    """Return the WCS of an image, and with a stamp the physical WCS of its CCD pixels (1-based)."""
    cards = [(card.keyword, card.value, card.comment) for card in wcs.to_header(relax=True).cards]
    if stamp is None:
        return cards
    cards += [
        ("WCSNAMEP", "PHYSICAL", "name of WCS alternate P"),
        ("WCSAXESP", 2, "number of axes"),
    ]
    for axis, (ctype, first) in enumerate((("RAWX", stamp.col_min), ("RAWY", stamp.row_min)), start=1):
        cards += [
            (f"CTYPE{axis}P", ctype, f"physical WCS axis {axis} type"),
            (f"CUNIT{axis}P", "PIXEL", f"physical WCS axis {axis} unit"),
            (f"CRPIX{axis}P", 1, f"reference pixel of axis {axis}"),
            (f"CRVAL{axis}P", first + 1, f"value at reference pixel of axis {axis}"),
            (f"CDELT{axis}P", 1.0, f"physical WCS axis {axis} step"),
        ]
    return cards


def column_wcs_cards(number: int, wcs: WCS, stamp: Stamp) -> Cards:
    """Return celestial (without distortion) and physical WCS of a table column with images."""
    n = number
    cards: Cards = [(f"WCAX{n}", 2, "number of WCS axes")]
    matrix = wcs.wcs.get_pc() * wcs.wcs.get_cdelt()[:, None]
    for axis, kind in enumerate(("RA---TAN", "DEC--TAN")):
        cards += [
            (f"{axis + 1}CTYP{n}", kind, "coordinate type"),
            (f"{axis + 1}CRPX{n}", float(wcs.wcs.crpix[axis]), "[pixel] reference pixel"),
            (f"{axis + 1}CRVL{n}", float(wcs.wcs.crval[axis]), "[deg] coordinate at reference pixel"),
            (f"{axis + 1}CUNI{n}", "deg", "physical unit"),
            (f"{axis + 1}CDLT{n}", 1.0, "[deg] pixel scale"),
        ]
    for i, j in np.ndindex(2, 2):
        cards.append((f"{i + 1}{j + 1}PC{n}", float(matrix[i, j]), "Coordinate transformation matrix element"))
    cards += [
        (f"WCSN{n}P", "PHYSICAL", "table column WCS name"),
        (f"WCAX{n}P", 2, "table column physical WCS dimensions"),
    ]
    for axis, (ctype, first) in enumerate((("RAWX", stamp.col_min), ("RAWY", stamp.row_min)), start=1):
        cards += [
            (f"{axis}CTY{n}P", ctype, f"table column physical WCS axis {axis} type"),
            (f"{axis}CUN{n}P", "PIXEL", f"table column physical WCS axis {axis} unit"),
            (f"{axis}CRV{n}P", first + 1, f"table column physical WCS ax {axis} ref value"),
            (f"{axis}CDL{n}P", 1.0, f"table column physical WCS a{axis} step"),
            (f"{axis}CRP{n}P", 1, f"table column physical WCS a{axis} reference"),
        ]
    return cards


def _span(scene: Scene) -> tuple[float, float]:
    """Start of the first and end of the last cadence, BTJD."""
    half = scene.settings.cadence_s / 2 / 86400
    return float(np.nanmin(scene.time)) - half, float(np.nanmax(scene.time)) + half


def _dates(start: float, stop: float) -> Cards:
    text = [f"{utc_of(time + BTJD_OFFSET):%Y-%m-%dT%H:%M:%S.%f}"[:-3] for time in (start, stop)]
    return [("DATE-OBS", text[0], "TSTART as UTC calendar date"), ("DATE-END", text[1], "TSTOP as UTC calendar date")]
