import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.timeseries import TimeSeries
from astropy.wcs import WCS
from tile_fits import make_catalog, make_fit, make_header

from photometry.catalog.star_catalog import ccd_positions
from photometry.core.barycentre import Ephemeris, barycentric_correction
from photometry.core.quality import STAR_FLAGS, bit
from photometry.io.fits.fits_bytes import cards, hdu
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, write_ecsv

INPUTS = {"pixels": "tesscut_sector001_camera4_ccd2_ra84.2912_dec-80.4692.fits sha256:" + "ab" * 32}


@pytest.fixture(scope="module")
def lightkurve():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightkurve warns of its optional parts when it is imported
        return pytest.importorskip("lightkurve")


def export(output, fit=None, header=None, targets=None, catalog=None, **more):
    fit = fit or make_fit()
    header = header or make_header(fit.flux.shape[1])
    targets = fit.starid if targets is None else targets
    keywords = {"version": 1, "region": "reg", "tile": "row0300_col0540", "inputs": INPUTS} | more
    return export_tile(fit, header, targets, catalog or make_catalog(fit), output, **keywords)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    fit, header = make_fit(), make_header()
    flux = fit.flux.copy()
    flux[1, 20] = np.nan
    fit = replace(fit, flux=flux)
    return folder, fit, header, export(folder, fit, header)


def path_of(exported, star=1):
    folder, _, _, index = exported
    return folder / index["file"][star]


def test_files_lie_where_they_are_documented(exported):
    name = "lightcurves/c1800/00260/tess00260795452-s001-4-2-c1800-dr01-v01_lc.fits"
    assert exported[3]["file"][1] == name
    assert path_of(exported).is_file()


def test_file_is_valid_fits_with_right_checksums(exported):
    with fits.open(path_of(exported), checksum=True) as hdus:  # a wrong checksum is a warning, so an error here
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LIGHTCURVE", "SUMIMAGE", "APERTURE"]
        assert hdus["PRIMARY"].header["NEXTEND"] == 3
        for one in hdus:
            assert {"CHECKSUM", "DATASUM"} <= set(one.header)


def test_primary_header(exported):
    header = fits.getheader(path_of(exported))
    expected = {
        "TELESCOP": "TESS", "OBJECT": "TIC 260795452", "TICID": 260795452, "SECTOR": 1, "CAMERA": 4, "CCD": 2,
        "RA_OBJ": 84.425, "DEC_OBJ": -80.4, "PMRA": 12.5, "PMDEC": -3.0, "TESSMAG": 10.0, "DATA_REL": 1, "VERSION": 1,
        "CADENCE": 1800, "STATUS": "WARNING", "PRFSRC": "model", "FITLIM": 16.0, "STARFLAG": 0, "DATASRC": "tesscut",
        "PIXVER": "spoc-3.3.37-20181001", "INPUT1": f"pixels {INPUTS['pixels']}",
    }  # fmt: skip
    assert {key: header[key] for key in expected} == expected
    assert header["REASON"] == "only 118 of 119 unflagged cadences have a flux"
    assert "TEFF" not in header  # not known
    assert header["PROCVER"].startswith("tess-psf-photometry ")
    assert "NASA" not in header["ORIGIN"]


def test_table_holds_the_light_curve(exported):
    _, fit, header, _ = exported
    data = fits.getdata(path_of(exported), "LIGHTCURVE")
    np.testing.assert_array_equal(data["TIME"], header.time)
    np.testing.assert_array_equal(data["TIMECORR"], header.timecorr)
    np.testing.assert_array_equal(data["CADENCENO"], header.cadenceno)
    np.testing.assert_array_equal(data["QUALITY"], header.quality)
    np.testing.assert_array_equal(data["FLUX"], fit.flux[1])
    np.testing.assert_array_equal(np.delete(data["FLUX_ERR"], 20), np.delete(fit.flux_err[1], 20))
    assert np.isnan(data["FLUX_ERR"][20])
    assert np.flatnonzero(data["PIXEL_QUALITY"]).tolist() == [20]
    np.testing.assert_array_equal(data["FLUX_BKG"], fit.background[1])
    np.testing.assert_array_equal(data["SAP_FLUX"], fit.aperture_flux[1])
    np.testing.assert_array_equal(data["SAP_FLUX_ERR"], fit.aperture_flux_err[1])
    np.testing.assert_array_equal(data["MOM_CENTR1"], fit.centroid_column[1].astype(float) + 1)
    np.testing.assert_array_equal(data["MOM_CENTR2"], fit.centroid_row[1].astype(float) + 1)
    np.testing.assert_array_equal(data["POS_CORR1"], fit.column_shift[1])
    np.testing.assert_array_equal(data["POS_CORR2"], fit.row_shift[1])


def test_times_of_a_ccd_are_those_of_the_star(tmp_path):
    fit, header = make_fit(), make_header()
    position = np.tile([0.6, -0.7, -0.3], (len(header.time), 1))
    export(tmp_path, fit, header=replace(header, ephemeris=Ephemeris(position, "Horizons table tess.csv", 0.1)))
    catalog = make_catalog(fit)
    for star, path in enumerate(sorted(tmp_path.rglob("*_lc.fits"))):
        with fits.open(path) as hdus:
            table, cards = hdus["LIGHTCURVE"].data, hdus["LIGHTCURVE"].header
            expected = barycentric_correction(position, catalog.ra[star], catalog.decl[star])
            np.testing.assert_allclose(table["TIMECORR"], expected, rtol=1e-6)
            np.testing.assert_allclose(table["TIME"] - expected, header.time - header.timecorr, atol=1e-9)
            assert cards["TSTART"] == pytest.approx(table["TIME"][0] - 900 / 86400, abs=1e-9)
            assert cards["TSTOP"] == pytest.approx(table["TIME"][-1] + 900 / 86400, abs=1e-9)
            assert (hdus[0].header["TSTART"], hdus[0].header["DATE-END"]) == (cards["TSTART"], cards["DATE-END"])
            assert cards["EPHEMER"] == "Horizons table tess.csv"
            assert cards["TIMSYER"] == pytest.approx(0.1 / 86400)


def test_table_header_has_times_and_exposure(exported):
    header = fits.getheader(path_of(exported), "LIGHTCURVE")
    expected = {
        "TIMEREF": "SOLARSYSTEM", "TASSIGN": "SPACECRAFT", "TIMESYS": "TDB", "BJDREFI": 2457000, "BJDREFF": 0.0,
        "TIMEUNIT": "d", "INT_TIME": 1.98, "NUM_FRM": 900, "NREADOUT": 720, "TIMEDEL": 1800 / 86400, "GAINB": 5.1,
        "READNOIC": 7.5,
    }  # fmt: skip
    assert {key: header[key] for key in expected} == expected
    time = exported[2].time
    assert header["TSTART"] == pytest.approx(time[0] - 900 / 86400)
    assert header["TSTOP"] == pytest.approx(time[-1] + 900 / 86400)
    for key, date, day in (("TSTART", "DATE-OBS", "MJD-BEG"), ("TSTOP", "DATE-END", "MJD-END")):
        assert Time(header[date], scale="tdb").jd - 2457000 == pytest.approx(header[key], abs=1e-7)
        assert Time(header[day], format="mjd", scale="tdb").jd - 2457000 == pytest.approx(header[key], abs=1e-8)
    assert header["MJD-MID"] == pytest.approx((header["MJD-BEG"] + header["MJD-END"]) / 2, abs=1e-8)


def test_images_have_sky_and_ccd_coordinates(exported):
    _, fit, cube_header, _ = exported
    with fits.open(path_of(exported)) as hdus:
        for name in ("SUMIMAGE", "APERTURE"):
            header = hdus[name].header
            assert header.index("WCSAXES") < min(map(header.index, ("CRPIX1", "CTYPE1", "CRVAL1", "CD1_1")))
            assert header["CRVAL1P"] == 554
            assert header["CRVAL2P"] == 314
            ra, dec = WCS(header).all_pix2world(7.0, 7.0, 0)
            row, column = ccd_positions(ra, dec, cube_header.wcs_header)
            assert (row[0], column[0]) == (pytest.approx(320, abs=1e-6), pytest.approx(560, abs=1e-6))
            assert [header[f"{key}P"] for key in ("CRPIX1", "CRPIX2", "CDELT1", "CDELT2")] == [1, 1, 1.0, 1.0]
        np.testing.assert_array_equal(hdus["SUMIMAGE"].data, fit.sum_image[13:28, 13:28].astype(np.float32))
        np.testing.assert_array_equal(np.argwhere(hdus["APERTURE"].data & 2).mean(axis=0), [7, 7])


def test_lightkurve_reads_it_without_being_told_how(exported, lightkurve):
    _, fit, header, _ = exported
    curve = lightkurve.read(str(path_of(exported)))
    used = header.quality == 0
    assert isinstance(curve, lightkurve.TessLightCurve)
    for column, values, unit in (
        (curve.flux, fit.flux[1], "electron/s"),
        (curve.flux_err, np.where(np.isnan(fit.flux[1]), np.nan, fit.flux_err[1]), "electron/s"),
        (curve.centroid_col, fit.centroid_column[1].astype(float) + 1, "pixel"),
        (curve.centroid_row, fit.centroid_row[1].astype(float) + 1, "pixel"),
    ):
        assert column.unit == u.Unit(unit)
        np.testing.assert_array_equal(np.asarray(getattr(column, "unmasked", column).value), values[used])
    np.testing.assert_array_equal(curve.quality, 0)
    assert curve.time.format == "btjd"
    np.testing.assert_allclose(curve.time.value, header.time[used], rtol=0, atol=1e-9)
    assert (curve.ra, curve.dec, curve.targetid, curve.sector) == (84.425, -80.4, 260795452, 1)
    assert curve.meta["LABEL"] == "TIC 260795452"


def test_lightkurve_takes_a_path_and_every_cadence_when_asked(exported, lightkurve):
    curve = lightkurve.read(path_of(exported, 0), quality_bitmask="none")
    assert len(curve) == 120
    assert np.isfinite(curve.flux.value).all()


def test_astropy_reads_it_as_a_time_series(exported):
    _, fit, header, _ = exported
    with pytest.warns(u.UnitsWarning, match="'e-/s'"):  # as for the files of SPOC
        series = TimeSeries.read(path_of(exported), format="tess.fits")
    assert series["flux"].unit == u.electron / u.s
    assert series["mom_centr1"].unit == u.pixel
    np.testing.assert_array_equal(series["flux"].value, fit.flux[1])
    np.testing.assert_array_equal(series["quality"], header.quality)
    assert series.time.scale == "tdb"
    np.testing.assert_allclose(series.time.jd - 2457000, header.time, rtol=0, atol=1e-8)


def test_index_names_every_target_with_its_metrics(exported):
    folder, fit, _, index = exported
    assert index.colnames == [spec.name for spec in RESULT_COLUMNS]
    assert index["starid"].tolist() == fit.starid.tolist()
    assert index["status"].tolist() == ["OK", "WARNING", "OK"]
    assert index["n_finite"].tolist() == [119, 118, 119]
    assert index["mean_flux"].unit == u.electron / u.s
    np.testing.assert_allclose(index["centroid_row"], fit.row, atol=0.01)
    write_ecsv(index, folder / "index.ecsv")
    back = read_ecsv(folder / "index.ecsv", RESULT_COLUMNS)
    for name in index.colnames:
        np.testing.assert_array_equal(back[name], index[name])
        assert back[name].description


def test_unchanged_files_keep_bytes_and_date(tmp_path):
    fit = make_fit()
    first = export(tmp_path, fit)
    paths = [tmp_path / name for name in first["file"]]
    before = [path.read_bytes() for path in paths]
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    flux = fit.flux.copy()
    flux[2, 3] += 1
    second = export(tmp_path, replace(fit, flux=flux))
    assert [path.stat().st_mtime_ns == 10**18 for path in paths] == [True, True, False]
    assert [path.read_bytes() == content for path, content in zip(paths, before, strict=True)] == [True, True, False]
    assert (first["digest"] == second["digest"]).tolist() == [True, True, False]


def test_content_does_not_depend_on_when_or_where(tmp_path):
    one, two = export(tmp_path / "one"), export(tmp_path / "two")
    for name in one["file"]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert one["digest"].tolist() == two["digest"].tolist()


def test_a_damaged_file_is_written_again(tmp_path):
    path = tmp_path / export(tmp_path)["file"][0]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    export(tmp_path)
    assert path.read_bytes() == content
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_versions_lie_side_by_side(tmp_path):
    one, two = export(tmp_path), export(tmp_path, version=2)
    assert (tmp_path / one["file"][0]).is_file()
    assert two["file"][0].endswith("-v02_lc.fits")
    assert fits.getheader(tmp_path / two["file"][0])["VERSION"] == 2


def test_only_targets_get_a_file(tmp_path):
    fit = make_fit()
    index = export(tmp_path, fit, targets=fit.starid[2:])
    assert len(index) == 1
    assert len(list(tmp_path.rglob("*.fits"))) == 1


def test_a_target_without_flux_has_a_row_and_no_file(tmp_path):
    fit = make_fit()
    flags = fit.star_flags.copy()
    flags[0] = bit(STAR_FLAGS, "not_measurable")
    flux = fit.flux.copy()
    flux[1] = np.nan
    index = export(tmp_path, replace(fit, star_flags=flags, flux=flux))
    assert index["status"].tolist() == ["SKIPPED", "ERROR", "OK"]
    assert index["file"].tolist()[:2] == ["", ""]
    assert all(index["reason"][:2] != "")
    assert len(list(tmp_path.rglob("*.fits"))) == 1


@pytest.mark.parametrize(("limit", "status"), [(10.5, "SKIPPED"), (16.0, "ERROR")])
def test_a_target_that_was_not_fitted_has_a_row(tmp_path, limit, status):
    whole = make_fit()
    part = replace(make_fit(2), fit_tmag_limit=limit)
    index = export(tmp_path, part, targets=whole.starid, catalog=make_catalog(whole))
    assert index["status"][2] == status
    assert index["reason"][2]
    assert np.isnan(index["mean_flux"][2])


def test_no_targets_make_an_empty_index(tmp_path):
    index = export(tmp_path, targets=np.empty(0, dtype=np.int64))
    assert len(index) == 0
    write_ecsv(index, tmp_path / "index.ecsv")
    assert len(read_ecsv(tmp_path / "index.ecsv", RESULT_COLUMNS)) == 0


@pytest.mark.parametrize(
    "value",
    [0, -7, 2**40, True, False, 0.0, 1.0, -0.5, 1e-7, 1.5e300, 1e22, 0.1 + 0.2, -1.2345678901234567e-12,
     "", "it's", "x" * 150, None],
)  # fmt: skip
def test_cards_are_read_back(value):
    header = fits.Header.fromstring((cards([("KEY", value, "what it is")]) + b"END".ljust(80)).decode())
    header["KEY"]
    back = header.cards["KEY"].value
    if value is None:
        assert back is None or isinstance(back, fits.card.Undefined)
    elif isinstance(value, float):
        assert back == pytest.approx(value, rel=1e-12)
    else:
        assert back == value
        assert type(back) is type(value)


@pytest.mark.parametrize("value", [np.nan, np.inf, np.float64("nan")])
def test_values_that_are_no_numbers_are_undefined(value):
    assert cards([("KEY", value, "")]) == cards([("KEY", None, "")])


def test_checksums_agree_with_astropy_for_any_content(tmp_path):
    rng = np.random.default_rng(1)
    for number in range(50):
        data = rng.integers(0, 256, rng.integers(1, 9000)).astype(np.uint8)
        start = cards(
            [("SIMPLE", True, ""), ("BITPIX", 8, ""), ("NAXIS", 1, ""), ("NAXIS1", len(data), ""), ("N", number, "")]
        )
        path = tmp_path / "data.fits"
        path.write_bytes(hdu(start, data.tobytes()))
        with fits.open(path, checksum=True) as hdus:
            np.testing.assert_array_equal(hdus[0].data, data)


def test_reading_a_table_that_is_none(tmp_path):
    path = tmp_path / "index.ecsv"
    path.write_text("nonsense")
    with pytest.raises(OSError, match="cannot be read as ECSV"):
        read_ecsv(path, RESULT_COLUMNS)
    Table({"starid": [1]}).write(path, format="ascii.ecsv", overwrite=True)
    with pytest.raises(OSError, match="lacks the columns sector, camera"):
        read_ecsv(path, RESULT_COLUMNS)
    with pytest.raises(OSError, match="no such file"):
        read_ecsv(tmp_path / "none.ecsv", RESULT_COLUMNS)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("source", "pattern"), [("tpf", "tpf/tpf1.fits"), ("tesscut", "tesscut/tess-s0001-4-2_84*_astrocut.fits")]
)
def test_headers_of_real_pixels_make_valid_files(tmp_path, tess_data, lightkurve, source, pattern):
    cube = read_pixels(next(tess_data.glob(pattern)), source)
    fit = make_fit(1, cube.n_cadence, cube.stamp, row=np.array([cube.stamp.center[0]]))
    fit = replace(fit, column=np.array([cube.stamp.center[1]]))
    index = export(tmp_path, fit, cube.header)
    path = tmp_path / index["file"][0]
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        places = fit.column - hdus["APERTURE"].header["CRVAL1P"] + 1, fit.row - hdus["APERTURE"].header["CRVAL2P"] + 1
        ra, dec = WCS(hdus["APERTURE"].header).all_pix2world(*places, 0)
        row, column = ccd_positions(ra, dec, cube.header.wcs_header)
        np.testing.assert_allclose([row[0], column[0]], cube.stamp.center, atol=1e-4)
        assert hdus[0].header["SECTOR"] == cube.header.pointing.sector
        assert hdus["APERTURE"].data.shape == tuple(min(15, side) for side in cube.stamp.shape)
    curve = lightkurve.read(path, quality_bitmask="none")
    np.testing.assert_array_equal(curve.quality, cube.quality)
    time = cube.header.time
    if cube.header.ephemeris is not None:
        # Cutouts have the times of the middle of their CCD.
        star = make_catalog(fit)
        own = barycentric_correction(cube.header.ephemeris.position, star.ra[0], star.decl[0])
        time = time - cube.header.timecorr + own
    np.testing.assert_allclose(curve.time.value, time, rtol=0, atol=1e-7)


@pytest.mark.parametrize("value", ["x" * 55, "it's " * 13 + "it's", "x" * 68, "y" * 90, 1.0, None])
def test_comments_without_room_are_left_out(value):
    card = cards([("PRFSRC", value, "a comment of more letters than there is room for beside the value")])
    header = fits.Header.fromstring(card.decode())
    assert header["PRFSRC"] == value or value is None
    assert len(card) % 80 == 0
