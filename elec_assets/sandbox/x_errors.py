"""Error bodies of the X API, shaped as recorded; types carry the prefix of the recordings."""

from dataclasses import dataclass, field

from elec_assets.sandbox.posts import Json

_PROBLEMS = "https://api.twitter.com/2/problems/"
_INVALID = "One or more parameters to your request was invalid."

PRESETS: dict[str, tuple[int, Json]] = {
    "usage_cap_exceeded": (
        429,
        {
            "account_id": "1",
            "product_name": "sandbox",
            "title": "UsageCapExceeded",
            "period": "Monthly",
            "scope": "Product",
            "detail": "Usage cap exceeded: Monthly product cap",
            "type": _PROBLEMS + "usage-capped",
        },
    ),
    "credits_depleted": (402, {"title": "CreditsDepleted", "type": _PROBLEMS + "credits"}),
    "client_not_enrolled": (
        403,
        {
            "client_id": "1",
            "detail": "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from "
            "a Twitter developer App that is attached to a Project.",
            "registration_url": "https://developer.twitter.com/en/docs/projects/overview",
            "title": "Client Forbidden",
            "required_enrollment": "Appropriate Level of API Access",
            "reason": "client-not-enrolled",
            "type": _PROBLEMS + "client-forbidden",
        },
    ),
    # Reasons of X's specification (OpenAPI 2.159, ClientForbiddenProblem).
    "official_client_forbidden": (
        403,
        {
            "title": "Client Forbidden",
            "detail": "This endpoint is not available to this client.",
            "reason": "official-client-forbidden",
            "type": _PROBLEMS + "client-forbidden",
        },
    ),
    "client_forbidden": (
        403,
        {"title": "Client Forbidden", "detail": "Forbidden", "type": _PROBLEMS + "client-forbidden"},
    ),
    "too_many_connections": (
        429,
        {
            "title": "ConnectionException",
            "detail": "This stream is currently at the maximum allowed connection limit.",
            "connection_issue": "TooManyConnections",
            "type": _PROBLEMS + "streaming-connection",
        },
    ),
    # Issue as X's specification names it (OpenAPI 2.159, ConnectionExceptionProblem).
    "no_rules": (
        409,
        {
            "title": "ConnectionException",
            "detail": "You must define rules on your stream before you connect to it.",
            "connection_issue": "RuleConfigurationIssue",
            "type": _PROBLEMS + "streaming-connection",
        },
    ),
    "rate_limit": (429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}),
    "unauthorized": (
        401,
        {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"},
    ),
    "not_found": (404, {"title": "Not Found", "type": "about:blank", "status": 404, "detail": "Not Found"}),
    "service_unavailable": (
        503,
        {"title": "Service Unavailable", "type": "about:blank", "status": 503, "detail": "Service Unavailable"},
    ),
}


@dataclass(frozen=True)
class ApiError(Exception):
    """An answer that is an error: status, body, extra headers."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


def preset(name: str, **headers: str) -> ApiError:
    """One of `PRESETS` as an error."""
    status, body = PRESETS[name]
    return ApiError(status, body, headers)


def invalid(message: str, parameters: dict[str, list[str]] | None = None, *, typed: bool = True) -> ApiError:
    """A 400 Invalid Request; `parameters` names the offending ones (some recorded bodies have none, one no type)."""
    error: Json = {"message": message} if parameters is None else {"parameters": parameters, "message": message}
    body: Json = {"errors": [error], "title": "Invalid Request", "detail": _INVALID}
    if typed:
        body["type"] = _PROBLEMS + "invalid-request"
    return ApiError(400, body)


def not_found(kind: str, parameter: str, key: str) -> Json:
    """The partial error that a 200 answer carries for something its `includes` lack; kind `tweet`, `user`, ..."""
    return {
        "value": key,
        "detail": f"Could not find {kind} with {parameter}: [{key}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": key,
        "type": _PROBLEMS + "resource-not-found",
    }


def rule_error(value: str, title: str, kind: str, **more: object) -> Json:
    """The error of one stream rule, e.g. title `DuplicateRule`, kind `duplicate-rules`."""
    return {"value": value, **more, "title": title, "type": _PROBLEMS + kind}
