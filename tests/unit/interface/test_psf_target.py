"""The documented class: PSF photometry of a target, on full-frame images and target pixel files."""

import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from prepared_folder import Prepared, prepare, prepare_ccd, prepare_tpf, without_a_star

from photometry import STATUS, BasePhotometry, PSFPhotometry
from photometry.catalog.star_catalog import stars_near
from photometry.core.settings import FitSettings
from photometry.core.stars import NO_STARS
from photometry.fit.tile_photometry import fit_tile
from photometry.io.stars.catalog_files import read_catalog
from photometry.io.stars.unlisted_files import write_unlisted
from photometry.lightcurve.names import light_curve_name


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared")


@pytest.fixture(scope="module")
def tpf(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_tpf(tmp_path_factory.mktemp("tpf") / "prepared", n_cadence=60)


def open_ffi(ffi: Prepared, output: Path, **changes: object) -> PSFPhotometry:
    return PSFPhotometry(ffi.starid, ffi.folder, output, **({**ffi.place} | changes))


def test_flux_is_the_truth_within_its_errors(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        assert target.status == STATUS.UNKNOWN
        assert target.photometry() in (STATUS.OK, STATUS.WARNING), target.details
        curve, truth = target.lightcurve, ffi.truth(ffi.starid)
        good = curve["quality"] == 0
        pulls = (curve["flux"] - truth)[good] / curve["flux_err"][good]
    assert np.isfinite(pulls).all()
    assert 0.7 < np.std(pulls) < 1.4
    assert abs(np.mean(curve["flux"][good]) / truth.mean() - 1) < 2e-3
    assert curve.colnames == [
        *("time", "timecorr", "cadenceno", "quality", "flux", "flux_err", "corr_flux", "corr_flux_err"),
        *("flux_background", "pos_centroid", "pos_corr"),
    ]
    assert curve["pos_centroid"].shape == (len(curve), 2)
    np.testing.assert_allclose(
        np.median(curve["pos_centroid"][good], axis=0), [target.target_pos_column, target.target_pos_row], atol=0.2
    )


def test_flux_is_that_of_the_tile_when_both_see_the_same(ffi, tmp_path):
    cube, catalog = ffi.cube, read_catalog(ffi.folder / f"catalog_{ffi.name}.sqlite")
    with open_ffi(ffi, tmp_path) as target:
        assert target.resize_stamp(down=99, up=99, left=99, right=99)
        placement = target._placement
        target.photometry()
    stars = stars_near(catalog, cube.header.wcs_header, cube.stamp, 8)
    fit = fit_tile(cube, stars, cube.stamp, placement.prf, placement.kernel, FitSettings())
    (index,) = np.flatnonzero(fit.starid == ffi.starid)
    np.testing.assert_allclose(target.lightcurve["flux"], fit.flux[index], rtol=1e-6)
    np.testing.assert_allclose(target.lightcurve["flux_err"], fit.flux_err[index], rtol=1e-6)
    assert target.details["contamination"] == pytest.approx(fit.contamination[index])


def test_target_pixel_files_need_no_other_file_than_a_catalogue(tpf, tmp_path):
    with PSFPhotometry(tpf.starid, tpf.folder, tmp_path, datasource="tpf") as target:
        assert (target.sector, target.camera, target.ccd, target.cadence) == (*tpf.place.values(), 120)
        assert target.photometry() in (STATUS.OK, STATUS.WARNING), target.details
        good = target.lightcurve["quality"] == 0
        ratio = target.lightcurve["flux"][good] / tpf.truth(tpf.starid)[good]
    assert abs(np.median(ratio) - 1) < 0.01
    # POS_CORR of the file is the motion.
    row_shift, column_shift = tpf.kernel.shifts(target.target_pos_row, target.target_pos_column)
    moved = np.stack([column_shift[0], row_shift[0]], axis=1)
    shift = target.lightcurve["pos_corr"] - moved
    np.testing.assert_allclose(shift - shift.mean(axis=0), 0, atol=2e-3)


def test_star_in_the_target_pixel_file_of_another(tpf, tmp_path):
    stars = tpf.scene.population
    inside = tpf.cube.stamp.border_distance(stars.row, stars.column) > 1
    (other,) = stars.starid[inside & (stars.tmag == stars.tmag[inside & (stars.starid != tpf.starid)].min())]
    with PSFPhotometry(int(other), tpf.folder, tmp_path, datasource=f"tpf:{tpf.starid}") as target:
        assert target.starid == other
        assert target.datasource == "tpf"
        assert target.photometry() in (STATUS.OK, STATUS.WARNING)
    assert np.median(target.lightcurve["flux"]) == pytest.approx(np.median(tpf.truth(int(other))), rel=0.1)


@pytest.mark.parametrize("datasource", ["ffi", "tpf"])
def test_light_curve_file_has_the_workflows_name_and_layout(ffi, tpf, datasource, tmp_path):
    prepared = ffi if datasource == "ffi" else tpf
    place = prepared.place if datasource == "ffi" else {}
    with PSFPhotometry(prepared.starid, prepared.folder, tmp_path, datasource=datasource, **place) as target:
        target.photometry()
        target.additional_headers["OBSERVER"] = ("somebody", "who looked")
        path = target.save_lightcurve()
        name = Path(path).name.replace("-v06_", "-v02_")
        assert target.save_lightcurve(tmp_path / "b", version=2) == str(tmp_path / "b" / name)
    pointing = target._detector.header.pointing
    assert path == str(tmp_path / "lightcurves" / light_curve_name(prepared.starid, pointing, target.cadence, 6))
    with fits.open(path, checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LIGHTCURVE", "SUMIMAGE", "APERTURE"]
        assert hdus[0].header["OBSERVER"] == "somebody"
        assert hdus[0].header["STATUS"] == target.status.name
        np.testing.assert_array_equal(hdus[1].data["FLUX"], target.lightcurve["flux"].astype(np.float32))
        np.testing.assert_array_equal(hdus[1].data["TIME"], target.lightcurve["time"])
        assert np.isfinite(hdus[1].data["SAP_FLUX"]).any()
        assert (hdus[3].data & 2 > 0).sum() == target.final_phot_mask.sum() > 0


def test_stamps_that_cannot_carry_a_fit_are_errors_and_others_have_right_errors(ffi, tmp_path):
    for width, height in ((1, 1), (1, 2), (2, 1), (1, 15), (15, 1), (2, 2), (2, 3)):
        with open_ffi(ffi, tmp_path, cache="full") as target:
            target.resize_stamp(width=width, height=height)
            assert target.photometry() is STATUS.ERROR
            (reason,) = target.details["errors"]
            assert reason.startswith(f"a stamp of {height} x {width} pixels cannot carry a fit")
            assert np.isnan(target.lightcurve["flux"]).all()
    for width, height in ((3, 3), (15, 2), (4, 3), (5, 5)):
        with open_ffi(ffi, tmp_path, cache="full") as target:
            target.resize_stamp(width=width, height=height)
            assert target.photometry() in (STATUS.OK, STATUS.WARNING)
            good = target.lightcurve["quality"] == 0
            curve = target.lightcurve[good]
            residual = np.asarray(curve["flux"]) - ffi.truth(ffi.starid)[good]
            assert 0.6 < np.std(residual) / np.median(curve["flux_err"]) < 1.5, (width, height)
            assert abs(np.median(curve["flux"]) / np.median(ffi.truth(ffi.starid)) - 1) < 0.01


def test_masks_follow_the_stamp(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.photometry()
        first, stamp = target.final_phot_mask, target.stamp
        assert target.resize_stamp(down=2, left=-3)
        for mask in (target.final_phot_mask, target.final_position_mask):
            assert mask.shape == target.sumimage.shape
            np.testing.assert_array_equal(mask[2:], first[:, 3:])
        target.final_phot_mask = first
        with pytest.raises(ValueError, match=r"mask has shape \(15, 15\), expected \(17, 12\)"):
            target.save_lightcurve()
        assert target.stamp == (stamp[0] - 2, stamp[1], stamp[2] + 3, stamp[3])


@pytest.mark.parametrize("kind", [PSFPhotometry, BasePhotometry])
def test_images_of_the_file_are_those_of_the_stamp_at_that_time(ffi, tmp_path, kind):
    with kind(ffi.starid, ffi.folder, tmp_path, **ffi.place) as target:
        target.resize_stamp(up=3)
        if kind is PSFPhotometry:
            target.photometry()
        else:
            target.lightcurve["flux"] = target.lightcurve["flux_err"] = 1.0
            target.final_phot_mask = np.eye(*target.sumimage.shape, dtype=bool)
        for number, change in enumerate(({}, {"down": 2, "left": -3}, {"width": 17, "height": 21}), 1):
            target.resize_stamp(**change)
            with fits.open(target.save_lightcurve(version=number)) as hdus:
                np.testing.assert_array_equal(hdus["SUMIMAGE"].data, target.sumimage)
                np.testing.assert_array_equal(hdus["APERTURE"].data & ~2, target.aperture)
                np.testing.assert_array_equal(hdus["APERTURE"].data & 2 > 0, target.final_phot_mask)
                for name in ("SUMIMAGE", "APERTURE"):
                    header = hdus[name].header
                    assert (header["CRVAL2P"] - 1, header["CRVAL1P"] - 1) == (target.stamp[0], target.stamp[2])


def test_saving_needs_a_version_and_a_flux(ffi, tmp_path):
    with open_ffi(ffi, tmp_path, version=None) as target:
        with pytest.raises(RuntimeError, match="no flux"):
            target.save_lightcurve(version=1)
        target.lightcurve["flux"] = 1.0
        with pytest.raises(ValueError, match="version"):
            target.save_lightcurve()
        target.additional_headers["far too long"] = 1
        with pytest.raises(ValueError, match="far too long"):
            target.save_lightcurve(version=1)
    assert list(tmp_path.iterdir()) == []


def test_two_objects_do_not_disturb_each_other_whatever_is_kept(ffi, tmp_path):
    modes = ("none", "basic", "full", "full")
    targets = [open_ffi(ffi, tmp_path, cache=mode) for mode in modes]
    targets[3].resize_stamp(up=2)
    targets[2].images_cube[:] = 0
    targets[2].settings["fit"]["tmag_limit"] = "12"
    targets[2].catalog["row"][:] = 0
    targets[1].clear_cache()
    for target in targets:
        target.photometry()
    fluxes = [np.asarray(target.lightcurve["flux"]) for target in targets]
    np.testing.assert_array_equal(fluxes[0], fluxes[1])
    assert not np.array_equal(fluxes[1], fluxes[2])
    assert not np.array_equal(fluxes[1], fluxes[3])
    with open_ffi(ffi, tmp_path, cache="full") as again:
        again.photometry()
    np.testing.assert_array_equal(fluxes[0], again.lightcurve["flux"])
    for target in targets:
        target.close()
        target.close()
        target.clear_cache()
        target.clear_cache()


def test_threads_give_the_same_numbers(ffi, tmp_path):
    stars, stamp = ffi.scene.population, ffi.cube.stamp
    bright = (stamp.border_distance(stars.row, stars.column) > 6) & (stars.tmag < 14)
    chosen = [int(starid) for starid in stars.starid[bright]][:4]
    assert len(chosen) > 1

    def measure(starid: int, found: dict[int, np.ndarray], cache: str) -> None:
        with PSFPhotometry(starid, ffi.folder, tmp_path, cache=cache, **ffi.place) as target:
            target.photometry()
            found[starid] = np.asarray(target.lightcurve["flux"])

    alone: dict[int, np.ndarray] = {}
    for starid in chosen:
        measure(starid, alone, "none")
    together: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=measure, args=(starid, together, "full")) for starid in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for starid in chosen:
        np.testing.assert_array_equal(alone[starid], together[starid])


def test_motion_and_prf_are_measured_where_they_were_not_prepared(tmp_path):
    from prepared_folder import make_scene

    scene = make_scene(n_row=22, n_column=22, n_cadence=25)
    prepared = prepare(tmp_path / "prepared", scene, "sector001_camera4_ccd2", products=False)
    with PSFPhotometry(prepared.starid, tmp_path, tmp_path, **prepared.place) as target:
        assert target.photometry() in (STATUS.OK, STATUS.WARNING), target.details
        # The tile's motion stays for the next target.
        with PSFPhotometry(prepared.starid, tmp_path, tmp_path, **prepared.place) as second:
            assert second._placement is target._placement
    shift = target.lightcurve["pos_corr"]
    rows, columns = prepared.kernel.shifts(target.target_pos_row, target.target_pos_column)
    error = np.stack([columns[0], rows[0]], axis=1) - shift
    assert np.std(error - error.mean(axis=0)) < 3e-3


def test_what_the_photometry_says_is_checked(ffi, tmp_path):
    class Lazy(BasePhotometry):
        def do_photometry(self, flux: float, error: float) -> STATUS:
            import logging

            logging.getLogger("somewhere").warning("look at this")
            self.lightcurve["flux"], self.lightcurve["flux_err"] = flux, error
            self.report_details(skip_targets=[5, 5])
            return STATUS.OK

    with Lazy(ffi.starid, ffi.folder, tmp_path, **ffi.place) as target:
        assert target.photometry(np.nan, 1.0) == STATUS.ERROR
        assert "flux is NaN" in target.details["errors"][0]
        assert target.photometry(1.0, np.nan) == STATUS.ERROR
        assert target.photometry(5.0, 1.0) == STATUS.OK
        details = target.details
        assert details["errors"] == []
        assert details["warnings"] == ["look at this"]
        assert details["skip_targets"] == [5]
        assert details["mean_flux"] == 5.0
        assert Path(target.save_lightcurve()).is_file()


def test_base_class_measures_nothing(ffi, tmp_path):
    with BasePhotometry(ffi.starid, ffi.folder, tmp_path, **ffi.place) as target:
        with pytest.raises(NotImplementedError):
            target.do_photometry()
        with pytest.raises(NotImplementedError):
            target.photometry()
        assert target.status == STATUS.ERROR
        assert target.details["errors"]


def test_plots_have_a_folder_that_is_emptied(ffi, tmp_path):
    class Drawing(PSFPhotometry):
        def do_photometry(self) -> STATUS:
            Path(self.plot_folder, "mine.txt").write_text("drawn before ours")
            return super().do_photometry()

    with open_ffi(ffi, tmp_path) as target:
        assert target.plot_folder is None
        target.photometry()
        target.delete_plots()
    assert list(tmp_path.iterdir()) == []
    with Drawing(ffi.starid, ffi.folder, tmp_path, plot=True, **ffi.place) as target:
        folder = Path(target.plot_folder)
        assert folder.is_dir()
        assert folder.is_relative_to(tmp_path)
        target.photometry()
        assert len(list(folder.iterdir())) == 3
        (folder / "kept").mkdir()
        with open_ffi(ffi, tmp_path) as without:
            without.delete_plots()
        assert len(list(folder.iterdir())) == 4
        for _ in range(2):
            target.delete_plots()
            assert [path.name for path in folder.iterdir()] == ["kept"]


def test_stars_that_the_catalogue_lacks_are_fitted_and_never_targets(ffi, tmp_path):
    """A prepared table of them is read; without it the flux of a star 3 px beside the missing one is wrong."""
    stars = ffi.scene.catalogue_stars
    away = np.hypot(stars.row - stars.row[:, None], stars.column - stars.column[:, None])
    (target,) = np.flatnonzero(stars.starid == ffi.starid)
    near = np.flatnonzero((away[target] < 4) & (away[target] > 0))
    missing = int(stars.starid[near[np.argmin(stars.tmag[near])]])
    folder = tmp_path / "incomplete" / "prepared"
    star = without_a_star(ffi, missing, folder)
    fluxes = []
    for unlisted in (None, NO_STARS, star):
        if unlisted is not None:
            write_unlisted(folder / f"unlisted_stars_{ffi.name}.ecsv", unlisted, ffi.name, {})
        with PSFPhotometry(ffi.starid, folder, tmp_path / "out", **ffi.place) as opened:
            opened.photometry()
            assert (opened.catalog["starid"] > 0).all()
            fluxes.append(np.median(opened.lightcurve["flux"]))
    with open_ffi(ffi, tmp_path / "out") as opened:
        opened.photometry()
        complete = np.median(opened.lightcurve["flux"])
    assert fluxes[0] == fluxes[1]
    assert abs(fluxes[2] / complete - 1) < 0.1 * abs(fluxes[0] / complete - 1)
    assert abs(fluxes[2] / complete - 1) < 2e-3
