"""What archives ask of light curves: cards of a collection, its file names, nothing that fitsverify complains of."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.timeseries import TimeSeries
from fits_verify import assert_verified
from tile_fits import make_catalog, make_fit, make_header

from photometry.core.barycentre import Ephemeris
from photometry.core.collection import NO_COLLECTION, Collection
from photometry.core.errors import ConfigError
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.results.multi_sector import light_curves_of, write_multi_sector
from photometry.io.results.stale import prune, stale_files
from photometry.io.store.tables import write_ecsv
from photometry.lightcurve.columns import FLUX_COMMENTS
from photometry.workflow.checks import check_collection

COLLECTION = Collection(
    id="tess-psf",
    name="Light curves of every star of a crowded field, measured together: a title that no single card can hold",
    lead="Cecilia Payne-Gaposchkin",
    doi="10.17909/t9-abcd",
    file_names=True,
)
#: What MAST requires or recommends of all products, and of light curves (Common Metadata, Light-curve Metadata).
PRIMARY = {
    *("DOI", "HLSPID", "HLSPLEAD", "HLSPNAME", "HLSPTARG", "HLSPVER", "INSTRUME", "LICENSE", "LICENURL", "OBSERVAT"),
    *("TELESCOP", "TIMESYS", "DATE-END", "MJD-BEG", "MJD-MID", "MJD-END", "XPOSURE", "RADESYS", "RA_TARG", "DEC_TARG"),
}
TABLE = {"FILTER", "RADESYS", "RA_TARG", "DEC_TARG", "MJD-BEG", "MJD-END", "TIMESYS"}
FIT = make_fit()


def header_of(source="tesscut", **changes):
    header = make_header(FIT.flux.shape[1], cadence_s=120 if source == "tpf" else 1800)
    return replace(header, pointing=replace(header.pointing, datasource=source, **changes))


def export(folder, header, collection=COLLECTION, **more):
    inputs = {"pixels": "pixels.fits sha256:" + "ab" * 32, "catalog": "it's a table's long name " * 4}
    arguments = FIT, header, FIT.starid, make_catalog(FIT), folder, 1, "reg", "tile", inputs
    index = export_tile(*arguments, collection=collection, **more)
    return [folder / file for file in index["file"]], index


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return export(tmp_path_factory.mktemp("collection"), header_of())[0]


def test_headers_have_what_mast_asks_for(written):
    with fits.open(written[0]) as hdus:
        primary, table = hdus["PRIMARY"].header, hdus["LIGHTCURVE"].header
        assert set(primary) >= PRIMARY
        assert set(table) >= TABLE
        assert (primary["HLSPID"], primary["HLSPNAME"], primary["HLSPLEAD"]) == (
            "tess-psf", COLLECTION.name, "Cecilia Payne-Gaposchkin"
        )  # fmt: skip
        assert (primary["HLSPVER"], primary["HLSPTARG"], primary["DOI"]) == ("v01", "TIC 260795451", "10.17909/t9-abcd")
        assert (primary["LICENSE"], primary["LICENURL"]) == (
            "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"
        )  # fmt: skip
        assert (primary["FILTER"], primary["OBSERVAT"], primary["MISSION"]) == ("TESS", "TESS", "TESS")
        assert primary["XPOSURE"] == pytest.approx(86400 * table["EXPOSURE"])
        assert (table["RA_TARG"], table["DEC_TARG"]) == (table["RA_OBJ"], table["DEC_OBJ"])
        for hdu in hdus:
            # The standard has no equinox of ICRS, and MAST refuses it.
            assert hdu.header["RADESYS"] == "ICRS"
            assert "EQUINOX" not in hdu.header


def test_readers_know_files_of_a_collection(written):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightkurve warns of its optional parts, astropy of the unit e-/s
        lightkurve = pytest.importorskip("lightkurve")
        curve = lightkurve.read(written[0], quality_bitmask="none")
        series = TimeSeries.read(written[0], format="tess.fits")
    assert isinstance(curve, lightkurve.TessLightCurve)
    assert (curve.targetid, curve.meta["HLSPID"]) == (260795451, "tess-psf")
    for flux in (curve.flux, series["flux"]):
        assert flux.unit == u.electron / u.s
        np.testing.assert_array_equal(np.asarray(flux.value), FIT.flux[0])


def test_without_a_collection_there_are_no_cards_of_one_but_all_that_is_true(tmp_path):
    paths, index = export(tmp_path, header_of(), NO_COLLECTION)
    header = fits.getheader(paths[0])
    assert set(header) >= {key for key in PRIMARY if not key.startswith(("HLSP", "LICEN", "DOI"))}
    assert [key for key in header if key.startswith(("HLSP", "LICEN", "DOI"))] == []
    assert index["file"][0].startswith("lightcurves/c1800/00260/tess00260795451-")


def test_the_header_says_what_the_fluxes_are(written):
    header = fits.getheader(written[0], "LIGHTCURVE")
    assert [str(line) for line in header["COMMENT"]] == list(FLUX_COMMENTS)
    assert all(len(line) <= 72 for line in FLUX_COMMENTS)
    number = next(number for number in range(1, header["TFIELDS"] + 1) if header[f"TTYPE{number}"] == "SAP_FLUX")
    assert header.comments[f"TTYPE{number}"] == "aperture less neighbours, scaled to all light"
    assert header.comments[f"TUNIT{number}"] == "electrons per second"


@pytest.mark.parametrize("collection", [COLLECTION, NO_COLLECTION], ids=["collection", "none"])
@pytest.mark.parametrize("source", ["tesscut", "tpf", "ffi"])
def test_light_curves_pass_fitsverify(tmp_path, source, collection):
    header = header_of(source, says_simulated=source == "ffi", procver="")
    if source == "ffi":
        position = np.tile([0.6, -0.7, -0.3], (len(header.time), 1))
        header = replace(header, ephemeris=Ephemeris(position, "Horizons table tess.csv", 0.1))
    assert_verified(*export(tmp_path, header, collection)[0])


def test_files_of_several_sectors_pass_fitsverify_and_belong_to_the_collection(tmp_path):
    listed = []
    for sector in (1, 27):
        header = header_of(sector=sector, says_simulated=sector == 1)
        _, index = export(tmp_path, replace(header, time=header.time + 27.0 * sector))
        write_ecsv(index, tmp_path / f"{sector}.ecsv")
        listed.append(tmp_path / f"{sector}.ecsv")
    starid = int(FIT.starid[1])
    files = light_curves_of(starid, listed)
    assert [file.rpartition("/")[2] for file in files] == [
        f"hlsp_tess-psf_tess_ffi_tic00{starid}-s{sector:04d}-4-2-c1800_tess_v01_lc.fits" for sector in (1, 27)
    ]
    write_multi_sector(tmp_path / "all.fits", starid, tmp_path, files)
    write_multi_sector(tmp_path / "none.fits", 5, tmp_path, [])
    header = fits.getheader(tmp_path / "all.fits")
    assert set(header) >= PRIMARY
    assert header["SIMULATD"] is True
    table = fits.getheader(tmp_path / "all.fits", "LIGHTCURVE")
    assert set(table) >= TABLE - {"MJD-BEG", "MJD-END"}
    assert [str(line) for line in table["COMMENT"]] == list(FLUX_COMMENTS)
    assert_verified(tmp_path / "all.fits", tmp_path / "none.fits")


@pytest.mark.parametrize(
    ("changes", "is_simulated"),
    [({}, False), ({"says_simulated": True}, True), ({"procver": "photometry-0.1.0"}, True)],
)
def test_simulated_pixels_make_simulated_light_curves(tmp_path, changes, is_simulated):
    paths, index = export(tmp_path, header_of(**changes))
    assert [fits.getheader(path).get("SIMULATD", False) for path in paths] == [is_simulated] * 3
    assert index.meta.get("SIMULATD", False) is is_simulated


def test_other_names_make_the_files_of_the_old_ones_stale(tmp_path):
    old, _ = export(tmp_path, header_of(), NO_COLLECTION)
    new, index = export(tmp_path, header_of())
    found = stale_files(tmp_path, 1, set(index["file"]), {"reg"})
    assert [tmp_path / one.file for one in found] == sorted(old)
    assert [(one.starid, one.sector, one.camera, one.ccd, one.cadence) for one in found] == [
        (starid, 1, 4, 2, 1800) for starid in FIT.starid
    ]
    back = stale_files(tmp_path, 1, {path.relative_to(tmp_path).as_posix() for path in old}, {"reg"})
    assert [tmp_path / one.file for one in back] == sorted(new)
    assert len(prune(tmp_path, [one.file for one in back])) == 3
    assert sorted(tmp_path.rglob("*_lc.fits")) == sorted(old)


def test_equal_settings_equal_bytes(tmp_path, written):
    again, _ = export(tmp_path, header_of())
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]


def _settings(**changes):
    names = ("id", "name", "lead", "doi", "license", "license_url", "file_names")
    return {name: getattr(NO_COLLECTION, name) for name in names} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "abc"}, "hlsp: name and lead must be given with id, MAST requires it"),
        ({"id": "abc", "lead": "A. Cannon"}, "hlsp: name must be given with id"),
        ({"file_names": True}, "hlsp: file_names is true, and id is none"),
    ],
)
def test_what_a_collection_lacks_is_said(changes, message):
    with pytest.raises(ConfigError, match=message):
        check_collection(_settings(**changes))


def test_settings_that_are_complete():
    check_collection(_settings())
    check_collection(_settings(id="abc", name="A", lead="B", file_names=True))
