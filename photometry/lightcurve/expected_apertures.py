"""What a plain aperture sees of each star of a tile: all light in its pixels, by the fit, without reading the pixels.

An aperture holds shares of all stars around it. With those of the PRF, the aperture flux of the star itself and the PSF
fluxes of the others add up to the plain sum, but for the background and the motion of the stars, which is left out.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.geometry import Stamp
from photometry.fit.tile_fit import TileFit
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid

__all__ = ["aperture_shares", "expected_apertures"]


def aperture_shares(fit: TileFit, prf: PrfGrid) -> sparse.csr_matrix:
    """Return the share of each star's light in the aperture of each star, where it is on average.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    prf : PrfGrid
        PRF that it was made with.

    Returns
    -------
    sparse (n_star, n_star) float32
        Share of the light of the star of a column in the aperture of that of a row.
    """
    apertures = _on_stamp(fit.aperture.astype(np.float32), fit.window_row, fit.window_column, fit.stamp)
    first_row, first_column, values = PrfEvaluator(prf, np.float32).evaluate(fit.row, fit.column)
    light = _on_stamp(values[:, 0, 0].astype(np.float32), first_row, first_column, fit.stamp)
    return sparse.csr_matrix(apertures @ light.T)


def expected_apertures(
    fit: TileFit, shares: sparse.csr_matrix, which: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return the sum of the light in the apertures of some stars, neighbours included, (n_which, n_cadence), e-/s.

    Parameters
    ----------
    fit : TileFit
        The fit of the tile.
    shares : sparse (n_star, n_star) float32
        From `aperture_shares`.
    which : (n_which,) int64
        Places of the stars in the fit.

    Returns
    -------
    (n_which, n_cadence) float32
        NaN where a star has no aperture flux. A neighbour without a flux in a cadence counts with none there.
    """
    own = shares.diagonal()[which]
    foreign = (shares - sparse.diags_array(shares.diagonal())).tocsr()[which]
    flux = np.nan_to_num(fit.flux, nan=0.0)
    return np.asarray(own[:, None] * fit.aperture_flux[which] + foreign @ flux, dtype=np.float32)


def _on_stamp(
    windows: npt.NDArray[np.float32],
    first_row: npt.NDArray[np.int64],
    first_column: npt.NDArray[np.int64],
    stamp: Stamp,
) -> sparse.csr_matrix:
    """Put windows (n_star, n_row, n_column) on the pixels of a stamp, sparse (n_star, n_pixel)."""
    rows = first_row[:, None, None] - stamp.row_min + np.arange(windows.shape[1])[:, None]
    columns = first_column[:, None, None] - stamp.col_min + np.arange(windows.shape[2])
    rows, columns, star = np.broadcast_arrays(rows, columns, np.arange(len(windows))[:, None, None])
    inside = (rows >= 0) & (rows < stamp.shape[0]) & (columns >= 0) & (columns < stamp.shape[1]) & (windows != 0)
    pixel = rows * stamp.shape[1] + columns
    return sparse.csr_matrix((windows[inside], (star[inside], pixel[inside])), shape=(len(windows), stamp.n_pixel))
