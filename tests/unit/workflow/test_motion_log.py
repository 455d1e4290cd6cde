"""A motion that was not measured is in the log."""

import logging

import numpy as np
import pytest

from photometry.calibration.kernel import N_MOTION, MovementKernel
from photometry.workflow.motion_log import log_motion

_N_CADENCE = 10
_USABLE = np.arange(_N_CADENCE) >= 2


@pytest.mark.parametrize(
    ("n_bad", "message"),
    [
        (0, ""),
        (2, ""),
        (3, "the motion of 1 of 8 unflagged cadences was not measured but interpolated"),
        (_N_CADENCE, "the motion was not measured in any unflagged cadence"),
    ],
)
def test_what_is_said(caplog, n_bad, message):
    parameters, covariance = np.zeros((_N_CADENCE, N_MOTION)), np.zeros((_N_CADENCE, N_MOTION, N_MOTION))
    bad = np.arange(_N_CADENCE) < n_bad
    with caplog.at_level(logging.INFO):
        log_motion(MovementKernel((0.0, 0.0), 1.0, (0.0, 0.0), parameters, covariance, bad, "pixels"), _USABLE)
    assert caplog.text.count("WARNING") == bool(message)
    assert message in caplog.text
