"""Stars of a star table that matter to a region, and digests that tell which parts of the region a change reaches.

A star's own numbers reach the fits of the tiles that its light reaches; that it is a target reaches the export of its
tile; cube, motion and PRF of the region are properties of all its stars together.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from photometry.catalog.star_catalog import Catalog, Columns, ccd_positions, make_catalog, positions_at, stamp_on_sky
from photometry.catalog.star_columns import NUMBERS, TABLE_NAMES, StarColumns
from photometry.catalog.star_hashes import star_hashes
from photometry.core.constants import ARCSEC_PER_PIXEL, CATALOG_EPOCH_YEAR
from photometry.core.cube import Pointing
from photometry.core.geometry import Stamp
from photometry.core.sky import angular_distance

__all__ = [
    "NearStars",
    "Placed",
    "RegionStars",
    "StarsByDecl",
    "catalog_around",
    "catalog_of",
    "epoch_of_sector",
    "is_among",
    "take_near",
]

_Ints = npt.NDArray[np.int64]
_Hashes = npt.NDArray[np.uint64]
_Bools = npt.NDArray[np.bool_]

_DEG_PER_PIXEL = ARCSEC_PER_PIXEL / 3600
_MAS_PER_DEG = 3.6e6
#: More than rounding errors of angles, deg.
_ROUNDING = 1e-9
#: Middle of sector 1, Julian year, and years from one sector to the next: two orbits of 13.7 d (TESS Instrument
#: Handbook, section 4). Good to 0.2 years, in which Barnard's star moves by a tenth of a pixel.
_SECTOR_1, _SECTOR_YEARS = 2018.60, 27.4 / 365.25


@dataclass(frozen=True, slots=True)
class RegionStars(StarColumns):
    """Stars on and around the pixels of a region: the columns of `StarColumns`, and what they are to the region.

    Parameters
    ----------
    reaches : (n_star,) bool
        Stars whose light may reach the pixels: those that cube, motion and PRF of the region are derived from.
    wanted : (n_star,) bool
        Stars that are asked for.
    unplaced : (n_unplaced,) int64
        TIC numbers that are asked for and are near no region; the region's target list tells so.
    asks_all : bool
        Whether every star on the pixels is asked for.
    tmag_limit : float
        Faintest target, mag.
    left_out : (3,) int64
        Rows of the star table near the pixels that are not used: artefacts, duplicates, without a magnitude.
    skipped : (n_skipped,) int64
        TIC numbers that are targets although they are no stars of the region.
    why_skipped : (n_skipped,) bytes
        Why they are not measured, UTF-8.
    """

    reaches: _Bools
    wanted: _Bools
    unplaced: _Ints
    asks_all: bool
    tmag_limit: float
    left_out: _Ints = field(default_factory=lambda: np.zeros(3, dtype=np.int64))
    skipped: _Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    why_skipped: npt.NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, dtype="S1"))

    @property
    def asked_for(self) -> _Ints | None:
        """TIC numbers that are asked for; None: every star on the pixels."""
        return None if self.asks_all else np.union1d(self.starid[self.wanted], self.unplaced)

    @property
    def hashes(self) -> _Hashes:
        """Hashes of the stars whose light may reach the pixels, increasing: (n,)."""
        return np.sort(star_hashes(self)[self.reaches])

    @property
    def digest(self) -> str:
        """SHA-256 of everything, hexadecimal."""
        digest = hashlib.sha256()
        for column in fields(self):
            value = getattr(self, column.name)
            digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where stars are on the CCD as far as a plan can know: (n_star,) float64, 0-based pixels; NaN for none."""

    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]

    def within(self, stamp: Stamp, reach: float) -> _Bools:
        """Tell which stars are on a stamp or up to `reach` pixels outside it."""
        inside: _Bools = stamp.border_distance(self.row, self.column) > -reach
        return inside


def epoch_of_sector(sector: int) -> float:
    """Return the Julian year of a sector, to 0.2 years."""
    return _SECTOR_1 + (sector - 1) * _SECTOR_YEARS


@dataclass(frozen=True, slots=True)
class StarsByDecl(StarColumns):
    """A star table and the order of its stars by declination, so that a region's are found without looking at all.

    Parameters
    ----------
    by_decl : (n_star,) int64
        Rows by increasing declination.
    fastest : float
        Bound of the proper motions, deg/yr.
    """

    by_decl: _Ints
    fastest: float

    @classmethod
    def of(cls, table: Columns) -> "StarsByDecl":
        """Sort a star table (`photometry.io.stars.star_tables.StarTable`), whose columns are shared, not copied."""
        columns = {name: np.asarray(table[TABLE_NAMES[name]], dtype=np.float64) for name in NUMBERS}
        fastest = max(float(np.abs(columns[name]).max(initial=0.0)) for name in ("pm_ra", "pm_decl"))
        return cls(
            starid=np.asarray(table["starid"], dtype=np.int64),
            by_decl=np.argsort(columns["decl_j2000"], kind="stable"),
            fastest=2 * fastest / _MAS_PER_DEG,
            **columns,
        )

    def around(self, ra: float, dec: float, radius: float) -> _Ints:
        """Return the rows of the stars in a circle (deg) at J2000, by increasing TIC number."""
        first, last = np.searchsorted(self.decl_j2000, [dec - radius, dec + radius], sorter=self.by_decl)
        band = self.by_decl[first:last]
        if abs(dec) + radius < 90:
            # Meridians that touch a circle: sin(width) = sin(radius) / cos(dec).
            width = np.rad2deg(np.arcsin(np.sin(np.deg2rad(radius)) / np.cos(np.deg2rad(dec))))
            band = band[np.abs((self.ra_j2000[band] - ra + 180) % 360 - 180) <= width + _ROUNDING]
        inside = angular_distance(self.ra_j2000[band], self.decl_j2000[band], ra, dec) <= radius
        return np.sort(band[inside])


def is_among(starid: _Ints, known: _Ints) -> npt.NDArray[np.bool_]:
    """Tell which stars (n_star,) are among `known` ones (n_known,), increasing: quick for a million of them."""
    if not len(known):
        return np.zeros(len(starid), dtype=bool)
    found: npt.NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, starid), len(known) - 1)] == starid
    return found


@dataclass(frozen=True, slots=True)
class NearStars:
    """Stars of a region, by increasing TIC number, and their places as far as the plan knows them.

    Rows of the star table are held, not copies of them: one table may have the million stars of a sector.

    Parameters
    ----------
    table : StarsByDecl
        The star table.
    rows : (n_star,) int64
        Rows of it.
    placed : Placed
        Their places.
    reaches : (n_star,) bool
        Which of them may have light on the pixels.
    wanted : (n_wanted,) int64 or None
        TIC numbers that are asked for, increasing; None: every star on the pixels.
    tmag_limit : float
        Faintest target, mag.
    unplaced : (n_unplaced,) int64
        TIC numbers that are asked for and near no region.
    left_out : (3,) int64
        As in `RegionStars`.
    skipped : mapping of int to str
        TIC numbers that are targets although they are no stars of the region, and why they are not measured.
    """

    table: StarsByDecl
    rows: _Ints
    placed: Placed
    reaches: _Bools
    wanted: _Ints | None
    tmag_limit: float
    unplaced: _Ints
    left_out: _Ints = field(default_factory=lambda: np.zeros(3, dtype=np.int64))
    skipped: Mapping[int, str] = field(default_factory=dict)

    def stars(self) -> RegionStars:
        """Copy the stars out of the table."""
        starid = self.table.starid[self.rows]
        return RegionStars(
            starid=starid,
            reaches=self.reaches,
            wanted=np.ones(len(starid), dtype=bool) if self.wanted is None else is_among(starid, self.wanted),
            unplaced=self.unplaced,
            asks_all=self.wanted is None,
            tmag_limit=self.tmag_limit,
            left_out=self.left_out,
            skipped=np.array(sorted(self.skipped), dtype=np.int64),
            why_skipped=np.array([self.skipped[starid].encode() for starid in sorted(self.skipped)], dtype="S"),
            **{name: getattr(self.table, name)[self.rows] for name in NUMBERS},
        )


def take_near(
    table: StarsByDecl, wcs_header: str, stamp: Stamp, sector: int, coord_buffer: float, reach: int, slack: float = 0.0
) -> NearStars:
    """Find the stars on and around the pixels of a region; every one is asked for, however faint.

    Parameters
    ----------
    table : StarsByDecl
        The star table.
    wcs_header : str
        `photometry.core.cube.CubeHeader.wcs_header`; with an empty one no star is near.
    stamp : Stamp
        The pixels.
    sector : int
        Tells the time.
    coord_buffer : float
        Stars so far from the circle around the pixels are near, deg.
    reach : int
        Stars so far outside the pixels are near, pixels.
    slack : float
        Error of the places, pixels [default: 0].
    """
    nothing = np.empty(0, dtype=np.int64)
    if not wcs_header or not len(table.starid):
        none = Placed(np.empty(0), np.empty(0))
        return NearStars(table, nothing, none, none.within(stamp, reach), None, np.inf, nothing)
    ra_centre, dec_centre, radius, _ = stamp_on_sky(wcs_header, stamp)
    kept = radius + max(coord_buffer, reach * _DEG_PER_PIXEL) + slack * _DEG_PER_PIXEL
    epoch = epoch_of_sector(sector)
    wide = kept + abs(epoch - CATALOG_EPOCH_YEAR) * table.fastest
    rows = table.around(ra_centre, dec_centre, wide)
    ra, dec = positions_at(table.ra_j2000[rows], table.decl_j2000[rows], table.pm_ra[rows], table.pm_decl[rows], epoch)
    near = angular_distance(ra, dec, ra_centre, dec_centre) <= kept
    placed = Placed(*ccd_positions(ra[near], dec[near], wcs_header))
    return NearStars(table, rows[near], placed, placed.within(stamp, reach + slack), None, np.inf, nothing)


def catalog_of(
    stars: RegionStars, pointing: Pointing, wcs_header: str, stamp: Stamp, reference_time: float, coord_buffer: float
) -> Catalog:
    """Return the catalogue of stars of a region; parameters as in `photometry.catalog.star_catalog.make_catalog`."""
    table = {table_name: getattr(stars, name) for name, table_name in TABLE_NAMES.items()}
    return make_catalog(table, pointing, wcs_header, stamp, reference_time, coord_buffer)


def catalog_around(
    stars: RegionStars, pointing: Pointing, wcs_header: str, stamp: Stamp, reference_time: float, margin: int
) -> Catalog:
    """Return the catalogue of the stars on and around a stamp, moved to the time of the observation.

    Parameters
    ----------
    stars : RegionStars
        Stars of the region.
    pointing, wcs_header, stamp, reference_time
        As in `photometry.catalog.star_catalog.make_catalog`.
    margin : int
        Pixels around the stamp.
    """
    # The circle around a stamp that is wider by two pixels: distortion bends the pixel grid.
    buffer = (margin + 2) * np.sqrt(2) * _DEG_PER_PIXEL
    return catalog_of(stars, pointing, wcs_header, stamp, reference_time, buffer)
