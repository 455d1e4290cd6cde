"""Light curve file of one target of the Python interface; the same files as the workflow's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photometry.core.cube import CubeHeader
from photometry.core.errors import ConfigError
from photometry.io.fits.fits_bytes import CardItem
from photometry.io.results.lightcurve_cards import TargetMetadata
from photometry.io.results.lightcurve_files import FOLDER, FitMetadata, LightCurveWriter
from photometry.io.store.kept_files import write_if_different
from photometry.lightcurve.light_curve import LightCurve
from photometry.lightcurve.names import light_curve_name

__all__ = ["NoFit", "cards_of", "write_target"]


@dataclass(frozen=True, slots=True)
class NoFit:
    """What a light curve says of its fit when there was none."""

    prf_source: str = "none"
    fit_tmag_limit: float = float("nan")


def cards_of(headers: Mapping[str, Any]) -> list[CardItem]:
    """Return additional headers as cards.

    Parameters
    ----------
    headers : mapping of str to value or (value, comment)
        Keywords of up to eight letters, digits, ``-`` and ``_``.

    Raises
    ------
    ConfigError
        When a keyword or value cannot be in a header.
    """
    items: list[CardItem] = []
    for key, content in headers.items():
        value, comment = content if isinstance(content, tuple) else (content, "")
        name = str(key).upper()
        plain = value.item() if hasattr(value, "item") else value
        if not 1 <= len(name) <= 8 or not name.replace("-", "A").replace("_", "A").isalnum() or not name.isascii():
            raise ConfigError(f"additional_headers: {key!r} is no keyword (up to 8 letters and digits)")
        if not isinstance(plain, (str, int, float, bool)) and plain is not None:
            raise ConfigError(f"additional_headers: {key} is {plain!r}, expected a text, a number or True or False")
        if not str(plain).isascii() or not str(comment).isascii():
            raise ConfigError(f"additional_headers: {key} has letters that are not ASCII")
        items.append((name, plain, str(comment)))
    return items


def write_target(
    curve: LightCurve,
    metadata: TargetMetadata,
    fit: FitMetadata,
    header: CubeHeader,
    folder: str | Path,
    version: int,
    inputs: Mapping[str, str],
    extra: list[CardItem],
    tree: bool,
) -> Path:
    """Write the light curve of a target under the name that the workflow gives it.

    Parameters
    ----------
    curve : LightCurve
        What to write.
    metadata : TargetMetadata
        What the header says of the target.
    fit : FitMetadata
        What it says of the fit.
    header : CubeHeader
        Header of the cube, with the cadences of the light curve.
    folder : path-like
        Where the file goes.
    version : int
        Version of the product.
    inputs : mapping of str to str
        Names and digests of the files that the pixels were made from, by role.
    extra : list of CardItem
        More cards.
    tree : bool
        Whether the file goes into the tree of folders that the workflow has below its output folder.

    Returns
    -------
    Path
        The file; it is left alone when it has the same content already.
    """
    name = light_curve_name(curve.starid, header.pointing, header.exposure.cadence_s, version)
    path = Path(folder, FOLDER, name) if tree else Path(folder, Path(name).name)
    (content,) = LightCurveWriter(fit, header, version, inputs, extra).file_contents([curve], [metadata])
    write_if_different(path, content)
    return path
