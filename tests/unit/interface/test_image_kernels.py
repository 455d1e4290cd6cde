"""Movement of images: kernels, their series, their measurement."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometry import PSF, ImageMovementKernel
from photometry.calibration.kernel import MovementKernel
from photometry.interface.image_kernels import kernel_series

XY = np.array([[10.0, 20.0], [40.0, 5.0], [33.3, 61.2]])
KERNELS = {
    "unchanged": [],
    "translation": [0.31, -0.17],
    "euclidian": [0.2, -0.3, 0.002],
    "affine": [0.1, 0.2, 1.001, 0.0005, -0.0004, 0.9992],
}


def wcs_at(x: float, y: float) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [84.0, -78.0], [-0.0058, 0.0058]
    wcs.wcs.crpix = [30.0 + x, 30.0 + y]
    wcs.wcs.set()
    return wcs


@pytest.mark.parametrize("warpmode", KERNELS)
def test_kernels_are_applied(warpmode):
    moved = ImageMovementKernel(warpmode).apply_kernel(XY, KERNELS[warpmode])
    x, y = XY.T
    expected = {
        "unchanged": np.zeros_like(XY),
        "translation": np.tile([0.31, -0.17], (3, 1)),
        "euclidian": np.stack(
            [
                np.cos(0.002) * x - np.sin(0.002) * y + 0.2 - x,
                np.sin(0.002) * x + np.cos(0.002) * y - 0.3 - y,
            ],
            axis=1,
        ),
        "affine": np.stack([0.1 + 0.001 * x + 0.0005 * y, 0.2 - 0.0004 * x - 0.0008 * y], axis=1),
    }
    np.testing.assert_allclose(moved, expected[warpmode], atol=1e-12)
    np.testing.assert_array_equal(ImageMovementKernel(warpmode)(XY, KERNELS[warpmode]), moved)


def test_wcs_moves_with_its_reference_pixel():
    kernel = ImageMovementKernel("wcs", wcs_ref=wcs_at(0, 0))
    moved = wcs_at(0.2, -0.1)
    np.testing.assert_allclose(kernel.apply_kernel(XY, moved), np.tile([0.2, -0.1], (3, 1)), atol=1e-9)
    assert kernel.calc_kernel(moved) is moved
    header = moved.to_header()
    np.testing.assert_allclose(kernel.apply_kernel(XY, kernel.calc_kernel(header))[:, 0], 0.2, atol=1e-9)
    kernel.load_series([0.0, 1.0, 2.0], [wcs_at(0, 0), None, moved])
    np.testing.assert_allclose(kernel.interpolate(1.0, XY), np.tile([0.1, -0.05], (3, 1)), atol=1e-9)
    np.testing.assert_allclose(kernel.jitter([0.0, 2.0], 10, 20), [[0, 0], [0.2, -0.1]], atol=1e-9)


@pytest.mark.parametrize("warpmode", ["translation", "euclidian", "affine"])
def test_series_are_interpolated_and_hold_at_the_ends(warpmode):
    first = np.zeros(len(KERNELS[warpmode]))
    if warpmode == "affine":
        first[[2, 5]] = 1
    kernel = ImageMovementKernel(warpmode)
    kernel.load_series([5.0, 1.0, 3.0], [KERNELS[warpmode], first, np.full(len(first), np.nan)])
    last = kernel.apply_kernel(XY, KERNELS[warpmode])
    for time, part in ((0.0, 0), (1.0, 0), (2.0, 0.25), (3.0, 0.5), (5.0, 1), (9.0, 1)):
        np.testing.assert_allclose(kernel.interpolate(time, XY), part * last, atol=1e-12)
    jitter = kernel.jitter([0.0, 2.0, 9.0], column=10.0, row=20.0)
    np.testing.assert_allclose(jitter, np.outer([0, 0.25, 1], last[0]), atol=1e-12)


def test_one_kernel_is_a_series():
    kernel = ImageMovementKernel("translation")
    kernel.load_series([1.0], [[0.1, 0.2]])
    np.testing.assert_array_equal(kernel.jitter([0.0, 3.0], 1, 2), [[0.1, 0.2]] * 2)


def test_wrong_use_is_told():
    with pytest.raises(ValueError, match="warpmode"):
        ImageMovementKernel("rotation")
    with pytest.raises(ValueError, match="wcs_ref"):
        ImageMovementKernel("wcs")
    kernel = ImageMovementKernel("translation")
    with pytest.raises(ValueError, match="load_series"):
        kernel.interpolate(0.0, XY)
    with pytest.raises(ValueError, match="2 times and 1 kernels"):
        kernel.load_series([0.0, 1.0], [[0.0, 0.0]])
    with pytest.raises(ValueError, match="finite"):
        kernel.load_series([0.0], [[np.nan, 0.0]])
    with pytest.raises(ValueError, match="2 numbers"):
        kernel.apply_kernel(XY, [1.0])
    for warpmode in ("translation", "euclidian", "affine"):
        with pytest.raises(RuntimeError, match="no reference image: give image_ref"):
            ImageMovementKernel(warpmode).calc_kernel(np.zeros((30, 30)))
    with pytest.raises(ValueError, match="shape"):
        ImageMovementKernel("translation", np.zeros((30, 30))).calc_kernel(np.zeros((30, 31)))
    with pytest.raises(ValueError, match="usable pixels"):
        ImageMovementKernel("translation", np.zeros((30, 30))).calc_kernel(np.full((30, 30), np.nan))


@pytest.mark.parametrize("warpmode", ["translation", "euclidian", "affine", "far"])
def test_movement_is_measured_from_images(warpmode):
    rng = np.random.default_rng(1)
    true = [2.3, -1.7] if warpmode == "far" else KERNELS[warpmode]
    warpmode = "translation" if warpmode == "far" else warpmode
    psf = PSF(1, 4, 2, (100, 164, 300, 364))
    xy, flux = rng.uniform(-3, 67, (300, 2)), 10 ** rng.uniform(2, 5, 300)
    reference = psf.integrate_to_image(np.column_stack([xy[:, 1], xy[:, 0], flux]), 20)
    kernel = ImageMovementKernel(warpmode, reference)
    moved = kernel.apply_kernel(xy, true)
    image = psf.integrate_to_image(np.column_stack([xy[:, 1] + moved[:, 1], xy[:, 0] + moved[:, 0], flux]), 20)
    image = 1.02 * image + 30 + rng.normal(size=image.shape) * np.sqrt((image + 100) / 1400)
    image[10:12, 40] = np.nan
    measured = kernel.calc_kernel(image)
    assert measured.shape == (kernel.n_params,)
    np.testing.assert_allclose(kernel.apply_kernel(xy, measured), moved, atol=2e-3)


def test_kernel_of_the_fit_is_an_affine_series():
    rng = np.random.default_rng(2)
    fit = MovementKernel(
        (1023.5, 1067.5),
        1000.0,
        (0.05, 0.02),
        rng.normal(size=(5, 9)),
        np.zeros((5, 9, 9)),
        np.zeros(5, bool),
        "pixels",
    )
    series = kernel_series(fit, np.arange(5.0))
    rows, columns = fit.shifts([300.0], [900.0])
    np.testing.assert_allclose(series.jitter(np.arange(5.0), 900.0, 300.0), np.stack([columns[0], rows[0]], axis=1))


# Kernels of the older files


def as_older_files_have_it(wcs: WCS, how: str) -> object:
    """Header of a WCS in one of the forms that are stored."""
    text = wcs.to_header().tostring(endcard=False)
    lines = wcs.to_header().tostring(sep="\n", endcard=False)
    forms = {"text": text, "bytes": text.encode(), "lines": lines, "numpy": np.bytes_(text), "array": np.array([text])}
    return forms[how]


@pytest.mark.parametrize("how", ["text", "bytes", "lines", "numpy", "array"])
def test_headers_of_older_files_are_kernels(how):
    reference, moved = (as_older_files_have_it(wcs_at(*place), how) for place in ((0, 0), (0.2, -0.1)))
    kernel = ImageMovementKernel("wcs", wcs_ref=reference)
    expected = np.tile([0.2, -0.1], (3, 1))
    np.testing.assert_allclose(kernel.apply_kernel(XY, moved), expected, atol=1e-9)
    kernel.load_series([0.0, 1.0, 2.0], [reference, b" " if how == "bytes" else "", moved])
    np.testing.assert_allclose(kernel.interpolate(2.0, XY), expected, atol=1e-9)
    np.testing.assert_allclose(kernel.interpolate(1.0, XY), expected / 2, atol=1e-9)


def test_headers_that_are_none_are_refused():
    kernel = ImageMovementKernel("wcs", wcs_ref=wcs_at(0, 0))
    for wrong, words in (
        ("SIMPLE  =                    T", "no celestial WCS"),
        (np.zeros(6), "is a WCS or a FITS header"),
        (0.2, "is a WCS or a FITS header"),
    ):
        with pytest.raises(ValueError, match=words):
            kernel.load_series([0.0], [wrong])
    with pytest.raises(ValueError, match="empty header"):
        kernel.apply_kernel(XY, "")
    with pytest.raises(ValueError, match="empty header"):
        ImageMovementKernel("wcs", wcs_ref="")


def test_affine_kernels_of_either_order_move_alike():
    kernel, (dx, dy, a, b, c, d) = ImageMovementKernel("affine"), KERNELS["affine"]
    expected = kernel.apply_kernel(XY, KERNELS["affine"])
    older = [a, b, dx, c, d, dy]
    np.testing.assert_array_equal(kernel.apply_kernel(XY, older), expected)
    np.testing.assert_array_equal(kernel.apply_kernel(XY, np.reshape(older, (2, 3))), expected)
    np.testing.assert_array_equal(kernel.apply_kernel(XY, [1.0, 0, 0, 0, 1, 0]), 0)
    kernel.load_series([0.0, 1.0], [[1.0, 0, 0, 0, 1, 0], older])
    np.testing.assert_allclose(kernel.interpolate(0.5, XY), expected / 2)
    # Shifts of whole pixels look like a matrix in the wrong order.
    for shift in ([1.0, 0.0], [1.0, 1.0], [0.0, 1.0]):
        for values in ([*shift, 1, 0, 0, 1], [1, 0, shift[0], 0, 1, shift[1]]):
            np.testing.assert_array_equal(kernel.apply_kernel(XY, values), np.tile(shift, (3, 1)))


def test_affine_kernels_of_no_order_are_refused():
    kernel = ImageMovementKernel("affine")
    for wrong in (np.zeros(6), [0.1, 0.2, 0, 1, -1, 0], [1, 0, 0, 1, 0.1, 0.2]):
        with pytest.raises(ValueError, match="near unity neither as"):
            kernel.load_series([0.0], [wrong])


def test_header_of_an_image_is_a_wcs():
    assert isinstance(ImageMovementKernel("wcs", wcs_ref=wcs_at(0, 0)).calc_kernel(fits.Header()), WCS)
