"""Names of light curve files: our own, and those of a collection of High Level Science Products (HLSP) at MAST.

MAST's names are lower case, have nine fields between underscores and at most 90 characters
(outerspace.stsci.edu/display/MASTDOCS/File+Naming+Convention). Why ours are as they are:
docs/decisions/059-names-and-cards-of-collections.md.
"""

import re
from dataclasses import dataclass

from photometry.core.cube import Pointing
from photometry.core.datasources import DATASOURCES
from photometry.core.stars import GAIA_NUMBERS

__all__ = ["NamedCurve", "light_curve_name", "multi_sector_name", "named_curve"]

#: `light_curve_name`, without its folders.
_OWN = re.compile(
    r"tess(?P<star>\d{11,19})-s(?P<sector>\d+)-(?P<camera>\d)-(?P<ccd>\d)-c(?P<cadence>\d+)-dr\d+"
    r"-v(?P<version>\d+)_lc\.fits"
)
_OF_COLLECTION = re.compile(
    r"hlsp_[a-z0-9-]+_tess_[a-z]+_(?:tic(?P<star>\d{11})|gaia(?P<gaia>\d+))"
    r"-s(?P<sector>\d+)-(?P<camera>\d)-(?P<ccd>\d)-c(?P<cadence>\d+)_tess_v(?P<version>\d+)_lc\.fits"
)
#: What a file with light curves of several kinds of pixels says of its instrument.
_ANY_PIXELS = "phot"


@dataclass(frozen=True, slots=True)
class NamedCurve:
    """What the name of a light curve file says; `cadence` in s."""

    starid: int
    sector: int
    camera: int
    ccd: int
    cadence: int
    version: int


def light_curve_name(starid: int, pointing: Pointing, cadence_s: int, version: int, collection: str = "") -> str:
    """Return the path of a light curve file below the folder of light curves.

    Parameters
    ----------
    starid : int
        TIC number, or that of a star of Gaia alone (`photometry.core.stars.GAIA_NUMBERS`).
    pointing : Pointing
        Sector, camera, CCD, data release and kind of pixels.
    cadence_s : int
        Time from one cadence to the next, s.
    version : int
        Version of the product.
    collection : str
        Identifier of the HLSP collection whose names are wanted; empty for our own.
    """
    seen = f"{pointing.camera}-{pointing.ccd}-c{cadence_s:04d}"
    if collection:
        pixels = DATASOURCES[pointing.datasource].instrument
        target = f"{_target(starid)}-s{pointing.sector:04d}-{seen}"
        name = _collected(collection, pixels, target, version)
    else:
        name = f"tess{starid:011d}-s{pointing.sector:03d}-{seen}-dr{pointing.data_rel:02d}-v{version:02d}_lc.fits"
    return f"c{cadence_s:04d}/{f'{starid:011d}'[:5]}/{name}"


def multi_sector_name(star: str, version: int, collection: str = "") -> str:
    """Return the name of the file with the light curves of a star in all sectors.

    Parameters
    ----------
    star : str
        TIC number with 11 digits, or what stands for it in a pattern.
    version : int
        Version of the product.
    collection : str
        As for `light_curve_name`.
    """
    if collection:
        return _collected(collection, _ANY_PIXELS, f"tic{star}", version)
    return f"tess{star}_v{version:02d}_lc.fits"


def named_curve(name: str) -> NamedCurve | None:
    """Return what a name says, without folders; None where it is none of a light curve."""
    match = _OWN.fullmatch(name) or _OF_COLLECTION.fullmatch(name)
    if match is None:
        return None
    found = match.groupdict()
    starid = GAIA_NUMBERS + int(found["gaia"]) if found.get("gaia") else int(found["star"])
    return NamedCurve(starid, *(int(found[key]) for key in ("sector", "camera", "ccd", "cadence", "version")))


def _target(starid: int) -> str:
    return f"gaia{starid - GAIA_NUMBERS}" if starid > GAIA_NUMBERS else f"tic{starid:011d}"


def _collected(collection: str, pixels: str, target: str, version: int) -> str:
    return f"hlsp_{collection}_tess_{pixels}_{target}_tess_v{version:02d}_lc.fits"
