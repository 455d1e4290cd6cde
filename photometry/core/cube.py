"""Pixel time series of a region of one CCD, and what its headers say of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.barycentre import Ephemeris
from photometry.core.geometry import Stamp, output_index
from photometry.core.quality import UNUSABLE, is_usable
from photometry.core.times import NO_OFFSET, TimeOffset

__all__ = ["Cube", "CubeHeader", "Exposure", "Pointing"]

#: How `Pointing.procver` starts for pixels that this package simulated: in files, in memory.
_SIMULATED = ("photometry-", "simulated")


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a cadence was exposed and read.

    Parameters
    ----------
    cadence_s : int
        Time from one cadence to the next, s: 20, 120, 200, 600 or 1800.
    exposure_s : float
        Photon accumulation time of a cadence, s: number of readouts times INT_TIME.
    num_readouts : int
        Readouts that were summed after cosmic-ray mitigation on board.
    gain_e_per_adu : tuple of 4 floats
        Gain of the outputs A to D, e-/ADU.
    read_noise_e : tuple of 4 floats
        Noise of one readout of the outputs A to D, e-.
    """

    cadence_s: int
    exposure_s: float
    num_readouts: int
    gain_e_per_adu: tuple[float, float, float, float]
    read_noise_e: tuple[float, float, float, float]

    def read_variance(self, columns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the variance of a cadence by read noise in pixels of 0-based CCD columns, (e-/s)^2."""
        read_noise = np.asarray(self.read_noise_e)[output_index(columns)]
        return self.num_readouts * read_noise**2 / self.exposure_s**2


@dataclass(frozen=True, slots=True)
class Pointing:
    """Which pixels of which sector, and which data they came from.

    Parameters
    ----------
    datasource : str
        ``tesscut``, ``tpf`` or ``ffi``.
    sector, camera, ccd : int
        As in the header.
    data_rel : int
        Data release; 0 where the input names none.
    procver : str
        Version of the pipeline that calibrated the pixels; empty where the input names none.
    starid : int
        TIC number of the target of a TPF, else 0.
    ra, dec : float
        Position that the file names, deg; NaN where it names none.
    tmag : float or None
        TESS magnitude of the target of a TPF that its header gives.
    says_simulated : bool
        Whether the file itself says that its pixels are simulated (SIMULATD, SIMDATA).
    """

    datasource: str
    sector: int
    camera: int
    ccd: int
    data_rel: int
    procver: str
    starid: int
    ra: float
    dec: float
    tmag: float | None = None
    says_simulated: bool = False

    @property
    def simulated_here(self) -> bool:
        """Whether this package simulated the pixels."""
        return self.procver.startswith(_SIMULATED)

    @property
    def is_simulated(self) -> bool:
        """Whether the pixels are simulated, by whomever."""
        return self.says_simulated or self.simulated_here


@dataclass(frozen=True, slots=True)
class CubeHeader:
    """Everything that is known of a cube but its pixel series.

    Parameters
    ----------
    pointing : Pointing
        Sector, camera, CCD and origin.
    exposure : Exposure
        Exposure and readout.
    stamp : Stamp
        The pixels.
    time : (n_cadence,) float64
        BTJD at mid exposure, TDB at the barycentre, d.
    timecorr : (n_cadence,) float32
        Barycentric correction in `time`, d.
    cadenceno : (n_cadence,) int32
        Cadence number.
    quality : (n_cadence,) int32
        TESS quality flags of the cadence (`photometry.core.quality.TESS_QUALITY`).
    wcs_header : str
        FITS cards (80 characters each, celestial axes only) of a WCS in CCD pixels: with origin 0,
        ``astropy.wcs.WCS.all_world2pix`` gives 0-based (column, row).
    aperture : (n_row, n_column) int32
        Flags of the pixels as in the TESS products (`photometry.core.quality.APERTURE_FLAGS`).
    pos_corr : (n_cadence, 2) float32 or None
        Local motion of a TPF's target from its header position, (column, row) as in POS_CORR1 and POS_CORR2, pixels.
    ephemeris : Ephemeris or None
        Places of the spacecraft where `time` is that of the middle of a CCD and can be corrected for every star, in
        full-frame images and cutouts of them; None where it is that of the target, or nobody can tell.
    offset : TimeOffset
        What was added to start, middle and end of the exposures as the file has them, s (`photometry.core.times`).
    placed_by : str
        What says where the pixels are on the CCD: ``header``, ``settings``, or package and version.
    quality_bitmask : int
        Bits of `quality` that make a cadence unusable for means, motion and PRF.
    """

    pointing: Pointing
    exposure: Exposure
    stamp: Stamp
    time: npt.NDArray[np.float64]
    timecorr: npt.NDArray[np.float32]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    wcs_header: str
    aperture: npt.NDArray[np.int32]
    pos_corr: npt.NDArray[np.float32] | None = None
    ephemeris: Ephemeris | None = None
    offset: TimeOffset = NO_OFFSET
    placed_by: str = "header"
    quality_bitmask: int = UNUSABLE

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Cadences without a flag that makes them unusable, (n_cadence,)."""
        return is_usable(self.quality, self.quality_bitmask)

    @property
    def n_cadence(self) -> int:
        """Number of cadences."""
        return len(self.time)

    def of_cadences(self, which: slice | npt.NDArray[np.int64]) -> "CubeHeader":
        """Return the header of some cadences."""
        return replace(
            self,
            **{name: getattr(self, name)[which] for name in ("time", "timecorr", "cadenceno", "quality")},
            pos_corr=None if self.pos_corr is None else self.pos_corr[which],
            ephemeris=None if self.ephemeris is None else self.ephemeris.of_cadences(which),
        )

    def cut(self, stamp: Stamp) -> "CubeHeader":
        """Return the header of a smaller stamp; ValueError when it is not inside."""
        return replace(self, stamp=stamp, aperture=self.aperture[stamp.slices_in(self.stamp)])


@dataclass(frozen=True, slots=True)
class Cube:
    """Pixels of a region, all cadences; what a fit needs of the header can be had from the cube itself.

    Parameters
    ----------
    header : CubeHeader
        Where the pixels lie, when and how they were exposed.
    images : (n_cadence, n_row, n_column) float32
        Flux less the large-scale background, e-/s; NaN where it was not measured.
    images_err : (n_cadence, n_row, n_column) float32
        Errors that came with the pixels, e-/s.
    backgrounds : (n_cadence, n_row, n_column) float32
        Large-scale background, e-/s: images + backgrounds is what was measured.
    pixel_flags : (n_cadence, n_row, n_column) uint8
        `photometry.core.quality.PIXEL_FLAGS`.
    """

    header: CubeHeader
    images: npt.NDArray[np.float32]
    images_err: npt.NDArray[np.float32]
    backgrounds: npt.NDArray[np.float32]
    pixel_flags: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape = (self.header.n_cadence, *self.header.stamp.shape)
        for name, pixels in self._pixels().items():
            if pixels.shape != shape:
                raise ValueError(f"{name} has shape {pixels.shape}, expected {shape}")

    @property
    def stamp(self) -> Stamp:
        """The pixels."""
        return self.header.stamp

    @property
    def n_cadence(self) -> int:
        """Number of cadences."""
        return self.header.n_cadence

    @property
    def cadenceno(self) -> npt.NDArray[np.int32]:
        """Cadence number, (n_cadence,)."""
        return self.header.cadenceno

    @property
    def quality(self) -> npt.NDArray[np.int32]:
        """TESS quality flags of the cadence, (n_cadence,)."""
        return self.header.quality

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Cadences without a flag that makes them unusable, (n_cadence,)."""
        return self.header.usable

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Cadences in which a pixel is measured, (n_cadence,)."""
        return np.asarray(np.isfinite(self.images).any(axis=(1, 2)))

    @property
    def exposure(self) -> Exposure:
        """Exposure and readout."""
        return self.header.exposure

    def of_cadences(self, which: slice | npt.NDArray[np.int64]) -> "Cube":
        """Return the pixels of some cadences."""
        pixels = {name: values[which] for name, values in self._pixels().items()}
        return Cube(self.header.of_cadences(which), **pixels)

    def cut(self, stamp: Stamp) -> "Cube":
        """Return the pixels of a smaller stamp (views, no copies)."""
        rows, columns = stamp.slices_in(self.stamp)
        return Cube(
            self.header.cut(stamp), **{name: values[:, rows, columns] for name, values in self._pixels().items()}
        )

    def _pixels(self) -> dict[str, npt.NDArray[Any]]:
        """Return the pixel series by name."""
        return {name: getattr(self, name) for name in ("images", "images_err", "backgrounds", "pixel_flags")}
