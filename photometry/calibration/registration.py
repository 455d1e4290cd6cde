"""Registration: the transformation of pixel positions that takes one image to another, from all pixels at once.

Gauss-Newton steps on the squared differences, weighted by photon noise, with a factor of brightness and a
constant left free.

References
----------
Lucas & Kanade 1981, Proc. 7th IJCAI, 674; Baker & Matthews 2004, Int. J. Comput. Vis. 56, 221 (forward additive).
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["register"]

#: Width of the Gaussian that smooths both images, pixels: stars are too sharp to be interpolated as they are.
_SMOOTHING_PIX = 1.0
#: Pixels nearer than this to the border of the image or to a missing pixel do not count.
_BORDER_PIX = 4
#: A step that moves no pixel by more than this ends the search, pixels.
_CLOSE_PIX = 1e-5
_MOST_STEPS = 60
#: Fewest pixels that carry a transformation.
_FEWEST_PIXELS = 25


def register(
    reference: npt.NDArray[np.float64], image: npt.NDArray[np.float64], warpmode: str
) -> npt.NDArray[np.float64]:
    """Return the transformation that moves stars of a reference image to where they are in another.

    Parameters
    ----------
    reference, image : (n_row, n_column) float64
        Images; what is not finite is left out.
    warpmode : str
        ``translation``, ``euclidian`` or ``affine``.

    Returns
    -------
    (n_params,) float64
        As `photometry.interface.image_kernels.ImageMovementKernel` has it.

    Raises
    ------
    ValueError
        When the shapes differ, too few pixels are finite, or the search does not end.
    """
    if image.ndim != 2 or image.shape != reference.shape:
        raise ValueError(f"the image has shape {image.shape}, the reference {reference.shape}; expected the same")
    ours, weight = _smoothed(reference)
    theirs, their_weight = _smoothed(image)
    rows, columns = np.nonzero((weight > 0) & (their_weight > 0))
    if len(rows) < _FEWEST_PIXELS:
        raise ValueError(f"{len(rows)} usable pixels in both images; at least {_FEWEST_PIXELS} are needed")
    root = 1 / np.sqrt(np.maximum(ours[rows, columns], 0) + _spread(ours[rows, columns]))
    spline = ndimage.spline_filter(theirs, order=3, mode="mirror")
    middle = np.array([columns.mean(), rows.mean()])
    xy = np.stack([columns, rows], axis=1) - middle
    params = np.array({"translation": [0.0, 0], "euclidian": [0.0, 0, 0], "affine": [0.0, 0, 1, 0, 0, 1]}[warpmode])
    scale = 1.0
    for _ in range(_MOST_STEPS):
        moved, by_params = _moved(xy, params, warpmode)
        value, by_place = _at(spline, moved + middle)
        change = np.einsum("nk,nkp->np", by_place, by_params)
        design = np.column_stack([change, -ours[rows, columns], -np.ones(len(rows))]) * root[:, None]
        residual = (scale * ours[rows, columns] - value) * root
        # Unknowns are the change of the factor and the constant itself.
        solution = np.linalg.lstsq(design, residual, rcond=None)[0]
        params = params + solution[: len(params)]
        scale += solution[-2]
        if np.abs(by_params @ solution[: len(params)]).max() < _CLOSE_PIX:
            return _about_origin(params, middle, warpmode)
    raise ValueError(f"the images cannot be registered: no {warpmode} after {_MOST_STEPS} steps")


def _smoothed(image: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Smoothed image, and 1 for the pixels that count."""
    finite = np.isfinite(image)
    filled = np.where(finite, image, np.median(image[finite]) if finite.any() else 0.0)
    weight = ndimage.binary_erosion(finite, iterations=_BORDER_PIX, border_value=0).astype(np.float64)
    return ndimage.gaussian_filter(filled, _SMOOTHING_PIX, mode="nearest"), weight


def _spread(values: npt.NDArray[np.float64]) -> float:
    """Half the range of the fainter half of the pixels: keeps weights finite."""
    low, middle = np.percentile(values, [1, 50])
    return max(float(middle - low), float(np.abs(values).max()) * 1e-6, 1e-12)


def _moved(
    xy: npt.NDArray[np.float64], params: npt.NDArray[np.float64], warpmode: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Places (n, 2) about the middle after a transformation, and their change with its parameters (n, 2, n_params)."""
    x, y = xy.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    if warpmode == "translation":
        rows = [[one, zero], [zero, one]]
        return xy + params, np.stack([np.stack(row, axis=1) for row in rows], axis=1)
    if warpmode == "euclidian":
        sine, cosine = np.sin(params[2]), np.cos(params[2])
        place = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
        rows = [[one, zero, -place[:, 1]], [zero, one, place[:, 0]]]
        return place + params[:2], np.stack([np.stack(row, axis=1) for row in rows], axis=1)
    rows = [[one, zero, x, y, zero, zero], [zero, one, zero, zero, x, y]]
    return xy @ params[2:].reshape(2, 2).T + params[:2], np.stack([np.stack(row, axis=1) for row in rows], axis=1)


def _at(
    spline: npt.NDArray[np.float64], xy: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Value of a spline at places (n,), and its derivatives by x and y (n, 2)."""
    step = 0.05

    def value(dx: float, dy: float) -> npt.NDArray[np.float64]:
        places = np.stack([xy[:, 1] + dy, xy[:, 0] + dx])
        return np.asarray(ndimage.map_coordinates(spline, places, order=3, mode="mirror", prefilter=False))

    by_x = (value(step, 0) - value(-step, 0)) / (2 * step)
    by_y = (value(0, step) - value(0, -step)) / (2 * step)
    return value(0, 0), np.stack([by_x, by_y], axis=1)


def _about_origin(
    params: npt.NDArray[np.float64], middle: npt.NDArray[np.float64], warpmode: str
) -> npt.NDArray[np.float64]:
    """Turn a transformation about the middle into the same about (0, 0)."""
    if warpmode == "translation":
        return params
    if warpmode == "euclidian":
        sine, cosine = np.sin(params[2]), np.cos(params[2])
        turn = np.array([[cosine, -sine], [sine, cosine]])
    else:
        turn = params[2:].reshape(2, 2)
    return np.concatenate([params[:2] + middle - turn @ middle, params[2:]])
