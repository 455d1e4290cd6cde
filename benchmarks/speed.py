"""Time and memory of the joint fit on one core, against a plain loop over the cadences.

    python -m benchmarks.speed

Every measurement has a process of its own, so that its peak memory is its own.
"""

import os

# Before numpy is imported: one core.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import cProfile
import pstats
import resource
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np
from astropy.table import Table

from benchmarks.bound import design_matrix
from benchmarks.fields import DENSITIES, Field, given_prf, make_field
from benchmarks.report import aligned
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.region import measure_motion
from photometry.calibration.region_tiles import PRF_REACH
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.fit.tile_photometry import fit_tile
from photometry.prf.prf_grid import PrfEvaluator
from photometry.scene.tile_model import local_basis
from photometry.simulate import true_kernel

__all__ = ["main", "reference_loop"]

#: Cadences that the plain loop is timed on.
_SAMPLE = 8
#: Pixels per axis of a single target's cutout.
_TARGET_SIZE = 15
#: Functions of the profile that are shown.
_N_PROFILED = 25
#: Units of the peak memory in a MiB.
_PER_MIB = 1024
#: Stars of a medium field of 64x64 pixels and its margin that are brighter than T=16.
_STARS_OF_MEDIUM = 1270


def reference_loop(field: Field, cadences: np.ndarray) -> np.ndarray:
    """Fit cadence by cadence with dense normal equations, PRF and motion known.

    Parameters
    ----------
    field : Field
        The field.
    cadences : (n_cadence,) int64
        Which cadences.

    Returns
    -------
    (n_star, n_cadence) float64
        Fluxes of the stars brighter than the fit limit, e-/s; fainter ones are held at their magnitudes.
    """
    cube, stars, kernel = field.true_cube, field.scene.stars, true_kernel(field.scene)
    stars = stars.select(cube.stamp.border_distance(stars.row, stars.column) > -PRF_REACH)
    is_free = stars.tmag < FitSettings().tmag_limit
    prf, sky = PrfEvaluator(field.true), local_basis(cube.stamp)
    precision = np.append(1 / (FitSettings().prior_width * stars.flux[is_free]) ** 2, np.zeros(sky.shape[1]))
    mean = np.append(stars.flux[is_free], np.zeros(sky.shape[1]))
    fluxes = []
    for cadence in cadences:
        row_shift, column_shift = (shift[:, cadence] for shift in kernel.shifts(stars.row, stars.column))
        placed = type(stars)(stars.starid, stars.row + row_shift, stars.column + column_shift, stars.tmag)
        light = design_matrix(placed, prf, cube.stamp)
        image = cube.images[cadence].ravel().astype(np.float64) - light[:, ~is_free] @ stars.flux[~is_free]
        variance = cube.images_err[cadence].ravel().astype(np.float64) ** 2
        usable = np.isfinite(image)
        design = np.concatenate([light[:, is_free].toarray(), sky], axis=1)[usable]
        weighted = design / variance[usable, None]
        normal, pull = design.T @ weighted, weighted.T @ image[usable]
        solution = np.linalg.solve(normal + np.diag(precision), pull + precision * mean)
        fluxes.append(solution[: int(is_free.sum())])
    return np.stack(fluxes, axis=1)


def _fit(field: Field) -> Any:
    """Fit the field by the true PRF and motion."""
    kernel = true_kernel(field.scene)
    return fit_tile(field.cube, field.scene.catalogue_stars, field.cube.stamp, field.given, kernel, FitSettings())


def _timed(field: Field, n_cadence: int, work: Callable[[], Any]) -> Any:
    """Do some work; print stars on the pixels and free stars, cadences, wall and CPU seconds, memory before, peak."""
    stars = field.scene.catalogue_stars
    bright = stars.tmag < FitSettings().tmag_limit
    inside = field.cube.stamp.contains(stars.row, stars.column) & bright
    near = (field.cube.stamp.border_distance(stars.row, stars.column) > -PRF_REACH) & bright
    before, start, start_cpu = _peak_mib(), perf_counter(), process_time()
    result = work()
    seconds = perf_counter() - start, process_time() - start_cpu
    print(inside.sum(), near.sum(), n_cadence, *seconds, before, _peak_mib())
    return result


def _time_fit(options: argparse.Namespace, n_cadence: int) -> None:
    """Time the fit of a tile."""
    field = _tile(options, n_cadence)
    _timed(field, n_cadence, lambda: _fit(field))


def _time_loop(options: argparse.Namespace, n_cadence: int) -> None:
    """Time the plain loop on a few cadences."""
    field = _tile(options, n_cadence)
    sample = np.flatnonzero(field.good)[:: max(1, int(field.good.sum()) // _SAMPLE)][:_SAMPLE]
    _timed(field, len(sample), lambda: reference_loop(field, sample))


def _time_steps(options: argparse.Namespace, n_cadence: int) -> None:
    """Time motion and PRF of a tile."""
    field, motion = _tile(options, n_cadence), MotionSettings()
    stars = field.scene.catalogue_stars
    kernel = _timed(field, n_cadence, lambda: measure_motion([field.cube], stars, field.given, motion))
    _timed(field, n_cadence, lambda: learn_prf([field.cube], stars, field.given, kernel, PrfSettings(), motion))


def _time_target(options: argparse.Namespace, n_cadence: int) -> None:
    """Time the fit of the stars of a small cutout, as for a single target."""
    size = {"n_row": _TARGET_SIZE, "n_column": _TARGET_SIZE, "n_pairs": 0, "extra_tmags": (11.0,)}
    field = make_field("medium", "exact", given_prf(options.prf), n_cadence=n_cadence, **size)
    _timed(field, n_cadence, lambda: _fit(field))


def _profile(options: argparse.Namespace, n_cadence: int) -> None:
    """Print the functions of the package that the fit spends its time in."""
    field = _tile(options, n_cadence)
    profile = cProfile.Profile()
    profile.runcall(_fit, field)
    stats = pstats.Stats(profile)
    total = stats.total_tt
    rows = []
    for (path, _, name), (_, calls, own, cumulative, _) in stats.stats.items():
        rows.append((f"{os.path.basename(path)}:{name}", calls, own, cumulative, 100 * own / total))
    rows.sort(key=lambda row: -row[2])
    table = Table(rows=rows[:_N_PROFILED], names=("function", "calls", "own s", "with callees s", "own %"))
    for column in table.colnames[2:]:
        table[column].format = ".3f"
    print(aligned(table))


def _tile(options: argparse.Namespace, n_cadence: int) -> Field:
    """Simulate the tile, of the density that gives about as many stars as wanted."""
    per_square_deg = DENSITIES["medium"] * options.stars / _STARS_OF_MEDIUM
    prf = given_prf(options.prf)
    return make_field(per_square_deg, "exact", prf, n_cadence=n_cadence, seed=1)


def _peak_mib() -> float:
    """Return the largest memory that the process has had so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MIB


_TASKS: dict[str, Callable[[argparse.Namespace, int], None]] = {
    "fit": _time_fit,
    "loop": _time_loop,
    "steps": _time_steps,
    "target": _time_target,
    "profile": _profile,
}


def _run(options: argparse.Namespace, task: str, n_cadence: int) -> str:
    """Do a task in a process of its own and return what it prints."""
    command = [sys.executable, "-m", "benchmarks.speed", "--task", task, "--cadences", str(n_cadence)]
    command += ["--stars", str(options.stars)] + (["--prf", options.prf] if options.prf else [])
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def measure_speed(options: argparse.Namespace) -> Table:
    """Measure everything; one row for each step."""
    n_cadence = options.cadences
    wanted = [("fit", n_cadence, ["fit_tile"]), ("fit", n_cadence // 4, ["fit_tile"])]
    wanted += [("loop", n_cadence, ["plain loop"]), ("target", n_cadence, ["fit_tile, 15x15 px"])]
    wanted += [("steps", n_cadence // 4, ["measure_motion", "learn_prf"])]
    rows = []
    for task, number, names in wanted:
        for name, line in zip(names, _run(options, task, number).splitlines(), strict=True):
            n_star, n_free, cadences, wall, cpu, before, peak = (float(word) for word in line.split())
            per_free, per_star = (1e6 * cpu / (count * cadences) for count in (n_free, n_star))
            rows.append((name, int(n_star), int(n_free), int(cadences), wall, cpu, per_free, per_star, before, peak))
    names = ["step", "stars", "free", "cadences", "wall s", "CPU s", "us/free", "us/star", "MiB before", "MiB peak"]
    table = Table(rows=rows, names=names)
    table["loop/this"] = float(table["us/free"][table["step"] == "plain loop"][0]) / table["us/free"]
    for name, digits in zip([*names[4:], "loop/this"], (2, 2, 2, 2, 0, 0, 1), strict=True):
        table[name].format = f".{digits}f"
    return table


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.split("\n")[0])
    parser.add_argument("--stars", type=int, default=1300, help="stars with a free flux, about (default 1300)")
    parser.add_argument("--cadences", type=int, default=1300, help="number of cadences (default 1300)")
    parser.add_argument("--prf", metavar="FOLDER", help="SPOC PRF files of camera 4, CCD 2 (default: built-in PRF)")
    parser.add_argument("--task", choices=list(_TASKS), help="one measurement, in this process")
    options = parser.parse_args(argv)
    if options.task:
        _TASKS[options.task](options, options.cadences)
        return
    print(aligned(measure_speed(options)))
    print(
        "us/free, us/star: CPU microseconds per cadence and free star (those around the pixels, which are fitted, too)"
    )
    print("or star on the pixels (those that get a light curve), set-up included. loop/this: the plain loop's us/free.")
    print(f"\nprofile of fit_tile, {options.cadences // 4} cadences")
    print(_run(options, "profile", options.cadences // 4), end="")


if __name__ == "__main__":
    main()
