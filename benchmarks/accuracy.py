"""Accuracy on simulated fields against the oracle and the Cramer-Rao bound: one table per density and case.

    python -m benchmarks.accuracy --density sparse medium crowded --case exact perturbed prf focus missing sky

`benchmarks/README.md` explains the columns.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from time import process_time

import numpy as np
from astropy.table import Table

from benchmarks.bound import cramer_rao_bound
from benchmarks.fields import (
    CASES,
    DENSITIES,
    given_prf,
    make_field,
    measure,
    oracle,
    other_prf,
    wide_oracle,
    without_faults,
)
from benchmarks.report import aligned, limits_of, magnitude_table, missed, slopes_line, summary_line
from benchmarks.scores import Slopes, StarScores, depth_slopes, leak_slopes, motion_error, score_stars
from photometry.prf.prf_grid import PrfGrid

__all__ = ["Accuracy", "main", "measure_accuracy"]

#: Size and number of cadences of the short form.
_SHORT_SIZE, _SHORT_CADENCES = 32, 60


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What one or several fields of a density and a case show.

    Parameters
    ----------
    scores : StarScores
        Measures of the stars of all fields.
    leak, oracle_leak, depth, oracle_depth : Slopes
        Of the pairs and the blended stars of all fields.
    movement, given_movement : float
        Root of the mean square error of the motion by the learnt and by the given PRF, millipixel.
    offset : (n_field, 2) array
        Error of the stars' constant place, row and column, millipixel.
    n_star, n_cadence : int
        Stars measured in all fields; cadences of each.
    seconds : dict
        CPU time of each step, all fields.
    prf_sources : tuple of str
        What was learnt in each field.
    """

    scores: StarScores
    leak: Slopes
    oracle_leak: Slopes
    depth: Slopes
    oracle_depth: Slopes
    movement: float
    given_movement: float
    offset: np.ndarray
    n_star: int
    n_cadence: int
    seconds: dict[str, float]
    prf_sources: tuple[str, ...]


def measure_accuracy(density: str, case: str, prf: PrfGrid, seeds: list[int], **changes: object) -> Accuracy:
    """Simulate and measure a field for each seed, and put what they show together.

    Parameters
    ----------
    density, case, prf, **changes
        As of `benchmarks.fields.make_field`.
    seeds : list of int
        Seeds of the simulations.
    """
    parts = [_one_field(density, case, prf, seed, changes) for seed in seeds]
    if len(parts) == 1:
        return parts[0]
    return Accuracy(
        scores=_joined([part.scores for part in parts]),
        leak=_joined([part.leak for part in parts]),
        oracle_leak=_joined([part.oracle_leak for part in parts]),
        depth=_joined([part.depth for part in parts]),
        oracle_depth=_joined([part.oracle_depth for part in parts]),
        movement=float(np.sqrt(np.mean([part.movement**2 for part in parts]))),
        given_movement=float(np.sqrt(np.mean([part.given_movement**2 for part in parts]))),
        offset=np.concatenate([part.offset for part in parts]),
        n_star=sum(part.n_star for part in parts),
        n_cadence=parts[0].n_cadence,
        seconds={step: sum(part.seconds[step] for part in parts) for step in parts[0].seconds},
        prf_sources=tuple(part.prf_sources[0] for part in parts),
    )


def _joined(parts: list) -> StarScores | Slopes:
    """Put arrays of several fields together and add up counts."""
    names = type(parts[0]).__slots__
    columns = [[getattr(part, name) for part in parts] for name in names]
    return type(parts[0])(*(np.concatenate(c) if isinstance(c[0], np.ndarray) else sum(c) for c in columns))


def _one_field(density: str, case: str, prf: PrfGrid, seed: int, changes: Mapping[str, object]) -> Accuracy:
    """Simulate and measure one field."""
    start = process_time()
    field = make_field(density, case, prf, seed=seed, **changes)
    simulated = process_time()
    measured = measure(field)
    ideal = without_faults(field)
    oracle_seconds, best = oracle(ideal)
    bound_start = process_time()
    bound = cramer_rao_bound(ideal)
    seconds = {"simulation": simulated - start, **measured.seconds, "oracle": oracle_seconds}
    seconds["bound"] = process_time() - bound_start
    offset, movement = motion_error(field, measured.kernel)
    return Accuracy(
        scores=score_stars(field, measured.fluxes, best, wide_oracle(ideal), bound),
        leak=leak_slopes(field, measured.fluxes),
        oracle_leak=leak_slopes(field, best),
        depth=depth_slopes(field, measured.fluxes),
        oracle_depth=depth_slopes(field, best),
        movement=1e3 * movement,
        given_movement=1e3 * motion_error(field, measured.given_kernel)[1],
        offset=1e3 * offset[None],
        n_star=len(measured.fluxes.starid),
        n_cadence=field.cube.n_cadence,
        seconds=seconds,
        prf_sources=(measured.prf.source,),
    )


def lines_of(result: Accuracy, table: Table, density: str, case: str, size: int) -> list[str]:
    """Return what the table does not show, line by line."""
    scores = result.scores
    offsets = "; ".join(f"{row:.2f}, {column:.2f}" for row, column in result.offset)
    steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in result.seconds.items())
    left_out = f"{scores.n_edge} edge, {scores.n_unmeasurable} not measurable, {scores.n_unmatched} without an oracle"
    per_star = 1e6 * result.seconds["fit"] / (result.n_star * result.n_cadence)
    limits = limits_of(density, case, size)
    misses = missed(limits, table, result.leak, result.depth, scores, result.movement)
    return [
        f"PRF: {'; '.join(result.prf_sources)}",
        f"movement error, millipixel rms: {result.movement:.3f} (with the given PRF {result.given_movement:.3f})",
        f"offset error, millipixel (row, column): {offsets}",
        slopes_line("eclipse leak %", result.leak),
        slopes_line("  of the oracle", result.oracle_leak),
        slopes_line("depth error of blended stars T<=13 %", result.depth),
        slopes_line("  of the oracle", result.oracle_depth),
        f"left out: {left_out}, of {result.n_star}",
        f"finite on {100 * np.mean(scores.finite):.3f} % of unflagged cadences; NaN without a flag: {scores.n_silent}",
        f"CPU seconds: {steps}; fit {per_star:.2f} us per star and cadence",
        *[f"LIMIT MISSED: {miss}" for miss in misses],
    ]


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--density", nargs="+", choices=list(DENSITIES), default=list(DENSITIES))
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--size", type=int, default=64, help="rows and columns, pixels (default 64)")
    parser.add_argument("--cadences", type=int, default=400, help="number of cadences (default 400)")
    parser.add_argument("--seed", nargs="+", type=int, default=[1], help="seeds; stars of all are put together")
    parser.add_argument("--prf", metavar="FOLDER", help="SPOC PRF files of camera 4, CCD 2 (default: built-in PRF)")
    parser.add_argument(
        "--other-prf",
        nargs=4,
        metavar=("FOLDER", "SECTOR", "CAMERA", "CCD"),
        help="SPOC PRF of another CCD for the cases prf and sky (default: built-in PRF)",
    )
    parser.add_argument("--true-background", action="store_true", help="split off the true background, no estimate")
    parser.add_argument("--short", action="store_true", help="few pixels and cadences: only whether it runs")
    options = parser.parse_args(argv)
    size, n_cadence = (_SHORT_SIZE, _SHORT_CADENCES) if options.short else (options.size, options.cadences)
    prf = given_prf(options.prf)
    changes = {"n_row": size, "n_column": size, "n_cadence": n_cadence, "true_background": options.true_background}
    changes["other"] = other_prf(options.other_prf)
    summaries = []
    for density in options.density:
        for case in options.case:
            result = measure_accuracy(density, case, prf, options.seed, **changes)
            table = magnitude_table(result.scores)
            print(f"\n{density}, case {case}, {size}x{size} px, {n_cadence} cadences, seeds {options.seed}")
            print(aligned(table))
            print("\n".join(lines_of(result, table, density, case, size)), flush=True)
            summaries.append(summary_line(f"{density}, {case}", table))
    print("\n" + "\n".join(summaries))


if __name__ == "__main__":
    main()
