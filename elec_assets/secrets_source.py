"""Secrets from AWS, through dagster-aws: of SSM Parameter Store or Secrets Manager, as ELEC_SECRETS says.

- `ssm:/elec/prod/`: parameters (SecureString) `/elec/prod/X_BEARER_TOKEN`, `/elec/prod/KAGGLE_API_TOKEN` and so on.
- `secretsmanager:elec`: one secret by name or ARN, whose text is `{"X_BEARER_TOKEN": "...", ...}`.

Rights: `ssm:GetParameters` on all of the path, or `secretsmanager:GetSecretValue`; and `kms:Decrypt` where the key is
one of your own. `load_settings` puts what is read into the environment, where Dagster's EnvVar looks.

dagster-aws imports Dagster, 2.1 s of CPU and 79 MB (2026-11-22): `elec capture` and `elec deadman` pay it only where
ELEC_SECRETS is set.
"""

import json
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from elec_assets.settings import Settings, secret_names

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# After the first attempt: dagster-aws hands it to botocore, which means that by `max_attempts`.
_MORE_ATTEMPTS = 2
# dagster-aws takes no timeouts, and boto3's own are 60 s an attempt.
LONGEST_S = 30.0
_NAMES_A_CALL = 10
_MISSING = ("ResourceNotFoundException", "ParameterNotFound")
_FORBIDDEN = (
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
)


class SecretsUnreadable(Exception):
    """The place that ELEC_SECRETS names was not read; the text holds names of variables and secrets, never a value."""


def read_secrets(settings: Settings, names: Sequence[str], longest_s: float = LONGEST_S) -> dict[str, str]:
    """The values of these variables from the place that the settings name; one that is not there is left out.

    Raises:
        SecretsUnreadable: no permission, no answer in time, nothing there by these names, or not in its form.
    """
    kind, _, name = str(settings.secrets).partition(":")
    place = _Parameters(name) if kind == "ssm" else _Secret(name)
    client = _client_maker(kind, settings.aws_region)
    # All are asked for: where the environment sets the only one that is there, the place is still the right one.
    known = secret_names()
    found = _within(longest_s, lambda: _asked(lambda: place.read(client(), known), place), place)
    if not any(found.get(name) for name in known):
        raise _unreadable(place, f"it holds none of {', '.join(known)}; put them there, or unset ELEC_SECRETS")
    return {name: value for name in names if name in found for value in [_clean(name, found[name], place)] if value}


class _Parameters:
    """Parameters below a path."""

    right = "ssm:GetParameters"

    def __init__(self, path: str) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"the parameters {self._path}* of SSM"

    def read(self, client: Any, names: Sequence[str]) -> dict[str, object]:  # noqa: ANN401 - made by boto3 at run time
        """What of them is there, by name of the variable."""
        found: dict[str, object] = {}
        for first in range(0, len(names), _NAMES_A_CALL):
            asked = [f"{self._path}{name}" for name in names[first : first + _NAMES_A_CALL]]
            answer = client.get_parameters(Names=asked, WithDecryption=True)
            found |= {one["Name"].removeprefix(self._path): one["Value"] for one in answer["Parameters"]}
        return found


class _Secret:
    """One secret, a JSON object."""

    right = "secretsmanager:GetSecretValue"

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return f"the secret {self._name} of Secrets Manager"

    def read(self, client: Any, names: Sequence[str]) -> Mapping[str, object]:  # noqa: ANN401, ARG002 - it is read whole
        """All that it holds."""
        text = client.get_secret_value(SecretId=self._name).get("SecretString", "")
        try:
            held = json.loads(text)
        except ValueError:
            held = None
        if not isinstance(held, dict):
            raise _unreadable(self, 'its text is not a JSON object such as {"X_BEARER_TOKEN": "..."}')
        return held


_Place = _Parameters | _Secret


def _client_maker(kind: str, region: str | None) -> Callable[[], Any]:
    import dagster
    from dagster_aws.secretsmanager import SecretsManagerResource
    from dagster_aws.ssm import SSMResource

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dagster.BetaWarning)
        resource = (SSMResource if kind == "ssm" else SecretsManagerResource)(
            region_name=region, max_attempts=_MORE_ATTEMPTS
        )
    make: Callable[[], Any] = resource.get_client
    return make


def _within(seconds: float, work: Callable[[], Mapping[str, object]], place: _Place) -> Mapping[str, object]:
    """What a call comes to, if it does so in time. The thread is left to itself where it does not."""
    came: list[Mapping[str, object] | SecretsUnreadable] = []

    def run() -> None:
        try:
            came.append(work())
        except SecretsUnreadable as error:
            came.append(error)

    thread = threading.Thread(target=run, name="secrets", daemon=True)
    thread.start()
    thread.join(seconds)
    if not came:
        late = f"no answer within {seconds:g} s; check the network and AWS_ENDPOINT_URL"
        raise _unreadable(place, late if thread.is_alive() else "reading it failed; report this message")
    if isinstance(came[0], SecretsUnreadable):
        raise came[0]
    return came[0]


def _asked(work: Callable[[], Mapping[str, object]], place: _Place) -> Mapping[str, object]:
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        return work()
    except exceptions.ClientError as error:
        # Not `from error`: a traceback would repeat what AWS says.
        raise _unreadable(place, _refusal(error, place)) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        told = "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
        raise _unreadable(place, told) from None
    except exceptions.NoRegionError:
        raise _unreadable(place, "set AWS_REGION to the region it is in") from None
    except (exceptions.BotoCoreError, ResponseParserError) as error:  # the latter: HTML, as proxies answer
        told = f"no answer ({type(error).__name__}); check the network, AWS_REGION and AWS_ENDPOINT_URL"
        raise _unreadable(place, told) from None


def _refusal(error: "ClientError", place: _Place) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    named = code if code.isalnum() and len(code) <= 60 else "no code"
    if code in _MISSING:
        return "there is no such secret; make it, or correct the name"
    if code in _FORBIDDEN:
        return f"no permission ({named}); allow {place.right} on it, and kms:Decrypt where the key is your own"
    return f"AWS answered {named}; it is asked again at the next start"


def _clean(name: str, value: object, place: _Place) -> str:
    """A value as a variable of the environment takes it: without the line end that files bring."""
    if isinstance(value, str) and value.strip().isprintable():
        return value.strip()
    raise _unreadable(place, f"{name} in it is not one line of text; its value is not shown here")


def _unreadable(place: _Place, why: str) -> SecretsUnreadable:
    return SecretsUnreadable(f"ELEC_SECRETS: {place} cannot be used: {why}")
