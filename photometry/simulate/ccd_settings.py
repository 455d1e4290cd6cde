"""What simulated full-frame images are made of."""

from dataclasses import dataclass, fields

from photometry.core.constants import FIRST_SCIENCE_COLUMN, N_SCIENCE_COLUMNS, N_SCIENCE_ROWS
from photometry.core.errors import ConfigError
from photometry.simulate.scene_settings import SceneSettings, check_ranges

__all__ = ["BAD_FRAMES", "CcdSettings"]

#: Kinds of bad frames and what is wrong with them.
BAD_FRAMES = {
    "missing": "no file",
    "zero": "all pixels are zero",
    "nan": "all pixels are NaN",
    "truncated": "the file ends in the middle of the image",
    "wrong_shape": "the image lacks its last columns and rows",
    "no_wcs": "the header has no celestial WCS",
    "bad_wcs": "the WCS is that of another piece of the sky",
    "no_key": "the header lacks the exposure",
    "duplicated": "a second file of the same frame, of an earlier data release",
    "other_ccd": "a second file of the same time, of another CCD",
    "empty": "a file of no bytes",
    "text": "a file that is no FITS",
}
#: Allowed ranges of the settings that scenes do not have.
_RANGES: dict[tuple[str, ...], tuple[float, float]] = {
    ("breathing",): (0, 1),
    ("corner_glow",): (0, 1e9),
    ("flicker", "strap_excess", "prf_blur_pix"): (0, 10),
    ("n_straps",): (0, N_SCIENCE_COLUMNS),
    ("wcs_noise_pix",): (0, 1000),
    ("data_rel",): (0, 9999),
    ("prf_skew",): (0, 1),
}
#: Settings of scenes that full-frame images do not have: their pixels are the science area, all of it, their catalogue
#: has all stars where they are, their focus is constant, their pixels see the same everywhere.
_NOT_OF_FRAMES = (
    *("row_min", "col_min", "n_row", "n_column"),
    *("sip_per_pix", "nan_fraction", "untimed_fraction", "dead_pixels"),
    *("place_error_pix", "missing_fraction", "false_fraction", "focus_share", "focus_blur_pix", "intrapixel_loss"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CcdSettings(SceneSettings):
    """Settings of the full-frame images of a CCD; the defaults make 60 frames with 30,000 stars brighter than T=15.

    Settings of `SceneSettings` have the same meaning, except for those below. `row_min`, `col_min`, `n_row`,
    `n_column`, `sip_per_pix`, `nan_fraction`, `untimed_fraction`, `dead_pixels`, `place_error_pix`, `missing_fraction`,
    `false_fraction`, `focus_share`, `focus_blur_pix` and `intrapixel_loss` cannot be set. With `shared_systematics`
    a frame takes longer, as every star then changes.

    Parameters
    ----------
    ra, dec : float
        Sky position of the reference pixel (row 1000, column 1044), deg.
    roll_rad : float
        Peak to peak of the slow roll about the middle of the CCD, rad; a tenth of it is jitter.
    breathing : float
        Peak to peak of the slow change of scale and of the shears, dimensionless (pixels per pixel).
    corner_glow : float
        Light that rises with the distance from the camera axis, at the CCD's far corner, e-/s per pixel.
    flicker : float
        Change of the glare from one frame to the next, standard deviation, as a share of it.
    strap_excess : float
        How much more of the background is seen in strap columns, as a share of it.
    n_straps : int
        Number of strap columns; they come in pairs.
    wcs_noise_pix : float
        Standard deviation of the error of each frame's WCS, pixels.
    data_rel : int
        Data release that the headers name. Times in the headers are true: defects of early releases are not imitated.
    ffiindex : bool
        Whether the headers have FFIINDEX, as those of later releases.
    gzip : bool
        Whether the files are compressed.
    prf_blur_pix, prf_skew : float
        How much wider the stars' PRF is than the given one (standard deviation, pixels), and which share of its light
        is displaced (`photometry.simulate.perturb`).
    bad_frames : tuple of str
        Kinds of bad frames (`BAD_FRAMES`), each at another cadence that is drawn.
    """

    sector: int = 23
    col_min: int = FIRST_SCIENCE_COLUMN
    row_min: int = 0
    n_row: int = N_SCIENCE_ROWS
    n_column: int = N_SCIENCE_COLUMNS
    n_cadence: int = 60
    density: float = 440.0
    faintest_tmag: float = 17.0
    n_pairs: int = 300
    nan_fraction: float = 0.0
    glare_scale_pix: float = 900.0
    excursion_fraction: float = 0.03
    breathing: float = 1.0e-5
    corner_glow: float = 150.0
    flicker: float = 0.2
    strap_excess: float = 0.01
    n_straps: int = 116
    wcs_noise_pix: float = 0.003
    data_rel: int = 32
    ffiindex: bool = True
    gzip: bool = False
    prf_blur_pix: float = 0.0
    prf_skew: float = 0.0
    bad_frames: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        SceneSettings.__post_init__(self)
        defaults = {field.name: field.default for field in fields(self)}
        for name in _NOT_OF_FRAMES:
            if getattr(self, name) != defaults[name]:
                raise ConfigError(f"setting {name} is {getattr(self, name)}: full-frame images do not have it")
        check_ranges(self, _RANGES)
        unknown = sorted(set(self.bad_frames) - set(BAD_FRAMES))
        if unknown:
            raise ConfigError(f"bad_frames: {', '.join(unknown)} not known; known are {', '.join(BAD_FRAMES)}")
        if len(self.bad_frames) > max(self.n_cadence - 2, 0):
            raise ConfigError(f"bad_frames: {len(self.bad_frames)} need at least {len(self.bad_frames) + 2} cadences")
