"""Settings of the workflow: checked against their schema, with the defaults that the schema gives.

A message names the file, the key and what the schema says of it, so that it can be mended without reading the schema.
"""

import copy
import difflib
import math
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from photometry.core.errors import ConfigError

__all__ = ["MOST_LEVELS", "MOST_VALUES", "checked_config", "too_many_values", "with_booleans", "with_defaults"]

#: Words for the JSON types, as a writer of YAML knows them.
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section with keys",
}
#: Words for what a schema demands of a value, which follows.
_DEMANDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "minLength": "a text of at least this many characters:",
    "minItems": "a list of at least this many entries:",
    "pattern": "a text like",
}
#: Values of all settings together, and levels of sections and lists, at most. YAML's aliases write a billion values in
#: ten lines, or a list that holds itself.
MOST_VALUES, MOST_LEVELS = 300_000, 20
#: Characters of a key in the name of a place.
_MOST_OF_KEY = 80
#: Bits of a whole number: with more it is no real number, and with thousands Python refuses to write it.
_MOST_BITS = 1000


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:
    """Return `value` with the schema's defaults where it has no key, at every level.

    Parameters
    ----------
    schema : mapping
        JSON schema; of its keywords `properties`, `items` and `default` count here.
    value : object
        Settings as read from YAML; it is not changed.
    """
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for key, part in schema["properties"].items():
            if key in filled:
                filled[key] = with_defaults(part, filled[key])
            elif "default" in part:
                filled[key] = with_defaults(part, copy.deepcopy(part["default"]))
        return filled
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(schema["items"], item) for item in value]
    return value


def with_booleans(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which true and false are what they say: Snakemake's --config leaves them texts.

    Parameters
    ----------
    config : mapping
        Settings as Snakemake has them; not changed.
    schema : mapping
        JSON schema of the settings; only its own keys are looked at.
    """
    words = {"true": True, "false": False}
    known = {name for name, part in schema["properties"].items() if part.get("type") == "boolean"}
    return {
        name: words.get(value.lower(), value) if name in known and isinstance(value, str) else value
        for name, value in config.items()
    }


def checked_config(config: Mapping[str, Any], schema: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the settings with defaults, or say what is wrong with them.

    Parameters
    ----------
    config : mapping
        Settings as the user wrote them.
    schema : mapping
        JSON schema of the settings.
    source : str
        Name of the file they came from.

    Raises
    ------
    ConfigError
        When a key is missing or not known, or a value has the wrong type or is out of range.
    """
    from jsonschema import Draft202012Validator, exceptions

    for place, value in _numbers(config, source):
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise ConfigError(f"{source}: {_place(place)}a number of hundreds of digits cannot be used")
        if not math.isfinite(value):
            raise ConfigError(f"{source}: {_place(place)}{value} cannot be used, expected a finite number")
    filled: dict[str, Any] = with_defaults(schema, dict(config))
    error = exceptions.best_match(Draft202012Validator(schema).iter_errors(filled))
    if error is not None:
        raise ConfigError(f"{source}: {_explained(error)}")
    whole: dict[str, Any] = _with_whole_numbers(schema, filled)
    return whole


def too_many_values(source: object) -> ConfigError:
    """Return what is wrong with settings whose values have no end."""
    return ConfigError(
        f"{source}: has more than {MOST_VALUES} values or {MOST_LEVELS} levels, its aliases (*name) written out; write "
        "what is meant without them"
    )


def _numbers(config: Mapping[str, Any], source: str) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Give the numbers of settings with their places; ConfigError where there is no end of values."""
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), config)]
    count = 0
    while waiting:
        place, value = waiting.pop()
        count += 1
        if count > MOST_VALUES or len(place) > MOST_LEVELS:
            raise too_many_values(source)
        if isinstance(value, Mapping):
            waiting += [((*place, key), item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [((*place, number), item) for number, item in enumerate(value)]
        elif isinstance(value, (int, float)):
            yield place, value


def _with_whole_numbers(schema: Mapping[str, Any], value: Any) -> Any:
    """Return checked settings with 2.0 as 2 where the schema wants a whole number: for JSON schema both are one."""
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {key: _with_whole_numbers(parts.get(key, {}), item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(schema.get("items", {}), item) for item in value]
    return int(value) if schema.get("type") == "integer" else value


def _explained(error: Any) -> str:
    """Say in words where the settings differ from the schema and what is expected."""
    place = _place(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        key = next(key for key in error.instance if key not in known)
        close = difflib.get_close_matches(str(key)[:_MOST_OF_KEY], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        return f"{place}key {_shown(key)} is not known; {hint}"
    if error.validator == "required":
        key = next(key for key in error.validator_value if key not in error.instance)
        meaning = error.schema.get("properties", {}).get(key, {}).get("description", "")
        return f"{place}key {key!r} is missing; add it: {meaning}"
    if error.validator == "anyOf":
        keys = [key for choice in error.validator_value for key in choice["required"]]
        meaning = error.schema["properties"][keys[0]].get("description", "")
        others = "".join(f" (or {key!r})" for key in keys[1:])
        return f"{place}key {keys[0]!r} is missing; add it{others}: {meaning}"
    if error.validator == "type":
        types: list[str] = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        expected = "expected " + " or ".join(_TYPES.get(kind, kind) for kind in types)
    elif error.validator == "enum":
        expected = "expected one of " + ", ".join(map(str, error.validator_value))
    elif error.validator in ("pattern", "minItems", "maxItems") and "default" in error.schema:
        expected = "expected one of these forms"
    else:
        expected = f"expected {_DEMANDS.get(error.validator, error.validator)} {error.validator_value}"
    meaning = error.schema.get("description")
    return f"{place}{_shown(error.instance)} cannot be used, {expected}" + (f" ({meaning})" if meaning else "")


def _shown(value: Any) -> str:
    """Write a value as the user did, shortened where it is long."""
    brief = reprlib.Repr()
    brief.maxlevel = 2
    brief.maxstring = brief.maxother = brief.maxlong = 200
    return brief.repr(value)


def _place(path: Any) -> str:
    """Name the place of a value in the settings: ``observations, entry 2, tmag_limit: ``."""
    words = [f"entry {part + 1}" if isinstance(part, int) else str(part)[:_MOST_OF_KEY] for part in path]
    return f"{', '.join(words)}: " if words else ""
