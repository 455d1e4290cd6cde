"""The page of a CCD: CPU time to make it, disk, seconds to open it, to sort its table and to show a target in Chromium.

    python -m benchmarks.report_page [--targets 30000] [--cadences 1300] [--ccd-seconds 2000] [--folder FOLDER]

The CCD is made by hand: 64 tiles with the products that the page is made from. `--ccd-seconds` is what a CCD costs in
all (`benchmarks.scale`). Chromium is asked for its own clock; it and its driver are those of the system.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from benchmarks.commands import run_measured
from photometry.calibration.kernel import MovementKernel
from photometry.core.cube import CubeHeader, Exposure, Pointing
from photometry.core.geometry import SCIENCE_AREA, Stamp, tiles_of
from photometry.core.stars import NO_STARS, flux_of_tmag
from photometry.fit.tile_fit import TileFit
from photometry.io.products.cube_files import CUBE_VERSION, PIXEL_SETS, SERIES, write_metadata
from photometry.io.products.product_files import write_kernel, write_prf
from photometry.io.products.tile_files import write_tile_fit
from photometry.io.results.result_rows import read_rows, write_rows
from photometry.io.stars.unlisted_files import write_unlisted
from photometry.io.store.checked_data import write_checked
from photometry.io.store.provenance import origin_of, write_product
from photometry.io.store.tables import results_table, write_ecsv
from photometry.lightcurve.columns import row_dtype
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.lightcurve.names import light_curve_name
from photometry.prf.model import model_prf

ROOT = Path(__file__).resolve().parents[1]
REGION = "sector001_camera1_ccd1"
_POINTING = Pointing("ffi", 1, 1, 1, 1, "simulated", 0, 0.0, 0.0)
_EXPOSURE = Exposure(1800, 1425.6, 720, (5.2, 5.2, 5.2, 5.2), (8.0, 8.0, 8.0, 8.0))
#: Bytes of a light curve file beside its table: headers and images of the demo's.
_HEADERS = 32_000
#: Wanted: share of the CCD's CPU time, share of the light curves' disk, seconds to open, seconds to sort.
WANTED = {"CPU": 0.05, "disk": 0.10, "open": 3.0, "sort": 0.5}
_MAKE = """
import sys
sys.path.insert(0, sys.argv[1] + "/scripts")
from pathlib import Path
from page import page
from page_data import page_data
region, out = sys.argv[2], "results"
shown = f"{out}/report/data/{region}.js"
tiles = sorted(path.stem for path in Path(out, "photometry", region).glob("*.hdf5"))
page_data(
    f"{out}/prepared/{region}.hdf5", f"{out}/prepared/prf_{region}.hdf5",
    f"{out}/prepared/movement_refined_{region}.hdf5",
    f"{out}/prepared/unlisted_stars_{region}.ecsv", [f"{out}/photometry/{region}/{tile}.hdf5" for tile in tiles],
    [f"{out}/lightcurves/index/{region}/{tile}.ecsv" for tile in tiles], shown, region, out, "",
)
page(f"{out}/summary_v01.ecsv", [shown], f"{out}/report/index.html", out, 1, {})
"""


@dataclass(frozen=True)
class Browsed:
    """What Chromium took, s: to open the page (also in CPU time), to sort the table, to show a target."""

    opened: float
    opened_cpu: float
    sorted: float
    target: float


def header_of(n_cadence: int) -> CubeHeader:
    """Return the header of the cube of a whole CCD."""
    cadenceno = np.arange(n_cadence, dtype=np.int32)
    quality = np.zeros(n_cadence, dtype=np.int32)
    quality[:: max(1, n_cadence // 8)] = 32
    return CubeHeader(
        pointing=_POINTING,
        exposure=_EXPOSURE,
        stamp=SCIENCE_AREA,
        time=1325.0 + cadenceno / 48,
        timecorr=np.zeros(n_cadence, dtype=np.float32),
        cadenceno=cadenceno,
        quality=quality,
        wcs_header="",
        aperture=np.ones(SCIENCE_AREA.shape, dtype=np.int32),
    )


def write_ccd(folder: Path, n_target: int, n_cadence: int) -> None:
    """Write the products of a CCD that the page is made from."""
    results, header, rng = folder / "results", header_of(n_cadence), np.random.default_rng(1)
    prepared = results / "prepared"
    with write_product(prepared / f"{REGION}.hdf5", "cube", CUBE_VERSION, {}) as file:
        _write_cube(file, header, rng)
    parameters = np.zeros((n_cadence, 9))
    parameters[:, [0, 3]] = 0.05 * np.sin(header.time)[:, None]
    kernel = MovementKernel(
        SCIENCE_AREA.center,
        1024.0,
        (0.0, 0.0),
        parameters,
        np.zeros((n_cadence, 9, 9)),
        np.zeros(n_cadence, bool),
        "pixels",
    )
    write_kernel(prepared / f"movement_refined_{REGION}.hdf5", kernel, {})
    write_prf(prepared / f"prf_{REGION}.hdf5", model_prf(_POINTING.ccd), {})
    write_unlisted(prepared / f"unlisted_stars_{REGION}.ecsv", NO_STARS, REGION, {})
    tiles = tiles_of(SCIENCE_AREA, 256, 8)
    lines = []
    for number, tile in enumerate(tiles):
        n_star = n_target // len(tiles) + (number < n_target % len(tiles))
        fit = fit_of(tile.core, n_star, header, rng, 10**8 + number * 10**5)
        fluxes = results / f"photometry/{REGION}/{tile.name}.hdf5"
        write_tile_fit(fluxes, fit, {}, {})
        index = results / f"lightcurves/index/{REGION}/{tile.name}.ecsv"
        _write_index(index, fit, header, fluxes, tile.name)
        lines += read_rows(index).lines
    write_rows(results / "summary_v01.ecsv", sorted(lines), {"version": 1})


def _write_cube(file: h5py.File, header: CubeHeader, rng: np.random.Generator) -> None:
    """Write a cube without its pixels, which nobody reads here."""
    write_metadata(file, header)
    shape = (header.n_cadence, *header.stamp.shape)
    for name, kind in PIXEL_SETS.items():
        file.create_dataset(name, shape=shape, dtype=kind, chunks=(min(64, shape[0]), 32, 32))
    for name in SERIES:
        write_checked(file, name, getattr(header, name))
    write_checked(file, "aperture", header.aperture)
    write_checked(file, "sumimage", rng.exponential(100.0, header.stamp.shape).astype(np.float32))
    write_checked(file, "wcs", np.bytes_(header.wcs_header))


def fit_of(core: Stamp, n_star: int, header: CubeHeader, rng: np.random.Generator, first: int) -> TileFit:
    """Return a fit of stars with white noise, some of which are eclipsed."""
    stamp = core.grown(8).clipped(SCIENCE_AREA)
    tmag = np.sort(np.clip(15.0 - rng.exponential(1.4, n_star), 6.0, 15.0))
    mean, shape = flux_of_tmag(tmag)[:, None], (n_star, header.n_cadence)
    error = np.broadcast_to(np.sqrt((mean + 1500.0) / header.exposure.exposure_s), shape).astype(np.float32)
    depth = np.where(rng.random(n_star) < 0.02, 0.3, 0.0)[:, None] * (np.arange(shape[1]) % 97 < 6)
    noise = rng.standard_normal((2, *shape), dtype=np.float32)
    row, column = (
        rng.uniform(core.row_min, core.row_max - 1, n_star),
        rng.uniform(core.col_min, core.col_max - 1, n_star),
    )
    series = {name: np.zeros(shape, dtype=np.float32) for name in ("row_shift", "column_shift", "chi2")}
    image = rng.exponential(100.0, stamp.shape)
    aperture = np.zeros((n_star, 9, 9), dtype=bool)
    aperture[:, 3:6, 3:6] = True
    per_star = {name: np.zeros(n_star) for name in ("chi2_mean", "mean_misfit", "mean_flux_syst")}
    return TileFit(
        stamp=stamp,
        starid=first + np.arange(n_star),
        tmag=tmag,
        row=row,
        column=column,
        flux=(mean * (1 - depth) + error * noise[0]).astype(np.float32),
        flux_err=error,
        aperture_flux=(mean * (1 - 0.9 * depth) + 1.5 * error * noise[1]).astype(np.float32),
        aperture_flux_err=1.5 * error,
        background=np.full(shape, 120.0, dtype=np.float32),
        centroid_row=np.repeat(row[:, None], shape[1], axis=1).astype(np.float32),
        centroid_column=np.repeat(column[:, None], shape[1], axis=1).astype(np.float32),
        **series,
        pixel_quality=np.where(rng.random(shape) < 0.01, 4, 0).astype(np.int32),
        cadence_chi2=np.ones(shape[1], dtype=np.float32),
        star_flags=np.where(rng.random(n_star) < 0.1, 2, 0).astype(np.int32),
        contamination=rng.beta(0.5, 2.0, n_star),
        blend_correlation=rng.random(n_star),
        **per_star,
        unlisted_tmag=np.full(n_star, np.nan),
        unlisted_distance=np.full(n_star, np.nan),
        prf_source="model",
        fit_tmag_limit=16.0,
        sum_image=image,
        model_image=image + rng.normal(0.0, 1.0, stamp.shape),
        aperture=aperture,
        window_row=np.rint(row).astype(np.int64) - 4,
        window_column=np.rint(column).astype(np.int64) - 4,
    )


def _write_index(path: Path, fit: TileFit, header: CubeHeader, fluxes: Path, tile: str) -> None:
    """Write the index of a tile as if its light curves had been written."""
    metrics = light_curve_metrics(fit, header.usable, header.cadenceno, header.exposure.cadence_s)
    rows = []
    for star, starid in enumerate(fit.starid.tolist()):
        row: dict[str, object] = {name: getattr(metrics, name)[star] for name in metrics.__slots__}
        for name in ("row", "column", "contamination", "blend_correlation", "star_flags", "tmag"):
            row[name] = getattr(fit, name)[star]
        doubt = f"cannot be separated from a neighbour (correlation {fit.blend_correlation[star]:.3f})"
        row |= {"status": "WARNING", "reason": doubt} if fit.star_flags[star] else {"status": "OK"}
        name = light_curve_name(starid, header.pointing, header.exposure.cadence_s, 1)
        row |= {"starid": starid, "region": REGION, "tile": tile, "file": f"lightcurves/{name}", "digest": "5e" * 32}
        rows.append(row)
    index = results_table(rows, header.pointing, header.exposure.cadence_s)
    index.meta |= {"version": 1, "origin": origin_of({"fluxes": fluxes})}
    write_ecsv(index, path)


def browsed(page: Path) -> Browsed:
    """Open the page in Chromium, sort its table, show a target."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as profile:
        for word in (
            "headless=new",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            f"user-data-dir={profile}",
        ):
            options.add_argument(f"--{word}")
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            return _times(driver, page)
        finally:
            driver.quit()


def _times(driver: "webdriver.Chrome", page: Path) -> Browsed:  # noqa: F821
    def wait(condition: str) -> float:
        """Seconds until a condition holds, as the page itself clocks it."""
        script = """
            const [text, done] = arguments, start = performance.now(), holds = new Function("return " + text);
            const look = () => (holds() ? done(performance.now() - start) : setTimeout(look, 5));
            look();
        """
        return float(driver.execute_async_script(script, condition)) / 1000

    driver.set_script_timeout(120)
    profile = driver.capabilities["chrome"]["userDataDir"]
    driver.get("about:blank")
    before = _cpu_of(profile)
    driver.get(page.resolve().as_uri())
    wait("document.body.dataset.ready")
    opened = float(driver.execute_script("return performance.now()")) / 1000
    opened_cpu = _cpu_of(profile) - before
    driver.execute_script("go({view: 'targets'})")
    wait("document.body.dataset.ready === '#view=targets' && document.querySelectorAll('.table-row').length > 10")
    clicks = [
        float(
            driver.execute_script(
                """const start = performance.now();
                document.querySelector(`.head[data-column='${arguments[0]}']`).click();
                document.querySelector(".table-row").getBoundingClientRect();
                return performance.now() - start;""",
                name,
            )
        )
        / 1000
        for name in ("tmag", "rms_hour", "reason", "starid")
    ]
    start = float(
        driver.execute_script("const row = document.querySelector('.table-row'); row.click(); return performance.now()")
    )
    wait("document.body.dataset.ready.includes('tic=')")
    shown = float(driver.execute_script("return performance.now()")) - start
    return Browsed(opened, opened_cpu, max(clicks), shown / 1000)


def _cpu_of(word: str) -> float:
    """CPU time of the processes whose command has a word in it, s."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word in (process / "cmdline").read_text():
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            # It has ended.
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, n_target: int, n_cadence: int, ccd_seconds: float) -> list[str]:
    """Make and browse the page of a CCD in a folder; return what is to be said."""
    if not (folder / "results" / "summary_v01.ecsv").is_file():
        write_ccd(folder, n_target, n_cadence)
    shutil.rmtree(folder / "results" / "report", ignore_errors=True)
    command = [sys.executable, "-c", _MAKE, str(ROOT), REGION]
    made, _ = run_measured("make", command, folder)
    again, _ = run_measured("make again", command, folder)
    page = folder / "results" / "report"
    n_byte = sum(path.stat().st_size for path in page.rglob("*") if path.is_file())
    of_curves = n_target * (n_cadence * row_dtype().itemsize + _HEADERS)
    seen = browsed(page / "index.html")
    scale = ccd_seconds * n_target / 30_000 * n_cadence / 1300
    shares: Mapping[str, float] = {
        "CPU": made.cpu / scale,
        "disk": n_byte / of_curves,
        "open": seen.opened,
        "sort": seen.sorted,
    }
    of_target = f"{1e3 * made.cpu / n_target:.2f} ms", f"{n_byte / n_target:.0f} bytes"
    missed = [name for name, limit in WANTED.items() if shares[name] > limit]
    return [
        f"{n_target} targets, {n_cadence} cadences",
        f"CPU to make: {made.cpu:.1f} s, {of_target[0]} a target, {100 * shares['CPU']:.1f} % of the CCD's",
        f"CPU to make again, nothing changed: {again.cpu:.1f} s; memory: {made.megabytes:.0f} MB",
        f"disk: {n_byte / 1e6:.0f} MB, {of_target[1]} a target, {100 * shares['disk']:.1f} % of the light curves",
        f"Chromium: opens in {seen.opened:.2f} s ({seen.opened_cpu:.2f} s of CPU time, load {os.getloadavg()[0]:.1f})",
        f"Chromium: sorts in {seen.sorted:.3f} s, shows a target in {seen.target:.2f} s",
        *(f"MISSED: {name} {shares[name]:.3f} > {WANTED[name]}" for name in missed),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=30_000)
    parser.add_argument("--cadences", type=int, default=1300)
    parser.add_argument(
        "--ccd-seconds", type=float, default=2000.0, help="CPU time of all of 30,000 targets, 1,300 cadences"
    )
    parser.add_argument("--folder", type=Path, help="where it is kept (default: it is not)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        print("\n".join(measure(folder, options.targets, options.cadences, options.ccd_seconds)))


if __name__ == "__main__":
    main()
