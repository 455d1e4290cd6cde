"""Known defects of frames."""

import numpy as np
import pandas as pd
import pytest

from photometry.core.geometry import Stamp
from photometry.frames.known_defects import defects_of, excluded_frames, excluded_pixels, strap_columns

AREA = Stamp(0, 2048, 44, 2092)


def test_mars_spoils_output_d_of_one_ccd_at_the_beginning_of_sector_1():
    defects = defects_of(1, 1, 4, 1800)
    spoilt = excluded_pixels(defects, 4724, AREA)
    np.testing.assert_array_equal(np.flatnonzero(spoilt), np.arange(1536, 2048))
    assert not excluded_pixels(defects, 4725, AREA).any()
    assert not excluded_frames(defects, np.array([4697, 4724])).any()
    np.testing.assert_array_equal(
        excluded_pixels(defects, 4700, Stamp(0, 10, 1570, 1590)), np.arange(1570, 1590) >= 1580
    )


def test_earth_shine_spoils_whole_frames_of_camera_1():
    for ccd in (1, 2, 3, 4):
        bad = excluded_frames(defects_of(5, 1, ccd, 1800), np.array([11353, 11354, 11366, 11367]))
        np.testing.assert_array_equal(bad, [False, True, True, False])


@pytest.mark.parametrize("ccd", [(1, 2, 4, 1800), (5, 4, 1, 1800), (60, 1, 4, 200)])
def test_others_are_spared(ccd):
    defects = defects_of(*ccd)
    assert not excluded_frames(defects, np.array([4700, 11360])).any()
    assert not excluded_pixels(defects, 4700, AREA).any()


def test_straps_are_pairs_and_mirrored():
    straps = strap_columns(AREA)
    assert straps.sum() == 116
    assert (straps != straps[::-1]).sum() <= 8
    np.testing.assert_array_equal(strap_columns(Stamp(0, 5, 120, 124)), [True, True, False, False])


@pytest.mark.realdata
def test_straps_are_the_list_in_use(tess_data):
    listed = pd.read_csv(tess_data / "geometry/tessreduce_tess_straps.csv", encoding="utf-8-sig")["Column"]
    expected = set(listed.replace(874, 974))
    assert {int(column) + 1 for column in np.flatnonzero(strap_columns(AREA))} == expected
