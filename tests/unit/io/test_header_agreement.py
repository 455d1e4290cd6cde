"""Files that say one thing in one place and another in another."""

from pathlib import Path

import pytest
from astropy.io import fits
from pixel_file_builder import cutout, tpf

from photometry.core.errors import InputFileError
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.reference.sector_cameras import cameras_seeing


def changed(path: Path, hdu: int, **keys: object) -> Path:
    """Set keys of a header; those that do not begin with a letter are given as `_1CRV5P`."""
    for key, value in keys.items():
        fits.setval(path, key.lstrip("_"), value=value, ext=hdu)
    return path


def test_files_that_agree(tmp_path):
    for made, kind in ((cutout(), "tesscut"), (tpf(), "tpf")):
        inspect_pixel_file(made.write(tmp_path / f"{kind}.fits"), kind)


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
@pytest.mark.parametrize(("key", "value"), [("SECTOR", 77), ("CAMERA", 3), ("CCD", 1), ("DATA_REL", 99)])
def test_headers_of_a_file(tmp_path, kind, key, value):
    path = (cutout if kind == "tesscut" else tpf)().write(tmp_path / "a.fits")
    first = fits.getval(path, key, ext=0) if key in fits.getheader(path) else None
    if first is None:
        changed(path, 0, **{key: 2.0})
    changed(path, 1, **{key: value})
    with pytest.raises(InputFileError, match=rf"header keys contradict each other: {key} = .* \(primary header\), but"):
        inspect_pixel_file(path, kind)


#: In the middle of camera 4 of sector 1, and in the field of none.
PLACES = {"middle": (84.3, -78.0), "nowhere": (84.0, 60.0)}


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
@pytest.mark.parametrize(("camera", "place", "told"), [(4, "middle", 0), (1, "middle", 1), (1, "nowhere", 0)])
def test_a_wrong_camera_is_told(tmp_path, caplog, kind, camera, place, told):
    ra, dec = PLACES[place]
    primary = {"SECTOR": 1, "CAMERA": camera, "CCD": 2, "RA_OBJ": ra, "DEC_OBJ": dec, "PROCVER": "spoc-4.0.5"}
    path = (cutout if kind == "tesscut" else tpf)(primary=primary, ra=ra, dec=dec).write(tmp_path / "a.fits")
    inspect_pixel_file(path, kind)
    assert caplog.text.count("its header says camera 1, but in sector 1 camera 4 sees its place") == told


def test_cameras_of_sectors():
    """Against the middles of the CCDs of real files: TIC 25155310 and pi Men, sector 1; TIC 273589987, sector 15."""
    assert cameras_seeing(1, 63.3739, -69.2268, 0.0) == [4]
    assert cameras_seeing(1, 84.2912, -80.4692, 0.0) == [4]
    assert cameras_seeing(15, 297.7888, 46.4834, 0.0) == [2]
    assert cameras_seeing(1, 84.0, 60.0, 0.5) == []
    assert cameras_seeing(9998, 84.0, 60.0, 0.5) == []


@pytest.mark.realdata
class TestRealFile:
    """The real target pixel file has all keys twice."""

    @pytest.fixture
    def path(self, tess_data, tmp_path) -> Path:
        path = tmp_path / "tpf1.fits"
        path.write_bytes((tess_data / "tpf/tpf1.fits").read_bytes())
        return path

    def test_it_agrees(self, path):
        inspect_pixel_file(path, "tpf")

    @pytest.mark.parametrize(
        ("hdu", "key", "value", "words"),
        [
            (1, "_1CRV5P", 1076, "1CRV5P = 1076, but CRVAL1P = 1073 (APERTURE)"),
            (1, "_2CRV5P", 800, "2CRV5P = 800, but CRVAL2P = 884 (APERTURE)"),
            (2, "CRVAL2P", 800, "2CRV5P = 884, but CRVAL2P = 800 (APERTURE)"),
            (2, "CRPIX1P", 3, "1CRV5P = 1073, but CRVAL1P = 1073 (APERTURE)"),
            (1, "_1CRPX5", 3.4, "1CRPX5 = 3.4, but CRPIX1 = 6.377394775963239 (APERTURE), 3.0 px apart"),
            (2, "CRVAL2", 46.6, "2CRVL5 = 46.48484383825037, but CRVAL2 = 46.6 (APERTURE), "),
            (2, "PC1_1", 0.7747059855587916, "11PC5 = -0.7747059855587916, but PC1_1 = 0.7747059855587916 (APERTURE)"),
        ],
    )
    def test_one_key_was_changed(self, path, hdu, key, value, words):
        changed(path, hdu, **{key: value})
        with pytest.raises(InputFileError) as error:
            inspect_pixel_file(path, "tpf")
        assert f"tpf1.fits: header keys contradict each other: {words}" in str(error.value)
        assert "use the file that it was made from" in str(error.value)

    def test_the_shapes_differ(self, path):
        with fits.open(path) as hdus:
            hdus[2].data = hdus[2].data[:7]
            hdus.writeto(path.with_name("cut.fits"))
        with pytest.raises(InputFileError, match=r"TDIM5 = \(11,11\), but NAXIS1, NAXIS2 = 11, 7 \(APERTURE\)"):
            inspect_pixel_file(path.with_name("cut.fits"), "tpf")

    def test_less_than_a_pixel_is_no_contradiction(self, path):
        inspect_pixel_file(changed(path, 1, _1CRPX5=6.9), "tpf")

    def test_what_lightkurve_cuts_out_is_refused(self, tess_data):
        path = tess_data / "files/lightkurve-cutout/pixels.fits.gz"
        with pytest.raises(InputFileError) as error:
            inspect_pixel_file(path, "tpf")
        assert "contradict each other: 1CRV5P = 1076, but CRVAL1P = 1073 (APERTURE)" in str(error.value)

    def test_no_other_real_file_contradicts_itself(self, tess_data):
        paths = [path for path in tess_data.rglob("*.fits*") if path.parent.name != "lightkurve-cutout"]
        said = []
        for path in paths:
            for kind in ("tesscut", "tpf"):
                try:
                    inspect_pixel_file(path, kind)
                except InputFileError as error:
                    said.append(str(error))
        assert [text for text in said if "contradict" in text] == []
