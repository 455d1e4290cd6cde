"""Time and memory of Snakemake's plan of thousands of cutouts in one folder.

    python -m benchmarks.scale_cutouts [--cutouts 3000] [--folder FOLDER]

The cutouts are one simulated one with other places on the sky and on the CCD. The workflow is a copy whose jobs write a
line in place of a product, so that Snakemake has the records of a run. What is measured is the plan; the last column is
its number of jobs.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.commands import Measured, lines_of
from benchmarks.scale_plan import PAGE_LINE, copy_workflow, snakemake
from photometry.prf.model import model_prf
from photometry.simulate import SceneSettings, simulate_scene
from photometry.simulate.scene_files import write_pixels, write_star_table
from photometry.workflow.batch_members import expected_products

#: Place of the cutout that is copied: right ascension, deg, and 1-based column and row; on the equator, where a step in
#: right ascension moves all stars alike.
_RA, _COLUMN, _ROW = 84.0, 1245, 513
#: Pixels of a cutout along each axis, and from one to the next on the CCD.
_SIZE, _STEP = 11, 12
_IN_A_ROW = 150
#: A cutout is so much of the circle from the next, deg.
_APART = 0.1195
_STARS = 6


def make_cutouts(folder: Path, n_cutout: int) -> None:
    """Write cutouts, their star table and settings."""
    (folder / "cutouts").mkdir()
    scene = simulate_scene(
        SceneSettings(seed=5, ra=_RA, dec=0.0, n_row=_SIZE, n_column=_SIZE, n_cadence=8, n_pairs=0, faintest_tmag=15.0),
        model_prf(),
    )
    write_pixels(scene, folder / "first.fits")
    write_star_table(scene, folder / "first.csv")
    stars = pd.read_csv(folder / "first.csv", comment="#").head(_STARS)
    # Checksums are of the first alone.
    content = (
        (folder / "first.fits").read_bytes().replace(b"CHECKSUM=", b"COMMENT  ").replace(b"DATASUM =", b"COMMENT  ")
    )
    tables = []
    for number in range(n_cutout):
        add_cutout(folder, content, number)
        shifted = stars.assign(ID=stars.ID + 1000 * number, ra=stars.ra + _APART * number)
        tables.append(shifted.assign(ra=shifted.ra % 360))
    pd.concat(tables).to_csv(folder / "stars.csv", index=False)
    observation = {"datasource": "tesscut", "input": "cutouts", "catalog": "stars.csv", "prf": "model"}
    (folder / "my.yaml").write_text(yaml.safe_dump({"output": "results", "observations": [observation]}))


def add_cutout(folder: Path, content: bytes, number: int) -> None:
    """Write the cutout of a number: the given one at another place."""
    places = {
        b"%20.1f" % _RA: b"%20.6f" % ((_RA + _APART * number) % 360),
        b"%20d" % _COLUMN: b"%20d" % (50 + _STEP * (number % _IN_A_ROW)),
        b"%20d" % _ROW: b"%20d" % (5 + _STEP * (number // _IN_A_ROW)),
    }
    for before, after in places.items():
        content = content.replace(b"= " + before, b"= " + after)
    (folder / f"cutouts/cutout{number:05d}.fits").write_bytes(content)


def write_products(folder: Path) -> None:
    """Write a line in place of each product of the batches, which are no declared outputs."""
    for region, plan in json.loads((folder / "results/plan/stars.json").read_text()).items():
        for name in expected_products(str(folder / "results"), region, list(plan["targets"]), plots=True, page=True):
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{PAGE_LINE}\n" if path.suffix == ".js" else "file size digest\n")


def measure_plans(folder: Path, n_cutout: int) -> list[Measured]:
    """Make cutouts in a folder and measure the plans of their run."""
    folder.mkdir(exist_ok=True)
    copy_workflow(folder)
    make_cutouts(folder, n_cutout + 1)
    last = folder / f"cutouts/cutout{n_cutout:05d}.fits"
    last.rename(folder / "new.fits")
    rows = [
        snakemake(folder, "first plan", "--dry-run"),
        snakemake(folder, "the same again", "--dry-run"),
        snakemake(folder, "run with stand-ins"),
    ]
    write_products(folder)
    rows.append(snakemake(folder, "nothing to do"))
    (folder / "new.fits").rename(last)
    rows.append(snakemake(folder, "plan with a new cutout", "--dry-run"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cutouts", type=int, default=3000)
    parser.add_argument("--folder", type=Path, help="folder to work in, which is kept")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    rows = measure_plans(folder, options.cutouts)
    print(f"{options.cutouts} cutouts")
    print("\n".join(lines_of(rows)))
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
