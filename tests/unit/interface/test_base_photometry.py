"""The documented base class: opening a target, its stamp, its pixels, the stars around it."""

import gc
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.time import Time
from astropy.wcs import WCS
from prepared_folder import Prepared, make_scene, prepare, prepare_ccd, prepare_tpf

from photometry import BasePhotometry, ImageMovementKernel
from photometry.calibration.kernel import N_AFFINE
from photometry.io.products.product_files import write_kernel


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared")


@pytest.fixture(scope="module")
def tpf(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_tpf(tmp_path_factory.mktemp("tpf") / "prepared")


def open_ffi(ffi: Prepared, output: Path, **changes: object) -> BasePhotometry:
    values = {"starid": ffi.starid, "input_folder": ffi.folder, "output_folder": output, **ffi.place}
    return BasePhotometry(**(values | changes))


def open_tpf(tpf: Prepared, output: Path, **changes: object) -> BasePhotometry:
    return BasePhotometry(tpf.starid, tpf.folder, output, **({"datasource": "tpf"} | changes))


# Opening


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"datasource": "tess"}, "datasource"),
        ({"datasource": "tpf:"}, "datasource"),
        ({"datasource": "tpf:x"}, "datasource"),
        ({"datasource": "ffi:12"}, "datasource"),
        ({"cache": "all"}, "cache"),
        ({"camera": None}, "camera"),
        ({"ccd": None}, "ccd"),
        ({"camera": 5}, "camera"),
        ({"ccd": 0}, "ccd"),
    ],
)
def test_wrong_arguments_are_named(ffi, tmp_path, changes, word):
    with pytest.raises(ValueError, match=word):
        open_ffi(ffi, tmp_path, **changes)


def test_missing_files_are_named(ffi, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        BasePhotometry(ffi.starid, tmp_path / "nowhere", tmp_path, **ffi.place)
    with pytest.raises(FileNotFoundError, match="sector002_camera4_ccd2"):
        open_ffi(ffi, tmp_path, sector=2)
    with pytest.raises(FileNotFoundError, match="no target pixel file of TIC 7"):
        BasePhotometry(7, ffi.folder, tmp_path, datasource="tpf")
    (tmp_path / f"{ffi.name}.hdf5").write_bytes((ffi.folder / f"{ffi.name}.hdf5").read_bytes())
    with pytest.raises(FileNotFoundError, match=f"catalog_{ffi.name}.sqlite"):
        BasePhotometry(ffi.starid, tmp_path, tmp_path, **ffi.place)


def test_several_target_pixel_files_need_a_choice(tmp_path):
    slow = prepare_tpf(tmp_path / "data")
    prepare_tpf(tmp_path / "data" / "fast", cadence_s=20)
    with pytest.raises(FileNotFoundError, match="several"):
        open_tpf(slow, tmp_path)
    for cadence in (120, 20):
        with open_tpf(slow, tmp_path, cadence=cadence) as target:
            assert target.cadence == cadence
    with pytest.raises(FileNotFoundError, match="sector 9"):
        open_tpf(slow, tmp_path, cadence=20, sector=9)


def test_arguments_that_a_data_source_does_not_use_are_ignored(ffi, tpf, tmp_path):
    for cadence in (1800, 120, "any"):
        assert open_ffi(ffi, tmp_path, cadence=cadence).cadence == 1800
    for place in ({"camera": 1, "ccd": 1}, {"camera": "none"}, {"ccd": 9}):
        target = open_tpf(tpf, tmp_path, **place)
        assert (target.sector, target.camera, target.ccd) == tuple(tpf.place.values())


def test_the_only_sector_of_a_folder_needs_no_name(ffi, tmp_path):
    assert open_ffi(ffi, tmp_path, sector=None).sector == ffi.place["sector"]
    folder = tmp_path / "two"
    shutil.copytree(ffi.folder, folder)
    (folder / f"tesscut_{ffi.name.replace('sector001', 'sector028')}_r1_c2_3x4.hdf5").write_bytes(b"")
    with pytest.raises(ValueError, match=r"sector is missing: .* holds sectors 1, 28 of camera 4, CCD 2"):
        open_ffi(ffi, tmp_path, sector=None, input_folder=folder)
    assert open_ffi(ffi, tmp_path, sector=1, input_folder=folder).sector == 1
    with pytest.raises(FileNotFoundError, match="no cube of camera 3, CCD 2, of any sector"):
        open_ffi(ffi, tmp_path, sector=None, camera=3)


def test_star_that_is_not_there_is_named(ffi, tpf, tmp_path):
    with pytest.raises(RuntimeError, match="TIC 17 is not in the catalogue"):
        BasePhotometry(17, ffi.folder, tmp_path, **ffi.place)
    with pytest.raises(RuntimeError, match="TIC 17 is not in the catalogue"):
        BasePhotometry(17, tpf.folder, tmp_path, datasource=f"tpf:{tpf.starid}")
    stars, stamp = ffi.scene.population, ffi.cube.stamp
    outside = int(stars.starid[stamp.border_distance(stars.row, stars.column) < -2][0])
    with pytest.raises(RuntimeError, match="not on the pixels"):
        BasePhotometry(outside, ffi.folder, tmp_path, **ffi.place)


def test_a_file_or_the_folder_above_stand_for_the_folder(ffi, tmp_path):
    for path in (ffi.folder / f"{ffi.name}.hdf5", ffi.folder.parent, str(ffi.folder)):
        with BasePhotometry(ffi.starid, path, tmp_path, **ffi.place) as target:
            assert target.stamp[0] > 0


def test_of_several_cutouts_the_one_that_holds_the_star_best(tmp_path):
    scene = make_scene()
    whole = prepare(tmp_path / "a" / "prepared", scene, "tesscut_sector001_camera4_ccd2_r0512_c1244_30x32", "tesscut")
    prepare(tmp_path / "a" / "prepared", make_scene(row_min=520, seed=5), "tesscut_sector001_camera4_ccd2_b", "tesscut")
    with BasePhotometry(whole.starid, tmp_path / "a", tmp_path, **whole.place) as target:
        assert target._detector.header.stamp == whole.cube.stamp


def test_no_file_stays_open(ffi, tpf, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    targets = [open_ffi(ffi, tmp_path), open_tpf(tpf, tmp_path)]
    for target in targets:
        assert target.images_cube.size
        assert len(target.catalog)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_attributes(ffi, tpf, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        stars = ffi.scene.population
        (place,) = np.flatnonzero(stars.starid == ffi.starid)
        row, column = stars.row[place] - ffi.kernel.offset[0], stars.column[place] - ffi.kernel.offset[1]
        assert target.target_pos_row == pytest.approx(row, abs=0.01)
        assert target.target_pos_column == pytest.approx(column, abs=0.01)
        assert target.target_pos_row_stamp == target.target_pos_row - target.stamp[0]
        assert target.target_pos_column_stamp == target.target_pos_column - target.stamp[2]
        assert isinstance(target.wcs, WCS)
        pixel = target.wcs.all_world2pix(target.target["ra"], target.target["dec"], 0)
        np.testing.assert_allclose(pixel, [target.target_pos_column, target.target_pos_row], atol=1e-6)
        assert (target.sector, target.camera, target.ccd, target.cadence) == (*ffi.place.values(), 1800)
        assert target.target["decl"] == target.target["dec"]
        assert (target.Ntimes, target.method, target.data_rel) == (ffi.cube.n_cadence, "base", 0)
        assert target.n_readout == ffi.cube.exposure.num_readouts
        assert target.header["CAMERA"] == ffi.place["camera"]
        summed = [target.header[name] for name in ("NUM_FRM", "CRMITEN", "CRBLKSZ", "CRSPOC")]
        assert summed == [900, True, 10, False]
        assert target.final_phot_mask is None
        assert target.settings.getfloat("fit", "tmag_limit") == 16.0
    with open_tpf(tpf, tmp_path) as target:
        assert target.header["TICID"] == tpf.starid


# Stamp


def test_default_stamp_grows_with_brightness(tmp_path):
    sizes = {}
    for tmag in (14.0, 8.5, 6.0):
        prepared = prepare_ccd(
            tmp_path / f"{tmag}" / "prepared", n_row=60, n_column=60, extra_tmags=(tmag,), n_cadence=5
        )
        with open_ffi(prepared, tmp_path) as target:
            assert all(n <= most for n, most in zip(target.sumimage.shape, target.default_stamp(), strict=True))
            sizes[tmag] = target.stamp[1] - target.stamp[0], target.stamp[3] - target.stamp[2]
            assert target.stamp[0] <= target.target_pos_row < target.stamp[1]
    assert sizes[14.0] == (15, 15)
    assert sizes[8.5][0] > 15
    assert sizes[8.5][1] < sizes[6.0][1] <= sizes[6.0][0]


def test_default_stamp_is_a_size_that_a_subclass_can_choose(ffi, tpf, tmp_path):
    class Small(BasePhotometry):
        def default_stamp(self):
            return 11, 13.0

    class Edges(BasePhotometry):
        def default_stamp(self):
            return 500, 515, 1250, 1265

    with open_ffi(ffi, tmp_path) as target:
        assert target.default_stamp() == target.sumimage.shape == (15, 15)
        middle = round(target.target_pos_row), round(target.target_pos_column)
    with Small(ffi.starid, ffi.folder, tmp_path, **ffi.place) as small:
        assert small.stamp == (middle[0] - 5, middle[0] + 6, middle[1] - 6, middle[1] + 7)
        assert small.images_cube.shape[:2] == (11, 13)
    with Small(tpf.starid, tpf.folder, tmp_path, datasource="tpf") as whole:
        assert whole.sumimage.shape == tpf.cube.stamp.shape
    with pytest.raises(ValueError, match=r"default_stamp returned \(500, 515, 1250, 1265\), expected numbers of rows"):
        Edges(ffi.starid, ffi.folder, tmp_path, **ffi.place)


def test_stamp_of_a_target_pixel_file_is_all_of_it(tpf, tmp_path):
    with open_tpf(tpf, tmp_path) as target:
        stamp = tpf.cube.stamp
        assert target.stamp == (stamp.row_min, stamp.row_max, stamp.col_min, stamp.col_max)
        assert not target.resize_stamp(up=3, right=1)
        assert target.resize_stamp(down=-2)
        assert target.images_cube.shape[:2] == (9, 11)


def test_resize_moves_everything_that_depends_on_the_stamp(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        row_min, row_max, col_min, col_max = target.stamp
        before = target.images_cube, target.sumimage, target.aperture, target.catalog, target.psf
        assert target.resize_stamp(down=1, up=-2, left=3, right=-1)
        assert target.stamp == (row_min - 1, row_max - 2, col_min - 3, col_max - 1)
        shape = (14, 17)
        assert (
            target.images_cube.shape[:2] == target.sumimage.shape == target.aperture.shape == target.psf.shape == shape
        )
        np.testing.assert_array_equal(target.images_cube[1:, 3:], before[0][:13, :14])
        np.testing.assert_array_equal(target.sumimage[1:, 3:], before[1][:13, :14])
        assert not target.resize_stamp()
        assert target.resize_stamp(width=9, height=7)
        assert target.images_cube.shape[:2] == (7, 9)
        assert round(target.target_pos_row_stamp) == 3
        assert round(target.target_pos_column_stamp) == 4
        assert len(target.catalog) < len(before[3])


def test_resize_stays_on_the_pixels_and_never_empties_the_stamp(ffi, tmp_path):
    region = ffi.cube.stamp
    with open_ffi(ffi, tmp_path) as target:
        kept = target.stamp
        for wrong in ({"up": -15}, {"left": -10, "right": -10}, {"width": 0}, {"height": -1}):
            with pytest.raises(ValueError, match="empty"):
                target.resize_stamp(**wrong)
            assert target.stamp == kept
        assert target.resize_stamp(down=5000, up=5000, left=5000, right=5000)
        assert target.stamp == (region.row_min, region.row_max, region.col_min, region.col_max)
        assert not target.resize_stamp(up=1)


def test_pixel_grid_counts_from_one(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.resize_stamp(left=2)
        cols, rows = target.get_pixel_grid()
        row_min, row_max, col_min, col_max = target.stamp
        assert cols.shape == rows.shape == (row_max - row_min, col_max - col_min)
        assert cols.dtype.kind == rows.dtype.kind == "i"
        assert (rows[0, 0], cols[0, 0], rows[-1, -1], cols[-1, -1]) == (row_min + 1, col_min + 1, row_max, col_max)


# Pixels


@pytest.mark.parametrize("datasource", ["ffi", "tpf"])
def test_pixels_are_those_of_the_stamp_in_time(ffi, tpf, datasource, tmp_path):
    prepared, target = (ffi, open_ffi(ffi, tmp_path)) if datasource == "ffi" else (tpf, open_tpf(tpf, tmp_path))
    row_min, row_max, col_min, col_max = target.stamp
    cube = prepared.cube
    measured = np.where(np.isfinite(cube.images), cube.images + cube.backgrounds, np.nan)
    cut = measured[:, row_min - cube.stamp.row_min : row_max - cube.stamp.row_min]
    cut = cut[:, :, col_min - cube.stamp.col_min : col_max - cube.stamp.col_min]
    for name in ("images", "images_err", "backgrounds", "pixelflags"):
        series = getattr(target, f"{name}_cube")
        assert series.shape == (*cut.shape[1:], len(cut))
        images = getattr(target, name)
        assert iter(images) is images
        np.testing.assert_array_equal(np.stack(list(images), axis=-1), series)
    restored = np.moveaxis(target.images_cube + target.backgrounds_cube, -1, 0)
    np.testing.assert_allclose(restored, cut, rtol=1e-5, atol=1e-3)
    good = target.lightcurve["quality"] == 0
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            target.sumimage, np.nanmean(target.images_cube[..., good], axis=2), rtol=1e-4, atol=1e-2
        )


def test_aperture_has_collected_background_and_outputs(ffi, tpf, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.resize_stamp(down=99, up=99, left=99, right=99)
        aperture = target.aperture
        assert aperture.dtype == np.int32
        assert (aperture & 1).all()
        used = (ffi.cube.pixel_flags & 8 > 0).mean(axis=0) > 0.5
        np.testing.assert_array_equal((aperture & 4) > 0, used)
        columns = np.arange(target.stamp[2], target.stamp[3])
        expected = np.select([columns < 556, columns < 1068, columns < 1580], [32, 64, 128], 256)
        np.testing.assert_array_equal(aperture & (32 + 64 + 128 + 256), np.broadcast_to(expected, aperture.shape))
    with open_tpf(tpf, tmp_path) as target:
        assert set(np.unique(target.aperture)) == {1 + 128}


def test_flags_of_a_target_pixel_file_are_at_the_times_of_the_frames(tmp_path):
    tpf = prepare_tpf(tmp_path / "prepared")
    with open_tpf(tpf, tmp_path) as target:
        assert target.pixelflags_cube.shape[2] == len(target.lightcurve)
    settings = tpf.scene.settings
    frames = make_scene(n_cadence=7, row_min=settings.row_min - 5, col_min=settings.col_min + 2, seed=3)
    ccd = prepare(tmp_path / "ccd", frames, tpf.name)
    with h5py.File(tmp_path / "ccd" / f"{tpf.name}.hdf5", "a") as file:
        file["pixel_flags"][1] = file["pixel_flags"][1] | 16
        ccd.cube.pixel_flags[:] = file["pixel_flags"][:]
    (tmp_path / "ccd" / f"{tpf.name}.hdf5").rename(tmp_path / "prepared" / f"{tpf.name}.hdf5")
    with open_tpf(tpf, tmp_path) as target:
        flags = target.pixelflags_cube
        assert flags.shape == (11, 11, ccd.cube.n_cadence)
        assert (flags[:, :2] == 1).all()
        rows = slice(5, 16)
        np.testing.assert_array_equal(np.moveaxis(flags[:, 2:], -1, 0), ccd.cube.pixel_flags[:, rows, :9])
        # One image for each cadence of the target pixel file: that of the frame nearest in time.
        images = list(target.pixelflags)
        assert len(images) == target.Ntimes == 40
        at = [np.asarray(header.time - header.timecorr) for header in (tpf.cube.header, ccd.cube.header)]
        for time, image in zip(at[0], images, strict=True):
            np.testing.assert_array_equal(image, flags[..., np.argmin(np.abs(at[1] - time))])
        assert len({image.tobytes() for image in images}) > 1


def test_cubes_are_made_once_for_each_stamp(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        for name in ("images_cube", "images_err_cube", "backgrounds_cube", "pixelflags_cube"):
            first = getattr(target, name)
            assert getattr(target, name) is first
            target.resize_stamp(down=1)
            assert getattr(target, name).shape[0] == first.shape[0] + 1
        target.close()
        assert getattr(target, name) is not first


# Stars and motion


@pytest.mark.parametrize(("ra", "dec"), [(84.0, -78.0), (0.01, 5.0), (123.0, 89.97), (10.0, -89.98)])
@pytest.mark.parametrize("datasource", ["ffi", "tpf"])
def test_catalog_holds_the_stars_around_the_stamp(tmp_path, datasource, ra, dec):
    prepare, opened = (prepare_ccd, open_ffi) if datasource == "ffi" else (prepare_tpf, open_tpf)
    prepared = prepare(tmp_path / "prepared", ra=ra, dec=dec, n_cadence=5)
    with opened(prepared, tmp_path) as target:
        catalog, stars = target.catalog, prepared.scene.catalogue_stars
        row_min, row_max, col_min, col_max = target.stamp
        assert catalog.colnames == ["starid", "tmag", "ra", "dec", "row", "column", "row_stamp", "column_stamp"]
        inside = (stars.row > row_min - 5.4) & (stars.row < row_max + 4.4)
        inside &= (stars.column > col_min - 5.4) & (stars.column < col_max + 4.4)
        assert set(stars.starid[inside]) <= set(catalog["starid"])
        assert (catalog["row"] >= row_min - 5.5).all()
        assert (catalog["row"] < row_max + 4.5).all()
        place = np.searchsorted(stars.starid, catalog["starid"])
        np.testing.assert_allclose(catalog["row"], stars.row[place], atol=0.01)
        np.testing.assert_allclose(catalog["column"], stars.column[place], atol=0.01)
        np.testing.assert_array_equal(catalog["row_stamp"], catalog["row"] - row_min)
        np.testing.assert_array_equal(catalog["column_stamp"], catalog["column"] - col_min)


def test_catalog_at_a_time_moves_with_the_kernel(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        catalog = target.catalog
        rows, columns = ffi.kernel.shifts(catalog["row"], catalog["column"])
        for cadence in (0, 17):
            time = float(target.lightcurve["time"][cadence] - target.lightcurve["timecorr"][cadence])
            moved = target.catalog_attime(time)
            np.testing.assert_allclose(moved["row"] - catalog["row"], rows[:, cadence], atol=1e-6)
            np.testing.assert_allclose(moved["column_stamp"] - catalog["column_stamp"], columns[:, cadence], atol=1e-6)
        assert isinstance(target.MovementKernel, ImageMovementKernel)
        np.testing.assert_array_equal(target.catalog["row"], catalog["row"])


def test_times_of_all_scales_are_the_same_time(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        btjd = float(target.lightcurve["time"][17] - target.lightcurve["timecorr"][17])
        expected = target.catalog_attime(btjd)
        assert not np.array_equal(expected["row"], target.catalog_attime(btjd + 0.3)["row"])
        tdb = Time(btjd + 2457000, format="jd", scale="tdb")
        for time in (btjd + 56999.5, btjd + 2457000.0, tdb, tdb.utc, np.float64(btjd)):
            np.testing.assert_allclose(target.catalog_attime(time)["row"], expected["row"], atol=1e-6)


def test_times_of_no_scale_or_outside_the_series_are_refused(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        times = np.asarray(target.lightcurve["time"] - target.lightcurve["timecorr"])
        cadence = 1800 / 86400
        for time in (times[0] - 0.9 * cadence, times[-1] + 0.9 * cadence):
            assert len(target.catalog_attime(time))
        for time in (times[0] - 1.1 * cadence, times[-1] + 1.1 * cadence, times[0] + 57003.0, 58324.0 - 400):
            with pytest.raises(ValueError, match="outside the cadences: BTJD"):
                target.catalog_attime(time)
        for time in (25000.0, -1.0, 1e9):
            with pytest.raises(ValueError, match="expected a BTJD"):
                target.catalog_attime(time)
        with pytest.raises(ValueError, match="2 times, expected one"):
            target.catalog_attime(Time([2458325.0, 2458326.0], format="jd"))


def test_catalog_without_stars_is_an_empty_table(tmp_path):
    prepared = prepare_ccd(tmp_path / "prepared", density=50.0, star_margin=0, n_cadence=5)
    stars, region = prepared.scene.catalogue_stars, prepared.cube.stamp
    corners = [(r, c) for r in (region.row_min, region.row_max - 1) for c in (region.col_min, region.col_max - 1)]
    row, column = max(corners, key=lambda at: np.hypot(stars.row - at[0], stars.column - at[1]).min())
    with open_ffi(prepared, tmp_path) as target:
        target.resize_stamp(down=99, up=99, left=99, right=99)
        target.resize_stamp(
            down=region.row_min - row,
            up=row + 1 - region.row_max,
            left=region.col_min - column,
            right=column + 1 - region.col_max,
        )
        assert target.stamp == (row, row + 1, column, column + 1)
        assert len(target.catalog) == len(target.catalog_attime(1325.35)) == 0
        assert target.catalog.colnames[-1] == "column_stamp"


def test_times_of_a_star_are_its_own_on_a_ccd(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        np.testing.assert_array_equal(target.lightcurve["time"], ffi.cube.header.time)
        np.testing.assert_array_equal(target.lightcurve["cadenceno"], ffi.cube.cadenceno)
        assert np.isnan(target.lightcurve["flux"]).all()


def test_motion_of_the_target_is_there_from_the_start(ffi, tpf, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        times = np.asarray(target.lightcurve["time"] - target.lightcurve["timecorr"])
        jitter = target.MovementKernel.jitter(times, target.target_pos_column, target.target_pos_row)
        np.testing.assert_allclose(target.lightcurve["pos_corr"], jitter, atol=1e-9)
        assert np.ptp(jitter) > 0.01
    with open_tpf(tpf, tmp_path) as target:
        np.testing.assert_array_equal(target.lightcurve["pos_corr"], target._detector.header.pos_corr)
        assert np.isfinite(target.lightcurve["pos_corr"]).all()


def test_moments_of_the_prf_move_no_star(ffi, tmp_path):
    """Focus and jitter are in the file of the motion, and change neither the catalogue at a time nor the kernel."""
    folder = tmp_path / "wider" / "prepared"
    shutil.copytree(ffi.folder, folder)
    parameters = ffi.kernel.parameters.copy()
    parameters[:, N_AFFINE:] = 0.05 * np.sin(np.arange(len(parameters)))[:, None]
    write_kernel(folder / f"movement_refined_{ffi.name}.hdf5", replace(ffi.kernel, parameters=parameters), {})
    found = []
    for place in (ffi.folder, folder):
        with BasePhotometry(ffi.starid, place, tmp_path / "out", **ffi.place) as target:
            time = float(np.median(target.lightcurve["time"] - target.lightcurve["timecorr"]))
            moved = target.catalog_attime(time)
            jitter = target.MovementKernel.jitter([time, time + 1], column=1250.0, row=520.0)
            found.append((np.array(moved["row"]), np.array(moved["column"]), jitter, target.lightcurve["pos_corr"]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
