"""Pixel cubes of pixel files: writes prepared/{region}.hdf5. Those of full-frame images: rules/ccd.smk."""


rule images:
    """Read the pixels of {wildcards.region}, split off their large-scale background and flag what is no measurement."""
    input:
        pixels=pixel_file_of,
        ephemeris=ephemeris_files_of,
    output:
        cube=ensure("<results>/prepared/{region}.hdf5", non_empty=True),
    log:
        "<logs>/images/{region}.log",
    benchmark:
        "<benchmarks>/images/{region}.tsv"
    wildcard_constraints:
        region=FILE_REGION,
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=minutes(2, 1.0),
        lane=1,
    params:
        rerun_on_code=code_of("images"),
        datasource=datasource_of,
        place=place_of_file,
        ephemeris=ephemeris_of,
        quality_bitmask=SETTINGS["quality_bitmask"],
    script:
        "../scripts/images.py"
