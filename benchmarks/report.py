"""Tables and lines that the benchmarks print, and which of the wanted limits they miss."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from astropy.table import Row, Table

from benchmarks.scores import Slopes, StarScores, robust_width

__all__ = ["Limits", "aligned", "limits_of", "magnitude_table", "missed", "slopes_line", "summary_line"]

#: Magnitude bins of the tables: [T, T + 1).
_BINS = range(7, 16)
#: Bins of the summary.
_SUMMARY_BINS = range(9, 15)
#: Slopes with larger standard errors do not show whether a leak or a depth is within its limit.
_LARGEST_SLOPE_ERROR = 0.007
#: Largest error of a depth, and largest share of unflagged cadences without a flux, %.
_DEPTH_LIMIT, _MISSING_LIMIT = 2.0, 0.1

#: Wanted of faulty fields: scatter over the oracle's at T 9 to 11 and from T 11 on, 84th percentile of the bias at T 11
#: (%), range of the width of pulls.
_WANTED = {
    "prf": (1.25, 1.05, 0.7, (0.85, 1.2)),
    "focus": (1.10, 1.00, 0.2, (0.85, 1.2)),
    "missing": (1.20, 1.05, 0.6, (0.85, 1.25)),
    "sky": (1.50, 1.12, 1.5, (0.85, 1.25)),
}
#: The same of crowded fields, where it differs.
_WANTED_CROWDED = dict.fromkeys(("prf", "focus"), (1.3, 1.10, 1.0, (0.85, 1.25)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What is wanted of a field.

    Parameters
    ----------
    scatter : dict of int to float
        Largest scatter over the oracle's, by magnitude bin.
    bias, spread : float
        Largest median bias at T 9 to 13, and 84th percentile of its absolute value at T 11, %.
    pulls : (float, float)
        Range of the width of pulls.
    pulls_from : int
        Brightest magnitude bin whose pulls count.
    leak, largest_leak : float
        Median and largest leak of an eclipsing neighbour, %.
    movement : float
        Movement error, millipixel.
    """

    scatter: dict[int, float]
    bias: float
    spread: float
    pulls: tuple[float, float]
    pulls_from: int
    leak: float
    largest_leak: float
    movement: float


def limits_of(density: str, case: str, size: int) -> Limits:
    """Return what is wanted of 400 cadences of 30 min."""
    if case in _WANTED:
        bright, faint, spread, pulls = (
            _WANTED_CROWDED.get(case, _WANTED[case]) if density == "crowded" else _WANTED[case]
        )
        return Limits(
            scatter=dict.fromkeys((9, 10), bright) | dict.fromkeys(range(11, 15), faint),
            bias=np.inf,
            spread=spread,
            pulls=pulls,
            pulls_from=9,
            leak=np.inf,
            largest_leak=np.inf,
            movement=np.inf,
        )
    k = ("sparse", "medium", "crowded").index(density)
    if case == "exact":
        scatter = dict.fromkeys(range(8, 15), (1.05, 1.10, 1.25)[k])
    else:
        bright = (1.25, 1.25, 1.25) if size >= 256 else (2.0, 1.3, 1.3)
        scatter = dict(zip((8, 9, 10), bright, strict=True)) | dict.fromkeys(range(11, 15), (1.05, 1.10, 1.30)[k])
    return Limits(
        scatter=scatter,
        bias=np.inf if case == "exact" else (0.2, 0.2, 0.5)[k],
        spread=((0.1, 0.2, 0.5) if case == "exact" else (0.4, 0.5, 1.0))[k],
        pulls=((0.95, 1.05), (0.95, 1.10), (0.85, 1.15))[k],
        pulls_from=8,
        leak=(0.3, 0.3, 0.5)[k],
        largest_leak=(2.0, 2.0, np.inf)[k],
        movement=0.3 if density == "medium" else np.inf,
    )


def magnitude_table(scores: StarScores) -> Table:
    """Return measures per magnitude bin; medians over stars, biases in %."""
    rows = []
    for tmag in _BINS:
        which = (scores.tmag >= tmag) & (scores.tmag < tmag + 1)
        if which.any():
            rows.append(_bin(scores, which) | {"T": tmag})
    table = Table(rows)["T", *list(rows[0])[:-1]] if rows else Table()
    for name in table.colnames[2:]:
        table[name].format = ".3f"
    return table


def _bin(scores: StarScores, which: npt.NDArray[np.bool_]) -> dict[str, float]:
    """One row of the table."""
    pulls, oracle_pulls = scores.pulls[which], scores.oracle_pulls[which]
    oracle = scores.oracle_scatter[which]
    return {
        "stars": int(which.sum()),
        "scatter/oracle": float(np.median(scores.scatter[which] / oracle)),
        "scatter/wide": float(np.median(scores.scatter[which] / scores.wide_scatter[which])),
        "oracle/bound": float(np.median(oracle / scores.free_bound[which])),
        "oracle/held": float(np.median(oracle / scores.held_bound[which])),
        "moving/held": float(np.median(scores.moving_bound[which] / scores.held_bound[which])),
        "bias": 100 * float(np.median(scores.bias[which])),
        "|bias|84": 100 * float(np.percentile(np.abs(scores.bias[which]), 84)),
        "o.bias": 100 * float(np.median(scores.oracle_bias[which])),
        "o.|bias|84": 100 * float(np.percentile(np.abs(scores.oracle_bias[which]), 84)),
        "pulls": float(np.median(np.nanstd(pulls, axis=1))),
        "pulls all": robust_width(pulls - np.nanmedian(pulls, axis=1, keepdims=True)),
        "pulls raw": robust_width(pulls),
        "o.pulls": float(np.median(np.nanstd(oracle_pulls, axis=1))),
        "o.pulls raw": robust_width(oracle_pulls),
    }


def aligned(table: Table) -> str:
    """Return a table as aligned text."""
    return "\n".join(table.pformat(max_lines=-1, max_width=-1))


def summary_line(name: str, table: Table) -> str:
    """Say in a line what a table shows at T 9 to 14; bins without stars are marked by a dash."""
    rows = {int(row["T"]): row for row in table}

    def of_bins(column: str) -> str:
        return " ".join(f"{rows[tmag][column]:.2f}" if tmag in rows else "-" for tmag in _SUMMARY_BINS)

    spread = f"{rows[11]['|bias|84']:.2f} %" if 11 in rows else "-"
    return (
        f"{name}: scatter/oracle T {_SUMMARY_BINS[0]}..{_SUMMARY_BINS[-1]}: {of_bins('scatter/oracle')} | "
        f"pulls: {of_bins('pulls')} | |bias|84 T 11-12: {spread}"
    )


def slopes_line(name: str, slopes: Slopes) -> str:
    """Say in a line how large slopes are."""
    if len(slopes.value) == 0:
        return f"{name}: none"
    size, known = 100 * np.abs(slopes.value), slopes.error < _LARGEST_SLOPE_ERROR
    return (
        f"{name}: n {len(size)}, median {np.median(size):.3f}, max {size.max():.3f}, "
        f"max of the {known.sum()} known to {100 * _LARGEST_SLOPE_ERROR:.1f} % {size[known].max(initial=0):.3f}, "
        f"median standard error {100 * np.median(slopes.error):.3f}, "
        f"most standard errors {np.max(np.abs(slopes.value) / slopes.error):.1f}"
    )


def missed(limits: Limits, table: Table, leak: Slopes, depth: Slopes, scores: StarScores, movement: float) -> list[str]:
    """Name the limits that are missed; a bin of one star counts as well as one of many."""
    median_leak = 100 * float(np.median(np.abs(leak.value))) if len(leak.value) else 0.0
    largest_leak, worst_depth = (
        100 * float(np.abs(each.value[each.error < _LARGEST_SLOPE_ERROR]).max(initial=0.0)) for each in (leak, depth)
    )
    measures = [
        ("median leak", median_leak, limits.leak, "%"),
        ("largest leak", largest_leak, limits.largest_leak, "%"),
        ("depth error of a blended star", worst_depth, _DEPTH_LIMIT, "%"),
        ("movement error", movement, limits.movement, "millipixel"),
        ("without flux in unflagged cadences", 100 * float(1 - np.mean(scores.finite)), _MISSING_LIMIT, "%"),
        ("NaN without a flag", float(scores.n_silent), 0.0, ""),
    ]
    in_bins = [text for row in table for text in _missed_in_bin(limits, row)]
    return in_bins + [f"{name} {value:.3f} > {limit} {unit}" for name, value, limit, unit in measures if value > limit]


def _missed_in_bin(limits: Limits, row: Row) -> list[str]:
    """Name the limits that a magnitude bin misses."""
    tmag, where = int(row["T"]), f"T={row['T']} (n={row['stars']})"
    low, high = limits.pulls
    found = []
    if row["scatter/oracle"] > limits.scatter.get(tmag, np.inf):
        found.append(f"{where} scatter/oracle {row['scatter/oracle']:.3f} > {limits.scatter[tmag]}")
    if tmag in range(9, 13) and abs(row["bias"]) > limits.bias:
        found.append(f"{where} bias {row['bias']:.3f} > {limits.bias} %")
    if tmag == 11 and row["|bias|84"] > limits.spread:
        found.append(f"{where} |bias|84 {row['|bias|84']:.3f} > {limits.spread} %")
    if tmag in range(limits.pulls_from, 15) and not low <= row["pulls"] <= high:
        found.append(f"{where} pulls {row['pulls']:.3f} outside {low} to {high}")
    return found
