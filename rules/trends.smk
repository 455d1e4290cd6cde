"""What the light curves of a region share: writes prepared/trends_{region}.fits, in the layout of SPOC's basis vectors.

The trends are kept, as the stars of motion and PRF are: prepared/reference_trends_{region}.fits is no declared output,
which Snakemake would delete before the job. While at most 2 % of the stars that they are made of change (or one), they
stay, and the light curves of all other stars keep their bytes.
"""


rule trends:
    """Find what the quiet stars of {wildcards.region} share; all light curves of the region depend on it."""
    input:
        cube=cube_of_region,
        fluxes=fluxes_of,
        prf=rules.effective_prf.output.prf,
        kernel=rules.effective_prf.output.kernel,
        given=given_trends_of,
    output:
        trends=ensure("<results>/prepared/trends_{region}.fits", non_empty=True),
    log:
        "<logs>/trends/{region}.log",
    benchmark:
        "<benchmarks>/trends/{region}.tsv"
    group:
        group_of("plots")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=plots_mb_of,
        runtime=minutes(5, 0.02),
        lane=1,
    params:
        code=code_of("trends"),
        reference=REFERENCE_TRENDS,
    script:
        "../scripts/trends.py"
