"""Write docs/api_reference.md from the docstrings: python docs/make_reference.py."""

import inspect
from functools import cached_property
from pathlib import Path
from typing import Any

from numpydoc.docscrape import NumpyDocString

import photometry

#: Names of the reference, in its order.
NAMES = (
    *("light_curves", "PSFPhotometry", "BasePhotometry", "PSF", "ImageMovementKernel"),
    *("STATUS", "load_settings", "read_lightcurve"),
)
_TABLES = ("Parameters", "Attributes", "Returns", "Raises")
_START = """# Reference of the Python interface

Made from the docstrings by `docs/make_reference.py`. [The guide](api.md) has examples.
"""


def reference() -> str:
    """Return the page."""
    return "\n".join([_START, *(_section(name, getattr(photometry, name)) for name in NAMES)])


def _section(name: str, documented: Any) -> str:
    parts = [f"## {name}\n", _described(name, documented)]
    if inspect.isclass(documented) and name != "STATUS":
        parts += [
            f"### {name}.{member}\n\n{_described(member, found)}"
            for member, found in sorted(_members(documented).items())
        ]
    if name == "STATUS":
        parts.append("\n".join(f"- `{status.name}` = {status.value}" for status in documented) + "\n")
    return "\n".join(parts)


def _members(documented: type) -> dict[str, Any]:
    """Public methods and properties, those of base classes where they are documented under no other name here."""
    known = {} if documented.__bases__ == (object,) else _inherited(documented)
    names = [name for name in dir(documented) if not name.startswith("_")]
    found = {name: inspect.getattr_static(documented, name) for name in names}
    kinds = (property, cached_property)
    return {
        name: member
        for name, member in found.items()
        if (callable(member) or isinstance(member, kinds)) and known.get(name) is not member
    }


def _inherited(documented: type) -> dict[str, Any]:
    """Members of a base class that has a section of its own."""
    bases = [base for base in documented.__mro__[1:] if base.__name__ in NAMES]
    return {name: inspect.getattr_static(bases[0], name) for name in dir(bases[0])} if bases else {}


def _described(name: str, documented: Any) -> str:
    shown = documented.func if isinstance(documented, cached_property) else documented
    doc: NumpyDocString = NumpyDocString(inspect.getdoc(shown) or "")
    lines = []
    if callable(shown) and not isinstance(documented, cached_property) and name != "STATUS":
        lines.append(f"`{name}{_signature(shown)}`\n")
    lines += [" ".join(doc["Summary"]), "", "\n".join(doc["Extended Summary"]), ""]
    for section in _TABLES:
        if doc[section]:
            lines += [f"| {section} | | |", "| --- | --- | --- |"]
            lines += [_row(item) for item in doc[section]]
            lines.append("")
    if doc["Examples"]:
        lines += ["```python", *doc["Examples"], "```", ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def _signature(function: Any) -> str:
    """Names of the parameters with their defaults; the table has the types."""
    shown = []
    for parameter in inspect.signature(function).parameters.values():
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        shown.append(f"{stars}{parameter.name}{default}")
    return f"({', '.join(name for name in shown if name != 'self')})"


def _row(item: Any) -> str:
    """Row of a table; what has no name has its type in the first column."""
    name, kind = (item.name, item.type) if item.name else (item.type, "")
    return f"| {_code(name)} | {_cell(kind)} | {_cell(' '.join(item.desc))} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


if __name__ == "__main__":
    Path(__file__).with_name("api_reference.md").write_text(reference(), encoding="utf-8")
