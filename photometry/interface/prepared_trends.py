"""What is taken off a target's flux: trends that the workflow has prepared."""

from pathlib import Path

import numpy as np

from photometry.core.cube import CubeHeader
from photometry.io.products.trend_files import read_trends
from photometry.lightcurve.corrections import Correction, Uncorrected, WithoutTrends

__all__ = ["prepared_correction"]


def prepared_correction(path: Path | None, header: CubeHeader) -> Correction:
    """Return the correction by the trends of a file.

    Parameters
    ----------
    path : Path or None
        The file; None where there is none.
    header : CubeHeader
        Header of the pixels.
    """
    if path is None:
        return Uncorrected("no trends were prepared")
    trends = read_trends(path)
    if not np.array_equal(trends.cadenceno, header.cadenceno):
        return Uncorrected("the trends have other cadences than the pixels")
    return WithoutTrends(trends)
