"""So many browsers without their screens: each opens recorded pages in turn and sends what they sent, when they did.

`python -m bench.ui_load_clients JSON` reads the pages, goes on until its standard input ends, and prints what was
answered. The JSON object has `pages`, the path of the file; `host` and `port`; and `clients`.

As in a browser there are 6 connections to a server at most, answers are compressed, and a question whose answer is
still awaited is not sent again. Clients begin at different pages and different times. What is not there: scripts and
styles, which a browser has after its first visit, and time to draw.
"""

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.ui_load_pages import Page, Request, Socket

CONNECTIONS = 6
TIMEOUT_S = 120.0
_SUBPROTOCOL = Subprotocol("graphql-ws")
_FAILED_INSIDE = b'"PythonError"'


class Asked(msgspec.Struct, frozen=True):
    """A question and how it ended: `took_s` from when it was to be sent to its last byte; no `problem` if well."""

    operation: str
    took_s: float
    size: int
    problem: str | None


class Answers(msgspec.Struct):
    """All that was asked; `held_back`: not sent, since the same question was still open; `sockets`: those opened."""

    asked: list[Asked]
    held_back: int = 0
    sockets: int = 0
    pages: int = 0


class _Answer(msgspec.Struct):
    errors: list[msgspec.Raw] | None = None


class _Connection:
    """One connection that is kept open."""

    def __init__(self, host: str, port: int) -> None:
        self._where = (host, port)
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        used = self._open is not None
        try:
            return await self._post(path, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not used:
                raise
        # The server had closed it meanwhile, as it may.
        return await self._post(path, body)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self._open is None:
            self._open = await asyncio.open_connection(*self._where, limit=1 << 20)
        reader, writer = self._open
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._where[0]}:{self._where[1]}\r\nAccept-Encoding: gzip, deflate, br\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        answer = await self._body(reader, fields)
        if fields.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), gzip.decompress(answer) if fields.get("content-encoding") == "gzip" else answer

    async def _body(self, reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
        if "content-length" in fields:
            return await reader.readexactly(int(fields["content-length"]))
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(parts)


class _Client:
    """One browser."""

    def __init__(self, host: str, port: int, answers: Answers) -> None:
        self._root = f"ws://{host}:{port}"
        self._answers = answers
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(_Connection(host, port))
        self._open: set[str] = set()

    async def run(self, pages: Sequence[Page], first: int, after_s: float) -> None:
        """Open the pages in turn without end, the first after a time."""
        await asyncio.sleep(after_s)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._page(pages[first % len(pages)], group)
                first += 1

    async def _page(self, page: Page, group: asyncio.TaskGroup) -> None:
        opened = time.monotonic()
        self._answers.pages += 1
        sockets = [group.create_task(self._socket(socket, opened)) for socket in page.sockets]
        for request in page.requests:
            await _until(opened + request.at_s)
            if request.body in self._open:
                self._answers.held_back += 1
            else:
                self._open.add(request.body)
                group.create_task(self._ask(request))
        await _until(opened + page.seconds)
        for task in sockets:
            task.cancel()

    async def _ask(self, request: Request) -> None:
        began = time.monotonic()
        size, problem = 0, None
        connection = await self._free.get()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, body = await connection.post(request.path, request.body.encode())
            size, problem = len(body), _problem(status, body)
        except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
            connection.close()
            problem = type(error).__name__
        finally:
            self._free.put_nowait(connection)
            self._open.discard(request.body)
        self._answers.asked.append(Asked(request.operation, time.monotonic() - began, size, problem))

    def _opened(self, path: str) -> connect:
        # As patient as a browser, which sends no pings.
        return connect(
            self._root + path,
            subprotocols=[_SUBPROTOCOL],
            proxy=None,
            open_timeout=TIMEOUT_S,
            ping_interval=None,
            close_timeout=1,
        )

    async def _socket(self, socket: Socket, opened: float) -> None:
        try:
            async with self._opened(socket.path) as held:
                self._answers.sockets += 1
                for frame in socket.frames:
                    await _until(opened + frame.at_s)
                    await held.send(frame.text)
                async for _ in held:
                    pass
        except (OSError, WebSocketException) as error:
            self._answers.asked.append(Asked("web socket", time.monotonic() - opened, 0, type(error).__name__))


def _problem(status: int, body: bytes) -> str | None:
    if status != 200:
        return f"status {status}"
    if msgspec.json.decode(body, type=_Answer).errors:
        return "errors in the answer"
    return "a Python error in the answer" if _FAILED_INSIDE in body else None


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


async def _run(job: Mapping[str, Any]) -> Answers:
    pages = msgspec.json.decode(Path(job["pages"]).read_bytes(), type=list[Page])
    answers, count = Answers([]), int(job["clients"])
    round_s = sum(page.seconds for page in pages)
    tasks = [
        asyncio.create_task(
            _Client(job["host"], job["port"], answers).run(pages, number, number / count * round_s / len(pages))
        )
        for number in range(count)
    ]
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(outcome, asyncio.CancelledError):
            raise outcome if isinstance(outcome, BaseException) else AssertionError(outcome)
    return answers


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(_run(json.loads(sys.argv[1])))).decode())
