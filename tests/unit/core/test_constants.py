"""Numbers of the detector and of its files have one definition."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from photometry.core.constants import FRAME_SHAPE, FRAME_TIME_S, INT_TIME_S, OUTPUTS, READ_TIME_S
from photometry.core.geometry import SCIENCE_AREA, Stamp, collected_flags, output_index
from photometry.core.quality import APERTURE_FLAGS, bit, decode

PHOTOMETRY = Path(__file__).resolve().parents[3] / "photometry"
MODULES = sorted(PHOTOMETRY.rglob("*.py"))
#: Numbers that mean one thing, wherever they stand, and where they stand for another.
ELSEWHERE = {
    2078: set(),
    2136: set(),
    2047: {"prf/prf_grid.py"},  # places of SPOC's PRF files
    2048: {"core/quality.py", "calibration/motion_fit.py"},  # a flag; cadences of a block
    2091: {"prf/prf_grid.py"},
    2092: set(),
    1.98: set(),
}
#: Names that a second definition would have, and where the first is.
NAMES = {
    r"\w*(FRAME|FRM)_(TIME_)?S": "core/constants.py",
    r"\w*(READ|TRANSFER)_(TIME_)?S": "core/constants.py",
    r"\w*INT_TIME(_S)?": "core/constants.py",
    r"\w*(FRAME_SHAPE|FULL_FRAME)": "core/constants.py",
    r"\w*SCIENCE(_AREA)?": "core/geometry.py",
    r"\w*(CAMERA|CCD)_(STAGGER|DELAY)_S": "core/times.py",
    r"_?(COLLECTED|OUTPUT_A|IN_APERTURE)": "core/quality.py",
}


def place(path: Path) -> str:
    return path.relative_to(PHOTOMETRY).as_posix()


@cache
def numbers(path: Path) -> set[float]:
    constants = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    return {node.value for node in constants if type(node.value) in (int, float)}


@cache
def assigned(path: Path) -> set[str]:
    """Names that a module assigns numbers to."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            found |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


@pytest.mark.parametrize("number", ELSEWHERE)
def test_numbers_of_the_detector_stand_in_one_place(number):
    allowed = ELSEWHERE[number] | {"core/constants.py"}
    assert [place(path) for path in MODULES if place(path) not in allowed and number in numbers(path)] == []


@pytest.mark.parametrize("pattern", NAMES)
def test_no_module_defines_them_under_a_name_of_its_own(pattern):
    others = [path for path in MODULES if place(path) != NAMES[pattern]]
    assert [(place(path), name) for path in others for name in assigned(path) if re.fullmatch(pattern, name)] == []


def test_bits_of_the_aperture_are_not_written_as_numbers():
    """Nor is a bit of an output made by shifting."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and "output" in ast.unparse(node):
                assert not re.search(r"\b32\b", ast.unparse(node)), f"{place(path)}: {ast.unparse(node)}"


def test_frames_and_science_area_fit_together():
    assert SCIENCE_AREA.shape == (2048, 2048)
    assert (SCIENCE_AREA.row_max + 30, SCIENCE_AREA.col_max + 44) == FRAME_SHAPE
    assert pytest.approx(INT_TIME_S + READ_TIME_S) == FRAME_TIME_S


def test_flags_of_the_aperture_are_bits_and_those_of_outputs_in_their_order():
    assert [flag.value for flag in APERTURE_FLAGS] == [2**k for k in range(len(APERTURE_FLAGS))]
    flags = collected_flags(Stamp(3, 5, 554, 558))
    assert flags.tolist() == [[33, 33, 65, 65]] * 2
    assert decode(APERTURE_FLAGS, int(flags[0, 2])) == ["collected", "output_b"]
    outputs = [bit(APERTURE_FLAGS, f"output_{name.lower()}") for name in OUTPUTS]
    assert outputs == [32 << int(output_index(44 + 512 * k)) for k in range(4)]
