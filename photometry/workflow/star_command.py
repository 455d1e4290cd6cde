"""A star or a place on the command line: `snakemake --config tic=307210830` stands for an observation of its own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photometry.core.datasources import TESSCUT
from photometry.core.errors import ConfigError
from photometry.workflow.mast_observations import FROM_MAST, numbers_in_table

__all__ = ["with_command"]

#: Settings that make up the observation.
_COMMAND = ("tic", "coordinates", "datasource", "sectors", "cutout_size", "targets", "tmag_limit")
_DEFAULT_OUTPUT = "results"


def with_command(config: Mapping[str, Any], *, settings_given: bool) -> dict[str, Any]:
    """Return settings in which the keys `tic` or `coordinates` of the command line have become an observation.

    Parameters
    ----------
    config : mapping
        Settings as Snakemake has them; not changed.
    settings_given : bool
        Whether the user named a file of settings; else they are those of the example, whose observations do not count.

    Raises
    ------
    ConfigError
        When the keys cannot be understood, or stand beside observations.
    """
    settings = dict(config)
    given = {name: settings.pop(name) for name in _COMMAND if name in settings}
    if not given:
        return settings
    if not given.keys() & {"tic", "coordinates"}:
        raise ConfigError(f"{next(iter(given))} is given without tic or coordinates: name the star, or the place")
    if settings_given and "observations" in settings:
        raise ConfigError("tic and coordinates are observations of their own: give them, or a file with observations")
    observation: dict[str, Any] = {"datasource": TESSCUT.name, "input": FROM_MAST}
    if "tic" in given and "coordinates" in given:
        raise ConfigError("tic and coordinates are both given; leave one of them out")
    if "tic" in given:
        stars = _star_numbers(given["tic"])
        everyone = given.get("targets") == "all"
        observation |= {"middle": stars, "targets": "all"} if everyone else {"targets": stars}
    else:
        observation |= {"middle": str(given["coordinates"]), "targets": given.get("targets", "all")}
    if "sectors" in given:
        observation["sectors"] = _sector_numbers(given["sectors"])
    observation |= {name: given[name] for name in ("datasource", "cutout_size", "tmag_limit") if name in given}
    return {"output": _DEFAULT_OUTPUT} | settings | {"observations": [observation]}


def _star_numbers(given: Any) -> list[int]:
    """Return TIC numbers as one writes them: one, several with commas or spaces, or a table of them."""
    if isinstance(given, int) and not isinstance(given, bool):
        return [given]
    if isinstance(given, (list, tuple)):
        return [number for part in given for number in _star_numbers(part)]
    text = str(given).strip()
    if re.fullmatch(r"(?:TIC\s*)?\d{1,11}(?:[\s,]+(?:TIC\s*)?\d{1,11})*", text, re.IGNORECASE):
        return [int(number) for number in re.findall(r"\d+", text)]
    if Path(text).is_file():
        return numbers_in_table(text)
    raise ConfigError(
        f"tic is {text!r}; give a TIC number, several with commas, or a table with a column starid, ID or TIC"
    )


def _sector_numbers(given: Any) -> str | list[int]:
    """Return sectors as one writes them: all, one, or several with commas."""
    if isinstance(given, (list, tuple)):
        return list(given)
    text = str(given).strip()
    if text == "all":
        return text
    if not re.fullmatch(r"\d{1,4}(?:[\s,]+\d{1,4})*", text):
        raise ConfigError(f"sectors is {text!r}; give all, or numbers as in 1,4,8")
    return [int(number) for number in re.findall(r"\d+", text)]
