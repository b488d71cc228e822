"""The only reader of the environment: every setting with its unit and default.

A setting comes from the environment or from `.env` beside workspace.yaml; relative paths are relative to
workspace.yaml. `.env.example` is made from here (`python -m elec_assets.settings`), and a test holds it true.
"""

import os
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dotenv import load_dotenv
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_WORKSPACE = "workspace.yaml"


class SettingsInvalid(ValueError):
    """A setting cannot be used; the text names each variable, what was found and what is allowed."""


def home() -> Path:
    """The folder of workspace.yaml: the nearest above the working directory, else that of this checkout."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _WORKSPACE).is_file():
            return folder
    return Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """All settings of a deployment. Field descriptions are the documentation that `.env.example` shows."""

    # The prefix is for field names, which pydantic reads as variables too: not `LOG` or `STORE` of another program.
    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True, env_prefix="ELEC_")

    registry: str = Field(
        "candidates.yaml", alias="ELEC_REGISTRY", description="Path of the registry: who is followed."
    )
    store: str = Field(
        "./data", alias="ELEC_STORE", description="Where everything is kept: a directory or s3://bucket/prefix."
    )
    x_bearer_token: SecretStr | None = Field(
        None, alias="X_BEARER_TOKEN", description="Bearer token of your X app. Without one nothing is asked of X."
    )
    x_base_url: str = Field(
        "https://api.x.com",
        alias="ELEC_X_BASE_URL",
        description="Root of the X API. An address on 127.0.0.1 (the sandbox) is free and needs no budget.",
    )
    x_archive: Literal["recent", "all"] = Field(
        "all", alias="ELEC_X_ARCHIVE", description="Search of the last 7 days (recent) or of the full archive (all)."
    )
    x_budget_usd: float = Field(
        0.0, ge=0, alias="ELEC_X_BUDGET_USD", description="USD a month that may be spent on X. 0: no paid call."
    )
    x_fill_share: float = Field(
        0.2, ge=0, le=1, alias="ELEC_X_FILL_SHARE", description="Part of the budget that searches may spend, 0 to 1."
    )
    x_post_usd: float = Field(
        0.005, ge=0, alias="ELEC_X_POST_USD", description="Price of one post read, USD (X, pay per use, 2026)."
    )
    x_user_usd: float = Field(
        0.010,
        ge=0,
        alias="ELEC_X_USER_USD",
        description="Price of one user read, USD. X does not say whether users sent along are billed: counted.",
    )
    x_search_pace_s: float = Field(
        3.0,
        ge=0,
        alias="ELEC_X_SEARCH_PACE_S",
        description="Least seconds between two searches: 3 keep within 300 in 15 minutes. 127.0.0.1 is not paced.",
    )
    x_timeout_s: float = Field(
        30.0, gt=0, le=600, alias="ELEC_X_TIMEOUT_S", description="Seconds without an answer from X before a retry."
    )
    aws_endpoint_url: str | None = Field(
        None, alias="AWS_ENDPOINT_URL", description="Another address than AWS's own, e.g. an emulator on 127.0.0.1."
    )

    @field_validator("x_base_url")
    @classmethod
    def _safe_to_ask(cls, url: str) -> str:
        parts = urlsplit(url)  # raises ValueError
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
            return url
        raise ValueError("an address with https:// is allowed, or http:// on 127.0.0.1: the token goes there")

    def path(self, value: str) -> Path:
        """A path setting, made absolute: relative ones are relative to workspace.yaml."""
        return home() / Path(value).expanduser()

    @property
    def registry_path(self) -> Path:
        """Absolute path of the registry."""
        return self.path(self.registry)

    @property
    def store_url(self) -> str:
        """The store as a URL: `s3://...` as it is, a directory as `file:///...`."""
        if self.store.startswith("s3://"):
            return self.store
        if "://" in self.store and not self.store.startswith("file://"):
            raise SettingsInvalid(f"ELEC_STORE is {self.store!r}; allowed: a directory or s3://bucket/prefix")
        return self.path(self.store.removeprefix("file://")).resolve().as_uri()

    @property
    def store_allows_http(self) -> bool:
        """Whether the store's endpoint is one without TLS: an emulator."""
        return self.aws_endpoint_url is not None and self.aws_endpoint_url.startswith("http://")

    @property
    def x_is_loopback(self) -> bool:
        """Whether X is the sandbox: free, and not paced."""
        return is_loopback(self.x_base_url)

    @property
    def x_configured(self) -> bool:
        """Whether anything may be asked of X: a token, and a budget or a free address."""
        return self.x_bearer_token is not None and (self.x_is_loopback or self.x_fill_budget_usd > 0)

    @property
    def x_fill_budget_usd(self) -> float:
        """USD a month that searches may spend."""
        return self.x_budget_usd * self.x_fill_share


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsInvalid: one or more variables have values that are not allowed; all are named.
    """
    # An empty variable (`X_BEARER_TOKEN=` in a compose file) means: not set. `.env` is put into the environment,
    # without replacing: Dagster's EnvVar and the AWS clients look nowhere else.
    for field in Settings.model_fields.values():
        if os.environ.get(str(field.alias)) == "":
            del os.environ[str(field.alias)]
    load_dotenv(home() / ".env")
    try:
        return Settings(_env_ignore_empty=True)
    except ValidationError as error:
        # A value is shown only where it cannot be a secret.
        lines = [
            f"{e['loc'][0]}: {e['msg']}" + ("" if "TOKEN" in str(e["loc"][0]) else f", found {e['input']!r}")
            for e in error.errors()
        ]
        raise SettingsInvalid("; ".join(lines)) from None


def env_example() -> str:
    """The text of `.env.example`."""
    lines = ["# Settings of elec_assets, all optional. Copy to .env; made by `python -m elec_assets.settings`.", ""]
    for field in Settings.model_fields.values():
        default = "" if field.default is None else field.default
        lines += [f"# {field.description}", f"# {field.alias}={default}", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
