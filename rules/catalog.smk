"""Star catalogue and targets of every region.

Writes prepared/catalog_{region}.sqlite from the star table of the observation (downloaded from MAST where the settings
say so) and the cube, or for full-frame images the frames; and prepared/targets_{region}.ecsv from catalogue, cube and targets table.
"""


rule download_catalog:
    """Ask MAST for the TIC stars on and around the pixels of {wildcards.region}; the answer is kept and not asked again.

    It is kept beside the output, which Snakemake deletes before a job runs.
    """
    input:
        pixels=pixel_file_of,
    output:
        stars=ensure("<results>/prepared/tic_{region}.ecsv", non_empty=True),
    log:
        "<logs>/download_catalog/{region}.log",
    benchmark:
        "<benchmarks>/download_catalog/{region}.tsv"
    # The archive may be busy.
    retries: 1
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=1000,
    params:
        kept=f"{config['output']}/downloads/tic_{{region}}.ecsv",
        datasource=datasource_of,
        coord_buffer=lookup("coord_buffer", within=config),
    script:
        "../scripts/download_catalog.py"


rule catalog:
    """Stars on and around the pixels of {wildcards.region}, moved from J2000 to the observation by their proper motion."""
    input:
        stars=star_table_of,
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
        runtime=minutes(15, 0),
        lane=1,
    params:
        code=code_of("catalog"),
        datasource=datasource_of,
        coord_buffer=lookup("coord_buffer", within=config),
    script:
        "../scripts/catalog.py"


rule targets:
    """Choose the stars of {wildcards.region} that get a light curve; say why the others that were asked for get none."""
    input:
        catalogs=catalogs_around,
        cubes=cubes_around,
        tables=targets_tables_around,
    output:
        targets=ensure("<results>/prepared/targets_{region}.ecsv", non_empty=True),
    log:
        "<logs>/targets/{region}.log",
    benchmark:
        "<benchmarks>/targets/{region}.tsv"
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(15, 0),
        lane=1,
    params:
        code=code_of("targets"),
        regions=wishes_around,
        tile_size=lookup("fit/tile_size", within=config),
        tile_margin=lookup("fit/tile_margin", within=config),
    script:
        "../scripts/targets.py"
