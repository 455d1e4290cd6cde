"""An executor for tests: each job runs in an empty folder of its own, as in a pod of Kubernetes or a job of AWS Batch.

A job gets there what these executors give it: a command, which fetches the sources of the run from the storage, and the
settings of the storage as environment variables. Named so that Snakemake finds it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings

#: As those of snakemake-executor-plugin-kubernetes, but that the storage plugin is installed here.
common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):
    """Runs jobs below the folder that PODS names."""

    def get_python_executable(self) -> str:
        return "python"

    def run_job(self, job: JobExecutorInterface) -> None:
        pod = Path(tempfile.mkdtemp(prefix=f"{job.name}-", dir=os.environ["PODS"]))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with open(f"{pod}.log", "w") as said:
            process = subprocess.Popen(
                ["/bin/sh", "-c", self.format_job_exec(job)],
                cwd=pod,
                env=os.environ | self.envvars() | {"PATH": path},
                stdout=said,
                stderr=said,
            )
        self.report_job_submission(SubmittedJobInfo(job=job, external_jobid=pod.name, aux={"process": process}))

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        for job in active_jobs:
            code = job.aux["process"].poll()
            if code is None:
                yield job
            elif code == 0:
                self.report_job_success(job)
            else:
                log = Path(os.environ["PODS"], f"{job.external_jobid}.log")
                self.report_job_error(job, msg=log.read_text()[-4000:])

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        for job in active_jobs:
            job.aux["process"].terminate()
