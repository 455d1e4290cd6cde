"""Table of observations: a CSV file with a row for each, in place of the list `observations` in the settings."""

import csv
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photometry.core.errors import ConfigError, InputFileError
from photometry.workflow.config import checked_config
from photometry.workflow.mast_observations import with_source

__all__ = ["read_observation_table", "with_observation_table"]


def with_observation_table(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with the rows of the table that `observations` names, if it names one.

    Parameters
    ----------
    config : mapping
        Settings as the user wrote them; not changed.
    schema : mapping
        JSON schema of the settings.
    """
    given = config.get("observations")
    if not isinstance(given, str):
        return dict(config)
    return dict(config) | {"observations": read_observation_table(given, schema["properties"]["observations"]["items"])}


def read_observation_table(path: str | Path, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read a table of observations.

    Parameters
    ----------
    path : path-like
        CSV file: the first line names the columns, which are keys of an observation; an empty field leaves a key out.
        Empty lines and lines that begin with # count as no row.
    schema : mapping
        JSON schema of an observation.

    Returns
    -------
    list of dict
        An observation for each row, complete.

    Raises
    ------
    InputFileError
        When the file is missing, is no such table, or has no row.
    ConfigError
        When a row lacks a key or has a value that cannot be used; it names file and row.
    """
    names, rows = _read(Path(path))
    known = list(schema["properties"])
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise ConfigError(f"{path}: column {name!r} is not known; {hint}")
    return [
        checked_config(
            with_source(_converted(dict(zip(names, row, strict=True)), schema)), schema, f"{path}, row {number}"
        )
        for number, row in enumerate(rows, 1)
    ]


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and fields of the rows."""
    if not path.is_file():
        raise InputFileError(path, "no such file; correct the key 'observations' (a list, or a CSV table of them)")
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = [
            [field.strip() for field in row]
            for row in csv.reader(text.splitlines(), skipinitialspace=True, strict=True)
            if any(field.strip() for field in row) and not row[0].startswith("#")
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputFileError(path, f"cannot be read as a table of observations ({error}); expected CSV") from error
    if len(found) < 2:
        raise InputFileError(path, "has no rows; give a line with the keys of an observation and a line for each")
    names, *rows = found
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputFileError(path, f"has two columns {twice!r}; remove one")
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise InputFileError(path, f"row {number} has {len(row)} fields, expected {len(names)}: {', '.join(names)}")
    return names, rows


def _converted(row: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the schema's types, as far as they can be; empty ones are left out."""
    values: dict[str, Any] = {name: field for name, field in row.items() if field}
    for name, field in list(values.items()):
        kind = schema["properties"][name].get("type")
        try:
            if kind == "number":
                values[name] = float(field)
            elif isinstance(kind, list) and "array" in kind:
                values[name] = [int(number) for number in field.strip("[]").replace(",", " ").split()]
            elif kind == "integer" or (isinstance(kind, list) and "integer" in kind):
                values[name] = int(field)
        except ValueError:
            continue  # the schema's message names it
    return values
