"""Full-frame images of a CCD with known truth: hundreds of thousands of moving stars, frame by frame.

>>> ccd = simulate_ccd(CcdSettings(n_cadence=60, seed=1), model_prf())  # doctest: +SKIP
>>> for frame in frames_of(ccd, model_prf()):  # doctest: +SKIP
...     print(frame.cadence, frame.image.shape)
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from photometry.core.geometry import SCIENCE_AREA
from photometry.core.stars import flux_of_tmag
from photometry.prf.prf_grid import FOOTPRINT, PrfGrid
from photometry.simulate.ccd_exposure import SimulatedFrame, cosmic_rays, expose
from photometry.simulate.ccd_light import CcdLight, draw_light
from photometry.simulate.ccd_motion import AffineMotion, draw_motion, like_motion
from photometry.simulate.ccd_settings import CcdSettings
from photometry.simulate.ccd_wcs import REFERENCE_PIXEL, ccd_wcs, moved_wcs
from photometry.simulate.population import Population, populate, true_fluxes, variability_of
from photometry.simulate.rendered_stars import REACH, StampExpansion, StarStamps, add_stamps, expand
from photometry.simulate.shared_systematics import SharedLight, SharedSystematics, shared_light
from photometry.simulate.sky_light import Catalogue, barycentric_correction, catalogue_of, epoch_year, place_in_row

__all__ = ["SimulatedCcd", "frame_wcs", "frames_of", "simulate_ccd"]

_Floats = npt.NDArray[np.float64]

#: 0-based column and row to whose place in the sky times are corrected (keys BTC_PIX1 and BTC_PIX2, less 1).
_TIME_PIXEL = (1067.0, 1023.0)
#: Start of the first frame of sector 1, whose FFIINDEX is 4697, TJD (key TSTART of its primary header), and mean length
#: of a sector, d.
_FIRST_TJD, _FIRST_INDEX, _SECTOR_D = 1325.313100604524, 4697, 27.4
#: Start of the frame with FFIINDEX 0, TJD; FFIINDEX counts cadences of the length at hand.
_INDEX_0_TJD = _FIRST_TJD - _FIRST_INDEX * 1800 / 86400
#: Kinds of random numbers that every frame has of its own.
_NOISE_STREAM, _COSMIC_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class SimulatedCcd:
    """All that is true of the frames of a CCD.

    Parameters
    ----------
    settings : CcdSettings
        What it was made from.
    population : Population
        True place, magnitude and kind of each star, and the pairs.
    variable : (n_variable,) int64
        Indices of the stars that vary.
    relative : (n_variable, n_cadence) float32
        Their flux over that of `population.tmag`.
    catalogue : Catalogue
        What the star catalogue says, in the order of `population`.
    motion : AffineMotion
        True motion.
    quality : (n_cadence,) int32
        TESS quality (key DQUALITY).
    offset : (row, column)
        Constant distance of the stars from their catalogue places through the WCS that are written, pixels.
    wcs_errors : (n_cadence, 2) float64
        Further distance (row, column) in each frame: the errors of its WCS, pixels.
    light : CcdLight
        True background.
    shared : SharedLight or None
        What the stars share; the true fluxes are without.
    wcs : WCS
        True WCS without motion.
    tjd : (n_cadence,) float64
        Mid-exposure times at the spacecraft, TJD (TDB).
    timecorr : (n_cadence,) float64
        Barycentric correction at the middle of the CCD (key BARYCORR), d.
    cadenceno : (n_cadence,) int32
        FFIINDEX.
    bad : (n_cadence,) str
        Kind of bad frame (`photometry.simulate.ccd_settings.BAD_FRAMES`), empty where the frame is good.
    prf_source : str
        Which PRF the stars have.
    """

    settings: CcdSettings
    population: Population
    variable: npt.NDArray[np.int64]
    relative: npt.NDArray[np.float32]
    catalogue: Catalogue
    motion: AffineMotion
    quality: npt.NDArray[np.int32]
    offset: tuple[float, float]
    wcs_errors: _Floats
    light: CcdLight
    shared: SharedLight | None
    wcs: WCS
    tjd: _Floats
    timecorr: _Floats
    cadenceno: npt.NDArray[np.int32]
    bad: npt.NDArray[np.str_]
    prf_source: str

    @property
    def time(self) -> _Floats:
        """Mid-exposure times at the barycentre, BTJD, (n_cadence,)."""
        return self.tjd + self.timecorr

    def flux_of(self, stars: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the true flux of some stars in every cadence, (n, n_cadence) float32, e-/s."""
        return true_fluxes(self.population.tmag, self.variable, self.relative, stars)

    def cosmic_rays(self, cadence: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], _Floats]:
        """Return science row, science column (0-based within the science area) and charge (e-) of the hits."""
        return cosmic_rays(self.settings, np.random.default_rng([self.settings.seed, _COSMIC_STREAM, cadence]))


def simulate_ccd(settings: CcdSettings, prf: PrfGrid) -> SimulatedCcd:
    """Draw stars, motion and background of a CCD; the same settings give the same CCD.

    Parameters
    ----------
    settings : CcdSettings
        What it is made of.
    prf : PrfGrid
        True PRF.
    """
    rng = [np.random.default_rng(stream) for stream in np.random.SeedSequence(settings.seed).spawn(8)]
    wcs = ccd_wcs(settings)
    step = settings.cadence_s / 86400
    first = round((_FIRST_TJD + _SECTOR_D * (place_in_row(settings.sector) - 1) - _INDEX_0_TJD) / step)
    cadenceno = first + np.arange(settings.n_cadence, dtype=np.int32)
    tjd: _Floats = _INDEX_0_TJD + (cadenceno.astype(np.float64) + 0.5) * step
    ra, dec = (float(value) for value in wcs.all_pix2world(*_TIME_PIXEL, 0))
    timecorr = barycentric_correction(tjd, ra, dec)
    population = populate(settings, rng[0])
    variable, relative = variability_of(population, tjd + timecorr, rng[1])
    motion, quality, offset = draw_motion(settings, rng[2])
    return SimulatedCcd(
        settings=settings,
        population=population,
        variable=variable,
        relative=relative,
        catalogue=catalogue_of(settings, wcs, population.stars, epoch_year(tjd + timecorr), rng[3]),
        motion=motion,
        quality=quality,
        offset=offset,
        wcs_errors=settings.wcs_noise_pix * rng[4].normal(size=(settings.n_cadence, 2)),
        light=draw_light(settings, tjd, rng[5]),
        shared=_shared(settings, population, tjd, rng[7]),
        wcs=wcs,
        tjd=tjd,
        timecorr=timecorr,
        cadenceno=cadenceno.astype(np.int32),
        bad=_bad_frames(settings, rng[6]),
        prf_source=prf.source,
    )


def _shared(
    settings: CcdSettings, population: Population, tjd: _Floats, rng: np.random.Generator
) -> SharedLight | None:
    if not settings.shared_systematics:
        return None
    sizes, places = SharedSystematics.of_size(settings.shared_systematics), (population.row, population.column)
    return shared_light(tjd, *places, flux_of_tmag(population.tmag), sizes, rng)


def _bad_frames(settings: CcdSettings, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Draw which frames are bad, (n_cadence,) str: neither the first nor the one in the middle."""
    bad = np.full(settings.n_cadence, "", dtype="U16")
    free = np.setdiff1d(np.arange(1, settings.n_cadence), [settings.n_cadence // 2])
    bad[rng.permutation(free)[: len(settings.bad_frames)]] = settings.bad_frames
    return bad


def frame_wcs(ccd: SimulatedCcd, cadence: int) -> WCS:
    """Return the WCS that the header of a frame has: true but for the constant offset and an error of its own."""
    shift = ccd.motion.about(*REFERENCE_PIXEL)[cadence]
    shift[:, 0] += ccd.wcs_errors[cadence] - ccd.offset
    return moved_wcs(ccd.wcs, shift)


def frames_of(
    ccd: SimulatedCcd, prf: PrfGrid, cadences: npt.NDArray[np.int64] | None = None
) -> Iterator[SimulatedFrame]:
    """Yield the frames, those of like motion together, so not in order of time.

    The memory does not grow with the number of frames; see `photometry.simulate.rendered_stars` for the accuracy.

    Parameters
    ----------
    ccd : SimulatedCcd
        The CCD.
    prf : PrfGrid
        True PRF, the one that `ccd` was made with.
    cadences : (n,) int64, optional
        Which frames [default: all].
    """
    wanted = np.arange(ccd.settings.n_cadence) if cadences is None else cadences
    stamps = StarStamps(prf, ccd.population.row, ccd.population.column)
    flux = flux_of_tmag(ccd.population.tmag).astype(np.float32)
    for group in like_motion(ccd.motion, SCIENCE_AREA, REACH):
        members = np.intersect1d(group, wanted)
        if not len(members):
            continue
        expansion = expand(stamps, flux, SCIENCE_AREA, ccd.settings.star_margin, ccd.motion, group)
        for cadence in members.tolist():
            light = _star_light(ccd, stamps, flux, expansion, cadence)
            light += ccd.light.image(cadence)
            rng = np.random.default_rng([ccd.settings.seed, _NOISE_STREAM, cadence])
            yield expose(ccd.settings, cadence, light, ccd.cosmic_rays(cadence), rng)
        del expansion


def _star_light(
    ccd: SimulatedCcd, stamps: StarStamps, flux: npt.NDArray[np.float32], expansion: StampExpansion, cadence: int
) -> npt.NDArray[np.float32]:
    """Light of all stars in a cadence, (n_row, n_column) float32, e-/s: those that vary are corrected one by one."""
    image = expansion.image(ccd.motion, cadence)
    varying, change = ccd.variable, flux[ccd.variable] * (ccd.relative[:, cadence] - 1)
    if ccd.shared is not None:
        every = ccd.shared.in_cadence(cadence).astype(np.float32)
        every[varying] += change
        varying, change = np.arange(len(flux)), every
    row, column = ccd.population.row[varying], ccd.population.column[varying]
    row_shift, column_shift = ccd.motion.shifts_in(cadence, row, column)
    reach = max(np.abs(row_shift).max(initial=0), np.abs(column_shift).max(initial=0))
    margin = ccd.settings.star_margin + FOOTPRINT // 2 + 1 + int(np.ceil(reach))
    wide = SCIENCE_AREA.grown(margin)
    changes = np.zeros((1, *wide.shape), dtype=np.float32)
    for members, first_row, first_column, light in stamps.at(varying, (row_shift, column_shift)):
        add_stamps(changes, wide, first_row, first_column, light * change[members, None, None, None])
    image += changes[0, margin:-margin, margin:-margin]
    return image
