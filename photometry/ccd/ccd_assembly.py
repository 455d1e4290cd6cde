"""Puts the parts of a CCD's cube together."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import numpy.typing as npt

from photometry.ccd.ccd_blocks import CcdWork, block_name
from photometry.frames.frame_series import OK
from photometry.io.products.cube_files import CUBE_VERSION, PIXEL_SETS, create_pixels, write_ephemeris, write_metadata
from photometry.io.products.frame_lists import CcdFrames, FrameList, write_list
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import write_product

__all__ = ["assemble"]


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def assemble(
    path: Path,
    work: CcdWork,
    frames: CcdFrames,
    quality: npt.NDArray[np.int32],
    status: npt.NDArray[np.str_],
    reason: npt.NDArray[np.str_],
    inputs: Mapping[str, str | Path],
) -> None:
    """Write the cube from its parts.

    Parameters
    ----------
    path : Path
        The product.
    work, frames
        As the parts were made.
    quality, status, reason : (n_cadence,)
        Flags; what is wrong with the pixels of frames that are good by their headers.
    inputs : mapping of str to path-like
        Files it was made from, by role.
    """
    shape = (work.n_cadence, *work.area.shape)
    with write_product(path, "cube", CUBE_VERSION, inputs) as file:
        header = frames.header
        write_metadata(file, header)
        file.attrs["REFERENCE"] = frames.reference
        write_ephemeris(file, frames.ephemeris)
        total, count = np.zeros(work.area.shape), np.zeros(work.area.shape, dtype=np.int64)
        for name in PIXEL_SETS:
            create_pixels(file, name, shape, None, work.block)
        digest = sha256()
        for number in range(work.n_block):
            with h5py.File(work.scratch.path(block_name(number)), "r") as part:
                for name in PIXEL_SETS:
                    _copy_chunks(part[name], file[name], work.cadences(number).start, digest)
                total += part["total"][:]
                count += part["count"][:]
        # Of 25 GB: what is made from the cube would else read all of it to name it.
        file.attrs["digest"] = digest.hexdigest()
        sumimage = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        write_checked(file, "sumimage", sumimage.astype(np.float32))
        for name in ("time", "timecorr", "cadenceno"):
            write_checked(file, name, getattr(header, name))
        write_checked(file, "quality", quality)
        write_checked(file, "aperture", header.aperture)
        write_checked(file, "wcs", np.bytes_(header.wcs_header))
        write_checked(file, "missing", frames.missing)
        write_list(file.create_group("frames"), _final_list(frames.listing, status, reason))


def _copy_chunks(part: h5py.Dataset, whole: h5py.Dataset, first: int, digest: _Digest) -> None:
    """Copy compressed chunks as they are, and add them to a digest."""
    _, n_row, n_column = part.chunks
    for row in range(0, part.shape[1], n_row):
        for column in range(0, part.shape[2], n_column):
            mask, chunk = part.id.read_direct_chunk((0, row, column))
            whole.id.write_direct_chunk((first, row, column), chunk, mask)
            digest.update(chunk)


def _final_list(listing: FrameList, status: npt.NDArray[np.str_], reason: npt.NDArray[np.str_]) -> FrameList:
    """Add what was found out about the pixels to the list of files."""
    all_status, all_reason = listing.status.astype("U32"), listing.reason.astype(object)
    bad = np.flatnonzero((status != OK) & (listing.status[: len(status)] == OK))
    all_status[bad], all_reason[bad] = status[bad], reason[bad]
    return replace(listing, status=all_status, reason=all_reason.astype(str))
