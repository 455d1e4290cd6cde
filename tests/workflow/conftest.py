"""Fixtures of the workflow's tests."""

from pathlib import Path

import pytest
from running import Run, run_snakemake


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
