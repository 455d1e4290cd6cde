"""A real Slurm of one node on this machine, for as long as a test needs it: no root, no munge, no cgroups, no accounts.

Needs the daemons and commands of the packages slurmctld, slurmd and slurm-client. Everything they write is below one
folder, and they listen on ports that were free. Memory is polled every second, and a job over its limit is killed.
"""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

#: What has to be installed.
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo", "scancel")
PARTITION = "test"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
_START_S = 60.0


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its folder, and the environment in which its commands find it."""

    folder: Path
    environment: dict[str, str]

    def say(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it says."""
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return result.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Return what Slurm knows of every job: JobId, JobState, StartTime, Comment and so on."""
        lines = self.say("scontrol", "--oneliner", "show", "job").splitlines()
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines if "JobId=" in line]


def missing_programs() -> list[str]:
    """Return the programs of Slurm that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]


@contextmanager
def running_cluster(folder: Path, cpus: int, memory_mb: int) -> Iterator[Cluster]:
    """Start a cluster with one node of so many CPUs and so much memory; stop it at the end."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(_configuration(folder, host, cpus, memory_mb))
    path = os.pathsep.join([str(_commands(folder / "bin", configuration)), _PATH])
    environment = os.environ | {"SLURM_CONF": str(configuration), "PATH": path}
    cluster = Cluster(folder, environment)
    with ExitStack() as stack:
        for daemon in (["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", host]):
            log = stack.enter_context(open(folder / f"{daemon[0]}.out", "w"))
            process = subprocess.Popen(daemon, env=environment, stdout=log, stderr=log, cwd=folder)
            stack.callback(_stop, process)
        _wait_for_node(cluster)
        yield cluster
        subprocess.run(["scancel", "--user", getpass.getuser()], env=environment, check=False, timeout=60)


def _commands(folder: Path, configuration: Path) -> Path:
    """Make an srun that finds the configuration by itself: Snakemake takes SLURM_CONF from the one that a job calls."""
    folder.mkdir()
    srun = folder / "srun"
    program = shutil.which("srun", path=_PATH)
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {program} "$@"\n')
    srun.chmod(0o755)
    return folder


def _configuration(folder: Path, host: str, cpus: int, memory_mb: int) -> str:
    """Text of slurm.conf (slurm.conf(5), Slurm 22.05)."""
    user = getpass.getuser()
    settings = {
        "ClusterName": "test",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": _free_port(),
        "SlurmdPort": _free_port(),
        "SlurmUser": user,
        "SlurmdUser": user,
        "AuthType": "auth/none",
        "CredType": "cred/none",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/affinity",
        "ReturnToService": 2,
        "SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "MinJobAge": 3600,
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=1",
        "JobAcctGatherParams": "OverMemoryKill",
        "AccountingStorageType": "accounting_storage/none",
        "KillWait": 2,
    }
    lines = [f"{name}={value}" for name, value in settings.items()]
    lines.append(f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN")
    lines.append(f"PartitionName={PARTITION} Nodes={host} Default=YES MaxTime=INFINITE State=UP")
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for_node(cluster: Cluster) -> None:
    end = time.monotonic() + _START_S
    state = ""
    while time.monotonic() < end:
        found = subprocess.run(
            ["sinfo", "--noheader", "--format", "%T"], env=cluster.environment, capture_output=True, text=True
        )
        state = found.stdout.strip() or found.stderr.strip()
        if state == "idle":
            return
        time.sleep(0.2)
    logs = "".join(path.read_text()[-2000:] for path in sorted(cluster.folder.glob("slurm*.log")))
    raise RuntimeError(f"Slurm did not start ({state}):\n{logs}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
