"""Stars that the table lacks are in the log."""

import logging

import numpy as np
import pytest

from photometry.core.stars import NO_STARS, Stars
from photometry.workflow.unlisted_log import log_unlisted


@pytest.mark.parametrize(
    ("stars", "message"),
    [
        (NO_STARS, "the pixels show no star that is not in the star table"),
        (
            Stars(np.array([-1, -2, -3]), np.zeros(3), np.zeros(3), np.array([14.0, 12.346, 13.0])),
            "3 stars on the pixels are not in the star table, the brightest of T = 12.35",
        ),
    ],
    ids=["none", "three"],
)
def test_what_is_said(caplog, stars, message):
    with caplog.at_level(logging.INFO):
        log_unlisted(stars)
    assert message in caplog.text
    assert caplog.text.count("INFO") == 1
