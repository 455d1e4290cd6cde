"""What can be known of the inputs before any job runs: star tables, targets, PRF files, output folder."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.errors import CatalogError, ConfigError, InputFileError
from photometry.io.plan import PlannedRegion

__all__ = ["LARGEST_TABLE", "check_inputs", "check_output", "check_simulated"]

#: Star tables up to this size are read before any job, bytes; larger ones by the job that needs them.
LARGEST_TABLE = 20_000_000


def check_output(folder: str | Path) -> None:
    """Make sure that products can be written; nothing is left behind.

    Raises
    ------
    ConfigError
        When the folder, or the nearest folder above it that exists, cannot be written to.
    """
    folder = Path(folder)
    existing = next(parent for parent in [folder, *folder.absolute().parents] if os.path.lexists(parent))
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigError(
            f"output: {folder} cannot be written ({existing}: {error.strerror}); choose another folder"
        ) from error


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
    from photometry.io.prf_files import check_prf_folder
    from photometry.simulate import CcdSettings, SceneSettings, settings_from_mapping

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


def check_inputs(regions: Iterable[PlannedRegion], ephemeris: str = "earth", motion_mode: str = "affine") -> None:
    """Check star tables, tables of targets, PRF files and the ephemeris of all regions, each once.

    Parameters
    ----------
    regions : iterable of PlannedRegion
        All regions.
    ephemeris : str
        The setting; full-frame images need it.
    motion_mode : str
        The setting `motion: mode`.

    Raises
    ------
    CatalogError
        When a star table cannot be used, or a target is not in it.
    PrfError
        When PRF files are missing or belong to another CCD or epoch.
    ConfigError, InputFileError
        When the ephemeris cannot be used, or the mode of motion cannot be with the pixels there are.
    """
    from photometry.io.prf_files import check_prf_folder

    prfs, tables, sources = set(), set(), set()
    for region in regions:
        pointing, observation = region.pixels.pointing, region.observation
        sources.add(pointing.datasource)
        if motion_mode == "wcs" and pointing.datasource != "ffi":
            raise ConfigError(
                f"motion: mode wcs takes the WCS of full-frame images, and {region.pixels.path} is none; "
                "choose another mode"
            )
        prfs.add((observation["prf"], pointing.sector, pointing.camera, pointing.ccd))
        tables.add((observation["catalog"], observation["targets"]))
    for folder, sector, camera, ccd in sorted(prfs):
        if folder not in ("model", "mast"):
            check_prf_folder(folder, sector, camera, ccd)
    if "ffi" in sources and ephemeris != "earth":
        from photometry.io.spacecraft import check_ephemeris

        check_ephemeris(ephemeris)
    known: dict[str, npt.NDArray[np.int64] | None] = {}
    for catalog, targets in sorted(tables):
        if catalog not in known:
            known[catalog] = _starids(catalog)
        if targets != "all":
            _check_targets(targets, catalog, known[catalog])


def _starids(catalog: str) -> npt.NDArray[np.int64] | None:
    """Read a star table and return its TIC numbers; None where a job will read it."""
    from photometry.io.star_tables import read_star_table

    if catalog == "mast":
        return None
    if not Path(catalog).is_file():
        raise CatalogError(catalog, "no such file; correct the key 'catalog' (a star table, a catalogue SQLite, mast)")
    if Path(catalog).stat().st_size > LARGEST_TABLE:
        return None
    return read_star_table(catalog).table["starid"].to_numpy(np.int64)


def _check_targets(targets: str, catalog: str, known: npt.NDArray[np.int64] | None) -> None:
    from photometry.io.targets import read_target_table

    if not Path(targets).is_file():
        raise InputFileError(targets, "no such file; correct the key 'targets' (all, or a table with a column starid)")
    wanted = read_target_table(targets)
    if known is None:
        return
    missing = wanted[~np.isin(wanted, known)]
    if len(missing):
        named = ", ".join(map(str, missing[:5])) + (" and others" if len(missing) > 5 else "")
        raise CatalogError(
            targets, f"TIC {named}: not among the stars of {catalog}; remove the row, or add the star to the catalogue"
        )
