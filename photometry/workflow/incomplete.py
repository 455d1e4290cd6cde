"""What there is, and why the rest is missing, when a run ended with failed jobs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from photometry.io.results.lightcurve_files import FOLDER
from photometry.io.results.result_rows import read_rows, write_rows
from photometry.io.results.summary import UNKNOWN_TARGETS, summarise
from photometry.io.stars.target_lists import read_targets
from photometry.workflow.plan import PlannedRegion

__all__ = ["failure_of", "incomplete_name", "write_incomplete"]

#: Rules whose failure leaves no light curve out.
_BESIDE = ("page", "page_data", "plots", "prune", "summary", "trend_plots")
#: Reason of what has no result and no message: jobs that were killed, or waited for one that was.
_NOT_MADE = "was not made: a job was killed or did not run; run again"


def incomplete_name(output: str | Path, version: int) -> Path:
    """Return the name of the summary of a run that did not make everything."""
    return Path(output, f"summary_v{version:02d}_incomplete.ecsv")


def failure_of(logs: str | Path, region: str, tile: str | None = None) -> str:
    """Return the message of the job of a region, or of one of its tiles, that failed; empty where none has left one.

    Parameters
    ----------
    logs : path-like
        Folder of the logs, with a folder for each rule.
    region, tile : str
        Names; without a tile the jobs of the region as a whole, those of blocks of its frames among them.
    """
    names = [f"{region}.log", f"{region}/block*.log"] if tile is None else [f"{region}/{tile}.log"]
    for path in sorted(path for name in names for path in Path(logs).glob(f"*/{name}")):
        rule = path.relative_to(logs).parts[0]
        last = path.read_text(errors="replace").strip().rpartition("\n")[2]
        if rule not in _BESIDE and last.startswith("Error: "):
            return f"{rule}: {last.removeprefix('Error: ')}"
    return ""


def write_incomplete(
    regions: Mapping[str, PlannedRegion], tiles: Mapping[str, Sequence[str]], output: str | Path, version: int
) -> dict[str, str]:
    """Write a summary of all that there is; targets without a result have the reason of their tile or region.

    A region without a list of targets, or one that failed with an empty list, has one row, with starid 0.

    Parameters
    ----------
    regions : mapping of str to PlannedRegion
        What was planned.
    tiles : mapping of str to sequence of str
        Tiles of each region that were to be measured.
    output : path-like
        Output folder.
    version : int
        Version of the product.

    Returns
    -------
    dict of str to str
        What is missing (region, or region/tile) and why; nothing is written when nothing is.
    """
    output = Path(output)
    missing: dict[str, str] = {}
    lists, indices = [], []
    for name, region in regions.items():
        listed = output / f"prepared/targets_{name}.ecsv"
        reason = failure_of(output / "logs", name)
        if not reason and not (listed.is_file() and (output / f"prepared/{name}.hdf5").is_file()):
            reason = _NOT_MADE
        if reason:
            missing[name] = reason
        known = read_targets(listed) if listed.is_file() else None
        if known is None or (reason and not len(known[0])):
            known = UNKNOWN_TARGETS, _metadata(region)
        lists.append(known)
        for tile in () if reason else tiles[name]:
            index = output / f"{FOLDER}/index/{name}/{tile}.ecsv"
            reason_of_tile = failure_of(output / "logs", name, tile)
            if reason_of_tile or not (index.is_file() and (output / f"photometry/{name}/{tile}.hdf5").is_file()):
                missing[f"{name}/{tile}"] = reason_of_tile or _NOT_MADE
            else:
                indices.append(read_rows(index))
    if missing:
        write_rows(incomplete_name(output, version), *summarise(lists, indices, version, reasons=missing))
    return missing


def _metadata(region: PlannedRegion) -> dict[str, str | int]:
    """Return what target lists say of a region."""
    sector, camera, ccd, cadence = region.detector
    return {"region": region.name, "sector": sector, "camera": camera, "ccd": ccd, "cadence": cadence}
