"""From the stream rules that X holds to those that are wanted: the least that must be added and deleted.

X holds a value once in an app, whatever its tag, and a tag cannot be changed. So a wanted rule whose value is held
under another tag (a candidate of two elections; an election that follows another; a rule of somebody else) gets an
exclusion that no post contains, which makes it another value to X and matches the same posts: no rule needs to go
before its successor stands. It is known again by that exclusion.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from elec_assets.domain.rules import STREAM_RULE_LIMIT, StreamRule

# Tags of all elections begin so (`rules.rule_tag_prefix`); rules with other tags are somebody else's.
OUR_TAGS = "elec:"
# X: rules of an app with pay-per-use access.
MOST_RULES = 1_000
_COPY = re.compile(r' -"elecassets\d+"\Z')


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule as X holds it; one without tag has an empty one."""

    id: str
    value: str
    tag: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What to do, in the order of the fields.

    Attributes:
        delete_first: rules that stand in the way of an addition: of its value, or because 1,000 are held.
        add: rules to add.
        delete: rules to delete after that, so that no post is missed between.
        left_out: wanted rules for which X has no place.
    """

    delete_first: tuple[HeldRule, ...]
    add: tuple[StreamRule, ...]
    delete: tuple[HeldRule, ...]
    left_out: tuple[StreamRule, ...]

    @property
    def nothing(self) -> bool:
        """Whether X holds what is wanted already."""
        return not (self.delete_first or self.add or self.delete)


def difference(wanted: Iterable[StreamRule], held: Sequence[HeldRule]) -> RuleChange:
    """How to come from all rules that X holds to the wanted ones. Rules with tags of others stay as they are.

    `wanted` are the rules of every active election: rules of ours that are not among them go. Their tags must begin
    with `elec:`; if there are more than X holds, the last ones are left out.

    Raises:
        ValueError: a wanted rule has a tag that does not begin so.
    """
    foreign = [rule for rule in held if not rule.tag.startswith(OUR_TAGS)]
    asked = _asked(wanted)
    room = max(MOST_RULES - len(foreign), 0)
    kept, missing = _matched(asked[:room], [rule for rule in held if rule.tag.startswith(OUR_TAGS)])
    staying = {rule.id for rule in (*foreign, *kept)}
    going = [rule for rule in held if rule.id not in staying]
    add, blocked = _valued(missing, held, going)
    over = len(held) - len(blocked) + len(add) - MOST_RULES
    rest = [rule for rule in going if rule not in blocked]
    first = max(over, 0)
    return RuleChange((*blocked, *rest[:first]), tuple(add), tuple(rest[first:]), tuple(asked[room:]))


def plain(value: str) -> str:
    """The value as it was wanted: without the exclusion that makes it another one."""
    return _COPY.sub("", value)


def _asked(wanted: Iterable[StreamRule]) -> list[StreamRule]:
    """The wanted rules, each once."""
    asked = list(dict.fromkeys(wanted))
    for rule in asked:
        if not rule.tag.startswith(OUR_TAGS):
            raise ValueError(f"the tag {rule.tag} does not begin with {OUR_TAGS}: it would be taken for a foreign one")
    return asked


def _matched(asked: Sequence[StreamRule], ours: Sequence[HeldRule]) -> tuple[list[HeldRule], list[StreamRule]]:
    """Held rules that are wanted, and wanted ones that are not held."""
    by_name: dict[tuple[str, str], HeldRule] = {}
    # Of two that match the same posts the plain one stays.
    for rule in sorted(ours, key=lambda r: (len(r.value), r.id), reverse=True):
        by_name[plain(rule.value), rule.tag] = rule
    kept = [by_name[name] for rule in asked if (name := (plain(rule.value), rule.tag)) in by_name]
    return kept, [rule for rule in asked if (plain(rule.value), rule.tag) not in by_name]


def _valued(
    missing: Iterable[StreamRule], held: Iterable[HeldRule], going: Iterable[HeldRule]
) -> tuple[list[StreamRule], list[HeldRule]]:
    """The missing rules with values that X does not hold, and what must go before for those that are too long."""
    taken = {rule.value for rule in held}
    leaving = {rule.value: rule for rule in going}
    add: list[StreamRule] = []
    blocked: list[HeldRule] = []
    for rule in missing:
        value = _free(rule.value, taken)
        if len(value) > STREAM_RULE_LIMIT:
            value = rule.value
            if value in leaving:
                blocked.append(leaving.pop(value))
        taken.add(value)
        add.append(StreamRule(value, rule.tag))
    return add, blocked


def _free(value: str, taken: set[str]) -> str:
    """The value, or with the first exclusion under which it is not taken."""
    number, free = 1, value
    while free in taken:
        number += 1
        free = f'{value} -"elecassets{number}"'
    return free
