"""The open streams of an app, as X lists them (since 2025-09), and the end of those that X forgot to end.

A connection that died without a goodbye may hold the only place for hours (xdevplatform/samples#140: up to a day).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from elec_assets.clients.x_control import Json, XControl, next_token, rows, text

# The name that X gives to the stream of this program.
ENDPOINT = "filtered_stream"
_FIELDS = ["client_ip", "connected_at", "endpoint_name", "id"]
_PAGE = 100
# X: connections that one request ends.
_MOST_IDS = 100
# An app has one or two: a list without end is a fault of the server.
_MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that X holds open; fields that X leaves out are empty, a time that cannot be read is None."""

    id: str
    endpoint: str
    connected_at: datetime | None
    client_ip: str


class XConnections:
    """The open streams of one app. Rate limit of `end_all`: 25 in 15 minutes."""

    def __init__(self, control: XControl) -> None:
        self._control = control

    def active(self) -> tuple[Held, ...]:
        """The open connections of the filtered stream.

        Raises:
            XError: X refused, or could not be reached.
        """
        return tuple(
            held
            for held in map(_held, self._listed())
            # An id is what a connection is ended by.
            if held.id and held.endpoint in ("", ENDPOINT)
        )

    def end(self, ids: Sequence[str]) -> int:
        """End these; returns how many of them X ended.

        Raises:
            XError: X refused, or could not be reached.
        """
        ended = 0
        for first in range(0, len(ids), _MOST_IDS):
            some = list(ids[first : first + _MOST_IDS])
            ended += _ended(self._control.ask("DELETE", "/2/connections", json={"uuids": some}), len(some))
        return ended

    def end_all(self) -> None:
        """End every stream of the app, of whatever endpoint.

        Raises:
            XError: X refused, or could not be reached.
        """
        self._control.ask("DELETE", "/2/connections/all")

    def _listed(self) -> Iterator[Json]:
        asked: dict[str, object] = {"status": "active", "max_results": _PAGE, "connection_fields": _FIELDS}
        for _ in range(_MOST_PAGES):
            answer = self._control.ask("GET", "/2/connections", asked)
            yield from rows(answer, "data")
            token = next_token(answer)
            if not token:
                return
            asked["pagination_token"] = token


def _held(row: Json) -> Held:
    return Held(text(row, "id"), text(row, "endpoint_name"), _moment(text(row, "connected_at")), text(row, "client_ip"))


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _ended(answer: Json, asked: int) -> int:
    """How many were ended; all, where X does not say."""
    data = answer.get("data")
    if not isinstance(data, dict):
        return asked
    count = data.get("successful_kills")
    if isinstance(count, int):
        return count
    results = rows(data, "results")
    return sum(bool(row.get("success")) for row in results) if results else asked
