"""Writes the cube of a CCD from its full-frame images: bounded memory, several processes, resumed when interrupted."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photometry.background.mesh import FrameBackground, background_image, describe_background
from photometry.background.smoothing import smooth_backgrounds
from photometry.background.starlight import catalogue_light, star_mask, static_light
from photometry.ccd.ccd_assembly import assemble
from photometry.ccd.ccd_blocks import (
    CcdWork,
    background_fields,
    describe_block,
    described_name,
    pixel_block,
    smooth_name,
)
from photometry.ccd.ccd_goodness import cut_patches
from photometry.ccd.star_places import check_places
from photometry.core.blas_threads import one_blas_thread
from photometry.core.errors import InputFileError, PhotometryError
from photometry.core.quality import TESS_QUALITY, bit, is_usable
from photometry.core.stages import stage
from photometry.core.stars import Stars
from photometry.frames.frame_series import OK
from photometry.frames.known_defects import defects_of
from photometry.io.ffi.ffi_pixels import read_checked_image
from photometry.io.products.cube_files import CHUNK
from photometry.io.products.frame_lists import CcdFrames
from photometry.io.products.pixel_origins import pixel_provenance
from photometry.io.store.provenance import digest_of, provenance_of, remove_unfinished
from photometry.io.store.scratch import Scratch, exclusive
from photometry.prf.model import model_prf

__all__ = ["write_ccd_cube"]

#: Frames whose median is the light of the stars.
_STATIC_FRAMES = 15
#: How often a child looks whether its parent is alive, s.
_WATCH_S = 2.0
_log = logging.getLogger(__name__)
_work: CcdWork | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the first pass found, (n_cadence,) each: flags; of frames whose pixels are bad, status and reason."""

    quality: npt.NDArray[np.int32]
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]


def write_ccd_cube(
    path: str | Path,
    frames: CcdFrames,
    stars: Stars,
    inputs: dict[str, str | Path],
    *,
    processes: int = 1,
    code: str = "",
    table: str = "the star table",
    block: int = CHUNK[0],
) -> None:
    """Write the cube of a CCD.

    Every block of cadences becomes a file in a folder beside the product, `.{name}.parts`. When all are there they are
    put together, without compressing anew, and the product appears under its name. After an interruption the same call
    uses the parts that are whole, as long as frames, stars and code are the same.

    Parameters
    ----------
    path : path-like
        The HDF5 file.
    frames : CcdFrames
        `photometry.io.products.frame_lists.read_frames`.
    stars : Stars
        Stars on and around the CCD: their light is no background.
    inputs : dict of str to path-like
        Files that frames and stars come from, by role.
    processes : int
        Processes that work side by side, each with up to 2 GB.
    code : str
        Digest of the software: parts that other versions made are not used.
    table : str
        Name of the star table, for messages.
    block : int
        Cadences in a block.

    Raises
    ------
    InputFileError
        When fewer than two frames have pixels, or the stars are not where the WCS places them.
    PhotometryError
        When one of several processes is killed.
    """
    path = Path(path)
    # Snakemake gives linear algebra as many threads as the job has, and each process would use all of them.
    with one_blas_thread(), exclusive(path) as waited:
        if waited and _is_made(path, inputs):
            return
        remove_unfinished(path)
        scratch = Scratch(path.with_name(f".{path.name}.parts"), _key(frames, inputs, code, block))
        scratch.prepare()
        header, pointing = frames.header, frames.header.pointing
        work = CcdWork(
            files=frames.files,
            good=frames.good,
            usable=header.usable,
            cadenceno=header.cadenceno,
            area=header.stamp,
            ccd=pointing.ccd,
            defects=defects_of(pointing.sector, pointing.camera, pointing.ccd, header.exposure.cadence_s),
            scratch=scratch,
            block=block,
        )
        if not scratch.has("static"):
            scratch.save("static", **_static(work, frames, stars, table))
        with _processes(work, processes) as run:
            run(describe_block, "backgrounds")
            checked = _smooth(work, frames)
            run(pixel_block, "pixels")
        assemble(path, work, frames, checked.quality, checked.status, checked.reason, inputs)
        scratch.remove()


def _key(frames: CcdFrames, inputs: dict[str, str | Path], code: str, block: int) -> str:
    """Digest of all that the parts depend on; files of pixels count by name, size and date."""
    parts = [code, block, *((role, digest_of(name)) for role, name in sorted(inputs.items()))]
    for name in frames.files:
        if os.path.exists(name):
            status = os.stat(name)
            parts.append((name, status.st_size, status.st_mtime_ns))
    return sha256(repr(parts).encode()).hexdigest()


def _is_made(path: Path, inputs: dict[str, str | Path]) -> bool:
    """Tell whether the process that was waited for has made the product, from the same inputs."""
    if not path.is_file():
        return False
    made_from = pixel_provenance(path)
    return all(made_from.get(role) == provenance_of(name) for role, name in inputs.items())


def _static(work: CcdWork, frames: CcdFrames, stars: Stars, table: str) -> dict[str, npt.NDArray[np.generic]]:
    """Mask of bright stars, the light that is the same in all frames, and patches (n_patch, n_frame, ...) of some."""
    mask = star_mask(work.area, stars.row, stars.column, stars.tmag)
    light = catalogue_light(model_prf(work.ccd), work.area, stars.row, stars.column, stars.tmag)
    grid, residuals, problems = work.grid(), [], []
    usable = np.flatnonzero(work.good & frames.header.usable)
    usable = usable if len(usable) else np.flatnonzero(work.good)
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, _STATIC_FRAMES).round().astype(int))]
    for cadence in chosen:
        try:
            image = read_checked_image(work.files[cadence], work.area)
        except InputFileError as error:  # the first pass names it
            problems.append(str(error))
            continue
        image[:, work.excluded(int(cadence))] = np.nan
        image -= background_image(describe_background(image, mask, grid, light), grid)
        residuals.append(image)
    if not residuals:
        folder = Path(work.files[0]).parent
        raise InputFileError(
            folder,
            f"none of {len(chosen)} frames that were tried has pixels that can be used; the first: {problems[0]}",
        )
    found = static_light(residuals)
    check_places(Path(work.files[frames.reference]), found, light, stars, work.area, work.ccd, table)
    patches = np.stack([cut_patches(residual, work.area) for residual in residuals], axis=1)
    return {"mask": mask, "light": found, "patches": patches}


def _smooth(work: CcdWork, frames: CcdFrames) -> _Checked:
    """Between the passes: smooth the backgrounds in time; find out which frames are bad and which pixels dead.

    A frame whose background is not known has no pixels: they would hold the background as if it were starlight.
    """
    parts = [work.scratch.load(described_name(number)) for number in range(work.n_block)]
    described = FrameBackground(
        **{item.name: np.concatenate([part[item.name] for part in parts]) for item in fields(FrameBackground)}
    )
    status, reasons = (np.concatenate([part[name] for part in parts]) for name in ("statuses", "reasons"))
    good = work.good & (status == OK)
    if good.sum() < 2:
        first = next((reason for reason in reasons if reason), "")
        raise InputFileError(
            Path(work.files[0]).parent,
            f"{int(good.sum())} of {len(good)} frames have pixels; a light curve needs at least 2 (first: {first})",
        )
    for cadence in np.flatnonzero(reasons != ""):
        _log.warning("%s: %s (%s)", Path(work.files[cadence]).name, reasons[cadence], status[cadence])
    header = frames.header
    quality = header.quality.copy()
    quality[~good] |= bit(TESS_QUALITY, "manual_exclude")
    time = header.time - header.timecorr
    smooth = smooth_backgrounds(described, work.grid(), time, quality, header.exposure.cadence_s)
    arrays = background_fields(smooth)
    for number in range(work.n_block):
        cadences = slice(work.cadences(number).start, work.cadences(number).stop)
        work.scratch.save(
            smooth_name(number), good=good[cadences], **{name: values[cadences] for name, values in arrays.items()}
        )
    alive = np.bitwise_or.reduce([part["alive"] for part in parts])
    work.scratch.save("common", dead=~alive, usable=is_usable(quality, header.quality_bitmask))
    return _Checked(quality, status, reasons)


@contextmanager
def _processes(work: CcdWork, count: int) -> Iterator[Callable[[Callable[[CcdWork, int], int], str], None]]:
    """Give a function that does a task for all blocks, in this process or in several."""
    if count <= 1:

        def alone(task: Callable[[CcdWork, int], int], what: str) -> None:
            with stage(what, work.n_cadence, "frames") as advance:
                for number in range(work.n_block):
                    advance(task(work, number))

        yield alone
        return
    # Forked before any thread is started: numpy and h5py are loaded once.
    pool = ProcessPoolExecutor(
        min(count, work.n_block), mp_context=get_context("fork"), initializer=_start, initargs=(work, os.getpid())
    )

    def together(task: Callable[[CcdWork, int], int], what: str) -> None:
        done = [pool.submit(_run, task, number) for number in range(work.n_block)]
        with stage(what, work.n_cadence, "frames") as advance:
            for future in as_completed(done):
                try:
                    advance(future.result())
                except BrokenProcessPool as error:
                    raise PhotometryError(
                        "a process that made a part of the cube was killed, as a rule for want of memory: each needs "
                        "up to 2 GB; run again with fewer cores, what is done is kept"
                    ) from error

    try:
        yield together
    finally:
        pool.shutdown(cancel_futures=True)


def _start(work: CcdWork, parent: int) -> None:
    """Prepare a child; it ends when its parent is gone."""
    global _work  # noqa: PLW0603  what a child of the pool works for
    _work = work

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(task: Callable[[CcdWork, int], int], number: int) -> int:
    assert _work is not None
    return task(_work, number)
