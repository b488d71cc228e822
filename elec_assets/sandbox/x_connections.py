"""The connections of an app to the stream: one at a time, ghosts that linger, and the endpoints that list and end them.

A *ghost* is a connection that nobody reads any more and that X still counts: its place is free again only when it has
lingered, or was ended by a request.
"""

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from elec_assets.domain.windows import from_epoch_ms, iso_ms
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_errors import invalid, preset
from elec_assets.sandbox.x_params import check_known, choice_of

ENDPOINT = "filtered_stream"
_FIELDS = ("client_ip", "connected_at", "disconnect_reason", "disconnected_at", "endpoint_name", "id")
_MOST_UUIDS = 100
_MOST_SHOWN = 100


@dataclass(slots=True)
class Connection:
    """One connection: `ended_ms` is None while it is active, `ghost_until_ms` when a ghost of it is gone by itself.

    `number` counts from 1; `killed` is set once a request ended it; `wake` rouses the thread that serves it.
    """

    number: int
    opened_ms: int
    id: str
    ended_ms: int | None = None
    why: str | None = None
    ghost_until_ms: int | None = None
    killed: bool = False
    wake: Callable[[], None] = field(default=lambda: None, repr=False)

    def body(self) -> Json:
        """As X shows it."""
        shown: Json = {
            "id": self.id,
            "endpoint_name": ENDPOINT,
            "connected_at": iso_ms(from_epoch_ms(self.opened_ms)),
            "client_ip": "127.0.0.1",
        }
        if self.ended_ms is not None:
            shown["disconnected_at"] = iso_ms(from_epoch_ms(self.ended_ms))
            shown["disconnect_reason"] = self.why
        return shown


class Connections:
    """All connections so far. Safe to use from several threads; times are ms since 1970 of the server's clock."""

    def __init__(self, now_ms: Callable[[], int], limit: int) -> None:
        self._now_ms = now_ms
        self._limit = limit
        self._all: list[Connection] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def open(self) -> Connection:
        """A new connection.

        Raises:
            ApiError: 429 TooManyConnections: those that are active, ghosts included, are as many as may be.
        """
        now = self._now_ms()
        with self._lock:
            if sum(_counted(c, now) for c in self._all) >= self._limit:
                raise preset("too_many_connections")
            return self._add(now)

    def haunt(self, ghost_s: float) -> Connection:
        """A ghost that was never seen alive, for so many seconds."""
        now = self._now_ms()
        with self._lock:
            ghost = self._add(now)
            ghost.ended_ms, ghost.why, ghost.ghost_until_ms = now, "ghost", now + round(ghost_s * 1000)
            return ghost

    def close(self, connection: Connection, why: str, ghost_s: float = 0.0) -> None:
        """A connection ended; a ghost of it lingers so many seconds, unless a request ended it."""
        now = self._now_ms()
        with self._lock:
            connection.ended_ms, connection.why = now, why
            if ghost_s and not connection.killed:
                connection.ghost_until_ms = now + round(ghost_s * 1000)

    def active(self) -> list[Connection]:
        """What counts against the limit now, ghosts included."""
        now = self._now_ms()
        with self._lock:
            return [c for c in self._all if _counted(c, now)]

    def running(self) -> bool:
        """Whether any is served now."""
        with self._lock:
            return any(c.ended_ms is None for c in self._all)

    def ghosts(self) -> list[Connection]:
        """Every connection that left a ghost so far."""
        with self._lock:
            return [c for c in self._all if c.ghost_until_ms is not None]

    def listing(self, params: Mapping[str, str]) -> Json:
        """Answer of GET /2/connections.

        Raises:
            ApiError: a parameter that X does not know.
        """
        known = ("status", "endpoints", "max_results", "pagination_token", "connection.fields")
        check_known(params, known)
        status = choice_of(params, "status", ("active", "inactive", "all"), "active")
        size = _size(params)
        asked = [name for name in params.get("connection.fields", "").split(",") if name]
        for name in asked:
            choice_of({"connection.fields": name}, "connection.fields", _FIELDS, name)
        now = self._now_ms()
        with self._lock:
            shown = [c.body() for c in self._all if status == "all" or (status == "active") == _counted(c, now)]
        if asked:
            shown = [{k: v for k, v in body.items() if k in asked} for body in shown]
        page = shown[::-1][:size]
        return {"data": page, "meta": {"result_count": len(page)}} if page else {"meta": {"result_count": 0}}

    def end_endpoint(self, endpoint: str) -> Json:
        """Answer of DELETE /2/connections/{endpoint}; `all` ends those of every endpoint."""
        return self._end([c.id for c in self.active()] if endpoint in ("all", ENDPOINT) else [])

    def end_some(self, body: bytes) -> Json:
        """Answer of DELETE /2/connections with `uuids`.

        Raises:
            ApiError: the body holds no list of 1 to 100 of them.
        """
        try:
            told = json.loads(body or b"null")
        except ValueError as error:
            raise invalid(f"Requests must be valid JSON: {error}", {}) from error
        uuids = told.get("uuids") if isinstance(told, dict) else None
        if not isinstance(uuids, list) or not 1 <= len(uuids) <= _MOST_UUIDS:
            raise invalid(f"`uuids` must be a list of 1 to {_MOST_UUIDS} connections", {})
        return self._end([str(u) for u in uuids])

    def _add(self, now: int) -> Connection:
        number = next(self._numbers)
        self._all.append(Connection(number, now, str(uuid.UUID(int=number, version=4))))
        return self._all[-1]

    def _end(self, uuids: list[str]) -> Json:
        now = self._now_ms()
        with self._lock:
            found = {c.id: c for c in self._all if _counted(c, now)}
            for key in uuids:
                if key in found:
                    _kill(found[key], now)
        results = [_result(key, found) for key in uuids]
        killed = sum(r["success"] for r in results)
        return {"data": {"successful_kills": killed, "failed_kills": len(results) - killed, "results": results}}


def _size(params: Mapping[str, str]) -> int:
    raw = params.get("max_results", "10")
    if not raw.isdecimal() or not 1 <= int(raw) <= _MOST_SHOWN:
        message = f"The `max_results` query parameter value [{raw}] is not between 1 and {_MOST_SHOWN}"
        raise invalid(message, {"max_results": [raw]})
    return int(raw)


def _kill(connection: Connection, now: int) -> None:
    connection.killed = True
    if connection.ghost_until_ms is not None:
        connection.ghost_until_ms = min(connection.ghost_until_ms, now)
    connection.wake()


def _counted(connection: Connection, now: int) -> bool:
    if connection.killed:
        return False
    return connection.ended_ms is None or (connection.ghost_until_ms or 0) > now


def _result(key: str, found: Mapping[str, Connection]) -> Json:
    if key in found:
        return {"uuid": key, "success": True}
    return {"uuid": key, "success": False, "error_message": "Connection not found"}
