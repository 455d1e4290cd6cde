"""Series of the stars of a tile's core from the fit of some cadences: fluxes with errors, apertures, flags."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from photometry.core.quality import PIXEL_QUALITY, bit
from photometry.fit.aperture import Apertures, aperture_photometry, light_in_apertures
from photometry.fit.cadence_fit import CadenceFit, TileScene, found_shifts
from photometry.fit.star_quality import StarQuality, cadence_flags, reduced_chi2
from photometry.scene.tile_data import TileData
from photometry.scene.tile_model import local_basis

__all__ = ["BlockSeries", "StarBackgrounds", "StarSeries", "of_sums", "series_of"]

_NOT_FITTED = bit(PIXEL_QUALITY, "not_fitted")


@dataclass(frozen=True, slots=True)
class StarSeries:
    """Series of some stars in some cadences, by the names that they have in `photometry.fit.tile_fit.TileFit`.

    Parameters
    ----------
    flux, flux_err, aperture_flux, aperture_flux_err, background : (n_star, n_cadence) float32
        e-/s; NaN where a star was not fitted.
    centroid_row, centroid_column : (n_star, n_cadence) float32
        0-based CCD pixels.
    chi2 : (n_star, n_cadence) float32
        Reduced chi-squared of the pixels under the star.
    """

    flux: npt.NDArray[np.float32]
    flux_err: npt.NDArray[np.float32]
    aperture_flux: npt.NDArray[np.float32]
    aperture_flux_err: npt.NDArray[np.float32]
    centroid_row: npt.NDArray[np.float32]
    centroid_column: npt.NDArray[np.float32]
    background: npt.NDArray[np.float32]
    chi2: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BlockSeries:
    """Results of a block of cadences.

    Parameters
    ----------
    cadences : (n_cadence,) int64
        Which cadences.
    stars : StarSeries
        Series of the stars.
    flags : (n_star, n_cadence) int32
        `photometry.core.quality.PIXEL_QUALITY`.
    cadence_chi2 : (n_cadence,) float32
        Reduced chi-squared of the tile.
    """

    cadences: npt.NDArray[np.int64]
    stars: StarSeries
    flags: npt.NDArray[np.int32]
    cadence_chi2: npt.NDArray[np.float32]

    @classmethod
    def unknown(cls, n_star: int, n_cadence: int) -> "BlockSeries":
        """Return what `take` fills: NaN and no flags, in all cadences of a tile."""
        series = {field.name: np.full((n_star, n_cadence), np.nan, dtype=np.float32) for field in fields(StarSeries)}
        flags, chi2 = np.zeros((n_star, n_cadence), dtype=np.int32), np.full(n_cadence, np.nan, dtype=np.float32)
        return cls(np.arange(n_cadence), StarSeries(**series), flags, chi2)

    def take(self, block: "BlockSeries") -> None:
        """Take over the results of a block: kept until all are there, blocks would take the memory twice."""
        for field in fields(StarSeries):
            getattr(self.stars, field.name)[:, block.cadences] = getattr(block.stars, field.name)
        self.flags[:, block.cadences] = block.flags
        self.cadence_chi2[block.cadences] = block.cadence_chi2


@dataclass(frozen=True, slots=True)
class StarBackgrounds:
    """What gives the background at some stars, and its mean over the pixels.

    Parameters
    ----------
    pixel : (n_star,) int64
        Flat index of the pixel nearest to each star.
    at_stars : (n_star, n_local) float64
        Terms of the local background there.
    mean_terms : (n_local,) float64
        Mean of the terms over the pixels.
    mean_sky : (n_cadence,) float64
        Mean of the large-scale background over the pixels, e-/s.
    """

    pixel: npt.NDArray[np.int64]
    at_stars: npt.NDArray[np.float64]
    mean_terms: npt.NDArray[np.float64]
    mean_sky: npt.NDArray[np.float64]

    @classmethod
    def of(cls, scene: TileScene) -> "StarBackgrounds":
        """Return those of the stars of the core."""
        data, stars = scene.data, scene.model.stars
        pixel = _pixel_of(data, stars.row[scene.core], stars.column[scene.core])
        mean_sky = data.sky.mean(axis=1, dtype=np.float64)
        return cls(pixel, local_basis(data.stamp)[pixel], scene.model.local_basis.mean(axis=0), mean_sky)


def series_of(
    scene: TileScene, fit: CadenceFit, apertures: Apertures, quality: StarQuality, backgrounds: StarBackgrounds
) -> BlockSeries:
    """Return the series and flags of the stars of the core in some cadences.

    Parameters
    ----------
    scene : TileScene
        The tile.
    fit : CadenceFit
        The fit of the cadences.
    apertures : Apertures
        Apertures of the stars of the core.
    quality : StarQuality
        Where their light falls.
    backgrounds : StarBackgrounds
        What the background is made of there.
    """
    data, core, node = scene.data, scene.core, fit.system.node
    motion, kernel, cadences, solution = scene.state.motion, scene.kernel, fit.cadences, fit.solution
    mean, deviation = scene.state.flux[core, None], fit.system.without_own_prior(solution.deviation[core], core)
    local_terms = motion.local[cadences].T
    coefficients = local_terms + solution.common[: len(local_terms)]
    extra_sky = backgrounds.mean_sky[cadences] + backgrounds.mean_terms @ coefficients - node.sky.mean()
    squared = fit.system.variance(
        core, deviation, extra_sky, fit.valid, data, fit.response[core], kernel.covariance[cadences]
    )
    squared = of_sums(squared, scene.sum_variance[core], mean + deviation, data.exposure_s)
    follows = scene.state.motion_residual
    if follows is not None:
        squared += follows.flux_error[core] ** 2 @ follows.motion[cadences].T ** 2
    terms = node.coefficients(motion, cadences)[:, : node.expansion.n_term]
    light = light_in_apertures(apertures, node.expansion.transposed, core)
    in_aperture = aperture_photometry(
        apertures, light, terms, mean + solution.deviation[core], fit.residual, fit.variance
    )
    chi2, cadence_chi2 = reduced_chi2(quality, fit.residual, fit.valid, fit.variance, fit.system.freedom)
    row_shift, column_shift = found_shifts(scene, solution)
    distance = np.hypot(motion.row_shift[cadences] + row_shift, motion.column_shift[cadences] + column_shift)
    uncertain, converged = kernel.bad[cadences], solution.converged
    lost = data.usable[:, None] & ~(fit.valid | fit.rejected)
    flags = cadence_flags(quality, lost, fit.rejected, chi2, distance, uncertain, converged)
    background = data.sky[np.ix_(cadences, backgrounds.pixel)].T + backgrounds.at_stars @ coefficients
    fitted = (flags & _NOT_FITTED) == 0
    values = {
        "flux": mean + deviation,
        "flux_err": np.sqrt(squared),
        "aperture_flux": in_aperture.flux,
        "aperture_flux_err": in_aperture.flux_err,
        "centroid_row": in_aperture.centroid_row,
        "centroid_column": in_aperture.centroid_column,
        "background": background,
        "chi2": chi2,
    }
    kept = {name: np.where(fitted, value, np.nan).astype(np.float32) for name, value in values.items()}
    return BlockSeries(cadences, StarSeries(**kept), flags, cadence_chi2.astype(np.float32))


def of_sums(
    variance: npt.NDArray[np.float64],
    sum_variance: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float64],
    exposure_s: float,
) -> npt.NDArray[np.float64]:
    """Take off the variance of fluxes what errors of a PRF that keeps its sum do not add to a sum of light.

    Parameters
    ----------
    variance : (n_star, n_cadence) float64
        Variance with independent errors of the pixels, (e-/s)^2.
    sum_variance : (n_star,) float64
        What these add to the sum of a star's light, (e-/s)^2.
    flux : (n_star, n_cadence) float64
        Fluxes, whose photon noise remains, e-/s.
    exposure_s : float
        Photon accumulation time of a cadence, s.
    """
    least = np.minimum(variance, np.maximum(flux, 0.0) / exposure_s)
    return np.asarray(np.maximum(variance - sum_variance[:, None], least), dtype=np.float64)


def _pixel_of(data: TileData, row: npt.NDArray[np.float64], column: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Flat index of the pixel nearest to positions."""
    n_row, n_column = data.stamp.shape
    in_row = np.clip(np.rint(row).astype(np.int64) - data.stamp.row_min, 0, n_row - 1)
    in_column = np.clip(np.rint(column).astype(np.int64) - data.stamp.col_min, 0, n_column - 1)
    return in_row * n_column + in_column
