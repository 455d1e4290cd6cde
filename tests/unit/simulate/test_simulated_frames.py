"""Files of simulated full-frame images: names, headers and layout of real ones, their WCS and times, bad ones."""

import importlib.util
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from fits_verify import assert_verified

from photometry.catalog.star_catalog import positions_at
from photometry.core.constants import FRAME_SHAPE
from photometry.core.errors import ConfigError, InputFileError, PrfError
from photometry.core.geometry import camera_centre
from photometry.core.stars import flux_of_tmag
from photometry.io.stars.star_tables import read_star_table
from photometry.io.store.provenance import digest_of
from photometry.prf.model import model_prf
from photometry.simulate import CcdSettings, frames_of, settings_from_mapping, simulate_ccd
from photometry.simulate.ccd import frame_wcs
from photometry.simulate.ccd_exposure import SimulatedFrame
from photometry.simulate.ccd_settings import BAD_FRAMES
from photometry.simulate.ccd_truth import read_ccd_truth, write_ccd_truth
from photometry.simulate.ccd_wcs import ccd_wcs, spacecraft_pointing
from photometry.simulate.frame_files import ffi_name, write_frame
from photometry.simulate.scene_files import write_star_table
from photometry.simulate.sky_light import epoch_year
from photometry.workflow.checks import check_simulated

PRF = model_prf()
FEW = {"n_cadence": 4, "density": 1.0, "n_pairs": 2, "seed": 3}


@pytest.fixture
def folder():
    """Folder that does not outlive the test: frames are large."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def written():
    """A CCD like that of the real file, and the file of its first frame."""
    ccd = simulate_ccd(CcdSettings(**FEW, sector=1, camera=1, ccd=4, ra=315.4, dec=-29.0, data_rel=1), PRF)
    with TemporaryDirectory() as name:
        ((path,),) = [write_frame(ccd, frame, name) for frame in frames_of(ccd, PRF, np.array([0]))]
        yield ccd, path


def _blank(cadence: int) -> SimulatedFrame:
    """A frame that costs nothing to make."""
    return SimulatedFrame(cadence, *(np.ones(FRAME_SHAPE, dtype=np.float32) for _ in range(2)))


def _headers(path: Path) -> list[fits.Header]:
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")  # real files have cards that astropy would write otherwise
        return [hdu.header.copy() for hdu in hdus]


def _wcs(header: fits.Header) -> WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DATE-OBS, as in real files
        return WCS(header)


def test_shared_systematics_are_in_the_frames_and_not_in_the_truth():
    clean = {
        "noise": False,
        "cosmic_ray_fraction": 0.0,
        "saturation": False,
        "bad_frames": (),
        "variable_fraction": 0.3,
    }
    plain, shared = (simulate_ccd(CcdSettings(**FEW | clean, shared_systematics=size), PRF) for size in (0.0, 0.01))
    every = np.arange(len(plain.population.tmag))
    np.testing.assert_array_equal(shared.flux_of(every), plain.flux_of(every))
    first = np.array([0])
    ((without,), (with_them,)) = (frames_of(ccd, PRF, first) for ccd in (plain, shared))
    difference = (with_them.image - without.image)[:2048, 44:2092].astype(np.float64)
    star = np.argmax(np.where(_well_inside(plain), flux_of_tmag(plain.population.tmag), 0.0))
    row, column = round(plain.population.row[star]), round(plain.population.column[star]) - 44
    around = difference[row - 6 : row + 7, column - 6 : column + 7].sum()
    assert around == pytest.approx(shared.shared.in_cadence(0)[star], rel=0.05)


def _well_inside(ccd):
    row, column = ccd.population.row, ccd.population.column - 44
    return (row > 20) & (row < 2028) & (column > 20) & (column < 2028)


def test_a_file_is_laid_out_and_named_as_the_archive_does(written):
    ccd, path = written
    assert re.fullmatch(r"tess20182\d{8}-s0001-1-4-0120-s_ffic\.fits", path.name)
    with fits.open(path, checksum=True) as hdus:  # a wrong checksum is a warning, and those are errors here
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "CAMERA.CCD 1.4 cal", "CAMERA.CCD 1.4 uncert"]
        assert hdus[1].data.shape == (2078, 2136)
        assert hdus[2].data.shape == (2078, 2136)
        assert all(hdu.header["SIMDATA"] is True for hdu in hdus)
        (frame,) = frames_of(ccd, PRF, np.array([0]))
        np.testing.assert_array_equal(hdus[1].data, frame.image)
        np.testing.assert_array_equal(hdus[2].data, frame.errors)


def test_frames_pass_fitsverify_and_are_said_to_be_simulated(written):
    assert fits.getheader(written[1])["SIMULATD"] is True
    assert_verified(written[1])


@pytest.mark.realdata
def test_headers_have_the_keys_of_a_real_file_in_its_order_and_types(tess_data, written):
    real = _headers(next((tess_data / "ffi").glob("*.fits")))
    for theirs, ours in zip(real, _headers(written[1]), strict=True):
        keys = [key for key in ours if key not in ("FFIINDEX", "DATASUM", "SIMULATD")]
        assert keys == list(theirs)
        assert [key for key in keys if type(ours[key]) is not type(theirs[key])] == []
        for key in ("BUNIT", "IMAGTYPE", "EXTNAME", "NREADOUT", "NUM_FRM", "INT_TIME", "CTYPE1", "CRPIX1", "CRPIX2"):
            assert ours.get(key) == theirs.get(key)
        for key in ("SCCSD", "SCCED", "SMROWE", "VROWE", "TMOFST14", "BTC_PIX1", "DEADC", "A_2_0", "A_1_1", "B_0_2"):
            assert ours.get(key, 0.0) == pytest.approx(theirs.get(key, 0.0), rel=0.1)


@pytest.mark.realdata
def test_time_ffiindex_and_name_belong_together_as_in_a_real_file(tess_data, written):
    real = next((tess_data / "ffi").glob("*.fits"))
    theirs, ccd = _headers(real)[0], written[0]
    assert ccd.cadenceno[0] == 4697
    assert ccd.tjd[0] == pytest.approx((theirs["TSTART"] + theirs["TSTOP"]) / 2, abs=1e-6)
    assert ffi_name(ccd, 0) == real.name


def test_times_in_headers(written):
    ccd, path = written
    primary, image, errors = _headers(path)
    assert primary["TSTOP"] - primary["TSTART"] == pytest.approx(1800 / 86400, abs=1e-9)
    assert (primary["TSTART"] + primary["TSTOP"]) / 2 == pytest.approx(ccd.tjd[0], abs=1e-9)
    assert (image["TSTART"] + image["TSTOP"]) / 2 == pytest.approx(ccd.time[0], abs=1e-9)
    assert image["TSTART"] - image["BARYCORR"] == pytest.approx(primary["TSTART"], abs=1e-9)
    assert 86400 * image["EXPOSURE"] == pytest.approx(image["NREADOUT"] * image["INT_TIME"])
    assert errors["TSTART"] == image["TSTART"]
    assert primary["FFIINDEX"] == ccd.cadenceno[0]
    assert image["DQUALITY"] == ccd.quality[0]


@pytest.mark.parametrize("settings", [{"ccd": 2}, {"ccd": 4, "dec": 89.5, "ra": 10.0}, {"ccd": 1, "ra": 359.99}])
def test_the_wcs_of_every_frame_gives_the_places_of_the_moved_stars(settings):
    ccd = simulate_ccd(CcdSettings(**{**FEW, "excursion_fraction": 0.5, "wcs_noise_pix": 0.0} | settings), PRF)
    true, catalogue = ccd.population, ccd.catalogue
    sky = positions_at(catalogue.ra, catalogue.dec, catalogue.pm_ra, catalogue.pm_decl, epoch_year(ccd.time))
    for cadence in range(4):
        column, row = frame_wcs(ccd, cadence).all_world2pix(*sky, 0)
        row_shift, column_shift = ccd.motion.shifts_in(cadence, true.row, true.column)
        np.testing.assert_allclose(row, true.row + row_shift - ccd.offset[0], atol=3e-5)
        np.testing.assert_allclose(column, true.column + column_shift - ccd.offset[1], atol=3e-5)


def test_the_wcs_in_the_file_is_that_of_the_frame_in_all_digits(written):
    ccd, path = written
    column, row = np.array([44.0, 1000, 2091, 44]), np.array([0.0, 1000, 0, 2047])
    for header in _headers(path)[1:]:
        np.testing.assert_allclose(
            _wcs(header).all_pix2world(column, row, 0), frame_wcs(ccd, 0).all_pix2world(column, row, 0), atol=1e-11
        )
        back = _wcs(header).sip_foc2pix(_wcs(header).sip_pix2foc(np.stack([column, row], axis=1), 0), 0)
        np.testing.assert_allclose(back, np.stack([column, row], axis=1), atol=0.05)


def test_the_camera_axis_is_beyond_a_corner_and_the_spacecraft_points_elsewhere():
    for number, column in ((1, 2149.0), (2, -14.0), (3, 2149.0), (4, -14.0)):
        assert camera_centre(number) == (2100.0, column)
        settings = CcdSettings(ccd=number, camera=3)
        wcs = ccd_wcs(settings)
        axis = np.deg2rad(wcs.all_pix2world(column, 2100.0, 0))
        pointing = np.deg2rad(spacecraft_pointing(settings, wcs))
        cosine = np.sin(axis[1]) * np.sin(pointing[1])
        cosine += np.cos(axis[1]) * np.cos(pointing[1]) * np.cos(axis[0] - pointing[0])
        assert np.rad2deg(np.arccos(cosine)) == pytest.approx(12.0, abs=1e-6)


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_bad_frames_are_bad_in_one_way(folder, kind):
    ccd = simulate_ccd(CcdSettings(**FEW, bad_frames=(kind,)), PRF)
    cadence = int(np.flatnonzero(ccd.bad != "")[0])
    paths = write_frame(ccd, _blank(cadence), folder)
    assert len(paths) == {"missing": 0, "duplicated": 2, "other_ccd": 2}.get(kind, 1)
    if kind == "missing":
        return
    assert paths[0].name == ffi_name(ccd, cadence)
    if kind in ("empty", "text"):
        assert not paths[0].read_bytes().startswith(b"SIMPLE")
        return
    if kind == "truncated":
        assert paths[0].stat().st_size < 15e6
        return
    _check_content(kind, paths)


def _check_content(kind: str, paths: list[Path]) -> None:
    """What is wrong is there, and nothing else."""
    with fits.open(paths[0]) as hdus:
        image = hdus[1].data
        assert (image.shape == FRAME_SHAPE) == (kind != "wrong_shape")
        assert (not image.any()) == (kind == "zero")
        assert np.isnan(image).all() == (kind == "nan")
    primary, header, _ = _headers(paths[0])
    assert ("CRVAL1" in header) == (kind != "no_wcs")
    assert ("EXPOSURE" in header) == (kind != "no_key")
    if kind != "no_wcs":
        assert (abs(header["CRVAL2"] + 78) > 20) == (kind == "bad_wcs")
    if kind == "duplicated":
        assert paths[0].name == paths[1].name
        assert _headers(paths[1])[0]["DATA_REL"] == primary["DATA_REL"] - 1
    if kind == "other_ccd":
        assert (header["CCD"], _headers(paths[1])[1]["CCD"]) == (2, 3)
        assert "-4-3-0120-" in paths[1].name


def test_compressed_files_hold_the_same_and_equal_settings_give_equal_bytes(folder):
    plain, packed = (simulate_ccd(CcdSettings(**FEW, gzip=gzip), PRF) for gzip in (False, True))
    (first,) = write_frame(plain, _blank(1), folder / "first")
    (second,) = write_frame(packed, _blank(1), folder / "second")
    (third,) = write_frame(packed, _blank(1), folder / "third")
    assert second.name == f"{first.name}.gz"
    assert digest_of(second) == digest_of(third)
    assert [repr(header) for header in _headers(first)] == [repr(header) for header in _headers(second)]


def test_early_releases_have_no_ffiindex():
    from photometry.simulate.frame_cards import primary_header

    for ffiindex in (True, False):
        ccd = simulate_ccd(CcdSettings(**FEW, ffiindex=ffiindex), PRF)
        assert ("FFIINDEX" in [key for key, _, _ in primary_header(ccd, 0, 1)]) is ffiindex


def test_the_truth_is_read_back(folder):
    ccd = simulate_ccd(CcdSettings(**FEW, bad_frames=("zero",), variable_fraction=0.4), PRF)
    write_ccd_truth(ccd, folder / "truth.hdf5")
    truth = read_ccd_truth(folder / "truth.hdf5")
    stars = np.arange(len(ccd.population.tmag))[::-3]
    np.testing.assert_array_equal(truth.flux_of(stars), ccd.flux_of(stars))
    np.testing.assert_array_equal(truth.light.image(2), ccd.light.image(2))
    np.testing.assert_array_equal(truth.motion.parameters, ccd.motion.parameters)
    np.testing.assert_array_equal(truth.row, ccd.population.row)
    np.testing.assert_array_equal(truth.bad, ccd.bad)
    assert truth.file[3] == ffi_name(ccd, 3)
    assert truth.offset == ccd.offset
    row, column, _ = ccd.cosmic_rays(3)
    np.testing.assert_array_equal(
        truth.cosmic_rays[truth.cosmic_rays[:, 0] == 3, 1:], np.stack([row, column + 44], axis=1)
    )
    kernel = truth.motion.kernel(truth.offset)
    shifts = kernel.shifts(truth.row[:5], truth.column[:5])
    np.testing.assert_allclose(
        np.transpose(shifts)[1], np.transpose(truth.motion.shifts_in(1, truth.row[:5], truth.column[:5]))
    )
    with pytest.raises(InputFileError, match="no such file"):
        read_ccd_truth(folder / "nothing.hdf5")


def test_the_star_table_has_every_star_with_the_error_of_its_magnitude(folder):
    ccd = simulate_ccd(CcdSettings(**FEW | {"density": 50.0}), PRF)
    write_star_table(ccd, folder / "stars.csv")
    table = read_star_table(folder / "stars.csv").table
    assert table["starid"].tolist() == ccd.population.starid.tolist()
    assert np.std(table["tmag"] - ccd.population.tmag) == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_row": 64}, "setting n_row is 64: full-frame images do not have it"),
        ({"sip_per_pix": 1e-5}, "setting sip_per_pix is 1e-05: full-frame images do not have it"),
        ({"bad_frames": ["zero", "zer"]}, "bad_frames: zer not known; known are missing, zero"),
        ({"bad_frames": "zero"}, "scene setting bad_frames is 'zero', expected a list of texts"),
        ({"bad_frames": [1]}, r"scene setting bad_frames is \[1\], expected a list of texts"),
        ({"bad_frames": ["zero"] * 3, "n_cadence": 4}, "bad_frames: 3 need at least 5 cadences"),
        ({"flicker": -1}, "scene setting flicker is -1.0, expected 0 to 10"),
        ({"gzip": "yes"}, "scene setting gzip is 'yes', expected bool"),
    ],
)
def test_settings_that_cannot_be_used_are_named(values, message):
    with pytest.raises(ConfigError, match=message):
        settings_from_mapping(values, CcdSettings)
    with pytest.raises(ConfigError, match=f"simulate, ccds, one: {message}"):
        check_simulated({"folder": "data", "prf": "model", "scenes": {}, "ccds": {"one": values}})


def test_names_of_scenes_and_ccds_are_checked():
    with pytest.raises(ConfigError, match="simulate: one: both a scene and a CCD"):
        check_simulated({"folder": "data", "prf": "model", "scenes": {"one": {}}, "ccds": {"one": {}}})
    with pytest.raises(ConfigError, match="simulate: names neither scenes nor ccds"):
        check_simulated({"folder": "data", "prf": "model", "scenes": {}, "ccds": {}})
    with pytest.raises(PrfError, match="nowhere"):
        check_simulated({"folder": "data", "prf": "nowhere", "scenes": {}, "ccds": {"one": {}}})
    check_simulated({})


def test_the_script_writes_all_files(repository, folder):
    spec = importlib.util.spec_from_file_location("simulate_ccd_script", repository / "scripts" / "simulate_ccd.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    values = {"n_cadence": 3, "density": 1, "n_pairs": 0, "bad_frames": ["missing"], "prf_blur_pix": 0.03}
    script.simulate(folder / "ffi", folder / "stars.csv", folder / "truth.hdf5", ccd=values, prf="model")
    truth = read_ccd_truth(folder / "truth.hdf5")
    assert sorted(path.name for path in (folder / "ffi").iterdir()) == sorted(truth.file[truth.bad == ""])
    assert len(read_star_table(folder / "stars.csv")) == len(truth.tmag)
