"""What a sector costs: CPU time of every part of a CCD, peak memory, sum of 16 CCDs, at 30 min and at 200 s.

    python -m benchmarks.sector [--frames 256] [--tile-cadences 1300 11000] [--targets 1500] [--patches 4]

Measured are pieces: some frames to a cube, motion and PRF of some patches, fit and export of one tile, the summary of a
CCD, the start of each job. They are scaled by what the plan of a CCD has of them. What depends on the number of
cadences is measured with two of them, by default those of the table; with others it is taken to be a constant and a
share of each. With 11,000 cadences that takes a quarter of an hour and 5 GB of memory, for the simulation, and of disk.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np
from astropy.table import Table

from benchmarks.commands import run_measured
from benchmarks.scale import ROOT, Workflow, rules_of_workflow, run_tiles
from benchmarks.scale_field import SimulatedTiles, tiles_with, write_tiles
from photometry.calibration.effective_prf import learn_prf
from photometry.calibration.region import measure_motion
from photometry.core.geometry import SCIENCE_AREA, Stamp, tiles_of
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.io.products.cube_files import read_cube_header
from photometry.io.products.stored_patches import StoredPatches
from photometry.io.stars.star_files import read_stars
from photometry.prf.model import model_prf
from photometry.simulate import CcdSettings, frames_of, simulate_ccd
from photometry.simulate.frame_files import write_frame
from photometry.simulate.perturb import perturbed_prf
from photometry.simulate.scene_files import write_star_table
from photometry.workflow.job_inputs import placed_stars

__all__ = ["Part", "at_cadences", "of_sector", "sector_table"]

#: CCDs of a sector.
N_CCD = 16
#: Frames of a CCD by the time between them.
SAMPLINGS = {"30 min": 1300, "200 s": 11_000}
#: Cadences of so many are of 200 s.
_MANY_CADENCES = 4000
#: Part that is summed over all rules.
_STARTS = "starts and imports"
#: Rules of a CCD's stars, whatever the number of its frames.
_OF_STARS = ("catalog", "targets")
#: Rule that looks at 15 frames of a CCD, however many it has.
_OF_LIGHT = ("ccd_light",)
#: What is wanted of a sector, core-hours, and of a worker, MB.
WANTED, WANTED_MB = {"30 min": 7.5, "200 s": 60.0}, 1500


@dataclass(frozen=True)
class Part:
    """What a part of the work on a CCD costs.

    Parameters
    ----------
    name : str
        What is done.
    piece : str
        What of it was measured.
    seconds : float
        CPU time of the piece, s.
    megabytes : float
        Peak memory of its largest process, MB; NaN where it is that of another part.
    per_ccd : float
        How many such pieces a CCD has.
    grows : bool
        Whether it takes more with more cadences [default: True].
    """

    name: str
    piece: str
    seconds: float
    megabytes: float
    per_ccd: float
    grows: bool = True

    @property
    def of_sector(self) -> float:
        """CPU time of a sector, core-hours."""
        return self.seconds * self.per_ccd * N_CCD / 3600


def at_cadences(measured: Mapping[int, Part], n_cadence: int) -> Part:
    """Return what a part costs with a number of cadences, from two others: a constant, and a share of each cadence.

    Parameters
    ----------
    measured : mapping of int to Part
        The part with two numbers of cadences.
    n_cadence : int
        Wanted number.
    """
    (few, at_few), (many, at_many) = sorted(measured.items())
    if not at_many.grows:
        return replace(at_many, seconds=(at_few.seconds + at_many.seconds) / 2)
    share = (n_cadence - few) / (many - few)
    seconds, megabytes = (
        max(below + share * (above - below), below if share >= 0 else 0.0)
        for below, above in ((at_few.seconds, at_many.seconds), (at_few.megabytes, at_many.megabytes))
    )
    return replace(at_many, piece=f"{at_many.piece}, {few} and {many} cadences", seconds=seconds, megabytes=megabytes)


def cost_of_frames(folder: Path, n_frame: int) -> list[Part]:
    """Make frames of a CCD, and measure what makes its cube of them, by whatever rules there are."""
    settings = CcdSettings(n_cadence=n_frame, density=440.0, faintest_tmag=17.0, n_pairs=0, variable_fraction=0.0)
    region = f"sector{settings.sector:03d}_camera{settings.camera}_ccd{settings.ccd}"
    ccd = simulate_ccd(settings, model_prf())
    (folder / "ffi").mkdir(parents=True)
    write_star_table(ccd, folder / "stars.csv")
    for frame in frames_of(ccd, model_prf()):
        write_frame(ccd, frame, folder / "ffi")
    workflow = Workflow(folder, {"datasource": "ffi", "input": "ffi", "catalog": "stars.csv", "prf": "model"})
    rules = rules_of_workflow()
    wanted = [
        f"results/prepared/{name}" for name in (f"{region}.hdf5", f"catalog_{region}.sqlite", f"targets_{region}.ecsv")
    ]
    first = workflow.run(wanted, rules)
    idle = workflow.run(wanted, rules)
    jobs = [record for record in first.records if record["rule"]]
    started = sum(record["started"] for record in jobs)
    of_stars, of_light = (
        sum(record["cpu"] - record["started"] for record in jobs if record["rule"] in rules)
        for rules in (_OF_STARS, _OF_LIGHT)
    )
    # Other processes than those of scripts may do the work: all that is not the plan counts.
    seconds = first.cpu - idle.cpu - started - of_stars - of_light
    megabytes = max(record["megabytes"] for record in first.records)
    return [
        Part("frames to cube", f"{n_frame} frames", seconds / n_frame, megabytes, np.nan),
        Part("catalogue and targets", "those of a CCD", of_stars, np.nan, 1),
        Part("light of the stars", "15 frames and the catalogue", of_light, np.nan, 1),
        Part(_STARTS, f"{len(jobs)} jobs of the cube", started, np.nan, 1),
    ]


def cost_of_patches(folder: Path, field: SimulatedTiles, n_patch: int) -> list[Part]:
    """Measure motion and PRF of some patches of a tile that was fitted, in a process of its own."""
    core, motion = field.tiles[0].core, MotionSettings()
    edges = (core.row_min, core.row_max, core.col_min, core.col_max)
    command = [sys.executable, "-m", "benchmarks.sector", "--patches", str(n_patch), "--folder", str(folder)]
    command += ["--region", field.region, "--tile", *map(str, edges)]
    measured, said = run_measured("patches", command, ROOT)
    found, piece = json.loads(said.splitlines()[-1]), f"{n_patch} patches of {motion.tile_size} px"
    per_ccd = motion.n_patch**2 / n_patch
    return [Part(name, piece, found[name], measured.megabytes, per_ccd) for name in ("motion", "PRF")]


def measure_patches(folder: Path, region: str, core: Stamp, n_patch: int) -> None:
    """Print the CPU time of motion and PRF of some patches of a tile, JSON. The given PRF is not the true one."""
    motion, path = MotionSettings(), folder / "results" / "prepared" / f"{region}.hdf5"
    header = read_cube_header(path)
    stamps = [tile.stamp for tile in tiles_of(core, motion.tile_size, 0)]
    chosen = np.linspace(0, len(stamps) - 1, n_patch).astype(int)
    patches = StoredPatches(path, header, tuple(stamps[number] for number in chosen))
    stars = placed_stars(read_stars(folder / "results" / "plan" / f"stars_{region}.hdf5"), header, core)
    given, times = perturbed_prf(model_prf()), [process_time()]
    kernel = measure_motion(patches, stars, given, motion)
    times.append(process_time())
    learn_prf(patches, stars, given, kernel, PrfSettings(), motion)
    times.append(process_time())
    print(json.dumps({"motion": times[1] - times[0], "PRF": times[2] - times[1]}))


def cost_of_tile(folder: Path, field: SimulatedTiles, n_target: int) -> list[Part]:
    """Measure what Snakemake does with one tile, and with the summary of its CCD (`benchmarks.scale`)."""
    write_tiles(field, folder)
    costs, megabytes = run_tiles(folder, field, FitSettings().tmag_limit)
    piece = f"a tile with {n_target} targets"
    return [
        Part(
            _STARTS if cost.part == "start, imports" else f"{cost.rule}: {cost.part}",
            f"{cost.rule}, {piece}" if cost.jobs > 1 else f"{cost.rule} of a CCD",
            cost.seconds,
            megabytes if cost.part == "fit_tile" else np.nan,
            cost.jobs,
            grows=not cost.is_orchestration,
        )
        for cost in costs
    ]


def of_sector(pieces: Sequence[Mapping[int, Part]], frames: Sequence[Part], n_cadence: int) -> list[Part]:
    """Return all parts of a CCD with a number of cadences; starts of all jobs are one part."""
    per_frame, *constant = frames
    parts = [Part(per_frame.name, per_frame.piece, per_frame.seconds, per_frame.megabytes, n_cadence), *constant]
    parts += [at_cadences(piece, n_cadence) for piece in pieces]
    of_starts = [part for part in parts if part.name == _STARTS]
    seconds = sum(part.seconds * part.per_ccd for part in of_starts)
    starts = Part(_STARTS, "all jobs", seconds, np.nan, 1)
    return [*(part for part in parts if part.name != _STARTS), starts]


def sector_table(parts: Sequence[Part]) -> Table:
    """Return the table of a sampling, with the sum."""
    total = sum(part.of_sector for part in parts)
    rows = [
        (
            part.name,
            part.piece,
            part.seconds,
            part.per_ccd,
            part.of_sector,
            100 * part.of_sector / total,
            part.megabytes,
        )
        for part in parts
        if part.of_sector > total / 500
    ]
    largest = float(np.nanmax([part.megabytes for part in parts]))
    names = ("part", "measured", "CPU s", "pieces of a CCD", "core-hours of a sector", "%", "MB")
    table = Table(rows=[*rows, ("sum", "", np.nan, np.nan, total, 100.0, largest)], names=names)
    for name, form in zip(names[2:], ("%.2f", "%.0f", "%.2f", "%.1f", "%.0f"), strict=True):
        table[name].format = form
    return table


def measure(folder: Path, options: argparse.Namespace) -> dict[str, list[Part]]:
    """Measure all pieces; return the parts of a sector for each sampling."""
    frames = cost_of_frames(folder / "frames", options.frames)
    pieces: dict[tuple[str, str], dict[int, Part]] = {}
    for n_cadence in options.tile_cadences:
        own, fit = folder / f"tile{n_cadence}", FitSettings()
        own.mkdir()
        cadence_s = 1800 if n_cadence < _MANY_CADENCES else 200
        field = tiles_with(options.targets, fit.tmag_limit, 1, n_cadence, fit, cadence_s)
        found = cost_of_tile(own, field, options.targets)
        found += cost_of_patches(own, field, options.patches)
        for part in found:
            pieces.setdefault((part.name, part.piece), {})[n_cadence] = part
        shutil.rmtree(own)
    both = [piece for piece in pieces.values() if len(piece) == len(options.tile_cadences)]
    return {name: of_sector(both, frames, n_cadence) for name, n_cadence in SAMPLINGS.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=256, help="that are made to a cube; a block has 256")
    parser.add_argument("--tile-cadences", type=int, nargs=2, default=[1300, 11_000], help="of tile and patches")
    parser.add_argument("--targets", type=int, default=1500, help="on a tile, which are all stars with a free flux")
    parser.add_argument("--patches", type=int, default=4, help="on which motion and PRF are measured")
    of_patches = parser.add_argument_group("patches alone, in this process")
    of_patches.add_argument("--folder", type=Path, help="in which a tile was fitted")
    of_patches.add_argument("--region", help="its region")
    of_patches.add_argument("--tile", type=int, nargs=4, help="its rows and columns, half open")
    options = parser.parse_args()
    if options.folder:
        measure_patches(options.folder, options.region, Stamp(*options.tile), options.patches)
        return
    folder = Path(tempfile.mkdtemp())
    n_tile = len(tiles_of(SCIENCE_AREA, FitSettings().tile_size, FitSettings().tile_margin))
    for name, parts in measure(folder, options).items():
        table = sector_table(parts)
        print(f"\nA sector at {name}: {N_CCD} CCDs of {SAMPLINGS[name]} frames, {n_tile} tiles each")
        print("\n".join(table.pformat(max_lines=-1, max_width=-1)))
        total, largest = float(table["core-hours of a sector"][-1]), float(table["MB"][-1])
        print(f"core-hours: {total:.1f} (wanted: at most {WANTED[name]:g})")
        print(f"worker: {largest:.0f} MB (wanted: at most {WANTED_MB} MB)")
    print("\nMeasured: the pieces, with as many cadences as they name. Scaled: all else, by the numbers of pieces.")
    print("Figures and page are not in it: benchmarks.report_page.")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
