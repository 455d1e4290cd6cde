"""The page that one browses: made from the products, made again only where it must, and looked at in a browser."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from basis_vectors import write_basis_vectors
from running import Run, config_of, planned_jobs

from photometry.io.results.page_files import files_of_page, read_head

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
#: A file that is none, whose name is a page's nightmare.
ODD = "<img src=x onerror=document.title=1>&'.fits"
#: Folder that keeps the screenshots.
SCREENSHOTS = "PAGE_SCREENSHOTS"


@pytest.fixture(scope="module")
def finished(field: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run in four tiles, for targets that were asked for by number, with a file that cannot be used."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "cutouts").mkdir()
    shutil.copy2(field / "pixels.fits", folder / "cutouts")
    (folder / "cutouts" / ODD).write_text("no pixels")
    stars = pd.read_csv(field / "stars.csv")
    stars[stars.Tmag < 14][["ID"]].to_csv(folder / "targets.csv", index=False)
    days = np.arange(1300.0, 1360.0, 1 / 48)
    write_basis_vectors(folder / "cbv.fits", days, np.sin(days)[None])
    config = config_of(field, input="cutouts", targets="targets.csv")
    config |= {"fit": {"tile_size": 12}, "plots": False, "trends": "cbv.fits"}
    result = snakemake(folder, config=config)
    assert result.returncode == 1, result.stdout
    assert f"{ODD}: " in result.stdout
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def page_of(folder: Path) -> Path:
    return folder / "results/report/index.html"


def dates(folder: Path) -> dict[str, int]:
    files = (path for path in (folder / "results/report").rglob("*") if path.is_file())
    return {path.relative_to(folder / "results").as_posix(): path.stat().st_mtime_ns for path in files}


def test_the_page_is_made_of_the_products_and_lists_its_files(finished):
    results = finished / "results"
    (region,) = (results / "report/data").glob("tesscut_*.js")
    known = {path.file for page in (page_of(finished), region) for path in files_of_page(page)}
    here = set(dates(finished)) - {path.relative_to(results).as_posix() for path in (page_of(finished), region)}
    assert known == here
    summary = Table.read(results / "summary_v01.ecsv").filled("")
    measured = set(summary["starid"][summary["file"] != ""].tolist())
    assert {int(path.stem[3:]) for path in (results / "report/targets").iterdir()} == measured
    assert len([name for name in known if f"data/{region.stem}/" in name]) == len(set(summary["tile"]) - {""})
    assert read_head(region)["facts"]["n_cadence"] == 40


def test_a_page_of_tiles_that_did_not_change_keeps_its_bytes_and_dates(copy, snakemake):
    before = dates(copy)
    (region,) = (copy / "results/report/data").glob("tesscut_*.js")
    content = region.read_bytes()
    region.unlink()
    assert {"page_data": 1, "page": 1}.items() <= planned_jobs(snakemake(copy, "--dry-run").stdout).items()
    snakemake(copy)
    assert region.read_bytes() == content
    changed = {name for name, date in dates(copy).items() if before[name] != date}
    assert changed == {f"report/data/{region.name}", "report/index.html"}
    jobs = planned_jobs(snakemake(copy, "--dry-run").stdout)
    assert set(jobs) <= {"unusable_input", "all", "total"}


def test_a_fit_that_is_repeated_with_the_same_result_leaves_the_page_as_it_was(copy, snakemake):
    before = dates(copy)
    min((copy / "results/photometry").rglob("*.hdf5")).unlink()
    result = snakemake(copy)
    assert {"psf_photometry": 1, "page_data": 1, "page": 1}.items() <= planned_jobs(result.stdout).items()
    changed = {name for name, date in dates(copy).items() if before[name] != date}
    assert {name.split("/")[-2] for name in changed} == {"data", "report"}


class Browser:
    """Chromium with the page; waits for what it shows, keeps pictures of it."""

    def __init__(self, driver: "webdriver.Chrome", page: Path, pictures: Path) -> None:
        self.driver, self.page, self.pictures = driver, page, pictures

    def open(self, view: str, page: Path | None = None) -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{(page or self.page).resolve().as_uri()}#{view}")
        self.until("document.body.dataset.ready")

    def js(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: str) -> None:
        end = time.monotonic() + 30
        while not self.js(f"return Boolean({condition})"):
            assert time.monotonic() < end, f"{condition}: {self.js('return document.body.innerText.slice(0, 500)')}"
            time.sleep(0.05)

    def texts(self, selector: str) -> list[str]:
        return list(self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector))

    def search(self, text: str) -> None:
        box = "document.getElementById('search')"
        self.js(f"{box}.value = arguments[0]; {box}.dispatchEvent(new Event('input'))", text)

    def click(self, selector: str) -> None:
        self.js("document.querySelector(arguments[0]).click()", selector)

    def picture(self, name: str) -> None:
        height = self.js("return document.documentElement.scrollHeight")
        self.driver.set_window_size(1440, max(900, int(height) + 120))
        time.sleep(0.5)
        self.driver.save_screenshot(str(self.pictures / f"{name}.png"))
        self.driver.set_window_size(1440, 1000)

    def complaints(self) -> list[str]:
        said = self.driver.get_log("browser")
        return [entry["message"] for entry in said if entry["level"] in ("SEVERE", "WARNING")]


@pytest.fixture(scope="module")
def browser(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("Chromium and its driver are not installed (packages chromium, chromium-driver)")
    pictures = Path(os.environ.get(SCREENSHOTS) or tmp_path_factory.mktemp("pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    words = ["headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"]
    words += ["disable-background-networking", "disable-component-update", "window-size=1440,1000"]
    for word in (*words, f"user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    try:
        yield Browser(driver, page_of(finished), pictures)
    finally:
        driver.quit()


@pytest.fixture
def quiet(browser: Browser) -> Iterator[Browser]:
    """The browser; afterwards the page must not have complained."""
    browser.complaints()
    yield browser
    assert browser.complaints() == []


@pytest.fixture(scope="module")
def summary(finished: Path) -> Table:
    return Table.read(finished / "results/summary_v01.ecsv").filled("")


def test_the_overview_counts_what_the_summary_has(quiet, summary):
    quiet.open("field=all")
    counts = {
        text: int(number.replace(",", ""))
        for number, text in zip(quiet.texts(".count b"), quiet.texts(".count span"), strict=True)
    }
    statuses = {status: int(np.sum(summary["status"] == status)) for status in ("OK", "WARNING", "ERROR", "SKIPPED")}
    assert counts == {"targets": len(summary)} | statuses
    quiet.picture("overview_all")
    quiet.open("")
    quiet.until("document.querySelectorAll('.figure .bk-Figure, #scatter > *').length > 0")
    quiet.picture("overview")
    assert quiet.js("return Bokeh.documents.length") >= 3


def test_the_table_sorts_and_searches(quiet, summary):
    quiet.open("view=targets&field=all")
    shown = ".table-row .cell:first-child"
    for name in ("tmag", "rms_hour"):
        quiet.click(f".head[data-column={name}]")
        rows = quiet.js("return page.table.order.length ? [...page.table.order] : []")
        values = quiet.js(f"return [...page.table.order].map(row => page.rows.get(0).{name}[row])")
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=name == "rms_hour")
        assert len(rows) == len(summary)
        assert None not in values[: len(known)]
    starid = str(max(summary["starid"]))
    quiet.search(starid)
    quiet.until("document.getElementById('count').textContent.startsWith('1 of')")
    assert quiet.texts(shown) == [starid]
    quiet.open("view=targets&field=all&status=WARNING")
    quiet.until("document.querySelectorAll('.table-row').length > 0")
    assert set(quiet.texts(".table-row .status")) == {"WARNING"}
    quiet.picture("targets")


def test_names_of_files_are_texts(quiet):
    quiet.open("view=targets&field=all&find=img")
    quiet.until("document.querySelectorAll('.table-row').length === 1")
    assert quiet.js("return document.querySelectorAll('img[src=x]').length") == 0
    assert quiet.js("return document.title").startswith("TESS PSF photometry")
    assert ODD in quiet.js("return document.body.innerText")


#: The figure of the light curve.
CURVE = "drawnFigures.get(document.querySelector('.light-curve'))"


def time_range(browser: Browser) -> list[float]:
    """First and last time in view."""
    return list(browser.js(f"return [{CURVE}.x_range.start, {CURVE}.x_range.end]"))


def test_a_click_opens_a_target_and_its_light_curve_zooms(quiet, finished, summary):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    row = summary[np.argmin(np.where(summary["file"] != "", summary["tmag"], 99))]
    quiet.open("view=targets&field=all")
    quiet.click(".head[data-column=tmag]")
    quiet.search(str(row["starid"]))
    quiet.click(".table-row")
    quiet.until("document.body.dataset.ready.includes('tic=') && document.querySelectorAll('.pixel').length === 3")
    assert f"TIC {row['starid']}" in quiet.texts("h2")
    link = quiet.js("return document.querySelector('a.file').href")
    assert link == (finished / "results" / row["file"]).resolve().as_uri()
    start, end = time_range(quiet)
    figure = quiet.driver.find_element(By.CSS_SELECTOR, ".light-curve")
    quiet.picture("target")
    drag = ActionChains(quiet.driver).move_to_element_with_offset(figure, -200, -150).click_and_hold()
    drag.move_by_offset(150, 150).pause(0.1).move_by_offset(150, 120).release().perform()
    quiet.until(f"{CURVE}.x_range.start > {start}")
    assert time_range(quiet)[1] < end
    quiet.picture("target_zoomed")
    quiet.click("#target .steps a")
    quiet.search("")
    quiet.click(".table-row")
    quiet.until("document.querySelector('.steps .next')")
    first = quiet.texts("#target h2")
    quiet.click(".steps .next")
    quiet.until(f"document.querySelector('#target h2')?.textContent !== '{first[0]}'")


def test_the_page_shows_the_fluxes_of_the_file(quiet, finished, summary):
    from astropy.io import fits

    row = summary[(summary["file"] != "") & (summary["n_trend"] == 1)][0]
    quiet.open(f"tic={row['starid']}")
    shown = quiet.driver.execute_async_script(
        """const [region, tile, tic, done] = arguments;
        tessPsf.load(`tile/${region}/${tile}`)
          .then((packed) => tessPsf.curveOf(packed.curves[tic], packed.n_cadence, packed.window))
          .then((curve) => done(JSON.stringify([[...curve.flux], [...curve.corr]])));""",
        *(row["region"], row["tile"], str(row["starid"])),
    )
    with fits.open(finished / "results" / row["file"]) as hdus:
        fluxes, error = (hdus[1].data["FLUX"], hdus[1].data["CORR_FLUX"]), hdus[1].data["FLUX_ERR"]
        good = (hdus[1].data["QUALITY"] == 0) & np.isfinite(fluxes[0])
    for found, flux in zip(np.array(json.loads(shown), dtype=float), fluxes, strict=True):
        assert np.all(np.abs(found - flux)[good] < 0.05 * error[good])


def test_lists_and_a_page_of_a_target(quiet, finished):
    quiet.open("view=lists")
    assert quiet.texts(".list h2") == ["Most variable", "Most suspicious", "Blends where aperture and PSF disagree"]
    assert len(quiet.texts("[data-list=variable] td.tic")) > 3
    quiet.picture("lists")
    own = min((finished / "results/report/targets").iterdir())
    quiet.open("", own)
    assert quiet.texts("h2") == [f"TIC {int(own.stem[3:])}"]
    quiet.picture("target_alone")
