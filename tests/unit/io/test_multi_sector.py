"""Light curves of a star in several sectors in one file."""

import numpy as np
import pytest
from astropy.io import fits

from photometry.core.errors import InputFileError
from photometry.io.results.multi_sector import light_curves_of, write_multi_sector

FLUXES = {4: 1020.0, 1: 1000.0, 8: 990.0}


def write_curve(folder, sector, flux, n_cadence=20):
    """Write what counts here of a light curve; the first cadence is flagged, the last not fitted."""
    time = 1300.0 + 27 * sector + np.arange(n_cadence) / 48
    series = flux + np.random.default_rng(sector).normal(0, 2, n_cadence)
    series[0], series[-1] = 5000.0, np.nan
    quality = np.zeros(n_cadence, dtype=np.int32)
    quality[0] = 1
    columns = [
        fits.Column("TIME", "D", "d", disp="D14.7", array=time),
        fits.Column("FLUX", "E", "e-/s", disp="E14.7", array=series),
        fits.Column("QUALITY", "J", disp="B16.16", array=quality),
    ]
    primary = fits.PrimaryHDU()
    cards = {"CREATOR": "tess-psf-photometry lightcurve export", "TICID": 5, "OBJECT": "TIC 5", "TESSMAG": 12.5}
    cards |= {"VERSION": 1, "SECTOR": sector, "CAMERA": 4, "CCD": 2, "CADENCE": 1800, "STATUS": "OK", "FLUXSYST": 3.0}
    cards |= {"QBITMASK": 1, "TSTART": time[0], "TSTOP": time[-1], "XPOSURE": 1440.0 * n_cadence}
    cards |= {"MJD-BEG": 56999.5 + time[0], "MJD-END": 56999.5 + time[-1], "HLSPID": "abc", "HLSPTARG": "TIC 5"}
    primary.header.update(
        cards | {name: f"2018-{sector:02d}-{day}" for name, day in (("DATE-OBS", "01"), ("DATE-END", "27"))}
    )
    table = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    table.header.update({"BJDREFI": 2457000, "TIMESYS": "TDB"})
    path = folder / f"lightcurves/tess00000000005-s{sector:03d}-4-2-c1800-dr01-v01_lc.fits"
    path.parent.mkdir(exist_ok=True)
    fits.HDUList([primary, table]).writeto(path)
    return path.relative_to(folder).as_posix()


@pytest.fixture
def files(tmp_path):
    return [write_curve(tmp_path, sector, flux) for sector, flux in FLUXES.items()]


def test_cadences_one_after_the_other(files, tmp_path):
    write_multi_sector(tmp_path / "multi.fits", 5, tmp_path, files)
    with fits.open(tmp_path / "multi.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "LIGHTCURVE", "SECTORS"]
        header, table = hdus[0].header, hdus["LIGHTCURVE"].data
        assert (header["OBJECT"], header["NSECTOR"], header["TESSMAG"]) == ("TIC 5", 3, 12.5)
        assert (header["DATE-OBS"], header["DATE-END"]) == ("2018-01-01", "2018-08-27")
        assert (header["MJD-BEG"], header["MJD-END"]) == (58326.5, pytest.approx(58515.5, abs=1))
        assert header["MJD-MID"] == pytest.approx((header["MJD-BEG"] + header["MJD-END"]) / 2)
        assert (header["XPOSURE"], header["HLSPID"], header["HLSPTARG"]) == (3 * 20 * 1440.0, "abc", "TIC 5")
        assert "SIMULATD" not in header
        assert len(table) == 60
        assert (np.diff(table["TIME"]) > 0).all()
        assert list(np.unique(table["SECTOR"])) == [1, 4, 8]
        assert hdus["LIGHTCURVE"].header["BJDREFI"] == 2457000


def test_fluxes_stay_and_offsets_are_said(files, tmp_path):
    write_multi_sector(tmp_path / "multi.fits", 5, tmp_path, files)
    with fits.open(tmp_path / "multi.fits") as hdus:
        curve, sectors, reference = hdus["LIGHTCURVE"].data, hdus["SECTORS"].data, hdus["SECTORS"].header["REFFLUX"]
        assert list(sectors["SECTOR"]) == [1, 4, 8]
        assert list(sectors["N_GOOD"]) == [18] * 3
        for row in sectors:
            flux = curve["FLUX"][curve["SECTOR"] == row["SECTOR"]]
            assert row["MEDIAN_FLUX"] == pytest.approx(np.median(flux[1:-1]))
            assert row["MEDIAN_FLUX"] == pytest.approx(FLUXES[row["SECTOR"]], abs=5 * row["MEDIAN_FLUX_ERR"])
            assert row["OFFSET"] == pytest.approx(row["MEDIAN_FLUX"] / reference - 1)
            with fits.open(tmp_path / row["FILE"]) as own:
                assert np.array_equal(own["LIGHTCURVE"].data["FLUX"], flux, equal_nan=True)
        assert reference == pytest.approx(1000, abs=3)


def test_equal_content_equal_bytes(files, tmp_path):
    write_multi_sector(tmp_path / "a.fits", 5, tmp_path, files)
    write_multi_sector(tmp_path / "b.fits", 5, tmp_path, files[::-1])
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_no_light_curve_at_all(tmp_path):
    write_multi_sector(tmp_path / "multi.fits", 5, tmp_path, [])
    with fits.open(tmp_path / "multi.fits") as hdus:
        assert hdus[0].header["NSECTOR"] == 0
        assert len(hdus["SECTORS"].data) == len(hdus["LIGHTCURVE"].data) == 0


def test_a_damaged_light_curve_is_named(files, tmp_path):
    path = tmp_path / files[1]
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputFileError, match="s001-4-2"):
        write_multi_sector(tmp_path / "multi.fits", 5, tmp_path, files)
    assert not (tmp_path / "multi.fits").exists()


def test_light_curves_in_indices(tmp_path):
    names = [f"lightcurves/tess{starid:011d}-s001-1-1-c1800-dr01-v01_lc.fits" for starid in (5, 50, 5)]
    named_as_hlsp = "lightcurves/hlsp_abc_tess_ffi_tic00000000005-s0002-1-1-c1800_tess_v01_lc.fits"
    rows = "\n".join(f"{name} 10 abc" for name in (names[0], names[1], "", named_as_hlsp))
    (tmp_path / "one.ecsv").write_text(f"file size digest\n{rows.strip()}\n")
    assert light_curves_of(5, [tmp_path / "one.ecsv"]) == [named_as_hlsp, names[0]]
    assert light_curves_of(6, [tmp_path / "one.ecsv"]) == []
