"""What batches of pixel files are made from: input functions and parameters of rules/batches.smk."""

from types import SimpleNamespace

from photometry.workflow.batch_members import BatchMember, BatchTile, MemberValues
from photometry.workflow.batches import STAMPS

#: Scripts of the steps.
BATCH_STEPS = (
    "images",
    "catalog",
    "targets",
    "movement_kernel",
    "effective_prf",
    "psf_photometry",
    "trends",
    "export_light_curves",
    "plots",
    "trend_plots",
    "page_data",
)
#: Batches of regions.
BATCH_OF = {name: batch for batch, names in RUN.batches.items() for name in names}
#: Minutes of a pixel file's steps, and of the start of a job, on a slow processor.
MINUTES_OF_FILE, MINUTES_OF_START = 1.0, 5.0
#: Seconds of all steps for every frame (rules/cluster.smk).
SECONDS_OF_FRAME = 3.5


def done_batches():
    """Return what all batches leave when they are done."""
    return collect(f"<results>/{STAMPS}/batch_{{batch}}.json", batch=RUN.batches)


def done_batches_of(regions):
    """Return what the batches of some regions leave when they are done."""
    batches = sorted({BATCH_OF[region] for region in regions})
    return collect(f"<results>/{STAMPS}/batch_{{batch}}.json", batch=batches)


def tile_of_batch(region, name, plan):
    """Return what a batch has to know of a tile that may have targets."""
    where = SimpleNamespace(region=region, tile=name)
    return BatchTile(
        core_of(where), plan.tiles[name], plan.targets[name], regions_at_tile(where)
    )


def member_of(region):
    """Return what a batch has to know of a pixel file, as plain values."""
    where, plan = SimpleNamespace(region=region), star_plan_of(region)
    return BatchMember(
        region=region,
        pixels=pixel_file_of(where),
        datasource=datasource_of(where),
        place=place_of_file(where),
        ephemeris=ephemeris_of(where),
        prf=prf_folder_of(where),
        prf_files=prf_files_of(where),
        fit=fit_of(where),
        asked=asked_in(where),
        rows=plan.rows,
        reference=plan.region,
        regions=regions_around(where),
        contents=star_digests_around(where),
        tiles={
            name: tile_of_batch(region, name, plan) for name in tiles_of_targets(region)
        },
        has_trends=has_trends(region),
        given_trends=given_trends_of(where),
        uncorrected=uncorrected_reason(where),
    ).as_dict()


def cube_member_of(region):
    """Return what is to be known of a pixel file to make its cube, as plain values."""
    where = SimpleNamespace(region=region)
    return BatchMember(
        region=region,
        pixels=pixel_file_of(where),
        datasource=datasource_of(where),
        place=place_of_file(where),
        ephemeris=ephemeris_of(where),
    ).as_dict()


def members_of(wildcards):
    """Return what a batch has to know of its pixel files."""
    return MemberValues(map(member_of, RUN.batches[wildcards.batch]))


def cube_members_of(wildcards):
    """Return what is to be known of the pixel files of a batch to make their cubes."""
    return MemberValues(map(cube_member_of, RUN.batches[wildcards.batch]))


def pixel_files_of(wildcards):
    """Return the pixel files of a batch."""
    return [
        pixel_file_of(SimpleNamespace(region=region))
        for region in RUN.batches[wildcards.batch]
    ]


def ephemeris_files_of_batch(wildcards):
    """Return the files that say where TESS was, where a file of the batch needs them."""
    found = {}
    for region in RUN.batches[wildcards.batch]:
        found |= dict.fromkeys(ephemeris_files_of(SimpleNamespace(region=region)))
    return list(found)


def prf_files_of_batch(wildcards):
    """Return the PRF files of a batch, each once."""
    found = {}
    for region in RUN.batches[wildcards.batch]:
        found |= dict.fromkeys(prf_files_of(SimpleNamespace(region=region)))
    return list(found)


def cubes_of_others(wildcards):
    """Return what is left by batches whose cubes the batch needs: of those that share pixels with it, and its own then."""
    others = {
        BATCH_OF[other]
        for region in RUN.batches[wildcards.batch]
        for other in RUN.overlaps[region]
    }
    if others <= {wildcards.batch}:
        return []
    return collect(
        f"<results>/{STAMPS}/cubes_{{batch}}.json",
        batch=sorted(others | {wildcards.batch}),
    )


def losses_of_batch(wildcards):
    """Return what tells when products of a batch were lost."""
    names = RUN.batches[wildcards.batch]
    return {
        name: mark
        for name, mark in RUN.losses.items()
        if name.partition("/")[0] in names
    }


def minutes_of_batch(wildcards, attempt):
    """Return the run time of a batch, minutes."""
    frames = sum(
        frames_of(SimpleNamespace(region=region))
        for region in RUN.batches[wildcards.batch]
    )
    files = MINUTES_OF_FILE * len(RUN.batches[wildcards.batch])
    return (
        math.ceil(MINUTES_OF_START + files + SECONDS_OF_FRAME * frames / 60) * attempt
    )


#: Settings that the steps need.
BATCH_SETTINGS = {
    name: SETTINGS[name]
    for name in (
        "output",
        "version",
        "hlsp",
        "plots",
        "report",
        "coord_buffer",
        "quality_bitmask",
        "motion",
        "prf_learning",
    )
} | {"fit": {name: SETTINGS["fit"][name] for name in ("tile_size", "tile_margin")}}
