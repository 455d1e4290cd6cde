"""Time and memory of the summary of a sector: indices of 1,024 tiles with 1,000 light curves each.

python -m benchmarks.scale_summary [--ccds 16] [--tiles 64] [--rows 1000]
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.commands import Measured, lines_of, run_measured
from photometry.io.stars.target_lists import TARGET_COLUMNS
from photometry.io.store.tables import RESULT_COLUMNS, table_of, write_ecsv

__all__ = ["measure_summary"]

_SCRIPT = """
import glob, sys
from photometry.io.results.summary import write_summary
write_summary("summary.ecsv", glob.glob("targets/*.ecsv"), glob.glob("index/*.ecsv"), 1)
"""
_TEXTS = {"status": "WARNING", "reason": "poor_model, blend of others: see column", "digest": "5e" * 32}


def measure_summary(folder: Path, n_ccd: int, n_tile: int, n_row: int) -> Measured:
    """Write indices and target lists of a sector into a folder, and summarise them in a process of its own."""
    for name in ("index", "targets"):
        (folder / name).mkdir()
    for ccd in range(n_ccd):
        _write_ccd(folder, ccd, n_tile, n_row)
    what = f"summary, {n_ccd * n_tile * n_row} rows"
    measured, _ = run_measured(what, [sys.executable, "-c", _SCRIPT], folder)
    return replace(measured, jobs=1)


def _write_ccd(folder: Path, ccd: int, n_tile: int, n_row: int) -> None:
    """Write the target list of a CCD and the indices of its tiles."""
    rng, region = np.random.default_rng(ccd), f"sector001_camera{ccd // 4 + 1}_ccd{ccd % 4 + 1}"
    where = {"sector": 1, "camera": ccd // 4 + 1, "ccd": ccd % 4 + 1, "cadence": 1800}
    targets = []
    for tile in range(n_tile):
        rows = []
        for star in range(n_row):
            starid = ((ccd * n_tile) + tile) * n_row + star + 1
            row = {spec.name: rng.normal() * 1000 for spec in RESULT_COLUMNS if spec.kind == "float64"}
            row |= where | _TEXTS | {"starid": starid, "region": region, "tile": f"row{tile}_col0000"}
            row |= {"n_unflagged": 1289, "n_finite": 1289}
            row["file"] = f"lightcurves/c1800/{starid // 10**6:05d}/tess{starid:011d}-s001-1-1-c1800-dr01-v01_lc.fits"
            rows.append(row)
        index = table_of(rows, RESULT_COLUMNS)
        index.meta = {"version": 1, "origin": {"software": "benchmark"}}
        write_ecsv(index, folder / "index" / f"{region}_{tile:04d}.ecsv")
        targets += [row | {"reason": ""} for row in rows]
    lists = table_of(targets, TARGET_COLUMNS)
    lists.meta = where | {"region": region}
    write_ecsv(lists, folder / "targets" / f"{region}.ecsv")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ccds", type=int, default=16)
    parser.add_argument("--tiles", type=int, default=64, help="of a CCD")
    parser.add_argument("--rows", type=int, default=1000, help="light curves of a tile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print("\n".join(lines_of([measure_summary(Path(name), options.ccds, options.tiles, options.rows)])))


if __name__ == "__main__":
    main()
