"""The documented class `PSF`: light of stars in the pixels of a stamp."""

import math
from collections.abc import Iterable
from configparser import ConfigParser
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RectBivariateSpline

from photometry.core.constants import MOST_SECTOR
from photometry.core.geometry import SCIENCE_AREA, Stamp
from photometry.interface.detector import given_prf
from photometry.interface.user_settings import load_settings
from photometry.prf.prf_grid import FOOTPRINT, PrfEvaluator, PrfGrid
from photometry.prf.star_images import star_image

if TYPE_CHECKING:
    from photometry.plots import Figure

__all__ = ["PSF"]

#: Samples of `PSF.splineInterpolation` for each pixel, as in SPOC's files.
_PER_PIXEL = 9


class PSF:
    """Light of stars in the pixels of a stamp, by the pixel response function (PRF) of its CCD.

    A star's light is that of the PRF at the star's own place on the CCD. The PRF is already integrated over pixels.

    Parameters
    ----------
    sector : int
        Sector.
    camera, ccd : int
        1 to 4.
    stamp : (row_min, row_max, col_min, col_max)
        Pixels, 0-based on the CCD, half open.
    settings : ConfigParser, optional
        Where the PRF files come from: ``settings["prf"]["source"]``
        [default: `photometry.load_settings`].
    prf : PrfGrid, optional
        PRF to be used in place of the one that the settings name.

    Attributes
    ----------
    stamp : tuple of 4 int
        The pixels.
    shape : (n_row, n_column)
        Their number.
    ref_row, ref_column : float
        Middle of the stamp on the CCD, 0-based.
    prf : PrfGrid
        The PRF.

    Raises
    ------
    ValueError
        When sector, camera, CCD or stamp are not whole numbers or out of range, or the stamp is empty or outside the
        CCD.
    PrfError
        When PRF files are missing or of another CCD.

    Examples
    --------
    >>> psf = PSF(sector=1, camera=4, ccd=2, stamp=(256, 271, 1627, 1642))
    >>> psf.shape, psf.ref_row, psf.ref_column
    ((15, 15), 263.0, 1634.0)
    """

    def __init__(
        self,
        sector: int,
        camera: int,
        ccd: int,
        stamp: tuple[int, int, int, int],
        settings: ConfigParser | None = None,
        prf: PrfGrid | None = None,
    ) -> None:
        for name, value, high in (("sector", sector, MOST_SECTOR), ("camera", camera, 4), ("ccd", ccd, 4)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= high:
                raise ValueError(f"{name} is {value!r}, expected a whole number from 1 to {high}")
        self._stamp = _checked_stamp(stamp)
        self.sector, self.camera, self.ccd = int(sector), int(camera), int(ccd)
        self.stamp = (self._stamp.row_min, self._stamp.row_max, self._stamp.col_min, self._stamp.col_max)
        self.shape = self._stamp.shape
        self.ref_row, self.ref_column = self._stamp.center
        self.prf = prf or given_prf(load_settings() if settings is None else settings, sector, camera, ccd)

    def __repr__(self) -> str:
        place = f"sector {self.sector}, camera {self.camera}, CCD {self.ccd}, stamp {self.stamp}"
        return f"<PSF of {place}: {self.prf.source}>"

    @cached_property
    def _evaluator(self) -> PrfEvaluator:
        return PrfEvaluator(self.prf)

    @property
    def PSFfile(self) -> str:  # noqa: N802
        """Where the PRF comes from: files or model, and what was learnt of it."""
        return self.prf.source

    @cached_property
    def splineInterpolation(self) -> RectBivariateSpline:  # noqa: N802
        """Share of a star's light in a pixel by the pixel's (row, column) from it, in the middle of the stamp."""
        phases, pixels = np.arange(_PER_PIXEL) / _PER_PIXEL, np.arange(FOOTPRINT)
        row, column = math.floor(self.ref_row) - phases, math.floor(self.ref_column) - phases
        first_row, first_column, values = self._evaluator.evaluate(
            np.repeat(row, _PER_PIXEL), np.tile(column, _PER_PIXEL)
        )
        samples = values.reshape(_PER_PIXEL, _PER_PIXEL, FOOTPRINT, FOOTPRINT).transpose(0, 2, 1, 3)
        row_offset = (first_row[::_PER_PIXEL, None] + pixels - row[:, None]).ravel()
        column_offset = (first_column[:_PER_PIXEL, None] + pixels - column[:, None]).ravel()
        rows, columns = np.argsort(row_offset), np.argsort(column_offset)
        shares = samples.reshape(len(rows), len(columns))[np.ix_(rows, columns)]
        return RectBivariateSpline(row_offset[rows], column_offset[columns], shares)

    def integrate_to_image(
        self, params: npt.ArrayLike | Iterable[npt.ArrayLike], cutoff_radius: float | None = 5
    ) -> npt.NDArray[np.float64]:
        """Return the image of stars.

        Parameters
        ----------
        params : (n_star, 3) float, or iterator
            Rows of (row, column, flux): 0-based position in the stamp, so that (0, 0) is its first pixel (columns
            ``row_stamp`` and ``column_stamp`` of a catalogue); flux in e-/s.
        cutoff_radius : float, optional
            Pixels farther than this from a star get nothing of it, pixels; None: as far as the PRF is known.

        Returns
        -------
        (n_row, n_column) float64
            e-/s.

        Raises
        ------
        ValueError
            When `params` has another shape or is not finite, or the radius is not above zero.

        Examples
        --------
        >>> psf = PSF(sector=1, camera=4, ccd=2, stamp=(256, 271, 1627, 1642))
        >>> image = psf.integrate_to_image([(7.0, 7.0, 1000.0)], cutoff_radius=10)
        >>> image.shape, round(float(image.sum()))
        ((15, 15), 1000)
        """
        given = list(params) if isinstance(params, Iterable) and not isinstance(params, np.ndarray) else params
        stars = np.asarray(given, dtype=np.float64)
        stars = stars.reshape(-1, 3) if stars.size == 0 else np.atleast_2d(stars)
        if stars.ndim != 2 or stars.shape[1] != 3 or not np.isfinite(stars).all():
            raise ValueError(f"params has shape {stars.shape}, expected finite rows of (row, column, flux)")
        cutoff_radius = np.inf if cutoff_radius is None else cutoff_radius
        if not cutoff_radius > 0:
            raise ValueError(f"cutoff_radius is {cutoff_radius}, expected a number of pixels above zero")
        return star_image(self._evaluator, self._stamp, stars[:, 0], stars[:, 1], stars[:, 2], cutoff_radius)

    def plot(self) -> "Figure":
        """Return a figure of the light of one star in the middle of the stamp.

        Returns
        -------
        matplotlib.figure.Figure
            Show it in a notebook, or save it: ``psf.plot().savefig("psf.png")``.

        Examples
        --------
        >>> PSF(sector=1, camera=4, ccd=2, stamp=(256, 271, 1627, 1642)).plot()
        <Figure size ...>
        """
        from photometry.plots import psf_figure

        middle = (self.ref_row - self.stamp[0], self.ref_column - self.stamp[2], 1.0)
        title = f"sector {self.sector}, camera {self.camera}, CCD {self.ccd}: {self.prf.source}"
        return psf_figure(self.integrate_to_image([middle], cutoff_radius=np.inf), self._stamp, title)


def _checked_stamp(stamp: tuple[int, int, int, int]) -> Stamp:
    try:
        edges = tuple(int(edge) for edge in stamp)
        whole = all(edge == given for edge, given in zip(edges, stamp, strict=True))
    except (TypeError, ValueError) as error:
        raise ValueError(f"stamp is {stamp!r}, expected (row_min, row_max, col_min, col_max)") from error
    if len(edges) != 4 or not whole:
        raise ValueError(f"stamp is {stamp!r}, expected four whole numbers (row_min, row_max, col_min, col_max)")
    checked = Stamp(*edges)
    checked.slices_in(SCIENCE_AREA)
    return checked
