"""What the log of a job says of stars that the star table lacks."""

import logging

from photometry.core.stars import Stars

__all__ = ["log_unlisted"]

_log = logging.getLogger(__name__)


def log_unlisted(stars: Stars) -> None:
    """Say how many stars on the pixels the star table lacks, and how bright they are.

    Parameters
    ----------
    stars : Stars
        What was found in the pixels.
    """
    if len(stars):
        _log.info(
            "%d stars on the pixels are not in the star table, the brightest of T = %.2f; they are fitted with the "
            "others and have no light curves",
            len(stars),
            stars.tmag.min(),
        )
    else:
        _log.info("the pixels show no star that is not in the star table")
