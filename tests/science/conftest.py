"""Fields that are simulated and measured once."""

from dataclasses import replace

import pytest
from measured_fields import Field, measured_field
from scenes import make_scene

from photometry.core.cube import Cube
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene, perturbed_prf


@pytest.fixture(scope="session")
def prf() -> PrfGrid:
    """The built-in PRF."""
    return model_prf()


@pytest.fixture(scope="session")
def one_prf(prf: PrfGrid) -> PrfGrid:
    """The built-in PRF of one corner, everywhere."""
    return replace(
        prf, rows=prf.rows[:1], columns=prf.columns[:1], samples=prf.samples[:1, :1], errors=prf.errors[:1, :1]
    )


@pytest.fixture(scope="session")
def quick(one_prf: PrfGrid) -> tuple[Scene, Cube]:
    """A small field that fits in a blink."""
    return make_scene(one_prf)


@pytest.fixture(scope="session")
def medium(prf: PrfGrid) -> Field:
    """Medium density with all defects, the PRF known."""
    return measured_field(prf, prf)


@pytest.fixture(scope="session")
def medium_unknown_prf(prf: PrfGrid) -> Field:
    """The same field with a true PRF that is blurred and skewed."""
    return measured_field(perturbed_prf(prf), prf)


@pytest.fixture(scope="module")
def accuracy(repository):
    """Module `benchmarks.accuracy`; the benchmarks are run from the repository's root and are not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repository)
        from benchmarks import accuracy

        yield accuracy
