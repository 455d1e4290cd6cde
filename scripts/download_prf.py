"""Sector, camera and CCD -> its SPOC PRF files, from MAST, and a list of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from photometry.archive.prf_downloads import download_prf
from photometry.io.reference.prf_files import check_prf_folder
from photometry.io.store.provenance import digest_of
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def fetch_prf(path_list: str, folder: str, sector: int, camera: int, ccd: int) -> None:
    """Fetch the files that are not kept already, and list all with their digests."""
    files = check_prf_folder(download_prf(folder, sector, camera, ccd), sector, camera, ccd)
    Path(path_list).write_text("".join(f"{digest_of(file)}  {file.name}\n" for file in files))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        fetch_prf(
            path_list=snakemake.output.files,
            folder=snakemake.params.folder,
            sector=int(snakemake.wildcards.sector),
            camera=int(snakemake.wildcards.camera),
            ccd=int(snakemake.wildcards.ccd),
        )
