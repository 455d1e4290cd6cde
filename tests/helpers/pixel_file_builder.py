"""Small TESScut and target pixel files with the headers of real ones, made by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

ARCSEC = 1 / 3600
#: Physics of a 30 minute FFI, as in astrocut's table header.
FFI_KEYS: dict[str, Any] = {
    "EXPOSURE": 0.0165,
    "INT_TIME": 1.98,
    "NUM_FRM": 900,
    "TIMEDEL": 1800 / 86400,
    "CRMITEN": True,
    "CRBLKSZ": 10,
    **{f"GAIN{name}": 5.2 for name in "ABCD"},
    **{f"READNOI{name}": 10.0 + index for index, name in enumerate("ABCD")},
}
#: Physics of a 2 minute target; EXPOSURE is that of the whole series.
TPF_KEYS: dict[str, Any] = {
    **FFI_KEYS,
    "EXPOSURE": 19.77,
    "NUM_FRM": 60,
    "NREADOUT": 48,
    "TIMEDEL": 120 / 86400,
}


@dataclass
class PixelFileBuilder:
    """What goes into the file; change what should be different and call `write`."""

    kind: str = "tesscut"
    shape: tuple[int, int, int] = (6, 5, 7)
    first: tuple[int, int] = (301, 701)  # 1-based row and column
    ra: float = 84.0
    dec: float = -80.0
    seed: int = 1
    primary: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    wcs: dict[str, Any] = field(default_factory=dict)
    aperture: np.ndarray | None = None
    with_aperture: bool = True
    checksum: bool = True

    def flux(self) -> np.ndarray:
        """A star on a tilted background, with noise: (n_cadence, n_row, n_column)."""
        _, n_row, n_column = self.shape
        row, column = np.mgrid[:n_row, :n_column]
        star = 5000 * np.exp(-0.5 * ((row - n_row // 2) ** 2 + (column - n_column // 2) ** 2))
        noise = np.random.default_rng(self.seed).normal(0, 1, self.shape)
        return (star + 100 + row + noise).astype(np.float32)

    def wcs_keys(self) -> dict[str, Any]:
        """Celestial and physical WCS of the cutout's own pixels."""
        _, n_row, n_column = self.shape
        keys = {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRPIX1": (n_column + 1) / 2,
            "CRPIX2": (n_row + 1) / 2,
            "CRVAL1": self.ra,
            "CRVAL2": self.dec,
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CDELT1": 1.0,
            "CDELT2": 1.0,
            "PC1_1": -21 * ARCSEC * 0.8,
            "PC1_2": 21 * ARCSEC * 0.6,
            "PC2_1": 21 * ARCSEC * 0.6,
            "PC2_2": 21 * ARCSEC * 0.8,
            "CRPIX1P": 1,
            "CRVAL1P": self.first[1],
            "CRPIX2P": 1,
            "CRVAL2P": self.first[0],
        }
        return {key: value for key, value in {**keys, **self.wcs}.items() if value is not None}

    def write(self, path: Path) -> Path:
        """Write the file; a name that ends in .gz is gzipped."""
        table = self._table()
        hdus = [self._primary(), table]
        if self.with_aperture:
            _, n_row, n_column = self.shape
            flags = np.full((n_row, n_column), 129 + 2, dtype=np.int32) if self.aperture is None else self.aperture
            image = fits.ImageHDU(flags, name="APERTURE")
            _put(image.header, self.wcs_keys())
            hdus.append(image)
        fits.HDUList(hdus).writeto(path, overwrite=True, checksum=self.checksum)
        return path

    def _primary(self) -> fits.PrimaryHDU:
        keys: dict[str, Any] = {
            "TELESCOP": "TESS",
            "CREATOR": "astrocut" if self.kind == "tesscut" else "1 TargetPixelExporterPipelineModule",
            "SECTOR": 5,
            "CAMERA": 2,
            "CCD": 3,
            "RA_OBJ": self.ra,
            "DEC_OBJ": self.dec,
            "DATA_REL": 7,
            "PROCVER": "spoc-4.0",
        }
        if self.kind == "tpf":
            keys["TICID"] = 1234
        hdu = fits.PrimaryHDU()
        _put(hdu.header, {**keys, **self.primary})
        return hdu

    def _table(self) -> fits.BinTableHDU:
        n_cadence, n_row, n_column = self.shape
        n_pixel, dim = n_row * n_column, f"({n_column},{n_row})"
        step = (1800 if self.kind == "tesscut" else 120) / 86400
        flux = self.flux()
        background = np.zeros_like(flux) if self.kind == "tesscut" else np.full_like(flux, 90.0)
        data: dict[str, tuple[str, Any]] = {
            "TIME": ("D", 1400 + step * np.arange(n_cadence)),
            "TIMECORR": ("E", np.full(n_cadence, 1e-3)),
            "CADENCENO": ("J", 500 + np.arange(n_cadence)),
            "FLUX": (f"{n_pixel}E", flux - background),
            "FLUX_ERR": (f"{n_pixel}E", np.full_like(flux, 2.0)),
            "FLUX_BKG": (f"{n_pixel}E", background),
            "QUALITY": ("J", np.zeros(n_cadence)),
            "POS_CORR1": ("E", 0.01 * np.arange(n_cadence)),
            "POS_CORR2": ("E", -0.01 * np.arange(n_cadence)),
        }
        columns = []
        for name, (form, values) in data.items():
            if name not in self.without:
                array = self.columns.get(name, values)
                columns.append(fits.Column(name, form, dim=dim if len(form) > 1 else None, array=array))
        table = fits.BinTableHDU.from_columns(columns, name="PIXELS")
        _put(table.header, {**(FFI_KEYS if self.kind == "tesscut" else TPF_KEYS), **self.keys})
        names = list(table.columns.names)
        if "FLUX" in names:
            self._column_wcs(table.header, names.index("FLUX") + 1)
        return table

    def _column_wcs(self, header: fits.Header, number: int) -> None:
        short = {"CTYPE": "CTYP", "CRPIX": "CRPX", "CRVAL": "CRVL", "CUNIT": "CUNI", "CDELT": "CDLT"}
        for key, value in self.wcs_keys().items():
            if key.startswith("PC"):
                header[f"{key[2]}{key[4]}PC{number}"] = value
            elif key.endswith("P"):
                header[f"{key[5]}{key[:5].replace('CRPIX', 'CRP').replace('CRVAL', 'CRV')}{number}P"] = value
            else:
                header[f"{key[5]}{short[key[:5]]}{number}"] = value


def _put(header: fits.Header, keys: Mapping[str, Any]) -> None:
    """Set keys; None removes one."""
    for key, value in keys.items():
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value


def cutout(**changes):
    """Builder of a TESScut file."""
    return PixelFileBuilder(**changes)


def tpf(**changes):
    """Builder of a target pixel file."""
    return PixelFileBuilder(kind="tpf", **changes)
