"""Simulated full-frame images as files: names, headers and layout of the archive's, and bad ones among them.

Equal settings give equal bytes.
"""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.io.fits.fits_bytes import CardItem, cards, hdu
from photometry.io.store.provenance import atomic_path
from photometry.simulate.ccd import SimulatedCcd
from photometry.simulate.ccd_exposure import SimulatedFrame
from photometry.simulate.frame_cards import ffi_name, image_header, primary_header, wcs_cards

__all__ = ["ffi_name", "write_frame"]

#: What a file of the kind ``text`` holds.
_TEXT = b"<html><body>503 Service Unavailable</body></html>\n"
#: Share of a truncated file that is there, and rows and columns that a wrong shape lacks.
_TRUNCATED_SHARE, _LACKING_PIX = 0.4, 8
#: How far the WCS of the kind ``bad_wcs`` is off, deg.
_BAD_WCS_DEG = 30.0
_COMPRESSION = 1


def write_frame(ccd: SimulatedCcd, frame: SimulatedFrame, folder: str | Path) -> list[Path]:
    """Write a frame as the archive has it, or what `SimulatedCcd.bad` says in its place or beside it.

    Parameters
    ----------
    ccd : SimulatedCcd
        The CCD.
    frame : SimulatedFrame
        One of its frames.
    folder : path-like
        Where the file goes; its name is `ffi_name`.

    Returns
    -------
    list of Path
        The files: one, none when the frame is missing, two when it is there twice.
    """
    settings, cadence, kind = ccd.settings, frame.cadence, str(ccd.bad[frame.cadence])
    if kind == "missing":
        return []
    image, errors = frame.image, frame.errors
    if kind in ("zero", "nan"):
        image = np.full_like(image, 0.0 if kind == "zero" else np.nan)
        errors = np.full_like(errors, 0.0 if kind == "zero" else np.nan)
    elif kind == "wrong_shape":
        image, errors = (pixels[:-_LACKING_PIX, :-_LACKING_PIX] for pixels in (image, errors))
    content = _file(ccd, cadence, image, errors, kind, settings.ccd, settings.data_rel)
    name = ffi_name(ccd, cadence)
    if kind == "truncated":
        content = content[: int(_TRUNCATED_SHARE * len(content))]
    elif kind in ("empty", "text"):
        content = b"" if kind == "empty" else _TEXT
    written = [_write(Path(folder) / name, content)]
    if kind == "duplicated":
        earlier = _file(ccd, cadence, image, errors, kind, settings.ccd, max(settings.data_rel - 1, 0))
        written.append(_write(Path(folder) / "earlier_release" / name, earlier))
    elif kind == "other_ccd":
        number = settings.ccd % 4 + 1
        other = _file(ccd, cadence, image, errors, kind, number, settings.data_rel)
        written.append(_write(Path(folder) / ffi_name(ccd, cadence, number), other))
    return written


def _file(
    ccd: SimulatedCcd,
    cadence: int,
    image: npt.NDArray[np.float32],
    errors: npt.NDArray[np.float32],
    kind: str,
    ccd_number: int,
    data_rel: int,
) -> bytes:
    """Return a file: primary header, image and its errors with collateral pixels."""
    wcs: list[CardItem] = []
    if kind != "no_wcs":
        wcs = wcs_cards(ccd, cadence, _BAD_WCS_DEG if kind == "bad_wcs" else 0.0)
    parts = [hdu(cards(primary_header(ccd, cadence, data_rel)))]
    for what, pixels in (("cal", image), ("uncert", errors)):
        header = image_header(ccd, cadence, what, pixels.shape, wcs, ccd_number)
        if kind == "no_key":
            header = [card for card in header if card[0] != "EXPOSURE"]
        parts.append(hdu(cards(header), pixels.astype(">f4").tobytes()))
    return b"".join(parts)


def _write(path: Path, content: bytes) -> Path:
    """Write a file under a temporary name first; a name that ends in .gz is compressed."""
    with atomic_path(path) as temporary:
        if path.suffix == ".gz" and content:
            content = gzip.compress(content, compresslevel=_COMPRESSION, mtime=0)
        temporary.write_bytes(content)
    return path
