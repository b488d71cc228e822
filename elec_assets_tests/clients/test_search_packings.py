"""What an edit of words leaves of the hours that search has filled: what was asked then, until it is asked anew."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain import layout
from elec_assets.domain.layout import CountsAnswer
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Candidate, DatedStatus, Election, Registry
from elec_assets.domain.registry_content import registry_of
from elec_assets.domain.rules import search_queries
from elec_assets.domain.windows import HOUR as ONE_HOUR
from elec_assets.domain.windows import Grain, iso, window_at
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.search_coverage import query_id
from elec_assets.transforms.volume import hour_volume
from elec_assets_tests.clients.complying import build, complied
from elec_assets_tests.clients.hours import HOUR, Clock, election, objects, search_fill, table

Serve = Callable[..., XServer]
Edit = Callable[[Election], Election]
FIRST = registry_of({"xx_2027": election()}, "candidates.yaml")
AFTER = HOUR.end + timedelta(days=3)


def of(*elections: Election) -> Registry:
    return registry_of({each.key: each for each in elections}, "candidates.yaml")


def sealer(store: Store, fill: SearchFill | None, registry: Registry, query_limit: int = 1024) -> HourSealer:
    return HourSealer(
        election=registry.elections["xx_2027"],
        registry_version=registry.version,
        store=store,
        fill=fill,
        query_limit=query_limit,
    )


def person(key: str, **fields: Any) -> Edit:  # noqa: ANN401 - fields of Candidate
    """The edit of a candidate; a new one where there is none of this key."""

    def edit(before: Election) -> Election:
        known = before.candidates.get(key, Candidate(key, "Zoé Nouvelle", (DatedStatus(1),)))
        return replace(before, candidates={**before.candidates, key: replace(known, **fields)})

    return edit


WORDS = {
    "a term added": person("person0", terms=("sigle0", "autre")),
    "a term taken out": person("person0", terms=()),
    "an account added": person("person0", accounts=("Compte_0", "Compte_9")),
    "a word excluded": person("person0", exclude=("loto",)),
    "a language taken out": lambda before: replace(before, languages=("fr",)),
    "a person who comes later": person("person9", since=HOUR.end + timedelta(days=1)),
}


@pytest.fixture(scope="module")
def prepared(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All objects of a store in which search has filled the hour: made once."""
    clock = Clock(HOUR.end + timedelta(hours=20), timedelta(milliseconds=1))
    store = open_store((tmp_path_factory.mktemp("prepared") / "store").as_uri())
    RegistryHistory(store).admit(FIRST, HOUR.start)
    with start_x(scene=world, clock=clock) as server:
        sealed = sealer(store, search_fill(store, server, clock), FIRST).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.row.filled_s) == (Outcome.OK, 3600)
    return objects(store) | objects(store, "state/")


@pytest.fixture
def first(local: Store, prepared: dict[str, bytes]) -> Registry:
    """The registry in force, by which the hour was filled by search."""
    for key, data in prepared.items():
        local.create(key, data)
    return FIRST


def edited(store: Store, *edits: Edit, now: datetime = AFTER) -> Registry:
    """The registry after edits, in force; an edit of the past is accepted."""
    changed = election()
    for edit in edits:
        changed = edit(changed)
    registry = of(changed)
    history = RegistryHistory(store)
    if history.accept(registry, now, "for the test") is None:
        history.admit(registry, now)
    return registry


def row_of(store: Store) -> HourCoverage:
    row = TweetArchive(store, "xx_2027").coverage(HOUR)
    assert row is not None
    return row


@pytest.mark.parametrize("edit", WORDS.values(), ids=WORDS)
def test_an_edit_of_words_makes_no_gap_of_what_was_asked_before(local: Store, first: Registry, edit: Edit) -> None:
    """Weeks after an edit, compliance sealed an hour again that search had filled, by today's queries alone.

    No stored answer was to one of them: `ok` became `partial`, 3,600 s missed, for every candidate.
    """
    before = row_of(local)
    registry = edited(local, edit)
    sealed = sealer(local, None, registry).seal(HOUR)
    after = row_of(local)
    assert (after.outcome, after.filled_s, after.missed_s, after.reason) == (Outcome.OK, 3600, 0, None)
    assert (after.rows, after.raw_objects) == (before.rows, before.raw_objects)
    assert first.version != registry.version
    volume = hour_volume(registry.elections["xx_2027"], HOUR, sealed.frame, after)
    assert volume.filter(kind="original")["posts"].null_count() == 0


@pytest.mark.usefixtures("first")
def test_a_compliance_run_after_an_edit_keeps_the_volume_of_the_week(local: Store, serve: Serve, clock: Clock) -> None:
    """`twitter_volume` was built again with null posts for all candidates, though nothing was lost but one post."""
    build(local)
    gone = table(local)["tweet_id"][-1]
    registry = edited(local, WORDS["a term added"])
    server = serve()
    server.compliance.fates = {gone: "deleted"}
    changes = {"election": registry.elections["xx_2027"], "registry_version": registry.version}
    done = complied(local, server.url, clock, **changes)
    assert done.redacted.hours == ["2027-02-01-18:00"]
    assert gone not in table(local)["tweet_id"].to_list()
    assert done.redacted.files == [("twitter", "2027-02-01"), ("twitter_volume", "2027-02-01")]
    volume = pl.read_parquet(io.BytesIO(local.get("xx_2027/weekly/twitter_volume/2027_05.parquet")))
    of_hour = volume.filter(pl.col("kind") == "original", pl.col("hour") == HOUR.start)
    assert of_hour.height == len(registry.elections["xx_2027"].candidates)
    assert of_hour["posts"].null_count() == 0
    assert set(of_hour["covered_s"]) == {3600}


def test_words_that_make_one_query_more_leave_the_others_answers(local: Store, serve: Serve, clock: Clock) -> None:
    """All stored answers are to queries of today then, and one query of today has none."""
    before = of(election())
    RegistryHistory(local).admit(before, HOUR.start)
    sealer(local, search_fill(local, serve(), clock), before, 200).seal(HOUR)
    long = person("person0", terms=("sigle0", "mot " * 44))
    after = edited(local, long)
    old, new = (search_queries(r.elections["xx_2027"], HOUR.start, 200) for r in (before, after))
    assert set(old) < set(new)
    sealer(local, None, after, 200).seal(HOUR)
    assert row_of(local).filled_s == 3600


def test_todays_words_are_asked_once_where_x_may_be_asked(
    local: Store, serve: Serve, clock: Clock, first: Registry
) -> None:
    registry = edited(local, WORDS["a term added"])
    server = serve()
    for _ in range(2):
        sealer(local, search_fill(local, server, clock), registry).seal(HOUR)
        row = row_of(local)
        assert (row.outcome, row.filled_s) == (Outcome.OK, 3600)
    asked = [r.params["query"] for r in server.requests if "next_token" not in r.params]
    assert asked == list(search_queries(registry.elections["xx_2027"], HOUR.start, 1024))
    assert asked != list(search_queries(first.elections["xx_2027"], HOUR.start, 1024))


@pytest.mark.usefixtures("first")
def test_todays_words_refused_leave_what_was_asked_before(local: Store, serve: Serve, clock: Clock) -> None:
    before = table(local)
    registry = edited(local, WORDS["a person who comes later"], WORDS["an account added"])
    server = serve(faults=[Fault(preset="unauthorized", times=9)])
    sealer(local, search_fill(local, server, clock), registry).seal(HOUR)
    assert len(server.requests) == 1
    assert (row_of(local).outcome, row_of(local).filled_s) == (Outcome.OK, 3600)
    assert table(local).equals(before)


@pytest.mark.usefixtures("first")
def test_time_that_no_words_have_answered_stays_missed_with_its_cause(local: Store, serve: Serve, clock: Clock) -> None:
    """Half an hour of another hour: refused after the first page, then the words are edited."""
    other = replace(HOUR, start=HOUR.end, end=HOUR.end + ONE_HOUR)
    before = of(election())
    server = serve(faults=[Fault(preset="unauthorized", skip=1, times=9)])
    told = sealer(local, search_fill(local, server, clock), before).seal(other).row
    assert told is not None
    assert 0 < told.missed_s < 3600
    after = sealer(local, None, edited(local, WORDS["a term added"])).seal(other).row
    assert after is not None
    assert (after.outcome, after.missed, after.reason) == (Outcome.REFUSED, told.missed, told.reason)


@pytest.mark.usefixtures("first")
def test_what_x_counts_of_words_that_nobody_asked_for_is_no_hole(local: Store) -> None:
    """X counts by today's words; the hour holds what the old ones found, which may be less, and is not compared."""
    registry = edited(local, WORDS["a term added"])
    (query,) = search_queries(registry.elections["xx_2027"], HOUR.start, 1024)
    starts = [HOUR.start + timedelta(minutes=number) for number in range(60)]
    told = [{"start": iso(at), "end": iso(at + timedelta(minutes=1)), "tweet_count": 10**6} for at in starts]
    answer = CountsAnswer("xx_2027", window_at(HOUR.start, Grain.DAY).start, AFTER, query_id(query))
    local.create(answer.key, packed(json.dumps({"data": told}).encode()))
    sealed = sealer(local, None, registry).seal(HOUR)
    assert (row_of(local).outcome, row_of(local).counted, sealed.findings) == (Outcome.OK, None, [])


@pytest.mark.usefixtures("first")
def test_answers_that_did_not_ask_for_somebody_say_nothing_about_them(local: Store) -> None:
    """A person added to the past, which takes a reason: nobody asked for them, and silence would be a lie."""
    sealer(local, None, edited(local, person("person9"))).seal(HOUR)
    assert (row_of(local).outcome, row_of(local).filled_s) == (Outcome.PARTIAL, 0)


@pytest.mark.usefixtures("first")
def test_a_person_taken_out_of_the_past_leaves_the_answers_about_the_others(local: Store) -> None:
    sealer(local, None, edited(local, person("person3", status=(DatedStatus(-1),)))).seal(HOUR)
    assert (row_of(local).outcome, row_of(local).filled_s) == (Outcome.OK, 3600)


@pytest.mark.parametrize("kept", [None, b"", b'{"elections":{},"format":1}', b'{"elections":{},"format":99}'])
def test_a_version_that_nobody_can_read_any_more_is_left_out(local: Store, first: Registry, kept: bytes | None) -> None:
    """As is one of a damaged sidecar: what cannot be known to have been asked was not."""
    registry = edited(local, WORDS["a term added"])
    key = layout.registry_version(first.version)
    if kept is None:
        local.delete(key)
    else:
        local.put(key, kept)
    sealer(local, None, registry).seal(HOUR)
    assert (row_of(local).outcome, row_of(local).filled_s) == (Outcome.PARTIAL, 0)


def test_a_version_without_the_election_or_with_a_strange_name_is_none(local: Store) -> None:
    registry = of(election(key="yy_2027"))
    RegistryHistory(local).admit(registry, HOUR.start)
    history = RegistryHistory(local)
    assert history.election(registry.version, "yy_2027") == registry.elections["yy_2027"]
    assert history.election(registry.version, "xx_2027") is None
    assert [history.election(name, "yy_2027") for name in ("", "../x", "history/000001", "0" * 12)] == [None] * 4


def test_the_history_is_read_once_a_version_and_not_where_todays_words_have_answered(
    local: Store, first: Registry
) -> None:
    reads = _Reads(local)
    sealer(reads, None, first).seal(HOUR)
    assert reads.versions == []
    registry = edited(local, WORDS["a term added"])
    work = sealer(reads, None, registry)
    for _ in range(2):
        work.seal(HOUR)
    assert reads.versions == [layout.registry_version(first.version)]


class _Reads(Store):
    """A store that notes which versions of the registry are looked for."""

    def __init__(self, store: Store) -> None:
        self.__dict__.update(store.__dict__)
        self.versions: list[str] = []

    def find(self, key: str) -> bytes | None:
        if key.startswith("state/registry/"):
            self.versions.append(key)
        return super().find(key)


@pytest.mark.usefixtures("first")
def test_the_same_hour_sealed_twice_after_an_edit_is_the_same_bytes(local: Store) -> None:
    registry = edited(local, WORDS["a term added"])
    sealer(local, None, registry).seal(HOUR)
    once = objects(local)
    sealer(local, None, registry).seal(HOUR)
    assert objects(local) == once
