"""What is found -> what is wrong now: every condition that alerts know, and which one explains which. Pure.

A condition's key is `{kind}:{asset}`; docs/operations.md says of each kind what it means and what to do. Texts hold
states, counts and times: never text of posts, handles, tokens, numbers, or answers of other systems.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.domain.due import BATCHES
from elec_assets.domain.outcomes import Outcome
from elec_assets.transforms.alert_facts import WATCHING, Captured, Covered, Facts, Product, Watched
from elec_assets.transforms.alert_state import Condition, Severity, changed
from elec_assets.transforms.alert_texts import length

COVERAGE_WARN, COVERAGE_FAIL = 0.95, 0.80
"""Below these parts of what was planned, 0 to 1."""
UNSEEN_WARN, UNSEEN_FAIL = timedelta(minutes=5), timedelta(minutes=15)
"""How long ago prefixes and batches were last looked at; it is done every minute."""
UPLOAD_PATIENCE = timedelta(minutes=10)
DISK_WARN_BYTES, DISK_FAIL_BYTES = 2_000_000_000, 500_000_000
KINDS = (
    "late", "unreadable", "unseen", "run_failed", "check_failed", "coverage", "refused", "budget", "spool", "upload",
    "capture", "disk", "silences",
)  # fmt: skip
"""All kinds of conditions; the last is told by `clients.alert_state`."""
_WARN, _FAIL = Severity.WARNING, Severity.CRITICAL
_UNSEEN = f"unseen:{WATCHING}"
_DATASET = "kaggle/dataset"
# What makes a product late, the keys below its election; `*`: any.
_UPSTREAM: Mapping[str, tuple[str, ...]] = {
    "twitter/tweets": ("twitter/batches",),
    "twitter/weekly": ("twitter/tweets",),
    "twitter/volume": ("twitter/tweets",),
    "google_trends/rollup": ("google_trends/*",),
    "coverage/weekly": ("twitter/tweets", "google_trends/*"),
}
_OUTSIDE: Mapping[str, tuple[str, ...]] = {
    BATCHES: ("spool:capture", "upload:capture", "budget:x_capture", "disk:spool", _UNSEEN),
    "twitter/tweets": ("budget:x_search", "disk:store"),
    "google_trends/hourly": ("refused:google_trends",),
    "google_trends/daily": ("refused:google_trends",),
    "google_trends/weekly": ("refused:google_trends",),
}


@dataclass(frozen=True, slots=True)
class _Found:
    """A condition, and the keys that may explain it: patterns that end with `*` are prefixes."""

    condition: Condition
    causes: tuple[str, ...] = ()


def conditions(facts: Facts) -> tuple[Condition, ...]:
    """All that is wrong, each with the most severe of the conditions that explain it as its cause."""
    found = [*_products(facts), *_watches(facts), *_dagster(facts), *_coverage(facts), *_limits(facts), *_host(facts)]
    there = {each.condition.key: each.condition for each in found}
    return tuple(changed(each.condition, cause=_cause(each, there)) for each in found)


def _cause(found: _Found, there: Mapping[str, Condition]) -> str | None:
    named = [
        condition
        for pattern in found.causes
        for key, condition in there.items()
        if key != found.condition.key and (key.startswith(pattern[:-1]) if pattern[-1] == "*" else key == pattern)
    ]
    return max(named, key=lambda each: each.severity.rank).key if named else None


def _products(facts: Facts) -> Iterator[_Found]:
    for product in facts.products:
        condition = _late(product, facts.now)
        if condition is not None:
            above = (f"late:{product.election}/{name}" for name in _UPSTREAM.get(product.product, ()))
            own = (f"run_failed:{product.asset}", f"refused:{product.asset}", f"budget:{product.asset}")
            yield _Found(condition, (*above, *_OUTSIDE.get(product.product, ()), *own))
    if facts.release is not None:
        late = facts.release
        wrong = f"release is {length(facts.now - late.since)} late"
        condition = Condition(f"late:{_DATASET}", _DATASET, _loud(late.fail), wrong, late.since, None, facts.timezone)
        weekly = (f"late:{p.asset}" for p in facts.products if p.product.endswith(("/weekly", "/volume", "/rollup")))
        yield _Found(condition, (*weekly, "run_failed:kaggle/*", "check_failed:kaggle/*"))


def _late(product: Product, now: datetime) -> Condition | None:
    """One condition of a product, whether the calendar or Dagster says it: the louder, the older."""
    said = []
    if product.late is not None:
        late = product.late
        several = f", {late.missing} missing" if late.missing > 1 else ""
        text = f"{length(now - late.since)} late{several}"
        said.append((_loud(late.fail), late.since, text))
    if product.stale is not None:
        stale = product.stale
        text = "never made" if stale.state == "UNKNOWN" else f"nothing new for its window ({stale.state.lower()})"
        said.append((_loud(stale.state != "WARN"), stale.since, text))
    if not said:
        return None
    severity = max((each[0] for each in said), key=lambda each: each.rank)
    since = min(each[1] for each in said)
    return Condition(f"late:{product.asset}", product.asset, severity, said[0][2], since, None, product.timezone)


def _watches(facts: Facts) -> Iterator[_Found]:
    if facts.watching:
        age = None if facts.seen_at is None else facts.now - facts.seen_at
        if age is None or age > UNSEEN_WARN:
            since = facts.seen_at or facts.now
            severity = _loud(age is not None and age > UNSEEN_FAIL)
            wrong = f"not looked at prefixes and batches for {length(facts.now - since)}"
            yield _Found(Condition(_UNSEEN, WATCHING, severity, wrong, since, None, facts.timezone))
    for each in facts.watched:
        yield from _watch(each, facts)


def _watch(watched: Watched, facts: Facts) -> Iterator[_Found]:
    """A prefix: its data is old, or it cannot be listed; what cannot be listed does not become old by that."""
    watch, seen, now = watched.watch, watched.seen, facts.now
    if seen is None:
        return
    asset, zone = f"watch/{watch.name}", watch.schedule.timezone if watch.schedule is not None else facts.timezone
    severity = Severity(watch.severity)
    listed = seen.state in ("found", "empty")
    # As of the look: between two looks, a minute apart, a healthy prefix only seems to grow old.
    looked_at = min(now, facts.seen_at or now)
    stale = watch.stale_since(seen.fresh_at, looked_at if listed else seen.since)
    if stale is not None and (listed or seen.fresh_at is not None):
        age = "no data" if seen.fresh_at is None else f"newest data {length(now - seen.fresh_at)} old"
        wrong = f"{age} (max {length(timedelta(seconds=watch.threshold_s))})"
        late = Condition(f"late:{asset}", asset, severity, wrong, stale, None, zone)
        yield _Found(late, (f"unreadable:{asset}", _UNSEEN))
    if not listed:
        lasting = now - seen.since > timedelta(seconds=watch.threshold_s)
        loud = severity if lasting else _WARN
        yield _Found(Condition(f"unreadable:{asset}", asset, loud, seen.state, seen.since, None, zone), (_UNSEEN,))


def _dagster(facts: Facts) -> Iterator[_Found]:
    for run in facts.runs:
        several = f"{run.count} runs" if run.count > 1 else "run"
        wrong = f"{several} failed" + (f", last {run.partition}" if run.partition else "")
        condition = Condition(f"run_failed:{run.name}", run.name, _WARN, wrong, run.since, None, facts.timezone)
        yield _Found(changed(condition, forget_at=run.forget_at))
    for check in facts.checks:
        wrong = f"check {check.check} failed" + (", blocks" if check.blocking else "")
        key = f"check_failed:{check.asset}:{check.check}"
        condition = Condition(key, check.asset, _loud(check.blocking), wrong, check.since, None, facts.timezone)
        yield _Found(condition)


def _coverage(facts: Facts) -> Iterator[_Found]:
    for covered in facts.covered:
        yield from _covered(covered, facts.now)


def _covered(covered: Covered, now: datetime) -> Iterator[_Found]:
    """The newest outcome if it is a refusal, which explains what is missing; and what is missing."""
    kinds = {Outcome.REFUSED: "refused", Outcome.OVER_BUDGET: "budget"}
    kind = None if covered.outcome is None else kinds.get(covered.outcome)
    if kind is not None and covered.outcome is not None:
        wrong = f"newest is {covered.outcome.value}"
        yield _Found(
            Condition(f"{kind}:{covered.asset}", covered.asset, _FAIL, wrong, now, None, covered.timezone),
            ("budget:x_search", "refused:google_trends"),
        )
    if covered.share < COVERAGE_WARN:
        wrong = f"{covered.share:.0%} of {covered.what} (min {COVERAGE_WARN:.0%})"
        severity = _loud(covered.share < COVERAGE_FAIL)
        causes = (f"{kind}:{covered.asset}" if kind else "", f"late:{covered.asset}", "refused:google_trends")
        election = covered.asset.partition("/")[0]
        batches = (f"late:{election}/{BATCHES}",) if covered.asset.endswith("twitter/tweets") else ()
        condition = Condition(f"coverage:{covered.asset}", covered.asset, severity, wrong, now, None, covered.timezone)
        yield _Found(condition, tuple(filter(None, (*causes, *batches))))


def _limits(facts: Facts) -> Iterator[_Found]:
    if facts.search_over_budget:
        wrong = "month's budget for searches is spent"
        yield _Found(Condition("budget:x_search", "x_search", _FAIL, wrong, facts.now, None, facts.timezone))
    if facts.trends_refused is not None:
        since, until = facts.trends_refused
        wrong = f"Google refuses, not asked for {length(until - facts.now)}"
        yield _Found(Condition("refused:google_trends", "google_trends", _WARN, wrong, since, None, facts.timezone))


def _host(facts: Facts) -> Iterator[_Found]:
    if facts.captured is not None:
        yield from (_Found(each) for each in _capture(facts.captured, facts.now, facts.timezone))
    for disk in facts.disks:
        if disk.free_bytes < DISK_WARN_BYTES:
            wrong = f"{disk.free_bytes / 1e9:.1f} GB free on its disk"
            severity = _loud(disk.free_bytes < DISK_FAIL_BYTES)
            yield _Found(Condition(f"disk:{disk.name}", disk.name, severity, wrong, facts.now, None, facts.timezone))


def _capture(said: Captured, now: datetime, timezone: str) -> Iterable[Condition]:
    def wrong(kind: str, text: str, since: datetime, *, fail: bool) -> Condition:
        name = "x_capture" if kind == "budget" else "capture"
        return Condition(f"{kind}:{name}", name, _loud(fail), text, since, None, timezone)

    if said.near_full:
        yield wrong("spool", f"spool is {said.used_share:.0%} full", now, fail=said.used_share >= 1)
    if said.upload_problem_since is not None and now - said.upload_problem_since > UPLOAD_PATIENCE:
        text = f"store takes no batches for {length(now - said.upload_problem_since)}"
        yield wrong("upload", text, said.upload_problem_since, fail=True)
    if said.over_budget:
        yield wrong("budget", "month's budget for the stream is spent", now, fail=True)
    if said.problems:
        yield wrong("capture", f"{said.problems} to mend, elec status names them", now, fail=False)


def _loud(fail: bool) -> Severity:
    return _FAIL if fail else _WARN
