"""Stars of a CCD from a table service on this machine: time, memory, and a run that is killed and goes on.

    python -m benchmarks.catalogue [n_star] [--folder FOLDER]

A server that answers as MAST's (tests/helpers) has so many stars on a CCD and around it, many of them in clusters. The
job of the rule `download_catalog` is run as a process of its own, killed half way, run again, and the table read as the
rule `stars` does. Its largest memory is what the kernel says.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

HELPERS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
#: A CCD in the plane of the Galaxy: RA, Dec, radius of its circle, deg.
PLACE = (270.0, -29.0, 8.9)
TMAG_LIMIT = 17.0


def serve(n_star: int, told: Connection) -> None:
    """Answer as MAST's table service does, until the parent ends."""
    sys.path.insert(0, str(HELPERS))
    from archive_stand_in import StandIn
    from archive_stars import places_in_cone, tic_stars
    from archive_tables import TableService

    n_cluster = n_star // 10 * 2
    ra, dec = places_in_cone(*PLACE, n_star - n_cluster)
    clusters = [places_in_cone(*place, n_cluster // 2, seed=3) for place in ((268.0, -27.0, 0.3), (272.0, -31.0, 0.1))]
    ra = np.concatenate([ra, *(cluster[0] for cluster in clusters)])
    dec = np.concatenate([dec, *(cluster[1] for cluster in clusters)])
    stars = tic_stars(ra, dec)
    stars["tmag"] = np.minimum(stars["tmag"], TMAG_LIMIT - 0.001).tolist()
    source, none = (10**18 + 7 * np.arange(n_star)).tolist(), [0.0] * n_star
    stars["gaia"] = list(map(str, source))
    places = {"source_id": source, "ra": stars["ra"], "dec": stars["dec"], "pmra": none, "pmdec": none}
    gaia = TableService(places | {"phot_g_mean_mag": stars["tmag"], "bp_rp": [0.5] * n_star}, "gaiadr3.gaia_source")
    pairs = {"dr2_source_id": source, "dr3_source_id": source, "angular_distance": none, "magnitude_difference": none}
    gaia.add_table("gaiadr3.dr2_neighbourhood", pairs)
    with StandIn() as server:
        TableService(stars).add_to(server)
        gaia.add_to(server, "/tap-server/tap")
        told.send(server.url)
        told.recv()


def download(folder: str, catalog: str = "mast") -> None:
    """Do what the job does."""
    from photometry.archive.sky_boxes import SkyRegion
    from photometry.archive.star_downloads import download_star_table

    region = SkyRegion(*PLACE, np.zeros((0, 3)), 0.0)
    place = Path(folder)
    download_star_table(place / "stars.csv", catalog, region, TMAG_LIMIT, place / "kept", place / "by_hand.csv")


def download_gaia(folder: str) -> None:
    """Do what the job does with `catalog: gaia`."""
    download(folder, "gaia")


def read(folder: str) -> None:
    """Read the table as the rule `stars` does."""
    from photometry.io.stars.star_tables import read_star_table

    sys.stdout.write(f"{len(read_star_table(Path(folder) / 'stars.csv'))}\n")


def measured(step: Callable[[str], None], folder: str) -> None:
    """Run a step in this process and say what it took."""
    start = time.perf_counter()
    step(folder)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    numbers = {
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1000),
    }
    sys.stdout.write(json.dumps({step.__name__: numbers}) + "\n")


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_star", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--gaia", action="store_true", help="the stars of Gaia DR3, too")
    parser.add_argument("--folder", help="where files are written [a temporary folder]")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        measured(STEPS[given.step], given.folder)
        return
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(given.n_star, theirs), daemon=True)
    server.start()
    url = ours.recv()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        settings = Path(folder, "settings", "astropy")
        settings.mkdir(parents=True)
        (settings / "astroquery.cfg").write_text(f"[mast]\nserver = {url}\n")
        (settings / "photometry.cfg").write_text(f"[archive]\ngaia_url = {url}/tap-server/tap\n")
        environment = os.environ | {"XDG_CONFIG_HOME": str(settings.parent)}

        def step(name: str) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-m", "benchmarks.catalogue", "--folder", folder, "--step", name]
            return subprocess.Popen(command, env=environment)  # noqa: S603

        first = step("download")
        kept = Path(folder, "kept")
        while first.poll() is None and len(list(kept.glob("*.csv"))) < 10:
            time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        first.wait()
        # Not what it was writing, whose name begins with a dot.
        before = {path.name: path.stat().st_mtime_ns for path in kept.glob("tic_ra*.csv")}
        step("download").wait()
        step("read").wait()
        if given.gaia:
            step("download_gaia").wait()
        after = {path.name: path.stat().st_mtime_ns for path in kept.glob("tic_ra*.csv")}
        again = sum(after[name] != date for name, date in before.items())
        sys.stdout.write(f"killed at {len(before)} pieces of {len(after)}, {again} of them were asked for again\n")
    ours.send("end")
    server.join()


STEPS: dict[str, Callable[[str], None]] = {"download": download, "download_gaia": download_gaia, "read": read}

if __name__ == "__main__":
    main()
