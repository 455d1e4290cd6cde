"""Files of cotrending basis vectors as SPOC writes them, as far as readers look."""

from pathlib import Path

import numpy as np
from astropy.io import fits


def write_basis_vectors(
    path: Path, time: np.ndarray, vectors: np.ndarray, sector: int = 1, camera: int = 4, ccd: int = 2
) -> None:
    """Write vectors (n_vector, n_cadence) at times (TJD); the first cadence is a gap."""
    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": "TESS", "SECTOR": sector})
    gap = np.arange(len(time)) == 0
    columns = [
        fits.Column("TIME", "D", array=np.where(gap, np.nan, time)),
        fits.Column("CADENCENO", "J", array=np.arange(len(time)) + 70000),
        fits.Column("GAP", "L", array=gap),
        *(fits.Column(f"VECTOR_{number}", "E", array=vector) for number, vector in enumerate(vectors, 1)),
    ]
    table = fits.BinTableHDU.from_columns(columns, name=f"CBV.single-scale.{camera}.{ccd}")
    table.header.update({"CAMERA": camera, "CCD": ccd})
    fits.HDUList([primary, table]).writeto(path)
