"""Fixtures of the workflow's tests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from running import SOURCES, Run, run_snakemake

from photometry.core.errors import PhotometryError
from photometry.workflow.run_plan import plan_run


@pytest.fixture(scope="session")
def snakemake() -> Run:
    """Run Snakemake in a folder."""
    return run_snakemake


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a small simulated cutout (pixels.fits), its star table (stars.csv), its truth and PRF files (prf)."""
    from photometry.prf.model import model_prf
    from photometry.simulate import SceneSettings, simulate_scene
    from photometry.simulate.scene_files import write_pixels, write_prf_folder, write_star_table, write_truth

    folder, prf = tmp_path_factory.mktemp("field"), model_prf()
    settings = SceneSettings(seed=5, n_row=24, n_column=24, n_cadence=40, n_pairs=2, faintest_tmag=16.5)
    scene = simulate_scene(settings, prf)
    write_pixels(scene, folder / "pixels.fits")
    write_star_table(scene, folder / "stars.csv")
    write_truth(scene, folder / "truth.hdf5")
    write_prf_folder(prf, folder / "prf", settings.sector, settings.camera, settings.ccd)
    return folder


@pytest.fixture
def mine(field: Path, tmp_path: Path) -> Path:
    """A copy of the simulated field that a test may damage."""
    return Path(shutil.copytree(field, tmp_path / "mine"))


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".snakemake" not in path.parts}


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict], str]:
    """Plan a run in a folder of its own, make sure that it is refused and leaves nothing; return why."""

    def refuse(config: dict) -> str:
        before = files_in(tmp_path)
        (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(PhotometryError) as error:
            plan_run(yaml.safe_load((tmp_path / "my.yaml").read_text()), "my.yaml", SOURCES)
        assert files_in(tmp_path) - before == {tmp_path / "my.yaml"}
        return " ".join(str(error.value).split())

    return refuse


@pytest.fixture
def refused_by_snakemake(snakemake: Run, tmp_path: Path) -> Callable[[dict], str]:
    """Run Snakemake, make sure that it stops before any job and leaves nothing; return what it said."""

    def refuse(config: dict) -> str:
        before = files_in(tmp_path)
        result = snakemake(tmp_path, config=config)
        assert result.returncode == 1, result.stdout
        assert "Job stats" not in result.stdout
        assert "Traceback" not in result.stdout
        assert files_in(tmp_path) - before == {tmp_path / "my.yaml"}
        return " ".join(result.stdout.split())

    return refuse
