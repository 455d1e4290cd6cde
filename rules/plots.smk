"""Figures of every region below plots/{region}, attached to the report; of its trends where these are looked for."""


rule plots:
    """Show {wildcards.region}: its stars, its motion, light curves, what the model leaves, scatter against magnitude."""
    input:
        cube=cube_of_region,
        catalog=rules.catalog.output.catalog,
        kernel=rules.effective_prf.output.kernel,
        unlisted=rules.effective_prf.output.unlisted,
        fluxes=fluxes_of,
        indices=indices_of,
        trends=trends_of,
    output:
        field=report(
            "<results>/plots/{region}/field.png",
            caption="report/field.rst",
            category="Field",
            labels={"region": "{region}"},
        ),
        motion=report(
            "<results>/plots/{region}/motion.png",
            caption="report/motion.rst",
            category="Motion",
            labels={"region": "{region}"},
        ),
        light_curves=report(
            "<results>/plots/{region}/light_curves.png",
            caption="report/light_curves.rst",
            category="Light curves",
            labels={"region": "{region}"},
        ),
        residual=report(
            "<results>/plots/{region}/residual.png",
            caption="report/residual.rst",
            category="Residuals",
            labels={"region": "{region}"},
        ),
        scatter=report(
            "<results>/plots/{region}/scatter.png",
            caption="report/scatter.rst",
            category="Scatter",
            labels={"region": "{region}"},
        ),
    log:
        "<logs>/plots/{region}.log",
    benchmark:
        "<benchmarks>/plots/{region}.tsv"
    group:
        group_of("plots")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=plots_mb_of,
        runtime=minutes(2, 0.02),
        lane=1,
    params:
        rerun_on_code=code_of("plots"),
        tile_size=lookup("fit/tile_size", within=SETTINGS),
        asked=asked_in,
    script:
        "../scripts/plots.py"


rule trend_plots:
    """Show the trends of {wildcards.region}: what its stars share, how many trends that are, scatter with and without."""
    input:
        cube=cube_of_region,
        fluxes=fluxes_of,
        trends=rules.trends.output.trends,
    output:
        figure=report(
            "<results>/plots/{region}/trends.png",
            caption="report/trends.rst",
            category="Trends",
            labels={"region": "{region}"},
        ),
    log:
        "<logs>/trend_plots/{region}.log",
    benchmark:
        "<benchmarks>/trend_plots/{region}.tsv"
    group:
        group_of("plots")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=plots_mb_of,
        runtime=minutes(2, 0.02),
        lane=1,
    params:
        rerun_on_code=code_of("trend_plots"),
    script:
        "../scripts/trend_plots.py"
