"""The AWS Lambda that asks Google Trends, as a client of `PipesLambdaClient`: invoked once, never twice for one call.

A synchronous invocation is one HTTP request that lasts as long as the invocation, up to 15 minutes. boto3 would give
it up after 60 s and send it again: Google would be asked twice. So it waits longer than any invocation lasts, and never
repeats. What PipesLambdaClient passes over is kept here: the answer, and a failure in one sentence.
"""

import base64
import json
import re
from typing import Any

from elec_assets.clients.trends_task import TrendsAnswer, answer_of
from elec_assets.domain.outcomes import Outcome

READ_S, CONNECT_S = 960, 10
# Of Lambda's own making: their messages say what happened, and hold nothing of ours.
_PLATFORM = ("Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "CollectionBroke")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:.+")
_SHOWN = 300
_TODO = {
    "ResourceNotFoundException": "there is no such function; check ELEC_TRENDS_LAMBDA and AWS_REGION",
    "AccessDeniedException": "no right lambda:InvokeFunction on it; give it to the identity of this run",
    "UnrecognizedClientException": "the credentials are not valid; renew them",
    "ExpiredTokenException": "the credentials are not valid any more; renew them",
}
_THROTTLED = ("TooManyRequestsException", "ThrottlingException", "EC2ThrottledException")


class FunctionFailed(Exception):
    """An invocation did not answer. The text says why and what to do.

    Attributes:
        outcome: what the units that remain to be asked are recorded as.
        ended: whether it asks nothing any more for certain.
    """

    def __init__(self, message: str, *, outcome: Outcome = Outcome.ERROR, ended: bool = True) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.ended = ended


class TrendsFunction:
    """One function, by name or ARN; `region` is that of AWS, for a name. `answer` is that of the last invocation."""

    def __init__(self, name: str, region: str | None, *, read_s: float = READ_S) -> None:
        self.name = name
        self.answer: TrendsAnswer | None = None
        self._region = region
        self._read_s = read_s

    def invoke(self, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - what PipesLambdaClient hands on
        """As boto3's `invoke`, once; the last 4 KB of its log come back, made whole lines.

        Raises:
            FunctionFailed: it did not answer.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        self.answer = None
        try:
            response = self._client().invoke(**parameters)
            payload = response["Payload"].read()
        # None of them with its cause: a text may hold the address of the request, and what was sent.
        except ClientError as error:
            raise self._refused(error.response) from None
        except (BotoCoreError, ResponseParserError) as error:
            raise self._lost(type(error).__name__) from None
        if "FunctionError" in response:
            raise self._broke(payload)
        self.answer = answer_of(payload)
        return {"LogResult": _lines(response.get("LogResult", ""))}

    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        import boto3
        from botocore.config import Config

        arn = _ARN.fullmatch(self.name)
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=self._read_s,
            retries={"total_max_attempts": 1},
            # A NAT gateway forgets a connection without traffic after 350 s: see docs/deployment.md.
            tcp_keepalive=True,
        )
        # A session of its own: the default one would keep the first credentials for good.
        region = arn["region"] if arn else self._region
        return boto3.session.Session().client("lambda", region_name=region, config=config)

    def _refused(self, response: dict[str, Any]) -> FunctionFailed:
        code = str(response.get("Error", {}).get("Code", ""))
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status == 429 or code in _THROTTLED:
            text = "AWS starts no more invocations now (too many at once in this account); run again"
            return FunctionFailed(f"the Lambda {self.name}: {text}", outcome=Outcome.THROTTLED)
        # 5xx: of the service, perhaps after it had started.
        todo = _TODO.get(code, "look it up, and run again")
        return FunctionFailed(f"the Lambda {self.name}: AWS answered {status} {code}: {todo}", ended=status < 500)

    def _lost(self, kind: str) -> FunctionFailed:
        if kind in ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"):
            return FunctionFailed(f"the Lambda {self.name}: AWS cannot be reached ({kind}); check the network")
        if kind in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"):
            todo = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
            return FunctionFailed(f"the Lambda {self.name}: no AWS credentials; {todo}")
        if kind in ("NoRegionError", "ParamValidationError", "InvalidRegionError"):
            return FunctionFailed(f"the Lambda {self.name}: {kind}; set AWS_REGION, and ELEC_TRENDS_LAMBDA to its name")
        return FunctionFailed(
            f"the Lambda {self.name}: the connection was lost before it answered ({kind}); it may still be at work, "
            "and what it stores is not lost",
            ended=False,
        )

    def _broke(self, payload: bytes) -> FunctionFailed:
        """The function itself ended with an error. Of others than Lambda's and our own only the kind is told."""
        try:
            told = json.loads(payload)
        except (ValueError, RecursionError):
            told = {}
        error = told if isinstance(told, dict) else {}
        kind, text = str(error.get("errorType", "unknown"))[:_SHOWN], str(error.get("errorMessage", ""))[:_SHOWN]
        shown = f"{kind}: {text}" if kind in _PLATFORM else kind
        todo = "what it stored stays, look at its log, and run again"
        return FunctionFailed(f"the Lambda {self.name} ended with an error ({shown}); {todo}")


def _lines(log: str) -> str:
    """The tail of a log as PipesLambdaClient can read it: cut anywhere, also within a character (dagster-aws 0.29)."""
    text = base64.b64decode(log).decode("utf-8", errors="replace")
    return base64.b64encode(text.encode()).decode()
