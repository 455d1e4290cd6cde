"""Garbage of every kind in settings, star tables and headers, drawn from a seed."""

import copy
import gzip
import io
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from astropy.io import fits
from astropy.table import Table

#: Values that a section of YAML or JSON may hold.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2.0, 2.5, 7, 10**20, -(10**20), 10**400, 1e-300, 1e300),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "abc", "nan", "mast", "model", "all", "earth", "wcs"),
    *(
        "a\0b",
        "\ud800",
        "é",
        "../..",
        "/",
        "/proc/self/mem",
        ".",
        "x" * 300,
        "x/" * 3000,
        "{region}",
        "*",
        "~",
        "#",
        "%41",
    ),
    *([], {}, [[]], [None], {"a": 1}, {1: 2}, ["x"] * 5, b"bytes", (1, 2), [1.0, float("nan")]),
)
#: Texts of cells of tables.
CELLS = (
    *("", "nan", "inf", "-inf", "1e400", "-1e400", "1e30", "-1e30", "1e-300", "0", "-1", "1.5", "12.0", "1e5", "abc"),
    *(
        "9" * 23,
        "9" * 400,
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "TIC 5",
        "TIC",
        "None",
    ),
    *("\uff15", "1_000", "0x10", "1+2j", "(1.0, 2.0)", "True", '"', "'", ",", ";", "\0", "é", "\ufeff", "12h30m", "#"),
    *("x" * 5000, "1,2", "\n", "\r", "\t", "--", "null", "None", "1 2", "+5", "5.", ".5", "٣"),
)
#: Texts of values in FITS cards.
CARDS = (
    *(
        "1E400",
        "-1E400",
        "NaN",
        "(1.0, 2.0)",
        "'abc'",
        "''",
        "T",
        "F",
        "",
        "0",
        "-1",
        "1E30",
        "-1E30",
        "1E-30",
        "3",
        "0.5",
    ),
    *(
        "99999999999999999999",
        "1234567",
        "-99999",
        "2.5",
        "'1.98'",
        "1.0D0",
        "'(7,5)'",
        "'E'",
        "'1E30'",
        "'PB(3)'",
        "'X'",
    ),
    *("'(1000000,1000000)'", "'TDB'", "1 2 3", "'unclosed", "/ comment", "'\xe9'", "=", "2457000", "360.0", "-91"),
)


def mutated_bytes(rng: random.Random, content: bytes) -> bytes:
    """Flip, cut, repeat or insert bytes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 3, 30))):
        if not changed:
            break
        at = rng.randrange(len(changed))
        kind = rng.randrange(5)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at] = rng.choice(b"\0\n\r\t ,;\"'#\xff\xfe0-")
        elif kind == 2:
            del changed[at : at + rng.choice((1, 2, 10, 80, 2880))]
        elif kind == 3:
            changed[at:at] = rng.randbytes(rng.choice((1, 4, 80)))
        else:
            changed[at:at] = changed[at : at + rng.choice((1, 80, 500))]
    return bytes(changed[: rng.randrange(len(changed) + 1)] if rng.random() < 0.1 else changed)


# Settings


def settings_of(rng: random.Random, base: dict[str, Any]) -> dict[str, Any]:
    """Settings with up to three values, keys or sections that do not belong there."""
    config = copy.deepcopy(base)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(config))
        holder, key = rng.choice(places)
        kind = rng.randrange(6)
        if kind <= 2 or not isinstance(holder, dict):
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        elif kind == 3:
            del holder[key]
        elif kind == 4:
            holder[rng.choice((f"{key}s", str(key)[1:], 1, None, 2.5, (1, 2), "\0", "x" * 1000))] = holder.pop(key)
        else:
            other, name = rng.choice(places)
            value = copy.deepcopy(other[name])
            holder[key] = value
    return config


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place of settings: what holds it, and its key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def settings_text(rng: random.Random, base: dict[str, Any]) -> bytes:
    """Settings as bytes of YAML that is damaged or written in another way."""
    text = yaml.safe_dump(base)
    if rng.random() < 0.3:
        line = rng.choice(text.splitlines())
        text += f"{line}\n"
    content = text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")))
    return mutated_bytes(rng, content) if rng.random() < 0.7 else content


# Tables


def write_table(rng: random.Random, rows: dict[str, list[Any]], path: Path) -> None:
    """Write a star table in one of the forms that are read, with garbage in it."""
    kind = rng.choice((_csv, _csv, _csv, _sqlite, _sqlite, _astropy, _astropy, _astropy))
    kind(rng, rows, path)
    content = path.read_bytes()
    if rng.random() < 0.3:
        content = mutated_bytes(rng, content)
    if rng.random() < 0.1:
        content = gzip.compress(content)
        content = mutated_bytes(rng, content) if rng.random() < 0.5 else content
    path.write_bytes(content)


def _csv(rng: random.Random, rows: dict[str, list[Any]], path: Path) -> None:
    names, cells = list(rows), [list(map(str, row)) for row in zip(*rows.values(), strict=True)]
    separator = rng.choice((",", ",", ";", "\t", "|", " "))
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        row = rng.choice(cells)
        row[rng.randrange(len(row))] = rng.choice(CELLS)
    if rng.random() < 0.1:
        rng.choice(cells).append(rng.choice(CELLS))
    if rng.random() < 0.2:
        names[rng.randrange(len(names))] = rng.choice((*names, *CELLS))
    if rng.random() < 0.1:
        cells += [rng.choice(cells) for _ in range(3)]
    text = "\n".join(separator.join(row) for row in [names, *cells])
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "latin-1", "utf-8-sig"))
    path.write_bytes(text.encode(encoding, "replace"))


def _sqlite(rng: random.Random, rows: dict[str, list[Any]], path: Path) -> None:
    garbage = (None, b"\xff\xfe", b"", "abc", "12", float("inf"), 2**63 - 1, -(2**63), -1, 0, 1e30, "9" * 23, "\0", 1.5)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        names = [name if rng.random() < 0.97 else f"{name}x" for name in rows]
        table = rng.choice(("catalog",) * 9 + ("catalogue",))
        connection.execute(f"CREATE TABLE {table} ({', '.join(names)})")
        for row in zip(*rows.values(), strict=True):
            cells = [rng.choice(garbage) if rng.random() < 0.02 else cell for cell in row]
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(cells))})", cells)


def _astropy(rng: random.Random, rows: dict[str, list[Any]], path: Path) -> None:
    table = Table(rows)
    for name in rng.sample(table.colnames[:7], rng.choice((0, 1, 1, 2))):
        values = np.asarray(table[name])
        change: Callable[[], Any] = rng.choice(
            (
                lambda values=values: values.astype(complex),
                lambda values=values: values.astype(bool),
                lambda values=values: values.astype(np.uint8),
                lambda values=values: values.astype(str),
                lambda values=values: np.char.encode(values.astype(str), "utf-8", "replace"),
                lambda values=values: np.where(np.arange(len(values)) == 1, np.inf, values.astype(float)),
                lambda values=values: np.where(np.arange(len(values)) == 1, np.nan, values.astype(float)),
                lambda values=values: np.where(np.arange(len(values)) == 1, 1e30, values.astype(float)),
                lambda values=values: np.repeat(values[:, None], 3, axis=1),
                lambda values=values: np.where(np.arange(len(values)) == 2, rng.choice(CELLS)[:50], values.astype(str)),
            )
        )
        table[name] = change()
        if rng.random() < 0.2:
            table[name].unit = rng.choice(("deg", "rad", "m", "s", "arcsec / yr", "K"))
    stream = io.BytesIO()
    form = rng.choice(("fits", "votable", "ascii.ecsv"))
    if form == "ascii.ecsv":
        text = io.StringIO()
        table.write(text, format=form)
        stream.write(text.getvalue().encode("utf-8", "replace"))
    else:
        table.write(stream, format=form)
    path.write_bytes(stream.getvalue())


# Headers


def damaged_header(rng: random.Random, content: bytes) -> bytes:
    """Change, delete or repeat cards of the headers of a FITS file."""
    changed = bytearray(content)
    starts = list(_cards(content))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.choice(starts)
        card = bytes(changed[at : at + 80])
        kind = rng.randrange(10)
        if kind <= 5:
            card = card[:10] + rng.choice(CARDS).encode("latin-1").rjust(20 if rng.random() < 0.8 else 0)
        elif kind == 6:
            card = b""
        elif kind == 7:
            card = bytes(changed[(other := rng.choice(starts)) : other + 80])
        elif kind == 8:
            card = mutated_bytes(rng, card)
        else:
            card = rng.choice((b"END", b"HISTORY", b"CONTINUE  'x'", card[:8] + b"  no equals sign"))
        changed[at : at + 80] = card.ljust(80)[:80]
    return bytes(changed)


def _cards(content: bytes) -> Iterator[int]:
    """Give the places of all cards with a value."""
    with fits.open(io.BytesIO(content)) as hdus:
        for hdu in hdus:
            start = hdu.fileinfo()["hdrLoc"]
            for at in range(start, hdu.fileinfo()["datLoc"], 80):
                if content[at + 8 : at + 10] == b"= ":
                    yield at
