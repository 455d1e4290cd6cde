"""Write the tables of columns in docs/products.md from their declarations: python docs/make_products.py."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from photometry.io.stars.target_lists import TARGET_COLUMNS
from photometry.io.stars.unlisted_files import UNLISTED_COLUMNS
from photometry.io.store.tables import RESULT_COLUMNS, ColumnSpec
from photometry.lightcurve import columns

PAGE = Path(__file__).with_name("products.md")
_HEAD = "| column | type | unit | what |\n| --- | --- | --- | --- |\n"


def page(text: str) -> str:
    """Return the page with its tables of columns as they are declared."""
    for section, rows in (
        ("Light curve", light_curve_rows()),
        ("Summary", _rows_of(RESULT_COLUMNS)),
        ("Target list", _rows_of(TARGET_COLUMNS)),
        ("Stars that the table lacks", _rows_of(UNLISTED_COLUMNS)),
    ):
        table = rf"(\n## {section}.*?\n){re.escape(_HEAD)}(?:\|[^\n]*\n)*"
        made = _HEAD + "".join(f"{row}\n" for row in rows)
        text, count = re.subn(table, lambda found, made=made: found[1] + made, text, count=1, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} has no table of columns in the section {section}")
    return text


def light_curve_rows() -> list[str]:
    """Return the rows of the table of a light curve file's columns."""
    return [
        f"| `{column.name}` | {np.dtype(column.kind).name} | {column.unit} | {column.comment} |"
        for column in columns.LIGHT_CURVE_COLUMNS
    ]


def _rows_of(specs: Iterable[ColumnSpec]) -> list[str]:
    return [f"| `{spec.name}` | {spec.kind} | {spec.unit} | {spec.description} |" for spec in specs]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
