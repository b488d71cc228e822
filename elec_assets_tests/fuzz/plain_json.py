"""JSON read with the standard library, and its values judged one by one: the slow reading that decoders are held to.

Written without the project's decoders. Numbers stay as written, so nothing is rounded on the way.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

T = TypeVar("T")
# Longer ones are over 64 bits, and beyond 4,300 digits Python refuses them.
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_ID = re.compile(r"[0-9]{1,19}")
_COUNT = re.compile(r"-?[0-9]{1,19}(\.0+)?")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_LARGEST_EXACT_FLOAT = 2**53


class Bad(Exception):
    """The value is not of the kind that the table needs: its post, or what came along, must be a reject."""


class Unsure(Exception):
    """This reading does not know whether the value can be read: nothing is said about the document."""


@dataclass(frozen=True)
class Written:
    """A number as it was written."""

    text: str


class Document:
    """A JSON text, read leniently. Bytes that are not UTF-8 become surrogates, which no good text holds."""

    def __init__(self, body: bytes) -> None:
        self.twice = False
        text = body.decode("utf-8", "surrogateescape")
        self.value: Any = json.loads(
            text,
            parse_int=Written,
            parse_float=Written,
            parse_constant=_no_constant,
            object_pairs_hook=self._object,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        self.twice = self.twice or len(found) < len(pairs)
        return found


def document(body: bytes) -> Document | None:
    """The document, or None where it is not JSON (or nested too deeply for the standard library)."""
    try:
        return Document(body)
    except (ValueError, RecursionError):
        return None


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def tainted(value: Any) -> bool:  # noqa: ANN401 - a value of JSON
    """Whether a surrogate stands anywhere in it: a decoder may refuse it even where it needs nothing of it."""
    if isinstance(value, dict):
        return any(tainted(key) or tainted(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(tainted, value))
    return isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value)


def record(value: Any) -> dict[str, Any]:  # noqa: ANN401 - a value of JSON
    """An object; null is one without members."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Bad(f"{value!r} is no object")
    return value


def listing(value: Any, read: Callable[[Any], T]) -> list[T]:  # noqa: ANN401 - as above
    """A list of things; null is one without elements."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Bad(f"{value!r} is no list")
    return [read(item) for item in value]


def text(value: Any) -> str | None:  # noqa: ANN401 - as above
    """Text or null; a surrogate is no character."""
    if value is None:
        return None
    if not isinstance(value, str) or tainted(value):
        raise Bad(f"{value!r} is no text")
    return value


def flag(value: Any) -> bool | None:  # noqa: ANN401 - as above
    """True, false or null."""
    if value is not None and not isinstance(value, bool):
        raise Bad(f"{value!r} is no boolean")
    return value


def must(value: T | None) -> T:
    """A value that may not be null."""
    if value is None:
        raise Bad("null")
    return value


def identity(value: Any) -> str | None:  # noqa: ANN401 - as above
    """An id: digits, or a whole number written without fraction or exponent."""
    if isinstance(value, Written):
        if not _INTEGER.fullmatch(value.text) or not 0 <= int(value.text) < 2**63:
            raise Bad(f"{value.text} is no id")
        return str(int(value.text))
    found = text(value)
    if found is not None and not (_ID.fullmatch(found) and found.isascii()):
        raise Bad(f"{found!r} is no id")
    return found


def count(value: Any) -> int | None:  # noqa: ANN401 - as above
    """A whole number of 64 bits, as number or as text."""
    if value is None:
        return None
    if isinstance(value, Written):
        return _number(value.text)
    found = must(text(value))
    if not (_COUNT.fullmatch(found) and found.isascii()):
        raise Bad(f"{found!r} is no count")
    return _within(int(found.partition(".")[0]))


def _number(written: str) -> int:
    if _INTEGER.fullmatch(written):
        return _within(int(written))
    if re.fullmatch(r"-?[0-9]+", written):
        raise Bad("a number over 64 bits")
    exact, rounded = Decimal(written), float(written)
    if abs(rounded) < _LARGEST_EXACT_FLOAT and rounded.is_integer():
        return int(rounded)  # 0.99999999999999999 is 1: no reader of JSON tells them apart
    if exact.is_finite() and exact == exact.to_integral_value() and -(2**63) <= exact < 2**63 and int(exact) == rounded:
        raise Unsure  # exact by luck: to take it is as right as to refuse it
    raise Bad(f"{written} is no count that a float holds exactly")


def _within(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise Bad(f"{number} is over 64 bits")
    return number


def moment(value: Any) -> int | None:  # noqa: ANN401 - as above
    """A time with its offset, in ms since 1970."""
    found = text(value)
    if found is None:
        return None
    match = _TIME.fullmatch(found)
    if match is None or not found.isascii():
        raise Unsure  # other spellings of RFC 3339
    try:
        local = datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC)
    except ValueError:
        raise Bad(f"{found} is no time") from None
    offset = int(match[5] or 0) * 60 + int(match[6] or 0)
    if offset >= 24 * 60 or int(match[6] or 0) > 59:
        raise Bad(f"{found} has no offset")
    since = local - datetime(1970, 1, 1, tzinfo=UTC)
    minutes = timedelta(minutes=-offset if match[4] == "+" else offset)
    micros = timedelta(microseconds=int((match[3] or "0").ljust(6, "0")))
    return (since + minutes + micros) // timedelta(milliseconds=1)
