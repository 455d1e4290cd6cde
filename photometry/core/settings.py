"""Settings of the numerics, with their defaults, which the configuration's schema repeats; a test keeps them equal."""

from dataclasses import dataclass

__all__ = ["FitSettings", "MotionSettings", "PrfSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How the joint fit of a tile is done.

    Parameters
    ----------
    tmag_limit : float
        Stars brighter than this have a free flux in every cadence; fainter ones are held at their catalogue flux.
    tile_size : int
        Largest number of rows and columns of a tile, which is one job of the workflow, pixels.
    joint_size : int
        Largest number of rows and columns whose stars are fitted jointly: a tile is fitted in such parts, pixels. Parts
        with many stars or cadences are smaller (`photometry.fit.subtiles`).
    tile_margin : int
        Pixels around a part that are fitted with it.
    prior_width : float
        Standard deviation of the prior of each flux about its mean, as a fraction of the mean.
    node_reach : float
        Largest movement per axis from a node of the expansion, pixels.
    outlier_sigma : float
        Pixels that differ from the model by more standard deviations than this are masked in that cadence.
    cadences_at_once : int
        Cadences in a block: bounds the memory.
    """

    tmag_limit: float = 16.0
    tile_size: int = 256
    joint_size: int = 128
    tile_margin: int = 8
    prior_width: float = 0.3
    node_reach: float = 0.04
    outlier_sigma: float = 6.0
    cadences_at_once: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings:
    """How the movement kernel is measured.

    Parameters
    ----------
    mode : str
        ``affine``: shift, rotation, scale and shear of the region; ``euclidian``: shift and rotation; ``translation``:
        shift alone; ``unchanged``: none; ``wcs``: from the WCS of every full-frame image.
    tmag_limit : float
        Stars brighter than this have a free mean flux; fainter ones are held at their catalogue flux.
    tile_size : int
        Largest number of rows and columns that are worked on at once, pixels.
    n_free : int
        Most stars of a tile whose mean flux is free, the brightest; the others are held at their catalogue flux.
    n_patch : int
        Of a CCD, as many tiles along each side are measured, spread evenly, where bright stars are; smaller regions are
        measured whole.
    n_round : int
        Rounds of mean fluxes and motion.
    """

    mode: str = "affine"
    tmag_limit: float = 16.0
    tile_size: int = 64
    n_free: int = 1500
    n_patch: int = 4
    n_round: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PrfSettings:
    """How the effective PRF is learnt.

    Parameters
    ----------
    learn : bool
        Learn a correction from the data.
    n_round : int
        Rounds of correction, fluxes and motion, at most; they end when the correction has settled.
    """

    learn: bool = True
    n_round: int = 12
