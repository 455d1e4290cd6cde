"""Motion and PRF of files that were not prepared: each measured when it is asked for, once for all targets."""

from pathlib import Path

import numpy as np
import pytest
from prepared_folder import Prepared, make_scene, prepare

from photometry import STATUS, PSFPhotometry
from photometry.interface import detector
from photometry.interface.measurements import kept_measurement, known_measurement

NAME = "sector001_camera4_ccd2"


@pytest.fixture
def bare(tmp_path: Path) -> Prepared:
    """Cube and catalogue alone."""
    return prepare(tmp_path / "prepared", make_scene(n_row=22, n_column=22, n_cadence=25), NAME, products=False)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often motion and PRF were measured."""
    counts = {"measure_motion": 0, "learn_prf": 0}

    def counted(name: str) -> None:
        function = getattr(detector, name)

        def wrapped(*arguments: object, **named: object) -> object:
            counts[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(detector, name, wrapped)

    for name in counts:
        counted(name)
    return counts


def open_target(bare: Prepared, cache: str = "none", **changes: object) -> PSFPhotometry:
    return PSFPhotometry(bare.starid, bare.folder, bare.folder.parent, cache=cache, **(bare.place | changes))


def test_motion_is_measured_without_the_prf_and_once(bare, calls):
    stars, stamp = bare.scene.population, bare.cube.stamp
    (other, *_) = stars.starid[(stamp.border_distance(stars.row, stars.column) > 3) & (stars.starid != bare.starid)]
    first, second = open_target(bare), open_target(bare, "full")
    third = PSFPhotometry(int(other), bare.folder, bare.folder.parent, cache="none", **bare.place)
    assert first.psf.prf.source == "model"
    assert calls == {"measure_motion": 0, "learn_prf": 0}
    times = np.asarray(first.lightcurve["time"] - first.lightcurve["timecorr"])
    moved = [target.catalog_attime(times[3]) for target in (first, second, third)]
    np.testing.assert_array_equal(moved[0]["row"], moved[1]["row"])
    assert third.MovementKernel.jitter(times, 1250.0, 520.0).shape == (25, 2)
    assert calls == {"measure_motion": 1, "learn_prf": 0}
    kernel = first.MovementKernel
    assert first.MovementKernel is kernel
    assert first.photometry() in (STATUS.OK, STATUS.WARNING)
    assert third.photometry() in (STATUS.OK, STATUS.WARNING, STATUS.SKIPPED)
    assert calls == {"measure_motion": 1, "learn_prf": 1}
    # From then on the motion is that of the fit.
    jitter = second.MovementKernel.jitter(times, first.target_pos_column, first.target_pos_row)
    change = np.asarray(first.lightcurve["pos_corr"]) - jitter
    np.testing.assert_allclose(change - change.mean(axis=0), 0, atol=1e-5)
    before = kernel.jitter(times, first.target_pos_column, first.target_pos_row)
    np.testing.assert_allclose(jitter - jitter.mean(axis=0), before - before.mean(axis=0), atol=0.01)


def test_other_settings_and_files_are_measured_anew(bare, calls):
    for mode in ("affine", "translation", "affine"):
        target = open_target(bare)
        target.settings["motion"]["mode"] = mode
        assert len(target.MovementKernel.jitter([1325.4], 1250.0, 520.0)) == 1
    assert calls["measure_motion"] == 2
    open_target(bare).clear_cache()
    assert open_target(bare).MovementKernel
    assert calls["measure_motion"] == 3


def test_one_measurement_serves_all_stars_of_a_ccd(tmp_path, calls):
    """A cube that is larger than what is measured whole; stars on tiles of their own."""
    scene = make_scene(n_row=64, n_column=64, n_cadence=25, density=3000.0)
    bare = prepare(tmp_path / "prepared", scene, NAME, products=False)
    stars, stamp = scene.population, bare.cube.stamp
    bright = np.flatnonzero((stamp.border_distance(stars.row, stars.column) > 7) & (stars.tmag < 14.5))
    assert len(bright) > 5
    ratios = []
    for starid in stars.starid[bright][:5]:
        target = PSFPhotometry(int(starid), bare.folder, tmp_path, cache="none", **bare.place)
        for name, value in (("tile_size", "20"), ("n_patch", "1")):
            target.settings["motion"][name] = value
        target.settings["fit"]["tile_size"] = "20"
        assert target.photometry() in (STATUS.OK, STATUS.WARNING), target.details
        ratios.append(np.nanmedian(target.lightcurve["flux"]) / np.median(bare.truth(int(starid))))
    assert calls == {"measure_motion": 1, "learn_prf": 1}
    np.testing.assert_allclose(ratios, 1, atol=0.05)


def test_a_measurement_that_fails_is_not_kept():
    def fails() -> float:
        raise ValueError("no light")

    key = ("some files", "test")
    for _ in range(2):
        with pytest.raises(ValueError, match="no light"):
            kept_measurement(key, "a test", fails)
    assert kept_measurement(key, "a test", lambda: 3.0) == kept_measurement(key, "a test", fails) == 3.0
    assert known_measurement(key) == 3.0
