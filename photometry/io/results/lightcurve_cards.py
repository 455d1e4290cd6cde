"""Header cards of light curve files; keywords are those of SPOC's files where they mean the same."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from astropy.time import Time

from photometry._version import __version__
from photometry.catalog.star_catalog import Catalog
from photometry.core.collection import Collection
from photometry.core.constants import BTJD_OFFSET, FRAME_TIME_S, INT_TIME_S, OUTPUTS, READ_TIME_S
from photometry.core.cube import CubeHeader
from photometry.core.geometry import Stamp
from photometry.core.stars import star_name
from photometry.core.status import STATUS
from photometry.core.times import SECONDS_PER_DAY
from photometry.fit.tile_fit import TileFit
from photometry.io.fits.fits_bytes import CardItem
from photometry.lightcurve.columns import FLUX_COMMENTS, FLUX_UNIT
from photometry.lightcurve.corrections import StarCorrection

__all__ = [
    "CREATOR",
    "EXTENSION",
    "LONG_TEXTS",
    "PRIMARY_START",
    "SUMIMAGE",
    "TargetMetadata",
    "collection_cards",
    "exposure_cards",
    "flux_cards",
    "known_cards",
    "observation_cards",
    "physical_cards",
    "result_cards",
    "span_cards",
    "target_cards",
    "target_metadata",
    "time_cards",
]

#: lightkurve recognises light curves of TESS by TELESCOP and by the word "lightcurve" in CREATOR.
CREATOR = "tess-psf-photometry lightcurve export"
#: Announces the CONTINUE cards of long texts.
LONG_TEXTS: CardItem = ("LONGSTRN", "OGIP 1.0", "long texts are continued")
#: What all headers say of telescope and passband.
_OBSERVED: tuple[CardItem, ...] = (
    ("TELESCOP", "TESS", "telescope"),
    ("INSTRUME", "TESS Photometer", "detector type"),
    ("FILTER", "TESS", "passband, 600 to 1000 nm"),
)
#: Layout of the files.
_FILE_VERSION = "1.0"
#: First cards of a file.
PRIMARY_START: tuple[CardItem, ...] = (
    ("SIMPLE", True, "conforms to FITS standards"),
    ("BITPIX", 8, "array data type"),
    ("NAXIS", 0, "no data here"),
    ("EXTEND", True, "file contains extensions"),
    ("NEXTEND", 3, "number of standard extensions"),
    ("EXTNAME", "PRIMARY", "name of extension"),
    ("EXTVER", 1, "extension version number"),
    ("ORIGIN", "tess-psf-photometry", "software, not an institution"),
    ("CREATOR", CREATOR, "program"),
    ("PROCVER", f"tess-psf-photometry {__version__}", "software version"),
    ("FILEVER", _FILE_VERSION, "file format version"),
    LONG_TEXTS,
    ("MISSION", "TESS", "mission"),
    ("OBSERVAT", "TESS", "observatory"),
    *_OBSERVED,
    ("TIMESYS", "TDB", "time system of all times and dates here"),
)

#: Of a star that nothing was taken off.
NOT_CORRECTED = StarCorrection()
#: What turns BTJD into MJD, d.
_BTJD_IN_MJD = BTJD_OFFSET - 2_400_000.5
#: Cards of every extension.
EXTENSION: tuple[CardItem, ...] = (
    ("INHERIT", True, "inherit the primary header"),
    *_OBSERVED,
)

#: Cards of the mean image.
SUMIMAGE: tuple[CardItem, ...] = (("BUNIT", FLUX_UNIT, "mean of the good images, background removed"),)


@dataclass(frozen=True, slots=True)
class StarNumbers:
    """What a fit says of a star, all cadences; see `photometry.fit.tile_fit.TileFit`. The defaults stand for no fit.

    Parameters
    ----------
    contamination : float
        Share of other stars' light, 0 to 1.
    chi2_mean : float
        Reduced chi-squared of the mean image under the star.
    mean_misfit : float
        Error of the mean image's model as a share of the light under the star.
    mean_flux_syst : float
        By how much the mean flux may be wrong for that reason, e-/s.
    star_flags : int
        `photometry.core.quality.STAR_FLAGS`.
    """

    contamination: float = float("nan")
    chi2_mean: float = float("nan")
    mean_misfit: float = float("nan")
    mean_flux_syst: float = float("nan")
    star_flags: int = 0


def star_numbers(fit: TileFit, index: int) -> StarNumbers:
    """Return what a fit says of one of its stars."""
    return StarNumbers(
        contamination=float(fit.contamination[index]),
        chi2_mean=float(fit.chi2_mean[index]),
        mean_misfit=float(fit.mean_misfit[index]),
        mean_flux_syst=float(fit.mean_flux_syst[index]),
        star_flags=int(fit.star_flags[index]),
    )


@dataclass(frozen=True, slots=True)
class TargetMetadata:
    """What the header says of a target beyond its light curve; NaN where it is not known.

    Parameters
    ----------
    ra, dec : float
        ICRS position at epoch J2000, deg.
    pm_ra, pm_dec : float
        Proper motion, mas/yr.
    tmag : float
        TESS magnitude.
    teff : float
        Effective temperature, K.
    status : STATUS
        How the photometry ended.
    reason : str
        Why it is not OK.
    numbers : StarNumbers
        What the fit says of it.
    correction : StarCorrection
        What its corrected flux is without.
    """

    ra: float
    dec: float
    pm_ra: float
    pm_dec: float
    tmag: float
    teff: float
    status: STATUS
    reason: str
    numbers: StarNumbers
    correction: StarCorrection


def target_cards(starid: int, metadata: TargetMetadata) -> list[CardItem]:
    """Return the cards that name the target, for every header of its file."""
    return [
        ("OBJECT", star_name(starid), "target"),
        ("TICID", starid, "TIC number"),
        ("RADESYS", "ICRS", "reference frame of celestial coordinates"),
        ("RA_OBJ", metadata.ra, "[deg] right ascension, epoch J2000"),
        ("DEC_OBJ", metadata.dec, "[deg] declination, epoch J2000"),
        ("RA_TARG", metadata.ra, "[deg] as RA_OBJ"),
        ("DEC_TARG", metadata.dec, "[deg] as DEC_OBJ"),
    ]


def result_cards(metadata: TargetMetadata) -> list[CardItem]:
    """Return the cards of the primary header on the target's catalogue entry and on how the photometry went."""
    numbers = metadata.numbers
    items: list[CardItem] = [
        ("PMRA", metadata.pm_ra, "[mas/yr] RA proper motion"),
        ("PMDEC", metadata.pm_dec, "[mas/yr] Dec proper motion"),
        ("PMTOTAL", float(np.hypot(metadata.pm_ra, metadata.pm_dec)), "[mas/yr] total proper motion"),
        ("TESSMAG", metadata.tmag, "[mag] TESS magnitude"),
        ("TEFF", metadata.teff, "[K] effective temperature"),
        ("STATUS", metadata.status.name, "how the photometry ended"),
        ("REASON", metadata.reason, ""),
        ("CONTAM", numbers.contamination, "share of other stars' light, 0 to 1"),
        ("CHI2MEAN", numbers.chi2_mean, "reduced chi-squared of the mean image"),
        ("MISFIT", numbers.mean_misfit, "error of its model over the light under the star"),
        ("FLUXSYST", numbers.mean_flux_syst, "[e-/s] how far the mean flux may be off"),
        ("STARFLAG", numbers.star_flags, "flags of the star, all cadences"),
        *_correction_cards(metadata.correction),
    ]
    return known_cards(items)


def _correction_cards(correction: StarCorrection) -> list[CardItem]:
    """Return the cards on what the corrected flux is without."""
    coefficients = zip(correction.coefficients, correction.errors, strict=True)
    return [
        ("NTREND", len(correction.coefficients), "trends that CORR_FLUX is without"),
        *([("TRREASON", correction.reason, "")] if correction.reason else []),
        *(
            item
            for number, (value, error) in enumerate(coefficients, 1)
            for item in (
                (f"TREND{number}", value, "share of the flux for a trend of unit scatter"),
                (f"TRENDE{number}", error, "its standard error"),
            )
        ),
        ("TRNOISE", correction.noise_added, "scatter of CORR_FLUX over that of FLUX, less 1"),
        ("TRLEFT", correction.correlation_left, "largest correlation with a trend that is left"),
        ("TRKEPT", correction.variability_kept, "scatter over that less what neighbours have"),
    ]


def known_cards(items: Iterable[CardItem]) -> list[CardItem]:
    """Return the cards that have a value: one without is no error in FITS, but fitsverify and archives complain."""
    return [item for item in items if item[1] is not None and item[1] == item[1]]


def observation_cards(header: CubeHeader, version: int) -> list[CardItem]:
    """Return the cards of the primary header on the observation and the product."""
    pointing, exposure = header.pointing, header.exposure
    items: list[CardItem] = [
        ("SECTOR", pointing.sector, "observing sector"),
        ("CAMERA", pointing.camera, "camera number"),
        ("CCD", pointing.ccd, "CCD number"),
        ("CADENCE", exposure.cadence_s, "[s] time from one cadence to the next"),
        ("XPOSURE", len(header.time) * exposure.exposure_s, "[s] time on source, all cadences"),
        ("DATA_REL", pointing.data_rel, "data release; 0 if the input names none"),
        ("VERSION", version, "version of this product"),
        ("DATASRC", pointing.datasource, "kind of pixel file"),
        ("PIXVER", pointing.procver or None, "pipeline that calibrated the pixels"),
        ("PIXPLACE", header.placed_by, "what says where the pixels are on the CCD"),
        ("QBITMASK", header.quality_bitmask, "bits of QUALITY that flag a cadence"),
        ("SIMULATD", pointing.is_simulated or None, "the pixels are simulated"),
    ]
    return known_cards(items)


def collection_cards(collection: Collection, version: int) -> list[CardItem]:
    """Return the cards of the primary header on the collection that a light curve belongs to; none without one."""
    if not collection.exists:
        return []
    return [
        ("HLSPID", collection.id, "identifier of the collection"),
        ("HLSPNAME", collection.name, "its title"),
        ("HLSPLEAD", collection.lead, "its lead"),
        ("HLSPVER", f"v{version:02d}", "its version: VERSION"),
        *([("DOI", collection.doi, "its digital object identifier")] if collection.has_doi else []),
        ("LICENSE", collection.license, "licence of these data"),
        ("LICENURL", collection.license_url, "licence of these data"),
    ]


def flux_cards() -> list[CardItem]:
    """Return what the header of the table says of its fluxes."""
    return [("COMMENT", line, "") for line in FLUX_COMMENTS]


def span_cards(time: npt.NDArray[np.float64], cadence_s: int) -> list[list[CardItem]]:
    """Return the cards on the spans of light curves: start, end and middle, dates, and TELAPSE of each.

    `time` (n_curve, 2) holds first and last times, BTJD: dates of many cost hardly more than those of one. The dates
    are in the time system that TIMESYS names, TDB, as the FITS standard has it (4.0, section 9.2.1); SPOC's are in UTC.
    """
    half = cadence_s / SECONDS_PER_DAY / 2
    spans = time + np.array([-half, half])
    dates = Time(spans, BTJD_OFFSET, format="jd", scale="tdb").isot
    return [
        [
            ("TSTART", start, "[d] observation start time, BTJD"),
            ("TSTOP", stop, "[d] observation stop time, BTJD"),
            ("DATE-OBS", first, "TSTART as calendar date, TDB"),
            ("DATE-END", last, "TSTOP as calendar date, TDB"),
            ("MJD-BEG", start + _BTJD_IN_MJD, "[d] TSTART as MJD, TDB"),
            ("MJD-MID", (start + stop) / 2 + _BTJD_IN_MJD, "[d] middle of TSTART and TSTOP as MJD, TDB"),
            ("MJD-END", stop + _BTJD_IN_MJD, "[d] TSTOP as MJD, TDB"),
            ("TELAPSE", stop - start, "[d] TSTOP - TSTART"),
        ]
        for (start, stop), (first, last) in zip(spans.tolist(), dates.tolist(), strict=True)
    ]


def time_cards(header: CubeHeader) -> list[CardItem]:
    """Return the cards on the time system."""
    return [
        ("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times"),
        ("TASSIGN", "SPACECRAFT", "where time is assigned"),
        ("TIMESYS", "TDB", "barycentric dynamical time"),
        ("BJDREFI", int(BTJD_OFFSET), "integer part of BTJD reference date"),
        ("BJDREFF", 0.0, "fraction of the day in BTJD reference date"),
        ("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP"),
        ("TIMEPIXR", 0.5, "TIME is the middle of the cadence"),
        ("TIMEDEL", header.exposure.cadence_s / SECONDS_PER_DAY, "[d] time resolution of data"),
        ("TIMEOFFS", header.offset.mid_s, "[s] correction of the data release, in TIME"),
        *_ephemeris_cards(header),
    ]


#: Characters of a text that fit into a card with a short comment.
_LONGEST_TEXT = 50


def _ephemeris_cards(header: CubeHeader) -> list[CardItem]:
    """Return the cards on the place of the spacecraft, where times were corrected with it."""
    if header.ephemeris is None:
        return []
    return [
        ("EPHEMER", header.ephemeris.source[:_LONGEST_TEXT], "place of TESS"),
        ("TIMSYER", header.ephemeris.error_s / SECONDS_PER_DAY, "[d] largest error of TIME by that place"),
    ]


def exposure_cards(header: CubeHeader) -> list[CardItem]:
    """Return the cards of the table on exposure and readout."""
    exposure = header.exposure
    on_source = len(header.time) * exposure.exposure_s / SECONDS_PER_DAY
    return [
        ("EXPOSURE", on_source, "[d] time on source"),
        ("INT_TIME", INT_TIME_S, "[s] photon accumulation time per frame"),
        ("READTIME", READ_TIME_S, "[s] readout time per frame"),
        ("FRAMETIM", FRAME_TIME_S, "[s] frame time (INT_TIME + READTIME)"),
        ("NUM_FRM", round(exposure.cadence_s / FRAME_TIME_S), "number of frames per time stamp"),
        ("NREADOUT", exposure.num_readouts, "number of frames used per cadence"),
        ("BACKAPP", True, "background is subtracted"),
        *(
            (f"GAIN{out}", g, "[e-/ADU] gain of the output")
            for out, g in zip(OUTPUTS, exposure.gain_e_per_adu, strict=True)
        ),
        *(
            (f"READNOI{out}", n, "[e-] noise of a readout")
            for out, n in zip(OUTPUTS, exposure.read_noise_e, strict=True)
        ),
    ]


def physical_cards(stamp: Stamp, reference_pixel: tuple[float, float]) -> list[CardItem]:
    """Return the cards of an image's place on the CCD.

    Parameters
    ----------
    stamp : Stamp
        Pixels of the image.
    reference_pixel : tuple of float
        CRPIX1 and CRPIX2 of the celestial WCS in CCD pixels.
    """
    items: list[CardItem] = [
        ("CRPIX1", reference_pixel[0] - stamp.col_min, "[pixel] reference pixel along axis 1"),
        ("CRPIX2", reference_pixel[1] - stamp.row_min, "[pixel] reference pixel along axis 2"),
        ("WCSNAMEP", "PHYSICAL", "name of world coordinate system alternate P"),
        ("WCSAXESP", 2, "number of WCS physical axes"),
    ]
    for axis, name, first in ((1, "RAWX", stamp.col_min + 1), (2, "RAWY", stamp.row_min + 1)):
        items += [
            (f"CTYPE{axis}P", name, "CCD column" if axis == 1 else "CCD row"),
            (f"CUNIT{axis}P", "PIXEL", "physical WCS unit"),
            (f"CRPIX{axis}P", 1, "first pixel"),
            (f"CRVAL{axis}P", first, "1-based place of the first pixel on the CCD"),
            (f"CDELT{axis}P", 1.0, "physical WCS step"),
        ]
    return items


def target_metadata(
    catalog: Catalog,
    entry: int,
    status: STATUS,
    reason: str,
    numbers: StarNumbers | None = None,
    correction: StarCorrection = NOT_CORRECTED,
) -> TargetMetadata:
    """Return what the header says of a target.

    Parameters
    ----------
    catalog : Catalog
        The catalogue.
    entry : int
        The target's place in it.
    status, reason
        How the photometry ended.
    numbers : StarNumbers, optional
        What the fit says of it; without a fit nothing is known.
    correction : StarCorrection
        What its corrected flux is without.
    """
    return TargetMetadata(
        ra=float(catalog.ra_j2000[entry]),
        dec=float(catalog.decl_j2000[entry]),
        pm_ra=float(catalog.pm_ra[entry]),
        pm_dec=float(catalog.pm_decl[entry]),
        tmag=float(catalog.tmag[entry]),
        teff=float(catalog.teff[entry]),
        status=status,
        reason=reason,
        numbers=StarNumbers() if numbers is None else numbers,
        correction=correction,
    )
