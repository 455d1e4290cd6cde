"""Answers of a table service (IVOA TAP), for `archive_stand_in`: ADQL is given to SQLite, with CIRCLE as a function."""

import re
import sqlite3
from io import BytesIO

import numpy as np
from archive_stand_in import Reply, Request, StandIn
from astropy.io.votable import from_table
from astropy.io.votable.tree import Info
from astropy.table import MaskedColumn, Table

#: Rows that MAST's service gives at most.
MOST_ROWS = 100_000
_TYPES = {"id": int, "objid": int} | dict.fromkeys(("ra", "dec", "pmra", "pmdec", "tmag", "teff"), float)
_CIRCLE = re.compile(
    r"CONTAINS\(POINT\('ICRS',\s*(\w+),\s*(\w+)\),\s*CIRCLE\('ICRS',\s*([^,]+),\s*([^,]+),\s*([^)]+)\)\)\s*=\s*1", re.I
)


class TableService:
    """A table of stars that answers questions.

    Parameters
    ----------
    stars : dict of str to sequence
        Columns, as the service names them; None is no value.
    table : str
        Name of the table, as questions have it.
    """

    def __init__(self, stars: dict[str, list], table: str = "dbo.catalogrecord", most_rows: int = MOST_ROWS) -> None:
        self.columns, self.table, self.most_rows = list(stars), table, most_rows
        self._base = sqlite3.connect(":memory:", check_same_thread=False)
        self._base.create_function("in_circle", 5, _in_circle, deterministic=True)
        self._base.execute(f"CREATE TABLE stars ({', '.join(self.columns)})")
        marks = ", ".join("?" * len(self.columns))
        self._base.executemany(f"INSERT INTO stars VALUES ({marks})", zip(*stars.values(), strict=True))
        self._base.commit()

    def add_to(self, server: StandIn, path: str = "/vo-tap/api/v0.1/tic") -> None:
        """Answer below a path of a server."""
        server.routes[f"{path}/sync"] = self.sync

    def sync(self, request: Request) -> Reply:
        """Answer a question at once."""
        if request.form.get("LANG") != "ADQL":
            return _error("Field required")
        try:
            rows, names, is_cut = self.rows_of(request.form["QUERY"], int(request.form.get("MAXREC", self.most_rows)))
        except sqlite3.Error as error:
            return _error(str(error))
        return Reply(votable_of(rows, names, is_cut), "application/x-votable+xml")

    def rows_of(self, query: str, most: int) -> tuple[list[tuple], list[str], bool]:
        """Return the rows of a question, the names of their columns, and whether there are more."""
        sql = _CIRCLE.sub(r"in_circle(\1, \2, \3, \4, \5)", query.replace(self.table, "stars"))
        top = re.match(r"SELECT\s+TOP\s+(\d+)\s", sql, re.I)
        if top:
            sql = "SELECT " + sql[top.end() :] + f" LIMIT {top[1]}"
        found = self._base.execute(sql)
        names = [part[0].lower().replace("count(*)", "count_all") for part in found.description]
        most = min(most, self.most_rows)
        rows = found.fetchmany(most + 1)
        return rows[:most], names, len(rows) > most


def votable_of(rows: list[tuple], names: list[str], is_cut: bool) -> bytes:
    """Write rows as a service does, with its word on whether they are all."""
    columns = []
    for number, name in enumerate(names):
        values = [row[number] for row in rows]
        known = [value for value in values if value is not None]
        kind = _TYPES.get(name) or (type(known[0]) if known else str)
        mask = [value is None for value in values]
        filled = [kind() if value is None else value for value in values]
        dtype = {int: np.int64, float: np.float64, str: "U20"}[kind]
        columns.append(MaskedColumn(filled, name=name, mask=mask, dtype=dtype))
    table = from_table(Table(columns))
    resource = table.resources[0]
    resource.type = "results"
    resource.infos.append(Info(name="QUERY_STATUS", value="OVERFLOW" if is_cut else "OK"))
    written = BytesIO()
    table.to_xml(written)
    return written.getvalue()


def _error(text: str) -> Reply:
    content = (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{text}</INFO></RESOURCE></VOTABLE>'
    )
    return Reply(content.encode(), "application/x-votable+xml", 400)


def _in_circle(ra: float, dec: float, ra_0: float, dec_0: float, radius: float) -> bool:
    ra, dec, ra_0, dec_0 = np.deg2rad([ra, dec, ra_0, dec_0])
    haversine = np.sin((dec - dec_0) / 2) ** 2 + np.cos(dec) * np.cos(dec_0) * np.sin((ra - ra_0) / 2) ** 2
    return bool(2 * np.arcsin(np.sqrt(haversine)) <= np.deg2rad(radius))
