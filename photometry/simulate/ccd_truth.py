"""What is true of simulated full-frame images, as a file."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.core.constants import FIRST_SCIENCE_COLUMN
from photometry.io.store.provenance import open_product, write_product
from photometry.simulate.ccd import SimulatedCcd
from photometry.simulate.ccd_light import PATTERNS, CcdLight
from photometry.simulate.ccd_motion import AffineMotion
from photometry.simulate.frame_cards import ffi_name
from photometry.simulate.population import true_fluxes

__all__ = ["CcdTruth", "read_ccd_truth", "write_ccd_truth"]

_KIND, _LAYOUT = "ccd_truth", 1
_LIGHT = tuple(field.name for field in fields(CcdLight))


@dataclass(frozen=True, slots=True)
class CcdTruth:
    """What is true of the frames of a CCD, as read from its truth file.

    Parameters
    ----------
    starid : (n_star,) int64
        Star numbers.
    tmag, row, column : (n_star,) float64
        True magnitude out of transit and eclipse, 0-based CCD position without motion.
    kind : (n_star,) str
        ``const``, ``sine``, ``transit``, ``eb``.
    pairs : (n_pair, 3) float64
        Index of a constant star, of its eclipsing neighbour, separation in pixels.
    variable : (n_variable,) int64
        Indices of the stars that vary.
    relative : (n_variable, n_cadence) float32
        Their flux over that of `tmag`.
    motion : AffineMotion
        Motion of every place of the CCD.
    light : CcdLight
        Background on any part of the CCD.
    offset : (row, column)
        Distance of the stars from their catalogue places through the WCS in the headers, pixels.
    tjd, timecorr : (n_cadence,) float64
        Mid time at the spacecraft, TJD, and barycentric correction at the middle of the CCD, d.
    cadenceno, quality : (n_cadence,) int32
        FFIINDEX and DQUALITY.
    bad : (n_cadence,) str
        Kind of bad frame, empty where the frame is good.
    file : (n_cadence,) str
        Name of the file.
    cosmic_rays : (n_hit, 3) int64
        Cadence, 0-based CCD row and column.
    """

    starid: npt.NDArray[np.int64]
    tmag: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    kind: npt.NDArray[np.str_]
    pairs: npt.NDArray[np.float64]
    variable: npt.NDArray[np.int64]
    relative: npt.NDArray[np.float32]
    motion: AffineMotion
    light: CcdLight
    offset: tuple[float, float]
    tjd: npt.NDArray[np.float64]
    timecorr: npt.NDArray[np.float64]
    cadenceno: npt.NDArray[np.int32]
    quality: npt.NDArray[np.int32]
    bad: npt.NDArray[np.str_]
    file: npt.NDArray[np.str_]
    cosmic_rays: npt.NDArray[np.int64]

    def flux_of(self, stars: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the true flux of some stars (indices) in every cadence, (n, n_cadence) float32, e-/s."""
        return true_fluxes(self.tmag, self.variable, self.relative, stars)


def write_ccd_truth(ccd: SimulatedCcd, path: str | Path) -> None:
    """Write what is true of a CCD as HDF5; `read_ccd_truth` and docs/products.md tell what is in it."""
    population = ccd.population
    with write_product(path, _KIND, _LAYOUT, {}, asdict(ccd.settings)) as file:
        for name, values in {
            "starid": population.starid,
            "tmag": population.tmag,
            "row": population.row,
            "column": population.column,
            "kind": population.kind.astype("S8"),
            "pairs": np.column_stack([population.pairs.astype(np.float64), population.separation]),
            "ra": ccd.catalogue.ra,
            "decl": ccd.catalogue.dec,
            "variable": ccd.variable,
            "motion": ccd.motion.parameters,
            "tjd": ccd.tjd,
            "timecorr": ccd.timecorr,
            "cadenceno": ccd.cadenceno,
            "quality": ccd.quality,
            "bad": ccd.bad.astype("S16"),
            "file": np.array([ffi_name(ccd, cadence) for cadence in range(len(ccd.tjd))], dtype="S64"),
            "cosmic_rays": _all_cosmic_rays(ccd),
        }.items():
            file[name] = values
        file.create_dataset("relative", data=ccd.relative, compression="lzf", shuffle=True)
        for name in _LIGHT:
            file[f"light/{name}"] = getattr(ccd.light, name)
        file["light"].attrs["patterns"] = PATTERNS
        for name in ("sector", "camera", "ccd", "cadence_s", "seed", "density"):
            file.attrs[name] = getattr(ccd.settings, name)
        file.attrs["offset"] = ccd.offset
        file.attrs["prf"] = ccd.prf_source
        file.attrs["positions"] = "row, column: 0-based full-frame CCD pixels without motion"


def _all_cosmic_rays(ccd: SimulatedCcd) -> npt.NDArray[np.int64]:
    hits = []
    for cadence in range(len(ccd.tjd)):
        row, column, _ = ccd.cosmic_rays(cadence)
        hits.append(np.stack([np.full_like(row, cadence), row, column + FIRST_SCIENCE_COLUMN], axis=1))
    return np.concatenate(hits)


def read_ccd_truth(path: str | Path) -> CcdTruth:
    """Read a truth file that `write_ccd_truth` wrote; InputFileError when it is not one."""
    light: dict[str, Any] = {}
    with open_product(path, _KIND, _LAYOUT) as file:
        for name in _LIGHT:
            light[name] = file[f"light/{name}"][()]
        light["axis"] = tuple(float(value) for value in light["axis"])
        light["curvature"] = float(light["curvature"])
        texts = {name: file[name][()].astype(str) for name in ("kind", "bad", "file")}
        plain = {field.name for field in fields(CcdTruth)} - set(texts) - {"motion", "light", "offset"}
        return CcdTruth(
            motion=AffineMotion(file["motion"][()]),
            light=CcdLight(**light),
            offset=(float(file.attrs["offset"][0]), float(file.attrs["offset"][1])),
            **{name: file[name][()] for name in plain},
            **texts,
        )
