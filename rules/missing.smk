"""A run takes its output for itself; when it ends with failed jobs it says what is missing and why.

What there is goes to summary_v01_incomplete.ecsv.

The summary itself needs all tiles: one that was made of some of them would later be taken for whole.
"""

import sys

from photometry.workflow.closing_line import closing_line
from photometry.workflow.incomplete import incomplete_name, write_incomplete
from photometry.workflow.job_log import job_title
from photometry.workflow.output_lock import hold_output


onstart:
    # Held until the process ends, not until this block does.
    global OUTPUT_LOCK
    try:
        OUTPUT_LOCK = hold_output(SETTINGS["output"])
    except PhotometryError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    incomplete_name(SETTINGS["output"], SETTINGS["version"]).unlink(missing_ok=True)
    if said := closing_line(SETTINGS["output"], SUMMARY):
        print(said, file=sys.stderr)


onerror:
    try:
        # Of what is in a storage nothing is here.
        missing = write_incomplete(
            {} if STORED else RUN.regions,
            {name: tiles_of_targets(name) for name in RUN.regions},
            SETTINGS["output"],
            SETTINGS["version"],
        )
    except PhotometryError as error:
        raise WorkflowError(str(error)) from None
    for name, reason in list(missing.items())[:20]:
        print(
            f"Missing: {job_title('', *name.split('/'))}: {reason}", file=sys.stderr
        )
    if missing:
        name = incomplete_name(SETTINGS["output"], SETTINGS["version"])
        print(
            f"{len(missing)} regions or tiles are missing: {name} (a summary without _incomplete in its name is of an earlier run)",
            file=sys.stderr,
        )


rule unusable_input:
    """Fail for a pixel file that cannot be used: the others go on, and the run ends with exit code 1."""
    output:
        "<results>/prepared/unusable_{number}",
    log:
        "<logs>/unusable_input/{number}.log",
    benchmark:
        "<benchmarks>/unusable_input/{number}.tsv"
    # Reported at the start, not after hours.
    priority: 100
    retries: 0
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=500,
    params:
        path=lambda wildcards: str(RUN.unusable[int(wildcards.number)].path),
        problem=lambda wildcards: RUN.unusable[int(wildcards.number)].problem,
    script:
        "../scripts/unusable_input.py"
