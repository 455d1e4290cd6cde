"""Files that are given beside pixels and stars: PRF files, and those that say where TESS was."""

from functools import cache
from pathlib import Path

from photometry.core.datasources import DATASOURCES
from photometry.io.reference.prf_files import check_prf_folder


def ephemeris_of(wildcards):
    """Return what says where TESS was, as jobs find it; the Earth where the pixels' times need no places."""
    place = ephemeris_given(wildcards)
    return place if place == "earth" else here(given(place))


def ephemeris_given(wildcards):
    """Return what says where TESS was, as it is named in the settings."""
    needed = DATASOURCES[datasource_of(wildcards)].places_of_tess
    return SETTINGS["ephemeris"] if needed else "earth"


def ephemeris_files_of(wildcards):
    """Return the files that say where TESS was: a table or SPICE kernels; none for the Earth's place."""
    return list(map(given, places_of_tess(wildcards)))


def places_of_tess(wildcards):
    """Return these files as they were found on the disk."""
    if IS_NODE:
        return KEPT.files[wildcards.region].ephemeris
    place = Path(ephemeris_given(wildcards))
    if str(place) == "earth":
        return []
    return [str(place)] if place.is_file() else sorted(map(str, place.rglob("*.bsp")))


def prf_folder_of(wildcards):
    """Return the folder of the PRF files of a region, or model."""
    folder = observation_of(wildcards)["prf"]
    if folder == "mast":
        return PRF_DOWNLOADS
    return folder if folder == "model" else here(given(folder))


def prf_files_of(wildcards):
    """Return the PRF files of a region: the user's, the list of those that are downloaded, none for the model."""
    return list(map(given, prf_paths_of(wildcards)))


def prf_paths_of(wildcards):
    """Return these files as they were found on the disk."""
    if IS_NODE:
        return KEPT.files[wildcards.region].prf
    pointing = region_of(wildcards).pixels.pointing
    return prf_files(
        observation_of(wildcards)["prf"],
        pointing.sector,
        pointing.camera,
        pointing.ccd,
    )


@cache
def prf_files(folder, sector, camera, ccd):
    """Return the PRF files of a CCD, as `prf_paths_of` does; a folder is looked through once."""
    if folder == "model":
        return []
    if folder == "mast":
        name = f"sector{sector:03d}_camera{camera}_ccd{ccd}"
        return [f"{SETTINGS['output']}/prepared/prf_files_{name}.txt"]
    return [str(path) for path in check_prf_folder(folder, sector, camera, ccd)]
