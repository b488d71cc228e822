"""Which version is in force: kept, numbered, never overwritten; an edit of the past is refused unless accepted."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from elec_assets.clients.registry_history import (
    Admission,
    HistoryUnreadable,
    PastRewritten,
    RegistryHistory,
)
from elec_assets.clients.store import ObjectInfo, Store, StoreError
from elec_assets.domain import layout
from elec_assets.domain.registry import Candidate, DatedStatus, Election, Registry
from elec_assets.domain.registry_content import read_content, registry_of
from elec_assets.domain.registry_history import PastChange, past_changes
from elec_assets.domain.windows import Window
from elec_assets_tests.clients.hours import election

START = datetime(2027, 1, 4, tzinfo=UTC)
NOW = datetime(2027, 2, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND = NOW.replace(microsecond=0)
DAY = timedelta(days=1)
FIRST = "state/registry/history/000001.json"
SECOND_KEY = "state/registry/history/000002.json"


def registry(**edits: dict[str, object] | None) -> Registry:
    """The registry of the tests with fields of candidates changed; None leaves a candidate out."""
    people = dict(election().candidates)
    for key, fields in edits.items():
        if fields is None:
            del people[key]
        else:
            people[key] = replace(people.get(key, Candidate(key, f"New {key}", (DatedStatus(1),))), **fields)  # type: ignore[arg-type]  # fields by name
    return of(election(candidates=people))


def of(*elections: Election) -> Registry:
    return registry_of({e.key: e for e in elections}, "candidates.yaml")


ORIGINAL = registry()
LATER = registry(person1={"until": SECOND + DAY})
REWRITTEN = registry(person1=None)


@pytest.fixture
def history(local: Store) -> RegistryHistory:
    return RegistryHistory(local)


def kept(store: Store) -> dict[str, bytes]:
    return {info.key: store.get(info.key) for info in store.list("state/registry/")}


def admissions(store: Store) -> list[Admission]:
    found = [store.get(info.key) for info in store.list("state/registry/history/")]
    return [msgspec.json.decode(data, type=Admission) for data in found]


# Admitting


def test_the_first_registry_comes_into_force_and_is_kept(local: Store, history: RegistryHistory) -> None:
    assert history.in_force() is None
    admission = history.admit(ORIGINAL, NOW)
    assert (admission.number, admission.version, admission.previous) == (1, ORIGINAL.version, None)
    assert admission.admitted_at == SECOND
    objects = kept(local)
    assert set(objects) == {FIRST, layout.registry_version(ORIGINAL.version)}
    assert read_content(objects[layout.registry_version(ORIGINAL.version)], ORIGINAL.version) == ORIGINAL.elections
    assert json.loads(objects[FIRST])["format"] == 1


def test_admitting_again_writes_nothing_and_says_the_same(local: Store, history: RegistryHistory) -> None:
    first = history.admit(ORIGINAL, NOW)
    before = kept(local)
    assert history.admit(ORIGINAL, NOW + DAY) == first == history.in_force()
    assert kept(local) == before


def test_an_edit_of_the_future_comes_into_force(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    before = kept(local)
    admission = history.admit(LATER, NOW)
    assert (admission.number, admission.version, admission.previous) == (2, LATER.version, ORIGINAL.version)
    assert (admission.changes, admission.reason) == ((), None)
    assert {k: v for k, v in kept(local).items() if k in before} == before
    # And back, as long as its date has not come.
    assert history.admit(ORIGINAL, NOW + DAY / 2).number == 3


def test_an_edit_of_the_past_is_refused_and_named(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    before = kept(local)
    with pytest.raises(PastRewritten) as refused:
        history.admit(REWRITTEN, NOW)
    assert refused.value.changes == (PastChange("xx_2027", "person1", Window(START, SECOND), was_followed=True),)
    for told in (
        "candidates.yaml",
        REWRITTEN.version,
        ORIGINAL.version,
        "xx_2027: person1 was followed from 2027-01-04T00:00:00Z to 2027-02-01T12:00:00Z, and would not be",
        "since, until, or status",
        "elec candidates accept --reason",
    ):
        assert told in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(PastRewritten):
        history.check(REWRITTEN, NOW)
    assert kept(local) == before


def test_all_changes_of_an_edit_are_named(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    edited = registry(person0={"until": START + DAY}, person2=None, person3=None, new={})
    with pytest.raises(PastRewritten) as refused:
        history.admit(edited, NOW)
    assert [(c.candidate, c.was_followed) for c in refused.value.changes] == [
        ("new", False),
        ("person0", True),
        ("person2", True),
        ("person3", True),
    ]
    assert "person2, person3 were followed from" in str(refused.value)


def test_an_edit_whose_date_has_come_meanwhile_is_refused(history: RegistryHistory) -> None:
    """Up to its date, the version in force said otherwise, and hours were sealed by it."""
    history.admit(ORIGINAL, NOW)
    history.check(LATER, NOW + DAY)
    with pytest.raises(PastRewritten, match="2027-02-02T12:00:00Z to 2027-02-02T12:00:02Z"):
        history.check(LATER, NOW + DAY + timedelta(seconds=2))


def test_a_clock_set_back_does_not_open_the_past(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    with pytest.raises(PastRewritten):
        history.admit(registry(person1={"until": NOW - DAY}), NOW - 10 * DAY)


def test_edited_terms_are_admitted_and_told_as_long_as_the_version_is_in_force(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    edited = registry(person1={"terms": ("autre",)}, person2={"accounts": ()})
    admission = history.admit(edited, NOW)
    assert [s.candidate for s in admission.searched_otherwise] == ["person1", "person2"]
    assert history.admit(edited, NOW + DAY) == admission


# Accepting


def test_an_accepted_edit_is_in_force_with_changes_reason_and_time(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    before = kept(local)
    accepted = history.accept(REWRITTEN, NOW + DAY, "  never\n declared ")
    assert accepted is not None
    assert (accepted.previous, accepted.version) == (ORIGINAL.version, REWRITTEN.version)
    assert accepted.reason == "never declared"
    assert accepted.admitted_at == SECOND + DAY
    assert accepted.changes == (PastChange("xx_2027", "person1", Window(START, SECOND + DAY), was_followed=True),)
    assert history.in_force() == accepted == history.admit(REWRITTEN, NOW + 2 * DAY)
    after = kept(local)
    assert set(after) - set(before) == {SECOND_KEY, layout.registry_version(REWRITTEN.version)}
    assert {key: after[key] for key in before} == before


def test_accepting_covers_this_edit_only(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    history.accept(REWRITTEN, NOW, "never declared")
    for other in (registry(person1=None, person2=None), ORIGINAL):
        with pytest.raises(PastRewritten):
            history.admit(other, NOW)
    # Back and forth is two edits of the past, each with its reason.
    history.accept(ORIGINAL, NOW, "she had declared")
    with pytest.raises(PastRewritten):
        history.admit(REWRITTEN, NOW)


@pytest.mark.parametrize("edited", [ORIGINAL, LATER, registry(person1={"terms": ("autre",)})])
def test_nothing_to_accept_writes_nothing(local: Store, history: RegistryHistory, edited: Registry) -> None:
    assert history.accept(edited, NOW, "why") is None
    assert local.list("state/registry/") == []
    history.admit(ORIGINAL, NOW)
    before = kept(local)
    assert history.accept(edited, NOW, "why") is None
    assert kept(local) == before


def test_a_reason_must_say_something(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    with pytest.raises(ValueError, match="reason is empty"):
        history.accept(REWRITTEN, NOW, " \n")
    assert history.in_force() == history.admit(ORIGINAL, NOW)


# Elections that come and go


def test_a_new_election_with_a_past_is_admitted(history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    assert history.admit(of(election(), election(key="yy_2022")), NOW).number == 2


def test_an_election_that_is_taken_out_comes_back_to_the_past_it_left(history: RegistryHistory) -> None:
    """Two steps must not do what one may not: out with a reason, and in again with other people."""
    other = election(key="yy_2022")
    history.admit(of(election(), other), NOW)
    with pytest.raises(PastRewritten, match="yy_2022: person0, person1, person2, person3 were followed"):
        history.admit(of(election()), NOW)
    gone = history.accept(of(election()), NOW, "not ours")
    assert gone is not None
    assert set(gone.absent) == {"yy_2022"}
    assert history.admit(of(replace(election(), name="Renamed")), NOW).absent == gone.absent
    less = {k: c for k, c in other.candidates.items() if k != "person3"}
    with pytest.raises(PastRewritten, match="yy_2022: person3 was followed"):
        history.admit(of(election(), replace(other, candidates=less)), NOW)
    assert history.admit(of(election(), other), NOW).absent == {}


# Crashes and races


class Crashing(Store):
    """Raises instead of the nth write, or right after it."""

    def __init__(self, inner: Store, at: int, *, after: bool) -> None:
        self._inner, self._at, self._after, self.writes = inner, at, after, 0
        self.url = inner.url

    def get(self, key: str) -> bytes:
        return self._inner.get(key)

    def list(self, prefix: str) -> list[ObjectInfo]:
        return self._inner.list(prefix)

    def put(self, key: str, data: bytes) -> None:
        raise AssertionError(f"{key} would be overwritten with {len(data)} bytes")

    def create(self, key: str, data: bytes) -> None:
        self.writes += 1
        if self.writes == self._at and not self._after:
            raise StoreError("killed before a write")
        self._inner.create(key, data)
        if self.writes == self._at and self._after:
            raise StoreError("killed after a write")


def admit_later(held: RegistryHistory) -> None:
    held.admit(LATER, NOW)


def accept_rewritten(held: RegistryHistory) -> None:
    held.accept(REWRITTEN, NOW, "why")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize(("act", "new"), [(admit_later, LATER), (accept_rewritten, REWRITTEN)])
def test_a_crash_at_any_write_leaves_the_old_or_the_new_version_in_force(
    local: Store, act: Callable[[RegistryHistory], None], new: Registry, at: int, after: bool
) -> None:
    history = RegistryHistory(local)
    history.admit(ORIGINAL, NOW)
    with pytest.raises(StoreError, match="killed"):
        act(RegistryHistory(Crashing(local, at, after=after)))
    held = history.in_force()
    assert held is not None
    assert held.version == (new if (at, after) == (2, True) else ORIGINAL).version
    act(history)  # run again, and it is done
    assert [a.version for a in admissions(local)] == [ORIGINAL.version, new.version]
    assert len(local.list("state/registry/")) == 4
    whole = Crashing(local, 99, after=True)
    act(RegistryHistory(whole))
    assert whole.writes == 0


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_a_crash_of_the_very_first_admission_is_mended_by_the_next(local: Store, at: int, after: bool) -> None:
    with pytest.raises(StoreError, match="killed"):
        RegistryHistory(Crashing(local, at, after=after)).admit(ORIGINAL, NOW)
    assert RegistryHistory(local).admit(ORIGINAL, NOW).number == 1
    assert len(kept(local)) == 2


class Overtaken(Crashing):
    """Just before the admission is written, somebody else does something."""

    def __init__(self, inner: Store, act: Callable[[], object]) -> None:
        super().__init__(inner, 99, after=True)
        self._act: Callable[[], object] | None = act

    def create(self, key: str, data: bytes) -> None:
        if self._act is not None and layout.parse_registry_admission(key):
            act, self._act = self._act, None
            act()
        super().create(key, data)


def test_one_who_is_overtaken_compares_with_what_is_in_force_then(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    late = RegistryHistory(Overtaken(local, lambda: history.accept(REWRITTEN, NOW, "why")))
    with pytest.raises(PastRewritten, match=r"person1 was not followed .* and would be"):
        late.admit(LATER, NOW)
    assert [a.version for a in admissions(local)] == [ORIGINAL.version, REWRITTEN.version]


def test_two_who_bring_the_same_version_agree(local: Store, history: RegistryHistory) -> None:
    late = RegistryHistory(Overtaken(local, lambda: history.admit(ORIGINAL, NOW)))
    assert late.admit(ORIGINAL, NOW + DAY).admitted_at == SECOND
    twice = RegistryHistory(Overtaken(local, lambda: history.accept(REWRITTEN, NOW, "one")))
    assert twice.accept(REWRITTEN, NOW, "other") is None
    assert [a.reason for a in admissions(local)] == [None, "one"]


def test_many_at_once_make_one_chain(local: Store) -> None:
    """Every admission was compared with the one just before it, whoever wrote that."""
    versions = [registry(person1={"until": NOW + DAY * n}) for n in range(1, 6)]
    versions += [registry(person2={"terms": (f"mot{n}",)}) for n in range(5)]
    history = RegistryHistory(local)
    history.admit(ORIGINAL, NOW)
    failed: list[Exception] = []

    def admit(new: Registry) -> None:
        try:
            history.admit(new, NOW)
        except (PastRewritten, StoreError) as error:
            failed.append(error)

    threads = [threading.Thread(target=admit, args=(new,)) for new in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = admissions(local)
    assert failed == []
    assert [a.number for a in chain] == list(range(1, len(versions) + 2))
    assert {a.version for a in chain[1:]} == {v.version for v in versions}
    for before, after in pairwise(chain):
        assert after.previous == before.version
        held = [read_content(local.get(layout.registry_version(a.version)), a.version) for a in (before, after)]
        assert past_changes(held[0], held[1], NOW) == ()


# What cannot be read


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"format": 2, "generation": 7}', "format 2, this program reads up to 1; upgrade"),
        (b"{", "not an admission of the registry"),
        (b"\xff", "not an admission of the registry"),
        (b'{"format": 1}', "not an admission of the registry"),
        (b"[" * 100_000, "not an admission of the registry"),
    ],
)
def test_an_admission_that_cannot_be_read_stops_everything_and_is_named(
    local: Store, history: RegistryHistory, data: bytes, told: str
) -> None:
    history.admit(ORIGINAL, NOW)
    local.create(SECOND_KEY, data)
    before = kept(local)
    for act in (history.in_force, lambda: history.admit(LATER, NOW), lambda: history.accept(LATER, NOW, "why")):
        with pytest.raises(HistoryUnreadable, match=f"^{SECOND_KEY}: {told}"):
            act()
    assert kept(local) == before


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "is missing, and was in force"),
        (b"{", "not a registry"),
        (ORIGINAL.content.replace("person1", "person9").encode(), "their sha256 differs"),
        (b'{"format": 2}', "format 2, this program reads up to 1; upgrade"),
    ],
)
def test_a_kept_version_that_cannot_be_read_refuses_another_and_is_named(
    local: Store, history: RegistryHistory, data: bytes | None, told: str
) -> None:
    history.admit(ORIGINAL, NOW)
    key = layout.registry_version(ORIGINAL.version)
    if data is None:
        local.delete(key)
    else:
        local.put(key, data)
    assert history.admit(ORIGINAL, NOW).number == 1  # in force: nothing to compare
    with pytest.raises(HistoryUnreadable, match=f"^{key}: .*{told}"):
        history.admit(LATER, NOW)
    assert history.in_force() == history.admit(ORIGINAL, NOW)


def test_strangers_in_the_folder_are_passed_over(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    local.put("state/registry/history/notes.txt", b"?")
    local.put("state/registry/history/1.json", b"?")
    held = history.in_force()
    assert held is not None
    assert held.number == 1


def test_objects_that_others_read_have_these_names(local: Store, history: RegistryHistory) -> None:
    history.admit(ORIGINAL, NOW)
    history.accept(REWRITTEN, NOW, "never declared")
    assert json.loads(local.get(SECOND_KEY)) == {
        "format": 1,
        "number": 2,
        "version": REWRITTEN.version,
        "admitted_at": "2027-02-01T12:00:00Z",
        "previous": ORIGINAL.version,
        "searched_otherwise": [],
        "changes": [
            {
                "election": "xx_2027",
                "candidate": "person1",
                "window": {"start": "2027-01-04T00:00:00Z", "end": "2027-02-01T12:00:00Z"},
                "was_followed": True,
            }
        ],
        "reason": "never declared",
        "absent": {},
    }
