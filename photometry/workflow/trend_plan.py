"""Whether trends of a region are looked for, known before any job."""

from pathlib import Path

from photometry.trends.reference_stars import FEWEST_STARS, TMAG_RANGE
from photometry.workflow.star_plan import StarPlan

__all__ = ["GIVEN_WORDS", "looks_for_trends", "trend_files", "why_uncorrected"]

#: Values of the setting `trends` that name no files.
GIVEN_WORDS = ("learn", "none")


def trend_files(given: str) -> list[str]:
    """Return the files that are given with trends: the file itself, or all FITS files of a folder."""
    path = Path(given)
    return sorted(map(str, path.glob("*.fits"))) if path.is_dir() else [str(path)]


def looks_for_trends(setting: str, plan: StarPlan | None) -> bool:
    """Tell whether a region has trends: given, or learnt where the star table has enough stars for that.

    Parameters
    ----------
    setting : str
        The setting `trends`.
    plan : StarPlan or None
        Stars of the region; None where a job has yet to download them.
    """
    if setting == "learn":
        return plan is None or plan.n_bright >= FEWEST_STARS
    return setting != "none"


def why_uncorrected(setting: str, plan: StarPlan | None) -> str:
    """Return why light curves of a region are not corrected; empty where its trends decide."""
    if looks_for_trends(setting, plan):
        return ""
    if setting == "none":
        return "trends: none"
    first, last = TMAG_RANGE
    return f"too few stars for trends: {FEWEST_STARS} of T = {first:g} to {last:g} are needed"
