"""Files of simulated scenes: they verify, carry the headers of real ones, and are read back as they were made."""

import importlib.util
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from fits_verify import assert_verified

from photometry.core.errors import ConfigError, InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.reference.prf_files import check_prf_folder, read_spoc_prf
from photometry.io.stars.star_tables import read_star_table
from photometry.io.store.provenance import digest_of
from photometry.prf.model import model_prf
from photometry.simulate import Scene, SceneSettings, cube_of_scene, settings_from_mapping, simulate_scene
from photometry.simulate.scene_files import (
    read_truth,
    tesscut_name,
    tpf_name,
    write_pixels,
    write_prf_folder,
    write_star_table,
    write_tesscut,
    write_tpf,
    write_truth,
)

PRF = model_prf()
TPF = {
    "cadence_s": 120,
    "n_row": 13,
    "n_column": 15,
    "n_cadence": 30,
    "extra_tmags": (10.0,),
    "n_pairs": 1,
    "sector": 15,
}


def _scene(**changes) -> Scene:
    small = {"n_row": 18, "n_column": 20, "n_cadence": 25, "density": 1500.0, "seed": 3, "untimed_fraction": 0.1}
    return simulate_scene(SceneSettings(**{**small, **changes}), PRF)


@pytest.fixture(scope="module")
def cutout(tmp_path_factory):
    scene = _scene()
    path = tmp_path_factory.mktemp("cutout") / tesscut_name(scene.settings)
    write_tesscut(scene, path)
    return scene, path


@pytest.fixture(scope="module")
def tpf(tmp_path_factory):
    scene = _scene(**TPF)
    starid = int(scene.population.starid[scene.population.tmag == 10.0][0])
    path = tmp_path_factory.mktemp("tpf") / tpf_name(scene.settings, starid)
    write_tpf(scene, path, starid, size=11)
    return scene, path, starid


def _headers(path) -> list[fits.Header]:
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")  # real files have cards that astropy would write otherwise
        return [hdu.header.copy() for hdu in hdus]


def test_names_are_those_of_the_archive():
    settings = SceneSettings(ra=84.29119, dec=-80.46917)
    assert tesscut_name(settings) == "tess-s0001-4-2_84.291190_-80.469170_64x64_astrocut.fits"
    assert tpf_name(SceneSettings(cadence_s=120), 25155310) == "tess2018206045859-s0001-0000000025155310-0120-s_tp.fits"
    assert tpf_name(SceneSettings(cadence_s=20), 7).endswith("-0120-a_fast-tp.fits")


@pytest.mark.parametrize("kind", ["cutout", "tpf"])
def test_files_verify_with_their_checksums(kind, request):
    path = request.getfixturevalue(kind)[1]
    with fits.open(path, checksum=True) as hdus:  # a wrong checksum is a warning, and those are errors here
        hdus.verify("exception")
        assert all("CHECKSUM" in hdu.header and hdu.header["SIMDATA"] is True for hdu in hdus)


@pytest.mark.parametrize("kind", ["cutout", "tpf"])
def test_files_pass_fitsverify_and_are_said_to_be_simulated(kind, request):
    path = request.getfixturevalue(kind)[1]
    assert fits.getheader(path)["SIMULATD"] is True
    assert inspect_pixel_file(path, "tpf" if kind == "tpf" else "tesscut").pointing.says_simulated
    assert_verified(path)


def test_a_cutout_is_read_as_the_scene(cutout):
    scene, path = cutout
    cube, expected = read_pixels(path, "tesscut"), cube_of_scene(scene)
    assert cube.stamp == expected.stamp
    assert cube.exposure.num_readouts == expected.exposure.num_readouts
    assert cube.exposure.read_noise_e == expected.exposure.read_noise_e
    assert (
        cube.header.pointing.sector,
        cube.header.pointing.camera,
        cube.header.pointing.ccd,
        cube.header.pointing.data_rel,
    ) == (1, 4, 2, 1)
    np.testing.assert_array_equal(cube.header.time, expected.header.time)
    np.testing.assert_array_equal(cube.quality, expected.quality)
    np.testing.assert_allclose(
        cube.images + cube.backgrounds, expected.images + expected.backgrounds, rtol=1e-5, atol=1e-4
    )
    np.testing.assert_array_equal(cube.images_err, expected.images_err)
    assert inspect_pixel_file(path, "tesscut").exposure == cube.exposure


def test_a_tpf_is_read_as_the_scene(tpf):
    scene, path, starid = tpf
    cube, timed = read_pixels(path, "tpf"), np.isfinite(scene.time)
    target = int(np.flatnonzero(scene.population.starid == starid)[0])
    row, column = scene.population.row[target], scene.population.column[target]
    assert cube.stamp.shape == (11, 11)
    assert cube.stamp.border_distance(row, column) > 4.5
    cut = (timed, *cube.stamp.slices_in(scene.settings.stamp))
    np.testing.assert_allclose(cube.images + cube.backgrounds, scene.pixels[cut], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(cube.backgrounds, scene.background.images()[cut], rtol=1e-5)
    row_shift, column_shift = scene.motion.shifts_at(row, column)
    np.testing.assert_allclose(cube.header.pos_corr, np.stack([column_shift, row_shift], axis=1)[timed], atol=1e-6)
    assert cube.header.pointing.starid == starid
    assert cube.exposure.num_readouts == 48
    with fits.open(path) as hdus:
        assert hdus["APERTURE"].data.max() == 1 + 2 + 8 + 128
        assert hdus["PIXELS"].data["RAW_CNTS"].min() == -1


@pytest.mark.parametrize("kind", ["cutout", "tpf"])
def test_every_wcs_in_a_file_gives_the_stars_places(kind, request):
    scene, path = request.getfixturevalue(kind)[:2]
    headers, stars = _headers(path), scene.catalogue_stars
    at_epoch = WCS(fits.Header.fromstring(scene.wcs_header)).all_pix2world(stars.column, stars.row, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DATE-OBS in a table, as in real files
        column_wcs = WCS(headers[1], keysel=["binary"], colsel=[5])
    for wcs in (WCS(headers[2]), column_wcs):
        column, row = wcs.all_world2pix(*at_epoch, 0)
        np.testing.assert_allclose(column + headers[1]["1CRV5P"] - 1, stars.column, atol=1e-6)
        np.testing.assert_allclose(row + headers[1]["2CRV5P"] - 1, stars.row, atol=1e-6)


@pytest.mark.realdata
def test_headers_have_the_keys_of_real_files(tess_data, cutout, tpf):
    unneeded = {"CDPP0_5", "CDPP1_0", "CDPP2_0", "CROWDSAP", "FLFRCSAP", "WCS_FFI", "WCS_MSEP", "WCS_SIG", "MJDREF"}
    unneeded |= {"ASTATE", "SCCONFIG", "EXTEND", "INHERIT", "TCID", "LONPOLE", "CRPIX1", "TICVER", "TICID", "PXTABLE"}
    unneeded |= {"PMRA", "PMDEC", "PMTOTAL", "TESSMAG", "TEFF", "LOGG", "MH", "RADIUS"}
    unneeded |= {"MEANBLCA", "MEANBLCB", "MEANBLCC", "MEANBLCD", "TMOFST11", "TMOFST23", "TUNIT12"}
    real_cutout = next((tess_data / "tesscut").glob("*6x6*.fits"))
    for real, made in ((real_cutout, cutout[1]), (tess_data / "tpf" / "tpf1.fits", tpf[1])):
        made_headers = _headers(made)
        everywhere = set().union(*made_headers[:2])
        for number, header in enumerate(_headers(real)):
            missing = set(header) - set(made_headers[number]) - unneeded
            # Real cutouts repeat the primary header in every HDU.
            assert missing <= everywhere, sorted(missing - everywhere)


def test_equal_scenes_give_equal_bytes(cutout, tmp_path):
    write_tesscut(_scene(), tmp_path / "again.fits")
    assert digest_of(tmp_path / "again.fits") == digest_of(cutout[1])


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "fits", "vot", "xml"])
def test_star_tables_are_read_back(cutout, tmp_path, suffix):
    scene, path = cutout[0], tmp_path / f"stars.{suffix}"
    write_star_table(scene, path, n_artefact=3)
    table = read_star_table(path)
    assert table.left_out.counts().tolist() == [2, 1, 0]
    assert table.table["starid"].tolist() == scene.population.starid.tolist()
    np.testing.assert_allclose(table.table["ra_J2000"], scene.catalogue.ra, atol=1e-12)
    np.testing.assert_allclose(table.table["pm_decl"], scene.catalogue.pm_decl, atol=1e-9)
    np.testing.assert_allclose(table.table["tmag"], scene.catalogue.stars.tmag, atol=1e-4)


def test_star_tables_pass_fitsverify(cutout, tmp_path):
    write_star_table(cutout[0], tmp_path / "stars.fits")
    assert_verified(tmp_path / "stars.fits")


def test_an_unknown_table_format_is_named(cutout, tmp_path):
    with pytest.raises(ConfigError, match=r"stars\.xls: star tables are written as \.csv"):
        write_star_table(cutout[0], tmp_path / "stars.xls")


def test_the_truth_is_read_back(cutout, tmp_path):
    scene, path = cutout[0], tmp_path / "truth.hdf5"
    write_truth(scene, path)
    truth = read_truth(path)
    np.testing.assert_array_equal(truth.flux, scene.flux)
    np.testing.assert_array_equal(truth.row, scene.population.row)
    np.testing.assert_array_equal(truth.kind, scene.population.kind)
    np.testing.assert_array_equal(truth.pairs[:, :2], scene.population.pairs)
    np.testing.assert_array_equal(truth.roll, scene.motion.roll)
    assert truth.offset == scene.offset
    with pytest.raises(InputFileError, match="no such file"):
        read_truth(tmp_path / "nothing.hdf5")


@pytest.mark.parametrize(("sector", "camera", "ccd"), [(1, 4, 2), (1, 1, 4), (15, 2, 3)])
def test_prf_files_are_read_back(tmp_path, sector, camera, ccd):
    write_prf_folder(PRF, tmp_path, sector, camera, ccd)
    assert len(check_prf_folder(tmp_path, sector, camera, ccd)) == 25
    grid = read_spoc_prf(tmp_path, sector, camera, ccd)
    assert_verified(*tmp_path.iterdir())
    np.testing.assert_allclose(grid.samples, PRF.samples, atol=1e-12)
    np.testing.assert_array_equal(grid.rows, PRF.rows)
    np.testing.assert_array_equal(grid.columns, PRF.columns)


@pytest.mark.realdata
def test_prf_files_have_the_names_and_keys_of_real_ones(tess_data, tmp_path):
    for folder, ccd in {"start_s0001_cam4_ccd2": (1, 4, 2), "start_s0004_cam2_ccd3": (15, 2, 3)}.items():
        write_prf_folder(PRF, tmp_path / folder, *ccd)
        real = {path.name: path for path in (tess_data / "prf" / folder).iterdir()}
        made = {path.name: path for path in (tmp_path / folder).iterdir()}
        assert set(real) == set(made)
        name = min(real)
        for real_header, made_header in zip(_headers(real[name]), _headers(made[name]), strict=True):
            assert set(real_header) - set(made_header) <= {"DATE", "COMMENT", "VERSION", ""}
            for key in ("CAM", "CCD", "CCD_RREF", "CCD_CREF", "NSAMP", "CRPIX1P", "CRVAL1P", "CRVAL2P"):
                assert real_header[key] == made_header[key]


def test_a_target_must_be_on_the_pixels(tpf, tmp_path):
    scene = tpf[0]
    with pytest.raises(ConfigError, match="has no star 5"):
        write_tpf(scene, tmp_path / "tp.fits", 5)
    off = int(np.flatnonzero(~scene.settings.stamp.contains(scene.population.row, scene.population.column))[0])
    with pytest.raises(ConfigError, match="outside its pixels"):
        write_tpf(scene, tmp_path / "tp.fits", int(scene.population.starid[off]))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("cadence_s", "datasource"), [(20, "tpf"), (120, "tpf"), (200, "tesscut"), (600, "tesscut")])
def test_the_cadence_decides_the_kind_of_pixel_file(tmp_path, cadence_s, datasource):
    scene = _scene(**{**TPF, "cadence_s": cadence_s})
    write_pixels(scene, tmp_path / "pixels.fits")
    cube = read_pixels(tmp_path / "pixels.fits", datasource)
    assert cube.exposure.cadence_s == cadence_s
    assert cube.exposure.exposure_s == pytest.approx(scene.settings.exposure.exposure_s)


def test_the_script_writes_all_files(repository, tmp_path):
    spec = importlib.util.spec_from_file_location("simulate_script", repository / "scripts" / "simulate.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    settings = {"n_row": 10, "n_column": 10, "n_cadence": 4, "density": 500}
    script.simulate(
        tmp_path / "pixels.fits", tmp_path / "stars.csv", tmp_path / "truth.hdf5", scene=settings, prf="model"
    )
    assert (
        settings_from_mapping(settings, SceneSettings).stamp == read_pixels(tmp_path / "pixels.fits", "tesscut").stamp
    )
    assert len(read_truth(tmp_path / "truth.hdf5").tic) == len(read_star_table(tmp_path / "stars.csv"))
