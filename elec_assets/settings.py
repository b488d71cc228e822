"""The only reader of the environment: every setting with its unit and default.

A setting comes from the environment or from `.env` beside workspace.yaml, a secret also from where ELEC_SECRETS says
(`secrets_source.py`); relative paths are relative to workspace.yaml. `.env.example` is made from here
(`python -m elec_assets.settings`), and a test holds it true.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dotenv import load_dotenv
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from elec_assets.domain.prices import Prices

_WORKSPACE = "workspace.yaml"
_WATCHES = "watches.yaml"
KAGGLE = "https://api.kaggle.com"
"""Kaggle's own API; `clients/kaggle_job.py` lets nothing else through but a sandbox."""
_KAGGLE_SANDBOX = re.compile(r"http://127\.0\.0\.1:\d{1,5}", re.ASCII)
_KAGGLE_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9][A-Za-z0-9-]{5,49}", re.ASCII)
# Set once that place was read: a process asks once, and the runs that it starts, which take over its environment, do
# not. Some secrets are always nowhere (Kaggle's key, or its token): each run would need an answer of AWS for nothing.
_SECRETS_READ = "ELEC_SECRETS_READ"
_SECRETS = re.compile(r"ssm:(/[A-Za-z0-9_.-]+)+/|secretsmanager:[A-Za-z0-9/_+=.@:-]{1,512}", re.ASCII)

SecretsReader = Callable[["Settings", Sequence[str]], Mapping[str, str]]
"""Reads the secrets of these variables from where `Settings.secrets` says; one that is not there is left out."""


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
    watches: str | None = Field(
        None,
        alias="ELEC_WATCHES",
        description="Path of the list of other prefixes of buckets to watch. Default: watches.yaml by the registry.",
    )
    store: str = Field(
        "./data", alias="ELEC_STORE", description="Where everything is kept: a directory or s3://bucket/prefix."
    )
    spool: str = Field(
        "./spool",
        alias="ELEC_SPOOL",
        description="Directory of `elec capture`, on a local disk: what came and is not in the store yet.",
    )
    spool_max_bytes: int = Field(
        20_000_000_000,
        ge=1_000_000,
        alias="ELEC_SPOOL_MAX_BYTES",
        description="Most bytes of the spool. Near it a warning is given; at it the stream is closed.",
    )
    secrets: str | None = Field(
        None,
        alias="ELEC_SECRETS",
        description="Where tokens, keys and numbers that are not set here are: ssm:/PATH/ or secretsmanager:NAME.",
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
    x_count_usd: float = Field(
        0.010,
        ge=0,
        alias="ELEC_X_COUNT_USD",
        description="Price of one request of counts, USD: 0.010 for the full archive, 0.005 for recent search.",
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
    trends: Literal["on", "off"] | None = Field(
        None,
        alias="ELEC_TRENDS",
        description="on: ask Google Trends, which has no accounts. Default: on if it is on 127.0.0.1, else off.",
    )
    trends_base_url: str = Field(
        "https://trends.google.com/trends",
        alias="ELEC_TRENDS_BASE_URL",
        description="Root of Google Trends. An address on 127.0.0.1 (the sandbox) is not paced and has no cap.",
    )
    trends_floor_per_h: float = Field(
        20.0,
        gt=0,
        le=3600,
        alias="ELEC_TRENDS_FLOOR_PER_H",
        description="Requests an hour that refusals of Google Trends never slow us below.",
    )
    trends_ceiling_per_h: int = Field(
        200,
        ge=1,
        le=3600,
        alias="ELEC_TRENDS_CEILING_PER_H",
        description="Requests to Google Trends in any hour, at most.",
    )
    trends_pace_per_h: float = Field(
        90.0,
        ge=0,
        le=3600,
        alias="ELEC_TRENDS_PACE_PER_H",
        validate_default=True,
        description="Requests an hour to begin with; it then follows what Google takes. 0 (127.0.0.1 only): no pace.",
    )
    trends_burst: int = Field(
        5, ge=1, le=100, alias="ELEC_TRENDS_BURST", description="Requests to Google Trends at once after a pause."
    )
    trends_daily_cap: int = Field(
        1200,
        ge=1,
        alias="ELEC_TRENDS_DAILY_CAP",
        description="Requests to Google Trends in any 24 hours, at most; 1,400 to 1,600 were refused (2017 to 2024).",
    )
    trends_timeout_s: float = Field(
        30.0, gt=0, le=600, alias="ELEC_TRENDS_TIMEOUT_S", description="Seconds without an answer before a retry."
    )
    trends_lambda: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9:$_/-]{1,170}$",
        alias="ELEC_TRENDS_LAMBDA",
        description="AWS Lambda that asks Google Trends, its name or ARN. Unset: runs ask in their own process.",
    )
    trends_lambda_stop_s: float = Field(
        720.0,
        ge=0,
        le=720,
        alias="ELEC_TRENDS_LAMBDA_STOP_S",
        description="Seconds after which an invocation of it begins no question, and another goes on.",
    )
    privacy: Literal["public", "private"] = Field(
        "public",
        alias="ELEC_PRIVACY",
        description="What releases hold: ids of posts and aggregates (public), or all columns, unseen (private).",
    )
    kaggle_dataset: str | None = Field(
        None,
        alias="ELEC_KAGGLE_DATASET",
        description="Kaggle dataset that releases go to, owner/slug; made if it is not there. Unset: no release.",
    )
    kaggle_title: str = Field(
        "Elections on X and Google Trends",
        min_length=6,
        max_length=50,
        alias="ELEC_KAGGLE_TITLE",
        description="Title of the Kaggle dataset, 6 to 50 characters.",
    )
    kaggle_username: SecretStr | None = Field(
        None, alias="KAGGLE_USERNAME", description="Kaggle account that publishes; with KAGGLE_KEY."
    )
    kaggle_key: SecretStr | None = Field(
        None, alias="KAGGLE_KEY", description="Its legacy API key. Set this, or KAGGLE_API_TOKEN, not both."
    )
    kaggle_api_token: SecretStr | None = Field(
        None, alias="KAGGLE_API_TOKEN", description="API token of the Kaggle account, instead of a key."
    )
    kaggle_base_url: str = Field(
        KAGGLE,
        alias="ELEC_KAGGLE_BASE_URL",
        description="Root of Kaggle's API. Besides Kaggle's own only http://127.0.0.1:PORT (the sandbox) is allowed.",
    )
    aws_endpoint_url: str | None = Field(
        None, alias="AWS_ENDPOINT_URL", description="Another address than AWS's own, e.g. an emulator on 127.0.0.1."
    )
    aws_region: str | None = Field(None, alias="AWS_REGION", description="Region of the buckets and of SNS.")
    alert_topic_arn: str | None = Field(
        None,
        alias="ELEC_ALERT_TOPIC_ARN",
        description="Who is told: an SNS topic. Without it, and without ELEC_ALERT_PHONE, nobody is.",
    )
    alert_phone: SecretStr | None = Field(
        None, alias="ELEC_ALERT_PHONE", description="Who is told, instead of a topic: a number such as +33600000000."
    )
    alert_label: str = Field(
        "elec", pattern=r"^\S(.{0,18}\S)?$", alias="ELEC_ALERT_LABEL", description="Name of this deployment in alerts."
    )
    alert_per_hour: int = Field(10, ge=1, alias="ELEC_ALERT_PER_HOUR", description="Alerts sent in any hour, at most.")
    alert_per_month: int = Field(
        200, ge=1, alias="ELEC_ALERT_PER_MONTH", description="Alerts sent in a month (UTC), at most: SMS cost money."
    )

    @field_validator("secrets")
    @classmethod
    def _place_of_secrets(cls, place: str | None) -> str | None:
        if place is None or _SECRETS.fullmatch(place):
            return place
        raise ValueError(
            "ssm:/PATH/ is allowed, whose parameters are /PATH/X_BEARER_TOKEN and so on, or secretsmanager:NAME, "
            "a JSON object by variable"
        )

    @field_validator("x_base_url", "trends_base_url")
    @classmethod
    def _safe_to_ask(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)  # raises ValueError
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
            return url
        secret = "token" if info.field_name == "x_base_url" else "cookie"
        raise ValueError(f"an address with https:// is allowed, or http:// on 127.0.0.1: the {secret} goes there")

    @field_validator("kaggle_base_url")
    @classmethod
    def _kaggle_or_sandbox(cls, url: str) -> str:
        if url == KAGGLE or _KAGGLE_SANDBOX.fullmatch(url):
            return url
        raise ValueError(f"{KAGGLE} exactly is allowed, or http://127.0.0.1:PORT: the account goes there")

    @field_validator("kaggle_dataset")
    @classmethod
    def _owner_and_slug(cls, dataset: str | None) -> str | None:
        if dataset is None or _KAGGLE_DATASET.fullmatch(dataset):
            return dataset
        raise ValueError("owner/slug is allowed, the slug of 6 to 50 letters, digits and '-'")

    @field_validator("trends_pace_per_h")
    @classmethod
    def _within_its_limits(cls, pace: float, info: ValidationInfo) -> float:
        floor, ceiling = info.data.get("trends_floor_per_h"), info.data.get("trends_ceiling_per_h")
        url = info.data.get("trends_base_url")
        if floor is None or ceiling is None or url is None:  # which is told by itself
            return pace
        if not pace and is_loopback(url):
            return pace
        if not floor <= pace <= ceiling:
            limits = f"ELEC_TRENDS_FLOOR_PER_H ({floor:g}) to ELEC_TRENDS_CEILING_PER_H ({ceiling})"
            raise ValueError(f"{limits} is allowed, or 0 where ELEC_TRENDS_BASE_URL is on 127.0.0.1")
        return pace

    def path(self, value: str) -> Path:
        """A path setting, made absolute: relative ones are relative to workspace.yaml."""
        return home() / Path(value).expanduser()

    @property
    def registry_path(self) -> Path:
        """Absolute path of the registry."""
        return self.path(self.registry)

    @property
    def watches_path(self) -> Path:
        """Absolute path of the list of watches; where none is named, beside the registry, and need not be there."""
        return self.registry_path.parent / _WATCHES if self.watches is None else self.path(self.watches)

    @property
    def spool_path(self) -> Path:
        """Absolute path of the spool."""
        return self.path(self.spool)

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
    def trends_is_loopback(self) -> bool:
        """Whether Google Trends is the sandbox: not paced, and without a cap."""
        return is_loopback(self.trends_base_url)

    @property
    def trends_on(self) -> bool:
        """Whether Google Trends may be asked: Google's own only if the operator says so."""
        return self.trends_is_loopback if self.trends is None else self.trends == "on"

    @property
    def kaggle_is_loopback(self) -> bool:
        """Whether Kaggle is the sandbox."""
        return is_loopback(self.kaggle_base_url)

    @property
    def kaggle_problem(self) -> str | None:
        """Why no release can be published, and what to do; None if it can."""
        if self.kaggle_dataset is None:
            return "no release is published: set ELEC_KAGGLE_DATASET to owner/slug"
        if self.kaggle_key is None and self.kaggle_api_token is None:
            return "no release is published: set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN"
        if self.kaggle_key is not None and self.kaggle_api_token is not None:
            return "no release is published: KAGGLE_KEY and KAGGLE_API_TOKEN are both set, keep one of them"
        if self.kaggle_key is not None and self.kaggle_username is None:
            return "no release is published: KAGGLE_KEY is set without KAGGLE_USERNAME, whose key it is"
        return None

    @property
    def x_configured(self) -> bool:
        """Whether anything may be asked of X: a token, and a budget or a free address."""
        return self.x_bearer_token is not None and (self.x_is_loopback or self.x_fill_budget_usd > 0)

    @property
    def x_prices(self) -> Prices:
        """What X itself bills."""
        return Prices(self.x_post_usd, self.x_user_usd, self.x_count_usd)

    @property
    def x_fill_budget_usd(self) -> float:
        """USD a month that searches may spend."""
        return self.x_budget_usd * self.x_fill_share

    @property
    def x_capture_budget_usd(self) -> float:
        """USD a month that the stream may spend."""
        return self.x_budget_usd * (1 - self.x_fill_share)

    @property
    def x_capture_configured(self) -> bool:
        """Whether the stream may be listened to: a token, and a budget or a free address."""
        return self.x_bearer_token is not None and (self.x_is_loopback or self.x_capture_budget_usd > 0)


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def secret_names() -> tuple[str, ...]:
    """The variables whose values are secrets."""
    return tuple(str(f.alias) for f in Settings.model_fields.values() if f.annotation == SecretStr | None)


def secrets_set() -> frozenset[str]:
    """Those of them that have a value in the environment now."""
    return frozenset(name for name in secret_names() if os.environ.get(name))


def load_settings(read_secrets: SecretsReader | None = None) -> Settings:
    """The settings of this process.

    Args:
        read_secrets: reads secrets that neither the environment nor `.env` sets, if ELEC_SECRETS says from where;
            without it they stay unset, as befits what needs none.

    Raises:
        SettingsInvalid: one or more variables have values that are not allowed; all are named.
    """
    # An empty variable (`X_BEARER_TOKEN=` in a compose file) means: not set. `.env` is put into the environment,
    # without replacing: Dagster's EnvVar and the AWS clients look nowhere else.
    for field in Settings.model_fields.values():
        if os.environ.get(str(field.alias)) == "":
            del os.environ[str(field.alias)]
    load_dotenv(home() / ".env")
    found = _checked()
    unset = [name for name in secret_names() if name not in secrets_set()]
    place = found.secrets
    if place is None or read_secrets is None or not unset or os.environ.get(_SECRETS_READ) == place:
        return found
    os.environ.update(read_secrets(found, unset))
    os.environ[_SECRETS_READ] = place
    return _checked()


def _checked() -> Settings:
    """What the environment says.

    Raises:
        SettingsInvalid: as `load_settings`.
    """
    try:
        return Settings(_env_ignore_empty=True)
    except ValidationError as error:
        # A value is shown only where it cannot be a secret.
        lines = [
            f"{name}: {e['msg']}" + ("" if name in secret_names() else f", found {e['input']!r}")
            for e in error.errors()
            for name in [_variable(str(e["loc"][0]))]
        ]
        raise SettingsInvalid("; ".join(lines)) from None


def _variable(named: str) -> str:
    """The variable of a setting, which errors name by its field where a default is at fault."""
    field = Settings.model_fields.get(named)
    return named if field is None else str(field.alias)


def env_example() -> str:
    """The text of `.env.example`."""
    lines = ["# Settings of elec_assets, all optional. Copy to .env; made by `python -m elec_assets.settings`.", ""]
    for field in Settings.model_fields.values():
        default = "" if field.default is None else field.default
        lines += [f"# {field.description}", f"# {field.alias}={default}", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
