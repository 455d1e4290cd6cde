"""Pixel files that are measured together, where there are many: writes all their products in one job.

A job for each step of each of 3,000 cutouts is 24,000 jobs, whose plan takes minutes and whose starts take half a day.
The products are no declared outputs: a file that did not change keeps them. What a batch leaves when it is done is one;
prepared/steps/{region}.json says what was done with what (photometry.workflow.steps), so that a batch that runs again,
after a change, a kill or a failed file, does what is to be done and no more.
"""


rule batch_cubes:
    """Make the cubes of batch {wildcards.batch}, which another batch needs as well."""
    input:
        pixels=pixel_files_of,
        ephemeris=ephemeris_files_of_batch,
    output:
        done=f"<results>/{STAMPS}/cubes_{{batch}}.json",
    log:
        "<logs>/batch_cubes/{batch}.log",
    benchmark:
        "<benchmarks>/batch_cubes/{batch}.tsv"
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=minutes_of_batch,
    params:
        rerun_on_code=code_of("batch"),
        rerun_on_losses=losses_of_batch,
        code={"images": code_of("images")},
        settings={name: SETTINGS[name] for name in ("output", "quality_bitmask")},
        members=cube_members_of,
    script:
        "../scripts/batch.py"


rule batch:
    """Measure the pixel files of batch {wildcards.batch}, one after the other: all steps, all products."""
    input:
        pixels=pixel_files_of,
        ephemeris=ephemeris_files_of_batch,
        prf=prf_files_of_batch,
        cubes=cubes_of_others,
        trends=given_trends_of,
    output:
        done=f"<results>/{STAMPS}/batch_{{batch}}.json",
    log:
        "<logs>/batch/{batch}.log",
    benchmark:
        "<benchmarks>/batch/{batch}.tsv"
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2500 * attempt,
        runtime=minutes_of_batch,
    params:
        rerun_on_code=code_of("batch"),
        rerun_on_losses=losses_of_batch,
        code={step: code_of(step) for step in BATCH_STEPS},
        settings=BATCH_SETTINGS,
        members=members_of,
    script:
        "../scripts/batch.py"
