"""A CCD in a sector, which has seen something."""

from dataclasses import dataclass

__all__ = ["SeenBy"]


@dataclass(frozen=True, slots=True, order=True)
class SeenBy:
    """A CCD in a sector.

    Parameters
    ----------
    sector, camera, ccd : int
        The CCD.
    """

    sector: int
    camera: int
    ccd: int

    def __str__(self) -> str:
        return f"sector {self.sector} (camera {self.camera}, CCD {self.ccd})"
