"""Light curve files as lightkurve reads them."""

import warnings
from pathlib import Path

import numpy as np


def flux(path: Path) -> np.ndarray:
    """Fluxes of the unflagged cadences (n_cadence,), e-/s."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lightkurve

        return np.asarray(lightkurve.read(path, quality_bitmask="hardest").flux.value)
