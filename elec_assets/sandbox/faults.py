"""Scripted faults: what a sandbox does wrong, once, to requests of a path, in the order of the script."""

import fnmatch
import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from elec_assets.sandbox.x_errors import PRESETS

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. With neither status, preset, redirect nor reset the true answer follows, late or cut.

    A sandbox may have faults of its own: a subclass, with further attributes and other presets.

    Attributes:
        path: paths it waits for, as a pattern (`/2/tweets/search/*`); the default is any.
        times: how many requests it spoils.
        skip: how many matching requests it lets through first.
        preset: name of a recorded error in `x_errors.PRESETS`; gives status and body.
        status: HTTP status of the answer.
        body: a JSON value, or a text sent as it is.
        headers: further headers, or other values for the usual ones.
        delay_s: seconds to wait before anything is sent.
        cut: part of the body that is sent before the connection is closed, 0 to 1.
        truncate: part of the body that is sent as if it were all of it, 0 to 1.
        reset: close with a TCP reset instead of an answer.
        redirect: `location` of a 302 answer.
        gzip: send the body gzip-coded; `cut` then cuts the coded bytes.
        no_content_type: send no `Content-Type`.
        no_length: send no `Content-Length`: the body ends where the connection does.
        drip_s: seconds between single bytes of the body.
        filler_bytes: send so many spaces instead of a body, or as many as the other side takes.
    """

    presets: ClassVar[Collection[str]] = PRESETS

    path: str = "*"
    times: int = 1
    skip: int = 0
    preset: str | None = None
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: float | None = None
    truncate: float | None = None
    reset: bool = False
    redirect: str | None = None
    gzip: bool = False
    no_content_type: bool = False
    no_length: bool = False
    drip_s: float = 0.0
    filler_bytes: int = 0

    def __post_init__(self) -> None:
        if self.preset is not None and self.preset not in self.presets:
            raise ValueError(f"preset is {self.preset!r}, must be one of {', '.join(self.presets)}")
        if self.times < 1 or min(self.skip, self.delay_s, self.drip_s, self.filler_bytes) < 0:
            raise ValueError("times must be 1 or more; skip, delay_s, drip_s and filler_bytes 0 or more")
        for name, part in (("cut", self.cut), ("truncate", self.truncate)):
            if part is not None and not 0 <= part < 1:
                raise ValueError(f"{name} is {part}, must be 0 or more and less than 1")


@dataclass(slots=True)
class _Entry:
    fault: Fault
    skip: int
    left: int


class FaultScript:
    """Faults in order. Each request takes the first fault that waits for its path and is not used up."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._entries = [_Entry(fault, fault.skip, fault.times) for fault in faults]
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Append a fault while the server runs."""
        with self._lock:
            self._entries.append(_Entry(fault, fault.skip, fault.times))

    def take(self, path: str) -> Fault | None:
        """The fault for a request of this path, used up by one; None if there is none."""
        with self._lock:
            for entry in self._entries:
                if not entry.left or not fnmatch.fnmatchcase(path, entry.fault.path):
                    continue
                if entry.skip:
                    entry.skip -= 1
                    return None
                entry.left -= 1
                return entry.fault
        return None

    @property
    def left(self) -> int:
        """How many requests are still to be spoilt."""
        with self._lock:
            return sum(entry.left for entry in self._entries)


def load_faults(path: Path, kind: type[Fault] = Fault) -> list[Fault]:
    """Faults from a JSON file: a list of objects with the attributes of `kind`.

    Raises:
        ValueError: the file is not such a list; the message names the file and the entry.
    """
    return read_faults(path, lambda entry, where: fault_of(entry, kind, where))


def read_faults(path: Path, make: Callable[[object, str], Made]) -> list[Made]:
    """What `make` makes of the entries of a JSON list and of a text that says where each stands.

    Raises:
        ValueError: the file holds no list, or as `make`.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if isinstance(entries, list):
        return [make(entry, f"{path}: fault {number}") for number, entry in enumerate(entries, start=1)]
    raise ValueError(f"{path}: must hold a list of faults, holds a {type(entries).__name__}")


def fault_of(entry: object, kind: Callable[..., Made], where: str) -> Made:
    """A fault, a dataclass of this kind, from a JSON object.

    Raises:
        ValueError: the entry is none; the message begins with `where`.
    """
    known = {f.name for f in fields(cast(type[Fault], kind))}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        odd = ", ".join(sorted(entry.keys() - known)) if isinstance(entry, dict) else repr(entry)
        raise ValueError(f"{where}: {odd} is not known; a fault is an object with some of {', '.join(sorted(known))}")
    try:
        return kind(**entry)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
