"""The candidates of an election, from the fields of the registry or from the 2021 JSON form.

Both forms have the same keys: the 2021 file is the mapping that stands under `candidates`, written as JSON.
"""

import re
from datetime import UTC, datetime, tzinfo

from elec_assets.domain.registry import Candidate, DatedStatus, TrendsNames
from elec_assets.domain.registry_fields import KEY, Value, get, unique
from elec_assets.domain.registry_json import json_tree
from elec_assets.domain.registry_problems import Problems, child_path
from elec_assets.domain.registry_tree import Sequence
from elec_assets.domain.rules import too_long
from elec_assets.domain.terms import Reason, read_term

STATUSES = (-1, 0, 1)
_STATUS = "-1, 0, 1 or a list of {from, value}"
_HANDLE = re.compile(r"@[A-Za-z0-9_]{1,15}")
_TOPIC = re.compile(r"/[mg]/[0-9a-z_]+")
_OPTIONAL = (
    "twitter_account",
    "group",
    "party",
    "image",
    "since",
    "until",
    "terms",
    "exclude",
    "trends",
    "note",
)


def parse_candidates_json(
    text: str, problems: Problems, zone: tzinfo = UTC, languages: tuple[str, ...] = ()
) -> dict[str, Candidate]:
    """The candidates of a 2021-form JSON file (`{"key": {"name": ..., "status": ...}}`); problems are noted.

    `zone` is the time zone of dates in the file, which the form of 2021 did not have; `languages` as for
    `read_candidates`.
    """
    tree = json_tree(text, problems)
    return {} if tree is None else read_candidates(Value(tree, "", problems), zone, languages)


def read_candidates(value: Value, zone: tzinfo, languages: tuple[str, ...] = ()) -> dict[str, Candidate]:
    """The candidates by key; those that cannot be read are left out, with problems noted.

    `languages` are the election's: they take room in each query, beside the terms.
    """
    entries = value.entries("a mapping of candidates")
    if entries is None:
        return {}
    if not entries:
        value.wrong("holds no candidate; an election needs at least one")
    candidates: dict[str, Candidate] = {}
    names: dict[str, str] = {}
    for key, entry in entries.items():
        if not KEY.fullmatch(key):
            entry.wrong("is not a key; use small letters, digits and _, a letter first")
        candidate = _candidate(key, entry, zone, names)
        if candidate is not None:
            candidates[key] = candidate
            _check_lengths(candidate, entry, languages)
    return candidates


def _check_lengths(candidate: Candidate, value: Value, languages: tuple[str, ...]) -> None:
    """Note what no rule or query can hold: else it would stop the first search (2026-11)."""
    found = too_long(candidate, languages)
    fields = value.entries()
    if found is not None and fields is not None:
        fields[found[0]].wrong(found[1])


def _candidate(key: str, value: Value, zone: tzinfo, names: dict[str, str]) -> Candidate | None:
    fields = value.fields(required=("name", "status"), optional=_OPTIONAL)
    if fields is None:
        return None
    name = get(fields, "name", lambda field: _searched(field, Reason.NAME))
    status = get(fields, "status", lambda field: _status(field, zone))
    accounts = get(fields, "twitter_account", _accounts)
    terms = get(fields, "terms", _terms)
    exclude = get(fields, "exclude", _terms)
    since = get(fields, "since", lambda field: field.local_time(zone))
    until = get(fields, "until", lambda field: field.local_time(zone))
    group, party, image = (get(fields, label, Value.text) for label in ("group", "party", "image"))
    trends = get(fields, "trends", _trends)
    if name is not None:
        other = names.setdefault(name.casefold(), key)
        if other != key:
            shown, whose = fields["name"].shown, child_path("", other)
            fields["name"].wrong(f"{shown} is also the name of {whose}; give each person one key")
    if since is not None and until is not None and until <= since:
        fields["until"].wrong(f"{fields['until'].shown} is not after since, {fields['since'].shown}")
    if name is None or status is None:
        return None
    return Candidate(
        key=key,
        name=name,
        status=status,
        accounts=accounts or (),
        group=group,
        party=party,
        image=image,
        since=since,
        until=until,
        terms=terms or (),
        exclude=exclude or (),
        trends=trends or TrendsNames(),
    )


def _status(value: Value, zone: tzinfo) -> tuple[DatedStatus, ...] | None:
    if not isinstance(value.node, Sequence):
        number = _status_value(value, _STATUS)
        return None if number is None else (DatedStatus(number),)
    statuses: list[DatedStatus] = []
    for index, item in enumerate(value.some_items(_STATUS)):
        status = _dated_status(item, zone, first=index == 0)
        if status is None:
            continue
        if statuses and _not_after(status.since, statuses[-1].since):
            item.wrong("does not begin after the status before it; write them in the order of their dates, each once")
        statuses.append(status)
    return tuple(statuses) or None


def _dated_status(value: Value, zone: tzinfo, *, first: bool) -> DatedStatus | None:
    """One `{from, value}`; the first of a list may leave `from` out: it then holds from the beginning."""
    required, optional = (("value",), ("from",)) if first else (("from", "value"), ())
    fields = value.fields(required, optional)
    if fields is None:
        return None
    since = get(fields, "from", lambda field: field.local_time(zone))
    number = get(fields, "value", lambda field: _status_value(field, "-1, 0 or 1"))
    return None if number is None else DatedStatus(number, since)


def _status_value(value: Value, allowed: str) -> int | None:
    number = value.integer(allowed)
    if number is None or number in STATUSES:
        return number
    value.reject(allowed)
    return None


def _not_after(moment: datetime | None, before: datetime | None) -> bool:
    return moment is not None and before is not None and moment <= before


def _accounts(value: Value) -> tuple[str, ...]:
    handles = unique(value.items('a list of handles such as ["@handle"]'), _handle)
    return tuple(handle.removeprefix("@") for handle in handles)


def _handle(value: Value) -> str | None:
    return value.matching(_HANDLE, "a handle in quotes: @ and 1 to 15 letters, digits or _")


def _terms(value: Value) -> tuple[str, ...]:
    return unique(value.items("a list of terms"), _searched)


def _searched(value: Value, reason: Reason = Reason.TERM) -> str | None:
    """A text that rules can be made of."""
    text = value.search_text()
    if text is None:
        return None
    try:
        read_term(text, reason)
    except ValueError as error:
        value.wrong(str(error))
        return None
    return text


def _trends(value: Value) -> TrendsNames | None:
    fields = value.fields(required=(), optional=("topic_mid", "term"))
    if fields is None:
        return None
    mid = get(fields, "topic_mid", lambda field: field.matching(_TOPIC, "a topic's mid such as /m/0abc12"))
    return TrendsNames(topic_mid=mid, term=get(fields, "term", Value.search_text))
