"""Pixel files of a batch -> all products of each, by the scripts of the single steps; what is done stays."""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from catalog import catalog
from effective_prf import effective_prf
from export_light_curves import export_light_curves
from images import images
from movement_kernel import movement_kernel
from page_data import page_data
from plots import plots
from psf_photometry import psf_photometry
from targets import targets
from trend_plots import trend_plots
from trends import trends

from photometry.core.collection import Collection
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.io.pixels.file_places import FilePlace
from photometry.io.results.listed_files import files_in_index, lost_files
from photometry.io.results.page_files import PAGE_FOLDER, files_of_page
from photometry.io.stars.star_files import digest_of_stars
from photometry.io.store.provenance import atomic_path
from photometry.workflow.batch_members import FIGURES, TREND_FIGURE, BatchMember, BatchTile
from photometry.workflow.job_log import job_log
from photometry.workflow.star_plan import read_star_plan, reference_digest, stars_file
from photometry.workflow.steps import Steps

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


@dataclass(frozen=True, eq=False)
class PixelFileSteps:
    """The steps of a pixel file, each with what it depends on, as the rule of its name has it.

    Parameters
    ----------
    member : BatchMember
        The pixel file.
    settings : mapping
        Settings of the workflow.
    code : mapping of str to str
        Digests of the code of the steps.
    ephemeris_files : sequence of str
        Files that say where TESS was.
    steps : Steps
        What is done of it.
    """

    member: BatchMember
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    ephemeris_files: Sequence[str]
    steps: Steps

    @classmethod
    def of(
        cls,
        values: Mapping[str, Any],
        settings: Mapping[str, Any],
        code: Mapping[str, str],
        files: Sequence[str],
        terminal: TextIO,
    ) -> "PixelFileSteps":
        """Make the steps of a member of a batch (`photometry.workflow.batch_members.BatchMember.as_dict`)."""
        member = BatchMember.from_dict(values)
        needed = [] if member.ephemeris == "earth" else files
        steps = Steps(f"{settings['output']}/prepared/steps/{member.region}.json", terminal)
        return cls(member, settings, code, needed, steps)

    def make_cube(self) -> None:
        """Read the pixels."""
        member, bitmask = self.member, self.settings["quality_bitmask"]
        self._run(
            "images",
            {
                "datasource": member.datasource,
                "place": member.place,
                "ephemeris": Path(member.ephemeris).name,
                "quality_bitmask": bitmask,
            },
            [member.pixels, *self.ephemeris_files],
            [self._cube()],
            lambda _: images(
                member.pixels, self._cube(), member.datasource, FilePlace(*member.place), member.ephemeris, bitmask
            ),
        )

    def measure(self) -> None:
        """Choose targets, measure them and write their light curves; nothing but the first where there can be none."""
        self._choose_targets()
        if not self.member.tiles:
            return
        self._write_catalog()
        self._measure_motion()
        for name, tile in self.member.tiles.items():
            self._fit(name, tile)
        if self.member.has_trends:
            self._find_trends()
        for name, tile in self.member.tiles.items():
            self._export(name, tile)
        if self.settings["plots"]:
            self._plot()
            if self.member.has_trends:
                self._plot_trends()
        if self.settings["report"]:
            self._pack_for_page()

    def _choose_targets(self) -> None:
        member = self.member
        tiling = {name: self.settings["fit"][name] for name in ("tile_size", "tile_margin")}
        cubes = [self._cube(region) for region in member.regions]
        stars = [self._stars(region) for region in member.regions]
        self._run(
            "targets",
            {"stars": member.contents, "regions": member.regions, **tiling},
            cubes,
            [path := self._prepared("targets_", "ecsv")],
            lambda _: targets(cubes, stars, member.regions, path, **tiling),
        )

    def _write_catalog(self) -> None:
        member, buffer = self.member, self.settings["coord_buffer"]
        self._run(
            "catalog",
            {"stars": member.rows, "datasource": member.datasource, "coord_buffer": buffer},
            [self._cube()],
            [path := self._prepared("catalog_", "sqlite")],
            lambda _: catalog(self._stars(), self._cube(), path, member.datasource, buffer),
        )

    def _measure_motion(self) -> None:
        """Measure motion and PRF."""
        member, motion = self.member, self.settings["motion"]
        plan = read_star_plan(f"{self.settings['output']}/plan", member.region)
        if plan is None:
            raise InputFileError(self._stars(), "belongs to another plan; run again")
        reference, given = self._prepared("reference_stars_", "hdf5"), self._prepared("movement_", "hdf5")
        same = {"stars": reference_digest(plan, self._stars(), reference), "prf": Path(member.prf).name}
        same |= {"motion": motion}
        self._run(
            "movement_kernel",
            same,
            [self._cube(), *member.prf_files],
            [given],
            lambda tell: movement_kernel(
                *(self._cube(), self._stars(), reference, member.prf, member.prf_files, given, motion, member.region),
                tell,
            ),
            is_whole=lambda: digest_of_stars(reference) != "",
        )
        learning = self.settings["prf_learning"]
        learnt = [*self._motion_and_prf()]
        self._run(
            "effective_prf",
            same | {"prf_learning": learning},
            [self._cube(), given, *member.prf_files],
            learnt,
            lambda _: effective_prf(
                *(self._cube(), self._stars(), reference, given, member.prf, member.prf_files),
                *(*learnt, member.region, learning, motion),
            ),
        )

    def _motion_and_prf(self) -> tuple[str, str, str]:
        """Return the files of PRF, motion and stars that the table lacks."""
        return (
            self._prepared("prf_", "hdf5"),
            self._prepared("movement_refined_", "hdf5"),
            self._prepared("unlisted_stars_", "ecsv"),
        )

    def _fit(self, name: str, tile: BatchTile) -> None:
        prf, kernel, unlisted = self._motion_and_prf()
        fit, motion = self.member.fit, self.settings["motion"]
        self._run(
            "psf_photometry",
            {"stars": tile.stars, "core": tile.core, "fit": fit, "motion": motion},
            [self._cube(), prf, kernel, unlisted],
            [self._fluxes(name)],
            lambda _: psf_photometry(
                *(
                    self._cube(),
                    self._stars(),
                    prf,
                    kernel,
                    unlisted,
                    self._fluxes(name),
                    Stamp(*tile.core),
                    fit,
                    motion,
                )
            ),
            tile=name,
        )

    def _find_trends(self) -> None:
        """Find what the stars share."""
        prf, kernel, _ = self._motion_and_prf()
        fluxes, given = [*map(self._fluxes, self.member.tiles)], self.member.given_trends
        reference, path = self._prepared("reference_trends_", "fits"), self._prepared("trends_", "fits")
        self._run(
            "trends",
            {},
            [self._cube(), prf, kernel, *fluxes, *given],
            [path],
            lambda _: trends(
                *(self._cube(), fluxes, [prf, kernel], given, reference, path, self.code["trends"]),
            ),
        )

    def _export(self, name: str, tile: BatchTile) -> None:
        output, version, index = self.settings["output"], self.settings["version"], self._index(name)
        hlsp = self.settings["hlsp"]
        path_trends = self._trends()
        cubes = [self._cube(region) for region in tile.regions]
        stars = [self._stars(region) for region in tile.regions]
        self._run(
            "export_light_curves",
            {
                "targets": tile.targets,
                "regions": tile.regions,
                "core": tile.core,
                "version": version,
                "hlsp": hlsp,
                "uncorrected": self.member.uncorrected,
            },
            [self._fluxes(name), *cubes, *self._used_trends()],
            [index],
            lambda _: export_light_curves(
                *(self._fluxes(name), stars, cubes, index, tile.regions, Stamp(*tile.core), output, version, name),
                collection=Collection(**hlsp),
                path_trends=path_trends,
                uncorrected=self.member.uncorrected,
            ),
            tile=name,
            is_whole=lambda: not lost_files(output, files_in_index(index)),
        )

    def _plot(self) -> None:
        member, size = self.member, self.settings["fit"]["tile_size"]
        _, kernel, unlisted = self._motion_and_prf()
        catalog_file = self._prepared("catalog_", "sqlite")
        fluxes, indices = [*map(self._fluxes, member.tiles)], [*map(self._index, member.tiles)]
        figures = {name: f"{self.settings['output']}/plots/{member.region}/{name}.png" for name in FIGURES}
        self._run(
            "plots",
            {"tile_size": size, "asked": member.asked},
            [self._cube(), catalog_file, kernel, unlisted, *fluxes, *indices, *self._used_trends()],
            figures.values(),
            lambda _: plots(
                *(self._cube(), catalog_file, kernel, unlisted, fluxes, indices, figures, member.region, size),
                asked=member.asked,
                path_trends=self._trends(),
            ),
        )

    def _plot_trends(self) -> None:
        region, fluxes = self.member.region, [*map(self._fluxes, self.member.tiles)]
        figure = f"{self.settings['output']}/plots/{region}/{TREND_FIGURE}.png"
        self._run(
            "trend_plots",
            {},
            [self._cube(), *fluxes, self._trends()],
            [figure],
            lambda _: trend_plots(self._cube(), fluxes, self._trends(), figure, region),
        )

    def _pack_for_page(self) -> None:
        member, output = self.member, self.settings["output"]
        prf, kernel, unlisted = self._motion_and_prf()
        fluxes, indices = [*map(self._fluxes, member.tiles)], [*map(self._index, member.tiles)]
        page = f"{output}/{PAGE_FOLDER}/data/{member.region}.js"
        self._run(
            "page_data",
            {},
            [self._cube(), prf, kernel, unlisted, *fluxes, *indices, *self._used_trends()],
            [page],
            lambda _: page_data(
                *(self._cube(), prf, kernel, unlisted, fluxes, indices, page, member.region, output),
                self.code["page_data"],
                self._trends(),
            ),
            is_whole=lambda: not lost_files(output, files_of_page(page)),
        )

    def _run(
        self,
        rule: str,
        settings: Mapping[str, Any],
        inputs: Sequence[str],
        outputs: Any,
        work: Callable[[Callable[[str], None]], None],
        tile: str = "",
        is_whole: Callable[[], bool] = lambda: True,
    ) -> None:
        name = f"{self.member.region}/{tile}" if tile else self.member.region
        log = f"{self.settings['output']}/logs/{rule}/{name}.log"
        settings = {**settings, "code": self.code[rule]}
        self.steps.run(f"{rule} {tile}".strip(), log, settings, inputs, outputs, work, is_whole=is_whole)

    def _prepared(self, start: str, ending: str) -> str:
        return f"{self.settings['output']}/prepared/{start}{self.member.region}.{ending}"

    def _trends(self) -> str:
        """Name of the file with trends; empty where none are looked for."""
        return self._prepared("trends_", "fits") if self.member.has_trends else ""

    def _used_trends(self) -> list[str]:
        return [self._trends()] if self.member.has_trends else []

    def _cube(self, region: str = "") -> str:
        return f"{self.settings['output']}/prepared/{region or self.member.region}.hdf5"

    def _stars(self, region: str = "") -> str:
        return str(stars_file(f"{self.settings['output']}/plan", region or self.member.region))

    def _fluxes(self, tile: str) -> str:
        return f"{self.settings['output']}/photometry/{self.member.region}/{tile}.hdf5"

    def _index(self, tile: str) -> str:
        return f"{self.settings['output']}/lightcurves/index/{self.member.region}/{tile}.ecsv"


def attempt(
    files: Sequence[PixelFileSteps], work: Callable[[PixelFileSteps], None], path_at: Path, terminal: TextIO
) -> list[PixelFileSteps]:
    """Do something for each pixel file; return those where that failed: the others do not wait for them.

    Why is in their logs and on the terminal. What is at work is noted: it comes last when the job was killed then.
    """
    failed = []
    killed = path_at.read_text() if path_at.is_file() else ""
    path_at.parent.mkdir(parents=True, exist_ok=True)
    for file in sorted(files, key=lambda file: file.member.region == killed):
        path_at.write_text(file.member.region)
        log = Path(f"{file.settings['output']}/logs/batch/{file.member.region}.log")
        log.unlink(missing_ok=True)
        try:
            work(file)
        except SystemExit:
            failed.append(file)
        except Exception as error:
            failed.append(file)
            with contextlib.suppress(SystemExit), job_log(log, terminal):
                raise error
    path_at.unlink(missing_ok=True)
    return failed


def batch(
    files: Sequence[PixelFileSteps], path_done: str, path_at: Path, terminal: TextIO, *, cubes_only: bool
) -> None:
    """Make the cubes of pixel files, or all their products, and say which regions are done.

    Cubes that cannot be made are told of where all products are made: others may need the rest of them before.
    """
    failed = attempt(files, PixelFileSteps.make_cube, path_at, terminal)
    if not cubes_only:
        made = [file for file in files if file not in failed]
        failed += attempt(made, PixelFileSteps.measure, path_at, terminal)
    for file in files:
        logging.info("%s: %s", file.member.region, "failed, see its own logs" if file in failed else "done")
    if failed and not cubes_only:
        many = f"{len(failed)} of {len(files)} pixel files of this job failed"
        raise InputFileError(failed[0].member.pixels, f"{many}, this one first; the others are measured")
    with atomic_path(path_done) as temporary:
        temporary.write_text(json.dumps({"regions": [file.member.region for file in files]}, indent=0))


if __name__ == "__main__":
    terminal = sys.stderr
    with job_log(snakemake.log[0]):
        batch(
            [
                PixelFileSteps.of(
                    member, snakemake.params.settings, snakemake.params.code, snakemake.input.ephemeris, terminal
                )
                for member in snakemake.params.members
            ],
            path_done=snakemake.output.done,
            path_at=Path(snakemake.log[0]).with_suffix(".at"),
            terminal=terminal,
            cubes_only=snakemake.rule == "batch_cubes",
        )
