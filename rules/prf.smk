"""Pixel response: writes prepared/prf_{region}.hdf5, the movement measured again with it, and stars no table lists.

The PRF that is given (SPOC files, the built-in model, files from MAST) is corrected by what the stars of the region
show, where enough of them carry the correction.
"""


rule download_prf:
    """Fetch the SPOC PRF files of a CCD from MAST; they are kept and not asked for again. The output lists them."""
    output:
        files=ensure(
            "<results>/prepared/prf_files_sector{sector}_camera{camera}_ccd{ccd}.txt",
            non_empty=True,
        ),
    log:
        "<logs>/download_prf/sector{sector}_camera{camera}_ccd{ccd}.log",
    benchmark:
        "<benchmarks>/download_prf/sector{sector}_camera{camera}_ccd{ccd}.tsv"
    # The archive may be busy.
    retries: 1
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=500,
    params:
        folder=PRF_DOWNLOADS,
    script:
        "../scripts/download_prf.py"


rule effective_prf:
    """Learn how the PRF of {wildcards.region} differs from the given one, and measure the movement again with it."""
    input:
        cube=cube_of_region,
        stars=stars_of,
        kernel=rules.movement_kernel.output.kernel,
        prf=prf_files_of,
    output:
        prf=ensure("<results>/prepared/prf_{region}.hdf5", non_empty=True),
        kernel=ensure(
            "<results>/prepared/movement_refined_{region}.hdf5", non_empty=True
        ),
        unlisted=ensure(
            "<results>/prepared/unlisted_stars_{region}.ecsv", non_empty=True
        ),
    log:
        "<logs>/effective_prf/{region}.log",
    benchmark:
        "<benchmarks>/effective_prf/{region}.tsv"
    group:
        group_of("motion")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=motion_mb_of,
        runtime=minutes(4, 0.01, 0.015),
        lane=1,
    params:
        rerun_on_code=code_of("effective_prf"),
        rerun_on_stars=reference_of,
        reference=REFERENCE,
        prf=prf_folder_of,
        prf_learning=lookup("prf_learning", within=SETTINGS),
        motion=lookup("motion", within=SETTINGS),
    script:
        "../scripts/effective_prf.py"
