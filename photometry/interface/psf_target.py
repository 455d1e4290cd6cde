"""The documented class `PSFPhotometry`: PSF photometry of one target."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from photometry.core.blas_threads import one_blas_thread
from photometry.core.errors import FitError
from photometry.core.statistics import mean_error
from photometry.core.status import STATUS
from photometry.interface.base import BasePhotometry
from photometry.interface.lightcurve_table import fill_table
from photometry.interface.prepared_trends import prepared_correction
from photometry.interface.progress import elapsed
from photometry.interface.target_fit import TargetFit, fit_target
from photometry.interface.user_settings import numeric_settings
from photometry.io.results.lightcurve_cards import TargetMetadata, star_numbers, target_metadata
from photometry.io.results.lightcurve_files import FitMetadata
from photometry.lightcurve.corrections import NOT_ASKED_FOR
from photometry.lightcurve.light_curve import LightCurve, with_star_time
from photometry.lightcurve.plain_aperture import aperture_stamp, plain_aperture

if TYPE_CHECKING:
    from photometry.plots import Figure

__all__ = ["PSFPhotometry"]


class PSFPhotometry(BasePhotometry):
    """PSF photometry of one target: all stars on its stamp are fitted jointly, in all cadences.

    The flux comes from the functions of the workflow. PRF and motion are as prepared; where they were not, they are
    measured when the first target needs them, on the region (of a whole CCD: on four patches).

    Parameters
    ----------
    starid, input_folder, output_folder, datasource, plot, camera, ccd, cadence, cache, version, sector
        As of `photometry.BasePhotometry`, which documents the attributes too.

    Examples
    --------
    Prepared files of a simulated field, its brightest star in the middle:

    >>> with PSFPhotometry(star, prepared, output, sector=1, camera=4, ccd=2) as target:
    ...     status = target.photometry()
    ...     path = target.save_lightcurve()
    >>> status.name, path.endswith("_lc.fits")
    ('OK', True)
    """

    method = "psf"
    _fit: TargetFit | None = None

    def do_photometry(self, *, correct: bool = True) -> STATUS:
        """Fit the stars on the stamp and fill `lightcurve`.

        Parameters
        ----------
        correct : bool
            Take off ``corr_flux`` what the stars of the region share, where the workflow has prepared trends of it.
            Else it is the flux.

        Returns
        -------
        STATUS
            OK, WARNING with a reason in `details`, SKIPPED for a star that cannot be measured, or ERROR.
        """
        self._fit, self.final_phot_mask, self.final_position_mask = None, None, None
        numerics = numeric_settings(self.settings)
        trends = prepared_correction(self._detector.files.trends, self._detector.header) if correct else NOT_ASKED_FOR
        try:
            place = self._placement
            with one_blas_thread(), elapsed(f"fitting TIC {self.starid}"):
                stars = self._detector.stars(self._stamp).with_others(place.unlisted)
                fit = fit_target(self._cube, stars, self.starid, place.prf, place.kernel, numerics.fit, trends)
        except FitError as error:
            self.report_details(error=str(error))
            return STATUS.ERROR
        self._fit = fit
        fill_table(self.lightcurve, self._curve())
        mask = fit.aperture_on(self._stamp)
        self.final_phot_mask, self.final_position_mask = mask, mask.copy()
        self._report.add_results(**fit.results)
        if fit.reason:
            self.report_details(error=fit.reason)
        return fit.status

    def _curve(self) -> LightCurve:
        if self._fit is None:
            return super()._curve()
        header = self._detector.header
        curve = self._fit.curve(header)
        return with_star_time(curve, header.ephemeris, self.target["ra"], self.target["dec"])

    def _metadata(self) -> TargetMetadata:
        if self._fit is None:
            return super()._metadata()
        return target_metadata(
            self._detector.catalog,
            self._entry,
            self._status,
            self._report.reason,
            star_numbers(self._fit.fit, self._fit.index),
            self._fit.correction,
        )

    def _fit_metadata(self) -> FitMetadata:
        return super()._fit_metadata() if self._fit is None else self._fit.fit

    def _model_image(self) -> npt.NDArray[np.float32] | None:
        return None if self._fit is None else self._fit.model_on(self._stamp)

    def _figures(self) -> "dict[str, Figure]":
        if self._fit is None:
            return {}
        from photometry.plots import light_curves_figure, residual_figure

        title = f"TIC {self.starid}, T = {self._tmag:.2f}, sector {self.sector}"
        fit, index, usable = self._fit.fit, self._fit.index, self._detector.header.usable
        stamp = aperture_stamp(fit, index)
        aperture = plain_aperture(fit, index, self._cube.cut(stamp).images, stamp, self._cube.usable)
        error = mean_error(self._cube.cut(fit.stamp).images_err, self._cube.usable)
        return {
            "lightcurve": light_curves_figure([self._curve()], [aperture], [title], usable),
            "residual": residual_figure(fit, index, title, fit.stamp, error),
        }
