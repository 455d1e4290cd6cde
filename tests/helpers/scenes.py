"""Simulated fields that several tests share, and measures of a fit against their truth."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import MovementKernel
from photometry.core.cube import Cube
from photometry.core.geometry import Stamp
from photometry.core.settings import FitSettings
from photometry.core.stars import Stars
from photometry.core.statistics import mad_sigma
from photometry.fit.tile_fit import TileFit
from photometry.fit.tile_photometry import fit_tile
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene, SceneSettings, cube_of_scene, simulate_scene

Floats = npt.NDArray[np.float64]


def quick_settings(**changes: object) -> SceneSettings:
    """Settings of a small field of few cadences that fits in a blink: few stars, little motion."""
    values: dict[str, object] = {
        "n_row": 24,
        "n_column": 24,
        "n_cadence": 40,
        "density": 4000.0,
        "faintest_tmag": 17.0,
        "drift_pix": 0.03,
        "n_pairs": 0,
        "glare": 0.0,
        "scattered_light": 10.0,
        "excursion_fraction": 0.0,
        "roll_rad": 0.0,
        "seed": 7,
    }
    return SceneSettings(**(values | changes))


def make_scene(prf: PrfGrid, **changes: object) -> tuple[Scene, Cube]:
    """Return a quick field and its cube."""
    scene = simulate_scene(quick_settings(**changes), prf)
    return scene, cube_of_scene(scene)


def fit(
    cube: Cube, stars: Stars, prf: PrfGrid, kernel: MovementKernel, core: Stamp | None = None, **settings: object
) -> TileFit:
    """Fit all stars on the pixels."""
    return fit_tile(cube, stars, cube.stamp if core is None else core, prf, kernel, FitSettings(**settings))


def shifted_kernel(kernel: MovementKernel, rows: float, columns: float) -> MovementKernel:
    """Return the same motion, elsewhere on the CCD."""
    return replace(kernel, center=(kernel.center[0] + rows, kernel.center[1] + columns))


@dataclass(frozen=True)
class Compared:
    """Fluxes of a fit and the truth, unflagged cadences, stars in the order of the fit.

    Parameters
    ----------
    fit : TileFit
        All of the fit.
    flux, flux_err, truth : (n_star, n_cadence) float64
        e-/s.
    tmag : (n_star,) float64
        True magnitude.
    clean : (n_star,) bool
        Stars without a flag.
    """

    fit: TileFit
    flux: Floats
    flux_err: Floats
    truth: Floats
    tmag: Floats
    clean: npt.NDArray[np.bool_]

    @property
    def pulls(self) -> Floats:
        """(fit - truth) / error, (n_star, n_cadence)."""
        return (self.flux - self.truth) / self.flux_err

    def bias(self, low: float, high: float) -> Floats:
        """Relative error of the mean flux of clean stars of a range of magnitudes."""
        which = self.clean & (self.tmag >= low) & (self.tmag < high)
        return np.nanmean(self.flux[which], axis=1) / self.truth[which].mean(axis=1) - 1

    def scatter(self, low: float, high: float) -> Floats:
        """Relative scatter of the error in time of clean stars of a range of magnitudes."""
        which = self.clean & (self.tmag >= low) & (self.tmag < high)
        return np.nanstd(self.flux[which] - self.truth[which], axis=1) / self.truth[which].mean(axis=1)


def compare(tile_fit: TileFit, scene: Scene) -> Compared:
    """Compare a fit with the truth in the unflagged cadences."""
    index = {int(starid): k for k, starid in enumerate(scene.population.starid)}
    which = np.array([index[int(starid)] for starid in tile_fit.starid])
    good = scene.quality == 0
    return Compared(
        tile_fit,
        tile_fit.flux[:, good].astype(np.float64),
        tile_fit.flux_err[:, good].astype(np.float64),
        scene.flux[which][:, good].astype(np.float64),
        scene.population.tmag[which],
        tile_fit.star_flags == 0,
    )


def robust_width(values: Floats) -> float:
    """Standard deviation by the median absolute deviation."""
    values = values[np.isfinite(values)]
    return float(mad_sigma(values))
