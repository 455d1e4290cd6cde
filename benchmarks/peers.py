"""The joint fit beside photutils' PSFPhotometry, TGLC's ePSF algebra and an aperture sum, on the same pixels.

    python -m benchmarks.peers --density sparse

photutils is given the PRF of the CCD, the true positions in every cadence (held fixed), the true background, the
pixels' errors and the true mean fluxes to start from; stars fainter than the fit limit are subtracted for it with their
catalogue magnitudes. Ours is given what the workflow has.
"""

import argparse
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import process_time

import numpy as np
import numpy.typing as npt
from astropy.modeling import Fittable2DModel
from astropy.nddata import NDData
from astropy.table import Table, hstack
from astropy.utils.exceptions import AstropyUserWarning
from photutils.psf import GriddedPSFModel, ImagePSF, PSFPhotometry, SourceGrouper

from benchmarks.bound import cramer_rao_bound, design_matrix
from benchmarks.fields import (
    DENSITIES,
    Field,
    Fluxes,
    given_prf,
    make_field,
    measure,
    oracle,
    wide_oracle,
    without_faults,
)
from benchmarks.peer_codes import aperture_fluxes, has_tglc, tglc_fluxes
from benchmarks.report import aligned, magnitude_table
from benchmarks.scores import score_stars
from photometry.core.constants import PRF_SAMPLES_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid
from photometry.simulate import true_kernel

__all__ = ["Photutils", "main", "photutils_fluxes", "photutils_model"]

#: Stars so far outside the pixels are still given to photutils; its cutouts must overlap the pixels, pixels.
_OUTSIDE = 1.0
#: Distance within which photutils fits stars together, pixels; with more, groups of medium fields hold hundreds.
_GROUPS = {"sparse": 4.0, "medium": 2.0, "crowded": 1.0}
#: Cases of `benchmarks.fields.CASES` in which photutils is not given places of stars that the catalogue does not have.
_CASES = ("exact", "perturbed", "prf", "focus")
#: Groups of any size are fitted.
_NEVER_WARN = 1_000_000
#: What else measures the same pixels.
PEERS = {"aperture": aperture_fluxes, "TGLC": tglc_fluxes}
#: Columns of the table of all codes: of scatters over the oracle's, of the bias (%), of pulls, by magnitude.
_SHOWN = ("scatter T=10", "T=12", "T=14", "bias T=11", "pulls T=12")
#: Columns of the comparison.
_COLUMNS = ("scatter/oracle", "scatter/wide", "bias", "|bias|84", "pulls")


def photutils_model(prf: PrfGrid, stamp: Stamp, *, gridded: bool) -> Fittable2DModel:
    """Return the PRF as a model of photutils on the pixels of a stamp, positions held fixed.

    Parameters
    ----------
    prf : PrfGrid
        PRF of the CCD.
    stamp : Stamp
        The pixels; x and y of the model count from its first.
    gridded : bool
        Whether the PRF depends on the place, bilinearly, or is that of the middle everywhere.
    """
    if gridded:
        samples = prf.samples.reshape(-1, *prf.samples.shape[2:])
        places = [(column - stamp.col_min, row - stamp.row_min) for row in prf.rows for column in prf.columns]
        model = GriddedPSFModel(NDData(samples, meta={"grid_xypos": places, "oversampling": PRF_SAMPLES_PER_PIXEL}))
    else:
        row, column = stamp.center
        indices, weights = prf.mixture(np.array([row]), np.array([column]))
        samples = prf.samples.reshape(-1, *prf.samples.shape[2:])[indices[0]]
        model = ImagePSF(np.tensordot(weights[0], samples, axes=1), oversampling=PRF_SAMPLES_PER_PIXEL)
    model.x_0.fixed = model.y_0.fixed = True
    return model


@dataclass(frozen=True, slots=True)
class Photutils:
    """How photutils is run.

    Parameters
    ----------
    group_pix : float
        Stars nearer than this are fitted together, pixels.
    fit_size : int
        Pixels per axis around each star that are fitted.
    gridded : bool
        As of `photutils_model`.
    """

    group_pix: float
    fit_size: int
    gridded: bool


def photutils_fluxes(
    field: Field, ours: Fluxes, cadences: npt.NDArray[np.int64], how: Photutils
) -> tuple[float, int, Fluxes]:
    """Fit some cadences by photutils.

    Parameters
    ----------
    field : Field
        The field.
    ours : Fluxes
        Which stars are wanted, and their flags.
    cadences : (n_chosen,) int64
        Cadences to fit; the others become NaN.
    how : Photutils
        Its settings.

    Returns
    -------
    seconds : float
        CPU time.
    n_star : int
        Stars fitted in each cadence.
    fluxes : Fluxes
        Of the stars of `ours`.
    """
    stamp, stars = field.cube.stamp, field.scene.stars
    near = stamp.border_distance(stars.row, stars.column) > -_OUTSIDE
    bright = (stars.tmag < FitSettings().tmag_limit) | np.isin(stars.starid, ours.starid)
    faint = replace(stars, tmag=field.scene.full_catalogue.stars.tmag).select(~bright)
    stars, prf = stars.select(near & bright), PrfEvaluator(field.given)
    model = photutils_model(field.given, stamp, gridded=how.gridded)
    grouper = SourceGrouper(how.group_pix)
    photometry = PSFPhotometry(model, how.fit_size, grouper=grouper, group_warning_threshold=_NEVER_WARN)
    shape = (len(stars), field.cube.n_cadence)
    flux, error = np.full(shape, np.nan, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    seconds = 0.0
    for cadence in cadences:
        image, first = _input_of_cadence(field, stars, faint, prf, int(cadence))
        start = process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)
            found = photometry(image, mask=~np.isfinite(image), error=field.cube.images_err[cadence], init_params=first)
        seconds += process_time() - start
        order = np.argsort(found["id"])
        flux[:, cadence] = np.ma.filled(found["flux_fit"], np.nan)[order]
        error[:, cadence] = np.ma.filled(found["flux_err"], np.nan)[order]
    index = {int(starid): k for k, starid in enumerate(stars.starid)}
    which = np.array([index[int(starid)] for starid in ours.starid])
    fluxes = Fluxes(ours.starid, flux[which], error[which], np.ones_like(ours.pixel_quality), ours.star_flags)
    return seconds, len(stars), fluxes


def _input_of_cadence(
    field: Field, stars: Stars, faint: Stars, prf: PrfEvaluator, cadence: int
) -> tuple[npt.NDArray[np.float64], Table]:
    """Image without background and faint stars, and places and fluxes to start from."""
    stamp, kernel = field.cube.stamp, true_kernel(field.scene)
    rows, columns = (shift[:, cadence] for shift in kernel.shifts(stars.row, stars.column))
    first = Table({"id": np.arange(1, len(stars) + 1), "flux_init": stars.flux})
    first["x_init"], first["y_init"] = stars.column + columns - stamp.col_min, stars.row + rows - stamp.row_min
    row_shift, column_shift = (float(shift[0, cadence]) for shift in kernel.shifts(*stamp.center))
    light = design_matrix(faint.moved(row_shift, column_shift), prf, stamp) @ faint.flux
    return field.true_cube.images[cadence].astype(np.float64) - light.reshape(stamp.shape), first


def compare(options: argparse.Namespace, density: str, case: str) -> str:
    """Measure a field by both and return what they show."""
    changes = {"n_row": options.size, "n_column": options.size, "n_cadence": options.cadences, "seed": options.seed}
    field = make_field(density, case, given_prf(options.prf), **changes)
    measured, ideal = measure(field), without_faults(field)
    (_, best), wide, bound = oracle(ideal), wide_oracle(ideal), cramer_rao_bound(ideal)
    unflagged = np.flatnonzero(field.good)
    chosen = unflagged[np.linspace(0, len(unflagged) - 1, options.sample).astype(np.int64)]
    how = Photutils(options.group or _GROUPS[density], options.fit_size, not options.one_prf)
    seconds, n_star, other = photutils_fluxes(field, measured.fluxes, chosen, how)
    in_sample = np.isin(np.arange(field.cube.n_cadence), chosen)
    found = {
        "ours": (measured.seconds["fit"], measured.fluxes.flux.size, measured.fluxes),
        "photutils": (seconds, n_star * len(chosen), other),
    }
    for name, fluxes_by in (PEERS if has_tglc() else {"aperture": aperture_fluxes}).items():
        seconds, n_star, fluxes = fluxes_by(field, measured.fluxes, chosen)
        found[name] = seconds, n_star * len(chosen), fluxes
    with warnings.catch_warnings():
        # TGLC has no errors, and no fluxes near the edge.
        warnings.simplefilter("ignore", RuntimeWarning)
        tables = {
            name: magnitude_table(score_stars(field, fluxes, best, wide, bound, in_sample))
            for name, (_, _, fluxes) in found.items()
        }
    missing = 100 * float(1 - np.mean(np.isfinite(other.flux[:, chosen])))
    return "\n".join(
        [
            "",
            f"{field.name}, {options.size}x{options.size} px, {len(chosen)} of {options.cadences} cadences",
            aligned(side_by_side(tables)),
            f"photutils: groups {how.group_pix} px, {how.fit_size} px fitted, without flux: {missing:.2f} %",
            *([] if has_tglc() else ["TGLC is not installed (benchmarks/peer_codes.py)"]),
            "",
            aligned(cost_and_accuracy(tables, {name: 1e6 * cpu / size for name, (cpu, size, _) in found.items()})),
        ]
    )


def side_by_side(tables: Mapping[str, Table]) -> Table:
    """Return the columns of all codes by magnitude."""
    columns = [tables["ours"]["T", "stars", *_COLUMNS], *(table[_COLUMNS] for table in list(tables.values())[1:])]
    return hstack(columns, table_names=list(tables), join_type="outer")


def cost_and_accuracy(tables: Mapping[str, Table], cost: Mapping[str, float]) -> Table:
    """Return a row for each code: CPU microseconds for a star and cadence, their ratio to ours, how well it does."""
    rows = [(name, cost[name], cost[name] / cost["ours"], *_shown(table)) for name, table in tables.items()]
    together = Table(rows=rows, names=("code", "CPU us", "times ours", *_SHOWN))
    for name in together.colnames[1:]:
        together[name].format = ".3g"
    return together


def _shown(table: Table) -> list[float]:
    """Return scatter, bias and pulls of some bins of magnitude."""
    values = {int(row["T"]): row for row in table}
    bins = (("scatter/oracle", 10), ("scatter/oracle", 12), ("scatter/oracle", 14), ("|bias|84", 11), ("pulls", 12))
    return [float(values[magnitude][name]) if magnitude in values else np.nan for name, magnitude in bins]


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.split("\n")[0])
    parser.add_argument("--density", nargs="+", choices=list(DENSITIES), default=["sparse", "medium"])
    parser.add_argument("--case", nargs="+", choices=_CASES, default=["exact"])
    parser.add_argument("--size", type=int, default=64, help="rows and columns, pixels (default 64)")
    parser.add_argument("--cadences", type=int, default=400, help="number of cadences (default 400)")
    parser.add_argument("--sample", type=int, default=25, help="cadences that photutils fits (default 25)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default 1)")
    parser.add_argument("--group", type=float, help="distance of stars that photutils fits together, pixels")
    parser.add_argument("--fit-size", type=int, default=5, help="pixels per axis that photutils fits (default 5)")
    parser.add_argument("--one-prf", action="store_true", help="give photutils one PRF, that of the field's middle")
    parser.add_argument("--prf", metavar="FOLDER", help="SPOC PRF files of camera 4, CCD 2 (default: built-in PRF)")
    options = parser.parse_args(argv)
    for density in options.density:
        for case in options.case:
            print(compare(options, density, case), flush=True)


if __name__ == "__main__":
    main()
