"""No hidden state: objects alive at once, what is kept in memory, and threads change no number; no file stays open."""

import copy
import gc
import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from interface_cases import Case
from prepared_folder import prepare_ccd

from photometry import PSFPhotometry


def fluxes(case: Case, output: Path, **changes: object) -> np.ndarray:
    with case.open(output, **changes) as target:
        target.photometry()
        return np.stack([target.lightcurve["flux"], target.lightcurve["flux_err"]])


def test_cache_modes_objects_and_threads_give_equal_numbers(case, tmp_path):
    expected = fluxes(case, tmp_path, cache="none")
    for cache in ("basic", "full", "full"):
        np.testing.assert_array_equal(fluxes(case, tmp_path, cache=cache), expected)
    one, other = case.open(tmp_path), case.open(tmp_path, cache="full")
    other.resize_stamp(down=-1, up=-1)
    other.settings["fit"]["outlier_sigma"] = "4"
    other.images_cube[:] = 0
    other.header.clear()
    other.lightcurve["time"][:] = 0
    other.photometry()
    other.clear_cache()
    one.photometry()
    np.testing.assert_array_equal(np.stack([one.lightcurve["flux"], one.lightcurve["flux_err"]]), expected)
    found: dict[int, np.ndarray] = {}
    chosen = [(case.starid, "basic"), (case.starid, "full"), *((starid, "basic") for starid in case.others)]

    def measure(number: int, starid: int, cache: str) -> None:
        found[number] = fluxes(case, tmp_path / str(number), starid=starid, cache=cache)

    threads = [threading.Thread(target=measure, args=(n, *which)) for n, which in enumerate(chosen)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (starid, _) in enumerate(chosen):
        alone = expected if starid == case.starid else fluxes(case, tmp_path, starid=starid, cache="none")
        np.testing.assert_array_equal(found[number], alone)


def measured(target: PSFPhotometry) -> PSFPhotometry:
    """Measure a target; another process calls it."""
    target.photometry()
    return target


def test_copies_measure_the_same(tmp_path):
    prepared = prepare_ccd(tmp_path / "prepared", n_cadence=12)
    for cache in ("none", "full"):
        target = PSFPhotometry(prepared.starid, prepared.folder, tmp_path, cache=cache, **prepared.place)
        target.resize_stamp(up=1)
        target.settings["fit"]["tmag_limit"] = "15"
        shape = target.images_cube.shape
        assert len(pickle.dumps(target)) < 100_000  # no pixels
        assert target.psf.integrate_to_image([(1.0, 2.0, 3.0)]).sum() > 0
        copies = [copy.deepcopy(target), pickle.loads(pickle.dumps(target)), copy.copy(target)]
        elsewhere = copies[0]
        if cache == "full":
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                elsewhere = pool.submit(measured, target).result(300)
        measured(target)
        for other in copies:
            assert other.status.name == "UNKNOWN"
            assert other.images_cube.shape == shape
            measured(other)
        for other in (*copies, elsewhere, pickle.loads(pickle.dumps(target)), copy.deepcopy(target)):
            assert other.stamp == target.stamp
            # A measure of a correction that was not made is NaN, which equals nothing.
            np.testing.assert_equal(other.details, target.details)
            for name in target.lightcurve.colnames:
                np.testing.assert_array_equal(other.lightcurve[name], target.lightcurve[name])
            assert other.save_lightcurve() == target.save_lightcurve()
    for thing in (target.psf, target.MovementKernel):
        assert repr(pickle.loads(pickle.dumps(thing))) == repr(copy.deepcopy(thing)) == repr(thing)


def test_nothing_stays_open_and_closing_twice_is_safe(case, tmp_path):
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    target = case.open(tmp_path, cache="full")
    target.photometry()
    target.save_lightcurve()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    for _ in range(2):
        target.clear_cache()
        target.close()
    assert target.images_cube.shape[:2] == target.sumimage.shape
