"""What the agreement of pixels and star table means: fluxes that mean nothing, or something to be told of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from photometry.calibration.table_check import CheckedStar, StampCheck
from photometry.core.stars import LIGHT_REACH
from photometry.core.wording import number_of

__all__ = ["TableVerdict", "table_verdict"]

#: A common shift that is wrong, and one to be told of, pixels: the fit finds offsets of up to a pixel by itself. Both
#: gain more than this; with no source that does not saturate, a shift has to be larger, as bleed trails are not light
#: of the PRF.
_WRONG_SHIFT, _DOUBTFUL_SHIFT, _WRONG_SHIFT_OF_WINGS = 1.2, 0.8, 2.0
_WRONG_GAIN, _DOUBTFUL_GAIN = 2.0, 1.5
#: Sources that the table says nothing of, and their share of all: wrong when there are many; when there are few, half
#: of all with half of the light. The TIC lacks 1 to 2 % of the stars that the pixels show.
_MANY_LACKING, _LACKING_SHARE = 5, 0.15
_FEW_LACKING, _MOST_SHARE, _MUCH_LIGHT = 2, 0.5, 0.5
#: Wrong, whatever the table has beside them: most of the light unexplained; with so many bright stars dark, less of it.
_MOST_LIGHT = 0.6
_LIGHT_OF_OTHERS, _DARK_SHARE = 0.25, 0.15
#: To be told of: such shares of the sources, or of their light, are not explained; of the bright stars, are dark.
_TOLD_SHARE, _TOLD_LIGHT, _TOLD_DARK = 0.05, 0.1, 0.05


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """Whether a star table fits the pixels.

    Parameters
    ----------
    problem : str
        Why it does not, and what to do; empty where it does.
    doubt : str
        What is to be told of it; empty where nothing is.
    """

    problem: str
    doubt: str


def table_verdict(checks: Sequence[StampCheck]) -> TableVerdict:
    """Judge a star table.

    Parameters
    ----------
    checks : sequence of StampCheck
        Parts of a region: all of its pixels, or some all over a CCD.
    """
    problem = _shift(checks) or _no_star(checks) or _missing(checks) or _other_field(checks)
    return TableVerdict(problem, "" if problem else "; ".join(_doubts(checks)))


def _no_star(checks: Sequence[StampCheck]) -> str:
    """Say that no star of the table is on the pixels, unless they show none and it has some beside them."""
    beside = any(check.faintest > -math.inf for check in checks) and not any(check.n_source for check in checks)
    if beside or any(check.n_star for check in checks):
        return ""
    shown = f", which show {_sources(checks)}" if any(check.n_source for check in checks) else ""
    return f"none of its stars lies on the pixels{shown}; {_give_all('this part of the sky')}"


def _shift(checks: Sequence[StampCheck]) -> str:
    """Say that the stars of the table are beside the light."""
    wrong = [
        check
        for check in checks
        if check.shift.length > (_WRONG_SHIFT if check.n_source else _WRONG_SHIFT_OF_WINGS)
        and check.shift.gain > _WRONG_GAIN
    ]
    if len(wrong) < min(2, len(checks)):
        return ""
    worst = max(wrong, key=lambda check: check.shift.length)
    where = f" in {len(wrong)} of {len(checks)} parts, most of all in {_pixels(worst)}" if len(checks) > 1 else ""
    dark = f", at TIC {worst.dark.starid} (T = {worst.dark.tmag:.1f}) it is dark" if worst.dark else ""
    return (
        f"the stars are {worst.shift.rows:g} rows and {worst.shift.columns:g} columns from where it and the WCS of the "
        f"pixels place them{where}{dark}; ra and dec have to be J2000, in degrees, with proper motions in columns of "
        "their own; if they are, the WCS is wrong: fetch the pixels again"
    )


def _missing(checks: Sequence[StampCheck]) -> str:
    """Say that the table is too small or not deep enough."""
    lacking, sources = (sum(getattr(check, name) for check in checks) for name in ("n_lacking", "n_source"))
    light = _unexplained_share(checks)
    many = lacking >= _MANY_LACKING and lacking >= _LACKING_SHARE * sources
    most = lacking >= _FEW_LACKING and lacking >= _MOST_SHARE * sources and light >= _MUCH_LIGHT
    # Part of a CCD that the table does not cover.
    empty = [
        check
        for check in checks
        if check.n_lacking >= 2 * _MANY_LACKING and check.n_lacking >= _MOST_SHARE * check.n_source
    ]
    if not many and not most and not empty:
        return ""
    where = (
        f", most of all in {_pixels(max(empty, key=lambda check: check.n_lacking))}"
        if len(checks) > 1 and empty
        else ""
    )
    return (
        f"it lacks {lacking} of {sources} stars that the pixels show{where}, the brightest {_brightest(checks)}; its "
        f"faintest star there has T = {max(check.faintest for check in checks):.1f}; {_give_all('the pixels')}"
    )


def _other_field(checks: Sequence[StampCheck]) -> str:
    """Say that the table's stars and the pixels' have nothing in common."""
    unexplained, bright, dark = (
        sum(getattr(check, name) for check in checks) for name in ("n_unexplained", "n_bright", "n_dark")
    )
    light = _unexplained_share(checks)
    others = dark >= max(_DARK_SHARE * bright, 1) and light >= _LIGHT_OF_OTHERS and (dark >= 2 or dark == bright)
    if not others and not (unexplained >= 2 and light >= _MOST_LIGHT):
        return ""
    first = min((check.dark for check in checks if check.dark), key=lambda star: star.tmag, default=None)
    there = (
        f", and at {dark} of its {bright} bright stars, TIC {first.starid} (T = {first.tmag:.1f}) first, it is dark"
        if first
        else ""
    )
    return (
        f"it does not explain {light:.0%} of the light of the {_sources(checks)} that the pixels show{there}: it is of "
        "another field, or its ra and dec are not J2000 in degrees, or tmag is no TESS magnitude; "
        f"{_give_all('the pixels')}"
    )


def _doubts(checks: Sequence[StampCheck]) -> list[str]:
    """Say what is to be told of a table that can be used."""
    unexplained, sources, bright, dark, sides = (
        sum(getattr(check, name) for check in checks)
        for name in ("n_unexplained", "n_source", "n_bright", "n_dark", "empty_sides")
    )
    doubts = []
    # Wings of a star that saturates are not round, and its trail has taken light along.
    least = [_DOUBTFUL_SHIFT if check.n_source else _WRONG_SHIFT_OF_WINGS for check in checks]
    shifted = [c.shift for c, length in zip(checks, least, strict=True) if c.shift.length > length]
    shifted = [shift for shift in shifted if shift.gain > _DOUBTFUL_GAIN]
    if len(shifted) > _TOLD_SHARE * len(checks):
        worst = max(shifted, key=lambda shift: shift.length)
        doubts.append(f"the stars are {worst.rows:g} rows and {worst.columns:g} columns from where it places them")
    several = unexplained >= 2 and unexplained > _TOLD_SHARE * sources
    if several or (unexplained and _unexplained_share(checks) > _TOLD_LIGHT):
        doubts.append(f"it lacks {unexplained} of {_sources(checks)} that the pixels show, {_brightest(checks)} first")
    if dark >= 2 and dark > _TOLD_DARK * bright:
        doubts.append(f"{dark} of its {bright} bright stars on the pixels are where it is dark")
    if sides:
        doubts.append(
            f"it has no star within {LIGHT_REACH} px beside the pixels on {number_of(sides, 'side')} and may end there"
        )
    return doubts


def _unexplained_share(checks: Sequence[StampCheck]) -> float:
    """Share of the sources' light that the table does not explain."""
    light = sum(check.light for check in checks)
    return sum(check.unexplained_light for check in checks) / light if light else 0.0


def _sources(checks: Sequence[StampCheck]) -> str:
    return f"{sum(check.n_source for check in checks)} stars"


def _brightest(checks: Sequence[StampCheck]) -> str:
    """Name the brightest source that the table lacks."""
    found: list[CheckedStar] = [check.missing for check in checks if check.missing is not None]
    first = min(found, key=lambda star: star.tmag)
    return f"at row {first.row:.0f}, column {first.column:.0f} (T about {first.tmag:.1f})"


def _pixels(check: StampCheck) -> str:
    stamp = check.stamp
    return f"rows {stamp.row_min} to {stamp.row_max - 1}, columns {stamp.col_min} to {stamp.col_max - 1}"


def _give_all(place: str) -> str:
    return f"give all stars to T=16 of {place} and {LIGHT_REACH} px around (key 'catalog')"
