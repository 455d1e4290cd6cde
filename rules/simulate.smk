"""Simulated fields and CCDs, below `simulate: folder`: pixels, star table and truth of every one."""

SIMULATED = SETTINGS["simulate"]["folder"]
SCENES = SETTINGS["simulate"]["scenes"]
CCDS = SETTINGS["simulate"]["ccds"]


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
        scene="|".join(SCENES) or "-",
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        rerun_on_code=code_of("simulate"),
        scene=lookup("simulate/scenes/{scene}", within=SETTINGS),
        prf=SETTINGS["simulate"]["prf"],
    script:
        "../scripts/simulate.py"


rule simulate_ccd:
    """Make full-frame images of a CCD with known truth, named and laid out as the archive's."""
    output:
        frames=directory(f"{SIMULATED}/{{ccd_name}}/ffi"),
        stars=ensure(f"{SIMULATED}/{{ccd_name}}/stars.csv", non_empty=True),
        truth=ensure(f"{SIMULATED}/{{ccd_name}}/truth.hdf5", non_empty=True),
    log:
        "<logs>/simulate_ccd/{ccd_name}.log",
    benchmark:
        "<benchmarks>/simulate_ccd/{ccd_name}.tsv"
    wildcard_constraints:
        ccd_name="|".join(CCDS) or "-",
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
    params:
        rerun_on_code=code_of("simulate_ccd"),
        ccd=lookup("simulate/ccds/{ccd_name}", within=SETTINGS),
        prf=SETTINGS["simulate"]["prf"],
    script:
        "../scripts/simulate_ccd.py"


rule simulate:
    """All simulated fields and CCDs."""
    input:
        pixels=of_all(rules.simulate_scene.output.pixels, scene=SCENES),
        frames=of_all(rules.simulate_ccd.output.frames, ccd_name=CCDS),
        stars=of_all(rules.simulate_scene.output.stars, scene=SCENES),
        ccd_stars=of_all(rules.simulate_ccd.output.stars, ccd_name=CCDS),
        truth=of_all(rules.simulate_scene.output.truth, scene=SCENES),
        ccd_truth=of_all(rules.simulate_ccd.output.truth, ccd_name=CCDS),
