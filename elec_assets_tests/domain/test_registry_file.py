"""The registry's file form: what it means, and what is said when it is wrong."""

import json
import os
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elec_assets.domain.registry import CapturePlan, DatedStatus, Registry
from elec_assets.domain.registry_file import RESERVED_KEYS, Problem, RegistryInvalid, parse_candidates, parse_registry
from elec_assets.domain.windows import Window
from elec_assets_tests.examples import examples

REPOSITORY = Path(__file__).parents[2]
RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", str(REPOSITORY.parent / "shared" / "data")))
PARIS = ZoneInfo("Europe/Paris")

VALID = """\
elections:
  fr_2027:
    name: French presidential election 2027
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    calendar:
      collect_from: 2026-11-02
      rounds: [2027-04-11, 2027-04-25]
      confirmed: false
      inauguration: 2027-05-13
      blackouts:
        - {from: "2027-04-10 00:00", to: "2027-04-11 20:00"}
      events: [{name: Debate, at: "2027-04-21 21:00", for: 3h}]
    capture: continuous
    candidates:
      ada:
        name: Ada Lovelace
        status: 1
        twitter_account: ["@ada_l", "@Party"]
      grace:
        name: Grace Hopper
        group: Centre
        party: Navy
        status: [{value: 0}, {from: 2026-12-01, value: 1}, {from: "2027-03-20 08:30", value: -1}]
        twitter_account: ["@Party"]
        terms: [COBOL]
        exclude: [a grasshopper]
        since: 2026-11-10
        until: 2027-04-26
        trends: {topic_mid: /m/0abc12, term: Grace Hopper}
        note: said so herself
"""
LINES = VALID.splitlines()


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


def load(text: str, read_file: Callable[[str], str] = no_file) -> Registry:
    return parse_registry(text, "candidates.yaml", read_file)


def problems(text: str, read_file: Callable[[str], str] = no_file) -> tuple[Problem, ...]:
    with pytest.raises(RegistryInvalid) as caught:
        load(text, read_file)
    return caught.value.problems


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1, old
    return VALID.replace(old, new)


def line_of(part: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if part in line)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def test_a_valid_file_means_what_it_says() -> None:
    registry = load(VALID)
    election = registry.elections["fr_2027"]
    calendar = election.calendar
    assert (registry.source, len(registry.version), list(registry.elections)) == ("candidates.yaml", 12, ["fr_2027"])
    assert (election.key, election.country, election.timezone) == ("fr_2027", "FR", "Europe/Paris")
    assert election.languages == ("fr", "en")
    assert calendar.collect_from == datetime(2026, 11, 2, tzinfo=UTC)
    assert calendar.collect_until == datetime(2027, 5, 27, tzinfo=UTC)  # default: inauguration + 14 days
    assert calendar.rounds == (date(2027, 4, 11), date(2027, 4, 25))
    assert (calendar.inauguration, calendar.confirmed) == (date(2027, 5, 13), False)
    # Summer time in Paris since 2027-03-28: two hours ahead of UTC.
    silence = Window(datetime(2027, 4, 9, 22, tzinfo=UTC), datetime(2027, 4, 11, 18, tzinfo=UTC))
    assert calendar.blackouts == (silence,)
    assert calendar.events[0].name == "Debate"
    assert calendar.events[0].window == Window(local("2027-04-21 21:00"), local("2027-04-22 00:00"))
    grace = election.candidates["grace"]
    assert grace.accounts == ("Party",)
    assert (grace.group, grace.party, grace.terms, grace.exclude) == ("Centre", "Navy", ("COBOL",), ("a grasshopper",))
    assert (grace.since, grace.until) == (local("2026-11-10"), local("2027-04-26"))
    assert (grace.trends.topic_mid, grace.trends.term) == ("/m/0abc12", "Grace Hopper")
    assert grace.status == (
        DatedStatus(0),
        DatedStatus(1, datetime(2026, 11, 30, 23, tzinfo=UTC)),
        DatedStatus(-1, datetime(2027, 3, 20, 7, 30, tzinfo=UTC)),
    )


def test_as_of_follows_dated_statuses_and_since() -> None:
    election = load(VALID).elections["fr_2027"]

    def keys(moment: datetime) -> list[str]:
        return [candidate.key for candidate in election.as_of(moment)]

    assert keys(local("2026-11-09 23:59")) == ["ada"]
    assert keys(local("2026-11-10 00:00")) == ["ada", "grace"]
    assert keys(local("2027-03-20 08:29")) == ["ada", "grace"]
    assert keys(local("2027-03-20 08:30")) == ["ada"]


def test_what_may_be_left_out_has_a_default() -> None:
    text = """\
elections:
  be_2030:
    name: Test
    country: BE
    calendar: {collect_from: 2030-01-07, rounds: [2030-02-03], inauguration: 2030-02-10}
    trends: {}
    release:
    candidates: {ada: {name: Ada, status: 0, party: }}
"""
    election = load(text).elections["be_2030"]
    assert (election.timezone, election.languages, election.capture) == ("UTC", (), CapturePlan())
    assert dict(election.areas) == {"be": "BE", "world": ""}
    assert (election.calendar.confirmed, election.calendar.blackouts, election.calendar.events) == (False, (), ())
    assert election.candidates["ada"].accounts == ()
    assert election.candidates["ada"].party is None


@pytest.mark.parametrize(
    ("written", "plan"),
    [
        ("continuous", CapturePlan()),
        ("{slots: 10, seconds: 60}", CapturePlan("slots", slots=10, slot_s=60)),
        ("{slots: 60, seconds: 60}", CapturePlan("slots", slots=60, slot_s=60)),
        ("{every: 1h, for: 10min}", CapturePlan("every", every_s=3600, length_s=600)),
        ("{every: 30min, for: 90s}", CapturePlan("every", every_s=1800, length_s=90)),
    ],
)
def test_capture_plans(written: str, plan: CapturePlan) -> None:
    assert load(changed("capture: continuous", f"capture: {written}")).elections["fr_2027"].capture == plan


def test_norway_is_a_country_and_no_a_language() -> None:
    """YAML 1.1 reads NO as false."""
    election = load(changed("country: FR", "country: NO").replace("[fr, en]", "[no]")).elections["fr_2027"]
    assert (election.country, election.languages) == ("NO", ("no",))


STATUS = "elections.fr_2027.candidates.ada.status"
ONE_WRONG = [
    ("name: French presidential election 2027", "names: x", "elections.fr_2027.names", "did you mean name?"),
    ("country: FR", "country: FRA", "elections.fr_2027.country", "'FRA' is not allowed; use two capital letters"),
    ("country: FR", "weight: 3", "elections.fr_2027.weight", "is not a known key; allowed are name, country"),
    ("timezone: Europe/Paris", "timezone: Europe/Pari", "elections.fr_2027.timezone", "'Europe/Pari' is not a time"),
    ("timezone: Europe/Paris", "timezone: Europe", "elections.fr_2027.timezone", "'Europe' is not a time zone"),
    ("timezone: Europe/Paris", "timezone: ../x", "elections.fr_2027.timezone", "'../x' is not allowed"),
    ("[fr, en]", "[fr, FR]", "elections.fr_2027.languages[1]", "'FR' is not allowed; use a language"),
    ("[fr, en]", "fr", "elections.fr_2027.languages", "'fr' is not allowed; use a list of languages"),
    ("2026-11-02", "2027-04-11", "elections.fr_2027.calendar.collect_from", "2027-04-11 is not before the first round"),
    ("2026-11-02", "2026-11-31", "elections.fr_2027.calendar.collect_from", "'2026-11-31' is not in the calendar"),
    ("2026-11-02", "1026-11-02", "elections.fr_2027.calendar.collect_from", "use a date from 2006 to 2099"),
    ("2026-11-02", "2026-11-02 10:00", "elections.fr_2027.calendar.collect_from", "use a date such as"),
    ("2027-04-25]", "2027-04-11]", "elections.fr_2027.calendar.rounds[1]", "is not after the round before it"),
    ("[2027-04-11, 2027-04-25]", "[]", "elections.fr_2027.calendar.rounds", "an empty list is not allowed; use a list"),
    ("[2027-04-11, 2027-04-25]", "2027-04-11", "elections.fr_2027.calendar.rounds", "use a list of dates"),
    ("confirmed: false", "confirmed: maybe", "elections.fr_2027.calendar.confirmed", "use true or false"),
    ("confirmed: false", "collect_until: 2027-04-25", "elections.fr_2027.calendar.collect_until", "the last round"),
    ("inauguration: 2027-05-13", "inauguration: 2027-04-25", "elections.fr_2027.calendar.inauguration", "is not after"),
    ("2027-04-11 20:00", "2027-04-10 00:00", "elections.fr_2027.calendar.blackouts[0].to", "is not after from"),
    ("2027-04-11 20:00", "2027-04-11 25:00", "elections.fr_2027.calendar.blackouts[0].to", "from 00:00 to 23:59"),
    ("2027-04-10 00:00", "2027-03-28 02:30", "elections.fr_2027.calendar.blackouts[0].from", "the clocks go forward"),
    ("2027-04-10 00:00", "2027-04-10T00:00Z", "elections.fr_2027.calendar.blackouts[0].from", "use a local date or"),
    ("for: 3h", "for: 3 hours", "elections.fr_2027.calendar.events[0].for", "use a duration such as 3h"),
    ("for: 3h", "for: 0s", "elections.fr_2027.calendar.events[0].for", "longer than nothing"),
    (", for: 3h", "", "elections.fr_2027.calendar.events[0].for", "is missing"),
    ("capture: continuous", "capture: always", "elections.fr_2027.capture", "use continuous, {slots, seconds},"),
    ("continuous", "{slots: 61, seconds: 60}", "elections.fr_2027.capture", "do not fit into an hour"),
    (
        "continuous",
        "{slots: 0, seconds: 60}",
        "elections.fr_2027.capture.slots",
        "0 is not allowed; use a whole",
    ),
    ("continuous", "{slots: 2}", "elections.fr_2027.capture.seconds", "is missing"),
    ("continuous", "{every: 7min, for: 1min}", "elections.fr_2027.capture.every", "divides an hour"),
    ("continuous", "{every: 2h, for: 1min}", "elections.fr_2027.capture.every", "divides an hour"),
    ("continuous", "{every: 5min, for: 6min}", "elections.fr_2027.capture.for", "is longer than every"),
    ("capture: continuous", "trends: 1", "elections.fr_2027.trends", "1 is not allowed; use a mapping"),
    ("capture: continuous", "areas: {fr: France}", "elections.fr_2027.areas.fr", "'France' is not allowed; use a geo"),
    ("capture: continuous", "areas: {}", "elections.fr_2027.areas", "holds no area"),
    ("capture: continuous", "candidates_file: x.json", "elections.fr_2027.candidates_file", "use one of the two"),
    ("status: 1", "status: 3", STATUS, "3 is not allowed; use -1, 0, 1 or a list of {from, value}"),
    ("status: 1", "status: '1'", STATUS, "'1' is not allowed; use -1, 0, 1 or a list"),
    ("status: 1", "status: []", STATUS, "an empty list is not allowed; use -1, 0, 1 or"),
    ("status: 1", "statuss: 1", "elections.fr_2027.candidates.ada.statuss", "did you mean status?"),
    ("status: 1", "status: [{value: 2}]", f"{STATUS}[0].value", "2 is not allowed; use -1, 0 or 1"),
    ("status: 1", "status: [{value: 1}, {value: 0}]", f"{STATUS}[1].from", "is missing"),
    (
        "status: 1",
        "status: [{from: 2027-01-02, value: 1}, {from: 2027-01-02, value: 0}]",
        f"{STATUS}[1]",
        "in the order of their dates",
    ),
    ("name: Ada Lovelace", "name: ''", "elections.fr_2027.candidates.ada.name", "is empty"),
    ("name: Ada Lovelace", "name: 'Ada \"L\"'", "elections.fr_2027.candidates.ada.name", "double quotes"),
    ("name: Ada Lovelace", 'name: "A\\tB"', "elections.fr_2027.candidates.ada.name", "control character U+0009"),
    ("name: Ada Lovelace", 'name: "\\ud800"', "elections.fr_2027.candidates.ada.name", "U+D800"),
    ("name: Grace Hopper", "name: ada LOVELACE", "elections.fr_2027.candidates.grace.name", "also the name of ada"),
    ("[COBOL]", '["a \\"b\\""]', "elections.fr_2027.candidates.grace.terms[0]", "which X cannot search"),
    ("[COBOL]", "[COBOL, cobol]", "elections.fr_2027.candidates.grace.terms[1]", "is written twice"),
    ("[a grasshopper]", "a grasshopper", "elections.fr_2027.candidates.grace.exclude", "use a list of terms"),
    ('"@ada_l"', '"ada_l"', "elections.fr_2027.candidates.ada.twitter_account[0]", "'ada_l' is not allowed; use a han"),
    ('"@ada_l"', '"@ada-l"', "elections.fr_2027.candidates.ada.twitter_account[0]", "1 to 15 letters, digits or _"),
    ('"@ada_l"', '"@a234567890123456"', "elections.fr_2027.candidates.ada.twitter_account[0]", "1 to 15 letters"),
    ('"@ada_l"', '"@party"', "elections.fr_2027.candidates.ada.twitter_account[1]", "is written twice"),
    ("until: 2027-04-26", "until: 2026-11-10", "elections.fr_2027.candidates.grace.until", "is not after since"),
    ("/m/0abc12", "Ada", "elections.fr_2027.candidates.grace.trends.topic_mid", "a topic's mid such as /m/"),
]


@pytest.mark.parametrize(("old", "new", "field", "message"), ONE_WRONG)
def test_one_wrong_thing_is_named_by_file_line_and_field(old: str, new: str, field: str, message: str) -> None:
    found = problems(changed(old, new))
    about = [problem for problem in found if problem.field == field]
    assert len(about) == 1, found
    assert message in about[0].message
    assert (about[0].file, about[0].line) == ("candidates.yaml", line_of(old))


def test_the_line_of_a_problem_reads_as_the_operator_needs_it() -> None:
    with pytest.raises(RegistryInvalid) as caught:
        load(changed("status: 1", "status: 3"))
    line = "candidates.yaml:19: elections.fr_2027.candidates.ada.status: 3 is not allowed; "
    assert str(caught.value) == line + "use -1, 0, 1 or a list of {from, value}"


def test_all_problems_come_at_once_by_line() -> None:
    text = VALID
    for old, new in [("country: FR", "country: France"), ("status: 1", "status: 7"), ("for: 3h", "for: x")]:
        text = text.replace(old, new)
    text = text.replace("      grace:\n", "      Grace Hopper:\n").replace("terms: [COBOL]", "term: [COBOL]")
    found = problems(text)
    assert [problem.line for problem in found] == [4, 14, 19, 21, line_of("COBOL")]
    assert "Grace Hopper" in found[3].field
    assert "small letters" in found[3].message
    with pytest.raises(RegistryInvalid) as caught:
        load(text)
    assert len(str(caught.value).splitlines()) == 5
    assert pickle.loads(pickle.dumps(caught.value)).problems == found  # noqa: S301 - our own bytes: errors cross processes


def test_a_key_written_twice_is_found_with_both_lines() -> None:
    twice = VALID + "      ada: {name: Another, status: 1}\n"
    (problem,) = problems(twice)
    assert (problem.line, problem.field) == (len(LINES) + 1, "elections.fr_2027.candidates.ada")
    assert problem.message == f"is written twice; the first is on line {line_of('ada:')}"


def test_a_shared_account_is_allowed() -> None:
    candidates = load(VALID).elections["fr_2027"].candidates
    assert "Party" in candidates["ada"].accounts
    assert "Party" in candidates["grace"].accounts


def test_overlapping_blackouts_are_found_in_any_order() -> None:
    second = '\n        - {from: "2027-04-08 12:00", to: "2027-04-10 00:01"}'
    (problem,) = problems(VALID.replace('to: "2027-04-11 20:00"}', 'to: "2027-04-11 20:00"}' + second))
    assert problem.field == "elections.fr_2027.calendar.blackouts[0]"
    assert "before another blackout ends at 2027-04-09T22:01:00Z" in problem.message
    assert load(VALID.replace('to: "2027-04-11 20:00"}', 'to: "2027-04-11 20:00"}' + second.replace("00:01", "00:00")))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("- a\n- b\n", 1, "a list is not allowed; use a mapping with the keys elections"),
        ("just words", 1, "'just words' is not allowed; use a mapping"),
        ("elections:\n\tfr: 1\n", 2, "not valid YAML: a tab stands where only spaces may"),
        ("elections:\n  a: [1,\n  b: 2\n", 4, "not valid YAML"),
        ("elections:\n  a: @handle\n", 2, "write it in quotes"),
        ("elections: {}\n---\nelections: {}\n", 2, "not valid YAML"),
        ("elections:\n  a: \x07\n", 2, "the character U+0007 is not allowed"),
        ('elections:\n  a: "\\UFFFFFFFF"\n', 2, "not valid YAML: an escape"),
        ("[" * 5000, 1, "is nested too deeply"),
    ],
)
def test_what_is_no_registry_at_all(text: str, line: int, message: str) -> None:
    (problem,) = problems(text)
    assert (problem.file, problem.line) == ("candidates.yaml", line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("elections:\n", "elections", "is missing; it is required"),
        ("elections: {}\n", "elections", "holds no election"),
        ("elections: {kaggle: {}}\n", "elections.kaggle", "is a reserved key"),
        ("elections: {FR: {}}\n", "elections.FR", "is not a key"),
        ("elections: {fr: {}}\n", "elections.fr.country", "is missing"),
        ("elections: {fr: {}}\n", "elections.fr", "has no candidates; write candidates or candidates_file"),
        ("elections: {fr: {candidates: {}}}\n", "elections.fr.candidates", "holds no candidate"),
        ("elections: {fr: {candidates: [a]}}\n", "elections.fr.candidates", "use a mapping of candidates"),
        ("elections: {fr: []}\n", "elections.fr", "a list is not allowed; use a mapping"),
        ("elections: {? [a] : b}\n", "elections", "a key must be a single word"),
        ("election: {}\n", "election", "did you mean elections?"),
    ],
)
def test_what_is_missing_or_of_the_wrong_kind(text: str, field: str, message: str) -> None:
    about = [problem.message for problem in problems(text) if problem.field == field]
    assert any(message in said for said in about), problems(text)


def test_aliases_merge_keys_and_tags_are_refused_on_their_own_line() -> None:
    text = VALID.replace('twitter_account: ["@ada_l", "@Party"]', 'twitter_account: &own ["@ada_l"]')
    text = text.replace('twitter_account: ["@Party"]', "twitter_account: *own")
    (problem,) = problems(text)
    assert (problem.line, problem.field) == (
        line_of('["@Party"]'),
        "elections.fr_2027.candidates.grace.twitter_account",
    )
    assert "the alias *own is not allowed" in problem.message
    (merge,) = problems(changed("note: said so herself", "<<: {party: x}"))
    assert "merge key" in merge.message
    (tag,) = problems(changed("name: Ada Lovelace", "name: !mine Ada"))
    assert "the tag '!mine' is not allowed" in tag.message
    (loop,) = problems("&a [*a]\n")[:1]
    assert loop.line == 1


# The 2021 form.

PEOPLE = """\
{
 "ada": {
  "name": "Ada Lovelace",
  "group": "Centre",
  "party": "Divers",
  "status": 1,
  "twitter_account": ["@ada_l"],
  "image": "https://example.org/ada.png"
 },
 "grace": {"name": "Grace Hopper \\ud83d\\ude00", "status": -1,
  "twitter_account": []}
}
"""
BY_FILE = VALID[: VALID.index("    candidates:")] + "    candidates_file: people/2021.json\n"


def test_candidates_come_from_a_2021_file() -> None:
    asked: list[str] = []

    def read(path: str) -> str:
        asked.append(path)
        return "\ufeff" + PEOPLE.replace("\n ", "\n\t")

    candidates = load(BY_FILE, read).elections["fr_2027"].candidates
    assert asked == ["people/2021.json"]
    assert candidates == parse_candidates(PEOPLE, "2021.json")
    assert candidates["ada"].image == "https://example.org/ada.png"
    assert candidates["ada"].accounts == ("ada_l",)
    assert candidates["grace"].name == "Grace Hopper \U0001f600"
    assert not candidates["grace"].followed_at(datetime(2027, 1, 1, tzinfo=UTC))


def test_problems_of_a_candidates_file_name_that_file_and_its_lines() -> None:
    wrong = PEOPLE.replace('"status": 1', '"status": 2').replace('"group"', '"grupo"').replace('["@ada_l"]', '["x"]')
    wrong = wrong.replace('"twitter_account": []', '"status": 1')
    found = problems(BY_FILE.replace("FR", "F"), lambda _: wrong)
    assert [(p.file, p.line, p.field) for p in found] == [
        ("candidates.yaml", 4, "elections.fr_2027.country"),
        ("people/2021.json", 4, "ada.grupo"),
        ("people/2021.json", 6, "ada.status"),
        ("people/2021.json", 7, "ada.twitter_account[0]"),
        ("people/2021.json", 11, "grace.status"),
    ]
    assert found[1].message == "is not a known key; did you mean group?"
    assert found[4].message == "is written twice; the first is on line 10"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ('{\n "ada": {\n  "name" "x"\n}}', 3, "not valid JSON: Expecting ':' delimiter"),
        ("[1]", 1, "a list is not allowed; use a mapping of candidates"),
        ("{}", 1, "holds no candidate"),
        ("[" * 100_000, 1, "is nested too deeply"),
        ('{"ada": {"name": "Ada", "status": ' + "9" * 5000 + "}}", 1, "is not allowed; use -1, 0, 1"),
        ('{"ada": {"name": "Ada", "status": NaN}}', 1, "NaN is not allowed; use -1, 0, 1"),
        ('{"ada": {"name": "Ada", "status": true}}', 1, "true is not allowed; use -1, 0, 1"),
    ],
)
def test_a_candidates_file_that_is_none(text: str, line: int, message: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_candidates(text, "2021.json")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("2021.json", line)
    assert message in problem.message


def test_a_candidates_file_that_cannot_be_read_is_a_problem_of_the_registry() -> None:
    (missing,) = problems(BY_FILE)
    assert (missing.line, missing.field) == (16, "elections.fr_2027.candidates_file")
    assert missing.message == "'people/2021.json' cannot be read: No such file or directory"

    def latin(_: str) -> str:
        return b"\xe9".decode("utf-8")

    assert "is not UTF-8 text" in problems(BY_FILE, latin)[0].message


# The version.


def test_the_version_is_of_the_content_and_not_of_the_writing() -> None:
    version = load(VALID).version
    assert load("# a comment\n" + VALID.replace("FR", "'FR'")).version == version
    assert load(changed("note: said so herself", "note: no, they did")).version == version
    assert load(yaml.safe_dump(yaml.safe_load(VALID), sort_keys=True)).version == version
    assert load(changed("status: 1", "status: 0")).version != version
    assert load(changed("2026-11-02", "2026-11-09")).version != version


def test_an_edit_of_the_candidates_file_changes_the_version() -> None:
    before = load(BY_FILE, lambda _: PEOPLE).version
    assert load(BY_FILE, lambda _: PEOPLE.replace("\n", "\n\n")).version == before
    assert load(BY_FILE, lambda _: PEOPLE.replace("@ada_l", "@ada_x")).version != before


# Properties.

WORDS = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='"'), min_size=1, max_size=20)
# A candidate's name holds something to look for.
PERSONS = WORDS.map(lambda text: f"A {text}".strip())
KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
HANDLES = st.from_regex(r"@[A-Za-z0-9_]{1,15}", fullmatch=True)
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
DAYS = st.dates(date(2010, 1, 1), date(2090, 12, 31))


@st.composite
def elections(draw: st.DrawFn) -> dict[str, Any]:
    """A valid election, as the YAML of an operator would load."""
    start = draw(DAYS)
    gaps = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    rounds = [start + timedelta(days=sum(gaps[: n + 1])) for n in range(len(gaps))]
    names = draw(st.lists(PERSONS, min_size=1, max_size=4, unique_by=str.casefold))
    keys = draw(st.lists(KEYS, min_size=len(names), max_size=len(names), unique=True))
    people = {
        key: {
            "name": name,
            "status": draw(st.sampled_from([-1, 0, 1])),
            "twitter_account": draw(st.lists(HANDLES, max_size=3, unique_by=str.casefold)),
        }
        for key, name in zip(keys, names, strict=True)
    }
    return {
        "name": draw(WORDS),
        "country": draw(st.from_regex(r"[A-Z]{2}", fullmatch=True)),
        "timezone": draw(ZONES),
        "calendar": {
            "collect_from": start,
            "rounds": rounds,
            "inauguration": rounds[-1] + timedelta(days=draw(st.integers(1, 60))),
            "blackouts": [{"from": str(day - timedelta(days=1)), "to": f"{day} 20:00"} for day in rounds[:1]],
        },
        "candidates": people,
    }


@settings(max_examples=examples(40), deadline=None)
@given(st.dictionaries(KEYS.filter(lambda key: key not in RESERVED_KEYS), elections(), min_size=1, max_size=2))
def test_any_valid_registry_loads_and_keeps_its_dates(written: dict[str, dict[str, Any]]) -> None:
    registry = load(yaml.safe_dump({"elections": written}, allow_unicode=True))
    assert registry.elections.keys() == written.keys()
    for key, election in registry.elections.items():
        dates = written[key]["calendar"]
        calendar = election.calendar
        assert calendar.collect_from.date() == dates["collect_from"]
        assert calendar.collect_from.utcoffset() == timedelta(0)
        assert list(calendar.rounds) == dates["rounds"]
        assert calendar.collect_until.date() == dates["inauguration"] + timedelta(days=14)
        zone = ZoneInfo(election.timezone)
        (silence,) = calendar.blackouts
        assert f"{silence.start.astimezone(zone):%Y-%m-%d}" == dates["blackouts"][0]["from"]
        assert f"{silence.end.astimezone(zone):%Y-%m-%d %H:%M}" == dates["blackouts"][0]["to"]
        people = written[key]["candidates"]
        assert {k: c.name for k, c in election.candidates.items()} == {k: p["name"].strip() for k, p in people.items()}
        for k, candidate in election.candidates.items():
            assert [f"@{account}" for account in candidate.accounts] == people[k]["twitter_account"]


def parses_or_says_why(parse: Callable[[], object]) -> None:
    """Holds where a parser keeps its word: something, or problems, each with its line, each on one line."""
    try:
        parsed = parse()
    except RegistryInvalid as invalid:
        said = invalid
    else:
        assert parsed
        return
    assert said.problems
    assert len(str(said).splitlines()) == len(said.problems)
    assert all(problem.line >= 1 for problem in said.problems)


@settings(max_examples=examples(300), deadline=None)
@given(st.text() | st.text(alphabet="elctions: \n\t-[]{}&*!<>|'\"\\%@`#,?.0129~\x85\u2028\ud800"))
@example("elections: &a\n  b: *a")
@example("%YAML 9" + "9" * 5000 + ".1\n---\na")
@example("<<: 1")
@example("? \n: \n")
def test_any_text_is_a_registry_or_problems(text: str) -> None:
    parses_or_says_why(lambda: load(text, lambda path: path))
    parses_or_says_why(lambda: parse_candidates(text, "x.json"))


LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.datetimes()
)
KNOWN_KEYS = ["elections", "name", "country", "calendar", "candidates", "candidates_file", "status", "from", "value"]
NAMES = st.sampled_from(KNOWN_KEYS) | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=examples(200), deadline=None)
@given(TREES)
def test_any_yaml_is_a_registry_or_problems(tree: object) -> None:
    parses_or_says_why(lambda: load(yaml.safe_dump(tree, allow_unicode=True), lambda path: path))


def places(tree: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below the root."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in pairs for place in [(*path, key), *places(value, (*path, key))]]


PLACES = places(yaml.safe_load(VALID))


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from(PLACES), TREES)
def test_a_valid_registry_with_any_one_value_replaced(place: tuple[Any, ...], value: object) -> None:
    tree = yaml.safe_load(VALID)
    holder = tree
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    parses_or_says_why(lambda: load(yaml.safe_dump(tree, allow_unicode=True), lambda path: path))


# What is shipped.


def shipped() -> Registry:
    return load((REPOSITORY / "candidates.yaml").read_text(encoding="utf-8"))


def test_the_shipped_registry_has_one_active_election_and_two_past_ones() -> None:
    registry = shipped()
    assert list(registry.elections) == ["fr_presidential_2027", "fr_presidential_2022", "fr_presidential_2017"]
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert [election.key for election in registry.active(now)] == ["fr_presidential_2027"]
    election = registry.elections["fr_presidential_2027"]
    assert not election.calendar.confirmed
    assert len(election.as_of(now)) == 20
    assert election.calendar.blackouts == (
        Window(local("2027-04-10 00:00"), local("2027-04-11 20:00")),
        Window(local("2027-04-24 00:00"), local("2027-04-25 20:00")),
    )
    past = registry.elections["fr_presidential_2022"]
    assert len(past.as_of(datetime(2022, 1, 1, tzinfo=UTC))) == 33


def test_one_key_is_one_person_in_all_shipped_elections() -> None:
    names: dict[str, set[str]] = {}
    keys: dict[str, set[str]] = {}
    for election in shipped().elections.values():
        for key, candidate in election.candidates.items():
            names.setdefault(key, set()).add(candidate.name)
            keys.setdefault(candidate.name, set()).add(key)
    assert {key: found for key, found in names.items() if len(found) > 1} == {}
    assert {name: found for name, found in keys.items() if len(found) > 1} == {}


@pytest.mark.parametrize("key", ["fr_presidential_2027", "fr_presidential_2022", "fr_presidential_2017"])
def test_the_shipped_candidates_are_those_of_the_facts(key: str) -> None:
    facts = RECORDINGS / "candidates" / f"{key}.yaml"
    if not facts.exists():
        pytest.skip("the facts about candidates are not here (ELEC_TEST_RECORDINGS)")
    known = yaml.safe_load(facts.read_text(encoding="utf-8"))
    candidates = shipped().elections[key].candidates
    assert len(candidates) == len(known)
    by_name = {candidate.name: candidate for candidate in candidates.values()}
    for person in known.values():
        candidate = by_name[person["name"]]
        assert [f"@{account}" for account in candidate.accounts] == person["twitter_account"]
        assert candidate.status == (DatedStatus(person["status"]),)
        assert (candidate.group, candidate.party) == (person.get("group"), person.get("party"))


def test_the_2021_file_itself_is_accepted() -> None:
    facts = RECORDINGS / "candidates" / "candidates_2021_format.json"
    if not facts.exists():
        pytest.skip("the facts about candidates are not here (ELEC_TEST_RECORDINGS)")
    text = facts.read_text(encoding="utf-8")
    candidates = load(BY_FILE, lambda _: text).elections["fr_2027"].candidates
    known = json.loads(text)
    assert candidates.keys() == known.keys()
    assert {k: c.image for k, c in candidates.items()} == {k: person["image"] for k, person in known.items()}


@pytest.mark.parametrize("term", ["@two words", "#a-b", "🙂", "-"])
def test_a_term_that_no_rule_can_be_made_of_is_refused_at_load(term: str) -> None:
    """Such a term loaded once, and stopped the first search with a ValueError instead (2026-11)."""
    found = problems(changed("[COBOL]", f"['{term}']"))
    assert [p.field for p in found] == ["elections.fr_2027.candidates.grace.terms[0]"]
    assert repr(term) in found[0].message


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        (
            "exclude: [a grasshopper]",
            "exclude: [" + ", ".join(f"another grasshopper {i:02}" for i in range(20)) + "]",
            "exclude",
            "takes 520 characters of a search query, and of its 512 only",
        ),
        ("terms: [COBOL]", f"terms: [COBOL, {'language ' * 60}]", "terms", "holds a term of 541 characters"),
        ("name: Grace Hopper", f"name: Grace {'Brewster ' * 60}", "name", "and a search query of 512 has room for"),
    ],
)
def test_what_no_rule_can_hold_is_refused_at_load(old: str, new: str, field: str, message: str) -> None:
    """Such a registry loaded, and stopped the first hour with a ValueError that named no line (2026-11-21)."""
    found = problems(changed(old, new) if old != "name: Grace Hopper" else VALID.replace(old, new, 1))
    assert [(p.field, p.line) for p in found] == [(f"elections.fr_2027.candidates.grace.{field}", line_of(old))]
    assert message in found[0].message


def test_languages_count_for_what_a_query_can_hold() -> None:
    """A term of 481 characters fits beside two languages, and not beside three."""
    text = changed("[COBOL]", f"[{'long ' * 96}]").replace("exclude: [a grasshopper]", "exclude: []")
    assert load(text).elections["fr_2027"].candidates["grace"].terms == (("long " * 96).strip(),)
    (problem,) = problems(text.replace("[fr, en]", "[fr, en, de]"))
    assert problem.field == "elections.fr_2027.candidates.grace.terms"
    assert "beside 32 for the languages" in problem.message


def test_a_candidates_file_is_judged_with_the_languages_of_its_election() -> None:
    people = json.dumps({"ada": {"name": "Ada " * 120, "status": 1}}, indent=1)
    (problem,) = problems(BY_FILE.replace("[fr, en]", "[fr, en, de]"), lambda _: people)
    assert (problem.file, problem.line, problem.field) == ("people/2021.json", 3, "ada.name")
    assert load(BY_FILE, lambda _: people).elections["fr_2027"].candidates["ada"].name == ("Ada " * 120).strip()


@pytest.mark.parametrize(("opening", "line"), [("[", 3), ("{a: ", 3), ("- ", 3)])
def test_what_is_nested_beyond_all_need_is_refused_at_once(opening: str, line: int) -> None:
    """The reader of YAML looks through all open levels for every token: 250 in 64 KiB took 9 s (2026-11-22)."""
    (problem,) = problems(f"elections:\n  a:\n    {opening * 60}\n" + "    b\n" * 3)
    assert (problem.line, problem.message) == (line, "is nested too deeply; a registry needs 8 levels, 50 are read")
