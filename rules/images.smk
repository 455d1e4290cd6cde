"""Pixel cubes: writes prepared/{region}.hdf5 from the pixel file of a region, or from the full-frame images of a CCD.

The frames of a CCD are no declared inputs: 1,300 to 11,000 files of 35 MB, whose contents Snakemake would compare. The
parameter `rerun_on_frames` says when there are others. prepared/frames_{region}.hdf5 lists them.
"""


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


rule frames:
    """Read the headers of the frames of {wildcards.region}: cadences, times, flags, reference WCS; list bad frames."""
    input:
        ephemeris=ephemeris_files_of,
    output:
        frames=ensure("<results>/prepared/frames_{region}.hdf5", non_empty=True),
    log:
        "<logs>/frames/{region}.log",
    benchmark:
        "<benchmarks>/frames/{region}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of_frames
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(2, 0.2),
        lane=1,
    params:
        rerun_on_code=code_of("frames"),
        folder=lambda wildcards: observation_of(wildcards)["input"],
        rerun_on_frames=listing_of,
        ephemeris=ephemeris_of,
        quality_bitmask=SETTINGS["quality_bitmask"],
    script:
        "../scripts/frames.py"


rule ccd_images:
    """Make the cube of {wildcards.region} from its frames: backgrounds smoothed in time, flags; resumed if interrupted."""
    input:
        frames=rules.frames.output.frames,
        stars=stars_of,
    output:
        cube=ensure("<results>/prepared/{region}.hdf5", non_empty=True),
    log:
        "<logs>/ccd_images/{region}.log",
    benchmark:
        "<benchmarks>/ccd_images/{region}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    # Processes that work on a block of 64 frames each, with up to 2 GB.
    threads: 4
    resources:
        mem_mb=lambda wildcards, threads, attempt: (2000 * threads + 1000) * attempt,
        runtime=minutes(10, 3.0),
        lane=1,
    params:
        code=code_of("ccd_images"),
        rerun_on_stars=reference_of,
        reference=REFERENCE,
    script:
        "../scripts/ccd_images.py"
