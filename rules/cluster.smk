"""What jobs need on a cluster: run time and memory, and which jobs go together.

Rules of seconds, or in need of the archive, say `localrule`: their jobs run where Snakemake runs.

Local runs ignore all of this. Run times are three times those measured (docs/run_a_sector.md), for slower
processors, and grow with every attempt, as the memory does. Those of the jobs of a group add up, of their memory the
largest counts: a minute more for a tile is a quarter of an hour more for its group. All memory includes 300 MB for the
Snakemake that runs a job of the cluster.
"""

import math
from functools import cache

from photometry.ccd.ccd_work import BLOCK
from photometry.io.stars.star_files import read_stars

#: Pixels of a tile of a CCD, to which times and memory per frame refer; motion and PRF are measured on as many.
N_PIXEL = 256**2
#: Thousands of stars with a free flux on a tile, assumed where a job has yet to download the catalogue.
USUAL_STARS = 3.0

#: Blocks of frames of which one job of the cluster makes a cube; of more, the blocks are jobs of their own, so many together.
BLOCKS_TOGETHER = 8
#: Groups of the jobs that make a cube.
PARTS_OF_CUBE = ("cube", "backgrounds", "smooth", "pixels", "whole")

# Jobs of a group run one after the other, on the processors of one: each needs the one lane that a job of the cluster
# has. profiles/slurm says the same to the Snakemake that submits it, which does not pass it on.
if workflow.remote_exec:
    workflow.register_resource("lane", 1)


def frames_of(wildcards):
    """Return the number of frames of a CCD; of a smaller region, that many of a CCD are as much work."""
    pixels = region_of(wildcards).pixels
    if is_ccd(wildcards):
        return len(pixels.paths)
    return pixels.n_cadence * min(1.0, pixels.stamp.n_pixel / N_PIXEL)


@cache
def count_stars(path, tmag_limit):
    """Return the number of stars of a region that are at least so bright."""
    stars = read_stars(path)
    return int((stars.tmag[stars.reaches] <= tmag_limit).sum())


def stars_of_tile(wildcards):
    """Return how many stars with a free flux a tile of the region has on average, in thousands."""
    path = star_path_of(wildcards.region)
    if not Path(path).exists():
        return USUAL_STARS
    n_star = count_stars(path, fit_of(wildcards)["tmag_limit"])
    return n_star / len(region_of(wildcards).tiles) / 1000


def minutes(constant, per_frame, per_star=0.0):
    """Return a function: run time of a job, minutes.

    `constant` minutes; seconds for every frame; seconds for every frame and thousand stars of a tile.
    """

    def run_time(wildcards, threads, attempt):
        seconds = per_frame + (per_star and per_star * stars_of_tile(wildcards))
        seconds *= frames_of(wildcards) / threads
        return math.ceil(constant + seconds / 60) * attempt

    return run_time


def block_minutes(per_frame):
    """Return a function: run time of a job of a block of frames, minutes; seconds for every frame."""

    def run_time(wildcards, attempt):
        frames = min(BLOCK, len(region_of(wildcards).pixels.paths))
        return math.ceil(0.2 + per_frame * frames / 60) * attempt

    return run_time


def smooth_mb_of(wildcards, attempt):
    """Return the memory that the backgrounds of all frames need, MB, smoothed in time."""
    return (1000 + len(region_of(wildcards).pixels.paths) // 10) * attempt


def motion_mb_of(wildcards, attempt):
    """Return the memory that motion and PRF need, MB: the pixels of one patch in all cadences, 400 of all patches."""
    if not is_ccd(wildcards):
        return 2000 * attempt
    return (1400 + len(region_of(wildcards).pixels.paths) // 25) * attempt


def tile_mb_of(wildcards, attempt):
    """Return the memory that a tile needs, MB: that of its largest part and of the stars on it.

    Parts have up to `photometry.fit.subtiles` values; those of more than 6,000 frames have 64 pixels along an axis.
    """
    if not is_ccd(wildcards):
        return 1500 * attempt
    frames, stars = frames_of(wildcards), stars_of_tile(wildcards)
    megabytes = 1000 + max(500, 0.08 * frames) + 0.01 * frames * stars + 0.7 * stars**2
    return math.ceil(megabytes) * attempt


def plots_mb_of(wildcards, attempt):
    """Return the memory that figures need, MB: the fit of one tile, and what is drawn."""
    if not is_ccd(wildcards):
        return 1500 * attempt
    megabytes = 1000 + frames_of(wildcards) * 0.06 * stars_of_tile(wildcards)
    return math.ceil(megabytes) * attempt


def group_of(part):
    """Return a function: the group of a job, whose jobs are one job of the cluster.

    Of a CCD `part`: `cube` (with stars and targets), `motion` (with the PRF), `tile` (fit and light curves of a tile),
    `plots`; of one with many frames `cube` is until the blocks of frames begin, `backgrounds` and `pixels` are those, and
    `smooth` and `whole` what follows them. A cutout or a target pixel file takes a minute: all of its jobs are the group
    `region`.
    """

    def group(wildcards):
        if not is_ccd(wildcards):
            return "region"
        if part == "tile":
            return joined_group("tile", wildcards.region)
        if part not in PARTS_OF_CUBE:
            return part
        if len(blocks_of(wildcards)) <= BLOCKS_TOGETHER:
            return "cube"
        return (
            part
            if part in ("cube", "smooth", "whole")
            else joined_group("block", f"{part}_{wildcards.region}")
        )

    return group


def joined_group(kind, name):
    """Return the group of jobs of a CCD that are alike. What is said of the group `kind` holds for it, such as how many go together.

    One group for the tiles of all CCDs would put tiles of several CCDs together, which then wait, and fail, for each other.
    """
    group = f"{kind}_{name}"
    # Snakemake's own way for groups with wildcards in their names (snakemake.rules.Rule.expand_group).
    workflow.parent_groupids[group] = kind
    return group


def group_of_frames(wildcards):
    """Return the group of the job `frames`; none where the archive is asked for the stars in between, which is a local job."""
    return None if is_downloaded(wildcards.region) else "cube"
