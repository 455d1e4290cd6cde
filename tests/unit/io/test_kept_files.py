"""When a light curve file is written again."""

import os

import numpy as np
import pytest
from astropy.io import fits

from photometry.io.fits.fits_bytes import cards, hdu
from photometry.io.store.kept_files import write_if_different

PIXELS, LONG = "pixels a.fits sha256:" + "ab" * 32, "catalog b.sqlite sha256:" + "cd" * 32


def content_of(value=1.0, revision="a" * 40, inputs=(PIXELS,), settings="e" * 64):
    """A FITS file with cards as light curves have them."""
    items = [("SIMPLE", True, ""), ("BITPIX", 8, ""), ("NAXIS", 0, ""), ("GITREV", revision, "revision")]
    items += [(f"INPUT{number}", text, "") for number, text in enumerate(inputs, 1)]
    table = np.full(700, value, dtype=">f8").tobytes()
    image = cards([("XTENSION", "IMAGE", ""), ("BITPIX", -64, ""), ("NAXIS", 1, ""), ("NAXIS1", 700, "")])
    return hdu(cards([*items, ("SETTINGS", settings, "")])) + hdu(image, table)


def written(path, content):
    """Write a file over another; say whether it changed."""
    os.utime(path, ns=(10**18, 10**18))
    there = write_if_different(path, content)
    assert path.read_bytes() == there
    return path.stat().st_mtime_ns != 10**18


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "deep" / "one_lc.fits"
    assert write_if_different(path, content_of()) == content_of()
    return path


@pytest.mark.parametrize(
    "same", [{}, {"revision": "b" * 40}, {"revision": "unknown"}, {"inputs": (LONG,)}, {"inputs": (PIXELS, LONG)}]
)
def test_a_file_stays_where_only_its_origin_differs(path, same):
    assert not written(path, content_of(**same))
    assert path.read_bytes() == content_of()


@pytest.mark.parametrize("other", [{"value": 2.0}, {"settings": "f" * 64}, {"value": 2.0, "revision": "b" * 40}])
def test_a_file_with_other_values_or_settings_is_written(path, other):
    assert written(path, content_of(**other))
    assert path.read_bytes() == content_of(**other)
    assert fits.getheader(path)["GITREV"] == other.get("revision", "a" * 40)


@pytest.mark.parametrize("damaged", [b"", b"SIMPLE", content_of()[:5000], b"GITREV  = 1".ljust(80) * 36])
def test_a_file_that_is_not_whole_is_written(path, damaged):
    path.write_bytes(damaged)
    assert written(path, content_of())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
