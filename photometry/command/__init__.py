"""The command `tess-psf`: a thin face of Snakemake for those who have installed the package, without a clone of it.

It finds the workflow's files, looks at settings before Snakemake reads them, and hands all else to Snakemake as it is.
"""
