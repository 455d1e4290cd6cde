"""Settings of the numerics: their defaults, meanings, units and ranges, which stand nowhere else.

The schema of config.yaml (`photometry.workflow.config_schema`) and the checks of the Python interface
(`photometry.interface.user_settings`) are made from the fields; a test keeps config.yaml in step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from photometry.core.constants import N_SCIENCE_ROWS

__all__ = ["CATALOGS", "TMAG_LIMITS", "FitSettings", "MotionSettings", "PrfSettings", "setting"]

#: Range of a limiting magnitude: from the brightest stars of the sky to one that lets every star pass, Tmag.
TMAG_LIMITS = (-5.0, 99.0)
#: Values of `catalog` that are no star table: a job downloads one, and of what.
CATALOGS = {"mast": "the TIC", "gaia": "Gaia DR3"}


def setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
    like: str = "",
) -> Any:
    """Return a dataclass field with what is known of a setting.

    Parameters
    ----------
    default : object
        Its type is that of the setting.
    meaning : str
        What config.yaml and messages say of it; names the unit.
    unit : str
        Unit; empty for names and counts.
    at_least, above, at_most : float, optional
        Smallest value; what values must exceed; largest value. Every number has a range: what lies beyond is a slip of
        the pen, and infinite values would switch off what nobody sees switched off.
    one_of : tuple of str
        Words to choose from; empty for numbers.
    like : str
        Regular expression that a text must match; empty for numbers and words to choose from.
    """
    limits = {"at_least": at_least, "above": above, "at_most": at_most, "one_of": one_of or None, "like": like or None}
    metadata: Mapping[str, Any] = {"meaning": meaning, "unit": unit} | {
        name: limit for name, limit in limits.items() if limit is not None
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How the joint fit of a tile is done.

    Parameters
    ----------
    tmag_limit : float
        Stars brighter than this have a free flux in every cadence; fainter ones are fixed at their catalogue flux.
    tile_size : int
        Largest number of rows and columns of a tile, which is one job of the workflow, pixels.
    joint_size : int
        Largest number of rows and columns whose stars are fitted jointly: a tile is fitted in such parts, pixels. Parts
        with many stars or cadences are smaller (`photometry.fit.subtiles`).
    tile_margin : int
        Pixels around a part that are fitted with it.
    prior_width : float
        Standard deviation of the widest prior of each flux about its mean, that of the first fit, as a fraction of the
        mean.
    node_reach : float
        Largest movement per axis from a node of the expansion, pixels.
    outlier_sigma : float
        Pixels that differ from the model by more standard deviations than this are masked in that cadence.
    cadences_at_once : int
        Cadences in a block: bounds the memory.
    """

    tmag_limit: float = setting(
        16.0,
        "faintest star whose flux is free in every cadence (targets always are), Tmag; others: catalogue flux",
        unit="Tmag",
        at_least=TMAG_LIMITS[0],
        at_most=TMAG_LIMITS[1],
    )
    tile_size: int = setting(
        256,
        "largest number of rows and columns of a tile, which is one job, pixels",
        unit="pixels",
        at_least=8,
        at_most=N_SCIENCE_ROWS,
    )
    joint_size: int = setting(
        128,
        "largest number of rows and columns whose stars are fitted jointly: parts of a tile, pixels "
        "(64 where there are many stars or cadences)",
        unit="pixels",
        at_least=8,
        at_most=N_SCIENCE_ROWS,
    )
    tile_margin: int = setting(
        8,
        "pixels around a part that are fitted with it, at least the reach of the PRF, pixels",
        unit="pixels",
        at_least=7,
        at_most=256,
    )
    prior_width: float = setting(
        0.3,
        "widest prior of each flux, that of the first fit: standard deviation, fraction of the star's mean flux",
        unit="fraction",
        above=0,
        at_most=1000,
    )
    node_reach: float = setting(
        0.04, "largest movement from a node of the expansion, pixels", unit="pixels", above=0, at_most=1
    )
    outlier_sigma: float = setting(
        6.0,
        "deviation from the model that masks a pixel in a cadence, standard deviations",
        unit="standard deviations",
        above=0,
        at_most=1_000_000,
    )
    cadences_at_once: int = setting(256, "cadences in a block, which bounds the memory", at_least=1, at_most=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings:
    """How the movement kernel is measured.

    Parameters
    ----------
    mode : str
        ``affine``: shift, rotation, scale and shear of the region; ``euclidian``: shift and rotation; ``translation``:
        shift alone; ``unchanged``: none; ``wcs``: from the WCS of every full-frame image.
    tmag_limit : float
        Stars brighter than this have a free mean flux; fainter ones are fixed at their catalogue flux.
    tile_size : int
        Largest number of rows and columns that are worked on at once, pixels.
    n_free : int
        Most stars of a tile whose mean flux is free, the brightest; the others are fixed at their catalogue flux.
    n_patch : int
        Of a CCD, as many tiles along each side are measured, spread evenly, where bright stars are; smaller regions are
        measured whole.
    n_round : int
        Rounds of mean fluxes and motion, at most; they end when the motion has settled.
    """

    mode: str = setting(
        "affine",
        "what moves: affine (shift, rotation, scale, shear) | euclidian | translation | unchanged | wcs (FFIs')",
        one_of=("affine", "euclidian", "translation", "unchanged", "wcs"),
    )
    tmag_limit: float = setting(
        16.0,
        "faintest star whose mean flux is free, Tmag; fainter ones stay at their catalogue flux",
        unit="Tmag",
        at_least=TMAG_LIMITS[0],
        at_most=TMAG_LIMITS[1],
    )
    tile_size: int = setting(
        64,
        "largest number of rows and columns that are worked on at once, pixels",
        unit="pixels",
        at_least=8,
        at_most=N_SCIENCE_ROWS,
    )
    n_free: int = setting(
        1500,
        "most stars of a tile whose mean flux is free, the brightest; others stay at their catalogue flux",
        at_least=1,
        at_most=1_000_000,
    )
    n_patch: int = setting(
        4,
        "of a CCD, as many tiles along each side are measured, where bright stars are; smaller regions whole",
        at_least=1,
        at_most=64,
    )
    n_round: int = setting(3, "rounds of mean fluxes and motion, at most", at_least=1, at_most=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrfSettings:
    """How the effective PRF is learnt.

    Parameters
    ----------
    learn : bool
        Learn a correction of the PRF from the data, and find stars that the table lacks.
    n_round : int
        Rounds of correction, fluxes and motion, at most; they end when the correction has settled.
    """

    learn: bool = setting(True, "learn what the PRF and the star table lack, where stars show it")
    n_round: int = setting(12, "rounds of correction, fluxes and motion, at most", at_least=1, at_most=100)
