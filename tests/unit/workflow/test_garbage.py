"""Garbage in settings, star tables and headers is accepted or refused with the name of the file, never a traceback.

The cases are drawn from a seed: `GARBAGE_CASES` and `GARBAGE_SEED` in the environment give more and others.
"""

import os
import random
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from ffi_builder import AREA, FfiBuilder
from garbage import damaged_header, mutated_bytes, settings_of, settings_text, write_table
from pixel_file_builder import cutout, tpf
from running import ROOT, SOURCES, config_of

from photometry.core.errors import PhotometryError
from photometry.io.ffi.ffi_headers import parse_name, read_frame
from photometry.io.fits.fits_files import open_fits
from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.stars.star_tables import read_star_table
from photometry.io.stars.target_tables import read_target_table
from photometry.workflow.config_files import check_config_files
from photometry.workflow.run_plan import plan_run

CASES, SEED = int(os.environ.get("GARBAGE_CASES", "100")), int(os.environ.get("GARBAGE_SEED", "0"))
#: A case that takes longer has found something without a bound, s.
LONGEST = 10.0
#: What is said of a file that the settings name, by any name.
NAMED_BY_SETTINGS = (": no such f", ": expected a folder", " in this folder", ": cannot be read")
N_STAR = 12
STARS = {
    "ID": [900000001 + number for number in range(N_STAR)],
    "ra": [84.0 + 0.002 * (number % 4) for number in range(N_STAR)],
    "dec": [-80.0 + 0.002 * (number // 4) for number in range(N_STAR)],
    "pmRA": [1.5 * number for number in range(N_STAR)],
    "pmDEC": [-0.5 * number for number in range(N_STAR)],
    "Tmag": [8.0 + 0.5 * number for number in range(N_STAR)],
    "Teff": [4000.0 + 100 * number for number in range(N_STAR)],
    "disposition": ["SPLIT" if number == 3 else "" for number in range(N_STAR)],
}


def survive(case: Callable[[random.Random], None], *named: str) -> None:
    """Run a case with every seed; collect those that end with an exception which is no message, or take for ever."""
    problems = []
    for seed in range(SEED, SEED + CASES):
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as in a run, where they are no errors
                case(random.Random(f"{case.__name__} {seed}"))
        except PhotometryError as error:
            said = str(error)
            if not any(name in said for name in named):
                problems.append(f"seed {seed}: no file is named: {type(error).__name__}: {said[:200]}")
            if len(said) > 6000:
                problems.append(f"seed {seed}: a message of {len(said)} characters: {said[:200]}")
        except Exception as error:  # noqa: BLE001  what is looked for
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/photometry/" in frame.filename]
            place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "here"
            problems.append(f"seed {seed}: {type(error).__name__}: {str(error)[:200]} ({place})")
        if time.perf_counter() - start > LONGEST:
            problems.append(f"seed {seed}: takes {time.perf_counter() - start:.0f} s")
    assert not problems, f"{len(problems)} of {CASES}:\n" + "\n".join(problems[:40])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a cutout and its star table, the working directory."""
    cutout(shape=(6, 11, 11)).write(tmp_path / "pixels.fits")
    rows = zip(*STARS.values(), strict=True)
    (tmp_path / "stars.csv").write_text("\n".join(",".join(map(str, row)) for row in (STARS, *rows)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def whole_settings() -> dict:
    """Settings with every section."""
    shown = yaml.safe_load((ROOT / "config.yaml").read_text())
    scenes = {"a": {"sky": 100.0, "n_cadence": 20, "extra_tmags": [9.0], "noise": True}}
    ccds = {"b": {"n_cadence": 20, "bad_frames": ["nan"]}}
    own = {"observations": config_of(Path())["observations"]}
    return shown | own | {"simulate": {"folder": "data", "prf": "model", "scenes": scenes, "ccds": ccds}}


@pytest.mark.usefixtures("folder")
def test_settings():
    base = whole_settings()

    def settings(rng: random.Random) -> None:
        plan_run(settings_of(rng, base), "my.yaml", SOURCES)

    survive(settings, "my.yaml", "pixels.fits", "stars.csv", *NAMED_BY_SETTINGS)


@pytest.mark.usefixtures("folder")
def test_text_of_settings():
    base = whole_settings()

    def text(rng: random.Random) -> None:
        Path("my.yaml").write_bytes(settings_text(rng, base))
        try:
            config = yaml.safe_load(Path("my.yaml").read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError):
            return  # Snakemake reads it first, and refuses it
        if isinstance(config, dict):
            check_config_files(["my.yaml"])
            plan_run(config, "my.yaml", SOURCES)

    survive(text, "my.yaml", "pixels.fits", "stars.csv", *NAMED_BY_SETTINGS)


@pytest.mark.usefixtures("folder")
def test_tables_of_observations():
    lines = ["datasource,input,catalog,prf,targets,tmag_limit", *["tesscut,pixels.fits,stars.csv,model,all,14.0"] * 2]

    def observations(rng: random.Random) -> None:
        content = mutated_bytes(rng, "\n".join(lines[: rng.choice((2, 2, 3))]).encode(rng.choice(("utf-8", "utf-16"))))
        Path("table.csv").write_bytes(content)
        plan_run({"output": "results", "observations": "table.csv"}, "my.yaml", SOURCES)

    survive(observations, "my.yaml", "table.csv", "pixels.fits", "stars.csv", *NAMED_BY_SETTINGS)


@pytest.mark.usefixtures("folder")
def test_star_tables():
    def stars(rng: random.Random) -> None:
        write_table(rng, STARS, Path("table.dat"))
        table = read_star_table("table.dat").table
        assert len(table)
        assert (np.diff(table["starid"]) > 0).all()
        assert (table["starid"] > 0).all()
        assert np.isfinite(table[["ra_J2000", "decl_J2000", "pm_ra", "pm_decl", "tmag"]]).all(axis=None)

    survive(stars, "table.dat")


@pytest.mark.usefixtures("folder")
def test_tables_of_targets():
    def targets(rng: random.Random) -> None:
        write_table(rng, {name: STARS[name] for name in ("ID", "Tmag")}, Path("table.dat"))
        numbers = read_target_table("table.dat")
        assert len(numbers)
        assert (np.diff(numbers) > 0).all()

    survive(targets, "table.dat")


@pytest.mark.parametrize("kind", ["tesscut", "tpf"])
def test_headers_of_pixel_files(folder, kind):
    path = {"tesscut": cutout, "tpf": tpf}[kind](checksum=False).write(folder / "whole.fits")
    content = path.read_bytes()

    def headers(rng: random.Random) -> None:
        Path("a.fits").write_bytes(damaged_header(rng, content))
        file = inspect_pixel_file("a.fits", kind)
        cube = read_pixels("a.fits", kind)
        assert file.stamp == cube.header.stamp
        assert np.isfinite(cube.header.time).all()

    survive(headers, "a.fits")


def test_bytes_of_pixel_files(folder):
    content = cutout().write(folder / "whole.fits").read_bytes()

    def damage(rng: random.Random) -> None:
        Path("a.fits").write_bytes(mutated_bytes(rng, content))
        read_pixels("a.fits", "tesscut")

    survive(damage, "a.fits")


def test_headers_of_frames(folder):
    path = FfiBuilder(folder).write(0)
    content = path.read_bytes()

    def frames(rng: random.Random) -> None:
        path.write_bytes(damaged_header(rng, content))
        name = parse_name(path)
        assert name is not None
        frame = read_frame(name, AREA)
        assert (frame.status == "ok") or frame.reason
        with open_fits(path):
            pass

    survive(frames, path.name)
