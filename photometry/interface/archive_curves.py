"""Light curves of a star by its TIC number: what MAST has of it is fetched, measured and kept in a folder."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photometry.archive.fields import fetch_field, find_star
from photometry.archive.kept_fields import Field, FieldWish
from photometry.catalog.star_catalog import make_catalog
from photometry.core.datasources import TESSCUT
from photometry.core.errors import ConfigError, TargetError
from photometry.core.sky import mid_time
from photometry.core.status import MEASURED
from photometry.interface.lightkurve_curves import read_lightcurve
from photometry.interface.psf_target import PSFPhotometry
from photometry.io.pixels.pixel_file import PixelFile
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products.cube_files import write_cube
from photometry.io.stars.catalog_files import write_catalog
from photometry.io.stars.star_tables import read_star_table

__all__ = ["light_curves"]

_log = logging.getLogger(__name__)
#: Stars so far around the pixels are in the catalogue, deg.
_AROUND_DEG = 0.1


def light_curves(
    tic: int,
    sectors: Sequence[int] | None = None,
    folder: str | Path = "tess-psf-photometry",
    cutout_size: int = 64,
    prf: str = "mast",
    refresh: bool = False,
) -> Any:
    """Return the light curves of a star in all sectors, or in some (lightkurve has to be installed).

    Cutouts, stars and PRF files come from MAST and are kept, as are the light curves: a second call takes no time.

    Parameters
    ----------
    tic : int
        TIC number.
    sectors : sequence of int, optional
        Sectors [default: all].
    folder : path-like
        Where everything is kept.
    cutout_size : int
        Rows and columns of the cutouts that motion and PRF are measured on, pixels.
    prf : str
        ``mast``, ``model`` or a folder of SPOC PRF files.
    refresh : bool
        Ask MAST again, and measure again.

    Returns
    -------
    lightkurve.LightCurveCollection
        One light curve for every sector and CCD, as `photometry.read_lightcurve` reads them.

    Raises
    ------
    ArchiveError
        When MAST does not answer, or has no images of the star.
    TargetError
        When the star cannot be measured in any sector; sectors in which it cannot be are logged and left out.
    """
    try:
        from lightkurve import LightCurveCollection
    except ImportError as error:
        raise ImportError("lightkurve is not installed: pip install lightkurve") from error
    if isinstance(tic, bool) or not isinstance(tic, int) or tic < 1:
        raise ConfigError(f"tic is {tic!r}, expected a TIC number")
    folder = Path(folder).absolute()
    wish = FieldWish(tic, None, None, cutout_size, tuple(sorted(set(sectors or ()))), margin_deg=_AROUND_DEG)
    fields = folder / "downloads" / TESSCUT.name
    if (star := find_star(fields, wish)) is not None:
        wish = wish.reaching(star.tmag)
    field = fetch_field(fields, wish, refresh=refresh)
    place = folder / "measured" / wish.name / (prf if prf in ("mast", "model") else Path(prf).name)
    wanted = _Wanted(tic, field, place, {"source": prf, "downloads": str(folder / "downloads" / "prf")}, refresh)
    found = [_curve_of(wanted, path) for path in field.pixels]
    curves = [curve for curve in found if curve is not None]
    if not curves:
        raise TargetError(f"TIC {tic} cannot be measured in any of {len(found)} sectors; the log says why")
    return LightCurveCollection(curves)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is measured, and where it is kept.

    Parameters
    ----------
    tic : int
        TIC number.
    field : Field
        Cutouts and stars.
    output : Path
        Folder of the light curves and of what was prepared for them.
    prf : dict of str to str
        Settings of the PRF.
    again : bool
        Measure also what is kept.
    """

    tic: int
    field: Field
    output: Path
    prf: dict[str, str]
    again: bool


def _curve_of(wanted: _Wanted, path: Path) -> Any:
    """Return the light curve on a cutout, as it is kept or measured now; None where it cannot be measured."""
    pixels = inspect_pixel_file(path, TESSCUT.name)
    seen = pixels.pointing
    name = f"tess{wanted.tic:011d}-s{seen.sector:03d}-{seen.camera}-{seen.ccd}-*_lc.fits"
    kept = [] if wanted.again else sorted(wanted.output.glob(name))
    if kept:
        return read_lightcurve(kept[0])
    prepared = wanted.output / "prepared"
    _prepare(pixels, wanted.field, prepared)
    with PSFPhotometry(
        wanted.tic, prepared, wanted.output, sector=seen.sector, camera=seen.camera, ccd=seen.ccd
    ) as star:
        star.settings["prf"].update(wanted.prf)
        status = star.photometry()
        if status not in MEASURED:
            _log.warning("TIC %d in sector %d: %s: %s", wanted.tic, seen.sector, status.name, star.details["errors"])
            return None
        return read_lightcurve(star.save_lightcurve(wanted.output))


def _prepare(pixels: PixelFile, field: Field, folder: Path) -> None:
    """Write cube and catalogue of a cutout, where they are not there."""
    cube_file, catalog_file = folder / f"{pixels.region}.hdf5", folder / f"catalog_{pixels.region}.sqlite"
    if cube_file.is_file() and catalog_file.is_file():
        return
    cube = read_pixels(pixels.path, TESSCUT.name)
    header = cube.header
    stars = read_star_table(field.stars).table
    near = make_catalog(stars, header.pointing, header.wcs_header, header.stamp, mid_time(header.time), _AROUND_DEG)
    write_catalog(catalog_file, near, {"stars": field.stars, "pixels": pixels.path}, {"coord_buffer": _AROUND_DEG})
    write_cube(cube_file, cube, {"pixels": pixels.path})
