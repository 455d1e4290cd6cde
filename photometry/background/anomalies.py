"""Pixels where a frame's background is not what mesh, glow and straps can follow.

Edges of scattered light, internal reflections and ghosts of planets are local and come and go. So do bright asteroids,
which look like stars where no star is. Both are found in what a frame has left when its background and the light that
is the same in all frames are subtracted.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from photometry.background.masking import bands, median_of_neighbours
from photometry.background.mesh import unused_blanked, usable_pixels
from photometry.background.mesh_cells import cell_values

__all__ = ["background_anomalies"]


#: Blocks in which the background is looked at, pixels: as wide as the light of a star that it would spoil.
_BLOCK_PIX = 8
#: A block is odd beyond this many standard deviations and this level in e-/s: over the dozen pixels of a PRF it is
#: 1.5 % of a star of T=14.
_BLOCK_SIGMA, _BLOCK_LEAST = 6.0, 0.5
#: Share of a block's starlight that motion may move in or out of it or that stars may vary.
_BLOCK_LIGHT = 0.05
#: Fewest used pixels of a block that is judged.
_LEAST_PIXELS = 12
#: A block's mean is as much less certain than that of unclipped values.
_CLIPPED_MEAN = 1.2
#: A pixel is bright beyond this many standard deviations and this share of the brightest light next to it: motion
#: of half a pixel moves less.
_PIXEL_SIGMA, _PIXEL_LIGHT = 7.0, 0.5
#: Bright pixels among a pixel and its eight neighbours that make a moving star, not an outlier.
_LEAST_BRIGHT = 3
#: Pixels around a moving star that are flagged with it.
_STAR_PIX = 2
_SQUARE = np.ones((3, 3), dtype=np.bool_)


def background_anomalies(
    image: npt.NDArray[np.float32],
    background: npt.NDArray[np.float32],
    star_mask: npt.NDArray[np.bool_],
    light: npt.NDArray[np.float32],
    usable: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Find sudden local changes of the background of one frame.

    Parameters
    ----------
    image : (n_row, n_column) float32
        Flux with its background, e-/s; not finite where not measured.
    background : (n_row, n_column) float32
        Its background, e-/s: `photometry.background.mesh.background_image`.
    star_mask : (n_row, n_column) bool
        Pixels with too much starlight to be judged.
    light : (n_row, n_column) float32
        Light that is the same in all frames, e-/s: `photometry.background.starlight.static_light`. With the catalogue's
        light in its place, everything that is not in the catalogue is an anomaly.
    usable : (n_row, n_column) bool, optional
        `photometry.background.mesh.usable_pixels` of the image, where it is known.

    Returns
    -------
    (n_row, n_column) bool
        Blocks of 8x8 pixels whose mean differs by more than six standard deviations and 0.5 e-/s, with their
        neighbours, and pixels of point sources that are not in `light`. None where nothing could be judged.
    """
    usable = usable_pixels(image) if usable is None else usable
    residual = unused_blanked(image, usable & ~star_mask, light)
    for rows in bands(len(residual)):
        residual[rows] -= background[rows]
    blocks = cell_values(residual, _BLOCK_PIX)
    judged = blocks.count >= _LEAST_PIXELS
    if not judged.any():
        return np.zeros(image.shape, dtype=np.bool_)
    # A scatter that an anomaly inflates would hide it: blocks are measured by their wider surroundings.
    scatter = _spread(blocks.scatter, judged)
    sigma = _CLIPPED_MEAN * scatter / np.sqrt(np.maximum(blocks.count, 1))
    limit = np.maximum(_BLOCK_SIGMA * sigma, _BLOCK_LEAST)
    odd = judged & (np.abs(blocks.level) > limit)
    # Of few blocks it matters how much light they have.
    where = np.nonzero(odd)
    starlight = _block_light(light, residual, *where) / blocks.count[where]
    odd[where] = np.abs(blocks.level[where]) > limit[where] + _BLOCK_LIGHT * starlight
    odd = ndimage.binary_dilation(odd, _SQUARE)
    flagged = _pixels_of(odd, image.shape)
    for row, column in _moving_stars(residual, _PIXEL_SIGMA * scatter, light):
        flagged[max(row - _STAR_PIX, 0) : row + _STAR_PIX + 1, max(column - _STAR_PIX, 0) : column + _STAR_PIX + 1] = (
            True
        )
    return flagged


def _spread(scatter: npt.NDArray[np.float64], judged: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Median scatter of the blocks around each block; that of all where there are none."""
    usual = float(np.median(scatter[judged]))
    return median_of_neighbours(np.where(judged, scatter, usual), 5)


def _block_light(
    light: npt.NDArray[np.float32],
    residual: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Sum the light of the used pixels of some blocks (n_block,), e-/s, of each pixel at least 0."""
    inside = np.arange(_BLOCK_PIX)
    rows, columns = _BLOCK_PIX * row[:, None] + inside, _BLOCK_PIX * column[:, None] + inside
    is_pixel = (rows < light.shape[0])[:, :, None] & (columns < light.shape[1])[:, None, :]
    places = np.minimum(rows, light.shape[0] - 1)[:, :, None], np.minimum(columns, light.shape[1] - 1)[:, None, :]
    lit = np.where(is_pixel & np.isfinite(residual[places]), np.maximum(light[places], 0), np.float32(0))
    return np.asarray(lit.sum(axis=(1, 2), dtype=np.float64))


def _pixels_of(blocks: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Give every pixel the value of its block."""
    return np.repeat(np.repeat(blocks, _BLOCK_PIX, axis=1), _BLOCK_PIX, axis=0)[: shape[0], : shape[1]]


def _moving_stars(
    residual: npt.NDArray[np.float32], limit: npt.NDArray[np.float32], light: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Return pixels (n, 2: row, column) of point sources that are not in `light`; `limit` is that of their blocks."""
    columns = np.repeat(limit, _BLOCK_PIX, axis=1)[:, : residual.shape[1]]
    bright = np.empty(residual.shape, dtype=np.bool_)
    for block, start in enumerate(range(0, len(residual), _BLOCK_PIX)):
        rows = slice(start, start + _BLOCK_PIX)
        np.greater(residual[rows], columns[block], out=bright[rows])
    row, column = np.divmod(np.flatnonzero(bright), residual.shape[1])
    nearby = np.zeros(len(row))
    for row_step in (-1, 0, 1):
        for column_step in (-1, 0, 1):
            at_row = np.clip(row + row_step, 0, residual.shape[0] - 1)
            at_column = np.clip(column + column_step, 0, residual.shape[1] - 1)
            nearby = np.fmax(nearby, light[at_row, at_column])
    clear = residual[row, column] > limit[row // _BLOCK_PIX, column // _BLOCK_PIX] + _PIXEL_LIGHT * nearby
    row, column = row[clear], column[clear]
    bright = np.zeros((residual.shape[0] + 2, residual.shape[1] + 2), dtype=np.bool_)
    bright[row + 1, column + 1] = True
    n_bright = np.sum([bright[row + i, column + j] for i in range(3) for j in range(3)], axis=0)
    pixels: npt.NDArray[np.int64] = np.stack([row, column], axis=1)[n_bright >= _LEAST_BRIGHT]
    return pixels
