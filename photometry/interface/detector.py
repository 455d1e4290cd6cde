"""What targets of the same pixels share: header, catalogue, PRF, motion; kept in memory between targets.

Everything that is kept is read-only, and the same whether it was kept or is read again.
"""

from collections import OrderedDict
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.archive.prf_downloads import download_prf
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.kernel import MovementKernel
from photometry.calibration.patches import is_measured_whole, patches_of, stars_on_measured
from photometry.calibration.region import kernel_at, measure_motion
from photometry.calibration.table_check import checked_cube
from photometry.calibration.table_verdict import table_verdict
from photometry.calibration.wcs_motion import kernel_of_wcs
from photometry.catalog.star_catalog import Catalog, stars_near
from photometry.core.cube import Cube, CubeHeader
from photometry.core.errors import CatalogError
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.quality import PIXEL_FLAGS, bit
from photometry.core.stars import NO_STARS, Stars
from photometry.interface.measurements import Key, drop_measured, kept_measurement, known_measurement
from photometry.interface.pixel_sources import PixelSource, open_pixels
from photometry.interface.prepared import PreparedFiles
from photometry.interface.user_settings import NumericSettings, numeric_settings
from photometry.io.products.cube_files import CHUNK
from photometry.io.products.product_files import read_kernel, read_prf
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.io.stars.catalog_files import read_catalog
from photometry.io.stars.unlisted_files import read_unlisted
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import FOOTPRINT, PrfGrid

__all__ = ["CACHE_MODES", "Detector", "Placement", "detector_of", "forget", "given_prf"]

#: What stays in memory of the files: nothing; everything but the pixels; the pixels too.
CACHE_MODES = ("none", "basic", "full")
#: Patches along each side of a CCD on which its motion and PRF are measured: the workflow's 16 take minutes.
_CCD_PATCHES = 2
#: Detectors that are kept, the latest.
_MOST_KEPT = 8
#: Bytes of pixel series that a detector keeps, the latest.
_MOST_BYTES = 2 << 30

_kept: OrderedDict[tuple[tuple[str, int, int], ...], "Detector"] = OrderedDict()
_kept_lock = RLock()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where stars are in every cadence, and how their light is spread.

    Parameters
    ----------
    prf : PrfGrid
        PRF of the pixels.
    kernel : MovementKernel
        Motion, and offset between catalogue and pixels.
    unlisted : Stars
        Stars that the catalogue lacks, by positions as if they were in it.
    """

    prf: PrfGrid
    kernel: MovementKernel
    unlisted: Stars


class Detector:
    """Pixels, catalogue, PRF and motion of a region.

    Parameters
    ----------
    files : PreparedFiles
        Where they are.
    """

    def __init__(self, files: PreparedFiles) -> None:
        self.files, self.version = files, files.version
        self.source = open_pixels(files.pixels)
        self.header: CubeHeader = _read_only(self.source.header)
        self.catalog: Catalog = _read_only(_with_tmag(read_catalog(files.catalog)))
        self._kernel: MovementKernel | None = None
        self._prf: PrfGrid | None = None
        self._blocks: OrderedDict[Stamp, Cube] = OrderedDict()
        self._placement: Placement | None = None
        self._provenance: dict[str, str] | None = None
        self._lock = RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how another process makes it again: from the files."""
        with _kept_lock:
            cache = "basic" if any(kept is self for kept in _kept.values()) else "none"
        return detector_of, (self.files, cache)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Detector":
        """Return itself: what targets share is read-only."""
        return self

    def stars(self, stamp: Stamp, margin: int = FOOTPRINT // 2 + 1) -> Stars:
        """Return the catalogue stars on a stamp and so many pixels around it; by default those that reach it."""
        return stars_near(self.catalog, self.header.wcs_header, stamp, margin)

    def pixels(self, stamp: Stamp, keep: bool) -> Cube:
        """Return the pixels of a stamp in all cadences, read-only; they stay in memory when `keep` is set."""
        if not keep:
            cube: Cube = _read_only(self.source.read(stamp))
            return cube
        block = _whole_chunks(stamp, self.header.stamp)
        with self._lock:
            if block not in self._blocks:
                self._blocks[block] = _read_only(self.source.read(block))
            self._blocks.move_to_end(block)
            cube = self._blocks[block].cut(stamp)
            while len(self._blocks) > 1 and sum(map(_size, self._blocks.values())) > _MOST_BYTES:
                self._blocks.popitem(last=False)
        return cube

    def ccd_flags(self, stamp: Stamp) -> npt.NDArray[np.uint8]:
        """Return flags of pixels from the cube of the CCD, (n_time, n_row, n_column); ``not_measured`` outside it."""
        source = self._ccd_source()
        flags = np.full((source.header.n_cadence, *stamp.shape), bit(PIXEL_FLAGS, "not_measured"), dtype=np.uint8)
        try:
            part = stamp.clipped(source.header.stamp)
        except ValueError:  # none of its pixels
            return flags
        rows, columns = part.slices_in(stamp)
        flags[:, rows, columns] = source.read(part).pixel_flags
        return flags

    def ccd_frames(self) -> npt.NDArray[np.int64]:
        """Return the frame of the CCD's cube that is nearest in time to each cadence, (n_cadence,)."""
        frames, cadences = (header.time - header.timecorr for header in (self._ccd_source().header, self.header))
        middles = (frames[1:] + frames[:-1]) / 2
        return np.searchsorted(middles, cadences)

    def _ccd_source(self) -> PixelSource:
        if self.files.ccd_cube is None:
            raise ValueError("no cube of the CCD")
        return open_pixels(self.files.ccd_cube)

    def provenance(self) -> dict[str, str]:
        """Return names and digests of the files that the pixels were made from, by role."""
        with self._lock:
            if self._provenance is None:
                self._provenance = self.source.provenance()
            return self._provenance

    def placement(self, row: float, column: float, settings: ConfigParser) -> Placement:
        """Return PRF and motion at a place: as prepared, else measured on the region.

        Of a whole CCD both are measured on some of its pixels, once for all stars; the offset between catalogue and
        pixels, and stars that the catalogue lacks, on the tile around the place.

        Parameters
        ----------
        row, column : float
            0-based CCD pixels.
        settings : ConfigParser
            `photometry.interface.user_settings`.

        Raises
        ------
        CatalogError
            When the stars of the catalogue do not fit the pixels.
        FitError
            When the tile has no unflagged cadence.
        """
        if (prepared := self._prepared()) is not None:
            return prepared
        region = self._region(settings)
        learnt = kept_measurement(region.placement_key, "measuring motion and PRF", lambda: self._learnt(region))
        numerics = region.numerics
        if is_measured_whole(region.stamp, numerics.motion):
            return learnt
        tiles = tiles_of(region.stamp, numerics.fit.tile_size, numerics.fit.tile_margin)
        stamp = next((tile for tile in tiles if tile.core.contains(row, column)), tiles[0]).stamp
        key, what = (*region.placement_key, stamp), "measuring the place of the stars"
        return kept_measurement(key, what, lambda: self._placed(learnt, region, stamp))

    def motion(self, settings: ConfigParser) -> MovementKernel:
        """Return the motion without learning the PRF: as prepared, that of a `placement` that is known, else measured.

        Parameters and errors are those of `placement`.
        """
        if (prepared := self.prepared_kernel()) is not None:
            return prepared
        region = self._region(settings)
        placement: Placement | None = known_measurement(region.placement_key)
        return self._moved(region) if placement is None else placement.kernel

    def prepared_prf(self) -> PrfGrid | None:
        """Return the effective PRF as prepared; None where it was not."""
        with self._lock:
            if self._prf is None and self.files.prf is not None:
                self._prf = _read_only(read_prf(self.files.prf))
            return self._prf

    def prepared_kernel(self) -> MovementKernel | None:
        """Return the motion as prepared; None where it was not."""
        with self._lock:
            if self._kernel is None and self.files.kernel is not None:
                self._kernel = _read_only(read_kernel(self.files.kernel))
            return self._kernel

    def _prepared(self) -> Placement | None:
        """PRF, motion and missing stars as prepared; None where they were not."""
        prf, kernel = self.prepared_prf(), self.prepared_kernel()
        if prf is None or kernel is None:
            return None
        with self._lock:
            if self._placement is None:
                unlisted = NO_STARS if self.files.unlisted is None else read_unlisted(self.files.unlisted)
                self._placement = _read_only(Placement(prf, kernel, unlisted))
            return self._placement

    def _region(self, settings: ConfigParser) -> "_Region":
        """All pixels, and what the measurements on them depend on."""
        return _Region(self.version, self.header.stamp, numeric_settings(settings), tuple(settings["prf"].items()))

    def _measured_pixels(self, region: "_Region") -> tuple[list[Cube], Stars]:
        """Pixels on which motion and PRF are measured, all or patches of a CCD, and their stars."""
        stars, motion = self.stars(region.stamp), region.numerics.motion
        if is_measured_whole(region.stamp, motion):
            return [self.source.read(region.stamp)], stars
        seen = stars_on_measured(stars, region.stamp, self.source.sum_image)
        patches = patches_of(region.stamp, seen, replace(motion, n_patch=_CCD_PATCHES))
        return [self.source.read(patch) for patch in patches], stars

    def _placed(self, learnt: Placement, region: "_Region", stamp: Stamp) -> Placement:
        """PRF and motion of a CCD on some of its pixels, with their own offset and the stars that are missing there."""
        stars, motion = self.stars(stamp), region.numerics.motion
        kernel, unlisted = kernel_at(self.source.read(stamp), stars, learnt.prf, learnt.kernel, motion)
        placed: Placement = _read_only(Placement(learnt.prf, kernel, unlisted))
        return placed

    def _moved(self, region: "_Region") -> MovementKernel:
        """Motion of a region, measured with the given PRF."""
        return kept_measurement(region.motion_key, "measuring the motion", lambda: self._measured_motion(region))

    def _measured_motion(self, region: "_Region") -> MovementKernel:
        header, motion, given = self.header, region.numerics.motion, self._given_prf(region)
        known = None
        if motion.mode == "wcs":
            known = kernel_of_wcs(self.source.frame_wcs(), header.wcs_header, header.stamp, header.usable)
        cubes, stars = self._measured_pixels(region)
        verdict = table_verdict([checked_cube(cube, stars, given) for cube in cubes])
        if verdict.problem:
            raise CatalogError(self.files.catalog, f"does not fit the pixels {self.files.pixels}: {verdict.problem}")
        kernel = measure_motion(cubes, stars, given, motion, known)
        moved: MovementKernel = _read_only(replace(kernel, table_doubt=verdict.doubt))
        return moved

    def _learnt(self, region: "_Region") -> Placement:
        """PRF of a region, and its motion with it."""
        kernel, numerics = self._moved(region), region.numerics
        cubes, stars = self._measured_pixels(region)
        learnt = learn_prf(cubes, stars, self._given_prf(region), kernel, numerics.prf_learning, numerics.motion)
        placement: Placement = _read_only(Placement(learnt.prf, learnt.kernel, learnt.unlisted))
        return placement

    def _given_prf(self, region: "_Region") -> PrfGrid:
        pointing = self.header.pointing
        return _prf_of(dict(region.prf), pointing.sector, pointing.camera, pointing.ccd)


@dataclass(frozen=True, slots=True)
class _Region:
    """Pixels on which motion and PRF are measured, and all that the results depend on.

    Parameters
    ----------
    version : tuple
        Names, dates and sizes of the files.
    stamp : Stamp
        The pixels.
    numerics : NumericSettings
        Settings of the numerics.
    prf : tuple
        Settings of the given PRF.
    """

    version: tuple[tuple[str, int, int], ...]
    stamp: Stamp
    numerics: NumericSettings
    prf: tuple[tuple[str, str], ...]

    @property
    def motion_key(self) -> Key:
        """What the motion depends on."""
        return self.version, "motion", self.stamp, self.numerics.motion, self.prf

    @property
    def placement_key(self) -> Key:
        """What PRF and motion depend on."""
        return self.version, "placement", self.stamp, self.numerics.motion, self.numerics.prf_learning, self.prf


def given_prf(settings: ConfigParser, sector: int, camera: int, ccd: int) -> PrfGrid:
    """Return the PRF that the settings name for a CCD.

    Raises
    ------
    PrfError
        When its files are missing, belong to another CCD, or cannot be fetched.
    """
    return _prf_of(settings["prf"], sector, camera, ccd)


def _prf_of(settings: Mapping[str, str], sector: int, camera: int, ccd: int) -> PrfGrid:
    source: str | Path = settings["source"]
    if source == "model":
        return model_prf(ccd)
    if source == "mast":
        source = download_prf(Path(settings["downloads"]).expanduser(), sector, camera, ccd)
    return read_spoc_prf(source, sector, camera, ccd)


def detector_of(files: PreparedFiles, cache: str) -> Detector:
    """Return what the targets of some files share, from memory where it is kept and the files have not changed.

    Parameters
    ----------
    files : PreparedFiles
        The files.
    cache : str
        One of `CACHE_MODES`.
    """
    if cache == "none":
        return Detector(files)
    with _kept_lock:
        found = _kept.get(files.version)
        if found is None:
            found = _kept[files.version] = Detector(files)
        _kept.move_to_end(files.version)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return found


def forget(detector: Detector) -> None:
    """Keep a detector no longer, nor what was measured on its files."""
    drop_measured(detector.version)
    with _kept_lock:
        for key in [key for key, kept in _kept.items() if kept is detector]:
            del _kept[key]


def _with_tmag(catalog: Catalog) -> Catalog:
    """Return the stars that have a magnitude: older catalogues hold others too."""
    known = np.isfinite(catalog.tmag)
    if known.all():
        return catalog
    names = [field.name for field in fields(Catalog) if field.name != "settings"]
    return replace(catalog, **{name: getattr(catalog, name)[known] for name in names})


def _whole_chunks(stamp: Stamp, region: Stamp) -> Stamp:
    """Stamp of the chunks of a cube that hold a stamp."""
    rows, columns = stamp.slices_in(region)
    (_, n_row, n_column) = CHUNK
    return Stamp(
        region.row_min + rows.start // n_row * n_row,
        region.row_min - (-rows.stop // n_row) * n_row,
        region.col_min + columns.start // n_column * n_column,
        region.col_min - (-columns.stop // n_column) * n_column,
    ).clipped(region)


def _size(cube: Cube) -> int:
    return cube.images.nbytes + cube.images_err.nbytes + cube.backgrounds.nbytes + cube.pixel_flags.nbytes


def _read_only(content: Any) -> Any:
    """Make the arrays of a data class, and of those in it, read-only."""
    for field in fields(content):
        value = getattr(content, field.name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif is_dataclass(value):
            _read_only(value)
    return content
