"""What was exchanged with Google Trends, told as it happens: rows of the table `requests`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from elec_assets.clients.trends_errors import TrendsError
from elec_assets.clients.trends_session import Reply
from elec_assets.domain.trends import Endpoint
from elec_assets.domain.windows import iso_ms
from elec_assets.transforms.trends_documents import Exchange


class Telling:
    """One exchange that began; its end is appended to `told`."""

    def __init__(self, endpoint: Endpoint, begun: datetime, told: list[Exchange]) -> None:
        self._endpoint = endpoint
        self._begun = begun
        self._told = told

    def answered(self, reply: Reply) -> None:
        """It ended with an answer that was of use."""
        self._end(reply, reply.received_at, reply.status, None)

    def failed(self, error: TrendsError, reply: Reply | None, at: datetime) -> None:
        """It ended with an error, with or without an answer."""
        self._end(reply, at, error.status if reply is None else reply.status, error.kind)

    def _end(self, reply: Reply | None, at: datetime, status: int | None, kind: str | None) -> None:
        self._told.append(
            Exchange(
                endpoint=self._endpoint,
                attempt=1 + sum(before.endpoint is self._endpoint for before in self._told),
                fetched_at=iso_ms(at),
                status=status,
                bytes=None if reply is None else len(reply.body),
                latency_ms=max(0, (at - self._begun) // timedelta(milliseconds=1)),
                error_kind=kind,
                payload_sha256=None if reply is None else hashlib.sha256(reply.body).hexdigest(),
            )
        )


@contextmanager
def telling(told: list[Exchange]) -> Iterator[None]:
    """Give an error the exchanges that led to it."""
    try:
        yield
    except TrendsError as error:
        error.exchanges = tuple(told)
        raise
