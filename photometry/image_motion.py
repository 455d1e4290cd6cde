"""The documented module of `ImageMovementKernel`."""

from photometry.interface.image_kernels import ImageMovementKernel

__all__ = ["ImageMovementKernel"]
