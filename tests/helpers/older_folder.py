"""Prepared folders whose cube has the older layout, for tests."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from prepared_folder import Prepared

from photometry.core.cube import Cube

_GROUPS = ("images", "images_err", "backgrounds", "pixel_flags")


def write_older(path: Path, cube: Cube, **storage: object) -> None:
    """Write a cube in the older layout: a 2-D dataset for each cadence; `storage` is for `create_dataset`."""
    with h5py.File(path, "w") as file:
        for kind in _GROUPS:
            group = file.create_group(kind)
            for number, image in enumerate(getattr(cube, kind)):
                group.create_dataset(f"{number:04d}", data=image, **({"compression": "lzf"} | storage))
        wcs = file.create_group("wcs")
        for number in range(cube.n_cadence):
            wcs.create_dataset(f"{number:04d}", data=np.array([cube.header.wcs_header], dtype="S"))
        wcs.attrs["ref_frame"] = 3
        for name in ("time", "timecorr", "cadenceno", "quality"):
            file[name] = getattr(cube.header, name)
        file["sumimage"] = np.nanmean(cube.images[cube.quality == 0], axis=0)
        file["backgrounds_pixels_used"] = np.arange(cube.stamp.n_pixel).reshape(cube.stamp.shape) % 2 == 0
        file["images"].attrs.update(metadata_of_cube(cube))


def metadata_of_cube(cube: Cube) -> dict[str, object]:
    """Attributes of a cube in the older layout."""
    exposure = cube.exposure
    metadata: dict[str, object] = {
        "SECTOR": cube.header.pointing.sector,
        "CAMERA": cube.header.pointing.camera,
        "CCD": cube.header.pointing.ccd,
        "DATA_REL": 1,
        "PROCVER": "simulated",
        "CADENCE": exposure.cadence_s,
        "NUM_FRM": exposure.cadence_s // 2,
        "CRMITEN": True,
        "CRBLKSZ": 10,
        "PIXEL_OFFSET_ROW": cube.stamp.row_min,
        "PIXEL_OFFSET_COLUMN": cube.stamp.col_min,
    }
    metadata |= {f"GAIN{name}": value for name, value in zip("ABCD", exposure.gain_e_per_adu, strict=True)}
    return metadata | {f"READNOI{name}": value for name, value in zip("ABCD", exposure.read_noise_e, strict=True)}


def older_folder(
    folder: Path, prepared: Prepared, change: Callable[[h5py.File], None] | None = None, **storage: object
) -> Path:
    """Write the cube of a prepared folder in the older layout, changed by `change`, beside its other files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (
        f"catalog_{prepared.name}.sqlite",
        *(f"{k}_{prepared.name}.hdf5" for k in ("movement_refined", "prf")),
    ):
        (folder / name).write_bytes((prepared.folder / name).read_bytes())
    path = folder / f"{prepared.name}.hdf5"
    write_older(path, prepared.cube, **storage)
    if change is not None:
        with h5py.File(path, "a") as file:
            change(file)
    return folder


def without(*names: str) -> Callable[[h5py.File], None]:
    """Change that deletes datasets, groups or, as ``group@NAME``, attributes."""

    def change(file: h5py.File) -> None:
        for name in names:
            place, _, attribute = name.partition("@")
            if attribute:
                del (file[place] if place else file).attrs[attribute]
            else:
                del file[place]

    return change


def replaced(name: str, value: object, **storage: object) -> Callable[[h5py.File], None]:
    """Change that replaces a dataset or, as ``group@NAME``, sets an attribute."""

    def change(file: h5py.File) -> None:
        place, _, attribute = name.partition("@")
        if attribute:
            (file[place] if place else file).attrs[attribute] = value
            return
        if place in file:
            del file[place]
        file.create_dataset(place, data=value, **storage)

    return change
