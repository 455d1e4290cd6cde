"""Full-frame images of a CCD -> its frames: what their headers say."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from photometry.ccd.ccd_frames import make_frames
from photometry.core.errors import InputFileError
from photometry.core.quality import bitmask_of
from photometry.io.ffi.ffi_files import inspect_ffis, target_pixel_files
from photometry.io.products.frame_lists import write_frames
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def frames(
    folder: str,
    region: str,
    ephemeris: str,
    paths_ephemeris: Sequence[str],
    quality_bitmask: str | int,
    path_frames: str,
) -> None:
    """Read the headers of all frames of a CCD, and the flags of target pixel files in the same folder."""
    found = {ccd.region: ccd for ccd in inspect_ffis(folder)}
    if region not in found:
        raise InputFileError(folder, f"has no full-frame images of {region} any more; run again")
    ccd = found[region]
    targets = target_pixel_files(folder, ccd.pointing.sector)
    bitmask = bitmask_of(quality_bitmask)
    made = make_frames(ccd.paths, ccd.pointing, ccd.exposure, targets, ephemeris, quality_bitmask=bitmask)
    settings = {
        "datasource": ccd.pointing.datasource,
        "ephemeris": Path(ephemeris).name,
        "quality_bitmask": quality_bitmask,
    }
    write_frames(path_frames, made, {"ephemeris": paths_ephemeris}, settings)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        frames(
            folder=snakemake.params.folder,
            region=snakemake.wildcards.region,
            ephemeris=snakemake.params.ephemeris,
            paths_ephemeris=snakemake.input.ephemeris,
            quality_bitmask=snakemake.params.quality_bitmask,
            path_frames=snakemake.output.frames,
        )
