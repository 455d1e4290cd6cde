"""The trends of a region stay while few of the stars they are made of change: scripts/trends.py on made-up fits."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tile_fits import STAMP, make_fit, make_header

from photometry.core.cube import Cube
from photometry.io.products.cube_files import write_cube
from photometry.io.products.tile_files import write_tile_fit
from photometry.io.products.trend_files import read_trends, spacecraft_time
from photometry.lightcurve.corrections import WithoutTrends, corrected

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
N_CADENCE, N_STAR = 720, 48
HEADER = make_header(N_CADENCE)


@pytest.fixture
def region(tmp_path):
    """A cube and the fits of two tiles, whose stars share a ramp of 1 %."""
    shape = (N_CADENCE, *STAMP.shape)
    images = np.zeros(shape, np.float32)
    cube = Cube(HEADER, images, images + 1, images, np.zeros(shape, np.uint8))
    write_cube(tmp_path / "cube.hdf5", cube, {})
    for name in ("prf", "kernel"):
        (tmp_path / f"{name}.hdf5").write_bytes(name.encode())
    for number in range(2):
        write_fit(tmp_path, number, make(number))
    return tmp_path


def make(number):
    fit = make_fit(N_STAR, N_CADENCE, seed=number)
    ramp = 0.01 * np.exp(-(spacecraft_time(HEADER) - spacecraft_time(HEADER)[0]) / 3)
    shares = np.random.default_rng(9 + number).normal(1, 0.1, (N_STAR, 1))
    flux = (fit.flux * (1 + shares * ramp)).astype(np.float32)
    nothing = np.zeros(N_STAR)
    return replace(fit, starid=fit.starid + 1000 * number, flux=flux, blend_correlation=nothing, contamination=nothing)


def write_fit(folder, number, fit):
    write_tile_fit(folder / f"tile{number}.hdf5", fit, {})


def run(folder, code="a"):
    sys.path.insert(0, str(SCRIPTS))
    try:
        from trends import trends
    finally:
        sys.path.remove(str(SCRIPTS))
    trends(
        str(folder / "cube.hdf5"),
        [str(folder / f"tile{number}.hdf5") for number in range(2)],
        [str(folder / "prf.hdf5"), str(folder / "kernel.hdf5")],
        [],
        str(folder / "reference.fits"),
        str(folder / "trends.fits"),
        code,
    )
    return (folder / "trends.fits").read_bytes()


def test_trends_are_learnt_from_all_tiles_and_taken_off(region):
    run(region)
    trends = read_trends(region / "trends.fits")
    assert trends.n_trend >= 1
    assert {star // 1000 for star in (trends.stars.starid - 260795451).tolist()} == {0, 1}
    fit = make(0)
    after = corrected(fit, HEADER, WithoutTrends(trends))
    usable = HEADER.usable
    scatter = [flux[:, usable].std(axis=1) / fit.flux_err[:, 0] for flux in (fit.flux, after.flux)]
    assert np.median(scatter[0]) > 2
    np.testing.assert_allclose(np.median(scatter[1]), 1, atol=0.05)


def test_one_changed_star_changes_no_trends_and_is_told(region, caplog):
    before = run(region)
    changed = make(1)
    changed.flux[3] *= np.float32(1.02)
    write_fit(region, 1, changed)
    with caplog.at_level(logging.INFO):
        assert run(region) == before
    assert "1 of the " in caplog.text
    assert "the trends stay" in caplog.text


@pytest.mark.parametrize("what", ["many stars", "code", "PRF"])
def test_they_are_found_anew_when_more_changes(region, what):
    before = run(region)
    if what == "many stars":
        changed = make(1)
        changed.flux[3:9] *= np.float32(1.02)
        write_fit(region, 1, changed)
    elif what == "PRF":
        (region / "prf.hdf5").write_bytes(b"another")
    after = run(region, code="b" if what == "code" else "a")
    assert after != before
    assert (region / "reference.fits").read_bytes() == after


def test_a_damaged_reference_is_found_anew(region):
    before = run(region)
    (region / "reference.fits").write_bytes(before[:4000])
    assert run(region) == before
