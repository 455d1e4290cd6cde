"""Time of a target in the Python interface: open, photometry, save; and what the small stamp costs in accuracy.

python benchmarks/interface.py [stars per square degree brighter than T = 16] [cadences]
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/unit"))
from prepared_folder import Prepared, prepare_ccd

from photometry import PSFPhotometry

#: Targets that are timed.
N_TARGET = 50


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


def main(density: float, n_cadence: int) -> None:
    """Measure the targets of one field on their own stamps, and some of them on all of its pixels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared = prepare_ccd(folder / "prepared", n_row=40, n_column=40, n_cadence=n_cadence, density=density)
        stars, stamp = prepared.scene.population, prepared.cube.stamp
        inside = (stamp.border_distance(stars.row, stars.column) > 7.5) & (stars.tmag > 9) & (stars.tmag < 15)
        chosen = [int(starid) for starid in stars.starid[inside]][: N_TARGET + 1]
        for whole, targets in ((False, chosen), (True, chosen[:4])):
            results = [measure(prepared, starid, folder / "output", whole) for starid in targets]
            seconds, pulls = zip(*results, strict=True)
            spread = [1.4826 * np.nanmedian(np.abs(pull - np.nanmedian(pull))) for pull in pulls]
            offset = [np.nanmean(pull) for pull in pulls]
            print(
                f"{'all pixels' if whole else '15x15     '}: {len(targets)} targets, {n_cadence} cadences; "
                f"median {np.median(seconds[1:]):.3f} s, largest {max(seconds[1:]):.3f} s, first {seconds[0]:.3f} s; "
                f"width of pulls {np.median(spread):.3f}, mean pull, 84th percentile of abs "
                f"{np.percentile(np.abs(offset), 84):.3f}"
            )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(float(arguments[0]) if arguments else 3000.0, int(arguments[1]) if len(arguments) > 1 else 1300)
