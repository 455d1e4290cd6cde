"""The documented interface: its examples run, every name has one, and its reference is what the docstrings say."""

import doctest
import importlib
import importlib.util
import json
import re
from itertools import groupby
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from demo_folder import write_demo
from nbclient import NotebookClient
from PIL import Image

from photometry import BasePhotometry

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/api.md"
TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.ipynb"))
#: Names that the interface promises beside methods and properties.
ATTRIBUTES = (
    *("starid", "input_folder", "output_folder", "datasource", "plot", "cadence", "cache", "version"),
    *("sector", "camera", "ccd", "header", "additional_headers", "final_phot_mask", "final_position_mask"),
    *("lightcurve", "settings", "target_pos_row", "target_pos_column", "details"),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which the demo was run."""
    root = tmp_path_factory.mktemp("demo")
    write_demo(root, ROOT / "demo/simulate.yaml")
    return root


def test_examples_of_the_guide_run(demo, monkeypatch):
    monkeypatch.chdir(demo)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) > 10
    names: dict[str, object] = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/api.md, example {number}", "exec"), names)
    plt.close("all")
    for path in ("lightcurve.png", "blend.png", "psf.png"):
        assert (demo / path).stat().st_size > 5000
    (written,) = (demo / "results/lightcurves").rglob("*_lc.fits")
    assert written.relative_to(demo).as_posix() in GUIDE.read_text()


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorials_run_and_are_kept_with_their_pictures(demo, path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    kept = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in kept)
    assert str(ROOT) not in path.read_text()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(demo)}}).execute()
    made = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    # What two prints in a row say comes in one piece or in two, as the kernel has time.
    of_made, of_kept = ([kind for kind, _ in groupby(one.output_type for one in outputs)] for outputs in (made, kept))
    assert of_made == of_kept


def test_the_picture_of_the_readme_is_what_the_demo_makes(demo):
    spec = importlib.util.spec_from_file_location("make_picture", ROOT / "docs/make_picture.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PICTURE.stat().st_size < 200_000
    name = made.PICTURE.relative_to(ROOT).as_posix()
    assert (ROOT / "README.md").read_text().index(f"]({name})") < 1500
    with Image.open(made.PICTURE) as image:
        kept = dict(image.text)
    _, now = made.picture(demo / "demo/results/prepared", demo / "demo/data/cutout_truth.hdf5")
    again = "make demo, then python docs/make_picture.py"
    assert (kept["scene"], kept["drawing"]) == (now["scene"], now["drawing"]), again
    shown, found = json.loads(kept["numbers"]), json.loads(now["numbers"])
    assert shown == pytest.approx(found, abs=0.01), again
    # What the picture is to show.
    assert shown["depth of constant star, aperture"] > 0.1
    assert shown["depth of constant star, psf"] < 0.005
    assert shown["depth of eclipsing binary, aperture"] < 0.7 * shown["depth of eclipsing binary, truth"]
    assert shown["depth of eclipsing binary, psf"] == pytest.approx(shown["depth of eclipsing binary, truth"], abs=0.01)


def test_tutorials_are_listed():
    assert len(TUTORIALS) == 2
    listed = (ROOT / "docs/README.md").read_text()
    assert all(f"](tutorials/{path.name})" in listed for path in TUTORIALS)


def test_the_first_example_has_ten_lines():
    first = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    assert len([line for line in first.splitlines() if line.strip()]) <= 10
    assert "PSFPhotometry(" in first
    assert "savefig" in first


def test_guide_and_reference_are_linked_from_the_readme():
    text = (ROOT / "README.md").read_text()
    assert "](docs/api.md)" in text
    assert "](docs/api_reference.md)" in text


def test_every_name_is_in_the_guide():
    text = "\n".join(re.findall(r"`+(?:python\n)?(.*?)`+", GUIDE.read_text(), re.DOTALL))
    public = [name for name in dir(BasePhotometry) if not name.startswith("_")]
    assert len(public) > 25
    for name in (*public, *ATTRIBUTES):
        assert re.search(rf"\b{name}\b", text), name


@pytest.mark.parametrize("name", ["image_kernels", "psf_target", "stamp_psf", "user_settings"])
def test_examples_of_docstrings_run(demo, name, tmp_path):
    module = importlib.import_module(f"photometry.interface.{name}")
    extra = {"star": 900000014, "prepared": demo / "demo/results/prepared", "output": tmp_path}
    results = doctest.testmod(module, extraglobs=extra, optionflags=doctest.ELLIPSIS)
    assert results.attempted > 1
    assert results.failed == 0


def test_reference_is_what_the_docstrings_say():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert (ROOT / "docs/api_reference.md").read_text() == made.reference(), "run: python docs/make_reference.py"
