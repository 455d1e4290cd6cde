"""What a run says when it has made everything: what became of the targets, and where the results are."""

from pathlib import Path

from photometry.workflow.origin_lines import meta_of_summary

__all__ = ["closing_line"]


def closing_line(output: str | Path, summary: str) -> str:
    """Return the sentence that ends a run; empty where it has no summary, as after a simulation.

    Parameters
    ----------
    output : path-like
        Output folder.
    summary : str
        Name of the summary in it.
    """
    path = Path(output, summary)
    meta = meta_of_summary(path)
    if "n_target" not in meta:
        return ""
    n_target = int(meta["n_target"])
    counts = ", ".join(f"{count} {status}" for status, count in meta.get("status", {}).items())
    targets = f"{n_target} target{'' if n_target == 1 else 's'}" + (f": {counts}" if counts else "")
    places = {
        "light curves in": Path(output, "lightcurves"),
        "summary": path,
        "figures in": Path(output, "plots"),
        "page": Path(output, "report/index.html"),
    }
    found = ", ".join(f"{what} {place}" for what, place in places.items() if place.exists())
    return f"{targets}. {found[0].upper()}{found[1:]}."
