"""Answers of a table service (IVOA TAP), for `archive_stand_in`: ADQL is given to SQLite, with CIRCLE as a function.

Questions are answered at once (`sync`) and as jobs (`async`: UWS 1.1, as pyvo speaks it).
"""

import math
import re
import sqlite3
import threading
import time
from dataclasses import dataclass

from archive_stand_in import Reply, Request, StandIn

#: Rows that MAST's service gives at most.
MOST_ROWS = 100_000
_ANY_LENGTH = ' arraysize="*"'
#: Comes after the rows.
_OVERFLOW = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
_TYPES = {"id": int, "objid": int, "source_id": int, "dr2_source_id": int, "dr3_source_id": int, "gaia": str}
_TYPES |= dict.fromkeys(("ra", "dec", "pmra", "pmdec", "tmag", "teff"), float)
_CIRCLE = re.compile(
    r"CONTAINS\(POINT\('ICRS',\s*([\w.]+),\s*([\w.]+)\),\s*"
    r"CIRCLE\('ICRS',\s*([^,]+),\s*([^,]+),\s*([^)]+)\)\)\s*=\s*1",
    re.I,
)


class TableService:
    """Tables that answer questions.

    Parameters
    ----------
    stars : dict of str to sequence
        Columns, as the service names them; None is no value.
    table : str
        Name of the table, as questions have it.
    most_rows : int
        Rows that an answer has at most.
    most_at_once : int
        Rows that an answer has at most that is given at once.

    Attributes
    ----------
    job_s : float
        Seconds that a job takes.
    jobs : list of Job
        All that were given to the service.
    """

    job_s = 0.0

    def __init__(
        self,
        stars: dict[str, list],
        table: str = "dbo.catalogrecord",
        most_rows: int = MOST_ROWS,
        most_at_once: int | None = None,
    ) -> None:
        self.most_rows, self.most_at_once = most_rows, most_at_once or most_rows
        self.jobs: list[Job] = []
        self._tables: dict[str, str] = {}
        self._lock, self._path = threading.Lock(), ""
        self._base = sqlite3.connect(":memory:", check_same_thread=False)
        self._base.create_function("in_circle", 5, _in_circle, deterministic=True)
        self.add_table(table, stars)

    def add_table(self, table: str, columns: dict[str, list]) -> None:
        """Let the service have one more table."""
        name = f"table_{len(self._tables)}"
        self._tables[table] = name
        self._base.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        self._base.executemany(f"INSERT INTO {name} VALUES ({marks})", zip(*columns.values(), strict=True))
        for column in {"dec", "dr3_source_id"} & set(columns):
            self._base.execute(f"CREATE INDEX {name}_{column} ON {name} ({column})")
        self._base.commit()

    def add_to(self, server: StandIn, path: str = "/vo-tap/api/v0.1/tic") -> None:
        """Answer below a path of a server."""
        self._path = path
        server.routes[f"{path}/sync"] = self.sync
        server.routes[f"{path}/async"] = self.answer_as_job

    def sync(self, request: Request) -> Reply:
        """Answer a question at once."""
        return self._answer(request.form, self.most_at_once)

    def answer_as_job(self, request: Request) -> Reply:
        """Take a question, tell how far it is, give its answer, forget it."""
        _, _, rest = request.path.partition("/async")
        if not rest.strip("/"):
            if request.method != "POST":
                return _error("jobs are not listed")
            self.jobs.append(Job(str(len(self.jobs) + 1), dict(request.form)))
            return self._see(self.jobs[-1])
        number, _, what = rest.strip("/").partition("/")
        job = self.jobs[int(number) - 1]
        if request.method == "DELETE":
            job.is_deleted = True
            return self._see(job)
        if what == "phase" and request.form.get("PHASE") == "RUN":
            job.ends = time.monotonic() + self.job_s
            return self._see(job)
        if what == "results/result":
            return self._answer(job.form, self.most_rows)
        return Reply(job.told(f"{self._path}/async/{number}/results/result").encode(), "text/xml")

    def _see(self, job: "Job") -> Reply:
        return Reply(status=303, headers={"Location": f"{self._path}/async/{job.number}"})

    def _answer(self, form: dict[str, str], most: int) -> Reply:
        if form.get("LANG") != "ADQL":
            return _error("Field required")
        try:
            rows, names, is_cut = self.rows_of(form["QUERY"], int(form.get("MAXREC", most)), most)
        except sqlite3.Error as error:
            return _error(str(error))
        return Reply(votable_of(rows, names, is_cut), "application/x-votable+xml")

    def rows_of(self, query: str, wanted: int, most: int) -> tuple[list[tuple], list[str], bool]:
        """Return the rows of a question, the names of their columns, and whether there are more."""
        sql = _CIRCLE.sub(r"in_circle(\1, \2, \3, \4, \5)", query)
        for table, name in self._tables.items():
            sql = sql.replace(table, name)
        top = re.match(r"SELECT\s+TOP\s+(\d+)\s", sql, re.I)
        if top:
            sql = "SELECT " + sql[top.end() :] + f" LIMIT {top[1]}"
        with self._lock:
            found = self._base.execute(sql)
            names = [part[0].lower().replace("count(*)", "count_all") for part in found.description]
            most = min(wanted, most)
            rows = found.fetchmany(most + 1)
            found.close()
        return rows[:most], names, len(rows) > most


@dataclass
class Job:
    """A question that is answered later."""

    number: str
    form: dict[str, str]
    ends: float | None = None
    is_deleted: bool = False

    def told(self, result: str) -> str:
        """Return what the service says of it, with the address of its answer."""
        phase = "PENDING" if self.ends is None else "EXECUTING" if time.monotonic() < self.ends else "COMPLETED"
        results = f'<uws:result id="result" xlink:href="{result}"/>' if phase == "COMPLETED" else ""
        return (
            '<?xml version="1.0"?><uws:job version="1.1" xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
            'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<uws:jobId>{self.number}</uws:jobId><uws:ownerId xsi:nil="true"/><uws:phase>{phase}</uws:phase>'
            '<uws:quote xsi:nil="true"/><uws:startTime xsi:nil="true"/><uws:endTime xsi:nil="true"/>'
            '<uws:executionDuration>600</uws:executionDuration><uws:destruction xsi:nil="true"/>'
            f"<uws:parameters/><uws:results>{results}</uws:results></uws:job>"
        )


def votable_of(rows: list[tuple], names: list[str], is_cut: bool) -> bytes:
    """Write rows as a service does, with its word on whether they are all.

    Not by astropy, whose writer is not made for several threads: it ends the process.
    """
    kinds = []
    for place, name in enumerate(names):
        known = next((row[place] for row in rows if row[place] is not None), "")
        kinds.append({int: "long", float: "double", str: "char"}[_TYPES.get(name) or type(known)])
    fields = "".join(
        f'<FIELD name="{name}" datatype="{kind}"{_ANY_LENGTH if kind == "char" else ""}/>'
        for name, kind in zip(names, kinds, strict=True)
    )
    cells = ("".join("<TD/>" if value is None else f"<TD>{value}</TD>" for value in row) for row in rows)
    table = "".join(f"<TR>{row}</TR>" for row in cells)
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/><TABLE>{fields}'
        f"<DATA><TABLEDATA>{table}</TABLEDATA></DATA></TABLE>"
        f"{_OVERFLOW if is_cut else ''}</RESOURCE></VOTABLE>"
    ).encode()


def _error(text: str) -> Reply:
    content = (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{text}</INFO></RESOURCE></VOTABLE>'
    )
    return Reply(content.encode(), "application/x-votable+xml", 400)


def _in_circle(ra: float, dec: float, ra_0: float, dec_0: float, radius: float) -> bool:
    ra, dec, ra_0, dec_0 = map(math.radians, (ra, dec, ra_0, dec_0))
    haversine = math.sin((dec - dec_0) / 2) ** 2 + math.cos(dec) * math.cos(dec_0) * math.sin((ra - ra_0) / 2) ** 2
    return 2 * math.asin(min(math.sqrt(haversine), 1.0)) <= math.radians(radius)
