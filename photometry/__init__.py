"""PSF photometry of TESS images: calibrated fluxes of every catalogue star, in crowded fields.

`PSFPhotometry` measures one target on prepared files; docs/api.md shows how. The documented names are imported when
they are first used: a plan of the workflow needs none of them.
"""

from typing import TYPE_CHECKING, Any

from photometry._version import __version__

if TYPE_CHECKING:
    from photometry.base import BasePhotometry
    from photometry.image_motion import ImageMovementKernel
    from photometry.io.user_settings import load_settings
    from photometry.psf import PSF
    from photometry.psf_photometry import PSFPhotometry
    from photometry.status import STATUS

__all__ = [
    "PSF",
    "STATUS",
    "BasePhotometry",
    "ImageMovementKernel",
    "PSFPhotometry",
    "__version__",
    "load_settings",
]

_PLACES = {
    "BasePhotometry": "photometry.base",
    "ImageMovementKernel": "photometry.image_motion",
    "PSF": "photometry.psf",
    "PSFPhotometry": "photometry.psf_photometry",
    "STATUS": "photometry.status",
    "load_settings": "photometry.io.user_settings",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'photometry' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
