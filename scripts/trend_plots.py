"""Trends of a region and the fluxes of its tiles -> a figure of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from photometry.core.datasources import region_title
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.reference_fluxes import read_reference_fluxes
from photometry.io.products.trend_files import read_trends
from photometry.io.store.provenance import atomic_path, origin_of
from photometry.plots import save_figure, trends_figure
from photometry.trends.corrected_fluxes import corrected_fluxes
from photometry.trends.learning import StarFluxes
from photometry.trends.relative_series import scatter_of_means
from photometry.trends.trend_set import TrendSet
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

#: Length of the means whose scatter is shown, h.
HOURS = 6.5


def trend_plots(path_cube: str, paths_fluxes: Sequence[str], path_trends: str, path_figure: str, region: str) -> None:
    """Draw the trends of a region, and the scatter of the stars that they are made of."""
    header, trends = read_cube_header(path_cube), read_trends(path_trends)
    before, after = scatters(trends, read_reference_fluxes(paths_fluxes, header))
    figure = trends_figure(trends, before, after, HOURS, region_title(region))
    origin = origin_of({"cube": path_cube, "trends": path_trends})
    with atomic_path(path_figure) as temporary:
        save_figure(figure, temporary, origin, is_simulated=header.pointing.is_simulated)


def scatters(trends: TrendSet, given: StarFluxes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the scatter of the stars of the trends with and without them, (n_star,) each, ppm."""
    before, after = np.full((2, len(trends.stars)), np.nan)
    places = {star: place for place, star in enumerate(trends.stars.starid.tolist())}
    which = np.flatnonzero(np.isin(given.stars.starid, trends.stars.starid))
    if trends.n_trend and len(which):
        stars, flux, flux_err = given.stars, given.flux[which], given.flux_err[which]
        it = corrected_fluxes(
            trends, stars.starid[which], stars.row[which], stars.column[which], flux, flux_err, given.usable
        )
        into = [places[star] for star in stars.starid[which].tolist()]
        for found, values, errors in ((before, flux, flux_err), (after, it.flux, it.flux_err)):
            found[into] = 1e6 * scatter_of_means(given.time, values, errors, given.usable, HOURS / 24)
    return before, after


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        trend_plots(
            path_cube=snakemake.input.cube,
            paths_fluxes=snakemake.input.fluxes,
            path_trends=snakemake.input.trends,
            path_figure=snakemake.output.figure,
            region=snakemake.wildcards.region,
        )
