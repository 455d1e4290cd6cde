"""Write docs/settings.md from the schema of the settings: python docs/make_settings.py."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from photometry.workflow.config_schema import config_schema

_START = """# Settings

Made from the schema of the settings by `docs/make_settings.py`. Settings are a YAML file that is given with
`--configfile`; [config.yaml](../config.yaml) in the repository has every key with its default, to copy from. Paths are
relative to the working directory. What is not a key here is an error, as is a value out of its range.
"""
_BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def settings_page() -> str:
    """Return the page."""
    schema = config_schema()
    return "\n".join([_START, *_sections("the file", "", schema)])


def _sections(title: str, path: str, section: Mapping[str, Any]) -> Iterator[str]:
    """Give the table of a section, then those of the sections in it."""
    keys = section["properties"]
    words = section["description"]
    yield f"## {title[0].upper()}{title[1:]}\n" if not path else f"## `{path}`\n\n{words[0].upper()}{words[1:]}.\n"
    yield "| key | default | values | meaning |\n| --- | --- | --- | --- |"
    for name, key in keys.items():
        default = "below" if _inner(key) else f"`{_word(key['default'])}`" if "default" in key else "needed"
        meaning = key.get("description", "").replace("|", "\\|")
        yield f"| `{name}` | {default} | {_values(key)} | {meaning} |"
    yield ""
    for name, key in keys.items():
        if (inner := _inner(key)) is not None:
            yield from _sections(name, f"{path}.{name}".lstrip("."), {"description": name} | dict(inner))


def _inner(key: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the section that a key holds, or a list of which it holds; None where it is a value."""
    for found in (key, key.get("items", {}), key.get("additionalProperties", {})):
        if isinstance(found, Mapping) and "properties" in found:
            return found
    return None


def _values(key: Mapping[str, Any]) -> str:
    """Say which values a key takes, as far as its meaning does not."""
    if "enum" in key:
        return ", ".join(f"`{_word(value)}`" for value in key["enum"])
    bounds = [text.format(f"{key[name]:.10g}") for name, text in _BOUNDS.items() if name in key]
    return ", ".join(bounds)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(settings_page())
