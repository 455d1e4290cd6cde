"""Cubes on disk: HDF5, chunked so that the whole time series of few pixels is read at once."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt

from photometry.core.barycentre import Ephemeris
from photometry.core.cube import Cube, CubeHeader, Exposure, Pointing
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.core.quality import BITMASKS
from photometry.core.times import TimeOffset
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import Inputs, open_product, write_product

__all__ = [
    "CHUNK",
    "CUBE_VERSION",
    "PIXEL_SETS",
    "SERIES",
    "create_pixels",
    "mean_image",
    "read_cube",
    "read_cube_header",
    "read_ephemeris_of",
    "read_metadata",
    "read_sum_image",
    "write_cube",
    "write_ephemeris",
    "write_metadata",
]

#: Version of the layout; readers refuse others.
CUBE_VERSION = 2
#: Cadences, rows and columns of a chunk (docs/architecture.md, measured).
CHUNK = (64, 32, 32)
#: Pixel series of a cube, with their types.
PIXEL_SETS = {"images": np.float32, "images_err": np.float32, "backgrounds": np.float32, "pixel_flags": np.uint8}
#: Values in place of those that a fit does not need.
_UNREAD: dict[str, np.generic] = {"images_err": np.float32(np.nan), "pixel_flags": np.uint8(0)}
#: Most pixels of a chunk's cadences that are read at once, to be cut (64 MB).
_MOST_VALUES = 16_000_000
#: One value for each cadence.
SERIES = ("time", "timecorr", "cadenceno", "quality")


def write_cube(path: str | Path, cube: Cube, inputs: Inputs, settings: Mapping[str, Any] | None = None) -> None:
    """Write a cube; the same cube gives the same bytes.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    cube : Cube
        What to write.
    inputs : mapping of str to path-like
        Files it was made from, by role.
    settings : mapping of str to object
        Settings that matter for it.
    """
    with write_product(path, "cube", CUBE_VERSION, inputs, settings) as file:
        header = cube.header
        write_metadata(file, header)
        for name in PIXEL_SETS:
            create_pixels(file, name, cube.images.shape, data=getattr(cube, name))
        for name in SERIES:
            write_checked(file, name, getattr(header, name))
        if header.pos_corr is not None:
            write_checked(file, "pos_corr", header.pos_corr)
        if header.ephemeris is not None:
            write_ephemeris(file, header.ephemeris)
        write_checked(file, "aperture", header.aperture)
        write_checked(file, "sumimage", mean_image(cube))
        write_checked(file, "wcs", np.bytes_(header.wcs_header))


def create_pixels(
    file: h5py.File,
    name: str,
    shape: tuple[int, ...],
    data: npt.NDArray[np.generic] | None = None,
    n_cadence: int = CHUNK[0],
) -> h5py.Dataset:
    """Create a pixel series (n_cadence, n_row, n_column), chunked and compressed; equal data make equal bytes.

    `n_cadence` is the number of cadences in a chunk.
    """
    chunks = tuple(min(size, length) for size, length in zip((n_cadence, *CHUNK[1:]), shape, strict=True))
    # On pixels LZ4 packs as well as zstd, and is read and written in half of the time.
    compression = hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.BITSHUFFLE)
    dataset = file.create_dataset(
        name, shape=shape, dtype=PIXEL_SETS[name], data=data, chunks=chunks, fletcher32=True, **compression
    )
    dataset.flush()
    return dataset


def write_metadata(file: h5py.File, header: CubeHeader) -> None:
    """Write where pixels come from and how they were exposed, as attributes."""
    pointing, exposure, stamp, offset = header.pointing, header.exposure, header.stamp, header.offset
    file.attrs.update(
        {
            "DATASOURCE": pointing.datasource,
            "SECTOR": pointing.sector,
            "CAMERA": pointing.camera,
            "CCD": pointing.ccd,
            "DATA_REL": pointing.data_rel,
            "PROCVER": pointing.procver,
            "TICID": pointing.starid,
            "RA_OBJ": pointing.ra,
            "DEC_OBJ": pointing.dec,
            "PIXEL_OFFSET_ROW": stamp.row_min,
            "PIXEL_OFFSET_COLUMN": stamp.col_min,
            "CADENCE": exposure.cadence_s,
            "EXPOSURE": exposure.exposure_s,
            "NREADOUT": exposure.num_readouts,
            "GAIN": np.array(exposure.gain_e_per_adu),
            "READNOISE": np.array(exposure.read_noise_e),
            "TIME_OFFSET": np.array([offset.start_s, offset.mid_s, offset.end_s]),
            "PLACED_BY": header.placed_by,
            "QUALITY_BITMASK": header.quality_bitmask,
        }
    )
    if pointing.tmag is not None:
        file.attrs["TESSMAG"] = pointing.tmag
    if pointing.says_simulated:
        file.attrs["SIMULATD"] = True


def write_ephemeris(file: h5py.File, ephemeris: Ephemeris) -> None:
    """Write where the spacecraft was."""
    file.attrs["EPHEMERIS"] = ephemeris.source
    file.attrs["EPHEMERIS_ERROR"] = ephemeris.error_s
    write_checked(file, "spacecraft_position", ephemeris.position)


def read_ephemeris_of(file: h5py.File) -> Ephemeris:
    """Read what `write_ephemeris` wrote."""
    return Ephemeris(file["spacecraft_position"][:], str(file.attrs["EPHEMERIS"]), float(file.attrs["EPHEMERIS_ERROR"]))


def read_metadata(file: h5py.File, shape: tuple[int, ...]) -> dict[str, Any]:
    """Read what `write_metadata` wrote, for pixels of a shape (n_row, n_column), by the names of a `CubeHeader`."""
    attrs = file.attrs
    row_min, col_min = int(attrs["PIXEL_OFFSET_ROW"]), int(attrs["PIXEL_OFFSET_COLUMN"])
    pointing = Pointing(
        datasource=str(attrs["DATASOURCE"]),
        sector=int(attrs["SECTOR"]),
        camera=int(attrs["CAMERA"]),
        ccd=int(attrs["CCD"]),
        data_rel=int(attrs["DATA_REL"]),
        procver=str(attrs["PROCVER"]),
        starid=int(attrs["TICID"]),
        ra=float(attrs["RA_OBJ"]),
        dec=float(attrs["DEC_OBJ"]),
        tmag=float(attrs["TESSMAG"]) if "TESSMAG" in attrs else None,
        says_simulated=bool(attrs.get("SIMULATD", False)),
    )
    exposure = Exposure(
        cadence_s=int(attrs["CADENCE"]),
        exposure_s=float(attrs["EXPOSURE"]),
        num_readouts=int(attrs["NREADOUT"]),
        gain_e_per_adu=_four(attrs["GAIN"]),
        read_noise_e=_four(attrs["READNOISE"]),
    )
    return {
        "pointing": pointing,
        "exposure": exposure,
        "stamp": Stamp(row_min, row_min + int(shape[0]), col_min, col_min + int(shape[1])),
        "offset": TimeOffset(*(float(value) for value in attrs["TIME_OFFSET"])),
        # Cubes of earlier versions had no other pixels, and any flag made a cadence unusable.
        "placed_by": str(attrs.get("PLACED_BY", "header")),
        "quality_bitmask": int(attrs.get("QUALITY_BITMASK", BITMASKS["hardest"])),
    }


def mean_image(cube: Cube) -> npt.NDArray[np.float32]:
    """Return the mean of the usable images of a cube, e-/s: (n_row, n_column), NaN where none is measured."""
    total = np.zeros(cube.stamp.shape)
    count = np.zeros(cube.stamp.shape)
    for image in cube.images[cube.usable]:
        measured = np.isfinite(image)
        total[measured] += image[measured]
        count += measured
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def read_cube_header(path: str | Path) -> CubeHeader:
    """Read everything of a cube but its pixel series.

    Raises
    ------
    InputFileError
        When the file is missing, damaged or no cube of this layout.
    """
    with open_product(path, "cube", CUBE_VERSION) as file, _named_errors(path):
        return _header(file)


def read_cube(
    path: str | Path,
    stamp: Stamp | None = None,
    cadences: slice | None = None,
    header: CubeHeader | None = None,
    *,
    for_fit: bool = False,
) -> Cube:
    """Read a cube, or a part of it.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    stamp : Stamp, optional
        Pixels wanted, inside the cube's [default: all].
    cadences : slice, optional
        Cadences wanted [default: all].
    header : CubeHeader, optional
        What `read_cube_header` said of the same file, which then is not read again.
    for_fit : bool
        Read only what a fit needs: errors are NaN, pixel flags 0, and neither takes memory.

    Raises
    ------
    InputFileError
        When the file is missing, damaged, no cube of this layout, or does not cover the stamp.
    """
    with open_product(path, "cube", CUBE_VERSION) as file, _named_errors(path):
        header = _header(file) if header is None else header
        wanted = header.stamp if stamp is None else stamp
        try:
            rows, columns = wanted.slices_in(header.stamp)
        except ValueError as error:
            raise InputFileError(path, f"{wanted} is not inside its pixels {header.stamp}") from error
        times = slice(None) if cadences is None else cadences
        return Cube(header.of_cadences(times).cut(wanted), **_pixels(file, (times, rows, columns), for_fit=for_fit))


def read_sum_image(path: str | Path) -> npt.NDArray[np.float32]:
    """Return the mean of the usable images, e-/s: (n_row, n_column), NaN where never measured.

    Raises
    ------
    InputFileError
        When the file is missing, damaged or no cube of this layout.
    """
    with open_product(path, "cube", CUBE_VERSION) as file, _named_errors(path):
        return np.asarray(file["sumimage"][:], dtype=np.float32)


def _pixels(file: h5py.File, part: tuple[slice, slice, slice], *, for_fit: bool) -> dict[str, npt.NDArray[Any]]:
    unread = _UNREAD if for_fit else {}
    read = {name: _by_chunks(file[name], part) for name in PIXEL_SETS if name not in unread}
    return read | {name: np.broadcast_to(np.asarray(value), read["images"].shape) for name, value in unread.items()}


def _by_chunks(pixels: h5py.Dataset, part: tuple[slice, slice, slice]) -> npt.NDArray[Any]:
    """Read a part of a pixel series, of small stamps by whole chunks: pieces of them take HDF5 a third more time."""
    times, *places = (range(length)[wanted] for wanted, length in zip(part, pixels.shape, strict=True))
    sizes = zip(places, pixels.chunks[1:], pixels.shape[1:], strict=True)
    boxes = [slice(at.start // size * size, min(-(-at.stop // size) * size, end)) for at, size, end in sizes]
    at_once = pixels.chunks[0]
    n_box = at_once * math.prod(box.stop - box.start for box in boxes)
    if times.step != 1 or n_box > _MOST_VALUES or 0 in (len(times), len(places[0]), len(places[1])):
        return np.asarray(pixels[part])
    read = np.empty((len(times), len(places[0]), len(places[1])), dtype=pixels.dtype)
    rows, columns = (slice(at.start - box.start, at.stop - box.start) for at, box in zip(places, boxes, strict=True))
    for start in range(times.start - times.start % at_once, times.stop, at_once):
        first, last = max(start, times.start), min(start + at_once, times.stop)
        block = pixels[first:last, boxes[0], boxes[1]]
        read[first - times.start : last - times.start] = block[:, rows, columns]
    return read


def _header(file: h5py.File) -> CubeHeader:
    return CubeHeader(
        **read_metadata(file, file["images"].shape[1:]),
        **{name: file[name][:] for name in SERIES},
        pos_corr=file["pos_corr"][:] if "pos_corr" in file else None,
        wcs_header=file["wcs"][()].item().decode(),
        aperture=file["aperture"][:],
        ephemeris=read_ephemeris_of(file) if "spacecraft_position" in file else None,
    )


def _four(values: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in values)
    return a, b, c, d


@contextmanager
def _named_errors(path: str | Path) -> Iterator[None]:
    """Name the file when HDF5 cannot give what should be in it."""
    try:
        yield
    except InputFileError:
        raise
    except (KeyError, OSError) as error:
        raise InputFileError(path, f"is damaged ({error}); delete it and run again") from error
