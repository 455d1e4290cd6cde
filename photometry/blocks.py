"""Design matrices of a node as dense blocks: the pixels of a patch times the stars that shine on them.

A sparse matrix of 64x64 pixels and 1,300 stars is dense in patches of 8x8 pixels: a third of the elements of the blocks
are not zero. Dense products run at the speed of the processor, sparse ones at that of the memory; on one core they
take a third of the time, in crowded fields less.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.scene import Expansion

__all__ = ["Block", "BlockDesign", "design_of"]

#: Pixels per axis of a patch. Measured: 6 to 10 are within a tenth of each other.
_PATCH = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Light of some stars in the pixels of a patch.

    Parameters
    ----------
    pixels : (n_pixel,) int64
        Flat indices of the pixels.
    stars : (n_star,) int64
        Stars that shine on them.
    light : (n_term, n_pixel, n_star) float32
        Coefficients of `photometry.scene.monomials`.
    common : (n_pixel, n_common) float32
        Terms that all stars share.
    """

    pixels: npt.NDArray[np.int64]
    stars: npt.NDArray[np.int64]
    light: npt.NDArray[np.float32]
    common: npt.NDArray[np.float32]

    def stacked(self, n_term: int) -> npt.NDArray[np.float32]:
        """Return the first terms below each other, (n_term * n_pixel, n_star)."""
        _, n_pixel, n_star = self.light.shape
        return self.light[:n_term].reshape(n_term * n_pixel, n_star)

    def forward(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the patch's pixels that unknowns make; parameters as of `BlockDesign.forward`."""
        n_term, n_pixel, n_common = len(terms), len(self.pixels), self.common.shape[1]
        parts = self.stacked(n_term) @ x[self.stars]
        total: npt.NDArray[np.float32] = self.common @ x[len(x) - n_common :]
        total += parts[:n_pixel]
        for k in range(1, n_term):
            part = parts[k * n_pixel : (k + 1) * n_pixel]
            part *= terms[k]
            total += part
        return total

    def add_backward(
        self, part: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], x: npt.NDArray[np.float32]
    ) -> None:
        """Add the products of the block's columns with the patch's pixels (n_pixel, n_cadence) to `x`, all unknowns."""
        x[len(x) - self.common.shape[1] :] += self.common.T @ part
        x[self.stars] += self.stacked(len(terms)).T @ (terms[:, None, :] * part).reshape(-1, part.shape[1])


@dataclass(frozen=True, slots=True)
class BlockDesign:
    """Design matrix of stars and common terms about a node, in blocks.

    Unknowns are the stars and then the common terms.

    Parameters
    ----------
    blocks : tuple of Block
        Every pixel is in exactly one.
    n_pixel, n_star, n_common : int
        Shape of the whole matrix.
    """

    blocks: tuple[Block, ...]
    n_pixel: int
    n_star: int
    n_common: int

    def forward(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the pixels that unknowns make.

        Parameters
        ----------
        x : (n_star + n_common, n_cadence) float32
            Unknowns.
        terms : (n_term, n_cadence) float32
            Monomials of the movement; the first is 1. Those that are left out count as zero.

        Returns
        -------
        (n_pixel, n_cadence) float32
            A x of every cadence.
        """
        image = np.empty((self.n_pixel, x.shape[1]), dtype=np.float32)
        for block in self.blocks:
            image[block.pixels] = block.forward(x, terms)
        return image

    def backward(self, image: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the products A^T y of the design's columns with pixels: (n_star + n_common, n_cadence).

        Parameters
        ----------
        image : (n_pixel, n_cadence) float32
            Pixels.
        terms : (n_term, n_cadence) float32
            Monomials of the movement.
        """
        x = np.zeros((self.n_star + self.n_common, image.shape[1]), dtype=np.float32)
        for block in self.blocks:
            block.add_backward(image[block.pixels], terms, x)
        return x

    def pushed(
        self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Return A^T W A x, (n_star + n_common, n_cadence), block by block, so that no image has to be kept.

        Parameters
        ----------
        x : (n_star + n_common, n_cadence) float32
            Unknowns.
        terms : (n_term, n_cadence) float32
            Monomials of the movement.
        weights : (n_pixel, n_cadence) float32
            W of every cadence.
        """
        product = np.zeros_like(x)
        for block in self.blocks:
            part = block.forward(x, terms)
            part *= weights[block.pixels]
            block.add_backward(part, terms, product)
        return product

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "BlockDesign":
        """Return the same: all cadences share the matrices."""
        del which
        return self

    def normal(
        self, weights: npt.NDArray[np.float64], terms: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Return A^T W A, (n_star + n_common, n_star + n_common).

        Parameters
        ----------
        weights : (n_pixel,) float64
            W.
        terms : (n_term,) float64, optional
            Monomials of the movement; the node's center by default.
        """
        matrix = np.zeros((self.n_star + self.n_common,) * 2)
        for block in self.blocks:
            design, unknowns = self._at_center(block, terms)
            matrix[np.ix_(unknowns, unknowns)] += design.T @ (weights[block.pixels, None] * design)
        return matrix

    def diagonal(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the diagonal of `normal`, (n_star + n_common,)."""
        diagonal = np.zeros(self.n_star + self.n_common)
        for block in self.blocks:
            design, unknowns = self._at_center(block)
            diagonal[unknowns] += weights[block.pixels] @ design**2
        return diagonal

    def influence(
        self, covariance: npt.NDArray[np.float32], scale: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return what the influence G = C A^T W of the pixels on the unknowns makes.

        Parameters
        ----------
        covariance : (n_star + n_common, n_star + n_common) float32
            C, in units of `scale`.
        scale : (n_star + n_common,) float64
            Units of the unknowns.
        weights : (n_pixel,) float64
            W.

        Returns
        -------
        squared : (n_star + n_common,) float64
            Sum of G^2 over the pixels.
        leverage : (n_pixel,) float64
            Diagonal of A C A^T W.
        """
        squared, leverage = np.zeros(self.n_star + self.n_common), np.zeros(self.n_pixel)
        for block in self.blocks:
            design, unknowns = self._at_center(block)
            design = (design * scale[unknowns]).astype(np.float32)
            response = design @ covariance[unknowns]
            response *= weights[block.pixels, None].astype(np.float32)
            leverage[block.pixels] = np.einsum("pi,pi->p", design, response[:, unknowns])
            response *= response
            squared += response.sum(axis=0)
        return squared * scale**2, leverage

    def _at_center(
        self, block: Block, terms: npt.NDArray[np.float64] | None = None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Design of a block's pixels at the node's center, (n_pixel, n_unknown), and which unknowns they are."""
        unknowns = np.concatenate([block.stars, np.arange(self.n_star, self.n_star + self.n_common)])
        stars = block.light[0] if terms is None else np.tensordot(terms.astype(np.float32), block.light, axes=1)
        return np.concatenate([stars, block.common], axis=1).astype(np.float64), unknowns


def design_of(expansion: Expansion, common: npt.NDArray[np.float64]) -> BlockDesign:
    """Cut the design matrices of stars into blocks.

    Parameters
    ----------
    expansion : Expansion
        Design matrices of the stars; they share one sparsity pattern.
    common : (n_pixel, n_common) float64
        Terms that all stars share.
    """
    n_row, n_column = expansion.shape
    matrices = expansion.matrices
    row, column = np.divmod(np.arange(n_row * n_column), n_column)
    patch_of_pixel = (row // _PATCH) * (-(-n_column // _PATCH)) + column // _PATCH
    pixel = np.repeat(np.arange(n_row * n_column), np.diff(matrices[0].indptr))
    by_patch = np.argsort(patch_of_pixel[pixel], kind="stable")
    values = np.stack([matrix.data for matrix in matrices])[:, by_patch]
    pixel, star = pixel[by_patch], matrices[0].indices[by_patch]
    n_patch = int(patch_of_pixel[-1]) + 1
    edges = np.searchsorted(patch_of_pixel[pixel], np.arange(n_patch + 1))
    place = np.empty(n_row * n_column, dtype=np.int64)
    blocks = []
    for patch in range(n_patch):
        pixels = np.flatnonzero(patch_of_pixel == patch)
        place[pixels] = np.arange(len(pixels))
        inside = slice(edges[patch], edges[patch + 1])
        stars, member = np.unique(star[inside], return_inverse=True)
        light = np.zeros((len(matrices), len(pixels), len(stars)), dtype=np.float32)
        light[:, place[pixel[inside]], member] = values[:, inside]
        blocks.append(Block(pixels, stars.astype(np.int64), light, common[pixels].astype(np.float32)))
    return BlockDesign(tuple(blocks), n_row * n_column, expansion.n_star, common.shape[1])
