"""Movement of images: transformations of pixel positions, their series in time, and their measurement from images.

The fit of the stars has a measure of its own, `photometry.calibration.region`; its kernel is one of the series here
(`kernel_series`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS

from photometry.calibration.kernel import MovementKernel
from photometry.calibration.registration import register
from photometry.catalog.star_catalog import wcs_of
from photometry.core.blas_threads import one_blas_thread

__all__ = ["WARP_MODES", "ImageMovementKernel", "kernel_series"]

#: Kinds of transformation, with their number of parameters (None: a WCS).
WARP_MODES: dict[str, int | None] = {"unchanged": 0, "translation": 2, "euclidian": 3, "affine": 6, "wcs": None}

#: Where (dx, dy, a, b, c, d) are in an affine kernel of older files, its matrix without any movement, and how far a
#: kernel of images may be from that: in the other order it is off by 1.
_OLDER_ORDER, _UNITY, _NEAR_UNITY = [2, 5, 0, 1, 3, 4], np.array([1.0, 0.0, 0.0, 1.0]), 0.4


class ImageMovementKernel:
    """How positions in images change with time.

    Positions are (column, row) in pixels, as in a catalogue; changes are against the reference. What a kernel holds:

    - ``unchanged``: nothing;
    - ``translation``: ``(dx, dy)``, with x along columns and y along rows;
    - ``euclidian``: ``(dx, dy, theta)``: turned by theta (rad, from x to y) about (0, 0), then shifted;
    - ``affine``: ``(dx, dy, a, b, c, d)``: x' = a x + b y + dx, y' = c x + d y + dy; the order of older files,
      ``(a, b, dx, c, d, dy)``, is told by where the ones are;
    - ``wcs``: the `astropy.wcs.WCS` of the image, or its FITS header, as text or bytes too.

    Parameters
    ----------
    warpmode : str
        One of the kinds above.
    image_ref : (n_row, n_column) array, optional
        Reference image, for `calc_kernel`.
    wcs_ref : WCS, header, str or bytes, optional
        WCS of the reference, for ``wcs``.

    Raises
    ------
    ValueError
        When the warp mode is not known, or ``wcs`` lacks its reference.

    Examples
    --------
    >>> kernel = ImageMovementKernel("translation")
    >>> kernel.load_series([0.0, 1.0], [[0.0, 0.0], [0.2, -0.1]])
    >>> kernel.interpolate(0.5, [[30.0, 40.0]])
    array([[ 0.1 , -0.05]])
    """

    def __init__(
        self, warpmode: str = "euclidian", image_ref: npt.ArrayLike | None = None, wcs_ref: Any = None
    ) -> None:
        if warpmode not in WARP_MODES:
            raise ValueError(f"warpmode is {warpmode!r}, expected one of {', '.join(WARP_MODES)}")
        if warpmode == "wcs" and wcs_ref is None:
            raise ValueError("warpmode 'wcs' needs wcs_ref, the WCS of the reference")
        self.warpmode = warpmode
        self.n_params = WARP_MODES[warpmode]
        self.image_ref = None if image_ref is None else np.array(image_ref, dtype=np.float64)
        self.wcs_ref: Any = None if wcs_ref is None else _wcs_of(wcs_ref)
        if warpmode == "wcs" and self.wcs_ref is None:
            raise ValueError("wcs_ref is an empty header, expected the WCS of the reference")
        self._times: npt.NDArray[np.float64] = np.zeros(0)
        self._kernels: list[Any] = []

    def __repr__(self) -> str:
        return f"<ImageMovementKernel {self.warpmode!r}, {len(self._times)} kernels>"

    def apply_kernel(self, xy: npt.ArrayLike, kernel: Any) -> npt.NDArray[np.float64]:
        """Return how far positions are moved by one kernel.

        Parameters
        ----------
        xy : (n, 2) float
            Positions (column, row) at the reference, pixels.
        kernel : (n_params,) float, or WCS
            See the class.

        Returns
        -------
        (n, 2) float64
            Change of (column, row), pixels.

        Examples
        --------
        >>> ImageMovementKernel("translation").apply_kernel([[30.0, 40.0]], [0.2, -0.1])
        array([[ 0.2, -0.1]])
        """
        xy = np.atleast_2d(np.asarray(xy, dtype=np.float64))
        if self.warpmode == "unchanged":
            return np.zeros_like(xy)
        if self.warpmode == "wcs":
            moved = _wcs_of(kernel)
            if moved is None:
                raise ValueError("the kernel is an empty header, expected the WCS of an image")
            return np.asarray(moved.all_world2pix(self.wcs_ref.all_pix2world(xy, 0), 0) - xy)
        values = self._checked(kernel)
        if self.warpmode == "translation":
            return np.broadcast_to(values, xy.shape).copy()
        if self.warpmode == "euclidian":
            sine, cosine = np.sin(values[2]), np.cos(values[2])
            turn = np.array([[cosine, -sine], [sine, cosine]])
        else:
            turn = values[2:].reshape(2, 2)
        return np.asarray(values[:2] + xy @ (turn - np.eye(2)).T)

    def __call__(self, xy: npt.ArrayLike, kernel: Any) -> npt.NDArray[np.float64]:
        """Return how far positions are moved by one kernel: `apply_kernel`."""
        return self.apply_kernel(xy, kernel)

    def load_series(self, times: npt.ArrayLike, kernels: Sequence[Any] | npt.NDArray[np.float64]) -> None:
        """Take over a series of kernels.

        Parameters
        ----------
        times : (n_time,) float
            Times, any order; all in the same system.
        kernels : (n_time, n_params) float, or n_time WCS or headers
            A kernel for each; those that are not finite, None or an empty text are left out.

        Raises
        ------
        ValueError
            When their numbers differ, when one is no such kernel, or when none is left.
        """
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        if len(times) != len(kernels):
            raise ValueError(f"{len(times)} times and {len(kernels)} kernels, expected as many")
        chosen = [self._usable(kernel) for kernel in kernels]
        kept = [k for k in np.argsort(times, kind="stable") if np.isfinite(times[k]) and chosen[k] is not None]
        if not kept:
            raise ValueError("none of the kernels is finite")
        self._times, self._kernels = times[kept], [chosen[k] for k in kept]

    def interpolate(self, time: float, xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return how far positions have moved at a time, linear between the kernels, constant beyond them.

        Parameters
        ----------
        time : float
            In the system of the series.
        xy : (n, 2) float
            Positions (column, row) at the reference, pixels.

        Returns
        -------
        (n, 2) float64
            Change of (column, row), pixels.

        Raises
        ------
        ValueError
            When no series is loaded, or the time is not finite.
        """
        low, part = self._bracket(np.array([time], dtype=np.float64))
        before = self.apply_kernel(xy, self._kernels[low[0]])
        if part[0] == 0.0:
            return before
        after = self.apply_kernel(xy, self._kernels[low[0] + 1])
        return np.asarray((1 - part[0]) * before + part[0] * after)

    def jitter(self, time: npt.ArrayLike, column: float, row: float) -> npt.NDArray[np.float64]:
        """Return how far one position has moved at many times.

        Parameters
        ----------
        time : (n_time,) float
            In the system of the series.
        column, row : float
            Position at the reference, pixels.

        Returns
        -------
        (n_time, 2) float64
            Change of (column, row), pixels.

        Raises
        ------
        ValueError
            When no series is loaded, or a time is not finite.

        Examples
        --------
        >>> kernel = ImageMovementKernel("translation")
        >>> kernel.load_series([0.0, 1.0], [[0.0, 0.0], [0.2, -0.1]])
        >>> kernel.jitter([0.0, 1.0], column=30.0, row=40.0)
        array([[ 0. ,  0. ],
               [ 0.2, -0.1]])
        """
        times = np.atleast_1d(np.asarray(time, dtype=np.float64))
        low, part = self._bracket(times)
        xy = [[column, row]]
        moved = np.concatenate([self.apply_kernel(xy, kernel) for kernel in self._kernels])
        high = np.minimum(low + 1, len(moved) - 1)
        return np.asarray((1 - part[:, None]) * moved[low] + part[:, None] * moved[high])

    def calc_kernel(self, image: Any) -> Any:
        """Measure the kernel that moves the reference to an image.

        Parameters
        ----------
        image : (n_row, n_column) array; for ``wcs`` a WCS or the FITS header of the image
            Pixels that are not finite are left out.

        Returns
        -------
        (n_params,) float64, or WCS
            See the class.

        Raises
        ------
        RuntimeError
            When there is no reference image.
        ValueError
            When the shapes differ, or no transformation can be found.
        """
        if self.warpmode == "wcs":
            return wcs_of(image) if isinstance(image, fits.Header) else _wcs_of(image)
        if self.warpmode == "unchanged":
            return np.zeros(0)
        if self.image_ref is None:
            raise RuntimeError("no reference image: give image_ref to ImageMovementKernel")
        with one_blas_thread():
            return register(self.image_ref, np.asarray(image, dtype=np.float64), self.warpmode)

    def _checked(self, kernel: Any) -> npt.NDArray[np.float64]:
        values = np.asarray(kernel, dtype=np.float64).ravel()
        if values.size != self.n_params:
            raise ValueError(f"a kernel of {self.warpmode!r} has {self.n_params} numbers, got {values.size}")
        return _in_our_order(values) if self.warpmode == "affine" and np.isfinite(values).all() else values

    def _usable(self, kernel: Any) -> Any:
        """Return the kernel as it is kept; None where it holds nothing."""
        if kernel is None:
            return None
        if self.warpmode == "wcs":
            return _wcs_of(kernel)
        values = self._checked(kernel)
        return values if np.isfinite(values).all() else None

    def _bracket(self, times: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Index of the kernel before each time, and how far it is on the way to the next (0 to 1)."""
        if not len(self._times):
            raise ValueError("no series of kernels: call load_series first")
        if not np.isfinite(times).all():
            raise ValueError("a time is NaN or infinite, expected times of the series")
        place = np.interp(times, self._times, np.arange(len(self._times)))
        low = np.clip(np.floor(place), 0, max(len(self._times) - 2, 0)).astype(np.int64)
        return low, place - low


def _in_our_order(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return an affine kernel as (dx, dy, a, b, c, d), of the order of older files too; ValueError for neither.

    Images of one CCD are hardly turned: the matrix is near unity in one of the orders only.
    """
    older = values[_OLDER_ORDER]
    near = [bool(np.abs(kernel[2:] - _UNITY).max() < _NEAR_UNITY) for kernel in (values, older)]
    if not any(near):
        raise ValueError(
            f"the affine kernel {values.tolist()} is near unity neither as (dx, dy, a, b, c, d) nor, as in older "
            "files, as (a, b, dx, c, d, dy)"
        )
    return values if near[0] else older


def _wcs_of(kernel: Any) -> WCS | None:
    """Return the WCS that a header says, as text or bytes too; None for an empty text.

    Raises
    ------
    ValueError
        When it is no header with a celestial WCS.
    """
    if isinstance(kernel, WCS):
        return kernel
    text = kernel.item() if isinstance(kernel, (np.ndarray, np.generic)) and np.size(kernel) == 1 else kernel
    text = text.decode("ascii", errors="replace") if isinstance(text, bytes) else text
    if isinstance(text, str):
        if not text.strip():
            return None
        text = fits.Header.fromstring(text, sep="\n" if "\n" in text else "")
    elif not isinstance(text, fits.Header):
        raise ValueError(f"a kernel of 'wcs' is a WCS or a FITS header (text, bytes), got {type(kernel).__name__}")
    wcs: WCS = wcs_of(text)
    if not wcs.has_celestial:
        raise ValueError(f"the header of a kernel has no celestial WCS: {str(kernel)[:60]!r}")
    return wcs


def kernel_series(kernel: MovementKernel, time: npt.NDArray[np.float64]) -> ImageMovementKernel:
    """Return the motion that the fit uses as a series of affine kernels in CCD pixels, without its constant offset.

    Parameters
    ----------
    kernel : MovementKernel
        Motion of a region.
    time : (n_cadence,) float64
        Times of its cadences at the spacecraft, d.
    """
    rows, columns = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    row_shift, column_shift = kernel.shifts(rows, columns)
    affine = np.stack(
        [
            column_shift[0],
            row_shift[0],
            1 + column_shift[2] - column_shift[0],
            column_shift[1] - column_shift[0],
            row_shift[2] - row_shift[0],
            1 + row_shift[1] - row_shift[0],
        ],
        axis=1,
    )
    series = ImageMovementKernel("affine")
    series.load_series(time, affine)
    return series
