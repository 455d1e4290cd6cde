"""Light curves of the stars that may make trends, from the fits of all tiles of a region."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.cube import CubeHeader
from photometry.io.products.tile_files import StoredTileFit
from photometry.io.products.trend_files import spacecraft_time
from photometry.trends.learning import MOST_STARS, StarFluxes
from photometry.trends.reference_stars import Candidates, are_candidates

__all__ = ["read_reference_fluxes"]

#: Fewest stars of a tile that are taken, where it has so many.
_FEWEST_OF_TILE = 40


def read_reference_fluxes(paths: Sequence[str], header: CubeHeader) -> StarFluxes:
    """Read the light curves of candidates, the brightest of each tile, so that memory has a bound.

    Parameters
    ----------
    paths : sequence of str
        Fits of the tiles.
    header : CubeHeader
        Header of the region's cube.
    """
    most = max(_FEWEST_OF_TILE, 2 * MOST_STARS // max(len(paths), 1))
    flux, flux_err, names = [], [], ("starid", "tmag", "row", "column", "star_flags", "blend_correlation")
    columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in names}
    for path in paths:
        stored = StoredTileFit.open(path)
        its = Candidates(*(getattr(stored.stars, name) for name in columns))
        which = np.flatnonzero(are_candidates(its))
        fit = stored.of_stars(which[np.argsort(stored.stars.tmag[which], kind="stable")][:most], ("flux", "flux_err"))
        for name, values in columns.items():
            values.append(getattr(fit, name))
        flux.append(fit.flux)
        flux_err.append(fit.flux_err)
    joined: list[npt.NDArray[Any]] = [np.concatenate(values) if values else np.zeros(0) for values in columns.values()]
    nothing = np.zeros((0, header.n_cadence), np.float32)
    return StarFluxes(
        stars=Candidates(*joined),
        time=spacecraft_time(header),
        cadenceno=header.cadenceno,
        usable=header.usable,
        flux=np.concatenate([nothing, *flux]),
        flux_err=np.concatenate([nothing, *flux_err]),
    )
