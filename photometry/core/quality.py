"""Flags: one registry for each kind, with its bits, names and meanings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "APERTURE_FLAGS",
    "BITMASKS",
    "FFI_RELEVANT",
    "PIXEL_FLAGS",
    "PIXEL_QUALITY",
    "STAR_FLAGS",
    "TESS_QUALITY",
    "UNUSABLE",
    "Flag",
    "bit",
    "bitmask_of",
    "decode",
    "flagged",
    "is_usable",
]


@dataclass(frozen=True, slots=True)
class Flag:
    """One bit of a flag word."""

    value: int
    name: str
    meaning: str


#: QUALITY of a cadence (SDPDD, table 32), as SPOC sets it.
TESS_QUALITY = (
    Flag(1, "attitude_tweak", "attitude tweak"),
    Flag(2, "safe_mode", "safe mode"),
    Flag(4, "coarse_point", "spacecraft in coarse point"),
    Flag(8, "earth_point", "spacecraft in Earth point"),
    Flag(16, "argabrightening", "argabrightening event"),
    Flag(32, "desaturation", "reaction wheel desaturation"),
    Flag(64, "aperture_cosmic", "cosmic ray in optimal aperture pixel"),
    Flag(128, "manual_exclude", "manual exclude"),
    Flag(256, "discontinuity", "discontinuity corrected"),
    Flag(512, "impulsive_outlier", "impulsive outlier removed before cotrending"),
    Flag(1024, "collateral_cosmic", "cosmic ray in collateral data"),
    Flag(2048, "straylight", "stray light of Earth or Moon in the camera"),
    Flag(4096, "straylight2", "stray light predicted, data not used to derive corrections"),
    Flag(8192, "planet_search_exclude", "scattered light, cadence excluded from planet search"),
    Flag(16384, "bad_calibration", "bad calibration, cadence excluded"),
    Flag(32768, "insufficient_targets", "insufficient targets for error correction"),
)

#: Flags that concern all pixels of the CCD: the pointing, or a decision for everything. The others are of one target's
#: pixels, or of what corrections of light curves and a search for planets leave out (docs/conventions.md, bit by bit).
FFI_RELEVANT = (
    "attitude_tweak",
    "safe_mode",
    "coarse_point",
    "earth_point",
    "argabrightening",
    "desaturation",
    "manual_exclude",
    "bad_calibration",
)

#: The image APERTURE of TESS products (SDPDD, table 22): what each pixel is for, and the CCD output that reads it.
APERTURE_FLAGS = (
    Flag(1, "collected", "collected by the spacecraft"),
    Flag(2, "in_aperture", "in the aperture of the target"),
    Flag(4, "background", "used to model the background"),
    Flag(8, "flux_centroid", "used for the flux-weighted centroid"),
    Flag(16, "prf_centroid", "used for the PRF centroid"),
    Flag(32, "output_a", "read by CCD output A"),
    Flag(64, "output_b", "read by CCD output B"),
    Flag(128, "output_c", "read by CCD output C"),
    Flag(256, "output_d", "read by CCD output D"),
)

#: pixel_flags of a cube.
PIXEL_FLAGS = (
    Flag(1, "not_measured", "no value in this cadence"),
    Flag(2, "dead", "no useful value in any cadence"),
    Flag(4, "saturated", "at or above full well, or in a bleed trail"),
    Flag(8, "used_for_background", "used to model the large-scale background"),
    Flag(16, "background_anomaly", "the background is not what its model says"),
    Flag(32, "excluded", "spoilt by a known defect; the image is NaN"),
    Flag(64, "strap", "column over a metal strap"),
)

#: PIXEL_QUALITY of a star in a cadence.
PIXEL_QUALITY = (
    Flag(1, "not_fitted", "cadence could not be fitted; flux is NaN"),
    Flag(2, "masked_pixels", "pixels of the star are masked: not measured or dead"),
    Flag(4, "cosmic_ray", "a pixel of the star was rejected as outlier"),
    Flag(8, "saturated", "pixels of the star saturate or bleed; the sum of the trail is fitted"),
    Flag(16, "motion_uncertain", "motion of the cadence was not measured but interpolated"),
    Flag(32, "large_motion", "stars are far from their usual place"),
    Flag(64, "poor_model", "the pixels disagree with the model"),
)

#: Flags of a star, all cadences.
STAR_FLAGS = (
    Flag(1, "saturated", "star saturates; the sum of its bleed trail is fitted"),
    Flag(2, "inseparable", "the data cannot separate the star from a neighbour"),
    Flag(4, "edge", "part of the star's light lies outside the pixels, or charge of its bleed trail does"),
    Flag(8, "dead_pixels", "dead or never measured pixels under the star"),
    Flag(16, "not_measurable", "too little of the star's light lies on usable pixels"),
    Flag(32, "poor_model", "the pixels disagree with the model"),
    Flag(64, "static_misfit", "the mean image disagrees with the model"),
    Flag(128, "mean_uncertain", "for that reason the mean flux may be wrong by more than 10 %"),
    Flag(256, "motion_unknown", "the motion was not measured in most unflagged cadences"),
    Flag(
        512, "unlisted_neighbour", "a star that the star table lacks is within 1 px, with a tenth of the light or more"
    ),
    Flag(1024, "table_doubtful", "the star table may not fit the pixels of the region"),
    Flag(2048, "no_pixels", "no pixel around the star is measured in any cadence"),
)


def bit(registry: tuple[Flag, ...], name: str) -> int:
    """Return the value of the flag `name`; KeyError when there is none."""
    for flag in registry:
        if flag.name == name:
            return flag.value
    raise KeyError(f"no flag {name!r}, only {', '.join(flag.name for flag in registry)}")


def decode(registry: tuple[Flag, ...], word: int) -> list[str]:
    """Return the names of the flags that are set in `word`."""
    return [flag.name for flag in registry if word & flag.value]


#: Bits of QUALITY with which a cadence is used for no mean, no motion and no PRF.
UNUSABLE = sum(bit(TESS_QUALITY, name) for name in FFI_RELEVANT)
#: What the setting `quality_bitmask` can name. The bit for cadences without pixels is in all of them.
BITMASKS = {"none": bit(TESS_QUALITY, "manual_exclude"), "default": UNUSABLE, "hardest": 2**31 - 1}


def bitmask_of(choice: str | int) -> int:
    """Return the bits that the setting `quality_bitmask` stands for: a name of `BITMASKS`, or the bits themselves."""
    return BITMASKS[choice] if isinstance(choice, str) else choice | BITMASKS["none"]


def is_usable(quality: npt.ArrayLike, bitmask: int = UNUSABLE) -> npt.NDArray[np.bool_]:
    """Tell which cadences have none of the bits of the bitmask in their QUALITY."""
    return np.asarray((np.asarray(quality) & bitmask) == 0, dtype=np.bool_)


def flagged(registry: tuple[Flag, ...], words: npt.ArrayLike, *names: str) -> npt.NDArray[np.bool_]:
    """Tell in which `words` any of the named flags is set."""
    mask = sum(bit(registry, name) for name in names)
    return np.asarray((np.asarray(words) & mask) != 0, dtype=np.bool_)
