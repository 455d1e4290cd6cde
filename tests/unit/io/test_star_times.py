"""Times of cutouts: the file has those of the middle of its CCD, every star its own."""

import numpy as np
import pytest
from astropy.io import fits
from pixel_file_builder import cutout, tpf

from photometry.core.barycentre import barycentric_correction
from photometry.core.errors import InputFileError
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products.cube_files import read_cube_header, write_cube
from photometry.io.reference.spacecraft import EARTH_ERROR_S, read_ephemeris

HORIZONS = "geometry/20180720_tess_ephem.csv"
PI_MEN = (84.291190, -80.469170)


def star_times(header, ra, dec):
    """Times and corrections of a star, as its light curve has them."""
    correction = barycentric_correction(header.ephemeris.position, ra, dec)
    return header.time - header.timecorr + correction, correction


@pytest.mark.realdata
@pytest.mark.parametrize(("ephemeris", "error_s"), [(HORIZONS, 0.1), ("earth", 1.4)])
def test_real_cutout_of_pi_men(tess_data, ephemeris, error_s):
    """The middle of camera 4, CCD 2 has 65.2 s; pi Men, from the places of TESS, 106.5 s."""
    path = tess_data / "tesscut/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits"
    source = ephemeris if ephemeris == "earth" else str(tess_data / ephemeris)
    header = read_pixels(path, "tesscut", ephemeris=source).header
    assert header.timecorr[0] * 86400 == pytest.approx(65.2, abs=0.05)
    time, correction = star_times(header, *PI_MEN)
    assert correction[0] * 86400 == pytest.approx(106.5, abs=error_s)
    assert (time[0] - header.time[0]) * 86400 == pytest.approx(41.3, abs=error_s)
    assert header.ephemeris.error_s == pytest.approx(error_s)


@pytest.mark.realdata
@pytest.mark.parametrize(("ephemeris", "error_s"), [(HORIZONS, 0.1), ("earth", 1.5)])
def test_whole_sector_against_spoc(tess_data, tmp_path, ephemeris, error_s):
    """TIC 25155310 as a cutout would have it, with times of the middle of its CCD, against SPOC's own times."""
    with fits.open(tess_data / "reference/tess2018206045859-s0001-0000000025155310-0120-s_lc.fits") as hdus:
        table = hdus[1].data[np.isfinite(hdus[1].data["TIME"])][::15]
        time, correction = np.asarray(table["TIME"], np.float64), np.asarray(table["TIMECORR"], np.float64)
        ra, dec = (hdus[0].header[key] for key in ("RA_OBJ", "DEC_OBJ"))
    at_spacecraft = time - correction
    place = read_ephemeris(str(tess_data / HORIZONS), at_spacecraft)
    of_ccd = barycentric_correction(place.position, ra + 13.0, dec + 5.0)
    assert np.abs(of_ccd - correction).max() * 86400 > 20
    n = len(time)
    columns = {"TIME": at_spacecraft + of_ccd, "TIMECORR": of_ccd, "CADENCENO": np.arange(n), "QUALITY": np.zeros(n)}
    keys = {"TIMEDEL": 1800 / 86400}
    builder = cutout(shape=(n, 5, 7), ra=ra, dec=dec, columns=columns, keys=keys, primary={"DATA_REL": 42})
    path = builder.write(tmp_path / "a.fits")
    source = ephemeris if ephemeris == "earth" else str(tess_data / ephemeris)
    ours, _ = star_times(read_pixels(path, "tesscut", ephemeris=source).header, ra, dec)
    assert np.abs(ours - time).max() * 86400 <= error_s


@pytest.mark.parametrize("shift_s", [70.0, -70.0])
def test_cubes_keep_the_places(tmp_path, shift_s):
    """Up to 75 s between the middle of a CCD and a star in its corner are as they should be."""
    path = written(tmp_path, shift_s)
    cube = read_pixels(path, "tesscut")
    assert cube.header.ephemeris.error_s == EARTH_ERROR_S
    write_cube(tmp_path / "cube.hdf5", cube, {"pixels": path})
    header = read_cube_header(tmp_path / "cube.hdf5")
    assert header.ephemeris.source == "place of the Earth"
    np.testing.assert_array_equal(header.ephemeris.position, cube.header.ephemeris.position)
    time, _ = star_times(header, 84.0, -80.0)
    np.testing.assert_allclose((header.time - time) * 86400, shift_s, atol=0.01)


def written(folder, shift_s, n=6):
    """A cutout whose TIMECORR is off from that of the star in its middle, s."""
    at_spacecraft = 1400 + np.arange(n) / 48
    right = barycentric_correction(read_ephemeris("earth", at_spacecraft).position, 84.0, -80.0)
    timecorr = right + shift_s / 86400
    columns = {"TIME": at_spacecraft + timecorr, "TIMECORR": timecorr}
    return cutout(columns=columns, primary={"DATA_REL": 42}).write(folder / "a.fits")


@pytest.mark.parametrize(
    "timecorr", [np.zeros(6), np.full(6, 0.004), np.full(6, -0.003)], ids=["zero", "too large", "too small"]
)
def test_what_is_no_correction_of_the_ccd_is_not_undone(tmp_path, caplog, timecorr):
    builder = cutout(columns={"TIMECORR": timecorr}, primary={"DATA_REL": 42})
    header = read_pixels(builder.write(tmp_path / "a.fits"), "tesscut").header
    assert header.ephemeris is None
    np.testing.assert_array_equal(header.time, 1400 + np.arange(6) * (1800 / 86400))
    assert "a.fits: TIMECORR (" in caplog.text
    assert "nobody can tell what TIME is; times are taken as they are" in caplog.text


def test_missing_corrections(tmp_path, caplog):
    timecorr = np.linspace(1e-3, 1.5e-3, 6)
    wanted = timecorr.copy()
    timecorr[[0, 3]] = np.nan
    wanted[0] = wanted[1]
    header = read_pixels(cutout(columns={"TIMECORR": timecorr}).write(tmp_path / "a.fits"), "tesscut").header
    np.testing.assert_allclose(header.timecorr, wanted, rtol=1e-5)
    assert "a.fits: TIMECORR of 2 cadences is missing and interpolated" in caplog.text
    with pytest.raises(InputFileError, match="no cadence has a TIMECORR; fetch the file again"):
        read_pixels(cutout(columns={"TIMECORR": np.full(6, np.nan)}).write(tmp_path / "b.fits"), "tesscut")


def test_target_pixel_files_have_the_times_of_their_target(tmp_path):
    header = read_pixels(tpf().write(tmp_path / "a.fits"), "tpf").header
    assert header.ephemeris is None


@pytest.mark.realdata
def test_real_target_pixel_file_against_its_light_curve(tess_data):
    header = read_pixels(tess_data / "tpf/tpf1.fits", "tpf", ephemeris=str(tess_data / HORIZONS)).header
    spoc = fits.getdata(tess_data / "tpf/lcf2.fits", 1)
    spoc = spoc[np.isfinite(spoc["TIME"])]
    np.testing.assert_allclose(header.time, spoc["TIME"], atol=1e-7)


@pytest.mark.realdata
def test_an_ephemeris_for_other_dates(tess_data, tmp_path):
    time = 1490 + np.arange(6) / 48
    path = cutout(columns={"TIME": time}).write(tmp_path / "a.fits")
    with pytest.raises(InputFileError, match=r"covers TJD 1270.50 to 1483.50, the images 1490.00 to 1490.10; ask"):
        read_pixels(path, "tesscut", ephemeris=str(tess_data / HORIZONS))
