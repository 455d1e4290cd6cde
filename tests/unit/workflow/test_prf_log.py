"""What the log says of the effective PRF."""

import logging
from dataclasses import replace

from photometry.prf.model import model_prf
from photometry.workflow.prf_log import log_prf


def test_it_says_what_was_given_and_what_was_learnt(caplog):
    prf = replace(model_prf(), source="SPOC, learnt from 12 stars, residual of others x 0.31")
    with caplog.at_level(logging.INFO):
        log_prf(prf)
    assert caplog.messages == ["effective PRF: SPOC, learnt from 12 stars, residual of others x 0.31"]
