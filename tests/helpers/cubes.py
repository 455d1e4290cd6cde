"""Cubes that are like another one but for something."""

from dataclasses import replace

from photometry.core.cube import Cube


def with_header(cube: Cube, **changes: object) -> Cube:
    """Return a cube with other values in its header."""
    return replace(cube, header=replace(cube.header, **changes))
