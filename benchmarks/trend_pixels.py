"""Corrected fluxes from pixels: a field with shared systematics against the same field without them.

    python -m benchmarks.trend_pixels

Both are measured as the workflow does it: background split off, motion, PRF, fit; then trends and corrected fluxes.
Scatter is that of means over 6.5 h about the true flux, which has no systematics.
"""

import argparse
from dataclasses import dataclass, fields
from time import process_time

import numpy as np
import numpy.typing as npt

from benchmarks.fields import Field, given_prf, make_field
from benchmarks.trend_fields import scatter
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.region import measure_motion
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.fit.subtiles import tile_parts
from photometry.fit.tile_photometry import fit_tile
from photometry.trends.corrected_fluxes import CorrectedFluxes, corrected_fluxes
from photometry.trends.learning import StarFluxes, learn_trends
from photometry.trends.reference_stars import Candidates
from photometry.trends.trend_set import TrendSet

__all__ = ["MeasuredField", "compared", "main", "measured_field", "without_trends"]

Array = npt.NDArray[np.float64]
#: Magnitudes that are told apart in the table.
_BRIGHTNESS = ((7.0, 9.0), (9.0, 10.5), (10.5, 12.0), (12.0, 13.5))
#: Bright stars that are added, as chance would put few on so small a field.
_ADDED = tuple(np.round(np.linspace(7.5, 12.5, 60), 2).tolist())


@dataclass(frozen=True, slots=True)
class MeasuredField:
    """A field as it was measured; arrays are those of `photometry.fit.tile_fit.TileFit`, of all stars."""

    field: Field
    seconds: float
    starid: npt.NDArray[np.int64]
    tmag: Array
    row: Array
    column: Array
    star_flags: npt.NDArray[np.int32]
    blend_correlation: Array
    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]


def measured_field(size: float, *, n_pixel: int, n_cadence: int, density: float, seed: int) -> MeasuredField:
    """Simulate a field over 27 d with shared systematics of a size, and measure motion, PRF and fluxes."""
    field = make_field(
        density,
        "exact",
        given_prf(None),
        seed=seed,
        n_row=n_pixel,
        n_column=n_pixel,
        n_cadence=n_cadence,
        cadence_s=round(27 * 86400 / n_cadence),
        extra_tmags=_ADDED,
        brightest_tmag=7.0,
        n_pairs=0,
        variable_fraction=0.05,
        shared_systematics=size,
    )
    start, cube, stars = process_time(), field.cube, field.scene.catalogue_stars
    motion, settings = MotionSettings(), FitSettings()
    kernel = measure_motion([cube], stars, field.given, motion)
    learnt = learn_prf([cube], stars, field.given, kernel, PrfSettings(), motion)
    stars = stars.with_others(learnt.unlisted)
    fits = []
    for part in tile_parts(cube.stamp, cube.stamp, stars, cube.n_cadence, settings):
        around = cube.cut(part.grown(settings.tile_margin).clipped(cube.stamp))
        fits.append(fit_tile(around, stars, part, learnt.prf, learnt.kernel, settings))
    names = [one.name for one in fields(MeasuredField)][2:]
    return MeasuredField(
        field, process_time() - start, *(np.concatenate([getattr(fit, name) for fit in fits]) for name in names)
    )


def without_trends(measured: MeasuredField) -> tuple[TrendSet, CorrectedFluxes]:
    """Learn the trends of a field and take them off."""
    cube, names = measured.field.cube, ("starid", "tmag", "row", "column", "star_flags", "blend_correlation")
    stars = Candidates(*(getattr(measured, name) for name in names))
    number = np.arange(cube.n_cadence, dtype=np.int32)
    given = StarFluxes(stars, measured.field.scene.time, number, cube.usable, measured.flux, measured.flux_err)
    trends = learn_trends(given)
    places = stars.starid, stars.row, stars.column
    return trends, corrected_fluxes(trends, *places, given.flux, given.flux_err, given.usable)


def compared(measured: MeasuredField, after: CorrectedFluxes, clean: MeasuredField) -> list[dict[str, float]]:
    """Compare constant stars with those of the clean field: scatter in 6.5 h, ppm, pulls of CORR_FLUX."""
    good, time = measured.field.good & clean.field.good, measured.field.scene.time
    truth, same = _truth(measured.field, measured.starid), _places(clean.starid, measured.starid)
    constant = np.isfinite(truth).all(axis=1) & (np.ptp(truth, axis=1) == 0) & (measured.star_flags == 0) & (same >= 0)
    rows = []
    for low, high in _BRIGHTNESS:
        which = np.flatnonzero(constant & (measured.tmag >= low) & (measured.tmag < high))
        if not len(which):
            continue
        series = {
            "without": clean.flux[same[which]] - truth[which],
            "FLUX": measured.flux[which] - truth[which],
            "CORR_FLUX": after.flux[which] - truth[which],
        }
        found = {name: 1e6 * scatter(values[:, good], time[good]) / truth[which, 0] for name, values in series.items()}
        errors = {"pulls": after.flux_err[which], "pulls_without": clean.flux_err[same[which]]}
        pulls = {
            name: _width((series["CORR_FLUX" if name == "pulls" else "without"] / error)[:, good])
            for name, error in errors.items()
        }
        ratio = found["CORR_FLUX"] / found["without"]
        rows.append(
            {"low": low, "high": high, "stars": len(which)}
            | {name: float(np.median(values)) for name, values in found.items()}
            | {"ratio": float(np.median(ratio)), "ratio95": float(np.quantile(ratio, 0.95))}
            | pulls
        )
    return rows


def _width(pulls: Array) -> float:
    """Return the standard deviation of the middle star's pulls."""
    return float(np.median((pulls - np.median(pulls, axis=1, keepdims=True)).std(axis=1)))


def _truth(field: Field, starid: npt.NDArray[np.int64]) -> Array:
    """Return the true fluxes of stars, (n_star, n_cadence), NaN of those that are none."""
    scene = field.scene
    places = _places(scene.population.starid, starid)
    return np.where(places[:, None] >= 0, scene.flux[places].astype(np.float64), np.nan)


def _places(starid: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places of stars among others, -1 where they are not."""
    places = {star: place for place, star in enumerate(starid.tolist())}
    return np.array([places.get(star, -1) for star in wanted.tolist()], dtype=np.int64)


def main() -> None:
    """Measure a field with and without systematics and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=0.003, help="systematics, a share of the flux")
    parser.add_argument("--pixels", type=int, default=256, help="side of the field")
    parser.add_argument("--cadences", type=int, default=400, help="cadences in 27 d")
    parser.add_argument("--density", type=float, default=400.0, help="stars per square degree brighter than T=16")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    options = {"n_pixel": given.pixels, "n_cadence": given.cadences, "seed": given.seed}
    clean = measured_field(0.0, density=given.density, **options)
    measured = measured_field(given.size, density=given.density, **options)
    trends, after = without_trends(measured)
    print(f"{trends.n_trend} trends of {len(trends.stars)} stars ({trends.n_candidate} candidates) {trends.reason}")
    print(f"motion, PRF and fit of {len(measured.starid)} stars: {measured.seconds:.0f} CPU s")
    print("T            stars  without   FLUX  CORR_FLUX   over without: median, 95 %   pulls  without")
    for row in compared(measured, after, clean):
        print(
            "{low:4.1f} to {high:4.1f} {stars:5.0f} {without:8.0f} {FLUX:6.0f} {CORR_FLUX:10.0f}"
            "   {ratio:13.3f} {ratio95:14.3f} {pulls:7.2f} {pulls_without:8.2f}".format(**row)
        )


if __name__ == "__main__":
    main()
