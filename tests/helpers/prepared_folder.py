"""Small prepared folders of simulated fields, for tests of the Python interface."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from cubes import with_header

from photometry.calibration.kernel import MovementKernel
from photometry.catalog.star_catalog import make_catalog
from photometry.core.cube import Cube
from photometry.core.stars import Stars
from photometry.io.products.cube_files import write_cube
from photometry.io.products.product_files import write_kernel, write_prf
from photometry.io.stars.catalog_files import write_catalog
from photometry.io.stars.star_tables import read_star_table
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import Scene, SceneSettings, cube_of_scene, simulate_scene, true_kernel
from photometry.simulate.scene_files import write_star_table, write_tpf


@dataclass(frozen=True)
class Prepared:
    """A folder of prepared files, and the scene that is in it.

    Parameters
    ----------
    folder : Path
        A workflow's folder prepared/, or what stands for it.
    scene : Scene
        The truth.
    cube : Cube
        What the cube holds.
    kernel : MovementKernel
        The true motion.
    starid : int
        A bright star in the middle.
    """

    folder: Path
    scene: Scene
    cube: Cube
    kernel: MovementKernel
    starid: int

    @property
    def place(self) -> dict[str, int]:
        """Sector, camera and CCD as arguments."""
        pointing = self.cube.header.pointing
        return {"sector": pointing.sector, "camera": pointing.camera, "ccd": pointing.ccd}

    @property
    def name(self) -> str:
        """Name of the CCD in file names."""
        return "sector{sector:03d}_camera{camera}_ccd{ccd}".format(**self.place)

    def truth(self, starid: int) -> np.ndarray:
        """True flux of a star in the cadences of the cube, e-/s."""
        flux = self.scene.flux[self.scene.population.starid == starid][0]
        return flux[np.isfinite(self.scene.time)]


def make_scene(prf: PrfGrid | None = None, **changes: object) -> Scene:
    """Simulate a small field with a star of T=10.5 in the middle."""
    values: dict[str, object] = {
        "n_row": 30,
        "n_column": 32,
        "n_cadence": 40,
        "density": 4000.0,
        "faintest_tmag": 17.0,
        "extra_tmags": (10.5, 13.0),
        "n_pairs": 0,
        "seed": 11,
    }
    return simulate_scene(SceneSettings(**(values | changes)), prf or model_prf())


def _middle_star(scene: Scene) -> int:
    stars, (row, column) = scene.population, scene.settings.stamp.center
    near = np.flatnonzero(np.hypot(stars.row - row, stars.column - column) < 1)
    return int(stars.starid[near[np.argmin(stars.tmag[near])]])


def prepare(
    folder: Path, scene: Scene, region: str, datasource: str = "ffi", products: bool = True, procver: str = "simulated"
) -> Prepared:
    """Write cube and catalogue of a scene, and its true motion and PRF when `products` is set."""
    folder.mkdir(parents=True, exist_ok=True)
    cube = cube_of_scene(scene)
    cube = with_header(cube, pointing=replace(cube.header.pointing, datasource=datasource, procver=procver))
    stars = folder.parent / f"stars_{region}.csv"
    write_star_table(scene, stars)
    write_cube(folder / f"{region}.hdf5", cube, {"pixels": stars})
    write_stars(folder / f"catalog_{region}.sqlite", stars, cube)
    timed = np.isfinite(scene.time)
    true = true_kernel(scene)
    kernel = replace(true, parameters=true.parameters[timed], covariance=true.covariance[timed], bad=true.bad[timed])
    if products:
        write_kernel(folder / f"movement_refined_{region}.hdf5", kernel, {})
        write_prf(folder / f"prf_{region}.hdf5", model_prf(), {})
    return Prepared(folder, scene, cube, kernel, _middle_star(scene))


def without_a_star(prepared: Prepared, starid: int, folder: Path) -> Stars:
    """Copy a prepared folder whose catalogue lacks a star; return that star, as it would be listed among such."""
    shutil.copytree(prepared.folder, folder)
    (path,) = folder.glob("catalog_*.sqlite")
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("DELETE FROM catalog WHERE starid = ?", (starid,)).rowcount == 1
    stars = prepared.scene.catalogue_stars
    star = stars.select(stars.starid == starid)
    return replace(star, starid=np.array([-1]))


def write_stars(path: Path, stars: Path, cube: Cube) -> None:
    """Write the catalogue of a cube from a star table."""
    table = read_star_table(stars).table
    write_catalog(
        path,
        make_catalog(
            table, cube.header.pointing, cube.header.wcs_header, cube.stamp, float(cube.header.time.mean()), 0.1
        ),
    )


def prepare_ccd(folder: Path, **changes: object) -> Prepared:
    """Write the cube of a part of a CCD under the name of the whole."""
    scene = make_scene(**changes)
    settings = scene.settings
    region = f"sector{settings.sector:03d}_camera{settings.camera}_ccd{settings.ccd}"
    return prepare(folder, scene, region)


def prepare_tpf(folder: Path, **changes: object) -> Prepared:
    """Write a target pixel file of 11x11 pixels, and the catalogue of its CCD, as no workflow has prepared it."""
    scene = make_scene(**({"cadence_s": 120, "n_row": 11, "n_column": 11} | changes))
    starid = _middle_star(scene)
    settings = scene.settings
    name = f"sector{settings.sector:03d}_camera{settings.camera}_ccd{settings.ccd}"
    folder.mkdir(parents=True, exist_ok=True)
    kind = "a_fast-tp" if settings.cadence_s == 20 else "s_tp"
    write_tpf(scene, folder / f"tess2018206045859-s{settings.sector:04d}-{starid:016d}-0120-{kind}.fits", starid)
    stars = folder.parent / "stars_tpf.csv"
    write_star_table(scene, stars)
    cube = cube_of_scene(scene)
    write_stars(folder / f"catalog_{name}.sqlite", stars, cube)
    timed = np.isfinite(scene.time)
    true = true_kernel(scene)
    kernel = replace(true, parameters=true.parameters[timed], covariance=true.covariance[timed], bad=true.bad[timed])
    return Prepared(folder, scene, cube, kernel, starid)
