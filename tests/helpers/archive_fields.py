"""A simulated field that TESS saw in several sectors, and a server that has its cutouts, stars and PRF files."""

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from archive_stand_in import Reply, Request, StandIn
from archive_tables import TableService
from astropy.io import fits

from photometry.io.reference.sector_wcs import place_on_ccd
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PrfGrid
from photometry.simulate import SceneSettings, simulate_scene
from photometry.simulate.scene_files import tesscut_name, write_tesscut
from photometry.simulate.scenes import Scene

#: pi Mensae's place, near the southern continuous viewing zone, and some CCDs that saw it.
RA, DEC = 84.291198, -80.469119
SEEN = ((1, 4, 2), (4, 4, 3), (8, 4, 4))
#: Number and magnitude of the star in the middle.
TMAG = 11.0


@dataclass(frozen=True)
class Sky:
    """What there is to be seen.

    Parameters
    ----------
    scenes : dict of (sector, camera, ccd) to Scene
        The same stars on several CCDs.
    starid : int
        TIC number of the star in the middle.
    in_scenes : int
        Its number in the scenes.
    """

    scenes: dict[tuple[int, int, int], Scene]
    starid: int
    in_scenes: int

    def flux_in(self, seen: tuple[int, int, int]) -> float:
        """Return the true mean flux of the star on a CCD, e-/s."""
        scene = self.scenes[seen]
        (star,) = np.flatnonzero(scene.population.stars.starid == self.in_scenes)
        return float(scene.flux[star].mean())


@cache
def sky_of(n_sector: int = 2, size: int = 15, n_cadence: int = 60) -> Sky:
    """Simulate a field in some sectors."""
    return sky_at(RA, DEC, SEEN[:n_sector], TMAG, size, n_cadence)


def sky_at(
    ra: float,
    dec: float,
    ccds: tuple[tuple[int, int, int], ...],
    tmag: float,
    size: int,
    n_cadence: int,
    starid: int | None = None,
) -> Sky:
    """Simulate the field of a star on some CCDs; its TIC number is that of the scenes if none is given."""
    scenes = {}
    for seen in ccds:
        place = place_on_ccd(*seen, ra, dec)
        assert place is not None
        settings = SceneSettings(
            seed=4, sector=seen[0], camera=seen[1], ccd=seen[2], ra=ra, dec=dec, n_row=size, n_column=size,
            n_cadence=n_cadence, row_min=round(place[0]) - size // 2, col_min=round(place[1]) - size // 2,
            proper_motion_mas=0.0, density=3000.0, n_pairs=0, extra_tmags=(tmag,), variable_fraction=0.0,
            wcs_offset_pix=0.0,
        )  # fmt: skip
        scenes[seen] = simulate_scene(settings, model_prf(seen[2]))
    catalogue = next(iter(scenes.values())).catalogue
    distance = np.hypot((catalogue.ra - ra) * np.cos(np.deg2rad(dec)), catalogue.dec - dec)
    alike = np.abs(catalogue.stars.tmag - tmag) < 0.3
    number = int(catalogue.stars.starid[alike][np.argmin(distance[alike])])
    return Sky(scenes, starid or number, number)


def add_sky(server: StandIn, sky: Sky, folder: Path) -> None:
    """Let a server answer for a field."""
    TableService(stars_of(sky)).add_to(server)
    server.routes["/tesscut/api/v0.1/sector"] = lambda _request: Reply.of_json(
        {
            "results": [
                {"sectorName": f"tess-s{s:04d}-{c}-{k}", "sector": f"{s:04d}", "camera": str(c), "ccd": str(k)}
                for s, c, k in sky.scenes
            ]
        }
    )
    zipped = {seen[0]: _zipped(scene, folder) for seen, scene in sky.scenes.items()}

    def cutout(request: Request) -> Reply:
        content = zipped.get(int(request.form.get("sector", 0)))
        if content is None:
            return Reply.of_json({"msg": "No FFIs found for input target. Cutout not performed."})
        return Reply(content, "application/zip")

    server.routes["/tesscut/api/v0.1/astrocut"] = cutout
    for seen in sky.scenes:
        add_prf(server, model_prf(seen[2]), *seen)


def add_prf(server: StandIn, prf: PrfGrid, sector: int, camera: int, ccd: int) -> None:
    """Let a server have the PRF files of a CCD."""
    epoch, date = (1, "tess2018243163600") if sector < 4 else (4, "tess2019107181900")
    page = f"/missions/tess/models/prf_fitsfiles/start_s{epoch:04d}/cam{camera}_ccd{ccd}/"
    files = {}
    for i, row in enumerate(prf.rows + 1):
        for j, column in enumerate(prf.columns + 1):
            name = f"{date}-prf-{camera}-{ccd}-row{int(row):04d}-col{int(column):04d}.fits"
            keys = {"CAM": camera, "CCD": ccd, "CCD_RREF": row, "CCD_CREF": column, "NSAMP": 9}
            primary = fits.PrimaryHDU(prf.samples[i, j])
            primary.header.update({key: float(value) for key, value in keys.items()})
            written = io.BytesIO()
            fits.HDUList([primary, fits.ImageHDU(prf.errors[i, j])]).writeto(written)
            files[page + name] = written.getvalue()
    links = "".join(f'<a href="{path.rsplit("/", 1)[1]}">file</a>\n' for path in files)

    def answer(request: Request) -> Reply:
        if request.path == page:
            return Reply(links.encode(), "text/html")
        content = files.get(request.path)
        return Reply(b"no such file", "text/plain", 404) if content is None else Reply(content)

    server.routes[page] = answer


def _zipped(scene: Scene, folder: Path) -> bytes:
    path = folder / tesscut_name(scene.settings)
    write_tesscut(scene, path)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.write(path, path.name)
    return written.getvalue()


def stars_of(sky: Sky) -> dict[str, list]:
    """Return the stars of a field as columns of the TIC."""
    catalogue = next(iter(sky.scenes.values())).catalogue
    n_star = len(catalogue.stars.starid)
    return {
        "id": np.where(catalogue.stars.starid == sky.in_scenes, sky.starid, catalogue.stars.starid).tolist(),
        "ra": catalogue.ra.tolist(),
        "dec": catalogue.dec.tolist(),
        "pmra": [0.0] * n_star,
        "pmdec": [None] * n_star,
        "tmag": catalogue.stars.tmag.tolist(),
        "teff": [5800.0] * n_star,
        "disposition": [None] * n_star,
        "duplicate_id": [None] * n_star,
        "version": ["20190415"] * n_star,
    }
