"""Figures of a run, attached to the report."""


rule plots:
    """Field images, light curves, residuals and scatter against magnitude."""
    input:
        summary=rules.summary.output.summary,
    output:
        noise=ensure("<results>/plots/noise.png", non_empty=True),
    log:
        "<logs>/plots.log",
    benchmark:
        "<benchmarks>/plots.tsv"
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
    params:
        code=code_of("plots"),
    script:
        "../scripts/plots.py"
