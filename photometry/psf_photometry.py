"""The documented module of `PSFPhotometry`."""

from photometry.interface.psf_target import PSFPhotometry

__all__ = ["PSFPhotometry"]
