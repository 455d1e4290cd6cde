"""Pixel cubes of CCDs: writes prepared/{region}.hdf5 from full-frame images.

The frames of a CCD are no declared inputs: 1,300 to 11,000 files of 35 MB, whose contents Snakemake would compare. The
parameter `rerun_on_frames` says when there are others. prepared/frames_{region}.hdf5 lists them.

They are gone through twice, in blocks of 256 whose number the plan knows. What is made of a block is temporary: each
such part says by its parameters of which frames, stars and code it is, so that after a kill the next run takes those
that are there.
"""


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
        runtime=minutes(2, 0.05),
        lane=1,
    params:
        rerun_on_code=code_of("frames"),
        folder=lambda wildcards: observation_of(wildcards)["input"],
        rerun_on_frames=listing_of,
        ephemeris=ephemeris_of,
        quality_bitmask=SETTINGS["quality_bitmask"],
    script:
        "../scripts/frames.py"


rule ccd_light:
    """Find the light that all frames of {wildcards.region} have, which is no background; compare it with the star table."""
    input:
        frames=rules.frames.output.frames,
        stars=stars_of,
    output:
        light=temp("<results>/prepared/light_{region}.hdf5"),
    log:
        "<logs>/ccd_light/{region}.log",
    benchmark:
        "<benchmarks>/ccd_light/{region}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("cube")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=minutes(2, 0),
        lane=1,
    params:
        rerun_on_code=code_of("ccd_light"),
        rerun_on_frames=listing_of,
        rerun_on_stars=reference_of,
        reference=REFERENCE,
    script:
        "../scripts/ccd_light.py"


rule ccd_backgrounds:
    """Describe the backgrounds of a block of frames of {wildcards.region}; check the frames, keep their errors."""
    input:
        frames=rules.frames.output.frames,
        light=rules.ccd_light.output.light,
    output:
        described=temp("<results>/prepared/backgrounds_{region}_{block}.hdf5"),
    log:
        "<logs>/ccd_backgrounds/{region}/block{block}.log",
    benchmark:
        "<benchmarks>/ccd_backgrounds/{region}/block{block}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("backgrounds")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=block_minutes(0.8),
        lane=1,
    params:
        rerun_on_code=code_of("ccd_backgrounds"),
        rerun_on_frames=listing_of,
        rerun_on_stars=reference_of,
    script:
        "../scripts/ccd_backgrounds.py"


rule ccd_smooth:
    """Smooth the backgrounds of {wildcards.region} in time; find bad frames and dead pixels."""
    input:
        frames=rules.frames.output.frames,
        described=collect_blocks(rules.ccd_backgrounds.output.described),
    output:
        smooth=temp("<results>/prepared/smooth_{region}.hdf5"),
    log:
        "<logs>/ccd_smooth/{region}.log",
    benchmark:
        "<benchmarks>/ccd_smooth/{region}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("smooth")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=smooth_mb_of,
        runtime=minutes(1, 0.01),
        lane=1,
    params:
        rerun_on_code=code_of("ccd_smooth"),
        rerun_on_frames=listing_of,
        rerun_on_stars=reference_of,
    script:
        "../scripts/ccd_smooth.py"


rule ccd_pixels:
    """Write images, backgrounds and flags of a block of frames of {wildcards.region}."""
    input:
        frames=rules.frames.output.frames,
        light=rules.ccd_light.output.light,
        smooth=rules.ccd_smooth.output.smooth,
    output:
        pixels=temp("<results>/prepared/pixels_{region}_{block}.hdf5"),
    log:
        "<logs>/ccd_pixels/{region}/block{block}.log",
    benchmark:
        "<benchmarks>/ccd_pixels/{region}/block{block}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("pixels")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=block_minutes(0.8),
        lane=1,
    params:
        rerun_on_code=code_of("ccd_pixels"),
        rerun_on_frames=listing_of,
        rerun_on_stars=reference_of,
    script:
        "../scripts/ccd_pixels.py"


rule ccd_images:
    """Put the cube of {wildcards.region} together from its blocks, as they are compressed."""
    input:
        frames=rules.frames.output.frames,
        stars=stars_of,
        smooth=rules.ccd_smooth.output.smooth,
        described=collect_blocks(rules.ccd_backgrounds.output.described),
        pixels=collect_blocks(rules.ccd_pixels.output.pixels),
    output:
        cube=ensure("<results>/prepared/{region}.hdf5", non_empty=True),
    log:
        "<logs>/ccd_images/{region}.log",
    benchmark:
        "<benchmarks>/ccd_images/{region}.tsv"
    wildcard_constraints:
        region=CCD_REGION,
    group:
        group_of("whole")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=minutes(2, 0.2),
        lane=1,
    params:
        # Of all of its parts, which are no more once it is there.
        rerun_on_code=[code_of(rule) for rule in CUBE_RULES],
        rerun_on_frames=listing_of,
        rerun_on_stars=reference_of,
        reference=REFERENCE,
    script:
        "../scripts/ccd_images.py"
