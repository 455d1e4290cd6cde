"""Summary and what was packed of the regions -> the page that one browses, and pages of single targets."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from photometry.io.results.listed_files import ListedFile
from photometry.io.results.page_files import PAGE_FOLDER, files_of_page, read_page_file, write_page_file
from photometry.io.results.result_columns import read_columns
from photometry.io.store.archives import pack, unpack
from photometry.io.store.provenance import origin_of
from photometry.pages.documents import FLAGS, bokeh_code, index_document, own_code, target_document
from photometry.pages.packed_rows import COMPARED, NUMBERS, TEXTS, compared_with, pack_rows, page_groups, status_counts
from photometry.pages.packed_tiles import star_alone
from photometry.pages.packing import call_of, content_of
from photometry.workflow.job_log import job_log

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

#: Targets that get a page of their own, at most: the brightest of those that were asked for by number.
MOST_PAGES = 100
#: Columns that say where the rows of a region are from.
PLACE = ("sector", "camera", "ccd", "cadence")


def page(
    path_summary: str,
    paths_regions: Sequence[str],
    path_page: str,
    output: str,
    version: int,
    asked: Mapping[str, Sequence[int]],
) -> None:
    """Write the page of a run, its tables and its code, and the pages of single targets."""
    columns = read_columns(path_summary, (*NUMBERS, *TEXTS, *PLACE))
    columns |= {name: np.full(len(columns["starid"]), np.nan, dtype=np.float32) for name in COMPARED}
    rows_of = rows_by_region(columns["region"])
    origin = origin_of({"summary": path_summary, "regions": list(paths_regions)}, {"version": version})
    facts, whole_ccds = [], set()
    for path in paths_regions:
        head, body = read_page_file(path)
        name = head["facts"]["region"]
        rows = rows_of.setdefault(name, np.empty(0, dtype=np.int64))
        for column, values in compared_with(columns["starid"][rows], content_of(body)).items():
            columns[column][rows] = values
        whole_ccds |= {name} if head["facts"]["whole_ccd"] else set()
        facts.append(head["facts"] | {"has_data": True})
    facts += [
        facts_without_data(name, columns, rows_of[name]) for name in rows_of.keys() - {one["region"] for one in facts}
    ]
    facts.sort(key=lambda one: (*(one[name] for name in ("sector", "camera", "ccd", "cadence_s")), one["region"]))
    for one in facts:
        rows = rows_of[one["region"]]
        one |= {"n": len(rows), "status": status_counts(columns["status"][rows])}
    groups = page_groups({one["region"]: one["n"] for one in facts}, frozenset(whole_ccds))
    files = []
    for number, regions in enumerate(groups):
        rows = np.sort(np.concatenate([rows_of[name] for name in regions]))
        body = call_of(f"rows/{number}", pack_rows({name: values[rows] for name, values in columns.items()}))
        files.append(write_page_file(output, f"{PAGE_FOLDER}/data/rows_{number:03d}.js", body, origin))
    for name, text in {"bokeh.js": bokeh_code(), **own_code()}.items():
        files.append(write_page_file(output, f"{PAGE_FOLDER}/code/{name}", text, origin))
    own = write_target_pages(columns, rows_of, asked, output, facts, origin)
    run = {
        "title": title_of(facts, version),
        "status": status_counts(columns["status"]),
        "regions": facts,
        "pages": groups,
        "flags": FLAGS,
        "own_pages": list(own),
    }
    name = Path(path_page).relative_to(output).as_posix()
    write_page_file(output, name, index_document(run, "code"), origin, files=[*files, *own.values()])
    remove_others(output, [*files, *own.values()])
    logging.info("%d targets on %d pages, %d pages of single targets", len(columns["starid"]), len(groups), len(own))


def rows_by_region(region: npt.NDArray[np.object_]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the numbers of the rows of each region."""
    names, place = np.unique(region.astype(np.str_), return_inverse=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(names)))
    return dict(zip(names.tolist(), np.split(order, ends[:-1]), strict=True))


def facts_without_data(
    region: str, columns: Mapping[str, npt.NDArray[Any]], rows: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Return what is known of a region in which nothing is measured, or of a file that cannot be used."""
    sector, camera, ccd, cadence = (int(columns[name][rows[0]]) for name in PLACE)
    where = {"sector": sector, "camera": camera, "ccd": ccd, "cadence_s": cadence}
    return {"region": region, "datasource": "", "whole_ccd": False, "has_data": False} | where


def title_of(facts: Sequence[Mapping[str, Any]], version: int) -> str:
    """Return the title of the page."""
    sectors = sorted({int(one["sector"]) for one in facts} - {0})
    shown = ", ".join(map(str, sectors[:12])) + (", …" if len(sectors) > 12 else "")
    return f"TESS PSF photometry, sector{'s' if len(sectors) > 1 else ''} {shown}, version {version}"


def write_target_pages(
    columns: Mapping[str, npt.NDArray[Any]],
    rows_of: Mapping[str, npt.NDArray[np.int64]],
    asked: Mapping[str, Sequence[int]],
    output: str,
    facts: Sequence[Mapping[str, Any]],
    origin: Mapping[str, str],
) -> dict[int, ListedFile]:
    """Write a page for every measured target that was asked for by number; return them by number."""
    wanted = [
        rows_of[name][np.isin(columns["starid"][rows_of[name]], starids) if starids else slice(None)]
        for name, starids in asked.items()
        if name in rows_of
    ]
    rows = np.concatenate([np.empty(0, dtype=np.int64), *wanted])
    rows = rows[columns["file"][rows] != ""]
    brightest = dict.fromkeys(columns["starid"][rows[np.argsort(columns["tmag"][rows], kind="stable")]].tolist())
    pages = {}
    for starid in sorted(list(brightest)[:MOST_PAGES]):
        own = np.sort(rows[columns["starid"][rows] == starid])
        data: dict[str, Any] = {}
        for region, tile in zip(columns["region"][own], columns["tile"][own], strict=True):
            folder = Path(output, PAGE_FOLDER, "data")
            data[f"region/{region}"] = content_of(read_page_file(folder / f"{region}.js")[1])
            packed = content_of(read_page_file(folder / region / f"{tile}.js")[1])
            data[f"tile/{region}/{tile}"] = star_alone(packed, starid)
        regions = [dict(one) for one in facts if one["region"] in set(columns["region"][own])]
        content = {
            "title": f"TIC {starid}",
            "rows": pack_rows({name: values[own] for name, values in columns.items()}),
            "regions": regions,
            "flags": FLAGS,
        }
        file = f"{PAGE_FOLDER}/targets/tic{starid:011d}.html"
        pages[starid] = write_page_file(output, file, target_document(content, data), origin)
    return pages


def remove_others(output: str, files: Sequence[ListedFile]) -> None:
    """Remove tables and pages of targets of earlier runs."""
    known = {Path(output, one.file) for one in files}
    folder = Path(output, PAGE_FOLDER)
    for path in [*folder.glob("data/rows_[0-9][0-9][0-9].js"), *folder.glob("targets/tic*.html")]:
        if path not in known:
            path.unlink()


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        unpack(snakemake.input.packed, snakemake.params.output)
        page(
            path_summary=snakemake.input.summary,
            paths_regions=snakemake.params.regions,
            path_page=snakemake.output.page,
            output=snakemake.params.output,
            version=snakemake.params.version,
            asked=snakemake.params.asked,
        )
        if packed := snakemake.output.get("packed"):
            written = files_of_page(snakemake.output.page)
            pack(packed, snakemake.params.output, [one.file for one in written])
