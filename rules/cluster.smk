"""What jobs need on a cluster: run time, which jobs go together, what runs where Snakemake runs.

A local run takes no notice of it. Run times are three times those measured (docs/run_a_sector.md), for slower
processors, and grow with every attempt, as the memory does.
"""

# Jobs of a group run one after the other, on the processors of one: each needs the one lane that a job of the cluster
# has. profiles/slurm says the same to the Snakemake that submits it, which does not pass it on.
if workflow.remote_exec:
    workflow.register_resource("lane", 1)


# Seconds of work, or in need of the archive.
localrules:
    all,
    download_catalog,
    download_prf,
    prune,
    summary,
    unusable_input,


def n_frame_of(wildcards):
    """Return the number of full-frame images of a region; 0 of cutouts and target pixel files, which take seconds."""
    return (
        len(region_of(wildcards).pixels.paths)
        if datasource_of(wildcards) == "ffi"
        else 0
    )


def minutes(constant, seconds_per_frame):
    """Return a function: run time of a job, minutes; `constant`, and so much for every full-frame image."""
    return (
        lambda wildcards, threads, attempt: round(
            constant + n_frame_of(wildcards) * seconds_per_frame / threads / 60
        )
        * attempt
    )


def group_of(part):
    """Return a function: the group of a job, whose jobs are one job of the cluster.

    Of a CCD `part`: `cube` (with stars and targets), `motion` (with the PRF), `tile` (fit and light curves of a tile),
    `plots`. A cutout or a target pixel file
    takes a minute: all of its jobs are the group `region`.
    """
    return lambda wildcards: part if datasource_of(wildcards) == "ffi" else "region"


def group_of_frames(wildcards):
    """Return the group of the job `frames`; none where the archive is asked for the stars in between, which is a local job."""
    return None if observation_of(wildcards)["catalog"] == "mast" else "cube"
