"""Products: light curve files, their index per tile, and the summary of all targets.

The light curve files are no declared outputs: Snakemake removes those before a job runs, and a file whose target did
not change must keep its bytes and its date. The index of the tile lists them with their digests.
"""

from time import time_ns


rule export_light_curves:
    """Write a light curve file for every target of {wildcards.tile} of {wildcards.region}, and the index of them."""
    input:
        fluxes=rules.psf_photometry.output.fluxes,
        stars=stars_at_tile,
        cubes=cubes_at_tile,
        trends=trends_of,
    output:
        **packed("lightcurves/{region}/{tile}"),
        index=ensure("<results>/lightcurves/index/{region}/{tile}.ecsv", non_empty=True),
    log:
        "<logs>/export_light_curves/{region}/{tile}.log",
    benchmark:
        "<benchmarks>/export_light_curves/{region}/{tile}.tsv"
    group:
        group_of("tile")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=tile_mb_of,
        runtime=minutes(1, 0, 0.005),
        lane=1,
    params:
        rerun_on_code=code_of("export_light_curves"),
        rerun_on_targets=tile_targets_of,
        rerun_on_losses=losses_of("region", "tile"),
        regions=regions_at_tile,
        core=core_of,
        uncorrected=uncorrected_reason,
        version=lookup("version", within=SETTINGS),
        hlsp=lookup("hlsp", within=SETTINGS),
        output=subpath(output.index, ancestor=4),
    script:
        "../scripts/export_light_curves.py"


rule summary:
    """One row for every target that was asked for: status, reason, flux, metrics, file."""
    input:
        indices=all_indices,
        targets=target_lists(),
        batches=done_batches(),
    output:
        summary=ensure(f"<results>/{SUMMARY}", non_empty=True),
    log:
        "<logs>/summary.log",
    benchmark:
        "<benchmarks>/summary.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
    params:
        rerun_on_code=code_of("summary"),
        version=lookup("version", within=SETTINGS),
        indices=lambda wildcards: list(map(here, index_files(RUN.regions))),
        targets=list(map(here, target_files(RUN.regions))),
        unusable=[(str(error.path), error.problem) for error in RUN.unusable],
        output=subpath(output.summary, parent=True),
    script:
        "../scripts/summary.py"


rule multi_sector:
    """Put the light curves of TIC {wildcards.starid} in all sectors into one file, and how far the sectors are apart."""
    input:
        made=made_for_star,
        packed=packed_light_curves_of_star,
    output:
        curve=ensure(f"<results>/{MULTI_SECTOR}", non_empty=True),
    log:
        "<logs>/multi_sector/{starid}.log",
    benchmark:
        "<benchmarks>/multi_sector/{starid}.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        rerun_on_code=code_of("multi_sector"),
        indices=lambda wildcards: list(map(here, indices_of_star(wildcards))),
        output=subpath(output.curve, ancestor=2),
    script:
        "../scripts/multi_sector.py"


rule verify:
    """Compare every product with its digest and say which is damaged; the next run makes those again: snakemake verify."""
    output:
        said="<logs>/verified.txt",
    log:
        "<logs>/verify.log",
    benchmark:
        "<benchmarks>/verify.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
    params:
        # Every time that it is asked for.
        rerun_on_demand=lambda wildcards: time_ns(),
        output=subpath(output.said, ancestor=2),
        version=lookup("version", within=SETTINGS),
        tiles={name: list(region.tiles) for name, region in RUN.regions.items()},
        more=[MULTI_SECTOR.format(starid=starid) for starid in regions_of_stars()],
        plots=lookup("plots", within=SETTINGS),
        page=lookup("report", within=SETTINGS),
    script:
        "../scripts/verify.py"


rule prune:
    """Delete the light curve files that belong to no target any more, of this version, and say which: snakemake prune."""
    input:
        summary=rules.summary.output.summary,
        indices=all_indices,
        targets=target_lists(),
        batches=done_batches(),
    log:
        "<logs>/prune.log",
    benchmark:
        "<benchmarks>/prune.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
    params:
        version=lookup("version", within=SETTINGS),
        indices=lambda wildcards: index_files(RUN.regions),
        targets=target_files(RUN.regions),
        unusable=[(str(error.path), error.problem) for error in RUN.unusable],
        output=subpath(input.summary, parent=True),
    script:
        "../scripts/prune.py"
