"""Time and memory of Snakemake's plan of a sector: 16 CCDs of 1,300 full-frame images, a million stars, all targets.

    python -m benchmarks.scale_plan [--ccds 16] [--frames 1300] [--stars 1000000] [--tables own|shared]

The images have true headers and no pixels on the disk. The workflow is a copy whose jobs write a line in place of a
product, so that Snakemake has the records of a run. What is measured is the plan; the last column is its
number of jobs.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.commands import Measured, lines_of, run_measured
from photometry.core.constants import FRAME_SHAPE
from photometry.io.stars.star_files import reference_stars
from photometry.prf.model import model_prf
from photometry.simulate import CcdSettings
from photometry.simulate.ccd import simulate_ccd
from photometry.simulate.ccd_exposure import SimulatedFrame
from photometry.simulate.ccd_wcs import ccd_wcs
from photometry.simulate.frame_cards import utc_of
from photometry.simulate.frame_files import ffi_name, write_frame

ROOT = Path(__file__).resolve().parents[1]
#: Stars lie so far beyond the edges of the CCDs, pixels.
_AROUND = 10
#: CCDs are so far apart, deg.
_APART = 14.0


def settings_of(number: int) -> CcdSettings:
    """Return the settings of a CCD of the sector."""
    return CcdSettings(
        seed=number,
        sector=23,
        camera=number // 4 % 4 + 1,
        ccd=number % 4 + 1,
        ra=float(15 + _APART * (number % 8)),
        dec=float(-30 + _APART * (number // 8)),
        n_cadence=2,
        density=1.0,
        n_pairs=0,
    )


def write_frames(folder: Path, settings: CcdSettings, n_frame: int) -> None:
    """Write a frame's headers under the names of all cadences; pixels are holes in the files."""
    made = simulate_ccd(settings, model_prf())
    nothing = np.zeros(FRAME_SHAPE, dtype=np.float32)
    (first,) = write_frame(made, SimulatedFrame(0, nothing, nothing), folder)
    size, headers = first.stat().st_size, first.read_bytes()[: 8 * 2880]
    first.unlink()
    start = utc_of(2457000.0 + made.tjd[0])
    for cadence in range(n_frame):
        clock = start + pd.Timedelta(days=cadence * settings.cadence_s / 86400)
        path = folder / re.sub(r"tess\d+", f"{clock:tess%Y%j%H%M%S}", ffi_name(made, 0))
        path.write_bytes(headers)
        os.truncate(path, size)


def star_table(settings: CcdSettings, n_star: int) -> pd.DataFrame:
    """Stars all over a CCD, with TIC numbers of its own."""
    rng = np.random.default_rng(settings.seed)
    column = rng.uniform(44 - _AROUND, 2092 + _AROUND, n_star)
    row = rng.uniform(-_AROUND, 2048 + _AROUND, n_star)
    ra, dec = ccd_wcs(settings).all_pix2world(column, row, 0)
    return pd.DataFrame(
        {
            "ID": settings.seed * 10_000_000 + 1 + np.arange(n_star),
            "ra": ra.round(8),
            "dec": dec.round(8),
            "pmRA": rng.normal(0, 10, n_star).round(3),
            "pmDEC": rng.normal(0, 10, n_star).round(3),
            "Tmag": rng.uniform(8, 15, n_star).round(3),
            "Teff": rng.uniform(3500, 7500, n_star).round(0),
        }
    )


def make_sector(folder: Path, n_ccd: int, n_frame: int, n_star: int, tables: str) -> None:
    """Write images, tables and settings."""
    observations, stars = [], []
    for number in range(n_ccd):
        settings = settings_of(number)
        (folder / f"ccd{number}").mkdir()
        write_frames(folder / f"ccd{number}", settings, n_frame)
        stars.append(star_table(settings, n_star // n_ccd))
        name = "all" if tables == "shared" else number
        stars[-1].to_csv(folder / f"stars_{number}.csv", index=False)
        observation = {"datasource": "ffi", "input": f"ccd{number}", "catalog": f"stars_{name}.csv", "prf": "model"}
        observations.append(observation | ({"targets": "targets.csv"} if tables == "shared" else {}))
    if tables == "shared":
        pd.concat(stars).to_csv(folder / "stars_all.csv", index=False)
        pd.concat(stars)[["ID"]].to_csv(folder / "targets.csv", index=False)
    (folder / "my.yaml").write_text(yaml.safe_dump({"output": "results", "observations": observations}))


#: What the plan reads of the files of a page, where nothing was written with them.
PAGE_LINE = '{"kind": "page", "files": []}'


def copy_workflow(folder: Path) -> None:
    """Copy the workflow; its jobs write a line in place of what they should make.

    It is what the plan reads of products: the names of an index's columns, what the first line of the page says.
    """
    for name in ("photometry", "profiles", "rules", "scripts", "envs"):
        shutil.copytree(ROOT / name, folder / "workflow" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder / "workflow")
    lines = {"pages.smk": PAGE_LINE}
    for path in (folder / "workflow" / "rules").glob("*.smk"):
        line = lines.get(path.name, "file size digest").replace("{", "{{").replace("}", "}}")
        stand_in = f'shell:\n        """for name in {{output}}; do echo \'{line}\' > $name; done"""'
        path.write_text(re.sub(r'script:\n +"[^"]+"', lambda _, text=stand_in: text, path.read_text()))


def snakemake(folder: Path, what: str, *arguments: str) -> Measured:
    """Run Snakemake and measure it."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--configfile", "my.yaml"]
    command += ["--cores", "1", "--nocolor", *arguments]
    environment = os.environ | {
        "PYTHONPATH": str(folder / "workflow"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    measured, text = run_measured(what, command, folder, environment)
    total = re.search(r"^total +(\d+)$", text, re.MULTILINE)
    return replace(measured, jobs=int(total[1]) if total else 0)


def change_row(folder: Path, tables: str) -> None:
    """Change the magnitude of one star."""
    path = folder / f"stars_{'all' if tables == 'shared' else 0}.csv"
    stars = pd.read_csv(path)
    stars.loc[len(stars) // 40, "Tmag"] += 0.01
    stars.to_csv(path, index=False)


def measure_plans(folder: Path, n_ccd: int, n_frame: int, n_star: int, tables: str = "own") -> list[Measured]:
    """Make a sector in a folder and measure its plans."""
    folder.mkdir(exist_ok=True)
    copy_workflow(folder)
    make_sector(folder, n_ccd, n_frame, n_star, tables)
    rows = [
        snakemake(folder, "first plan", "--dry-run"),
        snakemake(folder, "the same again", "--dry-run"),
        snakemake(folder, "run with stand-ins"),
    ]
    for path in (folder / "results/plan").glob("*.hdf5"):
        reference_stars(path, folder / "results/prepared" / f"reference_{path.name}")
    rows.append(snakemake(folder, "nothing to do"))
    change_row(folder, tables)
    rows.append(snakemake(folder, "plan with one star changed", "--dry-run"))
    if tables == "shared":
        targets = (folder / "targets.csv").read_text().splitlines()
        (folder / "targets.csv").write_text("\n".join(targets[:5000] + targets[5001:]) + "\n")
        rows.append(snakemake(folder, "plan with one target less", "--dry-run"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ccds", type=int, default=16)
    parser.add_argument("--frames", type=int, default=1300, help="full-frame images of each CCD")
    parser.add_argument("--stars", type=int, default=1_000_000, help="of all CCDs together")
    parser.add_argument(
        "--tables", choices=["own", "shared"], default="own", help="one star table for each CCD, or one"
    )
    parser.add_argument("--folder", type=Path, help="folder to work in, which is kept")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    rows = measure_plans(folder, options.ccds, options.frames, options.stars, options.tables)
    print(
        f"{options.ccds} CCDs, {options.ccds * options.frames} frames, {options.stars} stars, {options.tables} tables"
    )
    print("\n".join(lines_of(rows)))
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
