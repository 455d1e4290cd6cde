"""Time of a target in the Python interface: open, photometry, save; and what the small stamp costs in accuracy.

python benchmarks/interface.py [stars per square degree brighter than T = 16] [cadences] [targets]
python benchmarks/interface.py unprepared: files without motion and PRF, a cutout and part of a CCD
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from prepared_folder import Prepared, make_scene, prepare, prepare_ccd

from photometry import PSFPhotometry
from photometry.core.statistics import MAD_TO_SIGMA

#: Region of the whole CCD that the simulated fields are a part of.
_CCD = "sector001_camera4_ccd2"


def measure(prepared: Prepared, starid: int, output: Path, whole: bool) -> tuple[float, np.ndarray]:
    """CPU time of a target, s, and the pulls of its unflagged cadences against the truth."""
    start = time.process_time()
    with PSFPhotometry(starid, prepared.folder, output, **prepared.place) as target:
        if whole:
            target.resize_stamp(down=99, up=99, left=99, right=99)
        target.photometry()
        target.save_lightcurve()
    seconds = time.process_time() - start
    good = target.lightcurve["quality"] == 0
    error = (np.asarray(target.lightcurve["flux"]) - prepared.truth(starid))[good]
    return seconds, error / np.asarray(target.lightcurve["flux_err"])[good]


def targets_of(prepared: Prepared, number: int) -> list[int]:
    """Stars with a whole stamp of 15x15 pixels: those of T < 10 have larger ones."""
    stars, stamp = prepared.scene.population, prepared.cube.stamp
    inside = (stamp.border_distance(stars.row, stars.column) > 7.5) & (stars.tmag > 10) & (stars.tmag < 15)
    chosen = [int(starid) for starid in stars.starid[inside]][:number]
    if len(chosen) < number:
        raise SystemExit(f"{len(chosen)} stars have a whole stamp, expected {number}: ask for a denser field")
    return chosen


def main(density: float = 3000.0, n_cadence: int = 1300, n_target: int = 50) -> None:
    """Measure targets of one field, after a first one, on their own stamps, and some of them on all of its pixels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = prepare_ccd(folder / "prepared", n_row=56, n_column=56, n_cadence=n_cadence, density=density)
        chosen = targets_of(prepared, n_target + 1)
        for stamp, targets in (("15x15", chosen), ("56x56", chosen[:4])):
            results = [measure(prepared, starid, folder / "output", stamp == "56x56") for starid in targets]
            seconds, pulls = zip(*results, strict=True)
            spread = [MAD_TO_SIGMA * np.nanmedian(np.abs(pull - np.nanmedian(pull))) for pull in pulls]
            offset = np.abs([np.nanmean(pull) for pull in pulls])
            print(
                f"{stamp}: {n_cadence} cadences, {len(targets) - 1} targets after the first, CPU time: "
                f"median {np.median(seconds[1:]):.3f} s, largest {max(seconds[1:]):.3f} s, first {seconds[0]:.3f} s; "
                f"pulls: width {np.median(spread):.3f}, 84th percentile of abs(mean) {np.percentile(offset, 84):.3f}"
            )


def unprepared() -> None:
    """Measure what targets cost on files without motion and PRF: motion alone, a first star, stars all over a CCD."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cutout = prepare(
            folder / "cutout/prepared", make_scene(n_row=56, n_column=56, n_cadence=60), _CCD, products=False
        )
        target = PSFPhotometry(cutout.starid, cutout.folder, folder, cache="none", **cutout.place)
        start = time.process_time()
        _ = target.MovementKernel
        print(f"first MovementKernel of 56x56 pixels, 60 cadences: {time.process_time() - start:.1f} s of CPU time")
        scene = make_scene(n_row=272, n_column=272, n_cadence=60, density=2000.0)
        ccd = prepare(folder / "ccd/prepared", scene, _CCD, products=False)
        chosen = targets_of(ccd, 400)
        seconds = [measure(ccd, starid, folder / "output", whole=False)[0] for starid in chosen[::20]]
        print(
            f"part of a CCD, 272x272 pixels, 60 cadences: first star {seconds[0]:.1f} s of CPU time, {len(seconds)} "
            f"stars {sum(seconds):.1f} s: {sum(seconds) / seconds[0]:.2f} times as much"
        )


if __name__ == "__main__" and sys.argv[1:] == ["unprepared"]:
    unprepared()
elif __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((float, int, int), sys.argv[1:], strict=False)))
