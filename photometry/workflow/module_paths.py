"""Relative paths of settings, where another workflow that takes this one as a module puts them."""

from collections.abc import Callable, Mapping
from typing import Any

from photometry.core.settings import CATALOGS
from photometry.workflow.mast_observations import FROM_MAST
from photometry.workflow.trend_plan import GIVEN_WORDS

__all__ = ["Place", "with_places"]

#: Where a relative path is put: `prefix` and `replace_prefix` of a module statement.
Place = Callable[[str], str]
#: Keys of an observation that name files or folders, and their words that do not.
_PATHS = {
    "input": {FROM_MAST},
    "catalog": set(CATALOGS),
    "prf": {"model", "mast"},
    "targets": {"all"},
}


def with_places(config: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return settings whose relative paths are where another workflow puts them.

    Parameters
    ----------
    config : mapping
        Settings with the rows of a table of observations, not yet checked; not changed.
    place : callable
        Returns a path for the path that the settings have.
    """
    settings = dict(config)
    if isinstance(output := settings.get("output"), str):
        # Snakemake's replacements often end with a slash: {"results/": "psf/results/"}.
        settings["output"] = place(f"{output.rstrip('/')}/").rstrip("/")
    _put(settings, "ephemeris", place, {"earth"})
    _put(settings, "trends", place, set(GIVEN_WORDS))
    if isinstance(observations := settings.get("observations"), list):
        settings["observations"] = [_with_paths(entry, place, _PATHS) for entry in observations]
    if "simulate" in settings:
        settings["simulate"] = _with_paths(settings["simulate"], place, {"folder": set(), "prf": {"model"}})
    return settings


def _with_paths(section: Any, place: Place, paths: Mapping[str, set[str]]) -> Any:
    if not isinstance(section, dict):
        return section
    put = dict(section)
    for key, words in paths.items():
        _put(put, key, place, words)
    return put


def _put(section: dict[str, Any], key: str, place: Place, words: set[str]) -> None:
    value = section.get(key)
    if isinstance(value, str) and value not in words:
        section[key] = place(value)
