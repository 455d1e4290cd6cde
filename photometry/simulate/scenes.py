"""A star field, its pixels and all that is true of it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.calibration.kernel import N_MOTION, MovementKernel, parameters_of_shifts
from photometry.core.cube import Cube, CubeHeader, Pointing
from photometry.core.datasources import TESSCUT
from photometry.core.geometry import collected_flags
from photometry.core.quality import PIXEL_FLAGS, bit
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate.catalogue_faults import faulty_catalogue
from photometry.simulate.field_motion import CCD_CENTER, FieldMotion, focus_drift, move_field
from photometry.simulate.perturb import blurred_prf, intrapixel_prf
from photometry.simulate.pixel_defects import bleed, deface
from photometry.simulate.population import Population, fluxes_of, populate
from photometry.simulate.render import render_stars
from photometry.simulate.scene_settings import SceneSettings
from photometry.simulate.shared_systematics import SharedSystematics, shared_light
from photometry.simulate.sky_light import (
    Background,
    Catalogue,
    background_light,
    catalogue_of,
    epoch_year,
    field_wcs,
    place_in_row,
    times_of,
)

__all__ = ["Scene", "cube_of_scene", "simulate_scene", "true_kernel"]

#: Pixel values rendered at once, at most: bounds the memory.
_VALUES_AT_ONCE = 16_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """Simulated pixels and the truth behind them.

    Parameters
    ----------
    settings : SceneSettings
        What it was made from.
    pixels, errors : (n_cadence, n_row, n_column) float32
        Flux with its background and its error, e-/s; NaN where nothing was measured.
    time : (n_cadence,) float64
        BTJD at mid exposure; NaN in rows without a time.
    timecorr : (n_cadence,) float32
        Barycentric correction in `time`, d.
    cadenceno : (n_cadence,) int32
        Cadence number.
    quality : (n_cadence,) int32
        TESS quality.
    population : Population
        True place, magnitude and kind of each star, and the pairs.
    flux : (n_star, n_cadence) float32
        True flux, e-/s.
    motion : FieldMotion
        True motion.
    background : Background
        True background.
    blurred_share : (n_cadence,) float64
        Share of the light that has the blurred PRF (`focus_share`).
    full_catalogue : Catalogue
        What a catalogue with all stars in their places says, in the order of `population`.
    catalogue : Catalogue
        What the star catalogue says: places are off, stars are missing and others do not exist, as the settings ask.
    offset : (row, column)
        Constant distance of the stars from their catalogue places through `wcs_header`, pixels.
    wcs_header : str
        WCS that is written, in CCD pixels, as in `photometry.core.cube.CubeHeader`.
    cosmic_rays : (n_hit, 3) int64
        Cadence, row and column (on the pixel array) of cosmic rays.
    dead : (n_row, n_column) bool
        Pixels without response or without any value.
    prf_source : str
        Which PRF the stars have.
    """

    settings: SceneSettings
    pixels: npt.NDArray[np.float32]
    errors: npt.NDArray[np.float32]
    time: npt.NDArray[np.float64]
    timecorr: npt.NDArray[np.float32]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    population: Population
    flux: npt.NDArray[np.float32]
    motion: FieldMotion
    background: Background
    blurred_share: npt.NDArray[np.float64]
    full_catalogue: Catalogue
    catalogue: Catalogue
    offset: tuple[float, float]
    wcs_header: str
    cosmic_rays: npt.NDArray[np.int64]
    dead: npt.NDArray[np.bool_]
    prf_source: str

    @property
    def stars(self) -> Stars:
        """The stars at their true places and with their true magnitudes."""
        return self.population.stars

    @property
    def catalogue_stars(self) -> Stars:
        """The stars as catalogue and written WCS tell: off by `offset`, with noisy magnitudes."""
        return self.catalogue.stars.moved(-self.offset[0], -self.offset[1])

    @property
    def listed(self) -> npt.NDArray[np.bool_]:
        """Which stars of the population the catalogue has, (n_star,)."""
        return np.isin(self.population.starid, self.catalogue.stars.starid)

    @property
    def cosmic_ray_mask(self) -> npt.NDArray[np.bool_]:
        """Where cosmic rays hit, (n_cadence, n_row, n_column)."""
        mask = np.zeros(self.pixels.shape, dtype=bool)
        mask[tuple(self.cosmic_rays.T)] = True
        return mask


def simulate_scene(settings: SceneSettings, prf: PrfGrid) -> Scene:
    """Make a star field.

    Parameters
    ----------
    settings : SceneSettings
        What it is made of; the same settings give the same scene.
    prf : PrfGrid
        True PRF, of pixels that see the same everywhere.
    """
    streams = np.random.SeedSequence(settings.seed).spawn(11)
    rng = [np.random.default_rng(stream) for stream in streams]
    time, timecorr = times_of(settings)
    population = populate(settings, rng[0])
    flux = fluxes_of(population, time, rng[1])
    motion, quality, offset = move_field(settings, rng[2])
    background, blurred_share = background_light(settings, time, rng[3]), focus_drift(settings)
    if settings.intrapixel_loss:
        prf = intrapixel_prf(prf, settings.intrapixel_loss)
    light = _Light(prf, population, _seen(settings, population, time, flux, rng[10]), motion, blurred_share)
    pixels, errors = _expose(settings, light, quality, background, rng[4])
    untimed, cosmic_rays, dead = deface(settings, pixels, errors, rng[5])
    wcs, year = field_wcs(settings), epoch_year(time)
    full_catalogue = catalogue_of(settings, wcs, population.stars, year, rng[6])
    time[untimed], timecorr[untimed] = np.nan, np.nan
    return Scene(
        settings=settings,
        pixels=pixels,
        errors=errors,
        time=time,
        timecorr=timecorr,
        cadenceno=_first_cadenceno(settings) + np.arange(settings.n_cadence, dtype=np.int32),
        quality=quality,
        population=population,
        flux=flux,
        motion=motion,
        background=background,
        blurred_share=blurred_share,
        full_catalogue=full_catalogue,
        catalogue=faulty_catalogue(settings, wcs, full_catalogue, year, rng[7:10]),
        offset=offset,
        wcs_header=field_wcs(settings, offset).to_header_string(relax=True),
        cosmic_rays=cosmic_rays,
        dead=dead,
        prf_source=prf.source,
    )


def _seen(
    settings: SceneSettings,
    population: Population,
    time: npt.NDArray[np.float64],
    flux: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Fluxes with what the stars share, (n_star, n_cadence), e-/s."""
    if not settings.shared_systematics:
        return flux
    sizes, places = SharedSystematics.of_size(settings.shared_systematics), (population.row, population.column)
    return (flux + shared_light(time, *places, flux.mean(axis=1), sizes, rng).total()).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Light:
    """What makes the light of the stars: their PRF, places, fluxes, motion, and the share that is out of focus."""

    prf: PrfGrid
    population: Population
    flux: npt.NDArray[np.float32]
    motion: FieldMotion
    blurred_share: npt.NDArray[np.float64]


def _starlight(
    settings: SceneSettings, light: _Light, part: slice, groups: list[npt.NDArray[np.int64]]
) -> npt.NDArray[np.float64]:
    """Images of the stars in some of the cadences, (n_cadence, n_row, n_column), e-/s."""
    flux, motion, stars = light.flux[:, part], light.motion.part(part), light.population

    def rendered(prf: PrfGrid, flux: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return render_stars(prf, settings.stamp, stars.row, stars.column, flux, motion, groups)

    if not settings.focus_share:
        return rendered(light.prf, flux)
    share = light.blurred_share[part]
    blurred = blurred_prf(light.prf, settings.focus_blur_pix)
    return rendered(light.prf, flux * (1 - share)) + rendered(blurred, flux * share)


def _first_cadenceno(settings: SceneSettings) -> np.int32:
    """Return the number of the first cadence; sector 1 began with FFI 4697 (key FFIINDEX of its files)."""
    days = (place_in_row(settings.sector) - 1) * 27.4
    return np.int32(round((4697 * 1800 + days * 86400) / settings.cadence_s))


def _expose(
    settings: SceneSettings,
    light: _Light,
    quality: npt.NDArray[np.int32],
    background: Background,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Pixels with background and noise, and their errors, in blocks of cadences."""
    exposure, shape = settings.exposure, (settings.n_cadence, settings.n_row, settings.n_column)
    pixels, errors = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    read_variance = exposure.read_variance(np.arange(settings.stamp.col_min, settings.stamp.col_max))
    size = max(1, _VALUES_AT_ONCE // settings.stamp.n_pixel)
    for start in range(0, settings.n_cadence, size):
        part = slice(start, min(start + size, settings.n_cadence))
        calm = quality[part] == 0
        groups = [group for group in (np.flatnonzero(calm), np.flatnonzero(~calm)) if len(group)]
        images = _starlight(settings, light, part, groups)
        images += background.images(part)
        if settings.saturation:
            bleed(images, settings.full_well_e_s)
        # A spline goes slightly below zero at the PRF's edge; the sum of all light does not in a real sky.
        electrons = np.maximum(images, 0.0) * exposure.exposure_s
        if settings.noise:
            electrons = rng.poisson(electrons).astype(np.float64)
        pixels[part] = electrons / exposure.exposure_s if settings.noise else images
        errors[part] = np.sqrt(electrons / exposure.exposure_s**2 + read_variance)
        if settings.noise:
            pixels[part] += rng.normal(size=images.shape) * np.sqrt(read_variance)
    return pixels, errors


def true_kernel(scene: Scene) -> MovementKernel:
    """Return the true motion as a movement kernel for stars at their catalogue places."""
    motion, scale = scene.motion, 1000.0
    zero = np.zeros_like(motion.roll)
    parameters = np.stack(
        [motion.row_shift, zero, motion.roll * scale, motion.column_shift, -motion.roll * scale, zero], axis=1
    )
    return MovementKernel(
        center=CCD_CENTER,
        scale=scale,
        offset=scene.offset,
        parameters=parameters_of_shifts(parameters),
        covariance=np.zeros((len(zero), N_MOTION, N_MOTION)),
        bad=np.zeros(len(zero), dtype=bool),
        source="pixels",
    )


def cube_of_scene(scene: Scene, backgrounds: npt.NDArray[np.float32] | None = None) -> Cube:
    """Return the scene as the images rule would; rows without a time are left out.

    Parameters
    ----------
    scene : Scene
        The scene.
    backgrounds : (n_cadence, n_row, n_column) float32, optional
        Large-scale background to subtract, e-/s; the true one by default.
    """
    settings = scene.settings
    if backgrounds is None:
        backgrounds = scene.background.images().astype(np.float32)
    timed = np.isfinite(scene.time)
    missing = np.isnan(scene.pixels)
    flags = np.where(missing, bit(PIXEL_FLAGS, "not_measured"), 0)
    flags |= np.where(scene.dead, bit(PIXEL_FLAGS, "dead"), 0)
    if settings.saturation:
        flags |= np.where(scene.pixels >= 0.9 * settings.full_well_e_s, bit(PIXEL_FLAGS, "saturated"), 0)
    header = CubeHeader(
        pointing=Pointing(
            datasource=TESSCUT.name,
            sector=settings.sector,
            camera=settings.camera,
            ccd=settings.ccd,
            data_rel=0,
            procver="simulated",
            starid=0,
            ra=settings.ra,
            dec=settings.dec,
        ),
        exposure=settings.exposure,
        stamp=settings.stamp,
        time=scene.time[timed],
        timecorr=scene.timecorr[timed],
        cadenceno=scene.cadenceno[timed],
        quality=scene.quality[timed],
        wcs_header=scene.wcs_header,
        aperture=collected_flags(settings.stamp),
    )
    return Cube(
        header=header,
        images=(scene.pixels - backgrounds)[timed],
        images_err=scene.errors[timed],
        backgrounds=backgrounds[timed],
        pixel_flags=flags.astype(np.uint8)[timed],
    )
