"""The joint fit: writes photometry/{region}/{tile}.hdf5 with the fluxes of all stars of a tile."""


rule psf_photometry:
    """Fit every star of {wildcards.tile} of {wildcards.region} jointly in every cadence."""
    input:
        cube=cube_of_region,
        stars=stars_of,
        prf=rules.effective_prf.output.prf,
        kernel=rules.effective_prf.output.kernel,
        unlisted=rules.effective_prf.output.unlisted,
    output:
        fluxes=ensure("<results>/photometry/{region}/{tile}.hdf5", non_empty=True),
    log:
        "<logs>/psf_photometry/{region}/{tile}.log",
    benchmark:
        "<benchmarks>/psf_photometry/{region}/{tile}.tsv"
    group:
        group_of("tile")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=tile_mb_of,
        runtime=minutes(1, 0.03, 0.02),
        lane=1,
    params:
        rerun_on_code=code_of("psf_photometry"),
        rerun_on_stars=tile_stars_of,
        core=core_of,
        fit=fit_of,
        motion=lookup("motion", within=SETTINGS),
    script:
        "../scripts/psf_photometry.py"
