"""What may be asked of an archive in a start of Snakemake, and what is said where it may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photometry.io.store.provenance import atomic_path

__all__ = ["Fetching", "NotFetchedYet", "target_list"]


class NotFetchedYet(Exception):  # noqa: N818  no error: a dry run ends well
    """A dry run needs files that are not there; its text says which the run will fetch."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """What may be done to have the files.

    Parameters
    ----------
    allowed : bool
        Whether anything may be asked for; the processes of jobs take what is there.
    dry : bool
        Whether large files are left for the run itself.
    """

    allowed: bool = True
    dry: bool = False

    def is_again(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether what is kept is asked for again, as the settings say."""
        return bool(settings["refresh"]) and self.allowed and not self.dry


def target_list(folder: Path, starids: Sequence[int]) -> dict[str, Any]:
    """Write TIC numbers as a table of targets; return the keys of an observation that name it and them."""
    path = folder / f"targets_{'_'.join(map(str, starids[:3]))}.csv"
    text = "\n".join(["starid", *map(str, starids), ""])
    if not path.is_file() or path.read_text() != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text)
    return {"targets": str(path), "asked_for": sorted(set(starids))}
