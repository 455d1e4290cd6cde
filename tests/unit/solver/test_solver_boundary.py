"""The boundary of the solver: others know what it offers (`NodeSolver`), not what it keeps."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from photometry.solver.chosen_solver import SOLVER
from photometry.solver.conjugate_gradient import CadenceEquations
from photometry.solver.node_solver import NodeSolver
from photometry.solver.node_system import NodeSystem
from photometry.solver.normal_equations import NormalEquations

_ROOT = Path(__file__).resolve().parents[3]
_OUTSIDE = [
    path
    for folder in ("photometry", "scripts", "benchmarks")
    for path in sorted((_ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(_ROOT / "photometry" / "solver")
]
#: Modules of the solver that others import.
_DOORS = {"photometry.solver.chosen_solver", "photometry.solver.node_solver"}
_OFFERED = {name for name in vars(NodeSolver) if not name.startswith("_")}
#: What is kept inside.
_INNER = {field.name for kept in (NormalEquations, CadenceEquations, NodeSystem) for field in fields(kept)} - _OFFERED
#: Names that others have for things of their own (covariance of the motion, weights of stars, ...): private where they
#: are read from a system.
_USUAL = {"covariance", "scale", "information", "precision", "weights", "common", "design", "variance", "n_star"}
_SYSTEMS = {"system", "systems", "like", "factored", "solver", "normal", "normals", "equations"}


def _last_name(node: ast.expr) -> str:
    """Name of what an attribute is read from: `b` of `a.b`, `b[k]`, `b()`."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def reads_of_matrices(text: str) -> list[str]:
    """Reads of what a solver keeps for itself, in the source of a module."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr in _INNER
        and (node.attr not in _USUAL or _last_name(node.value) in _SYSTEMS)
    ]


def imports_of_inner_modules(text: str) -> set[str]:
    """Modules of the solver that a module imports and that are no door."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "photometry.solver":
            found |= {f"photometry.solver.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {name for name in found if name.startswith("photometry.solver") and name not in _DOORS}


def test_nobody_else_reads_its_matrices():
    assert {str(path): found for path in _OUTSIDE if (found := reads_of_matrices(path.read_text()))} == {}


def test_nobody_else_imports_its_inner_modules():
    assert {str(path): found for path in _OUTSIDE if (found := imports_of_inner_modules(path.read_text()))} == {}


@pytest.mark.parametrize(
    "read",
    [
        "system.covariance",
        "fit.system.covariance[0]",
        "systems[0].scale",
        "like.information",
        "len(system.precision)",
        "fit.own_prior",
        "anything.common_factor",
        "system._normal",
        "fit.system.weights",
        "SOLVER.factored(node, common, weights, precision).covariance",
    ],
)
def test_reads_of_matrices_are_found(read):
    assert len(reads_of_matrices(read)) == 1


@pytest.mark.parametrize(
    "read", ["kernel.covariance", "mean.information", "scene.precision", "system.leverage", "system.variance(which)"]
)
def test_what_is_offered_and_what_is_not_the_solvers_may_be_read(read):
    assert reads_of_matrices(read) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import photometry.solver.normal_equations",
        "from photometry.solver import node_system",
        "from photometry.solver.flux_errors import flux_variance",
    ],
)
def test_imports_of_inner_modules_are_found(statement):
    assert len(imports_of_inner_modules(statement)) == 1


def test_the_solver_offers_what_is_agreed_and_no_more():
    assert {name for name in vars(SOLVER) if not name.startswith("_")} == _OFFERED
