"""What a simulated scene is made of."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from photometry.core.constants import FRAME_TIME_S, INT_TIME_S, SATURATION_E_S
from photometry.core.cube import Exposure
from photometry.core.errors import ConfigError
from photometry.core.geometry import Stamp

__all__ = ["SceneSettings", "check_ranges", "settings_from_mapping"]

_Settings = TypeVar("_Settings", bound="SceneSettings")

#: Share of the frames that cosmic-ray mitigation on board keeps: 8 of 10 (IH, section 5; key CRBLKSZ).
_KEPT_BY_MITIGATION = 0.8
#: Allowed ranges of settings: every number has one; of a list it is that of its numbers.
_RANGES: dict[tuple[str, ...], tuple[float, float]] = {
    ("camera", "ccd"): (1, 4),
    ("sector",): (1, 9999),
    ("n_row", "n_column"): (1, 4096),
    ("n_cadence",): (1, 1_000_000),
    ("cadence_s",): (2, 86400),
    ("ra", "rotation_deg"): (-360, 360),
    ("dec",): (-90, 90),
    ("seed",): (0, 2**63 - 1),
    ("row_min", "col_min", "star_margin"): (0, 4096),
    ("n_pairs", "dead_pixels"): (0, 10_000_000),
    ("brightest_tmag", "faintest_tmag", "extra_tmags"): (-30, 30),
    ("magnitude_slope",): (1e-3, 10),
    ("density", "proper_motion_mas", "sky", "scattered_light", "glare"): (0, 1e9),
    ("tmag_error", "focus_blur_pix"): (0, 10),
    ("wcs_offset_pix", "place_error_pix", "drift_pix", "jitter_pix", "excursion_pix"): (0, 1000),
    ("pair_separation_pix",): (0, 1000),
    ("sip_per_pix", "roll_rad"): (-1, 1),
    ("glare_scale_pix",): (1, 1e6),
    ("gain_e_per_adu", "read_noise_e"): (0.01, 1000),
    ("full_well_e_s",): (1, 1e9),
    ("variable_fraction", "excursion_fraction", "nan_fraction", "cosmic_ray_fraction", "untimed_fraction"): (0, 1),
    ("missing_fraction", "false_fraction", "focus_share", "intrapixel_loss", "shared_systematics"): (0, 1),
}
#: Settings that are lists of a given length.
_LENGTHS = {"pair_separation_pix": 2, "gain_e_per_adu": 4, "read_noise_e": 4}
#: Settings that are lists of texts; all other lists are of numbers.
_LISTS_OF_TEXTS = ("bad_frames",)
#: Cadences up to this length are not mitigated on board (20-s data), s.
_LONGEST_UNMITIGATED_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSettings:
    """Settings of a simulated scene; the defaults make a medium field of 64x64 pixels and 400 FFI cadences.

    Parameters
    ----------
    seed : int
        Seed of all random numbers.
    sector, camera, ccd : int
        Where the pixels are said to be from.
    ra, dec : float
        Sky position of the middle of the pixels, deg; any, the poles included.
    rotation_deg : float
        Angle from increasing column to increasing right ascension at the middle, deg.
    sip_per_pix : float
        Size of quadratic SIP distortion about the middle, 1/pixel; real CCDs have 2e-5. 0: a plain TAN projection.
    row_min, col_min : int
        First pixel, 0-based on the CCD.
    n_row, n_column, n_cadence : int
        Size of the pixel array.
    cadence_s : int
        Time from one cadence to the next, s.
    density : float
        Stars per square degree brighter than T=16.
    magnitude_slope : float
        d log10 N(<T) / dT: about 0.3 to 0.35 for the Galaxy at T 8 to 18.
    brightest_tmag, faintest_tmag : float
        Range of magnitudes, mag.
    extra_tmags : tuple of float
        Magnitudes of stars that are added: the first within half a pixel of the middle, as the target of a target
        pixel file would be, others at random places on the pixels.
    star_margin : int
        Stars also lie in a margin of so many pixels around.
    proper_motion_mas : float
        Scale of the (exponentially distributed) proper motions, mas/yr.
    variable_fraction : float
        Share of stars that vary: sinusoids, transits, eclipses.
    n_pairs : int
        Eclipsing neighbours that are put beside constant stars.
    pair_separation_pix : (float, float)
        Range of their separations, pixels.
    tmag_error : float
        Standard error of catalogue magnitudes, mag.
    place_error_pix : float
        Standard error of catalogue places, per axis, pixels.
    missing_fraction : float
        Share of the stars that the catalogue does not have, whatever their magnitude.
    false_fraction : float
        Entries of the catalogue that are no stars, as a share of the stars: anywhere, with magnitudes like theirs.
    wcs_offset_pix : float
        Length of the constant distance between catalogue and pixels, pixels; its direction is random.
    drift_pix : float
        Peak to peak of the slow motion in row and in column, pixels.
    jitter_pix : float
        Standard deviation of the motion from cadence to cadence, pixels.
    roll_rad : float
        Peak to peak of the slow roll about the middle of the CCD, rad; a tenth of it is jitter.
    excursion_fraction, excursion_pix : float
        Share of cadences that are flagged (coarse point), and how far the stars then are away, pixels.
    focus_share : float
        Share of the light that moves from the PRF to a blurred one while the focus drifts: from 0 to this over the
        first half of the cadences, and again over the second.
    focus_blur_pix : float
        Standard deviation of that blur, pixels.
    intrapixel_loss : float
        How much less light a pixel sees in the middle of an edge than in its own, as a share of it; the sum over all
        pixels does not change.
    shared_systematics : float
        Size of what the stars share and the fit cannot know: changes of sensitivity, ramps, jumps, rests of stray light
        (`photometry.simulate.shared_systematics`), a share of the flux. The truth is without.
    sky : float
        Constant background, e-/s per pixel.
    scattered_light : float
        Mean of the slowly varying background, e-/s per pixel.
    glare : float
        Peak of a short, steep episode of scattered light, e-/s per pixel.
    glare_scale_pix : float
        Length over which the glare changes by a factor e, pixels.
    nan_fraction, cosmic_ray_fraction, untimed_fraction : float
        Share of pixel values that are NaN, that are hit by a cosmic ray, and share of cadences without time and pixels.
    dead_pixels : int
        Number of pixels without response or without any value, in turns.
    noise : bool
        Whether to add photon and read noise.
    gain_e_per_adu, read_noise_e : tuple of 4 floats
        Gain, e-/ADU, and noise per readout, e-, of the outputs A to D.
    saturation : bool
        Whether charge above `full_well_e_s` flows along the columns.
    full_well_e_s : float
        Flux at which a pixel saturates, e-/s.
    """

    seed: int = 0
    sector: int = 1
    camera: int = 4
    ccd: int = 2
    ra: float = 84.0
    dec: float = -78.0
    rotation_deg: float = -46.0
    sip_per_pix: float = 0.0
    row_min: int = 512
    col_min: int = 1244
    n_row: int = 64
    n_column: int = 64
    n_cadence: int = 400
    cadence_s: int = 1800
    density: float = 6000.0
    magnitude_slope: float = 0.32
    brightest_tmag: float = 7.0
    faintest_tmag: float = 18.0
    extra_tmags: tuple[float, ...] = ()
    star_margin: int = 8
    proper_motion_mas: float = 5.0
    variable_fraction: float = 0.06
    n_pairs: int = 12
    pair_separation_pix: tuple[float, float] = (0.7, 2.5)
    tmag_error: float = 0.03
    place_error_pix: float = 0.0
    missing_fraction: float = 0.0
    false_fraction: float = 0.0
    wcs_offset_pix: float = 0.075
    drift_pix: float = 0.1
    jitter_pix: float = 0.006
    roll_rad: float = 1.5e-5
    excursion_fraction: float = 0.015
    excursion_pix: float = 0.4
    focus_share: float = 0.0
    focus_blur_pix: float = 0.35
    intrapixel_loss: float = 0.0
    shared_systematics: float = 0.0
    sky: float = 100.0
    scattered_light: float = 30.0
    glare: float = 300.0
    glare_scale_pix: float = 500.0
    nan_fraction: float = 3e-4
    cosmic_ray_fraction: float = 1e-4
    untimed_fraction: float = 0.0
    dead_pixels: int = 0
    noise: bool = True
    gain_e_per_adu: tuple[float, float, float, float] = (5.25, 5.17, 5.12, 5.20)
    read_noise_e: tuple[float, float, float, float] = (10.24, 7.24, 7.27, 9.52)
    saturation: bool = False
    full_well_e_s: float = SATURATION_E_S

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)
        for name, length in _LENGTHS.items():
            if len(getattr(self, name)) != length:
                raise ConfigError(f"scene setting {name} needs {length} numbers, got {len(getattr(self, name))}")
        if self.cadence_s < FRAME_TIME_S or self.cadence_s % FRAME_TIME_S:
            raise ConfigError(f"scene setting cadence_s is {self.cadence_s}, expected 20, 120, 200, 600 or 1800")
        if self.brightest_tmag >= self.faintest_tmag:
            raise ConfigError("scene setting brightest_tmag must be below faintest_tmag")

    @property
    def stamp(self) -> Stamp:
        """The pixels."""
        return Stamp(self.row_min, self.row_min + self.n_row, self.col_min, self.col_min + self.n_column)

    @property
    def mitigated(self) -> bool:
        """Whether cosmic rays are removed on board."""
        return self.cadence_s > _LONGEST_UNMITIGATED_S

    @property
    def num_frames(self) -> int:
        """Frames per cadence."""
        return round(self.cadence_s / FRAME_TIME_S)

    @property
    def exposure(self) -> Exposure:
        """How a cadence is exposed and read."""
        num_readouts = round(self.num_frames * (_KEPT_BY_MITIGATION if self.mitigated else 1.0))
        return Exposure(
            cadence_s=self.cadence_s,
            exposure_s=num_readouts * INT_TIME_S,
            num_readouts=num_readouts,
            gain_e_per_adu=self.gain_e_per_adu,
            read_noise_e=self.read_noise_e,
        )


def check_ranges(settings: SceneSettings, ranges: Mapping[tuple[str, ...], tuple[float, float]]) -> None:
    """Raise ConfigError unless all settings named are within their ranges; NaN is in none."""
    for names, (low, high) in ranges.items():
        for name in names:
            value = getattr(settings, name)
            if not all(low <= number <= high for number in (value if isinstance(value, tuple) else (value,))):
                raise ConfigError(f"scene setting {name} is {value}, expected {low:g} to {high:g}")


def settings_from_mapping(values: Mapping[str, Any], kind: type[_Settings]) -> _Settings:
    """Return settings from plain names and values, as they stand in a config file.

    Parameters
    ----------
    values : mapping of str to value
        The settings that are not the defaults.
    kind : type
        `SceneSettings` or `photometry.simulate.ccd_settings.CcdSettings`.

    Raises
    ------
    ConfigError
        When a name is unknown, a value is of the wrong type or out of range.
    """
    defaults = {field.name: field.default for field in fields(kind)}
    unknown = sorted(map(str, set(values) - set(defaults)))
    if unknown:
        raise ConfigError(f"unknown scene setting {', '.join(unknown)}; known are {', '.join(sorted(defaults))}")
    return kind(**{name: _converted(name, value, defaults[name]) for name, value in values.items()})


def _converted(name: str, value: Any, default: Any) -> Any:
    """Return a value as the type of its default: lists become tuples, whole numbers real ones."""
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        texts = name in _LISTS_OF_TEXTS
        if all(type(item) is str if texts else type(item) in (int, float) for item in value):
            return tuple(value) if texts else tuple(float(item) for item in value)
    elif isinstance(default, float) and type(value) is int:
        return float(value)
    elif type(value) is type(default):
        return value
    expected = type(default).__name__
    if isinstance(default, tuple):
        expected = "a list of texts" if name in _LISTS_OF_TEXTS else "a list of numbers"
    raise ConfigError(f"scene setting {name} is {reprlib.repr(value)}, expected {expected}")
