"""The documented page, name by name and in its order: what each is, of which type, and what it does."""

import configparser
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS
from prepared_folder import Prepared, prepare_ccd, prepare_tpf
from scipy.interpolate import RectBivariateSpline

import photometry
from photometry import PSF, STATUS, BasePhotometry, ImageMovementKernel, PSFPhotometry

NUMBER = (int, np.integer)


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("page") / "prepared", n_cadence=12)


@pytest.fixture(scope="module")
def tpf(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_tpf(tmp_path_factory.mktemp("page_tpf") / "prepared", n_cadence=12)


@pytest.fixture(params=["ffi", "tpf"])
def target(request: pytest.FixtureRequest, ffi: Prepared, tpf: Prepared, tmp_path: Path) -> Iterator[PSFPhotometry]:
    """An opened target of each data source, with plots."""
    prepared = ffi if request.param == "ffi" else tpf
    arguments = prepared.place if request.param == "ffi" else {"datasource": "tpf"}
    with PSFPhotometry(prepared.starid, prepared.folder, tmp_path, plot=True, **arguments) as opened:
        yield opened


# Attributes of BasePhotometry


def test_attributes_of_the_star_and_the_files(target, ffi, tpf, tmp_path):
    # starid (int): TIC number.
    assert isinstance(target.starid, int)
    # input_folder, output_folder (str): where files are loaded from and saved to.
    assert target.input_folder in (str(ffi.folder), str(tpf.folder))
    assert target.output_folder == str(tmp_path)
    # plot (bool); plot_folder (str): where plots are saved to.
    assert isinstance(target.plot, int)
    assert target.plot == True  # noqa: E712
    assert isinstance(target.plot_folder, str)
    assert os.path.isdir(target.plot_folder)
    # method (str).
    assert target.method == "psf"


def test_attributes_of_the_detector(target):
    # sector, camera, ccd, data_rel, n_readout (int); camera and CCD are 1 to 4.
    for name in ("sector", "camera", "ccd", "data_rel", "n_readout"):
        assert isinstance(getattr(target, name), NUMBER), name
    assert {target.camera, target.ccd} <= {1, 2, 3, 4}
    assert target.n_readout == round(0.8 * target.cadence / 2)
    # header (dict-like): primary header of the target pixel file, or that of the cube.
    assert target.header["SECTOR"] == target.sector
    assert target.header.get("NOSUCHKEY") is None


def test_attributes_of_the_target(target):
    # target (dict): what the catalogue says.
    assert isinstance(target.target, dict)
    for name in ("ra", "decl", "ra_J2000", "decl_J2000", "pm_ra", "pm_decl", "tmag", "teff"):
        assert isinstance(target.target[name], float), name
    # target_pos_column, target_pos_row (float) on the CCD, the same with _stamp in the stamp.
    for name, first in (("row", target.stamp[0]), ("column", target.stamp[2])):
        assert isinstance(getattr(target, f"target_pos_{name}"), float)
        assert getattr(target, f"target_pos_{name}_stamp") == getattr(target, f"target_pos_{name}") - first
    # wcs (astropy.wcs.WCS).
    assert isinstance(target.wcs, WCS)


def test_attributes_of_the_results(target):
    # lightcurve (astropy.table.Table): to be filled.
    assert isinstance(target.lightcurve, Table)
    assert len(target.lightcurve) == target.Ntimes
    assert np.isnan(target.lightcurve["flux"]).all()
    # final_phot_mask, final_position_mask: arrays, True where a pixel was used.
    assert target.final_phot_mask is target.final_position_mask is None
    target.photometry()
    for mask in (target.final_phot_mask, target.final_position_mask):
        assert mask.dtype == bool
        assert mask.shape == target.sumimage.shape
    # additional_headers (dict): go into the file.
    assert target.additional_headers == {}


# Construction of BasePhotometry


def test_construction(ffi, tpf, tmp_path):
    # datasource: ffi is the default; camera and ccd are for it alone, cadence is not for it.
    with BasePhotometry(ffi.starid, str(ffi.folder), str(tmp_path), cadence=120, **ffi.place) as target:
        assert (target.datasource, target.plot, target.version, target.cadence) == ("ffi", False, 6, 1800)
        assert target.plot_folder is None
    with BasePhotometry(tpf.starid, str(tpf.folder), str(tmp_path), "tpf", camera=1, ccd=1) as target:
        assert target.camera == tpf.place["camera"]
    # A star that is not in the catalogue; a missing file; an invalid data source; ffi without camera and CCD.
    with pytest.raises(RuntimeError, match="TIC 17"):
        BasePhotometry(17, ffi.folder, tmp_path, **ffi.place)
    with pytest.raises(FileNotFoundError):
        BasePhotometry(ffi.starid, tmp_path, tmp_path, **ffi.place)
    with pytest.raises(ValueError, match="datasource"):
        BasePhotometry(ffi.starid, ffi.folder, tmp_path, datasource="invalid", **ffi.place)
    with pytest.raises(ValueError, match="camera"):
        BasePhotometry(ffi.starid, ffi.folder, tmp_path, sector=1)
    # cache: none, basic or full.
    for cache in ("none", "basic", "full"):
        BasePhotometry(ffi.starid, ffi.folder, tmp_path, cache=cache, **ffi.place).close()


# Methods and properties of BasePhotometry


def test_close_clear_cache_and_status(target):
    assert target.close() is None
    assert target.clear_cache() is None
    assert target.status is STATUS.UNKNOWN


def test_stamps(target):
    # default_stamp: number of rows, number of columns; of a target pixel file all of it.
    n_row, n_column = target.default_stamp()
    assert isinstance(n_row, NUMBER)
    assert isinstance(n_column, NUMBER)
    # stamp: (row_min, row_max, col_min, col_max).
    row_min, row_max, col_min, col_max = target.stamp
    assert isinstance(target.stamp, tuple)
    assert (row_max - row_min, col_max - col_min) == target.sumimage.shape == (n_row, n_column)
    # resize_stamp: whether the stamp changed; width and height come before the sides.
    assert target.resize_stamp(down=-1) is True
    assert target.stamp == (row_min + 1, row_max, col_min, col_max)
    assert target.resize_stamp(width=7, left=1) is True
    assert target.sumimage.shape[1] == 7
    assert target.resize_stamp(width=7) is False
    # get_pixel_grid: columns and rows, 1-based.
    cols, rows = target.get_pixel_grid()
    assert cols.shape == rows.shape == target.sumimage.shape
    assert (cols[0, 0], rows[0, 0]) == (target.stamp[2] + 1, target.stamp[0] + 1)


def test_cubes_and_iterators(target):
    n_time = len(target.lightcurve)
    # images_cube, images_err_cube, backgrounds_cube, pixelflags_cube: (rows, cols, times).
    for name in ("images_cube", "images_err_cube", "backgrounds_cube", "pixelflags_cube"):
        assert getattr(target, name).shape == (*target.sumimage.shape, n_time), name
    # pixelflags, images, images_err, backgrounds: iterators over the times.
    for name in ("pixelflags", "images", "images_err", "backgrounds"):
        assert isinstance(getattr(target, name), Iterator)
        images = list(getattr(target, name))
        assert len(images) == n_time
        assert images[0].shape == target.sumimage.shape
    # The background has been subtracted from the images and can be added again.
    assert np.isfinite(target.images_cube + target.backgrounds_cube).any()


def test_sumimage_aperture_and_settings(target):
    # sumimage: mean of the images of quality 0.
    good = target.lightcurve["quality"] == 0
    np.testing.assert_allclose(target.sumimage, np.nanmean(target.images_cube[..., good], axis=2), rtol=1e-4, atol=0.01)
    # aperture: flags of the pixels as in the data product manual.
    assert (target.aperture & 1 > 0).all()
    # settings: configparser.ConfigParser.
    assert isinstance(target.settings, configparser.ConfigParser)


def test_catalog_and_its_motion(target):
    columns = ["starid", "tmag", "ra", "dec", "row", "column", "row_stamp", "column_stamp"]
    assert isinstance(target.catalog, Table)
    assert target.catalog.colnames == columns
    assert len(target.catalog["starid", "tmag", "row", "column"])
    # MovementKernel: an ImageMovementKernel.
    assert isinstance(target.MovementKernel, ImageMovementKernel)
    # catalog_attime: the same columns at a time in MJD.
    btjd = float(target.lightcurve["time"][5] - target.lightcurve["timecorr"][5])
    moved = target.catalog_attime(btjd + 56999.5)
    assert moved.colnames == columns
    np.testing.assert_allclose(moved["row"], target.catalog_attime(btjd)["row"], atol=1e-6)
    # psf: a PSF for the target's stamp.
    assert isinstance(target.psf, PSF)
    assert target.psf.stamp == target.stamp


def test_plots_are_deleted_with_all_files_of_the_folder(target, ffi):
    Path(target.plot_folder, "any.txt").write_text("any")
    target.delete_plots()
    assert os.listdir(target.plot_folder) == []
    # Without plotting nothing happens.
    Path(target.plot_folder, "any.txt").write_text("any")
    with BasePhotometry(ffi.starid, ffi.folder, target.output_folder, **ffi.place) as other:
        other.delete_plots()
    assert os.listdir(target.plot_folder) == ["any.txt"]


def test_details(target):
    # report_details: an error message, and stars that can be skipped.
    target.report_details(error="message", skip_targets=[5])
    target.report_details(skip_targets=[5, 6])
    assert target.details["errors"] == ["message"]
    assert target.details["skip_targets"] == [5, 6]


def test_photometry_and_its_file(target, tmp_path):
    # do_photometry: fills the light curve, returns the status; NotImplementedError of the base class.
    with pytest.raises(NotImplementedError):
        BasePhotometry.do_photometry(target)
    # photometry: runs it, checks the output, computes metrics.
    assert target.photometry() in (STATUS.OK, STATUS.WARNING)
    assert np.isfinite(target.lightcurve["flux"]).any()
    assert target.details["variance"] > 0
    # save_lightcurve: folder, or that of the constructor; version, or that of the constructor; the path as a text.
    default, other = target.save_lightcurve(), target.save_lightcurve(output_folder=str(tmp_path / "b"), version=3)
    assert isinstance(default, str)
    assert default.startswith(target.output_folder)
    assert "-v06_" in default
    assert other == str(tmp_path / "b" / os.path.basename(default).replace("-v06_", "-v03_"))


# STATUS, PSF, ImageMovementKernel


def test_statuses():
    names = {"UNKNOWN", "OK", "ERROR", "WARNING", "ABORT", "SKIPPED", "STARTED"}
    assert {status.name for status in STATUS} == names
    assert [STATUS.OK.value, STATUS.ERROR.value, STATUS.WARNING.value] == [1, 2, 3]


def test_psf():
    # sector, camera, ccd, stamp: arguments; attributes as on the page.
    psf = photometry.psf.PSF(1, 4, 2, (256, 271, 1627, 1642))
    assert (psf.camera, psf.ccd, psf.stamp, psf.shape) == (4, 2, (256, 271, 1627, 1642), (15, 15))
    assert isinstance(psf.PSFfile, str)
    assert isinstance(psf.ref_column, float)
    assert isinstance(psf.ref_row, float)
    # splineInterpolation: evaluates the PSF at any place about its centre.
    assert isinstance(psf.splineInterpolation, RectBivariateSpline)
    # integrate_to_image: an iterator or array of (row, column, flux), and the largest radius.
    image = psf.integrate_to_image((np.array([7.3, 6.8, 1.0]) for _ in range(1)), cutoff_radius=5)
    rows, columns = np.indices(psf.shape)
    near = np.hypot(rows - 7.3, columns - 6.8) < 5
    shares = psf.splineInterpolation(rows - 7.3, columns - 6.8, grid=False)
    np.testing.assert_allclose(image[near], shares[near], atol=1e-4)
    assert (image[np.hypot(rows - 7.3, columns - 6.8) > 5] == 0).all()
    # plot: a figure.
    assert psf.plot().axes


def test_image_movement_kernel():
    # warpmode: wcs, unchanged, translation, euclidian, affine; euclidian is the default.
    assert photometry.image_motion.ImageMovementKernel().warpmode == "euclidian"
    for mode, n_params in (("unchanged", 0), ("translation", 2), ("euclidian", 3), ("affine", 6)):
        assert ImageMovementKernel(mode).n_params == n_params
    with pytest.raises(ValueError, match="warpmode"):
        ImageMovementKernel("invalid")
    xy = np.array([[1.0, 2.0], [30.0, 40.0]])
    kernel = ImageMovementKernel(warpmode="translation", image_ref=np.zeros((30, 30)))
    # apply_kernel, or a call: changes of positions against the reference.
    np.testing.assert_array_equal(kernel.apply_kernel(xy, [0.2, -0.1]), [[0.2, -0.1]] * 2)
    np.testing.assert_array_equal(kernel(xy, [0.2, -0.1]), [[0.2, -0.1]] * 2)
    # calc_kernel: without a reference a RuntimeError; nothing to measure where nothing moves.
    with pytest.raises(RuntimeError):
        ImageMovementKernel("translation").calc_kernel(np.zeros((30, 30)))
    assert len(ImageMovementKernel("unchanged").calc_kernel(np.zeros((30, 30)))) == 0
    # interpolate: ValueError without a series.
    with pytest.raises(ValueError, match="load_series"):
        kernel.interpolate(0.5, xy)
    # load_series: ValueError of a wrong shape.
    with pytest.raises(ValueError, match="2 times and 1 kernels"):
        kernel.load_series([0.0, 1.0], [[0.0, 0.0]])
    kernel.load_series([0.0, 1.0], [[0.0, 0.0], [0.2, -0.1]])
    np.testing.assert_allclose(kernel.interpolate(0.5, xy), [[0.1, -0.05]] * 2)
    # jitter: changes in column and row for each time.
    assert kernel.jitter(time=np.array([0.0, 0.5, 1.0]), column=10.0, row=20.0).shape == (3, 2)
