"""Regions on a made-up piece of sky, and star tables for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tile_fits import WCS_HEADER

from photometry.catalog.star_catalog import wcs_of
from photometry.core.cube import Exposure, Pointing
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.times import NO_OFFSET
from photometry.io.pixels.pixel_file import PixelFile
from photometry.workflow.plan import PlannedRegion

#: 60x120 pixels: two tiles of 60.
WIDE = Stamp(300, 360, 500, 620)


def planned(
    name: str, stamp: Stamp = WIDE, starid: int = 0, tile_size: int = 60, tmag: float | None = None, **observation: Any
) -> PlannedRegion:
    """Return a region as the plan has it, without a file of pixels."""
    pointing = Pointing("tesscut", 1, 4, 2, 1, "", starid, 84.3, -80.47, tmag)
    exposure = Exposure(1800, 1.98 * 720, 720, (5.0,) * 4, (10.0,) * 4)
    pixels = PixelFile(
        Path(f"{name}.fits"), name, pointing, exposure, stamp, 10, WCS_HEADER, NO_OFFSET, 0.0, stamp, "header"
    )
    settings = {"catalog": "stars.csv", "targets": "all", "tmag_limit": 15.0} | observation
    tiles = {tile.name: tile for tile in tiles_of(stamp, tile_size, 8)}
    return PlannedRegion(pixels, settings, tiles)


def star_table(stamp: Stamp = WIDE, n_star: int = 200, seed: int = 1, around: int = 15) -> pd.DataFrame:
    """Return a star table with stars on and around a stamp; the last one is far away. No star moves."""
    rng = np.random.default_rng(seed)
    row = rng.uniform(stamp.row_min - around, stamp.row_max + around, n_star)
    column = rng.uniform(stamp.col_min - around, stamp.col_max + around, n_star)
    row[0], column[0] = stamp.center[0], stamp.col_min + 10.0
    ra, dec = wcs_of(WCS_HEADER).all_pix2world(column, row, 0)
    dec[-1] = 10.0
    return pd.DataFrame(
        {
            "ID": 100 + np.arange(n_star),
            "ra": ra,
            "dec": dec,
            "pmRA": 0.0,
            "pmDEC": 0.0,
            "Tmag": rng.uniform(8, 16, n_star),
            "Teff": 5000.0,
            "row": row,
            "column": column,
        }
    )
