"""Cube, motion, fluxes and light curve indices of a region -> what the page shows of it."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photometry.core.cube import CubeHeader
from photometry.core.errors import InputFileError
from photometry.core.stages import counted
from photometry.io.products.cube_files import read_cube_header, read_sum_image
from photometry.io.products.frame_lists import read_bad_frames
from photometry.io.products.product_files import read_kernel, read_prf
from photometry.io.products.tile_files import read_tile_fit
from photometry.io.products.trend_files import read_correction
from photometry.io.results.listed_files import ListedFile
from photometry.io.results.page_files import PAGE_FOLDER, files_of_page, read_page_file, write_page_file
from photometry.io.results.result_columns import read_columns
from photometry.io.results.result_rows import read_rows
from photometry.io.stars.unlisted_files import read_unlisted
from photometry.io.store.archives import pack
from photometry.io.store.provenance import digest_of, origin_of, provenance_of
from photometry.lightcurve.corrections import Correction
from photometry.pages.packed_regions import BadFrame, RegionOverview, TileSummary, facts_of, pack_region
from photometry.pages.packed_tiles import pack_tile
from photometry.pages.packing import call_of, content_of
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def page_data(
    path_cube: str,
    path_prf: str,
    path_kernel: str,
    path_unlisted: str,
    paths_fluxes: Sequence[str],
    paths_indices: Sequence[str],
    path_page: str,
    region: str,
    output: str,
    code: str,
    path_trends: str = "",
) -> None:
    """Write what the page shows of the tiles of a region, and of all of it."""
    header, kernel = read_cube_header(path_cube), read_kernel(path_kernel)
    correction = read_correction(path_trends)
    made_of = [code, *([provenance_of(path_trends)] if path_trends else [])]
    files, tiles = list[ListedFile](), list[TileSummary]()
    paths = list(zip(paths_fluxes, paths_indices, strict=True))
    for path_fluxes, path_index in counted(paths, "packing light curves", "tiles"):
        tile = Path(path_index).stem
        file, packed = tile_data(path_fluxes, path_index, path_prf, header, region, output, made_of, correction)
        files.append(file)
        tiles.append(TileSummary.of(tile, packed))
    bad_frames, n_missing = read_bad_frames(path_cube)
    series = RegionOverview(
        name=region,
        header=header,
        kernel=kernel,
        image=read_sum_image(path_cube),
        unlisted=read_unlisted(path_unlisted),
        bad_frames=[BadFrame(*frame) for frame in bad_frames],
        n_missing=n_missing,
        tiles=tiles,
    )
    inputs = {"cube": path_cube, "kernel": path_kernel, "unlisted": path_unlisted, "indices": paths_indices}
    name = Path(path_page).relative_to(output).as_posix()
    body = call_of(f"region/{region}", pack_region(series))
    write_page_file(output, name, body, origin_of(inputs), files=files, facts=facts_of(series))
    size = sum(file.size for file in files) / 1e6
    n_target = sum(len(tile.starid) for tile in tiles)
    logging.info("%d light curves of %d tiles are packed, %.1f MB", n_target, len(tiles), size)


def tile_data(
    path_fluxes: str,
    path_index: str,
    path_prf: str,
    header: CubeHeader,
    region: str,
    output: str,
    made_of: Sequence[str],
    correction: Correction,
) -> tuple[ListedFile, dict[str, Any]]:
    """Write what the page shows of a tile, unless it was made of the same light curves; return file and content."""
    tile = Path(path_index).stem
    file = f"{PAGE_FOLDER}/data/{region}/{tile}.js"
    rows = read_rows(path_index)
    made_of = [*made_of, rows.meta["origin"]["input_fluxes"], *(line.decode() for line in rows.lines)]
    key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()
    try:
        head, body = read_page_file(Path(output, file))
        if head.get("key") == key:
            path = Path(output, file)
            return ListedFile(file, path.stat().st_size, digest_of(path)), content_of(body)
    except InputFileError:
        # There is none, or it is damaged.
        pass
    columns = read_columns(path_index, ("starid", "file"))
    measured = columns["starid"][columns["file"] != ""]
    fit = read_tile_fit(path_fluxes)
    body = call_of(f"tile/{region}/{tile}", pack_tile(fit, header, measured, read_prf(path_prf), correction))
    origin = origin_of({"fluxes": path_fluxes, "index": path_index})
    return write_page_file(output, file, body, origin, key=key), content_of(body)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        page_data(
            path_cube=snakemake.input.cube,
            path_prf=snakemake.input.prf,
            path_kernel=snakemake.input.kernel,
            path_unlisted=snakemake.input.unlisted,
            paths_fluxes=snakemake.input.fluxes,
            paths_indices=snakemake.input.indices,
            path_page=snakemake.output.page,
            region=snakemake.wildcards.region,
            output=snakemake.params.output,
            code=snakemake.params.code,
            path_trends=snakemake.input.get("trends") or "",
        )
        if packed := snakemake.output.get("packed"):
            files = files_of_page(snakemake.output.page)
            pack(packed, snakemake.params.output, [one.file for one in files])
