"""Simulated fields of other code, with its truth and oracle: scatter, pulls and bias by magnitude."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from astropy.table import Table

from benchmarks.cutouts import Cutout, measure_cutout, read_cutout
from benchmarks.report import aligned
from photometry.core.quality import STAR_FLAGS, flagged

__all__ = ["GIVEN", "given_lines", "given_table"]

#: Folders below `simulated`.
GIVEN = ("exact", "perturbed", "sky")
#: Magnitude bins, [low, high): whole magnitudes, and those that limits are given for.
_BINS = (*((tmag, tmag + 1) for tmag in range(8, 16)), (9, 11), (11, 16))

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Scores:
    """Measures of each star: (n_star,) float64; pulls (n_star, n_good)."""

    tmag: _Floats
    ratio: _Floats
    bias: _Floats
    pulls: _Floats
    oracle_bias: _Floats


def _scores(cutout: Cutout, folder: Path) -> _Scores:
    """Compare with truth and oracle; edge stars and those that cannot be measured are left out."""
    with h5py.File(folder / "truth.h5") as file:
        true_id, tmag, true_flux = file["tic"][:], file["tmag"][:], file["flux"][:].astype(np.float64)
        good = cutout.good & (file["quality"][:] == 0)
    with h5py.File(folder / "oracle.h5") as file:
        best_id, best_flux = file["tic"][:], file["flux"][:].astype(np.float64)
    fit = cutout.fit
    excluded = flagged(STAR_FLAGS, fit.star_flags, "edge", "not_measurable")
    which = np.flatnonzero(~excluded & np.isin(fit.starid, best_id) & np.isin(fit.starid, true_id))
    in_truth, in_best = (_places(ids, fit.starid[which]) for ids in (true_id, best_id))
    truth = true_flux[in_truth][:, good]
    error, of_best = fit.flux[which][:, good] - truth, best_flux[in_best][:, good] - truth
    return _Scores(
        tmag=tmag[in_truth],
        ratio=np.nanstd(error, axis=1) / np.nanstd(of_best, axis=1),
        bias=np.nanmean(error, axis=1) / truth.mean(axis=1),
        pulls=error / fit.flux_err[which][:, good],
        oracle_bias=np.nanmean(of_best, axis=1) / truth.mean(axis=1),
    )


def given_table(cutout: Cutout, folder: Path) -> Table:
    """Return medians of the stars by magnitude; biases in %."""
    scores, rows = _scores(cutout, folder), []
    for low, high in _BINS:
        which = (scores.tmag >= low) & (scores.tmag < high)
        if which.any():
            pulls = np.nanstd(scores.pulls[which], axis=1)
            rows.append(
                {
                    "T": f"{low}-{high}",
                    "stars": int(which.sum()),
                    "scatter/oracle": float(np.median(scores.ratio[which])),
                    "pulls": float(np.median(pulls)),
                    "bias": 100 * float(np.median(scores.bias[which])),
                    "|bias|84": 100 * float(np.percentile(np.abs(scores.bias[which]), 84)),
                    "o.|bias|84": 100 * float(np.percentile(np.abs(scores.oracle_bias[which]), 84)),
                }
            )
    table = Table(rows)
    for name in table.colnames[2:]:
        table[name].format = ".3f"
    return table


def given_lines(data: Path, name: str) -> list[str]:
    """Measure one of the fields and return its table, what was learnt and the time it took."""
    folder = data / "simulated" / name
    (pixels,) = folder.glob("*.fits.gz")
    cutout = measure_cutout(*read_cutout(pixels, folder / "catalog.csv", data / "prf/start_s0001_cam4_ccd2"))
    free = int((cutout.stars.tmag < cutout.fit.fit_tmag_limit).sum())
    per_star = 1e6 * cutout.seconds["fit"] / (free * cutout.cube.n_cadence)
    seconds = ", ".join(f"{step} {value:.1f}" for step, value in cutout.seconds.items())
    return [
        aligned(given_table(cutout, folder)),
        f"PRF: {cutout.prf.source}",
        f"CPU seconds: {seconds}; fit {per_star:.2f} us per free star and cadence",
    ]


def _places(among: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where the wanted numbers stand in an array of unique numbers that has them all."""
    order = np.argsort(among)
    return order[np.searchsorted(among, wanted, sorter=order)]
