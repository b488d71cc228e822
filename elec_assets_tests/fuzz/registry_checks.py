"""What must hold for the registry, the candidates file and the matcher, whatever is in them."""

import json
import re
from functools import cache
from itertools import islice
from typing import Any

import yaml

from elec_assets.domain.matcher import Matcher, PostText
from elec_assets.domain.registry import Candidate, DatedStatus, Election, Registry
from elec_assets.domain.registry_file import Problem, RegistryInvalid, parse_candidates, parse_registry
from elec_assets.domain.rules import STREAM_RULE_LIMIT, query_limit, search_queries, stream_rules
from elec_assets_tests.fuzz.plain_matcher import slow_match
from elec_assets_tests.fuzz.seeds import candidate_files

# How YAML and JSON write that a field is left empty.
_NOTHING = (None, "", "~", "null", "Null", "NULL")
FILES = {"people.json": candidate_files()[0].decode()}


def _read_file(path: str) -> str:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path]


def check_registry(data: bytes) -> None:
    """A registry that says what is written and that rules can be made of, or problems with line and field."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        registry = parse_registry(text, "candidates.yaml", _read_file)
    except RegistryInvalid as error:
        _check_problems(error.problems, text)
        return
    assert registry.elections, "a registry without election"
    assert parse_registry(text, "other.yaml", _read_file).version == registry.version
    assert json.loads(registry.content), "a registry without content"
    _check_registry_says(registry, yaml.load(text.removeprefix("\ufeff"), yaml.BaseLoader))  # noqa: S506 - makes texts only
    for election in registry.elections.values():
        check_rules(election)


def check_candidates(data: bytes) -> None:
    """Candidates that say what is written, or problems with line and field."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        candidates = parse_candidates(text, "candidates.json")
    except RegistryInvalid as error:
        _check_problems(error.problems, text)
        return
    assert candidates, "no candidate and no problem"
    plain = json.loads(text.removeprefix("\ufeff"), parse_int=str, parse_float=str, parse_constant=str)
    _check_candidates_say(candidates, plain)


def _check_problems(problems: tuple[Problem, ...], text: str) -> None:
    assert problems, "refused without a problem"
    for problem in problems:
        lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\u0085") + text.count("\u2029")
        assert problem.file in ("candidates.yaml", "candidates.json", "people.json"), problem
        assert problem.file == "people.json" or 1 <= problem.line <= lines + 2, problem
        assert problem.message, problem
        assert str(problem).isprintable(), ascii(str(problem))
        assert len(str(problem)) < 2000, len(str(problem))


def _check_registry_says(registry: Registry, plain: Any) -> None:  # noqa: ANN401 - any YAML
    assert registry.elections.keys() == plain["elections"].keys()
    for key, election in registry.elections.items():
        written = plain["elections"][key]
        assert (election.name, election.country) == (written["name"].strip(), written["country"].strip())
        calendar = written["calendar"]
        assert [day.isoformat() for day in election.calendar.rounds] == [d.strip() for d in calendar["rounds"]]
        assert len(election.calendar.blackouts) == len(calendar.get("blackouts") or ())
        assert len(election.calendar.events) == len(calendar.get("events") or ())
        assert len(election.languages) == len(_list(written, "languages"))
        if "candidates" in written and not isinstance(written["candidates"], str):
            _check_candidates_say(election.candidates, written["candidates"])


def _check_candidates_say(candidates: Any, plain: Any) -> None:  # noqa: ANN401 - mappings
    assert candidates.keys() == plain.keys()
    for key, candidate in candidates.items():
        written = plain[key]
        assert candidate.name == _said(written["name"])
        assert list(candidate.accounts) == [_said(a).removeprefix("@") for a in _list(written, "twitter_account")]
        assert list(candidate.terms) == [_said(t) for t in _list(written, "terms")]
        assert list(candidate.exclude) == [_said(t) for t in _list(written, "exclude")]
        for name in ("group", "party", "image"):
            said, held = written.get(name), getattr(candidate, name)
            assert held == _said(said) if held is not None else said in _NOTHING, name
        for name in ("since", "until"):
            held = getattr(candidate, name)
            assert held is not None or written.get(name) in _NOTHING, name
        status = written["status"]
        assert len(candidate.status) == (len(status) if isinstance(status, list) else 1)


def _said(value: object) -> str:
    """A value as text, as the registry takes it: whatever it looks like."""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _list(written: Any, name: str) -> list[Any]:  # noqa: ANN401 - a mapping
    """A list; one that is left empty holds nothing."""
    found = written.get(name)
    return found if isinstance(found, list) else []


def check_rules(election: Election) -> None:
    """Rules and queries can be made at every moment at which who is followed changes, none over its limit."""
    moments = {election.calendar.collect_from, election.calendar.collect_until}
    for candidate in election.candidates.values():
        moments |= {m for m in (candidate.since, candidate.until, *(s.since for s in candidate.status)) if m}
    for moment in islice(sorted(moments), 20):
        assert all(len(rule.value) <= STREAM_RULE_LIMIT for rule in stream_rules(election, moment))
        for archive in ("recent", "all"):
            limit = query_limit(archive)
            assert all(len(query) <= limit for query in search_queries(election, moment, limit))


# The matcher

_FOLLOWED = (DatedStatus(1),)
PEOPLE = [
    Candidate("a", "Édouard Philippe", _FOLLOWED, ("Party", "x_y"), terms=("Philippe", "#Élan", "#a_b", "@Party")),
    Candidate(
        "b", "Anne Hidalgo", _FOLLOWED, ("Anne_Hidalgo", "PARTY"), terms=("Été 2027", "L'Élan"), exclude=("a b",)
    ),
    Candidate(
        "c", "Jean-Luc Mélenchon", _FOLLOWED, terms=("luc melenchon", "Straße Œuvre", "İzmir"), exclude=("#Vote",)
    ),
    Candidate("d", "Анна Ё", _FOLLOWED, ("_",), terms=("東京", "ﬁn", "حزب", "s"), exclude=("@x_y", "\uff21\uff22")),
]
WORDS = (
    *(word for who in PEOPLE for text in (who.name, *who.terms, *who.exclude) for word in (text, *text.split())),
    *(f"@{handle}" for who in PEOPLE for handle in who.accounts),
    *(
        "|",
        " ",
        "#",
        "@",
        "_",
        "'",
        "\u2019",
        "-",
        "\u0301",
        "\u0307",
        "\u200d",
        "\ufe0f",
        "\u202e",
        "\u00ad",
        "\x00",
        "🌹",
        "👩\u200d🚀",
    ),
    *(
        "%C3%89",
        "%",
        "%E2%80%99",
        "+",
        "https://a.b/",
        "ß",
        "ẞ",
        "İ",
        "\u0131",
        "ﬁ",
        "\uff21",
        "ǆ",
        "Å",
        "K",
        "\u02bc",
        "\ud83d",
        "\n",
    ),
)
# What X gives as a handle: 1 to 15 of these.
_NO_HANDLE = re.compile(r"[^A-Za-z0-9_]")


@cache
def _matcher() -> Matcher:
    return Matcher(PEOPLE)


def check_matcher(data: bytes) -> None:
    """Finds what the slow, obvious matcher finds."""
    try:
        said = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        said = data.decode("utf-8", "replace")
    text, url, mention, author, quoted, *_ = [*said.split("|"), *[""] * 5]
    mention, author = (_NO_HANDLE.sub("", name)[:15] for name in (mention, author))
    post = PostText(text, (url,) if url else (), (mention,) if mention else (), author or None, quoted or None)
    found, wanted = _matcher().match(post), slow_match(PEOPLE, post)
    assert found == wanted, f"found {found}, wanted {wanted}"
