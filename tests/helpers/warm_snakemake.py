"""A process that has imported Snakemake and forks for every run: two thirds of a dry run are imports.

It reads requests from its standard input, one a line, and answers each with the exit code of the run. Nothing of the
workflow is imported before the fork, so that each run has the sources that its own PYTHONPATH names.
"""

import importlib
import json
import os
import sys

#: What every plan imports of others.
IMPORTED = (
    "astropy.io.fits",
    "astropy.table",
    "astropy.time",
    "astropy.wcs",
    "h5py",
    "hdf5plugin",
    "jsonschema",
    "pandas",
    "scipy.sparse.linalg",
    "snakemake.cli",
    "snakemake.dag",
    "snakemake.workflow",
    "snakemake_interface_executor_plugins",
    "snakemake_storage_plugin_s3",
)


def become_a_run(arguments: list[str], folder: str, environment: dict[str, str], said: str) -> None:
    """Run Snakemake in a folder, in this process; output and errors go to the file `said`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [folder, *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv = ["snakemake", *arguments]
    output, nothing = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from snakemake.cli import main

    main(arguments)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            become_a_run(**json.loads(line))
            sys.exit()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
