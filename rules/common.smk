"""Settings and inputs, checked before any job; the plan of regions and tiles; input functions of the rules.

Any error is reported in one message, which ends the run. This file only connects: the checks are in photometry/.
"""

import re
import sys
from dataclasses import astuple
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.path_modifier import PathModifier

from photometry.ccd.ccd_work import n_block_of
from photometry.core.collection import Collection
from photometry.core.datasources import DATASOURCES, region_pattern
from photometry.core.errors import PhotometryError
from photometry.core.settings import CATALOGS
from photometry.io.ffi.ffi_files import listing_digest
from photometry.io.results.page_files import PAGE_FOLDER
from photometry.lightcurve.names import multi_sector_name
from photometry.pages.documents import code_digest
from photometry.workflow.batch_members import regions_at_tile as tile_regions
from photometry.workflow.code_digests import Sources
from photometry.workflow.config_files import explained
from photometry.workflow.fetching import NotFetchedYet
from photometry.workflow.lost_products import page_mark
from photometry.workflow.origin_lines import made_with, page_link
from photometry.workflow.run_plan import plan_run
from photometry.workflow.star_plan import (
    read_star_plan,
    reference_digest,
    stars_file,
)
from photometry.workflow.trend_plan import (
    GIVEN_WORDS,
    looks_for_trends,
    trend_files,
    why_uncorrected,
)

#: Names of regions: of pixel files, and of CCDs.
FILE_REGION = region_pattern(whole_ccd=False)
CCD_REGION = region_pattern(whole_ccd=True)


wildcard_constraints:
    region=f"{FILE_REGION}|{CCD_REGION}",
    tile=r"row[0-9]+_col[0-9]+",
    block=r"[0-9]{3}",
    sector=r"[0-9]{3,4}",
    starid=r"[0-9]{11}",
    camera=r"[1-4]",
    ccd=r"[1-4]",


# `prefix` and `replace_prefix` of a module statement move the paths of the settings, once: all paths of the rules follow
# from these, and so do those that only the plan and the jobs know.
PLACE = workflow.modifier.path_modifier.replace_prefix if IS_MODULE else None
if IS_MODULE:
    workflow.modifier.path_modifier = PathModifier(None, None, workflow)

#: The code that products depend on; kept beside what Snakemake knows of them.
SOURCES = Sources(memory=Path(".snakemake/code_digests.json"))
#: Where the settings come from.
CONFIG_SOURCE = (
    f"config of module {workflow.modifier.namespace}"
    if IS_MODULE
    else ", ".join(map(str, GIVEN or workflow.configfiles)) or "--config"
)


def is_dry_run():
    """Tell whether Snakemake was started to show what it would do: which executor it takes is not known here, yet."""
    return workflow.is_main_process and any(
        word in ("--dry-run", "--dryrun") or re.fullmatch("-[a-zA-Z]*n[a-zA-Z]*", word)
        for word in sys.argv[1:]
    )


try:
    if IS_NODE:
        RUN = KEPT.run
    else:
        RUN = plan_run(
            config,
            source=CONFIG_SOURCE,
            sources=SOURCES,
            settings_given=bool(GIVEN) or IS_MODULE,
            dry=is_dry_run(),
            checks_inputs=workflow.is_main_process,
            place=PLACE,
            batched=not STORED,
        )
    if STORED:
        check_storable(RUN)
except NotFetchedYet as plan:
    print(
        f"{plan}\nNothing is fetched in a dry run; the run itself says then what it does with them."
    )
    sys.exit(0)
except PhotometryError as error:
    # No WorkflowError, around whose words Snakemake would put places in this file.
    sys.exit(explained(error, config_given=bool(GIVEN) or IS_MODULE))

#: The settings, complete.
SETTINGS = RUN.settings
#: The collection that light curves belong to.
COLLECTION = Collection(**SETTINGS["hlsp"])
#: Regions that have a job for each step; those of a batch have one for all (rules/batches.smk).
BATCHED = {name for names in RUN.batches.values() for name in names}
SINGLE = {name: region for name, region in RUN.regions.items() if name not in BATCHED}
#: Stars from which cube, motion and PRF of a region were derived; not a declared output, which Snakemake would delete.
REFERENCE = f"{SETTINGS['output']}/prepared/reference_stars_{{region}}.hdf5"
#: Trends of a region, kept for the same reason.
REFERENCE_TRENDS = f"{SETTINGS['output']}/prepared/reference_trends_{{region}}.fits"
#: Where files from MAST are kept.
PRF_DOWNLOADS = f"{SETTINGS['output']}/downloads/prf"
#: Files with the light curves of a star in all sectors, for stars that MAST was asked for by number.
MULTI_SECTOR = f"multi_sector/{multi_sector_name('{starid}', SETTINGS['version'], COLLECTION.in_names)}"
#: Rules that make the cube of a CCD.
CUBE_RULES = ("ccd_light", "ccd_backgrounds", "ccd_smooth", "ccd_pixels", "ccd_images")
#: Name of the summary.
SUMMARY = f"summary_v{SETTINGS['version']:02d}.ecsv"
#: Name of the page that one browses.
PAGE = f"{PAGE_FOLDER}/index.html"

# The report can read nothing but `config`: the version, with what the light curves were made that are there, the page.
if workflow.is_main_process and not IS_MODULE:
    config.update(
        version=SETTINGS["version"],
        made_with=made_with(f"{SETTINGS['output']}/{SUMMARY}"),
        page=page_link(f"{SETTINGS['output']}/{PAGE}", sys.argv),
    )


def code_of(rule):
    """Return a digest of the code of a rule's script and of the modules that it needs, which Snakemake does not track.

    The script is beside these rules, be they in a clone, in an installed package or in Snakemake's cache of a remote one.
    """
    name = f"scripts/{rule}.py"
    return SOURCES.digest(Path(workflow.source_path(f"../{name}")), name)


def region_of(wildcards):
    """Return the planned region of a job."""
    return RUN.regions[wildcards.region]


def observation_of(wildcards):
    """Return the entry of `observations` that a job belongs to."""
    return region_of(wildcards).observation


def datasource_of(wildcards):
    """Return the kind of pixel file of a job."""
    return observation_of(wildcards)["datasource"]


def is_ccd(wildcards):
    """Tell whether a region is a CCD, whose cube is made of frames; else it is a file with all cadences."""
    return DATASOURCES[datasource_of(wildcards)].whole_ccd


def pixel_file_of(wildcards):
    """Return the pixel file of a region; of a CCD the list of its frames."""
    if is_ccd(wildcards):
        return rules.frames.output.frames
    return given(str(region_of(wildcards).pixels.path))


def place_of_file(wildcards):
    """Return where the pixels of a file are on the CCD: first row and column, and what says so; None for a CCD."""
    pixels = region_of(wildcards).pixels
    return None if is_ccd(wildcards) else list(astuple(pixels.place))


def cube_of_region(wildcards):
    """Return the cube of a region: read from its pixel file, or of a CCD made of its frames."""
    if is_ccd(wildcards):
        return rules.ccd_images.output.cube
    return rules.images.output.cube


def placed_pixels_of(wildcards):
    """Return what says where a region's pixels are: its cube; of a CCD, whose cube needs the stars, its frames."""
    if is_ccd(wildcards):
        return rules.frames.output.frames
    return cube_of_region(wildcards)


def listing_of(wildcards):
    """Return a digest of the names, sizes and dates of a CCD's frames, which are too many to be inputs."""
    return listing_of_region(wildcards.region)


@cache
def listing_of_region(region):
    """Return what `listing_of` does; each frame is looked at once."""
    if IS_NODE:
        return KEPT.files[region].listing
    return listing_digest(RUN.regions[region].pixels.paths)


def blocks_of(wildcards):
    """Return the numbers of the blocks of frames of a CCD, of which its cube is made."""
    return [
        f"{number:03d}"
        for number in range(n_block_of(len(region_of(wildcards).pixels.paths)))
    ]


def collect_blocks(part):
    """Return an input function: a part of the cube of each block of a CCD's frames."""
    return lambda wildcards: of_all(
        part, region=wildcards.region, block=blocks_of(wildcards)
    )


def is_downloaded(region):
    """Tell whether a job downloads the stars of a region; else the plan takes them from a star table."""
    return RUN.regions[region].observation["catalog"] in CATALOGS


def faintest_star_of(wildcards):
    """Return the faintest star that a catalogue is asked for: targets always are, and stars whose flux is free."""
    return max(SETTINGS["catalog_tmag_limit"], fit_of(wildcards)["tmag_limit"])


def star_file_of(region):
    """Return the stars of a region: written by the plan from a given star table (its date does not matter), else by a job."""
    path = star_path_of(region)
    return path if is_downloaded(region) else ancient(given(path))


def star_path_of(region):
    """Return the stars of a region where the process that plans looks for them."""
    if is_downloaded(region):
        return f"{SETTINGS['output']}/prepared/stars_{region}.hdf5"
    return str(stars_file(RUN.folder, region))


def stars_of(wildcards):
    """Return the stars of a region."""
    return star_file_of(wildcards.region)


@cache
def star_plan_of(region):
    """Return the digests of a region's stars; None where a job downloads them, which is their input then."""
    if region in RUN.stars:
        return RUN.stars[region]
    return read_star_plan(RUN.folder, region)


def star_rows_of(wildcards):
    """Return a digest of a region's stars, whoever is asked for."""
    plan = star_plan_of(wildcards.region)
    return plan and plan.rows


def reference_of(wildcards):
    """Return a digest of the stars that cube, motion and PRF of a region are derived from: few may have changed since."""
    return reference_of_region(wildcards.region)


@cache
def reference_of_region(region):
    """Return what `reference_of` does; the parts of a cube all ask for it."""
    plan = star_plan_of(region)
    return plan and reference_digest(
        plan, star_path_of(region), REFERENCE.format(region=region)
    )


def tile_stars_of(wildcards):
    """Return a digest of the stars whose light reaches a tile."""
    plan = star_plan_of(wildcards.region)
    return plan and plan.tiles.get(wildcards.tile)


def losses_of(*names):
    """Return a function: what tells when something was lost that the job wrote and that is no declared output."""
    return lambda wildcards: RUN.losses.get("/".join(wildcards[name] for name in names))


def tile_targets_of(wildcards):
    """Return a digest of the targets of a tile."""
    plan = star_plan_of(wildcards.region)
    return plan and plan.targets.get(wildcards.tile)


@cache
def tiles_of_targets(region):
    """Return the names of the tiles of a region that may have targets; all where a job has yet to download the stars."""
    plan = star_plan_of(region)
    tiles = list(RUN.regions[region].tiles)
    return tiles if plan is None else [tile for tile in tiles if tile in plan.targets]


def regions_around(wildcards):
    """Return the names of a region and of those whose pixels overlap it: a star is exported from one of them."""
    return [wildcards.region, *RUN.overlaps[wildcards.region]]


def regions_at_tile(wildcards):
    """Return the names of a region and of those whose pixels overlap one of its tiles, or are next to it."""
    return tile_regions(wildcards.region, wildcards.tile, RUN.regions, RUN.overlaps)


def stars_around(wildcards):
    """Return the stars of a region and of those that overlap it."""
    return [star_file_of(name) for name in regions_around(wildcards)]


def stars_at_tile(wildcards):
    """Return the stars of a region and of those that overlap the tile."""
    return [star_file_of(name) for name in regions_at_tile(wildcards)]


def cubes_around(wildcards):
    """Return the cubes of a region and of those that overlap it."""
    return collect("<results>/prepared/{name}.hdf5", name=regions_around(wildcards))


def cubes_at_tile(wildcards):
    """Return the cubes of a region and of those that overlap the tile."""
    return collect("<results>/prepared/{name}.hdf5", name=regions_at_tile(wildcards))


def star_digests_around(wildcards):
    """Return the digests of the stars of a region and of those that overlap it."""
    plans = [star_plan_of(name) for name in regions_around(wildcards)]
    return [plan and plan.content for plan in plans]


def asked_in(wildcards):
    """Return the stars of a region that were asked for by number."""
    return list(observation_of(wildcards).get("asked_for", ()))


def targets_table_of(wildcards):
    """Return the table of targets of a region, where there is one."""
    table = observation_of(wildcards)["targets"]
    return [] if table == "all" else given(table)


def core_of(wildcards):
    """Return the core of a tile: first row, row behind the last, first column, column behind the last."""
    core = region_of(wildcards).tiles[wildcards.tile].core
    return [core.row_min, core.row_max, core.col_min, core.col_max]


def fit_of(wildcards):
    """Return the settings of the fit; a target's flux is always free, however faint it is."""
    faintest = max(
        SETTINGS["fit"]["tmag_limit"], observation_of(wildcards)["tmag_limit"]
    )
    return SETTINGS["fit"] | {"tmag_limit": faintest}


def fluxes_of(wildcards):
    """Return the fluxes of the tiles of a region that have targets."""
    return collect(
        "<results>/photometry/{region}/{tile}.hdf5",
        region=wildcards.region,
        tile=tiles_of_targets(wildcards.region),
    )


def has_trends(region):
    """Tell whether trends of a region are looked for."""
    return looks_for_trends(SETTINGS["trends"], star_plan_of(region))


def given_trends_of(_):
    """Return the files with trends that the settings give."""
    given = SETTINGS["trends"]
    return [] if given in GIVEN_WORDS else trend_files(given)


def trends_of(wildcards):
    """Return the trends of a region, where they are looked for."""
    if not has_trends(wildcards.region):
        return []
    return f"{SETTINGS['output']}/prepared/trends_{wildcards.region}.fits"


def uncorrected_reason(wildcards):
    """Return why light curves are not corrected; empty where trends decide."""
    return why_uncorrected(SETTINGS["trends"], star_plan_of(wildcards.region))


def indices_of(wildcards):
    """Return the light curve indices of the tiles of a region that have targets."""
    return collect(
        "<results>/lightcurves/index/{region}/{tile}.ecsv",
        region=wildcards.region,
        tile=tiles_of_targets(wildcards.region),
    )


def index_files(regions):
    """Return the light curve indices of the tiles of regions that have targets."""
    return [
        f"{SETTINGS['output']}/lightcurves/index/{region}/{tile}.ecsv"
        for region in regions
        for tile in tiles_of_targets(region)
    ]


@cache
def regions_of_stars():
    """Return the regions in which stars are to be found that MAST was asked for by number, by their 11 digits."""
    regions = {}
    for name, region in RUN.regions.items():
        for starid in region.observation.get("asked_for", ()):
            regions.setdefault(f"{starid:011d}", []).append(name)
    return regions


def indices_of_star(wildcards):
    """Return the light curve indices of the regions in which a star is to be found."""
    return index_files(regions_of_stars()[wildcards.starid])


def made_for_star(wildcards):
    """Return what is there when these indices are: themselves, or what their batches leave."""
    regions = regions_of_stars()[wildcards.starid]
    single = [name for name in regions if name in SINGLE]
    return [*index_files(single), *done_batches_of(set(regions) - set(single))]


def all_indices(wildcards):
    """Return the light curve indices of all tiles that have targets and are measured by jobs of their own."""
    return index_files(SINGLE)
