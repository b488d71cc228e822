"""The stream rules of an app, over tweepy: list, add, delete, and bring them to what is wanted.

X answers a rule that it does not take with success and a list of errors, which tweepy passes on without a word: here
each rule comes back as held or as refused, with X's reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from elec_assets.clients.x_control import Json, XControl, next_token, read_object, rows, text
from elec_assets.clients.x_errors import XInvalidRequest
from elec_assets.domain.rule_sync import HeldRule, RuleChange, difference
from elec_assets.domain.rules import StreamRule

_ROUTE = "/2/tweets/search/stream/rules"
# Rules of one request: 1 kB each, far below what any server takes; X allows 100 requests in 15 minutes.
_BATCH = 100
# 1,000 rules, should X page them by ten.
_MOST_PAGES = 100
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class RefusedRule:
    """A rule that X does not take, and why, in X's words: its tag names the candidate."""

    rule: StreamRule
    why: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of rules: each is in one of the two."""

    held: tuple[HeldRule, ...]
    refused: tuple[RefusedRule, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronization changed.

    Attributes:
        added: rules that X holds now; they work within 20 s.
        deleted: rules that X held.
        refused: wanted rules that X does not take, `add` of `rule_sync.RuleChange` minus `added`.
        left_out: wanted rules for which X has no place.
    """

    added: tuple[HeldRule, ...]
    deleted: tuple[HeldRule, ...]
    refused: tuple[RefusedRule, ...]
    left_out: tuple[StreamRule, ...]

    def changed(self, prefix: str) -> bool:
        """Whether rules were added whose tags begin so: what they match is complete from 20 s after."""
        return any(rule.tag.startswith(prefix) for rule in self.added)


class XRules:
    """The stream rules of one app. Rate limits: 450 listings and 100 changes in 15 minutes."""

    def __init__(self, control: XControl) -> None:
        self._control = control

    def sync(self, wanted: Iterable[StreamRule]) -> Synced:
        """Bring the rules of all elections to the wanted ones; see `rule_sync.difference`. May be called at any time.

        A call that ends midway leaves rules too many, never too few (except where X holds 1,000): the next one ends it.

        Raises:
            XError: X refused the whole request, or could not be reached.
            ValueError: a wanted rule has a tag that is none of this program.
        """
        change = difference(wanted, self.held())
        self.delete([rule.id for rule in change.delete_first])
        added = self.add(change.add) if change.add else Added((), ())
        replaced = self._replaced(change, added)
        self.delete([rule.id for rule in replaced])
        return Synced(added.held, (*change.delete_first, *replaced), added.refused, change.left_out)

    def held(self, prefix: str = "") -> tuple[HeldRule, ...]:
        """The rules whose tags begin so; all of them where nothing is given.

        Raises:
            XError: X refused, or could not be reached.
        """
        answer = self._control.answered(self._control.client.get_rules)
        found = _rules(answer)
        for _ in range(_MOST_PAGES):
            token = next_token(answer)
            if not token:
                break
            # tweepy has no parameter for it.
            answer = self._control.ask("GET", _ROUTE, {"pagination_token": token})
            found += _rules(answer)
        # The list may change between its pages.
        unique = {rule.id: rule for rule in found}
        return tuple(rule for rule in unique.values() if rule.tag.startswith(prefix))

    def add(self, rules: Sequence[StreamRule]) -> Added:
        """Add rules. A first try that changes nothing finds those that X does not take: one bad rule stops no other.

        A rule that X holds already counts as held if its tag is the same, else as refused.

        Raises:
            XError: X refused the whole request, or could not be reached.
        """
        done = [self._added(rules[first : first + _BATCH]) for first in range(0, len(rules), _BATCH)]
        return Added(
            tuple(rule for batch in done for rule in batch.held),
            tuple(refusal for batch in done for refusal in batch.refused),
        )

    def delete(self, ids: Sequence[str]) -> None:
        """Delete rules; those that are gone already are no error.

        Raises:
            XError: X refused, or could not be reached.
        """
        for first in range(0, len(ids), _BATCH):
            some = list(ids[first : first + _BATCH])
            self._control.answered(partial(self._control.client.delete_rules, some))

    def _added(self, batch: Sequence[StreamRule]) -> Added:
        errors = _errors(self._post(batch, dry_run=True))
        good = [rule for rule in batch if rule.value not in errors]
        done = self._post(good, dry_run=False) if good else {}
        errors |= _errors(done)
        created = _rules(done)
        names = {(rule.value, rule.tag) for rule in created}
        rest = self._already([rule for rule in batch if (rule.value, rule.tag) not in names], errors)
        return Added((*created, *rest.held), rest.refused)

    def _post(self, rules: Sequence[StreamRule], *, dry_run: bool) -> Json:
        """X's answer about rules to add; one of status 400 too where it tells of single rules."""
        # 0.6 s of CPU for tweepy (measured 2026-11-21): loaded already by whoever made the control.
        import tweepy

        given = [tweepy.StreamRule(rule.value, rule.tag) for rule in rules]
        # Sent as text: Python's True is not X's true.
        parameters = {"dry_run": "true"} if dry_run else {}
        try:
            return self._control.answered(partial(self._control.client.add_rules, given, **parameters))
        except XInvalidRequest as error:
            answer = read_object(400, error.body)
            if not _errors(answer):
                raise
            return answer

    def _already(self, rules: Sequence[StreamRule], errors: dict[str, Json]) -> Added:
        """Of rules that were not added: those that X holds as they are, and the others with X's reason."""
        twice = any(_is_duplicate(errors.get(rule.value, {})) for rule in rules)
        known = {(rule.value, rule.tag): rule for rule in self.held()} if twice else {}
        held: list[HeldRule] = []
        refused: list[RefusedRule] = []
        for rule in rules:
            same = known.get((rule.value, rule.tag))
            if same is not None:
                held.append(same)
            else:
                refused.append(RefusedRule(rule, _reason(errors.get(rule.value))))
        return Added(tuple(held), tuple(refused))

    @staticmethod
    def _replaced(change: RuleChange, added: Added) -> tuple[HeldRule, ...]:
        """What may go: not the old rule of a tag whose new one was refused, since that would follow nobody."""
        refused = {refusal.rule.tag for refusal in added.refused}
        return tuple(rule for rule in change.delete if rule.tag not in refused)


def _rules(answer: Json) -> list[HeldRule]:
    """The rules of an answer; `tag` is optional in X's specification."""
    return [HeldRule(text(row, "id"), text(row, "value"), text(row, "tag")) for row in rows(answer, "data")]


def _errors(answer: Json) -> dict[str, Json]:
    """The errors of an answer that are about a rule, by its value."""
    return {text(row, "value"): row for row in rows(answer, "errors") if row.get("value")}


def _is_duplicate(error: Json) -> bool:
    return text(error, "title") == "DuplicateRule" or text(error, "type").rpartition("/")[2] == "duplicate-rules"


def _reason(error: Json | None) -> str:
    """X's words about a rule."""
    if error is None:
        return "X did not add it and gave no reason"
    if _is_duplicate(error):
        return f"X holds a rule of this value under another tag (rule {text(error, 'id') or 'without id'})"
    details = error.get("details")
    said = details if isinstance(details, list) else []
    words = [text(error, "title"), text(error, "detail"), *map(str, said)]
    return ": ".join(word[:_SHOWN] for word in dict.fromkeys(words) if word) or "X gave no reason"
