"""Scenes with known truth: star fields and whole CCDs as TESS would see them, for demos, tests and benchmarks.

>>> scene = simulate_scene(SceneSettings(density=6000, seed=1), model_prf())  # doctest: +SKIP
"""

from photometry.simulate.ccd import SimulatedCcd, frames_of, simulate_ccd
from photometry.simulate.ccd_settings import CcdSettings
from photometry.simulate.perturb import blurred_prf, intrapixel_prf, mixed_prf, perturbed_prf
from photometry.simulate.render import render_stars
from photometry.simulate.scene_settings import SceneSettings, settings_from_mapping
from photometry.simulate.scenes import Scene, cube_of_scene, simulate_scene, true_kernel

__all__ = [
    "CcdSettings",
    "Scene",
    "SceneSettings",
    "SimulatedCcd",
    "blurred_prf",
    "cube_of_scene",
    "frames_of",
    "intrapixel_prf",
    "mixed_prf",
    "perturbed_prf",
    "render_stars",
    "settings_from_mapping",
    "simulate_ccd",
    "simulate_scene",
    "true_kernel",
]
