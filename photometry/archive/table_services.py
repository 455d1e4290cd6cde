"""Questions to table services (IVOA TAP), at once or as jobs, with limits on time and a check of every answer."""

import contextlib
import io
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from astropy.table import Table

from photometry.archive.service import asked, conf, mast_server, patient
from photometry.core.errors import ArchiveError

__all__ = ["TIC_TABLE", "CutOff", "TableService", "ask_service", "quietly", "tic_service"]

TIC_TABLE = "dbo.catalogrecord"
#: Seconds between two looks at a job: at first, and later.
_FIRST_LOOK, _LAST_LOOK = 0.2, 10.0
_ENDED = ("COMPLETED", "ERROR", "ABORTED")


@dataclass(frozen=True, slots=True)
class TableService:
    """A service.

    Parameters
    ----------
    name : str
        What messages call it.
    url : str
        Its address, without `sync` and `async`.
    """

    name: str
    url: str


def tic_service() -> TableService:
    """Return the service that has the TIC, in its table `TIC_TABLE`."""
    return TableService("MAST's table service", f"{mast_server()}/vo-tap/api/v0.1/tic")


class CutOff(Exception):  # noqa: N818  what a service does, not a failure
    """An answer ends before its last row.

    Parameters
    ----------
    n_row : int
        Rows that it has.
    """

    def __init__(self, n_row: int) -> None:
        super().__init__(f"cut off at {n_row} rows")
        self.n_row = n_row


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep pyvo from warning of answers that are cut off, which `ask_service` tells itself.

    Not in there: Python's filters of warnings belong to all threads.
    """
    from pyvo.dal.exceptions import DALOverflowWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DALOverflowWarning)
        yield


def ask_service(
    service: TableService, query: str, columns: Sequence[str], what: str, remedy: str, *, at_least: int, as_job: bool
) -> Table:
    """Return the answer to a question, within `quietly`.

    Parameters
    ----------
    service : TableService
        The service.
    query : str
        The question, ADQL.
    columns : sequence of str
        Columns that the answer must have, which are returned.
    what : str
        What is asked for, for messages.
    remedy : str
        What the user can do when it does not answer.
    at_least : int
        Rows that the answer must have.
    as_job : bool
        Whether the question is given to the service as a job: one that is answered at once has a minute at MAST, and
        2,000 rows at ESA.

    Raises
    ------
    ArchiveError
        When the service does not answer, refuses, or the answer lacks a column or rows, at the last try.
    CutOff
        When the service says that the answer ends before the last row.
    """
    from pyvo.dal import TAPService
    from pyvo.dal.exceptions import DALAccessError, DALQueryError

    def ask() -> Any:
        with patient(_WholeAnswers()) as session:
            tap = TAPService(service.url, session=session)
            result = _job_result(tap, query) if as_job else tap.run_sync(query)
        if result.query_status != "OVERFLOW" and len(result) < at_least:
            raise ValueError(f"the answer has {len(result)} of {at_least} rows")
        return result

    who = f"{service.name} was asked for {what}"
    result = asked(ask, who, remedy, DALAccessError, final=(DALQueryError,))
    if result.query_status == "OVERFLOW":
        raise CutOff(len(result))
    table = result.to_table()
    missing = [name for name in columns if name not in table.colnames]
    if missing:
        raise ArchiveError(f"{who}: its answer lacks {', '.join(missing)}; {remedy}")
    return table[list(columns)]


class _Content(io.BytesIO):
    """An answer that is here, as pyvo reads answers that are on their way."""

    def read(self, size: int | None = -1, *, decode_content: bool = True) -> bytes:  # noqa: ARG002
        """Read on; what is here is decoded."""
        return super().read(size)


class _WholeAnswers(requests.Session):
    """Waits for the end of every answer, which pyvo does not: it would leave connections open, and lose them."""

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        response = super().send(request, **settings)
        response.raw = _Content(response.content)
        return response


def _job_result(tap: Any, query: str) -> Any:
    """Return what a job answers; the service forgets the job, whatever becomes of it."""
    from pyvo.dal.exceptions import DALAccessError

    job = tap.submit_job(query)
    if job.url.rstrip("/").endswith("/async"):
        raise ValueError("the service answers, but takes no job")
    try:
        job.run()
        # Not by pyvo's wait(), which has no end.
        wait, until = _FIRST_LOOK, time.monotonic() + conf.job_s
        while job.phase not in _ENDED:
            if time.monotonic() > until:
                raise TimeoutError(f"its job has not ended within {conf.job_s:g} s")
            time.sleep(wait)
            wait = min(1.5 * wait, _LAST_LOOK)
        job.raise_if_error()
        return job.fetch_result()
    finally:
        with contextlib.suppress(DALAccessError):
            job.delete()
