"""Pixel cubes: writes prepared/{region}.hdf5 from the pixel file of a region."""


rule images:
    """Read the pixels of {wildcards.region}, split off their large-scale background and flag what is no measurement."""
    input:
        pixels=pixel_file_of,
    output:
        cube=ensure("<results>/prepared/{region}.hdf5", non_empty=True),
    log:
        "<logs>/images/{region}.log",
    benchmark:
        "<benchmarks>/images/{region}.tsv"
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_of("images"),
        datasource=datasource_of,
    script:
        "../scripts/images.py"
