"""Puts the parts of a CCD's cube together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import numpy.typing as npt

from photometry.ccd.ccd_parts import read_part
from photometry.ccd.ccd_work import CcdWork
from photometry.frames.frame_series import OK
from photometry.io.products.cube_files import CUBE_VERSION, PIXEL_SETS, create_pixels, write_ephemeris, write_metadata
from photometry.io.products.frame_lists import CcdFrames, FrameList, write_list
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import remove_unfinished, write_product

__all__ = ["assemble"]

#: Where the pixel series of a block are, if not with its pixels: errors are read, and kept, in the first pass.
_DESCRIBED = "images_err"
#: Of the checksum at the end of a chunk (Fletcher, the last of its filters): a digest of all bytes takes as long as to
#: copy them.
_CHECKSUM_BYTES = 4


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def assemble(
    path: str | Path,
    work: CcdWork,
    frames: CcdFrames,
    smooth: str | Path,
    described: Sequence[str | Path],
    pixels: Sequence[str | Path],
    inputs: Mapping[str, str | Path],
) -> None:
    """Write the cube from its parts, whose compressed chunks are copied as they are.

    Parameters
    ----------
    path : path-like
        The product.
    work, frames
        As the parts were made.
    smooth : path-like
        What `photometry.ccd.ccd_smoothing.write_smooth` wrote.
    described, pixels : sequence of path-like
        What `photometry.ccd.ccd_backgrounds.write_backgrounds` and `photometry.ccd.ccd_pixels.write_pixels` wrote of
        each block.
    inputs : mapping of str to path-like
        Files it was made from, by role.
    """
    remove_unfinished(path)
    shape, header = (work.n_cadence, *work.area.shape), frames.header
    known = read_part(smooth, "quality", "status", "reason")
    with write_product(path, "cube", CUBE_VERSION, inputs) as file:
        write_metadata(file, header)
        file.attrs["REFERENCE"] = frames.reference
        write_ephemeris(file, frames.ephemeris)
        total, count = np.zeros(work.area.shape), np.zeros(work.area.shape, dtype=np.int64)
        for name in PIXEL_SETS:
            create_pixels(file, name, shape, None, work.chunk)
        digest = sha256()
        for part, first, series in _chunks(work, described, pixels):
            for name in PIXEL_SETS:
                _copy_chunks(series[name], file[name], part, first, digest)
        for number, of_pixels in enumerate(pixels):
            if len(work.cadences(number)):
                of_block = read_part(of_pixels, "total", "count")
                total += of_block["total"]
                count += of_block["count"]
        # What is made from the cube would else read all of its 25 GB to name it.
        file.attrs["digest"] = digest.hexdigest()
        sumimage = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        write_checked(file, "sumimage", sumimage.astype(np.float32))
        for name in ("time", "timecorr", "cadenceno"):
            write_checked(file, name, getattr(header, name))
        write_checked(file, "quality", known["quality"])
        write_checked(file, "aperture", header.aperture)
        write_checked(file, "wcs", np.bytes_(header.wcs_header))
        write_checked(file, "missing", frames.missing)
        write_list(file.create_group("frames"), _final_list(frames.listing, known["status"], known["reason"]))


def _chunks(
    work: CcdWork, described: Sequence[str | Path], pixels: Sequence[str | Path]
) -> Iterator[tuple[int, int, dict[str, h5py.Dataset]]]:
    """Give each chunk of cadences: where it is in the pixel series of its block, and in the cube; those series."""
    for number, names in enumerate(zip(described, pixels, strict=True)):
        with ExitStack() as stack:
            errors, others = (stack.enter_context(h5py.File(name, "r")) for name in names)
            series = {name: (errors if name == _DESCRIBED else others)[name] for name in PIXEL_SETS}
            for place, cadences in enumerate(work.chunks(number)):
                yield place * work.length, cadences.start, series


def _copy_chunks(part: h5py.Dataset, whole: h5py.Dataset, place: int, first: int, digest: _Digest) -> None:
    """Copy compressed chunks as they are, and add the checksum that each of them ends with to a digest."""
    _, n_row, n_column = part.chunks
    for row in range(0, part.shape[1], n_row):
        for column in range(0, part.shape[2], n_column):
            mask, chunk = part.id.read_direct_chunk((place, row, column))
            whole.id.write_direct_chunk((first, row, column), chunk, mask)
            digest.update(chunk[-_CHECKSUM_BYTES:])


def _final_list(listing: FrameList, status: npt.NDArray[np.str_], reason: npt.NDArray[np.str_]) -> FrameList:
    """Add what was found out about the pixels to the list of files."""
    all_status, all_reason = listing.status.astype("U32"), listing.reason.astype(object)
    bad = np.flatnonzero((status != OK) & (listing.status[: len(status)] == OK))
    all_status[bad], all_reason[bad] = status[bad], reason[bad]
    return replace(listing, status=all_status, reason=all_reason.astype(str))
