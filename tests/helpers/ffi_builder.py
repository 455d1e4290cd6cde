"""Small full-frame images with the headers of real ones, made by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from photometry.core.geometry import Stamp

#: A science area of few pixels; the frame around it is as large as a real one's.
AREA = Stamp(0, 96, 44, 140)
FIRST_TJD = 1325.313100604524
FIRST_UTC = datetime(2018, 7, 25, 19, 29, 42, 708000, tzinfo=UTC)
STEP = 1799.99934 / 86400
WCS: dict[str, Any] = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "CRVAL1": 315.4075184165135,
    "CRVAL2": -28.9559997971470100,
    "CRPIX1": 92.0,
    "CRPIX2": 48.0,
    "CD1_1": -0.005495654681849,
    "CD1_2": 0.001441757140596,
    "CD2_1": -0.001576462149567,
    "CD2_2": -0.005527475851378,
    "A_ORDER": 2,
    "B_ORDER": 2,
    "A_2_0": -1.918478714828e-05,
    "A_1_1": 1.706500106484e-05,
    "B_2_0": 2.990245447057627e-6,
    "B_0_2": 1.993337625108e-05,
    "AP_ORDER": 2,
    "BP_ORDER": 2,
    "AP_2_0": 1.917874352436e-05,
    "AP_1_1": -1.705405865262e-05,
    "BP_2_0": -2.985504371350e-06,
    "BP_0_2": -1.993541380255e-05,
}


@dataclass
class FfiBuilder:
    """Frames of one CCD; change what should be different and call `write`."""

    folder: Path
    sector: int = 1
    camera: int = 1
    ccd: int = 4
    area: Stamp = AREA
    primary: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    suffix: str = ""

    def path(self, number: int, camera: int | None = None) -> Path:
        """Name of a frame, counted from the first of sector 1."""
        clock = (FIRST_UTC + timedelta(days=number * STEP)).strftime("%Y%j%H%M%S")
        ccd = f"{camera or self.camera}-{self.ccd}"
        return self.folder / f"tess{clock}-s{self.sector:04d}-{ccd}-0120-s_ffic.fits{self.suffix}"

    def image(self, number: int) -> np.ndarray:
        """A few stars on a sky that drifts and tilts, with noise; collateral pixels are -1: whole frame."""
        rng = np.random.default_rng(number)
        shape = (self.area.row_max + 30, self.area.col_max + 44)
        row, column = np.mgrid[: shape[0], : shape[1]]
        flux = 100 + 0.1 * row + 5 * np.sin(number / 3) + rng.normal(0, 1, shape)
        for star in range(20):
            place = np.random.default_rng([1, star]).uniform([2, 46], [self.area.row_max - 3, self.area.col_max - 3])
            flux += 500 * star * np.exp(-0.5 * ((row - place[0]) ** 2 + (column - place[1]) ** 2))
        flux[self.area.row_max :] = -1
        flux[:, : self.area.col_min] = -1
        flux[:, self.area.col_max :] = -1
        return flux.astype(np.float32)

    def write(self, number: int, image: np.ndarray | None = None, path: Path | None = None, **keys: Any) -> Path:
        """Write a frame; keys of the image header, None removes one."""
        data = self.image(number) if image is None else image
        start = FIRST_TJD + number * STEP
        correction = 5.6780875e-03
        times = {"TSTART": start, "TSTOP": start + STEP}
        primary = fits.PrimaryHDU()
        _put(primary.header, {**times, "DATA_REL": 1, "PROCVER": "spoc-3.3.31-20180902", "CRMITEN": True})
        _put(primary.header, {"CRBLKSZ": 10, **self.primary})
        hdus = [primary]
        for kind, values in (("cal", data), ("uncert", np.sqrt(np.abs(data) / 1425.6 + 0.04).astype(np.float32))):
            hdu = fits.ImageHDU(values, name=f"CAMERA.CCD {self.camera}.{self.ccd} {kind}")
            _put(hdu.header, {"INHERIT": True, "CAMERA": self.camera, "CCD": self.ccd, "EXPOSURE": 0.0165})
            _put(hdu.header, {key: value + correction for key, value in times.items()} | {"BARYCORR": correction})
            _put(hdu.header, {"INT_TIME": 1.98, "NUM_FRM": 900, "TIMEDEL": 1800 / 86400, "NREADOUT": 720})
            _put(hdu.header, {f"GAIN{name}": 5.2 for name in "ABCD"} | {f"READNOI{name}": 9.5 for name in "ABCD"})
            _put(hdu.header, {**WCS, "DQUALITY": 0, "BTC_PIX1": 92.0, "BTC_PIX2": 48.0, **self.keys, **keys})
            hdus.append(hdu)
        path = path or self.path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        fits.HDUList(hdus).writeto(path, overwrite=True, checksum=True)
        return path


def _put(header: fits.Header, keys: dict[str, Any]) -> None:
    for key, value in keys.items():
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value
