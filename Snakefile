"""PSF photometry of TESS images: from pixels, a star catalogue and a PRF to light curves of every star.

Settings come from config.yaml, or from the files given by --configfile in its place.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

from photometry.core.errors import PhotometryError
from photometry.workflow.config_files import check_config_files, explained

min_version("9.25")

# Without a file of settings, those of the example, which a star on the command line does not need.
EXAMPLE = (
    ["config.yaml"]
    if Path("config.yaml").exists() or not config.keys() & {"tic", "coordinates"}
    else []
)

try:
    # Before Snakemake reads it, which says neither the file nor the line.
    if workflow.is_main_process:
        check_config_files(workflow.overwrite_configfiles or EXAMPLE)
except PhotometryError as error:
    sys.exit(explained(error, config_given=bool(workflow.overwrite_configfiles)))

if EXAMPLE and not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "rules/report/workflow.rst"


include: "rules/common.smk"


pathvars:
    results=SETTINGS["output"],
    logs=f"{SETTINGS['output']}/logs",
    benchmarks=f"{SETTINGS['output']}/benchmarks",


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
include: "rules/pages.smk"
include: "rules/missing.smk"


if "simulate" in SETTINGS:

    include: "rules/simulate.smk"


if workflow.is_main_process:
    SOURCES.keep()


rule all:
    """Light curves, summary, plots and page of everything that the settings ask for."""
    default_target: True
    input:
        wanted_products,
