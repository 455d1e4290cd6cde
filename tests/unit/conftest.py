"""Fixtures that the tests of the Python interface share."""

import interface_cases
import pytest
from interface_cases import REAL, SIMULATED, Case


@pytest.fixture(
    scope="session", params=[*SIMULATED, *(pytest.param(name, marks=pytest.mark.realdata) for name in REAL)]
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A target of every kind, one after the other."""
    tess_data = request.getfixturevalue("tess_data") if request.param in REAL else None
    return getattr(interface_cases, request.param)(tmp_path_factory.mktemp(request.param), tess_data)
