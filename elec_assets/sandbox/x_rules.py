"""The stream rules of an app: add, delete, list, count, with the checks and errors of X."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.windows import iso
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_errors import invalid, rule_error
from elec_assets.sandbox.x_query import QueryError, parse

MAX_RULES = 1_000
MAX_LENGTH = 1_024
_FIRST_ID = 1_900_000_000_000_000_001
_TRUE = ("true", "1")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: id, value, tag, and when it was added (it works from some seconds after)."""

    id: str
    value: str
    tag: str | None
    added_at: datetime

    def body(self) -> Json:
        """As X shows it; a rule without tag has none."""
        shown = {"id": self.id, "value": self.value}
        return shown if self.tag is None else {**shown, "tag": self.tag}


class RuleStore:
    """The rules, safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._rules: dict[str, Rule] = {}
        self._gone: list[tuple[Rule, datetime]] = []
        self._lock = threading.Lock()
        self._next = _FIRST_ID

    def all(self) -> list[Rule]:
        """Every rule, oldest first."""
        with self._lock:
            return list(self._rules.values())

    @property
    def changes(self) -> int:
        """A number that is another one whenever a rule was added or deleted."""
        with self._lock:
            return self._next + len(self._gone)

    def lives(self) -> list[tuple[Rule, datetime | None]]:
        """Every rule that ever was, with the time at which it was deleted, None if it was not."""
        with self._lock:
            return [*self._gone, *((rule, None) for rule in self._rules.values())]

    def listing(self, params: Mapping[str, str]) -> Json:
        """Answer of GET rules; `data` is absent where there is none."""
        wanted = params["ids"].split(",") if params.get("ids") else None
        shown = [r.body() for r in self.all() if wanted is None or r.id in wanted]
        meta = {"sent": self._sent(), "result_count": len(shown)}
        return {"data": shown, "meta": meta} if shown else {"meta": meta}

    def counts(self) -> Json:
        """Answer of GET rules/counts."""
        count = len(self.all())
        app = {"client_app_id": "1", "rule_count": count}
        return {
            "data": {
                "all_project_client_apps": [app],
                "cap_per_client_app": MAX_RULES,
                "cap_per_project": MAX_RULES,
                "client_app_rules_count": app,
                "project_rules_count": count,
            }
        }

    def change(self, body: object, params: Mapping[str, str]) -> tuple[int, Json]:
        """Answer of POST rules: status and body.

        Raises:
            ApiError: the body is no list of rules to add or delete.
        """
        dry = params.get("dry_run", "").lower() in _TRUE
        with self._lock:
            if params.get("delete_all", "").lower() in _TRUE:
                return 200, self._delete(list(self._rules), [], dry)
            if not isinstance(body, dict) or len(body.keys() & {"add", "delete"}) != 1:
                raise invalid("Request body must have exactly one of [add,delete]", {})
            if "add" in body:
                return self._add(_entries(body["add"]), dry)
            ids, values = _targets(body["delete"])
            return 200, self._delete(ids, values, dry)

    def _add(self, entries: list[Json], dry: bool) -> tuple[int, Json]:
        before = dict(self._rules)
        added: list[Json] = []
        errors: list[Json] = []
        for entry in entries:
            error = self._refusal(entry["value"])
            if error is not None:
                errors.append(error)
                continue
            rule = Rule(str(self._next), entry["value"], entry.get("tag"), self._clock())
            self._next += 1
            self._rules[rule.id] = rule
            added.append(rule.body())
        if dry:
            self._rules = before
        summary = {"created": len(added), "not_created": len(errors), "valid": len(added), "invalid": len(errors)}
        return (201 if added else 200), self._answer(added, errors, summary)

    def _refusal(self, value: str) -> Json | None:
        """Why a rule is not added; None if it is."""
        same = next((r.id for r in self._rules.values() if r.value == value), None)
        if same is not None:
            return rule_error(value, "DuplicateRule", "duplicate-rules", id=same)
        if len(value) > MAX_LENGTH:
            problem = f"Rule length exceeds the max allowed length of {MAX_LENGTH} characters, it has {len(value)}"
            return rule_error(value, "UnprocessableEntity", "invalid-rules", details=[problem])
        try:
            parse(value)
        except QueryError as error:
            return rule_error(value, "UnprocessableEntity", "invalid-rules", details=[str(error)])
        if len(self._rules) >= MAX_RULES:
            return rule_error(value, "RulesCapExceeded", "rule-cap", detail=f"Cap of {MAX_RULES} rules reached")
        return None

    def _delete(self, ids: list[str], values: list[str], dry: bool) -> Json:
        by_value = {r.value: r.id for r in self._rules.values()}
        wanted = [(i, i if i in self._rules else None) for i in ids] + [(v, by_value.get(v)) for v in values]
        errors = [rule_error(key, "Not Found Error", "resource-not-found") for key, rule in wanted if rule is None]
        gone = {rule for _, rule in wanted if rule is not None}
        if not dry:
            self._gone += [(self._rules[i], self._clock()) for i in sorted(gone)]
            self._rules = {i: r for i, r in self._rules.items() if i not in gone}
        return self._answer([], errors, {"deleted": len(gone), "not_deleted": len(errors)})

    def _answer(self, data: list[Json], errors: list[Json], summary: Json) -> Json:
        answer: Json = {"data": data} if data else {}
        answer["meta"] = {"sent": self._sent(), "summary": summary}
        if errors:
            answer["errors"] = errors
        return answer

    def _sent(self) -> str:
        return iso(self._clock())


def _entries(entries: object) -> list[Json]:
    if not isinstance(entries, list) or not entries:
        raise invalid("`add` must be a list of rules", {})
    for entry in entries:
        tag = entry.get("tag") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), str) or not isinstance(tag, str | None):
            raise invalid("A rule needs a text `value` and may have a text `tag`", {})
    return entries


def _targets(delete: object) -> tuple[list[str], list[str]]:
    """Ids and values to delete."""
    named = {k: delete.get(k, []) for k in ("ids", "values")} if isinstance(delete, dict) else {}
    if not any(named.values()) or not all(isinstance(v, list) for v in named.values()):
        raise invalid("`delete` must have a list `ids` or `values`", {})
    return [str(i) for i in named["ids"]], [str(v) for v in named["values"]]
