"""PSF photometry of TESS images: from pixels, a star catalogue and a PRF to light curves of every star.

Settings come from config.yaml, or from the files given by --configfile in its place; as a module of another workflow,
from `config` of the module statement.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

from photometry.core.errors import PhotometryError
from photometry.workflow.config_files import check_config_files, explained

min_version("9.25")

#: Whether another workflow takes this one's rules by a module statement.
IS_MODULE = not workflow.modifier.is_main_snakefile()
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

    report: "rules/report/workflow.rst"


include: "rules/common.smk"


pathvars:
    results=SETTINGS["output"],
    logs=f"{SETTINGS['output']}/logs",
    benchmarks=f"{SETTINGS['output']}/benchmarks",


if workflow.pathvars.get("results") != SETTINGS["output"]:
    sys.exit(
        f"{CONFIG_SOURCE}: pathvars put the results into {workflow.pathvars.get('results')}; "
        f"leave them out, and give output: {workflow.pathvars.get('results')}"
    )


include: "rules/cluster.smk"
include: "rules/batch_inputs.smk"
include: "rules/batches.smk"
include: "rules/catalog.smk"
include: "rules/images.smk"
include: "rules/motion.smk"
include: "rules/prf.smk"
include: "rules/photometry.smk"
include: "rules/export.smk"
include: "rules/plots.smk"
include: "rules/missing.smk"


if "simulate" in SETTINGS:

    include: "rules/simulate.smk"


if workflow.is_main_process:
    SOURCES.keep()


rule all:
    """Light curves, summary and plots of everything that the settings ask for."""
    default_target: True
    input:
        wanted_products,
    localrule: True
