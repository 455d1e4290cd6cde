"""Time of a target in the Python interface: open, photometry, save; and what the small stamp costs in accuracy.

python benchmarks/interface.py [stars per square degree brighter than T = 16] [cadences] [targets]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/helpers"))
from prepared_folder import Prepared, prepare_ccd

from photometry import PSFPhotometry
from photometry.core.statistics import MAD_TO_SIGMA


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


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((float, int, int), sys.argv[1:], strict=False)))
