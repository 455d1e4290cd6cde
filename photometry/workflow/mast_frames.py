"""Full-frame images of a CCD from MAST: `input: mast` with sectors, camera and ccd. The folder is an input like any."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from photometry.archive.fetch_frames import fetch_frames, kept_frames, list_frames
from photometry.core.errors import ConfigError
from photometry.workflow.fetching import Fetching, target_list
from photometry.workflow.output_lock import hold_output

__all__ = ["with_frames"]


def with_frames(
    observation: Mapping[str, Any], settings: Mapping[str, Any], fetching: Fetching, later: list[str]
) -> Iterator[dict[str, Any]]:
    """Give an observation of full-frame images for every sector, whose frames are in a folder of the output.

    Parameters
    ----------
    observation : mapping
        The observation, complete.
    settings : mapping
        Settings of the run.
    fetching : Fetching
        Whether frames that are not there may be fetched.
    later : list of str
        Gets what a dry run leaves to the run itself.

    Raises
    ------
    ArchiveError
        When the bucket does not answer, has no frames, or they do not fit.
    ConfigError
        When the observation does not say which CCD.
    """
    sectors, camera, ccd = (observation[name] for name in ("sectors", "camera", "ccd"))
    if sectors == "all" or "none" in (camera, ccd):
        raise ConfigError("observations: full-frame images with input mast need sectors (a list), camera and ccd")
    for sector in sorted(set(sectors)):
        folder = Path(settings["output"], "downloads", observation["datasource"], f"s{sector:04d}-{camera}-{ccd}")
        refresh = fetching.is_again(settings)
        if refresh or not kept_frames(sector, camera, ccd, folder):
            what = f"sector {sector}, camera {camera}, CCD {ccd}"
            if not fetching.allowed:
                raise ConfigError(f"frames of {what} in {folder} are gone; start the run again")
            if fetching.dry:
                files = list_frames(sector, camera, ccd)
                size = sum(file.size for file in files) / 1e9
                later.append(
                    f"{what}: {len(files)} full-frame images, {size:.2f} GB, to be fetched as far as not there."
                )
                continue
            sys.stderr.write(f"{what}: full-frame images are fetched\n")
            with closing(hold_output(settings["output"])):
                fetch_frames(sector, camera, ccd, folder, most_gb=observation["most_gb"], refresh=refresh)
        own = {"input": str(folder), "asked_for": []}
        if isinstance(observation["targets"], list):
            own |= target_list(folder.parent, observation["targets"])
        yield dict(observation) | own
