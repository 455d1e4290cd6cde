"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest

# Before numpy is imported: tests run side by side, one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that run Snakemake: side by side, the longest files would else be the last."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tess_data() -> Path:
    """Folder with real TESS files; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("TESS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "tpf" / "tpf1.fits").is_file():
        pytest.skip(f"no real TESS files in {folder}; set TESS_TEST_DATA to their folder")
    return folder
