"""Observations whose pixels come from MAST: `input: mast` in the settings.

What they name is fetched before the plan is made, which needs the headers of the files, and is kept in `downloads/` of
the output (`photometry.archive.fields`). Then they are observations like any other, one for each file.
"""

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photometry.archive.kept_fields import Field, FieldWish, Star, kept_field, kept_star
from photometry.archive.seen_by import SeenBy
from photometry.core.constants import ARCSEC_PER_PIXEL
from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError, NotAtArchiveError
from photometry.core.sky import unit_vectors
from photometry.workflow.fetching import Fetching, NotFetchedYet, target_list
from photometry.workflow.output_lock import hold_output

__all__ = [
    "FROM_MAST",
    "numbers_in_table",
    "with_fetched",
    "with_source",
    "with_sources",
]

#: Value of the key `input`.
FROM_MAST = "mast"
_MOST_FIELDS = 1000
#: Stars nearer to each other than two pixels have the same cutout, rad.
_SAME_PIXELS = math.radians(2 * ARCSEC_PER_PIXEL / 3600)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A field, and what is to be measured in it.

    Parameters
    ----------
    wish : FieldWish
        The field.
    targets : str or list of int
        ``all``, or TIC numbers.
    stars : tuple of Star
        Those of them that are known.
    """

    wish: FieldWish
    targets: str | list[int]
    stars: tuple[Star, ...] = ()


def with_sources(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which observations whose pixels come from MAST have their stars and PRFs from there, too.

    Parameters
    ----------
    config : mapping
        Settings as the user wrote them, not yet checked; not changed.
    """
    observations = config.get("observations")
    if not isinstance(observations, list):
        return dict(config)
    return dict(config) | {"observations": [with_source(one) for one in observations]}


def with_source(observation: Any) -> Any:
    """Return an observation as the user wrote it; one whose pixels come from MAST has its stars and PRFs from there."""
    if not isinstance(observation, dict) or observation.get("input") != FROM_MAST:
        return observation
    return {"catalog": FROM_MAST, "prf": FROM_MAST} | observation


def with_fetched(settings: Mapping[str, Any], fetching: Fetching) -> dict[str, Any]:
    """Return settings with the observations of MAST replaced by one for each of their files.

    Parameters
    ----------
    settings : mapping
        Settings, checked and complete.
    fetching : Fetching
        Whether files that are not there may be fetched.

    Raises
    ------
    ArchiveError
        When the archive does not answer, or does not have what is wanted.
    NotFetchedYet
        In a dry run, when files are not there.
    ConfigError
        When an observation cannot be understood.
    """
    observations = settings.get("observations", [])
    for observation in observations:
        if not _is_from_mast(observation) and not isinstance(observation["targets"], str):
            raise ConfigError("observations: targets are TIC numbers, which needs input: mast; give a table of them")
    if not any(_is_from_mast(observation) for observation in observations):
        return dict(settings)
    found: list[dict[str, Any]] = []
    later, nowhere = list[str](), list[str]()
    for observation in observations:
        if not _is_from_mast(observation):
            found.append(observation)
        elif DATASOURCES[observation["datasource"]].whole_ccd:
            # These modules need half a second of imports.
            from photometry.workflow.mast_frames import with_frames

            found += with_frames(observation, settings, fetching, later)
        else:
            found += _of_fields(observation, settings, fetching, later, nowhere)
    if nowhere:
        raise NotAtArchiveError("\n".join(nowhere))
    if later:
        raise NotFetchedYet("\n".join(later))
    return dict(settings) | {"observations": found}


def _of_fields(
    observation: Mapping[str, Any],
    settings: Mapping[str, Any],
    fetching: Fetching,
    later: list[str],
    nowhere: list[str],
) -> Iterator[dict[str, Any]]:
    """Give an observation for every file of the fields of stars and places; fetch them if need be.

    `later` gets what a dry run leaves to the run itself, `nowhere` what the archive does not have.
    """
    folder = Path(settings["output"], "downloads", observation["datasource"])
    for wanted in _together(folder, _wishes(observation, settings), fetching, nowhere):
        try:
            field = _field(folder, wanted.wish, settings, fetching, later)
        except NotAtArchiveError as error:
            nowhere.append(str(error))
            continue
        if field is not None:
            yield from _local(observation, field, wanted)


def _together(folder: Path, wanted: Iterable[_Wanted], fetching: Fetching, nowhere: list[str]) -> list[_Wanted]:
    """Return what is wanted; a star within two pixels of another one is on its cutouts.

    Its own would be the same pixels. Stars that the archive does not know are named in `nowhere`.
    """
    fields: list[_Wanted] = []
    places: list[npt.NDArray[np.float64]] = []
    for one in wanted:
        if one.wish.starid is None:
            fields.append(one)
            places.append(np.full(3, np.inf))
            continue
        try:
            star = _star(folder, one.wish, fetching)
        except NotAtArchiveError as error:
            nowhere.append(str(error))
            continue
        place = unit_vectors(star.ra, star.dec)
        near = [number for number, other in enumerate(places) if np.linalg.norm(place - other) < _SAME_PIXELS]
        if near and one.targets != "all" and not one.wish.is_tpf:
            first = fields[near[0]]
            fields[near[0]] = _Wanted(
                first.wish.reaching(star.tmag), [*first.targets, *one.targets], (*first.stars, star)
            )
        else:
            fields.append(_Wanted(one.wish.reaching(star.tmag), one.targets, (star,)))
            places.append(place)
    return fields


def _star(folder: Path, wish: FieldWish, fetching: Fetching) -> Star:
    """Return the star in the middle of a field, asked for where it is not known and that is allowed."""
    star = kept_star(folder, wish)
    if star is None and fetching.allowed:
        from photometry.archive.fields import find_star

        star = find_star(folder, wish)
    if star is None:
        raise _gone(folder, wish)
    return star


def _gone(folder: Path, wish: FieldWish) -> ConfigError:
    return ConfigError(f"{wish.title}: its files in {folder / wish.name} are gone; start the run again")


def _is_from_mast(observation: Mapping[str, Any]) -> bool:
    return bool(observation["input"] == FROM_MAST)


def _field(
    folder: Path, wish: FieldWish, settings: Mapping[str, Any], fetching: Fetching, later: list[str]
) -> Field | None:
    """Return a field, fetched if need be; None in a dry run, which says in `later` what is missing."""
    refresh = fetching.is_again(settings)
    field = None if refresh else kept_field(folder, wish)
    if field is not None:
        return field
    if not fetching.allowed:
        raise _gone(folder, wish)
    # Modules that speak to servers, half a second of imports, are not for those who have everything.
    from photometry.archive.fields import fetch_field, planned_sectors

    with closing(hold_output(settings["output"])):
        there, missing = planned_sectors(folder, wish)
        text = f"{wish.title}: {_plan(wish, missing, 'to be fetched')}{_plan(wish, there, 'there already')}"
        if fetching.dry:
            later.append(text)
            return None
        sys.stderr.write(f"{text}\n")
        return fetch_field(folder, wish, refresh=refresh)


def _plan(wish: FieldWish, seen: Sequence[SeenBy], what: str) -> str:
    if not seen:
        return ""
    return f"{len(seen)} {wish.what} {what}, of {'; '.join(map(str, seen))}. "


def _wishes(observation: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[_Wanted]:
    """Give the fields of an observation with the targets in each: all, or TIC numbers."""
    middle, targets = observation["middle"], observation["targets"]
    if isinstance(targets, str) and targets != "all":
        targets = numbers_in_table(targets)
    if middle == "targets":
        if targets == "all":
            raise ConfigError(
                "observations: input mast needs to know where: give targets as a list of TIC numbers, or the middle of "
                "the cutouts, TIC numbers or 'RA Dec' in deg, with the key 'middle'"
            )
        middle = targets
    places = [middle] if isinstance(middle, str) else sorted(set(middle))
    if len(places) > _MOST_FIELDS:
        raise ConfigError(f"observations: {len(places)} stars are too many for one run; give at most {_MOST_FIELDS}")
    sectors = () if observation["sectors"] == "all" else tuple(sorted(set(observation["sectors"])))
    for place in places:
        starid, (ra, dec) = (None, _place(place)) if isinstance(place, str) else (place, (None, None))
        if starid is None and DATASOURCES[observation["datasource"]].has_target:
            raise ConfigError(
                "observations: target pixel files belong to stars: give TIC numbers, or datasource tesscut"
            )
        wish = FieldWish(
            starid,
            ra,
            dec,
            observation["cutout_size"],
            sectors,
            tmag_limit=settings["catalog_tmag_limit"],
            margin_deg=settings["coord_buffer"],
            datasource=observation["datasource"],
        )
        yield _Wanted(wish, targets if starid is None or observation["middle"] != "targets" else [starid])


def _local(observation: Mapping[str, Any], field: Field, wanted: _Wanted) -> Iterator[dict[str, Any]]:
    """Give an observation for each file of a field; `asked_for` names the stars that were asked for by number."""
    own: dict[str, Any] = {"targets": wanted.targets, "asked_for": []}
    if isinstance(wanted.targets, list):
        own = target_list(field.stars.parent, wanted.targets)
        faintest = [math.ceil(star.tmag * 10) / 10 for star in wanted.stars]
        own["tmag_limit"] = max([observation["tmag_limit"], *faintest])
    if wanted.wish.starid:
        own["asked_for"] = sorted({wanted.wish.starid, *own["asked_for"]})
    if observation["catalog"] == FROM_MAST:
        own["catalog"] = str(field.stars)
    for path in field.pixels:
        yield dict(observation) | own | {"input": str(path)}


def _place(text: str) -> tuple[float, float]:
    """Return RA and Dec of a text, deg."""
    try:
        ra, dec = (float(part) for part in re.split(r"[\s,]+", text.strip()))
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no place in the sky; give RA and Dec in degrees, as in '84.29 -80.47'"
        ) from error
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise ConfigError(f"{text!r} is no place in the sky; RA is 0 to 360, Dec -90 to 90 deg")
    return ra, dec


def numbers_in_table(path: str) -> list[int]:
    """Return the TIC numbers of a table."""
    from photometry.io.stars.target_tables import read_target_table

    return [int(number) for number in read_target_table(path)]
