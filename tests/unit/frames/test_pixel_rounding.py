"""Rounding of backgrounds and errors, and flags of frames."""

import numpy as np

from photometry.core.constants import SATURATION_E_S
from photometry.core.quality import PIXEL_FLAGS, decode
from photometry.frames.frame_flags import FOUND, frame_flags
from photometry.frames.pixel_rounding import BACKGROUND_STEP, rounded_background, rounded_errors


def test_backgrounds_are_multiples_of_a_step():
    background = np.random.default_rng(1).uniform(-20, 3000, (50, 60)).astype(np.float32)
    background[3, 4] = np.nan
    rounded = rounded_background(background)
    assert np.argwhere(np.isnan(rounded)).tolist() == [[3, 4]]
    np.testing.assert_array_equal(rounded[np.isfinite(rounded)] / BACKGROUND_STEP % 1, 0)
    assert np.nanmax(np.abs(rounded - background)) <= BACKGROUND_STEP / 2


def test_errors_keep_four_digits_and_what_is_not_finite():
    errors = (10 ** np.random.default_rng(2).uniform(-2, 4, 1000)).astype(np.float32)
    errors[:3] = np.nan, np.inf, 0.0
    rounded = rounded_errors(errors)
    kept = np.zeros((2, len(errors)), dtype=np.float32)
    assert np.shares_memory(rounded_errors(errors, out=kept[1]), kept)
    np.testing.assert_array_equal(kept, [0 * errors[3:4].repeat(len(errors)), rounded])
    np.testing.assert_array_equal(rounded[:3], errors[:3])
    assert np.max(np.abs(rounded[3:] / errors[3:] - 1)) < 1.3e-4
    assert len(np.unique(rounded.view(np.uint32) & 0x7FF)) == 1


def test_flags_of_a_frame_and_of_a_cadence_without_pixels():
    image = np.array([[1.0, np.nan, 2e5], [0.0, 5.0, 6.0]], dtype=np.float32)
    used = np.array([[True, False, False], [True, True, False]])
    odd, dead = np.zeros((2, 3), dtype=bool), np.zeros((2, 3), dtype=bool)
    odd[1, 2], dead[1, 0] = True, True
    columns = np.array([False, True, False])
    told = ~np.isfinite(image), image >= SATURATION_E_S, used, odd
    flags = frame_flags(dict(zip(FOUND, told, strict=True)), dead, excluded=columns, straps=~columns)
    found = [[decode(PIXEL_FLAGS, int(word)) for word in row] for row in flags]
    assert found[0] == [["used_for_background", "strap"], ["not_measured", "excluded"], ["saturated", "strap"]]
    assert found[1] == [["dead", "strap"], ["excluded"], ["background_anomaly", "strap"]]
    nothing = frame_flags(None, dead, excluded=columns, straps=columns)
    assert decode(PIXEL_FLAGS, int(nothing[1, 0])) == ["not_measured", "dead"]
    assert (nothing & 1).all()
