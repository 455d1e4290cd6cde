"""Simulated fields: pixel file, star table and truth of every scene below `simulate: folder`."""

SIMULATED = config["simulate"]["folder"]


rule simulate_scene:
    """Make a star field with known truth and write it as the files that the archive would give."""
    output:
        pixels=ensure(f"{SIMULATED}/{{scene}}/pixels.fits", non_empty=True),
        stars=ensure(f"{SIMULATED}/{{scene}}/stars.csv", non_empty=True),
        truth=ensure(f"{SIMULATED}/{{scene}}/truth.hdf5", non_empty=True),
    log:
        "<logs>/simulate_scene/{scene}.log",
    benchmark:
        "<benchmarks>/simulate_scene/{scene}.tsv"
    wildcard_constraints:
        scene=r"[a-z0-9_]+",
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        code=code_of("simulate"),
        scene=lookup("simulate/scenes/{scene}", within=config),
    script:
        "../scripts/simulate.py"


rule simulate:
    """All simulated fields."""
    input:
        pixels=collect(
            rules.simulate_scene.output.pixels, scene=config["simulate"]["scenes"]
        ),
        stars=collect(
            rules.simulate_scene.output.stars, scene=config["simulate"]["scenes"]
        ),
        truth=collect(
            rules.simulate_scene.output.truth, scene=config["simulate"]["scenes"]
        ),
