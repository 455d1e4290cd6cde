"""What can be known of the inputs before any job runs, beside star tables: PRF files, ephemeris, output folder."""

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from photometry.core.collection import Collection
from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError, InputFileError
from photometry.core.settings import CATALOGS
from photometry.workflow.plan import PlannedRegion
from photometry.workflow.trend_plan import GIVEN_WORDS, trend_files

__all__ = ["check_collection", "check_dates", "check_inputs", "check_output", "check_simulated", "check_trends"]

#: By how much clocks of file servers may be ahead, s; the last date that can be written, s since 1970.
_CLOCK_ERROR_S, _LAST_DATE = 5.0, 2.5e11

#: Folders of the output that Snakemake itself writes to, whose own message would say no more than "Permission denied":
#: that of another user, say, who shares what was prepared.
_WRITTEN_BY_SNAKEMAKE = ("prepared", "logs", "benchmarks")


def check_output(folder: str | Path) -> None:
    """Make sure that products can be written; nothing is left behind.

    Raises
    ------
    ConfigError
        When the folder, or the nearest folder above it that exists, or one in it that every run writes to, cannot be
        written to, or when it has braces in its name.
    """
    _check_braces("output", str(folder))
    folder = Path(folder)
    existing = next(parent for parent in [folder, *folder.absolute().parents] if os.path.lexists(parent))
    for place in [existing, *filter(os.path.isdir, (folder / name for name in _WRITTEN_BY_SNAKEMAKE))]:
        try:
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise ConfigError(
                f"output: {folder} cannot be written ({place}: {error.strerror}); choose another folder"
            ) from error


def _check_braces(key: str, folder: str) -> None:
    """Raise ConfigError for a folder of products that Snakemake would take for a pattern."""
    if "{" in folder or "}" in folder:
        raise ConfigError(f"{key}: {folder!r} has braces, which stand for wildcards; choose another folder")


def check_dates(paths: Iterable[str | Path]) -> None:
    """Make sure that no input is dated in the future: Snakemake would refuse what jobs make of it as older.

    Raises
    ------
    InputFileError
        When one is; it says what to do.
    """
    now = time.time()
    for path in paths:
        dated = os.stat(path).st_mtime if os.path.exists(path) else now
        if dated > now + _CLOCK_ERROR_S:
            date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(min(dated, _LAST_DATE)))
            raise InputFileError(
                path, f"is dated {date}, in the future: products would count as older than it; touch the file"
            )


def check_collection(hlsp: Mapping[str, Any]) -> None:
    """Check that the settings of the collection that light curves belong to are complete.

    Raises
    ------
    ConfigError
        When one is missing that MAST requires.
    """
    if fault := Collection(**hlsp).fault():
        raise ConfigError(f"hlsp: {fault}")


def check_simulated(simulate: Mapping[str, Any]) -> None:
    """Check the settings of simulated scenes and CCDs.

    Parameters
    ----------
    simulate : mapping
        The part `simulate` of the settings; empty when there is none.

    Raises
    ------
    ConfigError
        When a setting is not known or cannot be used, when two have one name, or there is nothing to simulate.
    PrfError
        When PRF files are missing or belong to another CCD or epoch.
    """
    if not simulate:
        return
    from photometry.io.reference.prf_files import check_prf_folder
    from photometry.simulate import CcdSettings, SceneSettings, settings_from_mapping

    _check_braces("simulate, folder", simulate["folder"])
    twice = sorted(set(simulate["scenes"]) & set(simulate["ccds"]))
    if twice:
        raise ConfigError(f"simulate: {', '.join(twice)}: both a scene and a CCD; choose another name for one")
    if not simulate["scenes"] and not simulate["ccds"]:
        raise ConfigError("simulate: names neither scenes nor ccds; name what to simulate")
    for part, kind in (("scenes", SceneSettings), ("ccds", CcdSettings)):
        for name, values in simulate[part].items():
            try:
                settings = settings_from_mapping(values, kind)
            except ConfigError as error:
                raise ConfigError(f"simulate, {part}, {name}: {error}") from error
            if simulate["prf"] != "model":
                check_prf_folder(simulate["prf"], settings.sector, settings.camera, settings.ccd)


def check_trends(given: str) -> None:
    """Check trends that the settings give.

    Raises
    ------
    ConfigError
        When there are none.
    InputFileError
        When a file cannot be used.
    """
    if given in GIVEN_WORDS:
        return
    from photometry.io.products.trend_files import read_trends

    if not Path(given).exists() or not (paths := trend_files(given)):
        raise ConfigError(f"trends: {given} is neither learn nor none, nor a FITS file or a folder of some")
    for path in paths:
        read_trends(path)


def check_inputs(regions: Iterable[PlannedRegion], ephemeris: str = "earth", motion_mode: str = "affine") -> None:
    """Check PRF files, the ephemeris and, where a job downloads the stars, tables of targets of all regions, each once.

    Given star tables, and the tables of targets that go with them, are read by `photometry.workflow.star_plan`.

    Parameters
    ----------
    regions : iterable of PlannedRegion
        All regions.
    ephemeris : str
        The setting; full-frame images and cutouts need it.
    motion_mode : str
        The setting `motion: mode`.

    Raises
    ------
    PrfError
        When PRF files are missing or belong to another CCD or epoch.
    ConfigError, InputFileError
        When a table of targets or the ephemeris cannot be used, an input is dated in the future, or the mode of motion
        is not for the pixels there are.
    """
    from photometry.io.reference.prf_files import check_prf_folder
    from photometry.io.stars.target_tables import read_target_table

    prfs, tables, sources, files = set(), set(), set(), {ephemeris}
    for region in regions:
        pointing, observation = region.pixels.pointing, region.observation
        source = DATASOURCES[pointing.datasource]
        sources.add(source)
        if motion_mode == "wcs" and not source.wcs_motion:
            raise ConfigError(
                f"motion: mode wcs takes the WCS of full-frame images, and {region.pixels.path} is none; "
                "choose another mode"
            )
        files |= {str(region.pixels.path), observation["targets"]}
        prfs.add((observation["prf"], pointing.sector, pointing.camera, pointing.ccd))
        if observation["catalog"] in CATALOGS and observation["targets"] != "all":
            tables.add(observation["targets"])
    for folder, sector, camera, ccd in sorted(prfs):
        if folder not in ("model", "mast"):
            files |= set(map(str, check_prf_folder(folder, sector, camera, ccd)))
    check_dates(sorted(name for name in files if os.path.isfile(name)))
    if ephemeris != "earth" and any(source.places_of_tess for source in sources):
        from photometry.io.reference.spacecraft import check_ephemeris

        check_ephemeris(ephemeris)
    for targets in sorted(tables):
        read_target_table(targets)
