"""Draw the picture that README.md begins with, from what `make demo` leaves: python docs/make_picture.py.

The PNG says what it was made of: digests of the simulated scene's settings and of the code that draws it, and the
numbers that it shows. A test compares them (tests/unit/test_docs_api.py).
"""

import argparse
import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from photometry import PSFPhotometry
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.geometry import Stamp
from photometry.core.quality import is_usable
from photometry.plots import BlendedStar, Figure, blend_figure, save_figure
from photometry.simulate.scene_files import Truth, read_truth

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/images/blended_binary.png"
#: A constant star of the demo, and the eclipsing binary of the same brightness beside it.
CONSTANT, BINARY = 900000015, 900003686
#: Pixels shown on each side of the pair.
HALF_WIDTH = 5
#: Files that decide how the picture looks.
DRAWN_BY = ("docs/make_picture.py", "photometry/plots/blend.py", "photometry/plots/sky_marks.py")


def picture(prepared: Path, path_truth: Path) -> tuple[Figure, dict[str, str]]:
    """Draw the picture; return it, and what it says of itself."""
    truth = read_truth(path_truth)
    place = {"sector": 1, "camera": 4, "ccd": 2}
    with (
        PSFPhotometry(CONSTANT, prepared, prepared.parent, **place) as one,
        PSFPhotometry(BINARY, prepared, prepared.parent, **place) as two,
    ):
        for target in (one, two):
            target.photometry()
        row, column = round(one.target_pos_row), round(one.target_pos_column)
        wide = Stamp(row - HALF_WIDTH, row + HALF_WIDTH + 1, column - HALF_WIDTH, column + HALF_WIDTH + 1)
        stamp = wide.clipped(Stamp(*one.stamp))
        stars = [blended(one, truth, "constant star", stamp), blended(two, truth, "eclipsing binary", stamp)]
        image = one.sumimage[stamp.slices_in(Stamp(*one.stamp))]
        apart = np.hypot(stars[0].row - stars[1].row, stars[0].column - stars[1].column)
        title = (
            f"A constant star (A) and an eclipsing binary (B), both of T = {one.target['tmag']:.1f}, "
            f"{apart:.1f} px or {apart * ARCSEC_PER_PIXEL:.0f} arcsec apart"
        )
        figure = blend_figure(image, stamp, one.wcs.to_header_string(relax=True), stars, title)
    return figure, {"scene": scene_digest(), "drawing": drawing_digest(), "numbers": json.dumps(numbers(stars))}


def blended(target: PSFPhotometry, truth: Truth, name: str, stamp: Stamp) -> BlendedStar:
    """Return what the picture needs of a target that was measured."""
    curve = target.lightcurve
    good = is_usable(np.asarray(curve["quality"]))
    (index,) = np.flatnonzero(truth.tic == target.starid)
    mask = np.zeros(stamp.shape, dtype=bool)
    rows, columns = np.nonzero(target.final_phot_mask)
    rows, columns = rows + target.stamp[0] - stamp.row_min, columns + target.stamp[2] - stamp.col_min
    inside = (rows >= 0) & (rows < stamp.shape[0]) & (columns >= 0) & (columns < stamp.shape[1])
    mask[rows[inside], columns[inside]] = True
    return BlendedStar(
        name=name,
        row=target.target_pos_row,
        column=target.target_pos_column,
        time=np.asarray(curve["time"])[good],
        aperture=relative(target.images_cube[target.final_phot_mask].sum(axis=0)[good]),
        psf=relative(np.asarray(curve["flux"])[good]),
        truth=relative(truth.flux[index][good]),
        pixels=mask,
    )


def relative(flux: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return a flux over its median."""
    return np.asarray(flux, dtype=np.float64) / float(np.nanmedian(flux))


def numbers(stars: list[BlendedStar]) -> dict[str, float]:
    """Return how deep the eclipses of both stars are in each light curve, and how far the PSF flux is off the truth."""
    found = {}
    for star in stars:
        for name in ("aperture", "psf", "truth"):
            found[f"depth of {star.name}, {name}"] = round(1 - float(np.nanmin(getattr(star, name))), 4)
        found[f"error of {star.name}"] = round(float(np.nanmedian(np.abs(star.psf - star.truth))), 5)
    return found


def scene_digest() -> str:
    """Return a digest of the settings of the simulated field."""
    scene = yaml.safe_load((ROOT / "demo/simulate.yaml").read_text())["simulate"]["scenes"]["cutout"]
    return hashlib.sha256(json.dumps(scene, sort_keys=True).encode()).hexdigest()


def drawing_digest() -> str:
    """Return a digest of the code that draws the picture, without its comments."""
    codes = [ast.dump(ast.parse((ROOT / name).read_text(encoding="utf-8"))) for name in DRAWN_BY]
    return hashlib.sha256("\n".join(codes).encode()).hexdigest()


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="Draw README's picture from what make demo leaves.")
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder of the demo [demo]")
    parser.add_argument("--output", type=Path, default=PICTURE, help="the picture [docs/images/blended_binary.png]")
    options = parser.parse_args()
    figure, said = picture(options.demo / "results/prepared", options.demo / "data/cutout/truth.hdf5")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, options.output, said, is_simulated=True)


if __name__ == "__main__":
    main()
