"""Light of stars that saturate: their far wings, and by how much the PRF may be wrong there.

The SPOC PRFs end at 6.5 px, with a pedestal of 1.5e-4 to 2.3e-4 of the light. Wings of real stars go on and fall with
the cube of the distance. For most stars that is below the noise; the wings of a star that saturates fill a small stamp,
and what the PRF has too much of is taken from its background. Wings are therefore measured from the pixels, as a sum of
those of the PRF and of the law.

A wrong PRF changes how the light L = F R of a star is shared among pixels, and not its sum. Errors that have the
variance s^2 F R_max L_p and keep the sum have the covariance s^2 R_max [F diag(L) - L L^T]. The sum over a trail that
holds the share f of the light then has the variance s^2 R_max f (1 - f) F^2, and the sum of all light none.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from photometry.core.geometry import Stamp
from photometry.core.stars import WING, Stars
from photometry.core.statistics import median
from photometry.scene.tile_data import TileData

__all__ = ["SaturatedLight", "no_saturated_light", "saturated_light"]

#: Distance from which the wings of a star are in doubt, pixels.
_WING_FROM = 4.0
#: Cadences whose median image shows the wings, at most.
_N_CADENCE = 64
#: Error of the PRF nearer than that, as a share s of the light, and relative errors of the wings and of the catalogue
#: light of other stars while wings are measured.
_PRF_ERROR, _WING_ERROR, _OTHERS_ERROR = 0.02, 0.2, 0.2
#: Wings are wrong by no more than this many times s, of their own light.
_MOST_OF_OWN = 18.0


@dataclass(frozen=True, slots=True)
class SaturatedLight:
    """What stars that saturate add to the model of the pixels.

    Parameters
    ----------
    wings : (n_pixel,) float64
        Light of their wings beyond that by the PRF, negative where the PRF has too much, e-/s.
    wing_motion : (2, n_pixel) float64
        Change of that with the stars' movement along rows and columns, e-/s per pixel.
    variance : (n_pixel,) float64
        Variance of the model error by them for a share of 1, (e-/s)^2: independent errors of the pixels, a bleed trail
        has the sum of those of its pixels.
    mean_variance : (n_pixel,) float64
        The same, less what cancels within a trail: for the mean scene.
    sum_variance : (n_star,) float64
        Variance that the independent errors give to the sum of a star's light, and that it does not have; zero for
        stars that do not saturate, (e-/s)^2.
    """

    wings: npt.NDArray[np.float64]
    wing_motion: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    mean_variance: npt.NDArray[np.float64]
    sum_variance: npt.NDArray[np.float64]


def no_saturated_light(n_pixel: int, n_star: int) -> SaturatedLight:
    """Return that of pixels without such stars."""
    nothing = np.zeros(n_pixel)
    return SaturatedLight(nothing, np.zeros((2, n_pixel)), nothing, nothing, np.zeros(n_star))


def saturated_light(
    data: TileData,
    stars: Stars,
    light: sparse.csr_matrix,
    others: npt.NDArray[np.float64],
    basis: npt.NDArray[np.float64],
    cadences: npt.NDArray[np.int64],
    light_motion: tuple[sparse.csr_matrix, sparse.csr_matrix],
) -> SaturatedLight:
    """Measure the wings of the stars that saturate.

    Parameters
    ----------
    data : TileData
        The pixels.
    stars : Stars
        The stars that saturate, where they are in the pixels.
    light : sparse (n_pixel, n_star)
        Their PRFs, bleed trails not merged.
    others : (n_pixel,) float64
        Light of all other stars by the catalogue, bleed trails merged, e-/s.
    basis : (n_pixel, n_local) float64
        Terms of the local background of the mean scene, bleed trails merged.
    cadences : (n_cadence,) int64
        Cadences whose median is taken.
    light_motion : two sparse (n_pixel, n_star)
        Change of `light` with the movement along rows and columns, per pixel.

    Notes
    -----
    With the median image y less the other stars, the PRF R cut at 4 px, and the law H of the wings beyond,

        y = sum_i [F_i R_i(r < 4 px) + A_i R_i(r > 4 px) + B_i H_i(r > 4 px)] + L c ,    A_i, B_i >= 0 ,

    and the wings differ from those of the PRF by (A - F) R + B H. They move with their star, whose PRF has next to no
    slope in its pedestal.
    """
    merge = sparse.identity(data.stamp.n_pixel, format="csr") if data.merge is None else data.merge
    prf = np.asarray(light.toarray(), dtype=np.float64)
    offsets = _offsets(data.stamp, stars)
    distance = np.hypot(*offsets)
    far = distance > _WING_FROM
    law = WING / np.maximum(distance, _WING_FROM) ** 3
    # Nearer than that the law has no say; beyond, either may be right.
    most = np.where(far, np.maximum(prf, law), np.maximum(prf, 0.0))
    error = most * np.minimum(prf.max(axis=0), _MOST_OF_OWN**2 * most)
    in_pixels = np.asarray(merge @ prf, dtype=np.float64)
    by_star = (merge @ error) * stars.flux**2
    variance = by_star.sum(axis=1)
    mean_variance = (by_star * np.maximum(1 - in_pixels, 0.0)).sum(axis=1)
    parts = ((~far, prf), (far, prf), (far, law))
    near, by_prf, by_law = (merge @ np.where(where, share, 0.0) for where, share in parts)
    some = cadences[:: -(-len(cadences) // _N_CADENCE)]
    image = median(data.images[some], axis=0) - others
    doubt = data.variance(others + in_pixels @ stars.flux)
    doubt += (_OTHERS_ERROR * others) ** 2 + (_WING_ERROR * (np.where(far, most, 0.0) @ stars.flux)) ** 2
    doubt += np.where(far.all(axis=1), 0.0, _PRF_ERROR**2 * variance)
    root = np.where(data.usable, 1 / np.sqrt(doubt), 0.0)
    columns = np.concatenate([near, by_prf, by_law, basis], axis=1)
    found = np.linalg.lstsq(root[:, None] * columns, root * image, rcond=None)[0]
    flux, wing_flux, law_flux = np.maximum(found[: 3 * len(stars)].reshape(3, -1), 0.0)
    wings = by_prf @ (wing_flux - flux) + by_law @ law_flux
    steepness = np.where(far, 3 * WING / np.maximum(distance, _WING_FROM) ** 5, 0.0)
    motion = [
        merge @ (np.where(far, slope.toarray(), 0.0) @ (wing_flux - flux) + (steepness * offset) @ law_flux)
        for slope, offset in zip(light_motion, offsets, strict=True)
    ]
    return SaturatedLight(wings, np.stack(motion), variance, mean_variance, by_star.sum(axis=0))


def _offsets(stamp: Stamp, stars: Stars) -> npt.NDArray[np.float64]:
    """Offset of every pixel from every star along rows and columns, (2, n_pixel, n_star), pixels."""
    rows, columns = np.divmod(np.arange(stamp.n_pixel), stamp.shape[1])
    row, column = rows + stamp.row_min, columns + stamp.col_min
    return np.stack([np.subtract.outer(row, stars.row), np.subtract.outer(column, stars.column)])
