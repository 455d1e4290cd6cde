"""Small tiles with known truth, and slow but plain algebra to compare with."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from photometry.core.cube import Cube, CubeHeader, Exposure, Pointing
from photometry.core.geometry import Stamp
from photometry.core.stars import Stars
from photometry.prf.prf_grid import PrfEvaluator, PrfGrid
from photometry.scene.tile_data import TileData, tile_data
from photometry.scene.tile_model import TileModel, build_model
from photometry.scene.tile_state import TileMotion, TileState
from photometry.scene.widening import N_WIDTH
from photometry.simulate.perturb import normalised_phases
from photometry.solver.normal_equations import NormalEquations

Floats = npt.NDArray[np.float64]

EXPOSURE = Exposure(
    cadence_s=1800,
    exposure_s=1425.6,
    num_readouts=720,
    gain_e_per_adu=(5.25, 5.17, 5.12, 5.20),
    read_noise_e=(10.24, 7.24, 7.27, 9.52),
)
SKY = 120.0


def lopsided_prf() -> PrfGrid:
    """PRF with a tail to larger rows only, the same everywhere: a swap of rows and columns shows."""
    offset = (np.arange(117) - 58) / 9

    def in_pixel(sigma: float, center: float) -> Floats:
        edge = np.sqrt(2) * sigma
        return 0.5 * (special.erf((offset - center + 0.5) / edge) - special.erf((offset - center - 0.5) / edge))

    samples = (
        0.75 * np.outer(in_pixel(0.6, 0), in_pixel(0.6, 0))
        + 0.2 * np.outer(in_pixel(0.8, 1.0), in_pixel(0.65, 0))
        + 0.05 * np.outer(in_pixel(1.0, 2.2), in_pixel(0.8, 0))
    )
    samples = normalised_phases(samples)[None, None]
    return PrfGrid(np.zeros(1), np.zeros(1), samples, np.zeros_like(samples), "lopsided")


def make_stars(row: npt.ArrayLike, column: npt.ArrayLike, tmag: npt.ArrayLike) -> Stars:
    """Stars 1, 2, 3, ..."""
    row = np.asarray(row, dtype=np.float64)
    return Stars(
        np.arange(1, len(row) + 1),
        row,
        np.asarray(column, dtype=np.float64),
        np.broadcast_to(np.asarray(tmag, dtype=np.float64), row.shape).copy(),
    )


def exact_images(prf: PrfGrid, stars: Stars, stamp: Stamp, row_shift: Floats, column_shift: Floats) -> Floats:
    """Light of constant stars in every cadence, star by star and cadence by cadence, (n_cadence, n_row, n_column)."""
    evaluator = PrfEvaluator(prf)
    images = np.zeros((len(row_shift), *stamp.shape))
    for cadence in range(len(images)):
        first_row, first_column, values = evaluator.evaluate(
            stars.row, stars.column, [row_shift[cadence]], [column_shift[cadence]]
        )
        for star in range(len(stars)):
            for i, j in np.ndindex(values.shape[-2:]):
                row, column = first_row[star] + i - stamp.row_min, first_column[star] + j - stamp.col_min
                if 0 <= row < stamp.shape[0] and 0 <= column < stamp.shape[1]:
                    images[cadence, row, column] += stars.flux[star] * values[star, 0, 0, i, j]
    return images


def make_cube(stamp: Stamp, images: Floats, rng: np.random.Generator | None = None) -> Cube:
    """Cube of images (background removed); noise by photons and readout when a generator is given."""
    shape = images.shape
    columns = np.arange(stamp.col_min, stamp.col_max)
    variance = (np.maximum(images, 0) + SKY) / EXPOSURE.exposure_s + EXPOSURE.read_variance(columns)
    if rng is not None:
        images = images + rng.normal(size=shape) * np.sqrt(variance)
    header = CubeHeader(
        pointing=Pointing("tesscut", 1, 4, 2, 1, "test", 0, 84.0, -78.0),
        exposure=EXPOSURE,
        stamp=stamp,
        time=1325.0 + np.arange(shape[0]) / 48,
        timecorr=np.zeros(shape[0], dtype=np.float32),
        cadenceno=np.arange(4697, 4697 + shape[0], dtype=np.int32),
        quality=np.zeros(shape[0], dtype=np.int32),
        wcs_header="",
        aperture=np.ones(stamp.shape, dtype=np.int32),
    )
    return Cube(
        header=header,
        images=images.astype(np.float32),
        images_err=np.sqrt(variance).astype(np.float32),
        backgrounds=np.full(shape, SKY, dtype=np.float32),
        pixel_flags=np.zeros(shape, dtype=np.uint8),
    )


@dataclass(frozen=True)
class SmallTile:
    """A tile, its model at the true motion, and the state with the catalogue's fluxes."""

    data: TileData
    model: TileModel
    state: TileState


def make_tile(
    cube: Cube, free: Stars, fixed: Stars, prf: PrfGrid, row_shift: Floats, column_shift: Floats, reach: float = 0.05
) -> SmallTile:
    """Put stars about the nodes of a motion without roll."""
    data = tile_data(cube)
    linear, widths, local = (np.zeros((len(row_shift), n_term)) for n_term in (4, N_WIDTH, 3))
    motion = TileMotion(row_shift, column_shift, linear, widths, local)
    model = build_model(data, PrfEvaluator(prf), free, fixed, motion, reach)
    nothing = np.zeros(data.stamp.n_pixel)
    return SmallTile(data, model, TileState(free.flux, motion, nothing, nothing))


def dense_design(system: NormalEquations, terms: Floats) -> Floats:
    """Design matrix of a cadence, (n_pixel, n_star + n_common)."""
    stars = sum(
        term * matrix.toarray().astype(np.float64)
        for term, matrix in zip(terms, system.node.expansion.matrices, strict=True)
    )
    return np.concatenate([stars, system.common.astype(np.float64)], axis=1)


def dense_covariance(design: Floats, weights: Floats, precision: Floats) -> Floats:
    """C = (A^T W A + Q)^-1; unknowns are scaled to like size for the inversion."""
    normal = design.T @ (weights[:, None] * design)
    normal[np.arange(len(precision)), np.arange(len(precision))] += precision
    scale = np.sqrt(np.diag(normal))
    return np.linalg.inv(normal / scale[:, None] / scale) / scale[:, None] / scale
