"""Fluxes of a tile and its targets -> light curve files, and the index of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from photometry.io.catalogs import read_catalog
from photometry.io.cubes import read_cube_header
from photometry.io.disk import flush
from photometry.io.job_log import job_log
from photometry.io.lightcurves import export_tile
from photometry.io.origins import pixel_provenance
from photometry.io.products import read_tile_fit
from photometry.io.provenance import origin_of, settings_of
from photometry.io.tables import write_ecsv
from photometry.io.targets import read_targets

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def export_light_curves(
    path_fluxes: str,
    path_targets: str,
    path_catalog: str,
    path_cube: str,
    path_index: str,
    output: str,
    version: int,
    tile: str,
) -> None:
    """Write the files whose content is new, and the index of all."""
    targets, facts = read_targets(path_targets)
    index = export_tile(
        read_tile_fit(path_fluxes),
        read_cube_header(path_cube),
        targets.of_tile(tile),
        read_catalog(path_catalog),
        output,
        version,
        str(facts["region"]),
        tile,
        inputs=pixel_provenance(path_cube),
        settings=settings_of(path_fluxes),
    )
    inputs = {"fluxes": path_fluxes, "targets": path_targets, "catalog": path_catalog, "cube": path_cube}
    index.meta |= {"version": version, "origin": origin_of(inputs)}
    flush(Path(output, file) for file in index["file"] if file)
    write_ecsv(index, path_index)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        export_light_curves(
            path_fluxes=snakemake.input.fluxes,
            path_targets=snakemake.input.targets,
            path_catalog=snakemake.input.catalog,
            path_cube=snakemake.input.cube,
            path_index=snakemake.output.index,
            output=snakemake.params.output,
            version=snakemake.params.version,
            tile=snakemake.wildcards.tile,
        )
