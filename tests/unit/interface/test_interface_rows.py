"""Every promise of the interface's table, on targets of every kind: real, simulated, frames, target pixel files."""

import os

import lightkurve_reader
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from interface_cases import Case

from photometry import PSF, STATUS, BasePhotometry, ImageMovementKernel
from photometry.core.stars import flux_of_tmag
from photometry.core.status import MEASURED

COLUMNS = (
    "time",
    "timecorr",
    "cadenceno",
    "quality",
    "flux",
    "flux_err",
    "corr_flux",
    "corr_flux_err",
    "flux_background",
    "pos_centroid",
    "pos_corr",
)
CUBES = ("images", "images_err", "backgrounds", "pixelflags")


def is_tpf(case: Case) -> bool:
    return case.arguments.get("datasource") == "tpf"


# Arguments and what they raise


def test_a_file_stands_for_its_folder_and_a_missing_one_is_named(case, tmp_path):
    some_file = next(path for path in sorted(case.folder.iterdir()) if path.is_file())
    assert case.open(tmp_path, input_folder=some_file).stamp == case.open(tmp_path).stamp
    with pytest.raises(FileNotFoundError, match="nowhere"):
        case.open(tmp_path, input_folder=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no cube|no target pixel file"):
        case.open(tmp_path, input_folder=tmp_path)


def test_invalid_arguments_are_value_errors(case, tmp_path):
    for wrong in ({"datasource": "fits"}, {"cache": "some"}, {"sector": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            case.open(tmp_path, **wrong)
    for name in ("camera", "ccd"):
        if is_tpf(case):
            case.open(tmp_path, **{name: 7}).close()
            continue
        for wrong in (None, 7):
            with pytest.raises(ValueError, match=f"{name} is"):
                case.open(tmp_path, **{name: wrong})
    assert case.open(tmp_path, sector=None).sector > 0


def test_star_that_is_not_in_the_catalogue_is_named(case, tmp_path):
    data_source = {"datasource": f"tpf:{case.starid}"} if is_tpf(case) else {}
    with pytest.raises(RuntimeError, match="TIC 31 is not in the catalogue"):
        case.open(tmp_path, starid=31, **data_source)


# Attributes


def test_attributes(case, tmp_path):
    with case.open(tmp_path) as target:
        assert target.starid == target.target["starid"] == case.starid
        assert target.datasource == ("tpf" if is_tpf(case) else "ffi")
        for name in ("sector", "camera", "ccd"):
            assert type(getattr(target, name)) is int
            assert getattr(target, name) == case.arguments.get(name, getattr(target, name))
        assert target.cadence in (20, 120, 200, 600, 1800)
        assert len(target.header) > 5
        assert target.additional_headers == {}
        assert target.final_phot_mask is target.final_position_mask is None
        assert target.status is STATUS.UNKNOWN
        assert target.settings.sections() == ["fit", "motion", "prf_learning", "prf"]
        assert isinstance(target.wcs, WCS)
        row_min, row_max, col_min, col_max = target.stamp
        assert row_min - 0.5 <= target.target_pos_row < row_max - 0.5
        assert col_min - 0.5 <= target.target_pos_column < col_max - 0.5
        assert target.target_pos_row_stamp == target.target_pos_row - row_min
        assert target.target_pos_column_stamp == target.target_pos_column - col_min
        pixel = target.wcs.all_world2pix(target.target["ra"], target.target["dec"], 0)
        np.testing.assert_allclose(pixel, [target.target_pos_column, target.target_pos_row], atol=1e-5)


# Stamp and pixels


def test_stamp(case, tmp_path):
    with case.open(tmp_path) as target:
        n_row, n_column = case.measured.shape[1:]
        expected = [min(n, most) for n, most in zip(target.default_stamp(), (n_row, n_column), strict=True)]
        assert all(n <= most for n, most in zip(target.sumimage.shape, expected, strict=True))
        height, width = target.stamp[1] - target.stamp[0], target.stamp[3] - target.stamp[2]
        assert height == n_row if is_tpf(case) else height >= min(15, n_row)
        assert width == n_column if is_tpf(case) else width >= min(15, n_column)
        cols, rows = target.get_pixel_grid()
        assert cols.shape == rows.shape == (height, width)
        assert (rows[0, 0], rows[-1, -1]) == (target.stamp[0] + 1, target.stamp[1])
        assert (cols[0, 0], cols[-1, -1]) == (target.stamp[2] + 1, target.stamp[3])
        assert not target.resize_stamp()
        assert target.resize_stamp(down=-1, left=-1)
        assert target.get_pixel_grid()[0].shape == (height - 1, width - 1)
        for name in CUBES:
            assert getattr(target, f"{name}_cube").shape[:2] == (height - 1, width - 1)
        assert target.aperture.shape == target.sumimage.shape == target.psf.shape == (height - 1, width - 1)
        with pytest.raises(ValueError, match="empty"):
            target.resize_stamp(up=-height)
        target.resize_stamp(down=9999, up=9999, left=9999, right=9999)
        assert target.stamp == (case.first[0], case.first[0] + n_row, case.first[1], case.first[1] + n_column)
        assert target.resize_stamp(width=3, height=3)
        assert round(target.target_pos_row_stamp) in (0, 1, 2)


def test_images_and_backgrounds_are_what_was_measured(case, tmp_path):
    with case.open(tmp_path) as target:
        expected = case.part(target.stamp)
        restored = target.images_cube + target.backgrounds_cube
        np.testing.assert_allclose(restored, expected, rtol=1e-6, atol=1e-2)
        for name in CUBES:
            cube, series = getattr(target, f"{name}_cube"), getattr(target, name)
            assert iter(series) is series
            np.testing.assert_array_equal(np.stack(list(series), axis=-1), cube)
        assert target.images_err_cube.shape == expected.shape
        assert len(target.lightcurve) == expected.shape[2]
        seen = np.isfinite(target.images_cube)
        assert (target.images_err_cube[seen] > 0).all()
        assert target.pixelflags_cube.dtype == np.uint8


def test_sumimage_is_the_mean_of_the_good_images(case, tmp_path):
    with case.open(tmp_path) as target:
        np.testing.assert_array_equal(target.lightcurve["quality"], case.quality)
        good = target.images_cube[..., case.quality == 0].astype(np.float64)
        measured = np.isfinite(good).any(axis=2)
        expected = np.full(target.sumimage.shape, np.nan)
        expected[measured] = np.nanmean(good[measured], axis=1)
        np.testing.assert_allclose(target.sumimage, expected, rtol=1e-5, atol=2e-3)


def test_aperture(case, tmp_path):
    with case.open(tmp_path) as target:
        aperture = target.aperture
        assert aperture.dtype == np.int32
        assert not (aperture & ~(1 | 4 | 32 | 64 | 128 | 256)).any()
        assert (aperture[np.isfinite(target.sumimage)] & 1).all()
        outputs = 32 << np.clip((np.arange(target.stamp[2], target.stamp[3]) - 44) // 512, 0, 3)
        expected = np.where(aperture & 1 > 0, outputs, aperture & 480)
        np.testing.assert_array_equal(aperture & 480, expected)


# Stars, motion, PSF


def test_catalog(case, tmp_path):
    with case.open(tmp_path) as target:
        catalog = target.catalog
        assert catalog.colnames == ["starid", "tmag", "ra", "dec", "row", "column", "row_stamp", "column_stamp"]
        assert case.starid in catalog["starid"]
        places = target.wcs.all_world2pix(catalog["ra"], catalog["dec"], 0)
        np.testing.assert_allclose([catalog["column"], catalog["row"]], places, atol=1e-5)
        for name, first, last in (("row", *target.stamp[:2]), ("column", *target.stamp[2:])):
            assert (catalog[name] > first - 5.6).all()
            assert (catalog[name] < last + 4.6).all()
            np.testing.assert_array_equal(catalog[f"{name}_stamp"], catalog[name] - first)
        catalog["row"][:] = 0
        assert (target.catalog["row"] != 0).all()


def test_motion(case, tmp_path):
    with case.open(tmp_path) as target:
        kernel, curve = target.MovementKernel, target.lightcurve
        assert isinstance(kernel, ImageMovementKernel)
        at_spacecraft = np.asarray(curve["time"]) - np.asarray(curve["timecorr"])
        jitter = kernel.jitter(at_spacecraft, target.target_pos_column, target.target_pos_row)
        assert np.isfinite(jitter).all()
        (place,) = np.flatnonzero(target.catalog["starid"] == case.starid)
        for cadence in (0, len(curve) - 1):
            moved = target.catalog_attime(at_spacecraft[cadence])
            change = [float(moved[name][place] - target.catalog[name][place]) for name in ("column", "row")]
            np.testing.assert_allclose(change, jitter[cadence], atol=1e-7)
            np.testing.assert_allclose(moved["row_stamp"], moved["row"] - target.stamp[0], atol=1e-9)
        target.photometry()
        # Where the photometry has learnt a PRF, the motion is that of its fit.
        jitter = target.MovementKernel.jitter(at_spacecraft, target.target_pos_column, target.target_pos_row)
        change = np.asarray(target.lightcurve["pos_corr"]) - jitter
        np.testing.assert_allclose(change - change.mean(axis=0), 0, atol=1e-4)


def test_psf(case, tmp_path):
    with case.open(tmp_path) as target:
        psf = target.psf
        assert isinstance(psf, PSF)
        assert (psf.sector, psf.camera, psf.ccd, psf.stamp) == (target.sector, target.camera, target.ccd, target.stamp)
        assert psf.prf.source.startswith("model" if case.prf == "model" else "spoc")
        image = psf.integrate_to_image([(target.target_pos_row_stamp, target.target_pos_column_stamp, 100.0)], 20)
        assert image.shape == target.sumimage.shape
        brightest = np.unravel_index(np.argmax(image), image.shape)
        place = [target.target_pos_row_stamp, target.target_pos_column_stamp]
        np.testing.assert_allclose(brightest, place, atol=1.0)


# Photometry and what is written


def test_photometry(case, tmp_path):
    with case.open(tmp_path, plot=True) as target:
        assert target.photometry() == target.status
        assert target.status in MEASURED
        curve, details = target.lightcurve, target.details
        assert isinstance(curve, Table)
        assert tuple(curve.colnames) == COLUMNS
        good = np.asarray(curve["quality"]) == 0
        for name in ("flux", "flux_err", "corr_flux", "flux_background", "pos_centroid", "pos_corr"):
            assert np.isfinite(np.asarray(curve[name])[good]).all(), name
        expected = flux_of_tmag(target.target["tmag"])
        assert details["median_flux"] == pytest.approx(expected, rel=0.2)
        assert details["median_flux"] == pytest.approx(float(np.median(curve["flux"][good])))
        assert details["errors"] or target.status is STATUS.OK
        for mask in (target.final_phot_mask, target.final_position_mask):
            assert mask.dtype == bool
            assert mask.shape == target.sumimage.shape
            assert mask.any()
        target.report_details(error="seen", skip_targets=[3])
        assert target.details["errors"][-1] == "seen"
        assert target.details["skip_targets"] == [3]
        assert len(os.listdir(target.plot_folder)) == 2
        target.delete_plots()
        assert os.listdir(target.plot_folder) == []


def test_saved_light_curve(case, tmp_path):
    with case.open(tmp_path / "a", version=None) as target:
        target.photometry()
        with pytest.raises(ValueError, match="version"):
            target.save_lightcurve()
        path = target.save_lightcurve(tmp_path / "b", version=3)
        assert os.path.dirname(path) == str(tmp_path / "b")
        assert f"{case.starid:011d}" in os.path.basename(path)
        assert path.endswith("v03_lc.fits")
        with fits.open(path, checksum=True) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "LIGHTCURVE", "SUMIMAGE", "APERTURE"]
            header = hdus["SUMIMAGE"].header
            assert (header["CRVAL2P"] - 1, header["CRVAL1P"] - 1) == (target.stamp[0], target.stamp[2])
            np.testing.assert_array_equal(hdus["SUMIMAGE"].data, target.sumimage)
            np.testing.assert_array_equal(hdus["APERTURE"].data & 2 > 0, target.final_phot_mask)
            np.testing.assert_array_equal(hdus["APERTURE"].data & ~2, target.aperture)
        saved = lightkurve_reader.flux(path)
        np.testing.assert_allclose(saved, np.asarray(target.lightcurve["flux"])[case.quality == 0], rtol=1e-6)


def test_base_class_measures_nothing(case, tmp_path):
    with case.open(tmp_path, kind=BasePhotometry) as target, pytest.raises(NotImplementedError):
        target.do_photometry()
