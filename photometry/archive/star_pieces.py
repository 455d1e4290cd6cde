"""The stars of a part of the sky from a catalogue that gives so many rows at a time: in pieces, each asked for once.

Every piece is counted before it is asked for, as services cut their answers off without a word, and cut in two where
it holds more stars than an answer does. What came is kept, one file a piece, so that a run that was interrupted asks
for the missing ones only.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from astropy.table import Table
from tqdm import tqdm

from photometry.archive.kept_answers import is_kept, keep_answer, keep_count, kept_count, kept_path
from photometry.archive.sky_boxes import SkyBox, SkyRegion, boxes_of
from photometry.archive.table_services import CutOff, TableService, ask_service, quietly
from photometry.archive.turns import turn
from photometry.core.errors import ArchiveError

__all__ = ["SkyCatalog", "fetch_pieces"]

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
#: Rows that a piece may have. MAST gives 100,000.
MOST_ROWS = 80_000
#: Questions at a time: more "is likely to result in your IP address being blocked" (MAST, of its table services).
AT_ONCE = 5
#: Pieces with more rows are asked for by jobs: ESA's service gives 2,000 at once, MAST's has a minute.
MOST_AT_ONCE_ROWS = 2000
#: Boxes that are larger are counted by jobs, deg^2.
_LARGE = 1.0
#: Services that give no more rows than this cannot be used.
_FEWEST_ROWS = 500


@dataclass(frozen=True, slots=True)
class SkyCatalog:
    """A catalogue of a table service, and which of its stars are wanted.

    Parameters
    ----------
    name : str
        In names of files.
    title : str
        In messages.
    service : TableService
        Who has it.
    source : str
        Tables and what joins them: what follows FROM in ADQL.
    columns : dict of str to str
        Columns, as the service has them, and their names in the answer.
    condition : str
        What else has to hold, ADQL.
    """

    name: str
    title: str
    service: TableService
    source: str
    columns: dict[str, str]
    condition: str

    def question(self, box: SkyBox, wanted: str) -> str:
        """Return the question for columns of the stars in a box, ADQL."""
        ra, dec = (next(name for name, told in self.columns.items() if told == axis) for axis in ("ra", "dec"))
        return f"SELECT {wanted} FROM {self.source} WHERE {box.condition(ra, dec)} AND {self.condition}"  # noqa: S608


def fetch_pieces(catalog: SkyCatalog, region: SkyRegion, folder: str | Path, remedy: str) -> list[Path]:
    """Get the pieces of a part of the sky that are not there yet.

    A bar on standard error shows how many stars are there.

    Parameters
    ----------
    catalog : SkyCatalog
        Whose stars.
    region : SkyRegion
        Where.
    folder : path-like
        Where the pieces are kept.
    remedy : str
        What the user can do when the service does not answer, for messages.

    Returns
    -------
    list of Path
        The pieces, in an order that depends on nothing else than their boxes (`photometry.archive.kept_answers`); they
        hold stars around the region, too.

    Raises
    ------
    ArchiveError
        When the service does not answer, or not with what was asked for. Pieces that came are kept.
    """
    work = _Work(catalog, Path(folder), remedy)
    boxes, most, done = boxes_of(region), MOST_ROWS, dict[SkyBox, Path]()
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        with quietly():
            while boxes:
                counts = _counted(work, pool, boxes, most)
                cut = _fetch(work, pool, counts, done)
                most = min([most, *cut.values()])
                boxes = [half for box in sorted(cut, key=_place) for half in box.halves()]
    finally:
        # The pieces that are on their way are waited for and kept.
        pool.shutdown(cancel_futures=True)
    return [done[box] for box in sorted(done, key=_place)]


def _place(box: SkyBox) -> tuple[float, float]:
    return box.dec_min, box.ra_min


@dataclass(frozen=True, slots=True)
class _Work:
    """Whom to ask, where to keep it, and what to do when that fails."""

    catalog: SkyCatalog
    folder: Path
    remedy: str

    def path(self, box: SkyBox, query: str) -> Path:
        return kept_path(self.folder, f"{self.catalog.name}_ra{box.ra_min:07.3f}_dec{box.dec_min:+07.3f}", query)

    def ask(self, query: str, columns: Sequence[str], what: str, at_least: int, *, as_job: bool) -> Table:
        """Ask when it is our turn among all jobs that ask for stars."""
        service = self.catalog.service
        with turn(self.folder, AT_ONCE):
            return ask_service(service, query, columns, what, self.remedy, at_least=at_least, as_job=as_job)

    def count(self, box: SkyBox) -> int:
        """Return the number of stars in a box."""
        query, url = self.catalog.question(box, "COUNT(*) AS n_row"), self.catalog.service.url
        path = self.path(box, query).with_suffix(".json")
        count = kept_count(path, query)
        if count is None:
            what = f"the number of {self._what(box)}"
            answer = self.ask(query, ["n_row"], what, 1, as_job=box.area > _LARGE)
            count = int(answer["n_row"][0])
            keep_count(path, count, query, url)
        return count

    def fetch(self, box: SkyBox, count: int) -> Path:
        """Return the file with the stars in a box."""
        query = self.catalog.question(box, ", ".join(self.catalog.columns))
        path = self.path(box, query)
        if is_kept(path, query):
            return path
        columns = list(self.catalog.columns.values())
        answer = self.ask(query, columns, self._what(box), count, as_job=count > MOST_AT_ONCE_ROWS)
        inside = box.contains(np.asarray(answer["ra"], dtype=float), np.asarray(answer["dec"], dtype=float))
        if not inside.all():
            if not inside.any():
                where = f"{self.catalog.service.name} was asked for {self._what(box)}"
                raise ArchiveError(f"{where}: none of the stars of its answer is there; {self.remedy}")
            _log.warning("%s: %d stars of the answer are elsewhere and left out", self._what(box), (~inside).sum())
        keep_answer(path, answer[inside], query, self.catalog.service.url)
        return path

    def _what(self, box: SkyBox) -> str:
        return f"{self.catalog.title} from RA {box.ra_min:g} to {box.ra_max:g}, Dec {box.dec_min:g} to {box.dec_max:g}"


def _counted(work: _Work, pool: ThreadPoolExecutor, boxes: list[SkyBox], most: int) -> dict[SkyBox, int]:
    """Count the stars of boxes, and cut those with too many in two, until none has; boxes without any are left out."""
    counts: dict[SkyBox, int] = {}
    while boxes:
        full = []
        for box, count in tqdm(
            _each(pool, work.count, boxes), total=len(boxes), desc=f"counting {work.catalog.title}", unit="box"
        ):
            if count > most:
                full.append(box)
            elif count:
                counts[box] = count
        boxes = [half for box in sorted(full, key=_place) for half in box.halves()]
    return counts


def _fetch(
    work: _Work, pool: ThreadPoolExecutor, counts: dict[SkyBox, int], done: dict[SkyBox, Path]
) -> dict[SkyBox, int]:
    """Get the pieces, which are added to `done`; return how many rows the service gave of those that it cut off."""
    cut: dict[SkyBox, int] = {}

    def fetch(box: SkyBox) -> Path | CutOff:
        try:
            return work.fetch(box, counts[box])
        except CutOff as found:
            return found

    with tqdm(total=sum(counts.values()), desc=work.catalog.title, unit="star", unit_scale=True) as bar:
        for box, found in _each(pool, fetch, sorted(counts, key=_place)):
            if isinstance(found, CutOff):
                if found.n_row < _FEWEST_ROWS:
                    raise ArchiveError(
                        f"{work.catalog.service.name} cuts its answers off at {found.n_row} rows; {work.remedy}"
                    )
                cut[box] = found.n_row
            else:
                done[box] = found
                bar.update(counts[box])
    return cut


def _each(
    pool: ThreadPoolExecutor, do: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[tuple[_Item, _Result]]:
    """Do something with every item, several at a time; yield the results as they come."""
    futures = {pool.submit(do, item): item for item in items}
    for future in as_completed(futures):
        yield futures.pop(future), future.result()
