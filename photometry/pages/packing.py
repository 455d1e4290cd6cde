"""Arrays and texts as JSON that any browser reads: numbers as base64, series as deflated 16-bit integers."""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "MISSING",
    "Quantised",
    "call_of",
    "content_of",
    "deflated",
    "json_text",
    "numbers",
    "quantised",
    "restored",
    "rounded",
    "texts",
    "unpacked",
]

#: Integer of a value that is missing.
MISSING = -32768
#: Largest integer: one below it says that a value lies beyond the range.
_LARGEST = 32767
#: Strength of the compression (1 to 9): more takes twice the time for 2 % of the size.
_LEVEL = 4
#: What closes a script, begins a comment or ends a line in HTML or JavaScript; only texts can contain it.
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
#: The function that a data file calls (photometry/pages/static/data.js).
_CALL = "tessPsf.add("


class Quantised(tuple[npt.NDArray[np.int16], npt.NDArray[np.float64], npt.NDArray[np.float64]]):
    """Integers (n, m), and zero and step (n,) of each row: value = zero + step * integer."""


def json_text(content: Any) -> str:
    """Return JSON without blanks that can stand in a script of a page: no text in it ends the script."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def call_of(key: str, content: Any) -> str:
    """Return the JavaScript that hands content over to the page under a key."""
    return f"{_CALL}{json_text(key)},\n{json_text(content)});\n"


def content_of(script: str) -> Any:
    """Return the content that `call_of` wrote; ValueError where it did not."""
    start, end = script.find(",\n"), script.rfind(");")
    if not script.startswith(_CALL) or end < start:
        raise ValueError("is no data of a page")
    return json.loads(script[start + 2 : end])


def rounded(value: float, digits: int = 7) -> float | None:
    """Return a number with so many significant digits; None where it is not finite."""
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def numbers(values: npt.ArrayLike, kind: str = "f4") -> dict[str, str]:
    """Return an array as base64 of little-endian numbers of a kind: ``f4``, ``f8``, ``i4``, ``u1``.

    JavaScript has no integers of 64 bits beside its numbers: TIC numbers are ``f8``, which holds them exactly.
    """
    raw = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"kind": kind, "base64": base64.b64encode(raw).decode("ascii")}


def unpacked(packed: Mapping[str, str]) -> npt.NDArray[Any]:
    """Return the array that `numbers` packed."""
    return np.frombuffer(base64.b64decode(packed["base64"]), dtype=f"<{packed['kind']}")


def texts(values: Sequence[str]) -> dict[str, Any]:
    """Return texts, few of which differ, as a list of those and the place of each in it."""
    known = {text: place for place, text in enumerate(sorted(set(values)))}
    return {"texts": list(known), "places": numbers([known[text] for text in values], "i4")}


def quantised(
    values: npt.NDArray[np.floating[Any]],
    finest: npt.NDArray[np.floating[Any]],
    within: npt.NDArray[np.bool_] | None = None,
) -> Quantised:
    """Round rows of values to 16 bits.

    Parameters
    ----------
    values : (n, m) float
        NaN and infinity are missing.
    finest : (n,) float
        Smallest step of a row, above zero; it is wider where the row's range needs it.
    within : (n, m) bool, optional
        Values that must not be clipped [default: all]; half of their range more on both sides is kept. Others beyond
        that are put to its edge.

    Returns
    -------
    Quantised
        Values are within half a step of what is restored.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    counted = finite if within is None or not values.size else finite & within
    # A row where nothing counts has the range of all that is finite.
    counted = np.where(counted.any(axis=1, keepdims=True), counted, finite)
    low = np.min(values, axis=1, where=counted, initial=np.inf)
    high = np.max(values, axis=1, where=counted, initial=-np.inf)
    empty = ~counted.any(axis=1)
    low[empty], high[empty] = 0.0, 0.0
    margin = 0.0 if within is None else 0.5
    zero = (low + high) / 2
    step = np.maximum(
        np.where(np.isfinite(finest) & (finest > 0), finest, 0.0), (0.5 + margin) * (high - low) / _LARGEST
    )
    step[step == 0] = 1.0
    # Both are stored with seven digits; what is rounded is rounded with these.
    zero, step = (np.array([float(f"{value:.7g}") for value in each]) for each in (zero, step * (1 + 1e-6)))
    scaled = np.where(finite, np.rint((np.where(finite, values, 0.0) - zero[:, None]) / step[:, None]), MISSING)
    integers = np.where(finite, np.clip(scaled, -_LARGEST, _LARGEST), MISSING).astype("<i2")
    return Quantised((integers, zero, step))


def restored(packed: Quantised) -> npt.NDArray[np.float64]:
    """Return the values of `quantised`, NaN where they are missing."""
    integers, zero, step = packed
    return np.where(integers == MISSING, np.nan, zero[:, None] + step[:, None] * integers)


def deflated(parts: Sequence[npt.NDArray[Any]]) -> str:
    """Return arrays one after the other, deflated (zlib), as base64.

    Of numbers of 16 bits the low bytes come first, then the high ones, most of which are alike.
    """
    raw = b"".join(_planes(part) for part in parts)
    return base64.b64encode(zlib.compress(raw, _LEVEL)).decode("ascii")


def _planes(part: npt.NDArray[Any]) -> bytes:
    if part.dtype.itemsize == 1:
        return part.tobytes()
    octets = np.ascontiguousarray(part).reshape(-1).view(np.uint8).reshape(-1, part.dtype.itemsize)
    return np.ascontiguousarray(octets.T).tobytes()
