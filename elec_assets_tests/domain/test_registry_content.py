"""What a version of the registry is kept as, and that it is read back as it was."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings

from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.registry import Election
from elec_assets.domain.registry_content import FORMAT, ContentUnreadable, content_of, read_content, registry_of
from elec_assets_tests.domain.registries import WHOLE_REGISTRIES

REPOSITORY = Path(__file__).parents[2]


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


@settings(deadline=None, max_examples=20)
@given(WHOLE_REGISTRIES)
def test_what_is_kept_is_read_back_as_it_was(elections: dict[str, Election]) -> None:
    registry = registry_of(elections, "candidates.yaml")
    read = read_content(registry.content.encode(), registry.version)
    assert read == elections
    assert content_of(read) == registry.content


def test_the_shipped_registry_is_read_back_as_it_was() -> None:
    registry = load_registry(REPOSITORY / "candidates.yaml")
    read = read_content(registry.content.encode(), registry.version)
    assert read == registry.elections
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    assert all(read[key].as_of(moment) == e.as_of(moment) for key, e in registry.elections.items())
    assert all(e.calendar.collect_from.tzinfo is UTC for e in read.values())


@settings(deadline=None, max_examples=10)
@given(WHOLE_REGISTRIES)
def test_the_version_is_that_of_the_content_and_not_of_its_order(elections: dict[str, Election]) -> None:
    registry = registry_of(elections, "a.yaml")
    turned = {
        key: replace(e, candidates=dict(sorted(e.candidates.items(), reverse=True)))
        for key, e in sorted(elections.items(), reverse=True)
    }
    assert registry_of(turned, "b.yaml").version == registry.version == named(registry.content.encode())


def test_other_bytes_than_those_of_the_version_are_refused() -> None:
    """A version says what it holds: a damaged or exchanged object is not taken for it."""
    registry = load_registry(REPOSITORY / "candidates.yaml")
    changed = registry.content.replace('"value":1', '"value":0', 1).encode()
    with pytest.raises(ContentUnreadable, match=f"not what version {registry.version} was"):
        read_content(changed, registry.version)


def test_a_version_of_a_newer_program_is_refused_clearly() -> None:
    data = json.dumps({"format": FORMAT + 1, "people": {}}).encode()
    with pytest.raises(ContentUnreadable, match=r"^format 2, this program reads up to 1; upgrade$"):
        read_content(data, named(data))


def test_fields_that_a_newer_program_added_are_passed_over() -> None:
    registry = load_registry(REPOSITORY / "candidates.yaml")
    plain = json.loads(registry.content)
    for election in plain["elections"].values():
        election["motto"] = {"of": ["the", "day"]}
        for person in election["candidates"].values():
            person["shoe_size"] = 42
    data = json.dumps(plain).encode()
    assert read_content(data, named(data)) == registry.elections


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b'{"format":1}', b'{"format":1,"elections":{"a":{}}}', b"[" * 100_000]
)
def test_what_is_no_registry_is_refused_with_one_sentence(data: bytes) -> None:
    with pytest.raises(ContentUnreadable, match=r"not a registry .*; restore it from a backup"):
        read_content(data, named(data))
