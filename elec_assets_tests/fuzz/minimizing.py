"""A smaller input that fails in the same way: pieces are taken out, large ones first, while the failure stays."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

# Of a message, so that the same failure with other values in it counts as the same.
_ALIKE = 24


def minimized(data: bytes, check: Callable[[bytes], None], seconds: float) -> bytes:
    """The smallest input found in so many seconds; the data itself where it does not fail here.

    (Under atheris everything takes longer: what took too long there may not here.)
    """
    wanted = failure(check, data)
    if wanted is None:
        return data
    end = time.monotonic() + seconds
    size = len(data)
    while size >= 1 and time.monotonic() < end:
        shorter = _without(data, size, lambda d: failure(check, d) == wanted, end)
        if len(shorter) == len(data):
            size //= 2
        data = shorter
    return data


def failure(check: Callable[[bytes], None], data: bytes) -> str | None:
    """How a check fails, in a few words; None where it does not."""
    try:
        check(data)
    except Exception as error:  # noqa: BLE001 - whatever a reader raises is what is looked for
        return f"{type(error).__name__}: {str(error)[:_ALIKE]}"
    return None


def _without(data: bytes, size: int, same: Callable[[bytes], bool], end: float) -> bytes:
    """The data without as many pieces of this size as can go."""
    at = 0
    while at < len(data) and time.monotonic() < end:
        tried = data[:at] + data[at + size :]
        if same(tried):
            data = tried
        else:
            at += max(1, size // 2)
    return data


def main(name: str, path: str, seconds: str) -> None:
    """Replace an input by a smaller one that fails alike, and say how it fails."""
    from elec_assets_tests.fuzz.targets import TARGETS

    file, check = Path(path), TARGETS[name].run
    data = minimized(file.read_bytes(), check, float(seconds))
    file.write_bytes(data)
    sys.stdout.write(f"{failure(check, data)}\n{data[:500]!r}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
