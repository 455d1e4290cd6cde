"""PSF photometry of TESS images: calibrated fluxes of every catalogue star, in crowded fields."""

from photometry._version import __version__

__all__ = ["__version__"]
