"""Motion from the WCS of full-frame images."""

import numpy as np
import pytest
from astropy.wcs import WCS

from photometry.calibration.wcs_motion import kernel_of_wcs
from photometry.core.errors import FitError
from photometry.core.geometry import Stamp

_STAMP = Stamp(0, 2048, 44, 2092)
#: A distortion that folds the sky, so that there is no way back from it.
_SIP_WITHOUT_INVERSE = (
    "".join(f"{key:8}= {value:>20}".ljust(80) for key, value in {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 0.02}.items()),
)


def _header(row=0.0, column=0.0, turn=0.0):
    """WCS of a frame whose stars are moved by (row, column) and turned by `turn` (rad) about the middle."""
    center = np.array([1067.5, 1023.5])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [80.0, -60.0]
    wcs.wcs.crpix = center + 1 + [column, row]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.cd = 21 / 3600 * np.diag([-1.0, 1.0]) @ rotation.T
    return wcs.to_header_string()


def test_shift_and_roll_are_found():
    moves = [(0.0, 0.0, 0.0), (0.05, -0.02, 0.0), (-0.05, 0.02, 1e-5), (0.0, 0.0, -1e-5)]
    headers = [_header(*move) for move in moves]
    kernel = kernel_of_wcs(headers, headers[0], _STAMP, np.ones(4, dtype=bool))
    row, column = kernel.shifts([1523.5, 1023.5], [1067.5, 567.5])
    turn = np.array([move[2] for move in moves])
    # A place 500 px along the rows moves along the columns when the camera rolls, and the other way round.
    np.testing.assert_allclose(row[0] - row[0].mean(), [0.0, 0.05, -0.05, 0.0], atol=1e-6)
    np.testing.assert_allclose(column[0] - column[0].mean(), [0.0, -0.02, 0.02, 0.0] - 500 * turn, atol=1e-6)
    np.testing.assert_allclose(row[1] - row[1].mean(), [0.0, 0.05, -0.05, 0.0] - 500 * turn, atol=1e-6)
    assert kernel.source == "wcs"
    assert not kernel.bad.any()


def test_frames_without_a_wcs_are_interpolated_and_bad():
    headers = [_header(row=0.0), "", _header(row=0.2)]
    kernel = kernel_of_wcs(headers, headers[0], _STAMP, np.ones(3, dtype=bool))
    np.testing.assert_allclose(kernel.parameters[:, 0], [-0.1, 0.0, 0.1], atol=1e-6)
    np.testing.assert_array_equal(kernel.bad, [False, True, False])


def test_a_wcs_that_cannot_be_used_makes_its_cadence_bad_and_does_not_end_the_job():
    distorted = _header().replace("RA---TAN", "RA---TAN-SIP").replace("DEC--TAN", "DEC--TAN-SIP")
    for damaged in ("A_ORDER = 2".ljust(80), "A_ORDER =  'abc'".ljust(80), *_SIP_WITHOUT_INVERSE):
        headers = [_header(row=0.0), distorted + damaged, _header(row=0.2)]
        kernel = kernel_of_wcs(headers, headers[0], _STAMP, np.ones(3, dtype=bool))
        np.testing.assert_allclose(kernel.parameters[:, 0], [-0.1, 0.0, 0.1], atol=1e-6)
        np.testing.assert_array_equal(kernel.bad, [False, True, False])


def test_no_wcs_at_all_is_refused():
    with pytest.raises(FitError, match="no unflagged cadence has one"):
        kernel_of_wcs(["", ""], _header(), _STAMP, np.ones(2, dtype=bool))
