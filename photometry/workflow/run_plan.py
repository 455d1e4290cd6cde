"""Settings -> everything that is known of a run before its first job; errors are reported here, in one message."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photometry.core.errors import ConfigError, InputFileError, PhotometryError
from photometry.io.pixels.file_memory import FileMemory
from photometry.io.pixels.file_places import PlaceNotes
from photometry.workflow.batch_members import expected_products
from photometry.workflow.batches import STAMPS, can_be_batched, plan_batches, read_batches
from photometry.workflow.checks import check_collection, check_inputs, check_output, check_simulated, check_trends
from photometry.workflow.code_digests import Sources
from photometry.workflow.config import checked_config, with_booleans
from photometry.workflow.config_schema import config_schema
from photometry.workflow.fetching import Fetching
from photometry.workflow.lost_products import losses, read_losses
from photometry.workflow.mast_observations import with_fetched, with_sources
from photometry.workflow.module_paths import Place, with_places
from photometry.workflow.observation_table import with_observation_table
from photometry.workflow.plan import PlannedRegion, all_overlaps, plan_regions
from photometry.workflow.star_command import with_command
from photometry.workflow.star_plan import StarPlan, plan_stars
from photometry.workflow.trend_plan import looks_for_trends

__all__ = ["RunPlan", "plan_run"]

#: Name of the notes on where files are whose headers do not say it.
_PLACES = "file_places.json"
#: Name of the notes on what the headers of pixel files say, and the module whose code reads them.
_FILES, _INSPECTOR = "pixel_files.json", Path("photometry/io/pixels/pixel_files.py")
#: The module whose code decides what a plan of stars holds, from the top folder of the sources.
_STAR_PLANNER = Path("photometry/workflow/star_plan.py")
#: Characters of a file's name in a message.
_MOST_OF_NAME = 200


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run has to do.

    Parameters
    ----------
    settings : dict
        Settings, checked and complete.
    folder : str
        Folder of the stars of the regions and of the digests that jobs depend on.
    regions : dict of str to PlannedRegion
        By name.
    unusable : tuple of InputFileError
        What is wrong with pixel files of a folder that cannot be used; the others can.
    overlaps : dict of str to list of str
        Regions whose pixels a region shares.
    stars : dict of str to StarPlan
        Digests of the stars of regions, by region; empty in the processes of jobs, which find them in `folder`.
    losses : dict of str to str
        Parameters of jobs that have lost what they wrote (`photometry.workflow.lost_products.losses`).
    batches : dict of str to list of str
        Regions that are measured by one job, by the name of the batch; all others have a job for each step.
    """

    settings: dict[str, Any]
    folder: str
    regions: dict[str, PlannedRegion]
    unusable: tuple[InputFileError, ...]
    overlaps: dict[str, list[str]]
    stars: dict[str, StarPlan]
    losses: dict[str, str]
    batches: dict[str, list[str]]


def plan_run(
    config: Mapping[str, Any],
    source: str,
    sources: Sources,
    *,
    settings_given: bool = True,
    dry: bool = False,
    checks_inputs: bool = True,
    place: Place | None = None,
    batched: bool = True,
) -> RunPlan:
    """Check settings and inputs and work out what there is to do.

    Parameters
    ----------
    config : mapping
        Settings as the user wrote them; not changed.
    source : str
        Name of the file they came from.
    sources : Sources
        The sources of the workflow.
    settings_given : bool
        Whether the user named files of settings [default: True].
    dry : bool
        Whether nothing large may be fetched [default: False].
    checks_inputs : bool
        Also check the inputs beside pixel files and write the stars of the regions; the processes of jobs need not
        [default: True].
    place : callable, optional
        Where another workflow, of which this one is a module, puts relative paths [default: where they are].
    batched : bool
        Whether pixel files may be measured in batches, whose products are no declared outputs [default: True].

    Raises
    ------
    NotFetchedYet
        When a dry run needs files that the run would fetch.
    PhotometryError
        When a setting, a pixel file, a table or another input cannot be used, or the output cannot be written.
    """
    schema = config_schema()
    with _files_named(source):
        given = with_command(with_booleans(config, schema), settings_given=settings_given)
        complete = _with_observations(given, schema, place)
        settings = checked_config(with_sources(complete), schema, source)
    with _settings_named(source), _files_named(source):
        settings = with_fetched(settings, Fetching(allowed=checks_inputs, dry=dry))
    fit = settings["fit"]
    folder = f"{settings['output']}/plan"
    stars: dict[str, StarPlan] = {}
    with _settings_named(source), _files_named(source):
        check_output(settings["output"])
        check_collection(settings["hlsp"])
        notes = PlaceNotes(f"{folder}/{_PLACES}")
        memory = FileMemory(f"{folder}/{_FILES}", sources.digest(sources.root / _INSPECTOR))
        tiling = fit["tile_size"], fit["tile_margin"]
        regions, unusable = plan_regions(settings.get("observations", []), *tiling, notes, memory)
        overlaps = all_overlaps(regions)
        candidates = can_be_batched(regions, overlaps) if batched else []
        check_simulated(settings.get("simulate", {}))
        if checks_inputs:
            check_trends(settings["trends"])
            check_inputs(regions.values(), settings["ephemeris"], settings["motion"]["mode"])
            stars = plan_stars(regions, folder, settings["coord_buffer"], sources.digest(sources.root / _STAR_PLANNER))
            notes.write()
            memory.write()
            batches = plan_batches(folder, candidates, settings["files_per_job"])
            tiles = {name: list(region.tiles) for name, region in regions.items()}
            products = _products(settings, batches, stars)
            lost = losses(settings["output"], folder, tiles, products, page=settings["report"])
        else:
            batches, lost = read_batches(folder, candidates), read_losses(folder)
    return RunPlan(settings, folder, regions, tuple(unusable), overlaps, stars, lost, batches)


def _with_observations(given: dict[str, Any], schema: Mapping[str, Any], place: Place | None) -> dict[str, Any]:
    """Return settings with the rows of a table of observations, and all paths where they are."""
    if place is None:
        return with_observation_table(given, schema)
    if isinstance(table := given.get("observations"), str):
        given = given | {"observations": place(table)}
    return with_places(with_observation_table(given, schema), place)


def _products(
    settings: Mapping[str, Any], batches: Mapping[str, Sequence[str]], stars: Mapping[str, StarPlan]
) -> dict[str, list[str]]:
    """Return what batches left that were done, and the products of their regions, by region."""
    found = {}
    for batch, names in batches.items():
        done = f"{settings['output']}/{STAMPS}/batch_{batch}.json"
        for name in names if Path(done).is_file() else ():
            tiles = list(stars[name].targets)
            products = expected_products(
                settings["output"],
                name,
                tiles,
                plots=settings["plots"],
                page=settings["report"],
                trends=looks_for_trends(settings["trends"], stars[name]),
            )
            found[name] = [done, *products]
    return found


@contextmanager
def _settings_named(source: str) -> Iterator[None]:
    """Name the file of settings where one of them cannot be used."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error


@contextmanager
def _files_named(source: str) -> Iterator[None]:
    """Name the file where the system does not let us look at one: no permission, a name too long, a broken disk."""
    try:
        yield
    except PhotometryError:
        raise
    except OSError as error:
        name = str(error.filename or source)
        shown = name if len(name) < _MOST_OF_NAME else f"{name[:_MOST_OF_NAME]}..."
        reason = error.strerror or str(error)
        raise InputFileError(shown, f"cannot be read ({reason}); correct the key that names it in {source}") from error
