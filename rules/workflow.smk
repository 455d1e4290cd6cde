"""All of the workflow but its first rule: settings, rules, what happens before and after the jobs.

Apart from the Snakefiles, because Snakemake finds includes of a remote workflow only beside or above a file in a folder.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

from photometry.core.errors import PhotometryError
from photometry.workflow.config_files import check_config_files, explained
from photometry.workflow.terminal_lines import shorten_terminal_lines

min_version("9.25")

#: Whether another workflow takes this one's rules by a module statement.
IS_MODULE = not workflow.modifier.is_main_snakefile()
#: Whether the rule `all` is made where no target is named: not in place of what another workflow has defined before.
IS_DEFAULT = not (IS_MODULE and workflow.default_target)
#: Files of settings that the user named.
GIVEN = [] if IS_MODULE else workflow.overwrite_configfiles
# Without a file of settings, those of the example, which a star on the command line does not need.
EXAMPLE = (
    ["config.yaml"]
    if not IS_MODULE
    and (Path("config.yaml").exists() or not config.keys() & {"tic", "coordinates"})
    else []
)

try:
    # Before Snakemake reads it, which says neither the file nor the line.
    if workflow.is_main_process:
        check_config_files(GIVEN or EXAMPLE)
except PhotometryError as error:
    sys.exit(explained(error, config_given=bool(GIVEN)))

if EXAMPLE and not GIVEN:

    configfile: "config.yaml"


if not IS_MODULE:

    report: "report/workflow.rst"


include: "storage.smk"
include: "common.smk"
include: "given_files.smk"
include: "products.smk"


pathvars:
    results=SETTINGS["output"],
    logs=f"{SETTINGS['output']}/logs",
    benchmarks=f"{SETTINGS['output']}/benchmarks",


if workflow.pathvars.get("results") != SETTINGS["output"]:
    sys.exit(
        f"{CONFIG_SOURCE}: pathvars put the results into {workflow.pathvars.get('results')}; "
        f"leave them out, and give output: {workflow.pathvars.get('results')}"
    )


include: "cluster.smk"
include: "batch_inputs.smk"
include: "batches.smk"
include: "catalog.smk"
include: "images.smk"
include: "ccd.smk"
include: "motion.smk"
include: "prf.smk"
include: "photometry.smk"
include: "trends.smk"
include: "export.smk"
include: "plots.smk"
include: "pages.smk"
include: "missing.smk"


if STORED:

    include: "send.smk"


if "simulate" in SETTINGS:

    include: "simulate.smk"


if workflow.is_main_process:
    SOURCES.keep()
    if STORED:
        keep_for_nodes()
    # What another workflow says is its own.
    if not (IS_MODULE or is_dry_run() or workflow.output_settings.verbose):
        shorten_terminal_lines()
