"""Light curves without what the stars of a field share, against truth, beside two others on the same data.

    python -m benchmarks.trends

Fields of 256 x 256 pixels with shared systematics of 0.05 to 0.5 % (`benchmarks.trend_fields`), 10-minute cadence. The
others are lightkurve's CBVCorrector with our trends and a ridge of 1e-4, and least squares with as many principal
components of the same stars' light curves.
"""

import argparse
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from astropy.table import Table
from astropy.time import Time
from astropy.units import Unit

from benchmarks.trend_fields import (
    Field,
    amplitudes,
    corrected,
    depth_errors,
    depths,
    learnt,
    make_field,
    scatter,
)
from photometry.trends.trend_set import TrendSet

__all__ = ["Scores", "main", "measure", "principal_components"]

Array = npt.NDArray[np.float64]
#: Signal-to-noise ratio of transits that a search for planets finds.
_FOUND = 7.1
_KINDS = ("transits", "sinusoids", "spared")


@dataclass
class Scores:
    """What light curves without trends are like, over all fields.

    Parameters
    ----------
    scatter : list of float
        6.5-hour scatter of quiet stars of T = 8 to 12 over that of the same light curves without systematics.
    transits, found, sinusoids : list of float
        Relative change of depth, of those with a signal-to-noise ratio above 7.1 alone, and of amplitude.
    spared : list of float
        Relative growth of the scatter of stars without systematics in fields with them.
    pulls : list of float
        Standard deviation of the pulls of a quiet star.
    """

    scatter: list[float] = field(default_factory=list)
    transits: list[float] = field(default_factory=list)
    found: list[float] = field(default_factory=list)
    sinusoids: list[float] = field(default_factory=list)
    spared: list[float] = field(default_factory=list)
    pulls: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the line of the table: medians and 95th percentiles."""
        cells = []
        for name in ("scatter", "transits", "found", "sinusoids", "spared"):
            values = np.array(getattr(self, name) or [np.nan])
            sizes = values if name in ("scatter", "spared") else np.abs(values)
            scale = 1 if name == "scatter" else 100
            cells.append("{:6.3f} {:6.3f}".format(*scale * np.quantile(sizes, [0.5, 0.95])))
        pulls = f"{np.median(self.pulls):5.2f}" if self.pulls else "    -"
        return " | ".join([*cells, pulls])


def measure(flux: Array, errors: Array | None, made: Field, kind: str, scores: Scores) -> None:
    """Add what light curves of a field are like to the scores; stars with NaNs throughout were not corrected."""
    quiet = made.quiet & np.isfinite(flux).all(axis=1)
    ratio = scatter(flux[quiet], made.time) / scatter(made.clean[quiet], made.time)
    scores.scatter += ratio.tolist()
    if errors is not None:
        pulls = (flux[quiet] - made.truth[quiet]) / errors[quiet]
        scores.pulls += (pulls - np.median(pulls, axis=1, keepdims=True)).std(axis=1).tolist()
    stars = list(made.signals)
    if kind == "transits":
        before = depths(made.clean, made)
        changes = (depths(flux, made) - before) / (made.mean[stars] * [signal.size for signal in made.signals.values()])
        scores.transits += changes.tolist()
        scores.found += changes[before > _FOUND * depth_errors(made)].tolist()
    elif kind == "sinusoids":
        scores.sinusoids += (amplitudes(flux, made) / amplitudes(made.clean, made) - 1).tolist()
    elif kind == "spared":
        scores.spared += (scatter(flux[stars], made.time) / scatter(made.clean[stars], made.time) - 1).tolist()


def principal_components(made: Field, trends: TrendSet) -> Array:
    """Return light curves without as many principal components of the same stars, by least squares."""
    values = (made.clean + made.shared) / np.median(made.clean + made.shared, axis=1, keepdims=True) - 1
    places = np.isin(made.stars.starid, trends.stars.starid)
    _, _, right = np.linalg.svd(values[places] - values[places].mean(axis=1, keepdims=True), full_matrices=False)
    return _least_squares(made, right[: trends.n_trend])


def _least_squares(made: Field, series: Array) -> Array:
    flux = made.clean + made.shared
    basis = np.vstack([np.ones(series.shape[1]), series]).T
    shares = np.linalg.lstsq(basis, flux.T, rcond=None)[0]
    return np.asarray(flux - (basis[:, 1:] @ shares[1:]).T)


def lightkurve_corrected(made: Field, trends: TrendSet, stars: npt.NDArray[np.int64]) -> Array:
    """Return light curves of some stars by lightkurve's CBVCorrector with our trends, NaN for all others."""
    from lightkurve import TessLightCurve
    from lightkurve.correctors import CBVCorrector

    logging.getLogger("lightkurve").setLevel(logging.ERROR)
    given, flux = made.fluxes(), np.full(made.clean.shape, np.nan)
    basis = _cbvs(made, trends)
    for star in stars.tolist():
        unit = Unit("electron / s")
        fluxes = {"flux": given.flux[star] * unit, "flux_err": given.flux_err[star] * unit}
        curve = TessLightCurve(time=Time(given.time + 2000, format="btjd", scale="tdb"), **fluxes)
        curve["cadenceno"] = given.cadenceno
        curve.meta |= {"SECTOR": 1, "CAMERA": 1, "CCD": 1, "MISSION": "TESS", "TARGETID": star}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            corrector = CBVCorrector(curve, do_not_load_cbvs=True, interpolate_cbvs=False)
            corrector.cbvs = [basis]
            indices = [np.arange(1, trends.n_trend + 1)]
            after = corrector.correct_gaussian_prior(cbv_type=["SingleScale"], cbv_indices=indices, alpha=1e-4)
        flux[star] = np.asarray(after.flux.value)
    return flux


def _cbvs(made: Field, trends: TrendSet) -> object:
    """Return our trends as lightkurve's."""
    from lightkurve.correctors.cbvcorrector import TessCotrendingBasisVectors

    table = Table({"CADENCENO": trends.cadenceno, "GAP": np.zeros(len(made.time), bool)})
    for number, values in enumerate(trends.values, 1):
        table[f"VECTOR_{number}"] = values / np.sqrt(len(values))
    table.meta |= {"MISSION": "TESS", "CBV_TYPE": "SingleScale", "BAND": None, "SECTOR": 1, "CAMERA": 1, "CCD": 1}
    return TessCotrendingBasisVectors(table, Time(made.time + 2000, format="btjd", scale="tdb"))


def _rows(seeds: range, *, with_lightkurve: bool) -> dict[str, Scores]:
    """Return the scores of all methods."""
    rows = {"as measured": Scores(), "ours": Scores(), "principal components": Scores(), "lightkurve": Scores()}
    for seed in seeds:
        for kind in _KINDS:
            made = make_field(seed, kind)
            trends = learnt(made)
            after = corrected(made, trends)
            counted = np.flatnonzero(made.quiet)[::5].tolist() + list(made.signals)
            methods: dict[str, Callable[[], Array]] = {
                "as measured": lambda made=made: made.clean + made.shared,  # type: ignore[misc]
                "principal components": partial(principal_components, made, trends),
            }
            if with_lightkurve and trends.n_trend:
                methods["lightkurve"] = partial(lightkurve_corrected, made, trends, np.array(sorted(counted)))
            measure(after.flux.astype(np.float64), after.flux_err.astype(np.float64), made, kind, rows["ours"])
            for name, method in methods.items():
                measure(method(), None, made, kind, rows[name])
    return rows


def main() -> None:
    """Measure all methods and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=5, help="fields of each kind")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first")
    parser.add_argument("--without-lightkurve", action="store_true", help="leave lightkurve out")
    arguments = parser.parse_args()
    head = "{:22s} {:>13s} | {:>13s} | {:>13s} | {:>13s} | {:>13s} | {:>5s}"
    print(head.format("median, 95 %", "scatter", "transits %", "S/N > 7.1 %", "sinusoids %", "spared %", "pulls"))
    seeds = range(arguments.seed, arguments.seed + arguments.fields)
    for name, scores in _rows(seeds, with_lightkurve=not arguments.without_lightkurve).items():
        if scores.scatter:
            print(f"{name:22s} {scores.row()}")


if __name__ == "__main__":
    main()
