"""The demo: simulate star fields, measure them, verify the products, and say where everything is."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from photometry.command.pages import output_of, page_of
from photometry.command.snakemake_line import job_environment, snakemake_line
from photometry.command.workflow_files import workflow_folder
from photometry.core.errors import OutputError

__all__ = ["run_demo"]

#: Settings of the two runs, in the workflow's folder and in the demo's.
_SIMULATE, _MEASURE = "demo/simulate.yaml", "demo/config.yaml"


def run_demo(folder: Path, options: Sequence[str] = ()) -> int:
    """Run the demo in a folder; return the exit code of the first run of Snakemake that fails, else 0.

    Parameters
    ----------
    folder : Path
        Where `demo/` is made, with the settings of both runs; settings that are there stay, and count.
    options : sequence of str
        Options of Snakemake.
    """
    _copy_settings(folder)
    output = output_of(folder / _MEASURE)
    report = output / "report.html"
    runs: tuple[tuple[str, list[str]], ...] = (
        (_SIMULATE, []),
        (_MEASURE, []),
        (_MEASURE, ["verify"]),
        (_MEASURE, ["--quiet", "all", "--report", str(report)]),
    )
    for settings, words in runs:
        line = snakemake_line([*words, *options], str((folder / settings).absolute()))
        done = subprocess.run(line, cwd=folder, env=job_environment(), check=False)
        if done.returncode != 0:
            return done.returncode
    sys.stdout.write(_places(folder, output))
    return 0


def _copy_settings(folder: Path) -> None:
    for name in (_SIMULATE, _MEASURE):
        if (folder / name).exists():
            continue
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(workflow_folder() / name, folder / name)
        except OSError as error:
            raise OutputError(folder / name, f"cannot be written ({error.strerror}); name another folder") from error


def _places(folder: Path, output: Path) -> str:
    """Say where the results are, the page last."""
    found = folder / output
    n_curve = sum(1 for _ in (found / "lightcurves").rglob("*_lc.fits"))
    summary = next(iter(sorted(found.glob("summary_v*.ecsv"))), found)
    return (
        f"\nSettings      {folder / _MEASURE}\n"
        f"Light curves  {found / 'lightcurves'} ({n_curve} files)\n"
        f"Summary       {summary}\n"
        f"Plots         {found / 'plots'}\n"
        f"Page          {page_of(found)} (tess-psf open {found})\n"
    )
