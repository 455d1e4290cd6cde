"""Design matrices of a node as dense blocks: the pixels of a patch times the stars that shine on them.

A sparse matrix of 64x64 pixels and 1,300 stars is dense in patches of 10x10 pixels: a third of the elements of the
blocks are not zero. Dense products run at the speed of the processor, sparse ones at that of the memory; on one core
they take a third of the time, in crowded fields less.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photometry.core.groups import grouped
from photometry.scene.design_matrices import Expansion

__all__ = ["Block", "BlockDesign", "PixelWeights", "design_of"]

#: Pixels per axis of a patch. Measured: 6 to 10 are within a tenth of each other.
_PATCH = 10


@dataclass(frozen=True, slots=True)
class PixelWeights:
    """Weights of the pixels of some cadences.

    Parameters
    ----------
    weights : (n_pixel, 1 or n_cadence) float32
        Inverse variances, (e-/s)^-2.
    valid : (n_pixel, n_cadence) bool
        Pixels that count.
    """

    weights: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]

    def weigh(self, image: npt.NDArray[np.float32], pixels: npt.NDArray[np.int64] | slice) -> None:
        """Multiply an image (n_some, n_cadence) of some pixels with their weights."""
        image *= self.weights[pixels]
        valid = self.valid[pixels]
        if not valid.all():
            image *= valid

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "PixelWeights":
        """Return those of some of the cadences."""
        weights = self.weights if self.weights.shape[1] == 1 else self.weights[:, which]
        return PixelWeights(weights, self.valid[:, which])


@dataclass(frozen=True, slots=True)
class Block:
    """Light of some stars in the pixels of a patch.

    Parameters
    ----------
    pixels : (n_pixel,) int64
        Flat indices of the pixels.
    unknowns : (n_common + n_star,) int64
        The common terms and the stars that shine on the pixels.
    n_common : int
        Terms that all stars share.
    matrix : (n_pixel, n_common + n_term * n_star) float32
        Common terms, then the stars' coefficients of one of `photometry.scene.design_matrices.monomials` after the
        other.
    """

    pixels: npt.NDArray[np.int64]
    unknowns: npt.NDArray[np.int64]
    n_common: int
    matrix: npt.NDArray[np.float32]

    @property
    def n_star(self) -> int:
        """Number of stars."""
        return len(self.unknowns) - self.n_common

    def forward(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the patch's pixels for given unknowns; parameters as of `BlockDesign.forward`."""
        own = x[self.unknowns]
        moved = [own, *(own[self.n_common :] * term for term in terms[1:])]
        image: npt.NDArray[np.float32] = self._of_terms(len(terms)) @ np.concatenate(moved)
        return image

    def add_backward(
        self, image: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], x: npt.NDArray[np.float32]
    ) -> None:
        """Add the products of the block's columns with the patch's pixels (n_pixel, n_cadence) to `x`, all unknowns."""
        products = self._of_terms(len(terms)).T @ image
        own, moved = products[: len(self.unknowns)], products[len(self.unknowns) :]
        for k, term in enumerate(terms[1:]):
            own[self.n_common :] += term * moved[k * self.n_star : (k + 1) * self.n_star]
        x[self.unknowns] += own

    def at(self, terms: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
        """Return the columns of the unknowns at a movement, the node's centre by default: (n_pixel, n_unknown)."""
        if terms is None:
            return self.matrix[:, : len(self.unknowns)].astype(np.float64)
        light = self.matrix[:, self.n_common :].reshape(len(self.pixels), len(terms), self.n_star)
        stars = np.tensordot(terms.astype(np.float32), light, axes=(0, 1))
        return np.concatenate([self.matrix[:, : self.n_common], stars], axis=1).astype(np.float64)

    def with_common(self, common: npt.NDArray[np.float32], n_star: int) -> "Block":
        """Add common terms (all pixels, n_common), after `n_star` stars, to a block that has no common terms."""
        n_common = common.shape[1]
        unknowns = np.concatenate([np.arange(n_star, n_star + n_common), self.unknowns])
        return Block(self.pixels, unknowns, n_common, np.concatenate([common[self.pixels], self.matrix], axis=1))

    def _of_terms(self, n_term: int) -> npt.NDArray[np.float32]:
        """Columns of the common terms and of the first terms of the stars."""
        return self.matrix[:, : self.n_common + n_term * self.n_star]


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
        """Return the pixels for given unknowns.

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

    def with_common(self, common: npt.NDArray[np.floating]) -> "BlockDesign":
        """Add terms (n_pixel, n_common) that all stars share to a design that has no common terms."""
        single = common.astype(np.float32)
        blocks = tuple(block.with_common(single, self.n_star) for block in self.blocks)
        return BlockDesign(blocks, self.n_pixel, self.n_star, common.shape[1])

    def pull(
        self,
        residual: npt.NDArray[np.float32],
        terms: npt.NDArray[np.float32],
        weights: PixelWeights,
        x: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return A^T W (r - A x), (n_star + n_common, n_cadence), block by block, so that no image is kept.

        Parameters
        ----------
        residual : (n_pixel, n_cadence) float32
            r.
        terms : (n_term, n_cadence) float32
            Monomials of the movement.
        weights : PixelWeights
            W of every cadence.
        x : (n_star + n_common, n_cadence) float32, optional
            Unknowns; zero by default.
        """
        product = np.zeros((self.n_star + self.n_common, residual.shape[1]), dtype=np.float32)
        for block in self.blocks:
            image = residual[block.pixels]
            if x is not None:
                image -= block.forward(x, terms)
            weights.weigh(image, block.pixels)
            block.add_backward(image, terms, product)
        return product

    def normal_product(
        self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], weights: PixelWeights
    ) -> npt.NDArray[np.float32]:
        """Return A^T W A x, (n_star + n_common, n_cadence); parameters as of `pull`."""
        product = np.zeros_like(x)
        for block in self.blocks:
            image = block.forward(x, terms)
            weights.weigh(image, block.pixels)
            block.add_backward(image, terms, product)
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
            Monomials of the movement; the node's centre by default.
        """
        matrix = np.zeros((self.n_star + self.n_common,) * 2)
        for block in self.blocks:
            counted = weights[block.pixels] != 0
            if counted.any():
                design = block.at(terms)[counted]
                weighted = weights[block.pixels][counted, None] * design
                matrix[np.ix_(block.unknowns, block.unknowns)] += design.T @ weighted
        return matrix

    def diagonal(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the diagonal of `normal`, (n_star + n_common,)."""
        diagonal = np.zeros(self.n_star + self.n_common)
        for block in self.blocks:
            diagonal[block.unknowns] += weights[block.pixels] @ block.at(None) ** 2
        return diagonal

    def influence(
        self,
        covariance: npt.NDArray[np.float32],
        scale: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
        held: npt.NDArray[np.float64],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return sums over the influence G = C A^T W of the pixels on the unknowns.

        Parameters
        ----------
        covariance : (n_star + n_common, n_star + n_common) float32
            C, in units of `scale`.
        scale : (n_star + n_common,) float64
            Units of the unknowns.
        weights : (n_pixel,) float64
            W.
        held : (n_star + n_common,) float64
            P, some precision of each unknown.

        Returns
        -------
        squared : (n_star + n_common,) float64
            Sum of G^2 over the pixels.
        leverage : (n_pixel,) float64
            Diagonal of A C A^T W.
        of_held : (n_pixel,) float64
            Diagonal of A C P C A^T W.
        """
        squared, leverage, of_held = np.zeros(len(scale)), np.zeros(self.n_pixel), np.zeros(self.n_pixel)
        held = (held * scale**2).astype(np.float32)
        for block in self.blocks:
            unknowns = block.unknowns
            design = (block.at(None) * scale[unknowns]).astype(np.float32)
            response = design @ covariance[unknowns]
            of_pixels = weights[block.pixels].astype(np.float32)
            leverage[block.pixels] = np.einsum("pi,pi->p", design, response[:, unknowns]) * of_pixels
            response *= response
            of_held[block.pixels] = (response @ held) * of_pixels
            squared += of_pixels**2 @ response
        return squared * scale**2, leverage, of_held


def design_of(expansion: Expansion) -> BlockDesign:
    """Cut the design matrices of stars, which share one sparsity pattern, into blocks; there are no common terms."""
    n_row, n_column = expansion.shape
    matrices = expansion.matrices
    row, column = np.divmod(np.arange(n_row * n_column), n_column)
    patch_of_pixel = (row // _PATCH) * (-(-n_column // _PATCH)) + column // _PATCH
    n_patch = int(patch_of_pixel[-1]) + 1
    pixels_by_patch, of_pixels = grouped(patch_of_pixel, n_patch)
    pixel = np.repeat(np.arange(n_row * n_column), np.diff(matrices[0].indptr))
    by_patch, of_values = grouped(patch_of_pixel[pixel], n_patch)
    values = np.stack([matrix.data for matrix in matrices])[:, by_patch]
    pixel, star = pixel[by_patch], matrices[0].indices[by_patch]
    place, member = np.empty(n_row * n_column, dtype=np.int64), np.empty(expansion.n_star, dtype=np.int64)
    blocks = []
    for patch in range(n_patch):
        pixels = pixels_by_patch[of_pixels[patch] : of_pixels[patch + 1]]
        place[pixels] = np.arange(len(pixels))
        inside = slice(of_values[patch], of_values[patch + 1])
        stars = np.unique(star[inside])
        member[stars] = np.arange(len(stars))
        light = np.zeros((len(pixels), len(matrices), len(stars)), dtype=np.float32)
        light[place[pixel[inside]], :, member[star[inside]]] = values[:, inside].T
        blocks.append(Block(pixels, stars.astype(np.int64), 0, light.reshape(len(pixels), -1)))
    return BlockDesign(tuple(blocks), n_row * n_column, expansion.n_star, 0)
