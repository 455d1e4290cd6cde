"""What a job says of a star table that does not fit the pixels, or may not."""

from collections.abc import Callable, Sequence
from pathlib import Path

from photometry.calibration.table_check import StampCheck
from photometry.calibration.table_verdict import table_verdict
from photometry.core.datasources import region_title
from photometry.core.errors import CatalogError
from photometry.io.stars.star_files import table_of_stars

__all__ = ["doubt_of_table"]


def doubt_of_table(
    checks: Sequence[StampCheck], path_stars: str | Path, region: str, tell: Callable[[str], None]
) -> str:
    """Refuse a star table that does not fit the pixels; tell of one that may not, and return why.

    Parameters
    ----------
    checks : sequence of StampCheck
        Parts of the region.
    path_stars : path-like
        Stars of the region; they know the name of their table.
    region : str
        Name of the region.
    tell : callable
        Says something on the terminal and in the log.

    Raises
    ------
    CatalogError
        When the star table does not fit.
    """
    verdict, table = table_verdict(checks), table_of_stars(path_stars)
    if verdict.problem:
        raise CatalogError(table, f"does not fit the pixels of {region_title(region)}: {verdict.problem}")
    if verdict.doubt:
        tell(f"Warning: {table}: may not fit the pixels of {region_title(region)}: {verdict.doubt}")
    return verdict.doubt
