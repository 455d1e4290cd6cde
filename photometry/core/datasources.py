"""The kinds of pixels that can be measured: one entry for each, with all that tells one from another.

Everything else asks an entry for what it needs to know and compares no names (a test). What reads the files of an entry
is in `photometry.io.pixels.pixel_readers.READERS`; entries of whole CCDs are read by `photometry.io.ffi`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from photometry.core.stars import LIGHT_REACH, MOST_MASK_RADIUS

__all__ = ["DATASOURCES", "FFI", "TESSCUT", "TPF", "DataSource", "region_pattern", "region_title"]

#: Names of regions in file names: a CCD, and what follows the kind of a pixel file.
_CCD_PATTERN = "sector[0-9]{3,4}_camera[1-4]_ccd[1-4]"
_FILE_PATTERN = "[A-Za-z0-9._+-]+"
#: What the parts of such a name say.
_PARTS = re.compile(
    r"(?:(?P<source>[a-z]+)_)?sector0*(?P<sector>[0-9]+)_camera(?P<camera>[1-4])_ccd(?P<ccd>[1-4])"
    r"(?:_ra(?P<ra>[^_]+)_dec(?P<dec>[^_]+))?(?:_r(?P<row>-?[0-9]+)_c(?P<column>-?[0-9]+)_(?P<size>[0-9x]+))?"
    r"(?:_0*(?P<starid>[0-9]+)_c0*(?P<cadence>[0-9]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A kind of pixels.

    Parameters
    ----------
    name : str
        What settings, headers of products and names of regions call it.
    title : str
        What messages call one of its files.
    meaning : str
        What config.yaml says of it.
    whole_ccd : bool
        A region is a CCD, a folder of frames that become its cube in several steps; else a region is one file, which
        holds all cadences of its pixels.
    has_target : bool
        A file belongs to one target, whose TIC number it names.
    instrument : str
        What file names of a collection call its pixels.
    columns : tuple of str
        Columns that the table PIXELS of a file must have.
    column_of_kind, creator_of_kind, key_of_kind : str
        What a file is known by: a column of the table PIXELS, a word in the header key CREATOR, or a header key; empty
        where it is not known by that.
    exposure_of_cadence : bool
        The header key EXPOSURE is the exposure of one cadence, not of the whole series (SDPDD, table 30).
    names_pipeline : bool
        The header key PROCVER names the pipeline that calibrated the pixels, not the tool that cut them.
    full_frame_times : bool
        The times are those of full-frame images: early releases lack the stagger of the readout.
    places_of_tess : bool
        Times at the barycentre are worked out from the places of TESS, for every star its own; else the file has them.
    wcs_motion : bool
        Every cadence has a WCS, so that the motion of the stars can be taken from it.
    star_reach : int
        Stars so far outside the pixels matter to them, pixels: their light, or their wings in a background that is
        worked out here.
    """

    name: str
    title: str
    meaning: str
    instrument: str = "ffi"
    whole_ccd: bool = False
    has_target: bool = False
    columns: tuple[str, ...] = ()
    column_of_kind: str = ""
    creator_of_kind: str = ""
    key_of_kind: str = ""
    exposure_of_cadence: bool = True
    names_pipeline: bool = True
    full_frame_times: bool = True
    places_of_tess: bool = False
    wcs_motion: bool = False
    star_reach: int = LIGHT_REACH


TESSCUT = DataSource(
    name="tesscut",
    title="TESScut file",
    meaning="TESScut cutouts",
    columns=("TIME", "TIMECORR", "CADENCENO", "FLUX", "FLUX_ERR", "QUALITY"),
    column_of_kind="FFI_FILE",
    creator_of_kind="astrocut",
    names_pipeline=False,
    places_of_tess=True,
)
TPF = DataSource(
    name="tpf",
    title="target pixel file (TPF)",
    meaning="SPOC target pixel files",
    instrument="tpf",
    has_target=True,
    columns=("TIME", "TIMECORR", "CADENCENO", "FLUX", "FLUX_ERR", "FLUX_BKG", "QUALITY"),
    key_of_kind="TICID",
    exposure_of_cadence=False,
    full_frame_times=False,
)
FFI = DataSource(
    name="ffi",
    title="full-frame image",
    meaning="SPOC full-frame images",
    whole_ccd=True,
    places_of_tess=True,
    wcs_motion=True,
    star_reach=MOST_MASK_RADIUS,
)

#: All kinds by name. The first that a pixel file has the marks of is its kind.
DATASOURCES: Mapping[str, DataSource] = MappingProxyType({source.name: source for source in (TESSCUT, TPF, FFI)})


def region_pattern(*, whole_ccd: bool) -> str:
    """Return a regular expression for the names of regions: of CCDs, or of pixel files."""
    if whole_ccd:
        return _CCD_PATTERN
    names = "|".join(source.name for source in DATASOURCES.values() if not source.whole_ccd)
    return f"({names})_{_FILE_PATTERN}"


def region_title(name: str) -> str:
    """Return what messages call a region: short, in words, by what its name says; any other name as it is."""
    found = _PARTS.fullmatch(name)
    if found is None:
        return name
    part = found.groupdict()
    detector = f"sector {part['sector']} camera {part['camera']} CCD {part['ccd']}"
    if part["starid"]:
        return f"TIC {part['starid']}, sector {part['sector']}, {part['cadence']} s"
    if part["ra"]:
        return f"{part['size']} px at {part['ra']} {part['dec']}, {detector}"
    if part["size"]:
        return f"{part['size']} px at row {int(part['row'])} column {int(part['column'])}, {detector}"
    return detector
