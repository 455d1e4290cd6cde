"""Headers of all HDUs: read card by card, they say what astropy says."""

import numpy as np
import pytest
from astropy.io import fits
from pixel_file_builder import cutout, tpf

from photometry.core.errors import InputFileError
from photometry.io.fits import header_units as reader
from photometry.io.fits.header_units import header_units


@pytest.fixture(params=[cutout, tpf])
def path(request, tmp_path):
    return request.param().write(tmp_path / "a.fits")


def by_astropy(path):
    """Values of the headers by astropy; remarks are not among those that are read here."""
    with fits.open(path) as hdus:
        kinds = [(hdu.name, isinstance(hdu, fits.BinTableHDU)) for hdu in hdus]
        values = [{key: hdu.header[key] for key in hdu.header if key not in ("COMMENT", "HISTORY", "")} for hdu in hdus]
    return [(*kind, said) for kind, said in zip(kinds, values, strict=True)]


def read(path):
    return [(unit.name, unit.is_table, dict(unit.values)) for unit in header_units(path)]


def change_card(path, hdu, keyword, card):
    """Write other characters into a card, whatever they are."""
    content = path.read_bytes()
    with fits.open(path) as hdus:
        start = hdus[hdu].fileinfo()["hdrLoc"]
    at = content.index(f"{keyword:8}=".encode(), start)
    path.write_bytes(content[:at] + f"{card:80}".encode("latin-1") + content[at + 80 :])


def test_plain_headers_are_read_without_astropy(path, monkeypatch):
    expected = by_astropy(path)
    monkeypatch.setattr(reader, "open_fits", None)
    assert read(path) == expected


@pytest.mark.parametrize(
    "card",
    [
        "INT_TIME=                 1.98",
        "INT_TIME= 1.98 / comment's",
        "INT_TIME=              1.98E+0",
        "INT_TIME=              1.98D00",
        "INT_TIME=                  .5",
        "INT_TIME=                 -5.",
        "INT_TIME=              0000012",
        "INT_TIME=                   T",
        "INT_TIME= 'text  '  / with a comment",
        "INT_TIME= '      '",
        "INT_TIME= ''",
        "INT_TIME= 'it''s'",
        "INT_TIME= 'EXTVER: 1.0'",
        "INT_TIME=",
        "INT_TIME=                      / nothing",
        "INT_TIME= (1.0, 2.0)",
        "INT_TIME= 123456789012345678901234567890",
        "INT_TIME= 1.98e0",
    ],
)
def test_values_are_those_of_astropy(tmp_path, card):
    path = cutout(primary={"INT_TIME": 1.98}).write(tmp_path / "a.fits")
    change_card(path, 0 if "INT_TIME" in fits.getheader(path) else 1, "INT_TIME", card)
    for (_, _, ours), (_, _, theirs) in zip(read(path), by_astropy(path), strict=True):
        for key, value in theirs.items():
            assert type(ours[key]) is type(value)
            assert ours[key] == value


@pytest.mark.parametrize("card", ["INT_TIME= 1E400", "INT_TIME= nan", "INT_TIME= 1.98 \x01", "INT_TIME= 'open"])
def test_what_is_wrong_is_said_as_before(tmp_path, card):
    path = cutout().write(tmp_path / "a.fits")
    change_card(path, 1, "TTYPE1", card)
    with pytest.raises(InputFileError, match=r"a\.fits"):
        header_units(path)


@pytest.mark.parametrize("length", [-1, -2880, -3000])
def test_cut_files_are_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputFileError, match="truncated"):
        header_units(path)


def test_first_of_two_values_counts(path):
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.append(("SECTOR", 77, ""), bottom=True)
    expected = by_astropy(path)
    assert read(path) == expected


def test_compressed_images_and_gzipped_files(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.arange(400, dtype=np.int32).reshape(20, 20))])
    hdus.writeto(tmp_path / "a.fits")
    hdus.writeto(tmp_path / "b.fits.gz")
    for name in ("a.fits", "b.fits.gz"):
        assert [unit.is_table for unit in header_units(tmp_path / name)] == [False, False] or name == "a.fits"
        assert len(header_units(tmp_path / name)) == 2
