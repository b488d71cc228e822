"""What a registry says, as canonical JSON: the form that its version names and the store keeps, and the way back.

The form holds every field of the model, defaults filled in and candidates files resolved. Comments, the order of keys
and the file's name do not count. Raise `FORMAT` when a field changes its meaning or goes; a field that is added with
a default needs no new number, and marked `LEFT_OUT` leaves the version of registries that do not use it as it was.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import date
from typing import Any, TypeVar

import msgspec

from elec_assets.domain.registry import LEFT_OUT, Election, Registry

FORMAT = 1
T = TypeVar("T")


class ContentUnreadable(ValueError):
    """These bytes are not a registry that this program can read; the text says why and what to do."""


class _Header(msgspec.Struct):
    format: int


class _Content(msgspec.Struct):
    elections: dict[str, Election]


def registry_of(elections: Mapping[str, Election], source: str) -> Registry:
    """The registry of these elections; its version is the first 12 hex digits of the sha256 of its content."""
    content = content_of(elections)
    return Registry(elections, _version(content.encode()), source, content)


def content_of(elections: Mapping[str, Election]) -> str:
    """What the elections say, as canonical JSON: `{"elections": {...}, "format": 1}`."""
    plain = {"format": FORMAT, "elections": _plain(elections)}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_content(data: bytes, version: str) -> dict[str, Election]:
    """The inverse of `content_of`: the elections that a kept version holds.

    Raises:
        ContentUnreadable: the bytes are not those of this version, or a newer program wrote them in another form.
    """
    written = _decoded(data, _Header).format
    if written > FORMAT:
        raise ContentUnreadable(f"format {written}, this program reads up to {FORMAT}; upgrade")
    if _version(data) != version:
        raise ContentUnreadable(f"not what version {version} was (their sha256 differs); restore it from a backup")
    return _decoded(data, _Content).elections


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise ContentUnreadable(f"not a registry ({error}); restore it from a backup") from error


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name)) for field in fields(value) if not _left_out(value, field)
        }
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def _left_out(value: object, field: Field[Any]) -> bool:
    return field.metadata == LEFT_OUT and getattr(value, field.name) == field.default
