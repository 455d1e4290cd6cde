"""Cadences of pixel files on which the stars are not: flagged, without pixels, named."""

import numpy as np
import pytest
from pixel_file_builder import PixelFileBuilder

from photometry.io.pixels.pixel_readers import read_pixels


@pytest.mark.parametrize("kind", ["tpf", "tesscut"])
@pytest.mark.parametrize("what", ["constant", "moved", "negative"])
def test_it_is_a_flagged_cadence(tmp_path, caplog, kind, what):
    builder = PixelFileBuilder(kind=kind, shape=(6, 9, 9))
    flux = builder.flux() - (90 if kind == "tpf" else 0)
    flux[3] = {"constant": 100, "moved": np.roll(flux[3], 4, axis=1), "negative": -flux[3]}[what]
    builder.columns["FLUX"] = flux
    cube = read_pixels(builder.write(tmp_path / "a.fits"), kind)
    assert cube.quality.tolist() == [0, 0, 0, 128, 0, 0]
    assert np.isnan(cube.images).all(axis=(1, 2)).tolist() == [False, False, False, True, False, False]
    assert (cube.pixel_flags[3] & 1).all()
    assert "a.fits: 1 unflagged cadence does not show the stars that the others show: flagged" in caplog.text
    assert "CADENCENO 503" in caplog.text


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("pattern", "datasource"),
    [
        ("tpf/tpf1.fits", "tpf"),
        ("tpf/tess25155310-s01-first-cadences.fits.gz", "tpf"),
        ("tesscut/*6x6_astrocut.fits", "tesscut"),
        ("sky/*/*_astrocut.fits.gz", "tesscut"),
    ],
)
def test_no_good_frame_of_the_sky_is_one(tess_data, caplog, pattern, datasource):
    paths = sorted(tess_data.glob(pattern))
    assert paths
    for path in paths:
        read_pixels(path, datasource)
    assert "do not show the stars" not in caplog.text
