"""Movement kernels: writes prepared/movement_{region}.hdf5 from cube, stars and the given PRF."""


rule movement_kernel:
    """Measure how the stars of {wildcards.region} move from cadence to cadence: from POS_CORR of a TPF, from the pixels else."""
    input:
        cube=cube_of_region,
        stars=stars_of,
        prf=prf_files_of,
    output:
        kernel=ensure("<results>/prepared/movement_{region}.hdf5", non_empty=True),
    log:
        "<logs>/movement_kernel/{region}.log",
    benchmark:
        "<benchmarks>/movement_kernel/{region}.tsv"
    group:
        group_of("motion")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=motion_mb_of,
        runtime=minutes(3, 0.01, 0.01),
        lane=1,
    params:
        rerun_on_code=code_of("movement_kernel"),
        rerun_on_stars=reference_of,
        rerun_on_losses=losses_of("region"),
        reference=REFERENCE,
        prf=prf_folder_of,
        motion=lookup("motion", within=SETTINGS),
    script:
        "../scripts/movement_kernel.py"
