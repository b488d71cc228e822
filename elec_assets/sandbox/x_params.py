"""What X checks in the parameters of search and counts, and the range of ids that they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from elec_assets.domain.windows import HOUR, X_EPOCH_MS, epoch_ms, from_epoch_ms
from elec_assets.sandbox.x_errors import ApiError, invalid

RECENT = timedelta(days=7)
# What X takes as start where search/all is given none.
ARCHIVE_DEFAULT = timedelta(days=30)
NEAREST_END = timedelta(seconds=10)
DEFAULT_END = timedelta(seconds=30)
QUERY_LENGTH = {"recent": 512, "all": 1024}
MAX_RESULTS = {"recent": 100, "all": 500}
RANGE = ("start_time", "end_time", "since_id", "until_id")
PAGING = ("next_token", "pagination_token")
GRANULARITIES = {"minute": timedelta(minutes=1), "hour": HOUR, "day": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class IdRange:
    """Posts with since_id < id < until_id."""

    since_id: int
    until_id: int


def first_id(moment: datetime) -> int:
    """The smallest id of a time."""
    return epoch_ms(moment) - X_EPOCH_MS << 22


def check_known(params: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse parameters that the endpoint does not know."""
    for name, value in params.items():
        if name not in known:
            raise invalid(f"The query parameter [{name}] is not one of [{','.join(known)}]", {name: [value]})


def query_of(params: Mapping[str, str], reach: str) -> str:
    """The query of a request to `recent` or `all`, checked for length."""
    query = params.get("query", "")
    if not query.strip():
        raise invalid("The `query` query parameter can not be empty", {"query": [query]})
    allowed = QUERY_LENGTH[reach]
    if len(query) > allowed:
        message = f"Invalid 'query':'{query}'. 'query' must be at most {allowed} characters, it has {len(query)}"
        raise invalid(message, {"query": [query]})
    return query


def max_results_of(params: Mapping[str, str], reach: str) -> int:
    """Posts a page: 10 to 100 (recent) or 500 (all), 10 if not given."""
    raw = params.get("max_results", "10")
    if not raw.isdecimal() or not 10 <= int(raw) <= MAX_RESULTS[reach]:
        message = f"The `max_results` query parameter value [{raw}] is not between 10 and {MAX_RESULTS[reach]}"
        raise invalid(message, {"max_results": [raw]})
    return int(raw)


def choice_of(params: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """A parameter with a fixed set of values."""
    value = params.get(name, default)
    if value not in allowed:
        message = f"The `{name}` query parameter value [{value}] is not one of [{','.join(allowed)}]"
        raise invalid(message, {name: [value]})
    return value


def range_of(params: Mapping[str, str], reach: str, now: datetime) -> IdRange:
    """The ids that a request asks for.

    Raises:
        ApiError: ids and times mixed, a bound that is no id or time, too old for `recent`, or too near to now.
    """
    ids = {name: _id(params, name) for name in ("since_id", "until_id") if name in params}
    times = {name: _time(params, name) for name in ("start_time", "end_time") if name in params}
    if ids and times:
        raise invalid("Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or 'end_time'.")
    _check_times(params, times, reach, now)
    if reach == "recent":
        _check_ids(params, ids, now)
    end = times.get("end_time", now - DEFAULT_END)
    until = ids.get("until_id", first_id(end))
    if "start_time" in times:
        since = first_id(times["start_time"]) - 1
    else:
        since = ids.get("since_id", _default_since(reach, until, now))
    if since >= until - 1 and len(ids or times) > 1:
        raise _empty_range(params)
    return IdRange(since, until)


def _default_since(reach: str, until: int, now: datetime) -> int:
    start = now - RECENT
    if reach == "all":
        start = from_epoch_ms((until >> 22) + X_EPOCH_MS) - ARCHIVE_DEFAULT
    return first_id(start) - 1


def _empty_range(params: Mapping[str, str]) -> ApiError:
    given = {name: [params[name]] for name in RANGE if name in params}
    shown = ", ".join(f"'{name}':'{values[0]}'" for name, values in given.items())
    return invalid(f"Invalid {shown}. The end of the range must be after its start.", given)


def _id(params: Mapping[str, str], name: str) -> int:
    raw = params[name]
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= 19):
        message = f"The `{name}` query parameter value [{raw}] does not match ^[0-9]{{1,19}}$"
        raise invalid(message, {name: [raw]})
    return int(raw)


def _time(params: Mapping[str, str], name: str) -> datetime:
    raw = params[name]
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(f"The `{name}` query parameter value [{raw}] is not a valid RFC 3339 time", {name: [raw]})
    return moment.astimezone(UTC).replace(microsecond=0)


def _check_times(params: Mapping[str, str], times: Mapping[str, datetime], reach: str, now: datetime) -> None:
    for name, moment in times.items():
        if moment > now - NEAREST_END:
            raise invalid(f"Invalid '{name}'. '{name}' must be a minimum of 10 seconds prior to the request time.")
        if reach == "recent" and moment < now - RECENT:
            message = f"Invalid '{name}':'{params[name]}'. '{name}' must be on or after {_minute(now - RECENT)}"
            raise invalid(message, {name: [params[name]]})


def _check_ids(params: Mapping[str, str], ids: Mapping[str, int], now: datetime) -> None:
    oldest = first_id(now - RECENT)
    for name, value in ids.items():
        if value <= oldest:
            message = (
                f"'{name}' must be a tweet id created after {_minute(now - RECENT)}. "
                f"Please use a '{name}' that is larger than {oldest}"
            )
            raise invalid(message, {name: [params[name]]}, typed=False)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
