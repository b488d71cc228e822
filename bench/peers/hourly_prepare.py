"""Makes a run of one hour of tweets as a schedule makes it, ready to be launched; it is not executed here."""

import sys
from importlib import import_module

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs

from bench.measure import Figures, Job


def run(job: Job) -> Figures:
    """The `command` that a launcher starts for the asset and partition of the job, of its module of definitions."""
    defs = import_module(job["module"]).defs
    pointer = ModuleCodePointer(job["module"], "defs", job["folder"])
    repository = RepositoryPythonOrigin(sys.executable, pointer, entry_point=[sys.executable, "-m", "dagster"])
    selected = {dg.AssetKey(job["asset"])}
    assets = defs().resolve_implicit_global_asset_job_def().get_subset(asset_selection=selected)
    origin = JobPythonOrigin(assets.name, repository)
    with dg.DagsterInstance.get() as instance:
        made = instance.create_run_for_job(
            assets, asset_selection=selected, tags={"dagster/partition": job["partition"]}, job_code_origin=origin
        )
        args = ExecuteRunArgs(origin, made.run_id, instance.get_ref(), set_exit_code_on_failure=True)
    return {"command": list(args.get_command_args())}
