"""PSF photometry of TESS images: from pixels, a star catalogue and a PRF to light curves of every star.

Settings come from config.yaml, or from the files given by --configfile in its place; as a module of another workflow,
from `config` of the module statement.
"""


include: "rules/workflow.smk"


rule all:
    """Light curves, summary, plots and page of everything that the settings ask for."""
    default_target: IS_DEFAULT
    input:
        wanted_products,
    localrule: True
