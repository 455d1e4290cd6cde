"""Scenes with known truth: star fields as TESS would see them, for the demo, the tests and the benchmarks.

>>> scene = simulate_scene(SceneSettings(density=6000, seed=1), model_prf())  # doctest: +SKIP
"""

from photometry.simulate.perturb import perturbed_prf
from photometry.simulate.render import render_stars
from photometry.simulate.scene import Scene, cube_of_scene, simulate_scene, true_kernel
from photometry.simulate.settings import SceneSettings, settings_from_mapping

__all__ = [
    "Scene",
    "SceneSettings",
    "cube_of_scene",
    "perturbed_prf",
    "render_stars",
    "settings_from_mapping",
    "simulate_scene",
    "true_kernel",
]
