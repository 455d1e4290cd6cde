"""`tess-psf`: what each of its commands does."""

import difflib
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from photometry._version import __version__
from photometry.command.demo import run_demo
from photometry.command.pages import output_of, page_of
from photometry.command.snakemake_line import SETTINGS, job_environment, snakemake_line, with_settings, without_config
from photometry.command.workflow_files import workflow_folder
from photometry.core.errors import ConfigError, InputFileError, OutputError, PhotometryError
from photometry.workflow.config_files import explained

__all__ = ["main"]

_USAGE = f"""tess-psf: PSF photometry of TESS images

  tess-psf demo [folder]              simulate star fields, measure them, show where everything is
  tess-psf star NUMBER ...            measure stars by their TIC numbers; pixels and stars come from MAST
  tess-psf init [folder]              write {SETTINGS}, all settings with their meaning, to start from
  tess-psf run [my.yaml]              measure what the settings ask for [{SETTINGS}]
  tess-psf open [my.yaml or output]   show the page of the results in the browser
  tess-psf verify [my.yaml]           compare all products with their digests
  tess-psf prune [my.yaml]            delete light curves of stars that are targets no longer

All but init and open take any option of Snakemake as well: tess-psf run my.yaml --dry-run --cores 4
(snakemake --help lists them). Without --cores, all cores are used.
tess-psf star takes settings, too: tess-psf star 307210830 sectors=1,4 cutout_size=32
"""
#: Where `open` looks when nothing is named and there are no settings: outputs of `star` and `demo`.
_USUAL_OUTPUTS = ("results", "demo/results")


def main() -> int:
    """Do what the words after `tess-psf` say and return the exit code; of Snakemake's the process is its own."""
    name, *words = sys.argv[1:] or ["--help"]
    if name == "--version":
        sys.stdout.write(f"tess-psf {__version__}\n")
        return 0
    if name in ("--help", "-h", "help") or words in (["--help"], ["-h"]):
        sys.stdout.write(_USAGE)
        return 0
    if name not in _COMMANDS:
        close = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(_COMMANDS)}"
        sys.stderr.write(f"tess-psf: {name} is no command; {hint}\n")
        return 2
    try:
        return _COMMANDS[name](words)
    except PhotometryError as error:
        sys.stderr.write(f"{explained(error, config_given=True)}\n")
        return 1


def _init(words: Sequence[str]) -> int:
    """Write settings to start from; a file that is there stays."""
    if len(words) > 1 or any(word.startswith("-") for word in words):
        raise ConfigError("tess-psf init takes a folder, or nothing")
    path = Path(*words) / SETTINGS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(_settings_to_start_from(path))
    except FileExistsError as error:
        raise OutputError(path, "is there already, and stays as it is; move it, or name another folder") from error
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror})") from error
    sys.stdout.write(f"{path} has all settings: edit input, catalog and prf, then tess-psf run {path}\n")
    return 0


def _settings_to_start_from(path: Path) -> str:
    """Return the example of the workflow with another head: the comment before its first setting."""
    _, _, settings = (workflow_folder() / "config.yaml").read_text(encoding="utf-8").partition("\n\n")
    return (
        "# Settings of tess-psf. Paths are relative to the working directory.\n"
        f"# Edit this file, then: tess-psf run {path.name}\n"
        "# Needed are output and observations with datasource, input, catalog and prf; what is left out has the value\n"
        f"# that is shown here. Written by version {__version__}.\n\n{settings}"
    )


def _run(words: Sequence[str]) -> int:
    settings, rest = with_settings(words)
    return _become(snakemake_line(rest, settings))


def _run_target(target: str) -> Callable[[Sequence[str]], int]:
    """Return a command that asks Snakemake for one target."""

    def run(words: Sequence[str]) -> int:
        settings, rest = with_settings(words)
        return _become(snakemake_line([target, *rest], settings))

    return run


def _star(words: Sequence[str]) -> int:
    """Measure stars: numbers, tables of them and settings up to the first option, which is Snakemake's."""
    n_ours = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    ours = words[:n_ours]
    more, rest = without_config(words[n_ours:])
    settings = [*(word for word in ours if "=" in word), *more]
    stars = [word for word in ours if "=" not in word]
    asked = [f"tic={','.join(stars)}"] if stars else []
    if not asked and not any(word.startswith(("tic=", "coordinates=")) for word in settings):
        raise ConfigError('no star: give a TIC number, as in tess-psf star 307210830, or coordinates="84.29 -80.47"')
    return _become(snakemake_line([*rest, "--config", *asked, *settings]))


def _become(line: list[str]) -> int:
    """Let Snakemake take the place of this process: signals and exit code are its own."""
    sys.stdout.flush()
    os.execve(line[0], line, job_environment())


def _demo(words: Sequence[str]) -> int:
    folder, rest = (words[0], words[1:]) if words and not words[0].startswith("-") else (".", words)
    return run_demo(Path(folder), rest)


def _open(words: Sequence[str]) -> int:
    """Show the page of an output in the browser, and say where it is."""
    if len(words) > 1:
        raise ConfigError("tess-psf open takes a file of settings or an output folder, or nothing")
    page = page_of(_output_named(words[0] if words else None)).resolve()
    sys.stdout.write(f"{page}\n")
    sys.stdout.flush()
    webbrowser.open(page.as_uri())
    return 0


def _output_named(name: str | None) -> Path:
    """Return the output that is named by itself or by its settings; where nothing is named, the one that is here."""
    if name is None and not Path(SETTINGS).is_file():
        found = [folder for folder in _USUAL_OUTPUTS if Path(folder).is_dir()]
        if not found:
            raise InputFileError(Path(SETTINGS), "no such file; name settings or an output: tess-psf open results")
        return Path(found[0])
    path = Path(name or SETTINGS)
    return path if path.is_dir() else output_of(path)


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": _demo,
    "star": _star,
    "init": _init,
    "run": _run,
    "open": _open,
    "verify": _run_target("verify"),
    "prune": _run_target("prune"),
}
