"""Rows of the summary, packed for the table of the page, and which of them are on a page together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.pages.packing import numbers, texts, unpacked

__all__ = ["COMPARED", "NUMBERS", "TEXTS", "compared_with", "pack_rows", "page_groups", "status_counts"]

#: Columns of the summary that the page has, and how they are stored.
NUMBERS = {
    "starid": "f8",
    "tmag": "f4",
    "row": "f4",
    "column": "f4",
    "median_flux": "f4",
    "mean_flux_syst": "f4",
    "rms_hour": "f4",
    "ptp": "f4",
    "variability": "f4",
    "noise": "f4",
    "noise_hour": "f4",
    "background": "f4",
    "contamination": "f4",
    "blend_correlation": "f4",
    "chi2": "f4",
    "chi2_mean": "f4",
    "mean_misfit": "f4",
    "n_finite": "i4",
    "n_unflagged": "i4",
    "star_flags": "i4",
}
TEXTS = ("status", "reason", "region", "tile", "file")
#: Columns that the summary has not: how far PSF and aperture flux are apart (`packed_tiles.ApertureComparison`), ppm.
COMPARED = ("sap_level", "sap_scatter")
#: Rows of a page, at most, where it is not one CCD.
_MOST_ROWS = 30_000


def page_groups(numbers_of_rows: Mapping[str, int], whole_ccds: frozenset[str]) -> list[list[str]]:
    """Return the regions of each page: a CCD has its own; smaller regions are put together.

    Parameters
    ----------
    numbers_of_rows : mapping of str to int
        Rows of each region, in the order of the pages.
    whole_ccds : frozenset of str
        Regions that are CCDs.
    """
    groups: list[list[str]] = []
    room = 0
    for region, number in numbers_of_rows.items():
        if region in whole_ccds:
            groups.append([region])
            room = 0
        elif number <= room:
            groups[-1].append(region)
            room -= number
        else:
            groups.append([region])
            room = _MOST_ROWS - number
    return groups


def status_counts(status: npt.NDArray[np.object_]) -> dict[str, int]:
    """Return how many rows have each status, by its name."""
    return dict(sorted(Counter(status.tolist()).items()))


def compared_with(starid: npt.NDArray[np.int64], region: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float32]]:
    """Return `COMPARED` for stars of a region.

    Parameters
    ----------
    starid : (n_row,) int64
        TIC numbers.
    region : mapping
        What `photometry.pages.packed_regions.pack_region` packed.

    Returns
    -------
    dict of str to (n_row,) float32
        NaN for stars without a light curve.
    """
    packed = {name: unpacked(values) for name, values in region["comparison"].items()}
    order = np.argsort(packed["starid"], kind="stable")
    known = packed["starid"][order].astype(np.int64)
    place = np.minimum(np.searchsorted(known, starid), max(len(known) - 1, 0))
    if not len(known):
        return {name: np.full(len(starid), np.nan, dtype=np.float32) for name in COMPARED}
    found = known[place] == starid
    values = (packed[name.removeprefix("sap_")][order][place] for name in COMPARED)
    return {name: np.where(found, each, np.float32(np.nan)) for name, each in zip(COMPARED, values, strict=True)}


def pack_rows(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Pack rows of the summary.

    Parameters
    ----------
    columns : mapping of str to (n_row,) array
        `NUMBERS` and `TEXTS` of the rows, as in the summary, and `COMPARED`.

    Returns
    -------
    dict
        ``n``, and the columns by name. In the names of files the TIC number is ``{id}``, its first five digits
        ``{top}``: then few differ.
    """
    starid = columns["starid"].astype(np.int64)
    named = {name: columns[name].tolist() for name in TEXTS}
    named["file"] = _templates(named["file"], starid)
    return {
        "n": len(starid),
        **{name: numbers(columns[name], kind) for name, kind in NUMBERS.items()},
        **{name: numbers(columns[name]) for name in COMPARED},
        **{name: texts(values) for name, values in named.items()},
    }


def _templates(files: Sequence[str], starid: npt.NDArray[np.int64]) -> list[str]:
    """Return names of files with the TIC number taken out."""
    digits = [f"{number:011d}" for number in starid.tolist()]
    return [
        name.replace(f"tess{number}", "tess{id}").replace(f"/{number[:5]}/", "/{top}/")
        for name, number in zip(files, digits, strict=True)
    ]
