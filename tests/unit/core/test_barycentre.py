"""Barycentric correction, and where the spacecraft was."""

import numpy as np
import pytest
from astropy.io import fits

from photometry.core.barycentre import barycentric_correction, interpolated_positions, position_with_correction
from photometry.core.errors import ConfigError, InputFileError
from photometry.io.reference.spacecraft import EARTH_ERROR_S, check_ephemeris, read_ephemeris

AU_S = 499.004783836
TABLE = "geometry/20180720_tess_ephem.csv"
LIGHT_CURVE = "reference/tess2018206045859-s0001-0000000025155310-0120-s_lc.fits"


def circle(time):
    """Places on a circle of 1 au: (n, 3)."""
    angle = 2 * np.pi * np.asarray(time) / 365.25
    return np.stack([np.cos(angle), np.sin(angle), 0.1 * np.sin(angle)], axis=-1)


def horizons(path, time, position, *, units="AU-D", body="TESS (spacecraft) (-95)", end="$$EOE", mark=""):
    """A table of JPL Horizons."""
    rows = [
        f"{t + 2457000:.9f}, A.D. x, {x:.15E}, {y:.15E}, {z:.15E}," for t, (x, y, z) in zip(time, position, strict=True)
    ]
    lines = [
        f"Target body name: {body}   {{source: TESS_merged}}",
        "Center body name: Solar System Barycenter (0)     {source: DE431mx}",
        f"Output units    : {units}",
        "Output type     : GEOMETRIC cartesian states",
        "Reference frame : ICRF/J2000.0",
        "JDTDB, Calendar Date (TDB), X, Y, Z,",
        "****",
        "$$SOE",
        *rows,
        end,
        "epilogue",
    ]
    path.write_text("\n".join(line if line in rows else mark + line for line in lines) + "\n")
    return path


def test_correction_is_light_time_along_the_star():
    position = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, -0.5]])
    np.testing.assert_allclose(barycentric_correction(position, 0.0, 0.0) * 86400, [AU_S, 0, 0], atol=1e-8)
    np.testing.assert_allclose(barycentric_correction(position, 90.0, 0.0) * 86400, [0, AU_S, 0], atol=1e-8)
    both = barycentric_correction(position, np.array([0.0, 10.0]), np.array([0.0, -90.0]))
    assert both.shape == (2, 3)
    np.testing.assert_allclose(both[1] * 86400, [0, 0, AU_S / 2], atol=1e-8)


def test_a_known_correction_is_reproduced_and_helps_its_neighbourhood():
    true = circle([10.0, 11.0, 12.0])
    rough = true + 1e-3 * np.array([1.0, -2.0, 0.5])
    known = barycentric_correction(true, 80.0, -60.0)
    known[1] = np.nan
    mended = position_with_correction(rough, 80.0, -60.0, known)
    again = barycentric_correction(mended, 80.0, -60.0)
    np.testing.assert_allclose(again[[0, 2]], known[[0, 2]], atol=1e-12)
    np.testing.assert_array_equal(mended[1], rough[1])
    near = [np.abs(barycentric_correction(p - true, 85.0, -63.0))[0] for p in (rough, mended)]
    assert near[1] < 0.1 * near[0]


def test_interpolation_is_right_between_the_rows_and_refuses_to_go_beyond():
    table = np.arange(100.0, 103.0, 1 / 48)
    time = np.linspace(100.1, 102.9, 77)
    found = interpolated_positions(time, table, circle(table))
    assert np.abs(found - circle(time)).max() * AU_S < 1e-6
    with pytest.raises(ValueError, match="within"):
        interpolated_positions(np.array([99.9]), table, circle(table))


@pytest.mark.parametrize("mark", ["", "#"])
@pytest.mark.parametrize(("units", "scale"), [("AU-D", 1.0), ("KM-S", 149597870.7)])
def test_horizons_tables(tmp_path, units, scale, mark):
    time = np.arange(1325.0, 1327.0, 1 / 48)
    path = horizons(tmp_path / "tess.csv", time, scale * circle(time), units=units, mark=mark)
    check_ephemeris(str(path))
    ephemeris = read_ephemeris(str(path), np.array([1325.3, 1326.0]))
    np.testing.assert_allclose(ephemeris.position, circle([1325.3, 1326.0]), atol=1e-10)
    assert ephemeris.source == "Horizons table tess.csv"


def test_wrong_tables_are_named(tmp_path):
    time = np.arange(1325.0, 1327.0, 1 / 48)
    path = horizons(tmp_path / "a.csv", time, circle(time))
    with pytest.raises(InputFileError, match=r"a\.csv: covers TJD 1325\.00 to 1326\.98, the images 1400"):
        read_ephemeris(str(path), np.array([1400.0]))
    with pytest.raises(InputFileError, match="target body name is 'Mars"):
        check_ephemeris(str(horizons(tmp_path / "b.csv", time, circle(time), body="Mars (499)")))
    with pytest.raises(InputFileError, match=r"\$\$EOE"):
        check_ephemeris(str(horizons(tmp_path / "c.csv", time, circle(time), end="")))
    with pytest.raises(InputFileError, match="increasing"):
        check_ephemeris(str(horizons(tmp_path / "d.csv", time[::-1], circle(time))))
    with pytest.raises(ConfigError, match="no such file or folder"):
        check_ephemeris(str(tmp_path / "nowhere"))
    with pytest.raises(InputFileError, match="no SPICE kernels"):
        check_ephemeris(str(tmp_path))


def test_spice_kernels(tmp_path):
    spiceypy = pytest.importorskip("spiceypy")
    time = np.arange(1325.0, 1327.0, 1 / 48)
    seconds = (time + 2457000 - 2451545) * 86400
    states = np.hstack([149597870.7 * circle(time), np.zeros((len(time), 3))])
    handle = spiceypy.spkopn(str(tmp_path / "tess.bsp"), "tess", 0)
    spiceypy.spkw09(handle, -95, 0, "J2000", seconds[0], seconds[-1], "tess", 5, len(time), states, seconds)
    spiceypy.spkcls(handle)
    check_ephemeris(str(tmp_path))
    ephemeris = read_ephemeris(str(tmp_path), np.array([1325.3, 1326.0]))
    np.testing.assert_allclose(ephemeris.position, circle([1325.3, 1326.0]), atol=1e-8)
    with pytest.raises(InputFileError, match="no place of TESS"):
        read_ephemeris(str(tmp_path), np.array([1400.0]))


def real_times(tess_data):
    with fits.open(tess_data / LIGHT_CURVE) as hdus:
        table, header = hdus[1].data, hdus[0].header
        finite = np.isfinite(table["TIME"])
        correction = table["TIMECORR"][finite].astype(float)
        return table["TIME"][finite] - correction, correction, header["RA_OBJ"], header["DEC_OBJ"]


@pytest.mark.realdata
def test_correction_agrees_with_spoc_over_a_sector(tess_data):
    time, expected, ra, dec = real_times(tess_data)
    errors = {}
    for source in (str(tess_data / TABLE), "earth"):
        found = barycentric_correction(read_ephemeris(source, time).position, ra, dec)
        errors[source] = np.abs(found - expected).max() * 86400
    assert errors[str(tess_data / TABLE)] < 0.005
    assert errors["earth"] < EARTH_ERROR_S


@pytest.mark.realdata
def test_a_header_s_correction_makes_the_earth_good_enough_for_a_ccd(tess_data):
    time, expected, ra, dec = real_times(tess_data)
    tess = read_ephemeris(str(tess_data / TABLE), time).position
    center = (ra + 15.0, dec + 4.0)
    mended = position_with_correction(
        read_ephemeris("earth", time).position, *center, barycentric_correction(tess, *center)
    )
    assert np.abs(barycentric_correction(mended, ra, dec) - expected).max() * 86400 < 0.15
