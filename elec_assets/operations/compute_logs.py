"""Where Dagster keeps what runs print: in a bucket if one is named, else in files. Named by `deploy/dagster.yaml`.

`dagster.yaml` can read a value from the environment, but not choose a class by it: a box without a bucket would need
another file.
"""

from collections.abc import Mapping
from typing import Any

from dagster import StringSource
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData
from dagster_aws.s3 import S3ComputeLogManager

# Lines of a run that is at work, for a webserver on another host; each is one PUT of 0.0053 USD a thousand.
_UPLOAD_EVERY_S = 60


class S3OrLocalComputeLogManager(S3ComputeLogManager):
    """Made by Dagster of `bucket` (empty: no bucket), `prefix` and `folder`; is one of the two it is named for."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The fields in `dagster.yaml`."""
        return {"bucket": StringSource, "prefix": StringSource, "folder": StringSource}

    @classmethod
    def from_config_value(  # type: ignore[override]  # either of two managers, which only share a base class
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> S3ComputeLogManager | LocalComputeLogManager:
        """The manager that the configuration asks for."""
        folder = str(config_value["folder"])
        if not config_value["bucket"]:
            return LocalComputeLogManager(folder, inst_data=inst_data)
        return S3ComputeLogManager(
            bucket=config_value["bucket"],
            prefix=config_value["prefix"],
            local_dir=folder,
            skip_empty_files=True,
            upload_interval=_UPLOAD_EVERY_S,
            inst_data=inst_data,
        )
