"""What a target shows of itself in a notebook: summary, figure, and its light curve as lightkurve has them."""

import base64
import html
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from astropy.table import Table

from photometry.core.quality import is_usable
from photometry.core.stars import star_name
from photometry.core.statistics import mean_error
from photometry.core.status import STATUS
from photometry.interface.lightkurve_curves import columns_of, lightkurve_of
from photometry.interface.target_stamp import TargetStamp

if TYPE_CHECKING:
    from photometry.plots import Figure, TargetImages

__all__ = ["PlotFlag", "TargetView"]

_DPI = 80


class PlotFlag(int):
    """The documented flag `plot`: true or false, and, called, what draws the target.

    Parameters
    ----------
    flag : bool
        Whether plots are part of the output.
    draw : function
        Makes the figure.
    """

    _draw: "Callable[[], Figure]"

    def __new__(cls, flag: bool, draw: "Callable[[], Figure]") -> "PlotFlag":
        """Make the flag."""
        made = super().__new__(cls, flag)
        made._draw = draw
        return made

    def __call__(self) -> "Figure":
        """Return the figure."""
        return self._draw()

    def __repr__(self) -> str:
        return repr(bool(self))


def _summary_html(title: str, rows: Mapping[str, str], figure: "Figure") -> str:
    """Return a title, rows of a table and a figure as HTML that needs no other file."""
    image = BytesIO()
    figure.savefig(image, format="png", dpi=_DPI, bbox_inches="tight")
    code = base64.b64encode(image.getvalue()).decode("ascii")
    cells = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return (
        f"<div><b>{html.escape(title)}</b><div style='display:flex;align-items:flex-start;gap:1em'>"
        f"<table>{cells}</table><img alt='mean image of the stamp' src='data:image/png;base64,{code}'></div></div>"
    )


class TargetView(TargetStamp):
    """A target that shows itself; see `photometry.BasePhotometry`."""

    lightcurve: Table
    cadence: int
    Ntimes: int
    _plots: bool
    _status: STATUS

    def _repr_html_(self) -> str:
        """Return the target, its status and its stamp, for a notebook."""
        from photometry.plots import stamp_figure

        rows = {
            "status": ": ".join(filter(None, (self._status.name, self._report.reason))),
            "TESS magnitude": f"{self._tmag:.2f}",
            "field": f"sector {self.sector}, camera {self.camera}, CCD {self.ccd}",
            "pixels": f"{self.datasource}, {self.cadence} s",
            "place": f"row {self.target_pos_row:.2f}, column {self.target_pos_column:.2f}",
            "stamp": str(self.stamp),
            "cadences": str(self.Ntimes),
        }
        return _summary_html(f"{type(self).__name__}: TIC {self.starid}", rows, stamp_figure(self._target_images()))

    @property
    def plot(self) -> PlotFlag:
        """Whether plots are part of the output; called, ``plot()`` is the figure of the target.

        The figure shows light curve, stamp, model and residuals in standard errors of the mean image; before a fit,
        light curve and stamp.
        """
        return PlotFlag(self._plots, self._drawn)

    def to_lightkurve(self, quality_bitmask: str | int = "default") -> Any:
        """Return the light curve as one of lightkurve's (which has to be installed), with its times as BTJD.

        A table knows no scale of time: ``lightkurve.LightCurve(time=lightcurve["time"])`` takes it for JD.

        Parameters
        ----------
        quality_bitmask : str or int
            Cadences that are left out, as for ``lightkurve.read``: ``none``, ``default``, ``hard``, ``hardest``, flags.

        Returns
        -------
        lightkurve.TessLightCurve
            As `photometry.read_lightcurve` reads it from a file; centroids are 1-based there.

        Raises
        ------
        ImportError
            When lightkurve is not installed.
        """
        meta = {
            "OBJECT": star_name(self.starid),
            "TICID": self.starid,
            "RA_OBJ": self.target["ra_J2000"],
            "DEC_OBJ": self.target["decl_J2000"],
            "TESSMAG": self.target["tmag"],
            "SECTOR": self.sector,
            "CAMERA": self.camera,
            "CCD": self.ccd,
            "STATUS": self._status.name,
            "REASON": self._report.reason,
        }
        return lightkurve_of(columns_of(self.lightcurve), meta, quality_bitmask=quality_bitmask)

    def _target_images(self) -> "TargetImages":
        """Mean images of the stamp and its stars."""
        from photometry.plots import TargetImages

        stars = self._catalog
        return TargetImages(
            self._stamp,
            self.sumimage,
            mean_error(self._cube.images_err, self._cube.usable),
            self._model_image(),
            np.asarray(stars["row"]),
            np.asarray(stars["column"]),
            np.asarray(stars["tmag"]),
            (self.target_pos_row, self.target_pos_column, self._tmag),
        )

    def _model_image(self) -> npt.NDArray[np.float32] | None:
        """Model of the mean image on the stamp; None without one."""
        return None

    def _drawn(self) -> "Figure":
        from photometry.plots import target_figure

        curve = self.lightcurve
        time, flux, flux_err = (np.asarray(curve[name]) for name in ("time", "flux", "flux_err"))
        usable = is_usable(curve["quality"], self._detector.header.quality_bitmask)
        title = f"TIC {self.starid}, T = {self._tmag:.2f}, sector {self.sector}: {self._status.name}"
        return target_figure(time, flux, flux_err, usable, self._target_images(), title)
