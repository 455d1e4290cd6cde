"""Runs whose products are in a bucket, and whose jobs run on machines that share no disk.

The bucket is that of a stand-in for S3 on this machine (moto); the machines are empty folders
(snakemake_executor_plugin_pods).
"""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from running import ROOT, snakemake_environment

#: Where products are, and what is before their names there.
BUCKET, PREFIX = "products", "demo"
_STORAGE = ("--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/{PREFIX}")
#: The profile, but for what makes pods and how often they are asked after.
PODS = ("--workflow-profile", str(ROOT / "profiles/kubernetes"), "--executor", "pods")
OFTEN = ("--seconds-between-status-checks", "1")


@contextmanager
def running_bucket() -> Iterator[tuple[Any, dict[str, str]]]:
    """Give a bucket on this machine, and the environment in which Snakemake finds it."""
    # A second of imports, which who collects tests does not need.
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.resource("s3", endpoint_url=address, region_name="us-east-1", **keys)
    names = {"ENDPOINT_URL": address, "ACCESS_KEY": "test", "SECRET_KEY": "test"}
    try:
        yield (
            s3.create_bucket(Bucket=BUCKET),
            {f"SNAKEMAKE_STORAGE_S3_{name}": value for name, value in names.items()},
        )
    finally:
        server.stop()


def run_with_bucket(folder: Path, pods: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run Snakemake in a clone with the settings my.yaml, in a process of its own, because it looks for executors once.

    The software is that of the clone, on all machines. Returns what Snakemake says.
    """
    environment = snakemake_environment(folder) | environment | {"PODS": str(pods)}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT / "tests/helpers")])
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", "--cores", "1", "--nocolor", *_STORAGE]
    result = subprocess.run([*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def fetched(bucket: Any, folder: Path) -> Path:
    """Copy the results to a folder, as `aws s3 sync` does, and unpack what is packed; return them."""
    for item in bucket.objects.filter(Prefix=f"{PREFIX}/results/"):
        path = folder / item.key.removeprefix(f"{PREFIX}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(item.key, str(path))
    for path in sorted((folder / "results/packed").rglob("*.tar")):
        with tarfile.open(path) as archive:
            archive.extractall(folder / "results", filter="data")
    return folder / "results"
