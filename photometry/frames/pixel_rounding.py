"""Rounding of pixel series to what they mean, so that they compress: random last bits are most of a file."""

import numpy as np
import numpy.typing as npt

__all__ = ["BACKGROUND_STEP", "ERROR_BITS", "rounded_background", "rounded_errors"]

#: Step of stored backgrounds, e-/s: a hundredth of the noise of a 30 min frame's darkest pixel.
BACKGROUND_STEP = 1 / 128
#: Bits of the mantissa of stored errors: they are right to 1.2e-4 of themselves.
ERROR_BITS = 12
_MANTISSA_BITS = 23


def rounded_background(background: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a background in multiples of `BACKGROUND_STEP`; NaN stays NaN."""
    steps = background * np.float32(1 / BACKGROUND_STEP)
    np.rint(steps, out=steps)
    steps *= np.float32(BACKGROUND_STEP)
    return steps


def rounded_errors(
    errors: npt.NDArray[np.float32], out: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.float32]:
    """Return positive numbers rounded to `ERROR_BITS` bits of mantissa, in `out` if given; what is not finite stays."""
    dropped = _MANTISSA_BITS - ERROR_BITS
    rounded = np.empty_like(errors) if out is None else out
    words = rounded.view(np.uint32)
    np.add(errors.view(np.uint32), np.uint32(1 << (dropped - 1)), out=words)
    words &= np.uint32((0xFFFFFFFF << dropped) & 0xFFFFFFFF)
    other = np.flatnonzero(~np.isfinite(errors))
    np.put(rounded, other, errors.ravel()[other])
    return rounded
