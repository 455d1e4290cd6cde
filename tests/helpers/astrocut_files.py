"""Cutouts of simulated scenes as the installed astrocut makes them of full-frame images: no place on the CCD."""

import gc
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from photometry.core.constants import FRAME_SHAPE
from photometry.simulate import SceneSettings
from photometry.simulate.scene_cards import ffi_cards, pixel_cards, primary_cards, utc_of
from photometry.simulate.scenes import Scene


def write_frames(scene: Scene, folder: Path) -> list[Path]:
    """Write the whole frames of which a scene is cut: nothing but the scene's pixels is on them."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_frame(scene, number, folder) for number in range(len(scene.time))]


def _write_frame(scene: Scene, number: int, folder: Path) -> Path:
    settings, correction = scene.settings, float(scene.timecorr[number])
    half = settings.cadence_s / 2 / 86400
    spacecraft = float(scene.time[number]) - correction + np.array([-half, half])
    primary = fits.PrimaryHDU(header=fits.Header([*primary_cards(scene), *ffi_cards(scene)]))
    primary.header["TSTART"], primary.header["TSTOP"] = spacecraft
    primary.header["DATE-OBS"] = utc_of(spacecraft[0] + 2457000).isoformat()
    primary.header["FFIINDEX"] = int(scene.cadenceno[number])
    hdus = [primary]
    for kind, pixels in (("cal", scene.pixels[number]), ("uncert", scene.errors[number])):
        frame = np.zeros(FRAME_SHAPE, dtype=np.float32)
        frame[settings.stamp.row_min : settings.stamp.row_max, settings.stamp.col_min : settings.stamp.col_max] = pixels
        hdu = fits.ImageHDU(frame, name=f"CAMERA.CCD {settings.camera}.{settings.ccd} {kind}")
        hdu.header.extend(pixel_cards(scene, is_tpf=False))
        hdu.header.extend(fits.Header.fromstring(WCS(scene.wcs_header).to_header_string(relax=True)), update=True)
        for key, value in {
            "CAMERA": settings.camera,
            "CCD": settings.ccd,
            "TSTART": spacecraft[0] + correction,
            "TSTOP": spacecraft[1] + correction,
            "BARYCORR": correction,
            "DQUALITY": int(scene.quality[number]),
            "DATE-OBS": utc_of(spacecraft[0] + 2457000).isoformat(),
            "DATE-END": utc_of(spacecraft[1] + 2457000).isoformat(),
        }.items():
            hdu.header[key] = value
        hdus.append(hdu)
    clock = f"{utc_of(spacecraft[0] + 2457000):%Y%j%H%M%S}"
    name = f"tess{clock}-s{settings.sector:04d}-{settings.camera}-{settings.ccd}-0120-s_ffic.fits"
    fits.HDUList(hdus).writeto(folder / name)
    return folder / name


def astrocut_cutout(frames: list[Path], settings: SceneSettings, folder: Path) -> Path:
    """Cut a scene's pixels out of its frames with astrocut; the file has astrocut's name."""
    pytest.importorskip("astrocut", reason="astrocut is not installed: pip install '.[astrocut]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from astrocut import CubeFactory, TessCubeCutout
        from astropy.coordinates import SkyCoord

        cube = str(folder / f"tess-s{settings.sector:04d}-{settings.camera}-{settings.ccd}-cube.fits")
        CubeFactory().make_cube([str(path) for path in frames], cube, sector=settings.sector, verbose=False)
        target = SkyCoord(settings.ra, settings.dec, unit="deg")
        cut = TessCubeCutout(cube, target, (settings.n_column, settings.n_row))
        (path,) = cut.write_as_tpf(output_dir=str(folder / "cutouts"))
        # It leaves the cube open, which would be told when the object goes.
        del cut
        gc.collect()
    Path(cube).unlink()
    return Path(path)


def real_place(sector: int, camera: int, ccd: int, row_min: int, col_min: int, n_row: int, n_column: int) -> dict:
    """Return the settings of a scene that lies where the pixels of a CCD of a sector look."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tesswcs

        wcs = tesswcs.WCS.from_sector(sector, camera, ccd)
    middle = np.array([col_min + (n_column - 1) / 2, row_min + (n_row - 1) / 2])
    (ra, dec), (next_ra, next_dec) = (wcs.all_pix2world(*place, 0) for place in (middle, middle + np.array([1, 0])))
    east = (next_ra - ra) * np.cos(np.deg2rad(dec))
    return {
        "sector": sector,
        "camera": camera,
        "ccd": ccd,
        "ra": float(ra) % 360,
        "dec": float(dec),
        "rotation_deg": float(np.rad2deg(np.arctan2(next_dec - dec, east))),
        "row_min": row_min,
        "col_min": col_min,
        "n_row": n_row,
        "n_column": n_column,
    }
