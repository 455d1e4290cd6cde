"""The frames of a CCD as a product: prepared/frames_{region}.hdf5."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from photometry.core.barycentre import Ephemeris
from photometry.core.cube import CubeHeader
from photometry.core.errors import ConfigError
from photometry.core.geometry import collected_flags
from photometry.frames.frame_series import OK
from photometry.io.products.cube_files import (
    CUBE_VERSION,
    SERIES,
    read_ephemeris_of,
    read_metadata,
    write_ephemeris,
    write_metadata,
)
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import Inputs, open_product, write_product

__all__ = [
    "FRAMES_VERSION",
    "CcdFrames",
    "FrameList",
    "read_bad_frames",
    "read_frame_wcs",
    "read_frames",
    "read_list",
    "write_frames",
    "write_list",
]

#: Version of the layout; readers refuse others.
FRAMES_VERSION = 1


@dataclass(frozen=True, slots=True)
class FrameList:
    """Every file of a CCD and what happened to it, (n_file,) each; cadences first, then what was left out.

    `start` and `end` (TJD) and `barycorr` (d) are as in the files, before any correction, NaN where not known; `wcs`
    holds the cards of the file's WCS, empty where there is none that can be used.
    """

    name: npt.NDArray[np.str_]
    cadenceno: npt.NDArray[np.int64]
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    barycorr: npt.NDArray[np.float64]
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]
    wcs: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class CcdFrames:
    """The frames of a CCD, ready to be made into a cube.

    Parameters
    ----------
    header : CubeHeader
        Header of that cube: times in the direction of the middle of the CCD, with `ephemeris` to correct them for every
        star; flags as the frames and their defects have them; WCS of the reference frame.
    reference : int
        Number of the reference cadence.
    files : tuple of str
        Path of each cadence's file, (n_cadence,).
    listing : FrameList
        Every file, the cadences' first.
    missing : (n_missing,) int64
        Cadence numbers without a file.
    """

    header: CubeHeader
    reference: int
    files: tuple[str, ...]
    listing: FrameList
    missing: npt.NDArray[np.int64]

    @property
    def ephemeris(self) -> Ephemeris:
        """Places of the spacecraft; ValueError when the header has none."""
        if self.header.ephemeris is None:
            raise ValueError("frames without places of the spacecraft")
        return self.header.ephemeris

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which cadences (n_cadence,) have pixels."""
        return np.asarray(self.listing.status[: self.header.n_cadence] == "ok")


def write_list(group: h5py.Group, listing: FrameList) -> None:
    """Write the list of files into a group."""
    for item in fields(FrameList):
        values = getattr(listing, item.name)
        data = np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values
        # Texts of no length have no type in HDF5.
        data = data.astype("S1") if data.dtype.kind == "S" and data.dtype.itemsize == 0 else data
        write_checked(group, item.name, data, compression="gzip", shuffle=True)


def read_list(group: h5py.Group) -> FrameList:
    """Read what `write_list` wrote."""
    columns: dict[str, Any] = {}
    for item in fields(FrameList):
        values = group[item.name][:]
        columns[item.name] = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
    return FrameList(**columns)


def read_bad_frames(path: str | Path) -> tuple[list[tuple[str, str, str]], int]:
    """Return name, status and reason of the frames of a cube that cannot be used, and how many cadences have no file.

    A cube that was not made from full-frame images has neither.
    """
    with open_product(path, "cube", CUBE_VERSION) as file:
        if "frames" not in file:
            return [], 0
        listed = read_list(file["frames"])
        frames = zip(listed.name.tolist(), listed.status.tolist(), listed.reason.tolist(), strict=True)
        return [frame for frame in frames if frame[1] != OK], len(file["missing"])


def read_frame_wcs(path: str | Path) -> tuple[str, ...]:
    """Return the WCS of every cadence of a cube, empty where there is none: (n_cadence,).

    Parameters
    ----------
    path : path-like
        The HDF5 file of a cube.

    Raises
    ------
    ConfigError
        When the cube was not made from full-frame images.
    """
    with open_product(path, "cube", CUBE_VERSION) as file:
        if "frames" not in file:
            raise ConfigError(f"motion: mode wcs needs full-frame images, and {path} is not made from any")
        return tuple(read_list(file["frames"]).wcs[: len(file["time"])])


def write_frames(
    path: str | Path, frames: CcdFrames, inputs: Inputs | None = None, settings: Mapping[str, Any] | None = None
) -> None:
    """Write the frames of a CCD; the same frames give the same bytes.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    frames : CcdFrames
        What to write.
    inputs : mapping of str to path-like
        Files beside the images that it was made from, by role: the ephemeris.
    settings : mapping of str to object
        Settings that matter for it.
    """
    with write_product(path, "frames", FRAMES_VERSION, inputs or {}, settings) as file:
        header = frames.header
        write_metadata(file, header)
        file.attrs["REFERENCE"] = frames.reference
        write_ephemeris(file, frames.ephemeris)
        for name in SERIES:
            write_checked(file, name, getattr(header, name))
        write_checked(file, "missing", frames.missing)
        write_checked(file, "stamp_shape", header.stamp.shape)
        write_checked(file, "wcs", np.bytes_(header.wcs_header))
        write_checked(file, "files", np.char.encode(np.array(frames.files), "utf-8"))
        write_list(file.create_group("frames"), frames.listing)


def read_frames(path: str | Path) -> CcdFrames:
    """Read the frames of a CCD.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, or of another kind or layout.
    """
    with open_product(path, "frames", FRAMES_VERSION) as file:
        metadata = read_metadata(file, tuple(file["stamp_shape"][:]))
        header = CubeHeader(
            **metadata,
            **{name: file[name][:] for name in SERIES},
            wcs_header=file["wcs"][()].item().decode(),
            aperture=collected_flags(metadata["stamp"]),
            ephemeris=read_ephemeris_of(file),
        )
        return CcdFrames(
            header=header,
            reference=int(file.attrs["REFERENCE"]),
            files=tuple(str(name) for name in np.char.decode(file["files"][:], "utf-8")),
            listing=read_list(file["frames"]),
            missing=file["missing"][:],
        )
