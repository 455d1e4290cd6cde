"""What is fixed about the background of a CCD's frames: cells, splines and the distance from the camera's centre.

The background is a sum of two splines: a mesh over the CCD, and a glow that depends on the distance from the middle of
the camera's field alone and rises towards the outer corner. Both are linear in their coefficients.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline

from photometry.core.geometry import Stamp

__all__ = ["BLOCK_CELLS", "CELL_PIX", "BackgroundGrid", "GlowPixels", "background_grid", "block_means"]

_Floats = npt.NDArray[np.float64]
_Span: TypeAlias = tuple[slice, slice, npt.NDArray[np.float32]]
_Real = TypeVar("_Real", np.float32, np.float64)

#: Size of a cell, in which pixels are reduced to one number, pixels: the glow changes little over it, and 256 pixels
#: tell the background to 0.1 e-/s at a noise of 1 e-/s.
CELL_PIX = 16
#: Cells along each axis of a block, for which it is kept how many pixels were used.
BLOCK_CELLS = 4
#: Distance of the mesh's knots, pixels: as long as the tiles of the fit, whose own background takes up the rest.
_MESH_PIX = 64
#: Columns that are multiplied with the splines that reach them: four distances of the knots, seven splines.
_SPAN_PIX = 256
#: Distance of the glow's knots and its reach inwards from the outermost pixel, pixels (21 arcsec each: 3.5 deg).
_GLOW_KNOT_PIX, _GLOW_REACH_PIX = 50.0, 600.0
#: Smaller regions hold no corner worth a glow of its own, pixels.
_SMALLEST_WITH_GLOW = 1024
_DEGREE = 3
#: Weight of the squared second differences of coefficients against a fully measured cell: fills what is masked. The
#: glow bends more, and its tip is told by few pixels.
_SMOOTHNESS, _GLOW_SMOOTHNESS = 3e-3, 3e-5
#: Weight of the mesh's squared coefficients: keeps frames with a handful of measured cells solvable.
_TINY = 1e-8
#: Weight of the glow's squared coefficients: what mesh and glow can both do is left to the mesh.
_GLOW_RIDGE = 1e-4
#: Places along each axis of a cell where the glow is averaged.
_CELL_SAMPLES = 4
#: Distance of the places between which the glow is interpolated linearly, pixels.
_PROFILE_STEP = 0.5


@dataclass(frozen=True, slots=True)
class GlowPixels:
    """The pixels that the glow reaches, row by row, and where each is in the profile of the glow.

    Parameters
    ----------
    row_ends : (n_row + 1,) int64
        Number of these pixels in all rows before each one.
    place : (n_pixel,) int64
        Flat number of the pixel in the stamp.
    profile : (n_place, n_glow) float64
        Splines of the glow at distances from the centre, `_PROFILE_STEP` pixels apart.
    step : (n_pixel,) int64
        The last of these distances before the pixel.
    part : (n_pixel,) float32
        How far the pixel is on the way to the next one, 0 to 1.
    """

    row_ends: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    profile: _Floats
    step: npt.NDArray[np.int64]
    part: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BackgroundGrid:
    """Cells and splines of one pixel rectangle; made by `background_grid`.

    Parameters
    ----------
    stamp : Stamp
        The pixels.
    centre : (row, column)
        Middle of the camera's field, 0-based CCD pixels; usually outside of the CCD.
    row_basis, column_basis : (n_row, n_mesh_row), (n_column, n_mesh_column) float64
        Splines of the mesh at every pixel.
    spans : tuple of (slice, slice, (n_spline, n_pixel) float32)
        Some columns, which splines reach them, and these splines there: a product with all of them takes three times
        as long.
    cell_rows, cell_columns : (n_cell_row, n_mesh_row), (n_cell_column, n_mesh_column) float64
        The same, averaged over the pixels of each cell.
    glow_knots : (n_knot,) float64
        Knots of the glow in distance from the centre, pixels.
    cell_glow : (n_cell_row, n_cell_column, n_glow) float64
        Splines of the glow, averaged over each cell.
    glow_pixels : GlowPixels
        The pixels that the glow reaches.
    mesh_penalty, glow_penalty : (n_band, n_mesh), (n_glow, n_glow) float64
        What holds coefficients that no pixel tells: lower diagonals of the mesh, the glow's matrix.
    """

    stamp: Stamp
    centre: tuple[float, float]
    row_basis: _Floats
    column_basis: _Floats
    spans: tuple[_Span, ...]
    cell_rows: _Floats
    cell_columns: _Floats
    glow_knots: _Floats
    cell_glow: _Floats
    glow_pixels: GlowPixels
    mesh_penalty: _Floats
    glow_penalty: _Floats

    @property
    def n_glow(self) -> int:
        """Number of coefficients of the glow; 0 without one."""
        return int(self.cell_glow.shape[2])

    @property
    def mesh_shape(self) -> tuple[int, int]:
        """Number of coefficients of the mesh along rows and columns."""
        return self.row_basis.shape[1], self.column_basis.shape[1]

    @property
    def cell_shape(self) -> tuple[int, int]:
        """Number of cells along rows and columns."""
        return len(self.cell_rows), len(self.cell_columns)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Number of blocks of cells along rows and columns."""
        return -(-len(self.cell_rows) // BLOCK_CELLS), -(-len(self.cell_columns) // BLOCK_CELLS)


def background_grid(stamp: Stamp, centre: tuple[float, float]) -> BackgroundGrid:
    """Prepare the background of all frames of a pixel rectangle.

    Parameters
    ----------
    stamp : Stamp
        The pixels, as a rule the 2048x2048 of the science area. Rectangles without the outer corner have a mesh alone.
    centre : (row, column)
        Middle of the camera's field, 0-based CCD pixels: `photometry.core.geometry.camera_centre`.
    """
    n_row, n_column = stamp.shape
    row_basis, column_basis = _mesh_basis(n_row), _mesh_basis(n_column)
    glow_knots = _glow_knots(stamp, centre)
    cell_glow = _cell_glow(stamp, centre, glow_knots)
    n_glow = cell_glow.shape[2]
    return BackgroundGrid(
        stamp=stamp,
        centre=centre,
        row_basis=row_basis,
        column_basis=column_basis,
        spans=_spans(column_basis),
        cell_rows=_cell_means(row_basis),
        cell_columns=_cell_means(column_basis),
        glow_knots=glow_knots,
        cell_glow=cell_glow,
        glow_pixels=_glow_pixels(stamp, centre, glow_knots),
        mesh_penalty=_mesh_penalty(row_basis.shape[1], column_basis.shape[1]),
        glow_penalty=_GLOW_SMOOTHNESS * _roughness(n_glow) + _GLOW_RIDGE * np.eye(n_glow),
    )


def block_means(values: npt.NDArray[_Real], size: int) -> npt.NDArray[_Real]:
    """Return means over `size` x `size` neighbours along the last two axes; the last ones may be of fewer."""
    means: npt.NDArray[Any] = values
    for axis in (-2, -1):
        starts = np.arange(0, values.shape[axis], size)
        counts = np.diff(np.append(starts, values.shape[axis])).astype(values.dtype)
        means = np.add.reduceat(means, starts, axis=axis) / np.expand_dims(counts, tuple(range(1, -axis)))
    return means


def _mesh_basis(n_pixel: int) -> _Floats:
    """Cubic B-splines with even knots at every pixel of an axis, (n_pixel, n_spline)."""
    n_interval = max(round(n_pixel / _MESH_PIX), 1)
    step = n_pixel / n_interval
    knots = -0.5 + step * np.arange(-_DEGREE, n_interval + _DEGREE + 1)
    basis: _Floats = BSpline.design_matrix(np.arange(n_pixel, dtype=np.float64), knots, _DEGREE).toarray()
    return basis


def _spans(basis: _Floats) -> tuple[_Span, ...]:
    """Cut an axis; return pixels, the splines that reach them, and these there."""
    spans: list[_Span] = []
    for start in range(0, len(basis), _SPAN_PIX):
        pixels = slice(start, min(start + _SPAN_PIX, len(basis)))
        reaching = np.flatnonzero(basis[pixels].any(axis=0))
        splines = slice(int(reaching[0]), int(reaching[-1]) + 1)
        spans.append((pixels, splines, np.ascontiguousarray(basis[pixels, splines].T, dtype=np.float32)))
    return tuple(spans)


def _cell_means(values: _Floats) -> _Floats:
    """Means over the pixels of cells along the first axis; the last cell may be smaller."""
    starts = np.arange(0, len(values), CELL_PIX)
    sizes = np.diff(np.append(starts, len(values)))
    means: _Floats = np.add.reduceat(values, starts, axis=0) / sizes[:, None]
    return means


def _glow_knots(stamp: Stamp, centre: tuple[float, float]) -> _Floats:
    """Knots of a spline basis that is complete from the glow's begin to the outermost pixel; none without a corner."""
    if min(stamp.shape) < _SMALLEST_WITH_GLOW:
        return np.empty(0)
    rows, columns = np.array([stamp.row_min, stamp.row_max - 1]), np.array([stamp.col_min, stamp.col_max - 1])
    farthest = np.hypot(np.abs(rows - centre[0]).max(), np.abs(columns - centre[1]).max())
    n_interval = round(_GLOW_REACH_PIX / _GLOW_KNOT_PIX)
    return np.asarray(farthest + 1.0 + _GLOW_KNOT_PIX * np.arange(-n_interval - _DEGREE, _DEGREE + 1))


def _profile_places(knots: _Floats) -> _Floats:
    """Distances from the centre, every `_PROFILE_STEP` pixels, from where the glow begins to where its knots end."""
    begin, end = knots[_DEGREE], knots[-_DEGREE - 1]
    return np.append(np.arange(begin, end, _PROFILE_STEP), end)


def _glow_pixels(stamp: Stamp, centre: tuple[float, float], knots: _Floats) -> GlowPixels:
    """Find the pixels as far from the centre as the glow; none without one."""
    row = np.arange(stamp.row_min, stamp.row_max) - centre[0]
    column = np.arange(stamp.col_min, stamp.col_max) - centre[1]
    radius = np.hypot(row[:, None], column[None, :]) if len(knots) else np.zeros(stamp.shape)
    inside = radius >= (knots[_DEGREE] if len(knots) else np.inf)
    places = _profile_places(knots) if len(knots) else np.zeros(2)
    # The splines that reach inwards of the begin have no coefficients: the glow starts from zero.
    splines = BSpline.design_matrix(places, knots, _DEGREE).toarray()[:, _DEGREE:] if len(knots) else np.zeros((2, 0))
    step = np.clip(np.searchsorted(places, radius[inside], side="right") - 1, 0, len(places) - 2)
    part = (radius[inside] - places[step]) / (places[step + 1] - places[step])
    return GlowPixels(
        row_ends=np.append(0, np.cumsum(inside.sum(axis=1))),
        place=np.flatnonzero(inside),
        profile=splines,
        step=step,
        part=part.astype(np.float32),
    )


def _cell_glow(stamp: Stamp, centre: tuple[float, float], knots: _Floats) -> _Floats:
    """Splines of the glow averaged over each cell, (n_cell_row, n_cell_column, n_glow)."""
    steps = [np.arange(0, n, CELL_PIX) for n in stamp.shape]
    n_spline = max(len(knots) - 2 * _DEGREE - 1, 0)
    glow = np.zeros((len(steps[0]), len(steps[1]), n_spline))
    if n_spline == 0:
        return glow
    for row_part in range(_CELL_SAMPLES):
        for column_part in range(_CELL_SAMPLES):
            places = [
                start + (part + 0.5) / _CELL_SAMPLES * np.minimum(CELL_PIX, n - start) - 0.5
                for start, part, n in zip(steps, (row_part, column_part), stamp.shape, strict=True)
            ]
            row, column = places[0] + stamp.row_min - centre[0], places[1] + stamp.col_min - centre[1]
            radius = np.hypot(row[:, None], column[None, :])
            inside = radius >= knots[_DEGREE]
            values = BSpline.design_matrix(radius[inside], knots, _DEGREE).toarray()
            glow[inside] += values[:, _DEGREE:] / _CELL_SAMPLES**2
    return glow


def _roughness(n: int) -> _Floats:
    """Matrix of the sum of squared second differences of `n` coefficients, (n, n)."""
    if n < 3:
        return np.zeros((n, n))
    differences = np.diff(np.eye(n), n=2, axis=0)
    return np.asarray(differences.T @ differences)


def _mesh_penalty(n_row: int, n_column: int) -> _Floats:
    """Lower diagonals of the mesh's roughness along both axes, (band, coefficient), row by row."""
    band = np.zeros((_DEGREE * n_column + _DEGREE + 1, n_row * n_column))
    band[0] = _TINY
    along_rows, along_columns = _SMOOTHNESS * _roughness(n_row), _SMOOTHNESS * _roughness(n_column)
    for step in range(3):
        for_rows = np.zeros((n_row, n_column))
        for_rows[: n_row - step] = np.diagonal(along_rows, -step)[:, None]
        band[step * n_column] += for_rows.ravel()
        for_columns = np.zeros((n_row, n_column))
        for_columns[:, : n_column - step] = np.diagonal(along_columns, -step)[None, :]
        band[step] += for_columns.ravel()
    return band
