"""Refuses every address but this machine's own, in each Python process whose PYTHONPATH begins with this folder.

Python imports `sitecustomize` before any program, so the guard is there before the first socket is. It hears what goes
through the `socket` module; sockets of C, C++ and Rust libraries it does not: see `kernel_watch.py`. Each attempt is
appended, as a line of JSON, to the file that LOOPBACK_LOG names. A `sitecustomize` that this one hides is run after.
"""

import errno
import ipaddress
import json
import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

# Not ELEC_...: the demo drops those from its children's environment.
_LOG = "LOOPBACK_LOG"
_ADDRESSED = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
_NAMED = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
# Neither leaves the machine: sockets of other families are unix sockets, netlink and the like.
_INTERNET = ("AF_INET", "AF_INET6")


def _is_here(host: object) -> bool:
    """Whether a host, by name or number, is this machine; None and "" stand for it where something is bound."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _heard(event: str, args: tuple[object, ...]) -> None:
    if event in _NAMED:
        _judge(event, args[0])
    elif event in _ADDRESSED:
        family = getattr(getattr(args[0], "family", None), "name", "")
        address = args[1]
        if address is None:  # a connected socket: judged when it was connected
            return
        if family not in _INTERNET or not isinstance(address, tuple):
            _append({"event": event, "host": str(address), "refused": False})
        elif event == "socket.bind" and address[0] == "":
            _judge(event, "0.0.0.0")  # noqa: S104  # what "" means: open to everyone, so refused
        else:
            _judge(event, address[0])


def _judge(event: str, host: object) -> None:
    refused = not _is_here(host)
    _append({"event": event, "host": str(host), "refused": refused})
    if refused:
        raise OSError(errno.ENETUNREACH, f"refused by the loopback guard of the tests: {event} {host!r}")


def _append(entry: dict[str, object]) -> None:
    path = os.environ.get(_LOG)
    if not path:
        return
    line = json.dumps({"pid": os.getpid(), **entry}) + "\n"
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(log, line.encode())  # one write with O_APPEND: lines of several processes do not mix
    finally:
        os.close(log)


def _run_hidden() -> None:
    """Run the `sitecustomize` that Python would have found without this folder."""
    here = Path(__file__).resolve().parent
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    _append({"event": "loaded", "host": " ".join(sys.orig_argv)[:200], "refused": False})
    sys.addaudithook(_heard)
    _run_hidden()
