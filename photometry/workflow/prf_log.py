"""What the log of a job says of the effective PRF."""

import logging

from photometry.prf.prf_grid import PrfGrid

__all__ = ["log_prf"]

_log = logging.getLogger(__name__)


def log_prf(prf: PrfGrid) -> None:
    """Say which PRF was given and what was learnt of it: from how many stars, and how well it predicts others.

    Parameters
    ----------
    prf : PrfGrid
        The effective PRF.
    """
    _log.info("effective PRF: %s", prf.source)
