"""Design matrices as the solution of the cadences sees them, and those of cadences that have one each."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from photometry.scene.blocks import PixelWeights
from photometry.scene.design_matrices import Expansion

__all__ = ["CadenceDesigns", "Design"]


class Design(Protocol):
    """Design matrices of some cadences: products with unknowns (n_star + n_common, n_cadence) and pixels."""

    def forward(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return A x, (n_pixel, n_cadence); terms are the monomials of the movement, (n_term, n_cadence)."""
        ...

    def pull(
        self,
        residual: npt.NDArray[np.float32],
        terms: npt.NDArray[np.float32],
        weights: PixelWeights,
        x: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return A^T W (r - A x), (n_star + n_common, n_cadence), of r (n_pixel, n_cadence); x is 0 by default."""
        ...

    def normal_product(
        self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], weights: PixelWeights
    ) -> npt.NDArray[np.float32]:
        """Return A^T W A x, (n_star + n_common, n_cadence)."""
        ...

    def diagonal(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the diagonal of A^T W A, (n_star + n_common,), for weights (n_pixel,)."""
        ...

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "Design":
        """Return the matrices of some of the cadences."""
        ...


@dataclass(frozen=True, slots=True)
class CadenceDesigns:
    """Sparse design matrices of cadences that have one each, without terms of the movement.

    Parameters
    ----------
    expansions : tuple of Expansion
        Stars of each cadence; the constant term counts.
    common : (n_pixel, n_common) float32
        Terms that all stars share.
    """

    expansions: tuple[Expansion, ...]
    common: npt.NDArray[np.float32]

    def forward(self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return A x of every cadence, (n_pixel, n_cadence)."""
        del terms
        n_star = len(x) - self.common.shape[1]
        image: npt.NDArray[np.float32] = self.common @ x[n_star:]
        for k, expansion in enumerate(self.expansions):
            image[:, k] += expansion.matrices[0] @ x[:n_star, k]
        return image

    def pull(
        self,
        residual: npt.NDArray[np.float32],
        terms: npt.NDArray[np.float32],
        weights: PixelWeights,
        x: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return A^T W (r - A x) of every cadence, (n_star + n_common, n_cadence)."""
        image = residual.copy() if x is None else residual - self.forward(x, terms)
        return self._backward(image, weights)

    def normal_product(
        self, x: npt.NDArray[np.float32], terms: npt.NDArray[np.float32], weights: PixelWeights
    ) -> npt.NDArray[np.float32]:
        """Return A^T W A x of every cadence, (n_star + n_common, n_cadence)."""
        return self._backward(self.forward(x, terms), weights)

    def _backward(self, image: npt.NDArray[np.float32], weights: PixelWeights) -> npt.NDArray[np.float32]:
        """Return A^T W y of every cadence, (n_star + n_common, n_cadence); weights the image (n_pixel, n_cadence)."""
        weights.weigh(image, slice(None))
        stars = [expansion.transposed[0] @ image[:, k] for k, expansion in enumerate(self.expansions)]
        return np.concatenate([np.stack(stars, axis=1), self.common.T @ image])

    def of_cadences(self, which: npt.NDArray[np.bool_]) -> "CadenceDesigns":
        """Return the matrices of some of the cadences."""
        return CadenceDesigns(tuple(self.expansions[k] for k in np.flatnonzero(which)), self.common)

    def diagonal(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the diagonal of A^T W A of the first cadence, (n_star + n_common,)."""
        stars = self.expansions[0].transposed[0].power(2) @ weights
        return np.concatenate([stars, weights @ self.common.astype(np.float64) ** 2])
