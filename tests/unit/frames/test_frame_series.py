"""The series of cadences that the frames of a CCD make."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.core.times import TimeOffset
from photometry.frames.frame_series import (
    OK,
    STATUSES,
    Frame,
    frame_series,
    merge_quality,
    sorted_frames,
    wrong_pointings,
)

STEP = 1799.99934 / 86400


def frame(number, **changes):
    start = 1325.3 + STEP * number
    good = Frame(
        name=f"f{number:03d}",
        clock_s=1800.0 * number,
        index=4697 + number,
        start=start,
        end=start + STEP,
        barycorr=1e-3 + 1e-6 * number,
        release=(1, "spoc-3"),
        exposure="30 min",
        wcs="wcs",
    )
    return replace(good, **changes)


def series(frames):
    return frame_series(sorted_frames(frames, 1800))


def statuses(frames):
    return {item.name: item.status for item in sorted_frames(frames, 1800)}


def test_frames_are_sorted_and_gaps_named():
    found = series([frame(number) for number in (5, 0, 1, 9, 2)])
    np.testing.assert_array_equal(found.cadenceno - 4697, [0, 1, 2, 5, 9])
    np.testing.assert_array_equal(found.missing - 4697, [3, 4, 6, 7, 8])
    assert found.good.all()
    assert not found.quality.any()


def test_a_file_that_cannot_be_read_stays_a_cadence_with_the_time_of_its_number():
    bad = Frame("f003", clock_s=5400.4).failed("unreadable", "is truncated")
    found = series([frame(0), frame(1), bad, frame(4)])
    np.testing.assert_array_equal(found.cadenceno - 4697, [0, 1, 3, 4])
    np.testing.assert_array_equal(found.good, [True, True, False, True])
    np.testing.assert_array_equal(found.quality, [0, 0, 128, 0])
    assert found.start[2] == pytest.approx(1325.3 + 3 * STEP, abs=1e-9)
    assert found.end[2] == pytest.approx(1325.3 + 4 * STEP, abs=1e-9)
    assert found.barycorr[2] == pytest.approx(1e-3 + 3e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("clock_s", "words"),
    [
        (1800.0 * 4 + 365 * 86400, "is truncated; the date in its name is 365.0 d from the frames that can be read"),
        (-10 * 86400.0, "the date in its name is 10.0 d from"),
        (np.nan, "is truncated; its name has no date either"),
    ],
)
def test_a_file_that_cannot_be_read_and_has_a_wrong_date_is_left_out(clock_s, words):
    """Else the series would be longer by a year, and the stars where they are half a year later."""
    bad = Frame("f003", clock_s=clock_s).failed("unreadable", "is truncated")
    found = series([frame(0), frame(1), bad, frame(4)])
    np.testing.assert_array_equal(found.cadenceno - 4697, [0, 1, 4])
    np.testing.assert_array_equal(found.missing - 4697, [2, 3])
    assert [(item.name, item.status) for item in found.left_out] == [("f003", "wrong_name")]
    assert words in found.left_out[0].reason


def test_a_good_frame_whose_name_has_no_date_counts():
    found = series([frame(0), frame(1, clock_s=np.nan), frame(2)])
    np.testing.assert_array_equal(found.cadenceno - 4697, [0, 1, 2])
    assert found.good.all()


def test_bad_frames_at_the_ends_are_extrapolated():
    bad = [Frame(f"f{number:03d}", clock_s=1800.0 * number).failed("unreadable", "x") for number in (0, 4)]
    found = series([bad[0], frame(1), frame(2), frame(3), bad[1]])
    np.testing.assert_allclose(found.start, 1325.3 + STEP * np.arange(5), atol=1e-9)


def test_of_duplicates_the_first_without_fault_counts():
    first = frame(1, name="bad").failed("wrong_shape", "cut")
    found = series([frame(0), first, frame(1), frame(1, name="again")])
    assert [item.name for item in found.frames] == ["f000", "f001"]
    assert [(item.name, item.status) for item in found.left_out] == [("again", "duplicate"), ("bad", "duplicate")]
    assert "same cadence as f001" in found.left_out[0].reason


def test_the_release_of_most_frames_counts_and_of_equally_many_the_latest():
    new = (42, "spoc-5")
    many = [frame(number) for number in range(3)]
    assert statuses([*many, frame(3, release=new)])["f003"] == "other_release"
    both = [*many, *(frame(number, name=f"n{number}", release=new) for number in range(3))]
    assert [item.name for item in series(both).frames] == ["n0", "n1", "n2"]


def test_other_exposures_and_wrong_times_are_cadences_without_pixels():
    frames = [frame(number) for number in range(12)]
    frames[3] = replace(frames[3], exposure="2 min")
    frames[7] = replace(frames[7], start=frames[7].start + 5, end=frames[7].end + 5)
    found = series(frames)
    assert [item.status for item in found.frames if item.status != OK] == ["other_exposure", "wrong_time"]
    np.testing.assert_allclose(found.start, 1325.3 + STEP * np.arange(12), atol=1e-9)


def test_versions_of_the_pipeline_within_a_release_count_as_one():
    frames = [frame(number, release=(47, "spoc-5.0.20" if number < 3 else "spoc-5.0.21")) for number in range(5)]
    assert set(statuses(frames).values()) == {OK}
    # Of a release that came twice, times are right in one version and not in the other.
    wrong = [frame(number, release=(27, "first"), offset=TimeOffset(-2, -2, -2)) for number in range(2)]
    assert statuses([*wrong, *(frame(number, release=(27, "second")) for number in (2, 3))]) == {
        "f000": "other_release",
        "f001": "other_release",
        "f002": OK,
        "f003": OK,
    }


@pytest.mark.parametrize("wrong", [0, 5, 11])
@pytest.mark.parametrize("index", [0, 4700, 9_999_999])
def test_a_wrong_number_is_told_and_replaced_by_that_of_the_name(wrong, index):
    frames = [frame(number) for number in range(12) if number != 3]
    place = [item.index for item in frames].index(4697 + wrong)
    frames[place] = replace(frames[place], index=index)
    found = series([*frames, Frame("f003", clock_s=5400.0).failed("unreadable", "x")])
    np.testing.assert_array_equal(found.cadenceno, 4697 + np.arange(12))
    assert [item.name for item in found.frames if item.status == "wrong_time"] == [f"f{wrong:03d}"]
    np.testing.assert_allclose(found.start, 1325.3 + STEP * np.arange(12), atol=1e-9)


@pytest.mark.parametrize("wrong", [0, 11])
def test_a_wrong_time_at_the_end_of_the_sector_is_found(wrong):
    frames = [frame(number) for number in range(12)]
    frames[wrong] = replace(frames[wrong], start=frames[wrong].start + 5, end=frames[wrong].end + 5)
    assert [item.status for item in series(frames).frames].index("wrong_time") == wrong


def test_too_few_frames_are_an_error():
    with pytest.raises(ValueError, match="1 of 2 frames can be used"):
        series([frame(0), frame(1).failed("unreadable", "x")])


def test_the_reference_is_unflagged_with_a_wcs_near_the_middle():
    frames = [frame(number) for number in range(9)]
    frames[4] = replace(frames[4], wcs="")
    frames[5] = replace(frames[5], quality=32)
    frames[3] = frames[3].failed("wrong_shape", "cut")
    found = series(frames)
    order = found.reference_order(found.quality)
    assert set(order[:2]) == {2, 6}
    assert order[-1] == 5
    assert not set(order) & {3, 4}


def test_a_wcs_that_points_elsewhere_is_left_out():
    frames = [frame(number, sky=(359.99 + number % 2 * 0.02, -60.0)) for number in range(5)]
    frames[2] = replace(frames[2], sky=(5.0, -60.0))
    found = wrong_pointings(frames)
    assert [item.wcs for item in found] == ["wcs", "wcs", "", "wcs", "wcs"]
    assert found[2].status == OK
    assert "2.5 deg off" in found[2].reason


def test_flags_of_short_cadences_that_concern_the_ccd_are_added():
    start = np.array([10.0, 11.0, 13.0])
    quality = np.array([0, 4, 0], dtype=np.int32)
    time = np.array([10.1, 10.2, 11.5, 12.5, 13.5, np.nan, 9.0])
    short = np.array([32, 64, 1 | 512, 8, 16 | 4096, 2, 2])
    merged = merge_quality(start, start + 1, quality, time, short)
    np.testing.assert_array_equal(merged, [32, 4 | 1, 16])
    np.testing.assert_array_equal(quality, [0, 4, 0])


def test_every_status_says_what_happens():
    assert all(STATUSES.values())
