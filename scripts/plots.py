"""Cube, catalogue, motion, fluxes and light curve indices of a region -> its figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import Table, vstack

from photometry.core.cube import CubeHeader
from photometry.core.datasources import region_title
from photometry.core.geometry import tiles_of
from photometry.core.stars import star_name
from photometry.core.statistics import mean_error
from photometry.fit.tile_fit import TileFit
from photometry.io.products.cube_files import read_cube, read_cube_header, read_sum_image
from photometry.io.products.product_files import read_kernel
from photometry.io.products.tile_files import StoredTileFit
from photometry.io.products.trend_files import read_correction
from photometry.io.stars.unlisted_files import read_unlisted
from photometry.io.store.provenance import atomic_path, origin_of
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, table_of
from photometry.lightcurve.corrections import Correction, corrected
from photometry.lightcurve.light_curve import light_curve
from photometry.lightcurve.plain_aperture import aperture_stamp, plain_aperture
from photometry.lightcurve.shown_stars import Measured, choose_shown
from photometry.plots import (
    Scatter,
    field_figure,
    light_curves_figure,
    motion_figure,
    note_figure,
    residual_figure,
    residual_stamp,
    save_figure,
    scatter_figure,
)
from photometry.workflow.job_inputs import load_stars
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

#: Targets whose light curves are shown, at most.
N_SHOWN = 6
#: Stars so close to one of these are shown with it, pixels: to the corners of `residual_figure`.
NEAR = 11


def plots(
    path_cube: str,
    path_catalog: str,
    path_kernel: str,
    path_unlisted: str,
    paths_fluxes: Sequence[str],
    paths_indices: Sequence[str],
    figures: Mapping[str, str],
    region: str,
    tile_size: int,
    asked: Sequence[int],
    path_trends: str = "",
) -> None:
    """Draw the figures of a region; `asked` are the stars that were asked for by number."""
    header, kernel, title = read_cube_header(path_cube), read_kernel(path_kernel), region_title(region)
    stars = load_stars(path_catalog, header.wcs_header, header.stamp)
    tiles = tiles_of(header.stamp, tile_size, 0)
    tables = [read_ecsv(path, RESULT_COLUMNS) for path in paths_indices]
    targets = vstack(tables or [table_of([], RESULT_COLUMNS)], metadata_conflicts="silent")
    starid = np.asarray(targets["starid"])
    image, unlisted = read_sum_image(path_cube), read_unlisted(path_unlisted)
    drawn = {"motion": motion_figure(header.time, kernel, header.stamp, header.usable, title)}
    measured = targets[np.asarray(targets["file"], dtype=np.str_) != ""]
    shown = choose_shown(measured_stars(measured), asked, N_SHOWN, header.pointing.starid)
    named = set(np.asarray(measured["starid"])[list(shown)].tolist())
    sky = {"named": named, "wcs_header": header.wcs_header}
    drawn["field"] = field_figure(image, header.stamp, stars, tiles, title, starid, kernel.offset, unlisted, **sky)
    if shown:
        fluxes_of = {Path(path).stem: path for path in paths_fluxes}
        correction = read_correction(path_trends)
        drawn |= measured_figures(path_cube, header, measured, shown, fluxes_of, title, correction)
    inputs = {"cube": path_cube, "catalog": path_catalog, "kernel": path_kernel, "unlisted": path_unlisted}
    inputs |= {"indices": paths_indices, "trends": path_trends}
    origin = origin_of(inputs, {"fit": {"tile_size": tile_size}})
    note = f"{title}: no target has a light curve; the summary says why"
    for name, path in figures.items():
        with atomic_path(path) as temporary:
            figure = drawn[name] if name in drawn else note_figure(note)
            save_figure(figure, temporary, origin, is_simulated=header.pointing.is_simulated)


def measured_stars(measured: Table) -> Measured:
    """Return what the choice of light curves to show needs of an index."""
    names = ("starid", "tmag", "row", "column", "median_flux", "variance", "ptp")
    reserved = np.asarray(measured["status"], dtype=np.str_) == "WARNING"
    return Measured(**{name: np.asarray(measured[name]) for name in names}, reserved=reserved)


def measured_figures(
    path_cube: str,
    header: CubeHeader,
    measured: Table,
    chosen: Mapping[int, str],
    fluxes_of: Mapping[str, str],
    title: str,
    correction: Correction,
) -> dict[str, Any]:
    """Draw light curves of the chosen targets, what the model leaves of the first, and the scatter of all."""
    shown = measured[list(chosen)]
    fits: dict[int, TileFit] = {}
    for tile in dict.fromkeys(shown["tile"]):
        fits |= fits_of(fluxes_of[tile], shown["starid"][shown["tile"] == tile])
    titles = [
        f"{star_name(int(row['starid']))}, T = {row['tmag']:.2f}, {row['status']}" + (f" ({remark})" if remark else "")
        for row, remark in zip(shown, chosen.values(), strict=True)
    ]
    alone = [fits[starid].of_stars(np.array([0])) for starid in shown["starid"]]
    curves = [light_curve(fit, 0, header, corrected(fit, header, correction)) for fit in alone]
    apertures = [aperture_of(path_cube, header, fits[starid]) for starid in shown["starid"]]
    first = fits[shown["starid"][0]]
    around = read_cube(path_cube, residual_stamp(first, 0), header=header)
    error = mean_error(around.images_err, header.usable)
    scatter = Scatter(
        tmag=np.asarray(measured["tmag"]),
        rms_hour=np.asarray(measured["rms_hour"]),
        ptp=np.asarray(measured["ptp"]),
        reserved=np.asarray(measured["status"]) == "WARNING",
    )
    sky = float(np.nanmedian([curve.background for curve in curves]))
    return {
        "light_curves": light_curves_figure(curves, apertures, titles, header.usable),
        "residual": residual_figure(first, 0, titles[0], around.stamp, error),
        "scatter": scatter_figure(scatter, header.exposure, sky, title),
    }


def aperture_of(path_cube: str, header: CubeHeader, fit: TileFit) -> Any:
    """Return what a plain aperture sees of the first star of a fit, (n_cadence,)."""
    stamp = aperture_stamp(fit, 0)
    cube = read_cube(path_cube, stamp, header=header, for_fit=True)
    return plain_aperture(fit, 0, cube.images, stamp, header.usable)


def fits_of(path: str, starids: Sequence[int]) -> dict[int, TileFit]:
    """Return the fits of some stars of a tile, by TIC number: the star first, then those around it."""
    stored = StoredTileFit.open(path)
    stars, fits = stored.stars, {}
    for starid in starids:
        (index,) = np.flatnonzero(stars.starid == starid)
        near = np.hypot(stars.row - stars.row[index], stars.column - stars.column[index]) < NEAR
        near[index] = False
        fits[starid] = stored.of_stars(np.append(index, np.flatnonzero(near)))
    return fits


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        plots(
            path_cube=snakemake.input.cube,
            path_catalog=snakemake.input.catalog,
            path_kernel=snakemake.input.kernel,
            path_unlisted=snakemake.input.unlisted,
            paths_fluxes=snakemake.input.fluxes,
            paths_indices=snakemake.input.indices,
            figures=dict(snakemake.output.items()),
            region=snakemake.wildcards.region,
            tile_size=snakemake.params.tile_size,
            asked=snakemake.params.asked,
            path_trends=snakemake.input.get("trends") or "",
        )
