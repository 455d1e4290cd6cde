"""Background of a full-frame image: a mesh over the CCD, the glow of the outer corner, and straps.

A frame is described by few numbers (`describe_background`), which can be smoothed in time
(`photometry.background.smoothing`) and give the background of any pixels (`background_image`). Light of stars that is
known beforehand is subtracted first: from a catalogue (`photometry.background.starlight.catalogue_light`) or, better,
from the data (`photometry.background.starlight.static_light`); pixels with much of it are masked. What is faint,
unresolved and smooth counts as background; it is the same in all frames.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.background.cell_grid import BLOCK_CELLS, CELL_PIX, BackgroundGrid, block_means
from photometry.background.masking import bands, blank
from photometry.background.mesh_cells import cell_values
from photometry.background.splines import fit_cells, strap_factors
from photometry.core.constants import SATURATION_E_S

__all__ = [
    "FrameBackground",
    "background_cells",
    "background_image",
    "describe_background",
    "unused_blanked",
    "usable_pixels",
    "used_pixels",
]

_Floats = npt.NDArray[np.float64]

#: The first description uses every second pixel along both axes, in cells of half the size.
_COARSE_STEP = 2
#: Flux from which pixels are not linear, and pixels along the column on either end of such a run that are not used.
_FULL_E_S, _BLEED_PIXELS = 0.9 * SATURATION_E_S, 4


@dataclass(frozen=True, slots=True)
class FrameBackground:
    """Background of one frame, or of many: then every field has a leading axis (n_frame,).

    Parameters
    ----------
    mesh : (n_mesh_row, n_mesh_column) float32
        Coefficients of the mesh, e-/s; NaN when no pixel of the frame could be used.
    glow : (n_glow,) float32
        Coefficients of the glow, e-/s.
    straps : (n_column,) float32
        Excess of every column as a fraction of the background.
    noise : () float32
        Standard deviation of a pixel, e-/s.
    used : (n_block_row, n_block_column) uint8
        Share of the pixels of each block (64x64) that were used, times 255.
    """

    mesh: npt.NDArray[np.float32]
    glow: npt.NDArray[np.float32]
    straps: npt.NDArray[np.float32]
    noise: npt.NDArray[np.float32]
    used: npt.NDArray[np.uint8]

    @property
    def n_frame(self) -> int:
        """Number of frames, of many."""
        return len(self.mesh)

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Which of many frames (n_frame,) could be described."""
        return np.asarray(np.isfinite(self.noise) & np.isfinite(self.mesh).all(axis=(-2, -1)))

    def frame(self, number: int | slice) -> "FrameBackground":
        """Return one or several of many frames."""
        return FrameBackground(
            self.mesh[number], self.glow[number], self.straps[number], self.noise[number], self.used[number]
        )


def describe_background(
    image: npt.NDArray[np.float32],
    star_mask: npt.NDArray[np.bool_],
    grid: BackgroundGrid,
    light: npt.NDArray[np.float32] | None = None,
) -> FrameBackground:
    """Describe the background of one frame.

    Parameters
    ----------
    image : (n_row, n_column) float32
        Flux with its background, e-/s; not finite where not measured.
    star_mask : (n_row, n_column) bool
        Pixels with too much starlight to be used: `photometry.background.starlight.star_mask`.
    grid : BackgroundGrid
        Cells and splines of these pixels.
    light : (n_row, n_column) float32, optional
        Light of stars, e-/s, to be subtracted: `photometry.background.starlight`.

    Returns
    -------
    FrameBackground
        With `mesh` NaN when no pixel can be used.

    Raises
    ------
    ValueError
        When an array has not the shape of the grid's stamp.

    Notes
    -----
    First every fourth pixel gives a rough background; then the cells of what it leaves, in which gradients matter no
    more, correct it. Cells are fitted by least squares with Huber's weights (Huber 1964, Ann. Math. Stat. 35, 73), so
    small bright things pull little. Columns that stand out (straps) are left out of the cells and get factors.
    """
    for name, array in (("image", image), ("star_mask", star_mask), ("light", light)):
        if array is not None and array.shape != grid.stamp.shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {grid.stamp.shape}")
    sky = unused_blanked(image, usable_pixels(image) & ~star_mask, light)
    coarse = cell_values(sky[::_COARSE_STEP, ::_COARSE_STEP], CELL_PIX // _COARSE_STEP)
    if not coarse.count.any():
        return _nothing(grid)
    mesh, glow = fit_cells(coarse, grid)
    model = np.empty_like(sky)
    _move_to_model(sky, model, _description(mesh, glow, grid), grid, is_first=True)
    cells = cell_values(sky, CELL_PIX, strap_factors(sky, model).outstanding)
    mesh_step, glow_step = fit_cells(cells, grid)
    # Straps have pulled at the rough model; what they have more than the better one is theirs.
    _move_to_model(sky, model, _description(mesh_step, glow_step, grid), grid)
    factors = strap_factors(sky, model).factors
    noise = float(np.median(cells.scatter[cells.count > 0])) if cells.count.any() else float("nan")
    return _description(mesh + mesh_step, glow + glow_step, grid, factors, noise, cells.count)


def background_image(
    background: FrameBackground,
    grid: BackgroundGrid,
    rows: slice = slice(None),
) -> npt.NDArray[np.float32]:
    """Return the background of any rows of a frame.

    Parameters
    ----------
    background : FrameBackground
        Of one frame.
    grid : BackgroundGrid
        The grid that it was described with.
    rows : slice
        Rows counted from the first of the grid's stamp.

    Returns
    -------
    (n_row, n_column) float32
        e-/s; NaN for a frame that could not be described.
    """
    on_rows = grid.row_basis[rows].astype(np.float32) @ background.mesh
    image = np.empty((len(on_rows), grid.stamp.shape[1]), dtype=np.float32)
    for columns, splines, values in grid.spans:
        np.matmul(on_rows[:, splines], values, out=image[:, columns])
    if grid.n_glow:
        _add_glow(image, background.glow, grid, rows)
    if background.straps.any():
        image *= np.float32(1) + background.straps
    return image


def background_cells(backgrounds: FrameBackground, grid: BackgroundGrid) -> _Floats:
    """Return the mean background in the cells of frames without straps, (..., n_cell_row, n_cell_column), e-/s."""
    mesh = grid.cell_rows @ backgrounds.mesh @ grid.cell_columns.T
    return np.asarray(mesh + np.tensordot(backgrounds.glow, grid.cell_glow, axes=(-1, -1)))


def unused_blanked(
    image: npt.NDArray[np.float32], used: npt.NDArray[np.bool_], light: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    """Return a frame less the light of stars, e-/s; NaN where its background is not to be told from it."""
    sky = np.empty(image.shape, dtype=np.float32)
    for rows in bands(len(image)):
        np.subtract(image[rows], np.float32(0) if light is None else light[rows], out=sky[rows])
        blank(sky[rows], ~used[rows])
    return sky


def usable_pixels(image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which pixels are measured, not exactly zero (as where there are no data), and not next to saturated ones."""
    usable: npt.NDArray[np.bool_] = np.isfinite(image) & (image != 0)
    row, column = np.divmod(np.flatnonzero(image >= _FULL_E_S), image.shape[1])
    # Charge bleeds along columns.
    for step in range(-_BLEED_PIXELS, _BLEED_PIXELS + 1):
        inside = (row + step >= 0) & (row + step < len(image))
        usable[row[inside] + step, column[inside]] = False
    return usable


def used_pixels(
    usable: npt.NDArray[np.bool_], star_mask: npt.NDArray[np.bool_], background: FrameBackground
) -> npt.NDArray[np.bool_]:
    """Tell which pixels of a frame, or of some of its rows, its smoothed background was made of.

    Parameters
    ----------
    usable : (n_row, n_column) bool
        `usable_pixels` of the frame.
    star_mask : (n_row, n_column) bool
        As for `describe_background`.
    background : FrameBackground
        Of this frame, smoothed: `straps` tells which columns are straps.
    """
    used: npt.NDArray[np.bool_] = usable & ~star_mask & (background.straps == 0)
    return used


def _move_to_model(
    sky: npt.NDArray[np.float32],
    model: npt.NDArray[np.float32],
    background: FrameBackground,
    grid: BackgroundGrid,
    *,
    is_first: bool = False,
) -> None:
    """Subtract a background from a frame and add it to its model, in place; the first one is its model."""
    for rows in bands(len(sky)):
        values = background_image(background, grid, rows)
        sky[rows] -= values
        if is_first:
            model[rows] = values
        else:
            model[rows] += values


def _add_glow(image: npt.NDArray[np.float32], glow: npt.NDArray[np.float32], grid: BackgroundGrid, rows: slice) -> None:
    """Add the glow to the pixels of `image` that are far enough from the centre."""
    pixels = grid.glow_pixels
    n_row, n_column = grid.stamp.shape
    first, behind, _ = rows.indices(n_row)
    reached = slice(pixels.row_ends[first], pixels.row_ends[max(first, behind)])
    if reached.start == reached.stop:
        return
    profile = pixels.profile @ glow
    value, rise = profile[:-1].astype(np.float32), np.diff(profile).astype(np.float32)
    place, step = pixels.place[reached] - first * n_column, pixels.step[reached]
    image.reshape(-1)[place] += value.take(step) + pixels.part[reached] * rise.take(step)


def _description(
    mesh: _Floats,
    glow: _Floats,
    grid: BackgroundGrid,
    straps: _Floats | float = 0.0,
    noise: float = np.nan,
    count: npt.NDArray[np.int64] | None = None,
) -> FrameBackground:
    """Pack what was found in small types."""
    counts = np.zeros(grid.cell_shape) if count is None else count.astype(np.float64)
    shares = block_means(np.rint(255 / CELL_PIX**2 * counts), BLOCK_CELLS)
    return FrameBackground(
        mesh=mesh.astype(np.float32),
        glow=glow.astype(np.float32),
        straps=np.broadcast_to(np.float32(straps), grid.stamp.shape[1:]),
        noise=np.array(noise, dtype=np.float32),
        used=shares.astype(np.uint8),
    )


def _nothing(grid: BackgroundGrid) -> FrameBackground:
    """Return the description of a frame without a usable pixel."""
    return _description(np.full(grid.mesh_shape, np.nan), np.full(grid.n_glow, np.nan), grid)
