"""What is wanted of a field in the sky, and what of it is there already; nothing is asked for here."""

from dataclasses import dataclass, replace
from pathlib import Path

from photometry.archive.kept import Kept, read_kept
from photometry.archive.seen_by import SeenBy
from photometry.core.datasources import DATASOURCES, TESSCUT

__all__ = ["Field", "FieldWish", "Star", "chosen_ccds", "kept_field", "kept_star", "pixels_name", "stars_name"]

#: Neighbours so much fainter than a star matter to it, mag.
_FAINTER = 1.0


@dataclass(frozen=True, slots=True)
class FieldWish:
    """What is wanted.

    Parameters
    ----------
    starid : int or None
        TIC number of the star in the middle.
    ra, dec : float or None
        Else the middle, ICRS, deg.
    size : int
        Rows and columns of the cutouts, pixels.
    sectors : tuple of int
        Sectors; none means all.
    tmag_limit : float
        Faintest star of the star table, Tmag.
    margin_deg : float
        So far around the pixels the star table reaches, deg.
    datasource : str
        Cutouts, or target pixel files of the star, which have their own size.
    """

    starid: int | None
    ra: float | None
    dec: float | None
    size: int
    sectors: tuple[int, ...] = ()
    tmag_limit: float = 17.0
    margin_deg: float = 0.1
    datasource: str = TESSCUT.name

    def reaching(self, tmag: float) -> "FieldWish":
        """Return the wish with a star table that has a star of a magnitude, and somewhat fainter neighbours."""
        return replace(self, tmag_limit=max(self.tmag_limit, tmag + _FAINTER))

    @property
    def name(self) -> str:
        """Name of its folder."""
        place = f"tic{self.starid:011d}" if self.starid else f"ra{self.ra:09.5f}_dec{self.dec:+09.5f}"
        return place if self.is_tpf else f"{place}_{self.size}x{self.size}"

    @property
    def is_tpf(self) -> bool:
        """Whether target pixel files are wanted."""
        return DATASOURCES[self.datasource].has_target

    @property
    def what(self) -> str:
        """What its files are called."""
        return "target pixel files" if self.is_tpf else f"cutouts of {self.size}x{self.size} pixels"

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"TIC {self.starid}" if self.starid else f"RA {self.ra:g}, Dec {self.dec:g}"


@dataclass(frozen=True, slots=True)
class Field:
    """What is there of a field.

    Parameters
    ----------
    pixels : tuple of Path
        Pixel files, by sector.
    stars : Path
        Star table.
    """

    pixels: tuple[Path, ...]
    stars: Path


@dataclass(frozen=True, slots=True)
class Star:
    """What the TIC says of the star in the middle of a field.

    Parameters
    ----------
    ra, dec : float
        Place, ICRS, epoch 2000, deg.
    tmag : float
        Magnitude.
    """

    ra: float
    dec: float
    tmag: float


def kept_field(folder: Path, wish: FieldWish) -> Field | None:
    """Return a field that is there; None where something has to be asked for.

    Parameters
    ----------
    folder : Path
        Folder of all fields.
    wish : FieldWish
        What is wanted.
    """
    kept = read_kept(folder / wish.name)
    chosen = chosen_ccds(kept, wish)
    stars = kept.file(stars_name(wish))
    files = [kept.file(pixels_name(seen)) for seen in chosen or ()]
    if chosen is None or stars is None or None in files:
        return None
    return Field(tuple(path for path in files if path), stars)


def kept_star(folder: Path, wish: FieldWish) -> Star | None:
    """Return the star in the middle of a field; None where it is not known, or the middle is a place in the sky."""
    known = read_kept(folder / wish.name).answer("star")
    return Star(known["ra"], known["dec"], known["Tmag"]) if known else None


def chosen_ccds(kept: Kept, wish: FieldWish) -> list[SeenBy] | None:
    """Return the CCDs that show the middle, of the sectors that are wanted; None where they are not known."""
    known = kept.answer("sectors")
    if known is None:
        return None
    found = [SeenBy(*row) for row in known["shown"]]
    return [seen for seen in found if not wish.sectors or seen.sector in wish.sectors]


def stars_name(wish: FieldWish) -> str:
    """Return what the star table of a field is called among what is kept."""
    return f"stars to T {wish.tmag_limit:g} and {wish.margin_deg:g} deg"


def pixels_name(seen: SeenBy) -> str:
    """Return what the pixels of a sector are called among what is kept."""
    return str(seen)
