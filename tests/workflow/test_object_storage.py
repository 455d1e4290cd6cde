"""Products in a bucket, jobs on machines that share no disk: the same bytes as those of a local run.

The bucket is that of a stand-in for S3 on this machine (moto); the machines are empty folders
(snakemake_executor_plugin_pods).
"""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer
from running import ROOT, config_of, copy_workflow, product_digests, snakemake_environment

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

BUCKET, PREFIX = "products", "demo"
STORAGE = ("--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/{PREFIX}")
#: The profile, but for what makes pods.
PODS = ("--workflow-profile", str(ROOT / "profiles/kubernetes"), "--executor", "pods")
ASKED_OFTEN = ("--seconds-between-status-checks", "1")
#: Two machines: one up to the PRF, one for the fit and what is made of it.
GROUPS = ("--groups", "psf_photometry=fit", "export_light_curves=fit", "page_data=fit")


@pytest.fixture(scope="module")
def bucket() -> Iterator[object]:
    """A bucket on this machine, which Snakemake finds."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    names = {"ENDPOINT_URL": address, "ACCESS_KEY": "test", "SECRET_KEY": "test"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
        s3 = boto3.resource(
            "s3", endpoint_url=address, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        yield s3.create_bucket(Bucket=BUCKET)
    server.stop()


def fetch(bucket: object, folder: Path) -> Path:
    """Copy the results to a folder, as `aws s3 sync` does, and unpack what is packed."""
    for item in bucket.objects.filter(Prefix=f"{PREFIX}/results/"):
        path = folder / item.key.removeprefix(f"{PREFIX}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(item.key, str(path))
    for path in sorted((folder / "results/packed").rglob("*.tar")):
        with tarfile.open(path) as archive:
            archive.extractall(folder / "results", filter="data")
    return folder / "results"


def run_with_storage(folder: Path, *arguments: str) -> str:
    """Run Snakemake in a process of its own, because it looks for executors once; return what it says."""
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", "--cores", "1", "--nocolor"]
    result = subprocess.run(
        [*command, *STORAGE, *arguments], cwd=folder, env=snakemake_environment(), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_same_bytes_as_a_local_run(bucket, snakemake, field, tmp_path, monkeypatch):
    config = config_of(field) | {"plots": False}
    local, remote, pods = tmp_path / "local", copy_workflow(tmp_path / "remote"), tmp_path / "pods"
    for folder in (local, pods):
        folder.mkdir()
    result = snakemake(local, config=config)
    assert result.returncode == 0, result.stdout
    (remote / "my.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("PODS", str(pods))
    # Where the software is installed.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests/helpers")]))
    run_with_storage(remote, *PODS, *ASKED_OFTEN, *GROUPS)
    assert len(list(pods.glob("*.log"))) == 2
    found, wanted = product_digests(fetch(bucket, tmp_path / "fetched")), product_digests(local / "results")
    lacking = wanted.keys() - found.keys()
    assert {path.parts[0] + "/" + path.name.partition("_")[0] for path in lacking} == {
        "plan/stars",
        "prepared/reference",
    }
    assert {path: found[path] for path in wanted if path in found} == {
        path: digest for path, digest in wanted.items() if path in found
    }
    assert "Nothing to be done" in run_with_storage(remote, "--dry-run")
