"""Star catalogue and targets of every region.

The plan takes the stars of a region from the star table before any job (photometry.workflow.star_plan); where the settings say
`catalog: mast` or `gaia`, the jobs download_catalog and stars do. Writes prepared/catalog_{region}.sqlite and
prepared/targets_{region}.ecsv from them and the cube; of full-frame images, the catalogue from the frames.
"""


rule download_catalog:
    """Ask MAST or ESA for the stars on and around the pixels of {wildcards.region}; the answers are kept and not asked again.

    They are kept beside the output, which Snakemake deletes before a job runs.
    """
    input:
        pixels=pixel_file_of,
    output:
        stars=ensure("<results>/prepared/downloaded_stars_{region}.csv", non_empty=True),
    log:
        "<logs>/download_catalog/{region}.log",
    benchmark:
        "<benchmarks>/download_catalog/{region}.tsv"
    # The archive may be busy.
    retries: 1
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=1000,
    params:
        kept=f"{SETTINGS['output']}/downloads/stars",
        by_hand=f"{SETTINGS['output']}/downloads/stars_{{region}}.csv",
        catalog=lambda wildcards: observation_of(wildcards)["catalog"],
        tmag_limit=faintest_star_of,
        datasource=datasource_of,
        place=place_of_file,
        coord_buffer=lookup("coord_buffer", within=SETTINGS),
    script:
        "../scripts/download_catalog.py"


rule stars:
    """Take the stars near the pixels of {wildcards.region} from the downloaded table; say which are asked for."""
    input:
        table=rules.download_catalog.output.stars,
        pixels=placed_pixels_of,
        targets=targets_table_of,
    output:
        stars=ensure("<results>/prepared/stars_{region}.hdf5", non_empty=True),
    log:
        "<logs>/stars/{region}.log",
    benchmark:
        "<benchmarks>/stars/{region}.tsv"
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(2, 0),
        lane=1,
    params:
        rerun_on_code=code_of("stars"),
        datasource=datasource_of,
        targets=lambda wildcards: observation_of(wildcards)["targets"],
        tmag_limit=lambda wildcards: observation_of(wildcards)["tmag_limit"],
        coord_buffer=lookup("coord_buffer", within=SETTINGS),
    script:
        "../scripts/stars.py"


rule catalog:
    """Stars on and around the pixels of {wildcards.region}, moved from J2000 to the observation by their proper motion."""
    input:
        stars=stars_of,
        pixels=placed_pixels_of,
    output:
        catalog=ensure("<results>/prepared/catalog_{region}.sqlite", non_empty=True),
    log:
        "<logs>/catalog/{region}.log",
    benchmark:
        "<benchmarks>/catalog/{region}.tsv"
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(2, 0),
        lane=1,
    params:
        rerun_on_code=code_of("catalog"),
        rerun_on_stars=star_rows_of,
        datasource=datasource_of,
        coord_buffer=lookup("coord_buffer", within=SETTINGS),
    script:
        "../scripts/catalog.py"


rule targets:
    """Choose the stars of {wildcards.region} that get a light curve; say why the others that were asked for get none."""
    input:
        stars=stars_around,
        cubes=cubes_around,
    output:
        targets=ensure("<results>/prepared/targets_{region}.ecsv", non_empty=True),
    log:
        "<logs>/targets/{region}.log",
    benchmark:
        "<benchmarks>/targets/{region}.tsv"
    group:
        group_of("whole")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(2, 0),
        lane=1,
    params:
        rerun_on_code=code_of("targets"),
        rerun_on_stars=star_digests_around,
        regions=regions_around,
        tile_size=lookup("fit/tile_size", within=SETTINGS),
        tile_margin=lookup("fit/tile_margin", within=SETTINGS),
    script:
        "../scripts/targets.py"
