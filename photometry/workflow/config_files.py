"""Files of settings as text: what is lost when they are read, keys that stand there twice."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from photometry.core.errors import ConfigError, InputFileError, PhotometryError
from photometry.workflow.config import MOST_LEVELS, MOST_VALUES, too_many_values

__all__ = ["check_config_files", "explained"]

#: What Snakemake reads where no settings are given.
_EXAMPLE = "config.yaml"


def explained(error: PhotometryError, *, config_given: bool) -> str:
    """Say why a run is refused, and what Snakemake does not say by itself.

    Parameters
    ----------
    error : PhotometryError
        The reason.
    config_given : bool
        Whether the settings come from files that the user named.
    """
    text = str(error)
    if isinstance(error, InputFileError) and not error.path.is_absolute() and not error.path.exists():
        text += f" (relative paths begin at the working directory, {Path.cwd()})"
    if not config_given and Path(_EXAMPLE).exists():
        text += (
            f"\nThe settings are those of {_EXAMPLE}, an example, since no others were given: copy it, edit the copy, "
            "and give it to Snakemake: snakemake --cores 2 --configfile my.yaml"
        )
    return text


def check_config_files(paths: Iterable[str | Path]) -> None:
    """Make sure that no section of files of settings has a key twice, of which Snakemake takes the last without a word.

    Parameters
    ----------
    paths : iterable of path-like
        YAML or JSON files that Snakemake has read.

    Raises
    ------
    ConfigError
        When a file is missing, no YAML or not UTF-8, has a key twice, or more values, its aliases written out, than
        settings can have; it names file, lines and key.
    """
    for path in paths:
        _check(Path(path))


def _check(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputFileError(path, "no such file; give your settings: --configfile my.yaml") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: is not written in UTF-8 ({error.reason} at byte {error.start}); save it so"
        ) from error
    try:
        json.loads(text, object_pairs_hook=lambda pairs: _unique(path, pairs))
    except RecursionError as error:
        raise too_many_values(path) from error
    except json.JSONDecodeError:
        try:
            _check_yaml(path, text)
        except RecursionError as error:
            raise too_many_values(path) from error
        except yaml.MarkedYAMLError as error:
            raise ConfigError(f"{path}: is no YAML{_place_of(error)}: {error.problem}; correct it") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: is no YAML ({' '.join(str(error).split())}); correct it") from error


def _place_of(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a section of keys and values as JSON has them."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigError(f"{path}: key {twice!r} is there twice in a section; keep one")
    return found


def _check_yaml(path: Path, text: str) -> None:
    """Look at the keys of every section; one that aliases name again is looked at once."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is not None:
        _check_extent(path, root)
    waiting = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            _check_section(path, node)
            waiting += [part for pair in node.value for part in pair]


def _check_extent(path: Path, root: yaml.Node) -> None:
    """Raise ConfigError where there are too many values or levels with the aliases written out, which nobody does here.

    Snakemake writes them out: ten lines of sections in sections would be a billion.
    """
    known: dict[int, tuple[int, int]] = {}

    def extent(node: yaml.Node, level: int) -> tuple[int, int]:
        """Values of a node and its own levels."""
        values, levels = known.get(id(node), (1, 0))
        if level + levels > MOST_LEVELS:
            raise too_many_values(path)
        if id(node) not in known and isinstance(node, (yaml.SequenceNode, yaml.MappingNode)):
            is_section = isinstance(node, yaml.MappingNode)
            parts = [part for pair in node.value for part in pair] if is_section else node.value
            found = [extent(part, level + 1) for part in parts]
            values += sum(n_value for n_value, _ in found)
            levels = 1 + max((n_level for _, n_level in found), default=0)
        if values > MOST_VALUES:
            raise too_many_values(path)
        known[id(node)] = values, levels
        return values, levels

    extent(root, 0)


def _check_section(path: Path, section: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in section.value:
        if isinstance(key, yaml.ScalarNode):
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in lines:
                raise ConfigError(
                    f"{path}: key {key.value!r} is there twice, in lines {lines[name]} and {line}; keep one"
                )
            lines[name] = line
