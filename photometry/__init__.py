"""PSF photometry of TESS images: calibrated fluxes of every catalogue star, in crowded fields.

`PSFPhotometry` measures one target on prepared files; docs/api.md shows how. The documented names are imported when
they are first used: a plan of the workflow needs none of them.
"""

from typing import TYPE_CHECKING, Any

from photometry._version import __version__

if TYPE_CHECKING:
    from photometry.core.status import STATUS
    from photometry.interface.archive_curves import light_curves
    from photometry.interface.base import BasePhotometry
    from photometry.interface.image_kernels import ImageMovementKernel
    from photometry.interface.lightkurve_curves import read_lightcurve
    from photometry.interface.psf_target import PSFPhotometry
    from photometry.interface.stamp_psf import PSF
    from photometry.interface.user_settings import load_settings

__all__ = [
    "PSF",
    "STATUS",
    "BasePhotometry",
    "ImageMovementKernel",
    "PSFPhotometry",
    "__version__",
    "light_curves",
    "load_settings",
    "read_lightcurve",
]

_PLACES = {
    "BasePhotometry": "photometry.interface.base",
    "ImageMovementKernel": "photometry.interface.image_kernels",
    "PSF": "photometry.interface.stamp_psf",
    "PSFPhotometry": "photometry.interface.psf_target",
    "STATUS": "photometry.core.status",
    "light_curves": "photometry.interface.archive_curves",
    "load_settings": "photometry.interface.user_settings",
    "read_lightcurve": "photometry.interface.lightkurve_curves",
}
#: Documented modules.
_MODULES = ("image_motion", "psf", "psf_photometry")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"photometry.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'photometry' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """Return the documented names."""
    return sorted({*__all__, *_MODULES})
