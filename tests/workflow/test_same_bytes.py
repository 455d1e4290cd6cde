"""Two runs in two folders, on one and on two cores, and one in a bucket: the same products, byte by byte."""

import json
import shutil
import sqlite3
from pathlib import Path

import h5py
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from bucket_runs import OFTEN, PODS, fetched, run_with_bucket, running_bucket
from running import Run, config_of, copy_workflow, product_digests

from photometry.io.results.page_files import read_head
from photometry.io.store.provenance import SOFTWARE, digest_of_settings

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


#: Commits that the clones have, one after the other.
REVISION, NEXT = "a" * 40, "b" * 40


#: Settings of all runs.
CONFIG = config_of(Path(), prf="prf") | {"fit": {"tile_size": 12}}


def clone(folder: Path, field: Path) -> Path:
    """Copy workflow and inputs."""
    copy_workflow(folder)
    shutil.copytree(field, folder, dirs_exist_ok=True)
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text(REVISION)
    return folder


@pytest.fixture(scope="module")
def runs(field: Path, snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two clones of workflow and inputs, each with a run in four tiles."""
    folders = []
    for cores in ("1", "2"):
        folder = clone(tmp_path_factory.mktemp("clone") / f"with_{cores}", field)
        result = snakemake(folder, "--cores", cores, config=CONFIG, root=folder)
        assert result.returncode == 0, result.stdout
        folders.append(folder)
    return folders


def test_all_products_have_the_same_bytes(runs):
    one, two = (product_digests(folder / "results") for folder in runs)
    assert one == two
    assert {path.suffix for path in one} == {".hdf5", ".sqlite", ".ecsv", ".fits", ".png", ".js", ".css", ".html"}


def test_same_bytes_in_a_bucket_by_jobs_that_share_no_disk(runs, field, tmp_path):
    """On two machines, one up to the PRF, one for the fit and what is made of it; then there is nothing to do."""
    folder, pods = clone(tmp_path / "clone", field), tmp_path / "pods"
    pods.mkdir()
    (folder / "my.yaml").write_text(yaml.safe_dump(CONFIG))
    later = [f"{name}=later" for name in ("psf_photometry", "export_light_curves", "plots", "page_data")]
    with running_bucket() as (bucket, environment):
        run_with_bucket(folder, pods, environment, *PODS, *OFTEN, "--groups", *later)
        again = run_with_bucket(folder, pods, environment, "--dry-run")
        found = product_digests(fetched(bucket, tmp_path))
    assert len(list(pods.glob("*.log"))) == 2
    wanted = product_digests(runs[0] / "results")
    lacking = wanted.keys() - found.keys()
    assert sorted(f"{path.parent}/{path.name.partition('_tesscut')[0]}" for path in lacking) == [
        "plan/stars",
        "prepared/reference_stars",
    ]
    assert {path: found[path] for path in wanted.keys() - lacking} == {
        path: digest for path, digest in wanted.items() if path not in lacking
    }
    assert "Nothing to be done" in again


def test_every_product_says_where_it_is_from(runs):
    results = runs[0] / "results"
    for path in sorted(product_digests(results)):
        origin = origin_in(results / path)
        assert origin["software"] == SOFTWARE, path
        assert origin["git_revision"] == REVISION, path
        assert origin["settings_digest"], path
        inputs = [text for name, text in origin.items() if name.startswith("input")]
        assert inputs, path
        assert all("sha256:" in text for text in inputs), path
        if "settings" in origin:
            assert digest_of_settings(json.loads(origin["settings"])) == origin["settings_digest"], path


def test_a_light_curve_names_the_settings_of_its_fit(runs):
    results = runs[0] / "results"
    (fit,) = {origin_in(path)["settings_digest"] for path in results.glob("photometry/*/*.hdf5")}
    assert {fits.getheader(path)["SETTINGS"] for path in results.rglob("*_lc.fits")} == {fit}
    settings = json.loads(origin_in(next(results.glob("photometry/*/*.hdf5")))["settings"])
    known = {"datasource", "ephemeris", "fit", "motion", "prf", "prf_learning", "quality_bitmask"}
    assert set(settings) == known


def test_another_revision_runs_nothing_and_rewrites_no_light_curve(runs, snakemake):
    folder = runs[1]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*_lc.fits")}
    assert before
    (folder / ".git/HEAD").write_text(NEXT)
    assert "Nothing to be done" in snakemake(folder, "--dry-run", root=folder).stdout
    result = snakemake(folder, "--forcerun", "export_light_curves", root=folder)
    assert result.returncode == 0, result.stdout
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    assert all(origin_in(path)["git_revision"] == NEXT for path in folder.rglob("lightcurves/index/*/*.ecsv"))
    assert f"4 tiles by {SOFTWARE}, git revision {NEXT[:12]}" in report_of(folder, snakemake)


def test_report_tells_version_revision_and_settings(runs, snakemake):
    assert f"4 tiles by {SOFTWARE}, git revision {REVISION[:12]}" in report_of(runs[0], snakemake)


def report_of(folder: Path, snakemake: Run) -> str:
    """Make the report of a run and return its text."""
    result = snakemake(folder, "--report", "report.html", root=folder)
    assert result.returncode == 0, result.stdout
    return (folder / "report.html").read_text()


def origin_in(path: Path) -> dict[str, str]:
    """What a product says of its origin, with the names that HDF5 products use."""
    if path.suffix == ".hdf5":
        with h5py.File(path) as file:
            return {name: str(value) for name, value in file.attrs.items()}
    if path.suffix == ".sqlite":
        connection = sqlite3.connect(path)
        found = dict(connection.execute("SELECT name, value FROM provenance"))
        connection.close()
        return found
    if path.suffix == ".ecsv":
        return dict(Table.read(path).meta["origin"])
    if path.suffix == ".png":
        from PIL import Image

        return dict(Image.open(path).text)
    if path.suffix in (".js", ".css", ".html"):
        return read_head(path)
    header = fits.getheader(path)
    names = {"PROCVER": "software", "GITREV": "git_revision", "SETTINGS": "settings_digest"}
    return {names[key]: header[key] for key in names} | {"input": header["INPUT1"]}
