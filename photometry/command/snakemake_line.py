"""Words of the user -> the command that runs Snakemake; settings are looked at before Snakemake reads them."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from photometry.command.workflow_files import workflow_folder
from photometry.core.errors import ConfigError
from photometry.workflow.config_files import check_config_files

__all__ = ["SETTINGS", "config_files_in", "job_environment", "snakemake_line", "with_settings", "without_config"]

#: Settings where none are named: what `tess-psf init` writes.
SETTINGS = "settings.yaml"
#: A star or a place among the words of --config, which needs no settings.
_STAR = re.compile("(?:--config=)?(?:tic|coordinates)=")
_SUFFIXES = (".yaml", ".yml", ".json")
#: Options that say how many jobs run at a time, or who runs them.
_OWN_CORES = ("--cores", "--jobs", "--profile", "--workflow-profile", "--executor", "-c", "-j", "-e")
_PROFILES = ("--profile", "--workflow-profile")


def with_settings(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Divide what follows a command into a file of settings and what is Snakemake's.

    The file is the first word, if that is a file or named like one. Without it, `SETTINGS` in the working directory
    is taken, unless an option names settings, or a star.

    Raises
    ------
    ConfigError
        When no settings are named and there is no such file, or when they are named twice.
    """
    rest = list(words)
    named = config_files_in(rest)
    if rest and not rest[0].startswith("-") and (rest[0].endswith(_SUFFIXES) or Path(rest[0]).is_file()):
        if named:
            raise ConfigError(f"settings are named twice, {rest[0]} and --configfile {named[0]}: leave one of them out")
        return rest[0], rest[1:]
    if named or any(_STAR.match(word) for word in rest):
        return None, rest
    if Path(SETTINGS).is_file():
        return SETTINGS, rest
    raise ConfigError(
        f"no settings: name a file, as in tess-psf run my.yaml, or write {SETTINGS} with tess-psf init, and edit it"
    )


def config_files_in(words: Sequence[str]) -> list[str]:
    """Return the files of settings that options name: ``--configfile a.yaml b.yaml``, ``--configfile=a.yaml``."""
    return _divided(words, lambda name: name.startswith("--configf"))[0]


def without_config(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the settings that options `--config` give, the last of which Snakemake takes alone, and other words."""
    return _divided(words, lambda name: name in ("--config", "-C"))


def _divided(words: Sequence[str], is_option: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Return the values of an option that takes all words up to the next one, and what else is there."""
    values: list[str] = []
    others: list[str] = []
    inside = False
    for word in words:
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            inside = is_option(name) and not equals
            if is_option(name):
                values += [value] if equals else []
                continue
        (values if inside else others).append(word)
    return values, others


def snakemake_line(words: Sequence[str], settings: str | None = None) -> list[str]:
    """Return the command that runs Snakemake.

    Parameters
    ----------
    words : sequence of str
        Targets and options of Snakemake, as the user wrote them.
    settings : str, optional
        File of settings; those that `words` name count as well, as Snakemake takes them.

    Raises
    ------
    PhotometryError
        When a file of settings is missing, no YAML, or has no end; what Snakemake itself says of it is a traceback, or
        takes all memory.
    """
    check_config_files([*([settings] if settings else []), *config_files_in(words)])
    folder = workflow_folder()
    line = [sys.executable, "-m", "snakemake", *_with_profiles(words, folder), "--snakefile", str(folder / "Snakefile")]
    if not any(_is_option(word, name) for word in words for name in _OWN_CORES):
        line += ["--cores", str(_usable_cores())]
    # Last, because Snakemake takes all words that follow it for files of settings.
    return [*line, "--configfile", settings] if settings else line


def job_environment() -> dict[str, str]:
    """Return the environment of Snakemake and its jobs.

    One thread for each job, as jobs run side by side. The package is the one that is installed, even where the working
    directory has a folder of its name.
    """
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"} | dict(os.environ)


def _is_option(word: str, name: str) -> bool:
    """Tell whether a word is an option, with its value or without: --cores, --cores=2, -c, -c2."""
    if name.startswith("--"):
        return word.partition("=")[0] == name
    return word.startswith(name) and not word.startswith("--")


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with_profiles(words: Sequence[str], folder: Path) -> list[str]:
    """Name the workflow's own profiles by their whole path: Snakemake looks for them in the working directory."""
    found = list(words)
    for place, word in enumerate(found):
        name, equals, value = word.partition("=")
        if name in _PROFILES and equals and _is_ours(value, folder):
            found[place] = f"{name}={folder / value}"
        elif place and found[place - 1] in _PROFILES and _is_ours(word, folder):
            found[place] = str(folder / word)
    return found


def _is_ours(name: str, folder: Path) -> bool:
    return not Path(name).exists() and (folder / name).is_dir()
