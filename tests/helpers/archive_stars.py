"""Stars as the archives have them, for `archive_tables`: a made-up piece of sky in the TIC and in Gaia DR3."""

import numpy as np

from photometry.core.sky import unit_vectors


def places_in_cone(ra: float, dec: float, radius: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return random positions in a circle of the sky, deg."""
    rng = np.random.default_rng(seed)
    centre = unit_vectors(ra, dec)
    east = np.array([-np.sin(np.deg2rad(ra)), np.cos(np.deg2rad(ra)), 0.0])
    north = np.cross(centre, east)
    height = rng.uniform(np.cos(np.deg2rad(radius)), 1, count)
    angle = rng.uniform(0, 2 * np.pi, count)
    across = np.sqrt(1 - height**2)
    x, y, z = height * centre[:, None] + across * (np.cos(angle) * east[:, None] + np.sin(angle) * north[:, None])
    return np.rad2deg(np.arctan2(y, x)) % 360, np.rad2deg(np.arctan2(z, np.hypot(x, y)))


def tic_stars(ra: np.ndarray, dec: np.ndarray, seed: int = 0) -> dict[str, list]:
    """Return columns of the TIC with a star at every place; some lack a proper motion, one in fifty is no star."""
    rng = np.random.default_rng(seed)
    count = len(ra)
    moves = rng.random(count) > 0.1
    return {
        "id": (1000 + rng.permutation(count)).tolist(),
        "ra": ra.tolist(),
        "dec": dec.tolist(),
        "pmra": [
            value if known else None for value, known in zip(rng.normal(0, 5, count).tolist(), moves, strict=True)
        ],
        "pmdec": [
            value if known else None for value, known in zip(rng.normal(0, 5, count).tolist(), moves, strict=True)
        ],
        "tmag": np.maximum(17.5 + 1.4 * np.log(rng.random(count)), 2.0).tolist(),
        "teff": [5000.0] * count,
        "disposition": ["DUPLICATE" if mark else None for mark in rng.random(count) < 0.02],
        "gaia": [None] * count,
    }
