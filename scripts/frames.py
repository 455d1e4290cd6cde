"""Full-frame images of a CCD -> its frames: what their headers say."""

from typing import TYPE_CHECKING

from photometry.errors import InputFileError
from photometry.io.ccd_frames import make_frames
from photometry.io.ffi_files import inspect_ffis, target_pixel_files
from photometry.io.frames import write_frames
from photometry.io.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def frames(folder: str, region: str, ephemeris: str, path_frames: str) -> None:
    """Read the headers of all frames of a CCD, and the flags of target pixel files in the same folder."""
    found = {ccd.region: ccd for ccd in inspect_ffis(folder)}
    if region not in found:
        raise InputFileError(folder, f"has no full-frame images of {region} any more; run again")
    ccd = found[region]
    targets = target_pixel_files(folder, ccd.pointing.sector)
    write_frames(path_frames, make_frames(ccd.paths, ccd.pointing, ccd.exposure, targets, ephemeris))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        frames(
            folder=snakemake.params.folder,
            region=snakemake.wildcards.region,
            ephemeris=snakemake.params.ephemeris,
            path_frames=snakemake.output.frames,
        )
