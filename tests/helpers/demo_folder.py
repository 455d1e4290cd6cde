"""Prepared files of the demo's star fields, without the hour of work that preparing takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from prepared_folder import write_stars

from photometry.io.pixels.pixel_files import inspect_pixel_file
from photometry.io.pixels.pixel_readers import read_pixels
from photometry.io.products.cube_files import write_cube
from photometry.io.products.product_files import write_kernel, write_prf
from photometry.prf.model import model_prf
from photometry.simulate import SceneSettings, settings_from_mapping, simulate_scene, true_kernel
from photometry.simulate.scene_files import write_pixels, write_star_table, write_truth


def write_demo(root: Path, settings: Path) -> Path:
    """Write the folder prepared/ that the demo has, with the true motion and PRF, and the truth; return it."""
    folder, data = root / "demo/results/prepared", root / "demo/data"
    folder.mkdir(parents=True)
    data.mkdir(parents=True)
    scenes = yaml.safe_load(settings.read_text())["simulate"]["scenes"]
    for name, values in scenes.items():
        scene = simulate_scene(settings_from_mapping(values, SceneSettings), model_prf())
        pixels, stars, datasource = data / f"{name}.fits", data / f"{name}.csv", "tpf" if name == "tpf" else "tesscut"
        write_pixels(scene, pixels)
        write_star_table(scene, stars)
        write_truth(scene, data / f"{name}_truth.hdf5")
        region, cube = inspect_pixel_file(pixels, datasource).region, read_pixels(pixels, datasource)
        write_cube(folder / f"{region}.hdf5", cube, {"pixels": pixels})
        write_stars(folder / f"catalog_{region}.sqlite", stars, cube)
        timed, true = np.isfinite(scene.time), true_kernel(scene)
        kernel = replace(
            true, parameters=true.parameters[timed], covariance=true.covariance[timed], bad=true.bad[timed]
        )
        write_kernel(folder / f"movement_refined_{region}.hdf5", kernel, {})
        write_prf(folder / f"prf_{region}.hdf5", model_prf(), {})
    return folder
