"""The documented module of `PSF`."""

from photometry.interface.stamp_psf import PSF

__all__ = ["PSF"]
