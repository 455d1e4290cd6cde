"""Products that are deleted, emptied, cut or changed after a run are noticed, and made again with the same bytes."""

import os
import shutil
from pathlib import Path

import pytest
from running import Run, planned_jobs, product_digests

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

CONFIG = {
    "output": "results",
    "observations": [{"datasource": "tpf", "input": "one.fits", "catalog": "one.csv", "prf": "model"}],
}
#: The job that makes each product, of those that nothing may need any more.
MAKERS = {
    "prepared/tpf_*.hdf5": "images",
    "prepared/catalog_*.sqlite": "catalog",
    "prepared/targets_*.ecsv": "targets",
    "prepared/movement_tpf_*.hdf5": "movement_kernel",
    "prepared/reference_stars_*.hdf5": "movement_kernel",
    "prepared/prf_*.hdf5": "effective_prf",
    "prepared/movement_refined_*.hdf5": "effective_prf",
    "prepared/unlisted_stars_*.ecsv": "effective_prf",
    "photometry/*/*.hdf5": "psf_photometry",
    "lightcurves/index/*/*.ecsv": "export_light_curves",
    "plots/*/field.png": "plots",
    "report/data/tpf_*.js": "page_data",
    "report/data/*/row*.js": "page_data",
    "report/index.html": "page",
    "report/data/rows_*.js": "page",
}


@pytest.fixture(scope="module")
def whole(snakemake: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing disturbs."""
    from photometry.prf.model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene
    from photometry.simulate.scene_files import write_pixels, write_star_table

    folder = tmp_path_factory.mktemp("whole")
    scene = simulate_scene(SceneSettings(seed=1, cadence_s=120, n_row=11, n_column=11, n_cadence=40), model_prf())
    write_pixels(scene, folder / "one.fits")
    write_star_table(scene, folder / "one.csv")
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 0, result.stdout
    return folder


@pytest.fixture(scope="module")
def undisturbed(whole: Path) -> dict[Path, str]:
    """Digests of its products."""
    return product_digests(whole / "results")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def one_of(folder: Path, pattern: str) -> Path:
    return min((folder / "results").glob(pattern))


def flip(path: Path, place: float = 0.6) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 4
    path.write_bytes(content)


def dates(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "results").rglob("*_lc.fits")}


def test_lost_light_curves_are_made_again_and_only_those(folder, snakemake, undisturbed):
    deleted, emptied, cut, *_ = sorted((folder / "results").rglob("*_lc.fits"))
    before = dates(folder)
    deleted.unlink()
    emptied.write_bytes(b"")
    size = cut.stat().st_size
    os.truncate(cut, size // 2)
    dry = snakemake(folder, "--dry-run", config=CONFIG)
    assert f"{deleted.relative_to(folder)}: is lost (No such file or directory); it is made again" in dry.stdout
    assert f"{cut.relative_to(folder)}: has {size // 2} bytes, {size} were written" in dry.stdout
    assert planned_jobs(dry.stdout)["export_light_curves"] == 1
    result = snakemake(folder, config=CONFIG)
    assert result.returncode == 0, result.stdout
    assert product_digests(folder / "results") == undisturbed
    after = dates(folder)
    assert {name for name in after if after[name] != before[name]} == {deleted.name, emptied.name, cut.name}
    assert "Nothing to be done" in snakemake(folder, config=CONFIG).stdout


def test_verify_finds_changed_products_which_are_made_again(folder, snakemake, undisturbed):
    assert snakemake(folder, "verify", config=CONFIG).returncode == 0
    changed = [
        min((folder / "results").rglob("*_lc.fits")),
        *(one_of(folder, pattern) for pattern in MAKERS if not pattern.startswith(("lightcurves", "prepared/targets"))),
    ]
    for path in changed:
        flip(path)
    before = {name: date for name, date in dates(folder).items() if name != changed[0].name}
    result = snakemake(folder, "verify", config=CONFIG)
    assert result.returncode == 1
    assert f"{len(changed)} of " in result.stdout
    told = (folder / "results/logs/verify.log").read_text()
    for path in changed:
        assert f"ERROR root: {path.relative_to(folder)}: " in told, told
        assert not path.exists()
        assert path.with_name(f".{path.name}.damaged").is_file()
    assert snakemake(folder, config=CONFIG).returncode == 0
    assert product_digests(folder / "results") == undisturbed
    assert {name: date for name, date in dates(folder).items() if name != changed[0].name} == before
    assert snakemake(folder, "verify", config=CONFIG).returncode == 0


def test_everything_in_the_output_is_promised(folder, snakemake, undisturbed):
    for pattern, rule in MAKERS.items():
        path = one_of(folder, pattern)
        path.rename(folder / "aside")
        assert planned_jobs(snakemake(folder, "--dry-run", config=CONFIG).stdout).get(rule), pattern
        (folder / "aside").rename(path)
    for pattern in MAKERS:
        one_of(folder, pattern).unlink()
    assert snakemake(folder, config=CONFIG).returncode == 0
    assert product_digests(folder / "results") == undisturbed
    assert "Nothing to be done" in snakemake(folder, config=CONFIG).stdout


def test_an_index_of_another_version_or_damaged_is_made_again(folder, snakemake, undisturbed):
    index = one_of(folder, "lightcurves/index/*/*.ecsv")
    for spoil in (lambda text: text[: len(text) // 2], lambda text: text.replace("size", "sise"), lambda _text: ""):
        index.write_text(spoil(index.read_text()))
        assert snakemake(folder, config=CONFIG).returncode == 0
        assert product_digests(folder / "results") == undisturbed
