"""Whether one alert says one thing once: scripts of healthy months and incidents, beside the rule of 2021."""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from bench.alert_feeds import MINUTE, SECOND, conditions, jitter
from bench.alert_judge import Verdict, Verdict2021, judge, judge_2021
from bench.alert_phone import Killed, MemoryStore, Phone, seeded
from bench.alert_scripts import KINDS, script
from bench.alert_truths import PARIS, Script
from bench.report import Report, Row, WrongOption, main, options, progress
from elec_assets.clients.alert_state import AlertDesk, add_silence
from elec_assets.domain import layout_alerts
from elec_assets.handlers.deadman import check
from elec_assets.transforms.alert_state import Rules

LOOK = 30 * SECOND
RULES = Rules(timezone=PARIS)
_DENSE = (90 * SECOND, 5 * MINUTE)
_DEADMAN = 5 * MINUTE
_MOST_STEP_S = 600
_ABOUT = """\
Scripts drawn from a seed, run on a clock that is stepped: 5 healthy months (winter, the vote with the clocks of March,
autumn, a sampled plan, the end of collection) and 15 kinds of incidents, in turn: midnight UTC, a night in which clocks
change, a weekly file, 60 hours, flapping, thirty failures at once, the daemon down, killed and started an hour later,
SNS down, the topic gone, a state of version 1, two sensors at once, a backfill in an outage, old files sent again, a
cause upstream with silences. Each collects all that a deployment does, and a project beside it.

  ours   what is due comes from `domain`, the messages from `AlertDesk` over a store in memory, the dead-man switch from
         its handler; looks are 30 s apart around everything that happens, `--step` seconds elsewhere (30: everywhere)
  2021   an SMS for each prefix whose newest upload is older than its threshold, every 4 hours; the age is
         `timedelta.seconds`, which drops days. Its other faults (one page of keys, today's folder alone) are spared.

What is wrong and when is said by the scripts (`alert_truths.py`), not by what is tested. `wait` is the time in minutes
from the moment that something is past its window to the first message; warnings at night wait for 8 in Paris. `missed`
and `false` count outages of data without a message, and messages without an outage. Ends with 1 if an incident is lost,
told twice, told late, or told where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Run:
    """One script, and what came of it; `copies`: messages that came more than once."""

    script: Script
    ours: Verdict
    of_2021: Verdict2021
    copies: int


def run(number: int, seed: int, step: timedelta) -> Run:
    """Run the script of a number."""
    story = script(number, seed)
    dead = Phone()
    phone = heard(story, step, seed + number, dead)
    ours = judge(story, phone.messages, dead.got, step + MINUTE)
    of_2021 = judge_2021(story, seeded(f"2021 {seed} {number}"))
    return Run(story, ours, of_2021, len(phone.got) - len(phone.messages))


def heard(story: Script, step: timedelta, seed: int, dead: Phone | None = None) -> Phone:
    """Play a script: what people get, `dead` from the dead-man switch; `seed` draws what arrives while SNS is down."""
    phone = Phone(story.faults, seed)
    with tempfile.TemporaryDirectory(prefix="elec-alerts-") as folder:
        _play(story, phone, dead or Phone(), step, Path(folder, "lock"))
    return phone


def _play(story: Script, phone: Phone, dead: Phone, step: timedelta, lock: Path) -> None:
    store = MemoryStore()
    if story.state is not None:
        store.put(layout_alerts.alerts(), msgspec.json.encode(story.state))
    for silence in story.silences:
        add_silence(store, silence, story.window.start)
    # Desks of their own, as sensors in processes of their own have.
    desks = [AlertDesk(store=store, publisher=phone, rules=RULES, lock=lock) for _ in range(1 + story.twice)]
    switch = story.window.start + _DEADMAN
    for at in ticks(story, step):
        while switch <= at:
            if _switched_on(story):
                dead.now = switch
                check(store, dead, switch, label="elec")
            switch += _DEADMAN
        if any(at in window for window in story.down):
            continue
        for number, desk in enumerate(desks):
            phone.now = at + number * 2 * SECOND
            with suppress(Killed):
                desk.look(conditions(story.feeds, phone.now), phone.now)


def _switched_on(story: Script) -> bool:
    """The switch would speak through the SNS that fails."""
    return all(fault.how == "killed" for fault in story.faults)


def ticks(story: Script, step: timedelta) -> Iterator[datetime]:
    """When looks are made: 30 s apart around everything that happens, else `step`, never quite on time."""
    near = sorted((edge - _DENSE[0], edge + _DENSE[1]) for edge in _edges(story))
    at = story.window.start + jitter(story.kind, story.window.start, LOOK)
    while at < story.window.end:
        yield at
        near = [span for span in near if span[1] > at]
        if near and near[0][0] <= at:
            at += LOOK
        else:
            wait = max(step - jitter(story.kind, at, step / 10), LOOK)
            at = min(at + wait, max(near[0][0], at + LOOK)) if near else at + wait


def _edges(story: Script) -> set[datetime]:
    """Moments at which something happens."""
    moments = {*story.edges, *(silence.until for silence in story.silences)}
    for window in (*story.down, *story.dead, *(fault.window for fault in story.faults)):
        moments |= {window.start, window.end}
    for truth in story.truths:
        moments |= {truth.wrong, truth.heard, truth.heard_by, truth.over, truth.over_by, truth.severe or truth.wrong}
    return moments


def bench(args: argparse.Namespace) -> Report:
    """Run all scripts.

    Raises:
        WrongOption: a step that the dead-man switch would take for death.
    """
    if not LOOK.seconds <= args.step <= _MOST_STEP_S:
        raise WrongOption(f"--step {args.step} found; allowed: {LOOK.seconds} to {_MOST_STEP_S} seconds")
    runs = []
    for number in range(args.size):
        progress(f"script {number + 1} of {args.size}: {script(number, args.seed).kind}")
        runs.append(run(number, args.seed, timedelta(seconds=args.step)))
    return report(runs)


def report(runs: Sequence[Run]) -> Report:
    """What came of all scripts, by kind."""
    kinds: dict[str, list[Run]] = {}
    for each in runs:
        kinds.setdefault(each.script.kind, []).append(each)
    broken = [sentence for each in runs for sentence in each.ours.broken]
    return Report(_headline(runs), [_row(kind, same) for kind, same in kinds.items()], broken=broken)


def _row(kind: str, runs: Sequence[Run]) -> Row:
    waits, of_2021 = _waits(runs)
    return {
        "script": kind,
        "runs": len(runs),
        "incidents": sum(truth.spoken for each in runs for truth in each.script.truths),
        "messages": sum(each.ours.messages for each in runs),
        "wait_median": _median(waits),
        "wait_worst": round(max(waits), 1) if waits else None,
        "broken": sum(len(each.ours.broken) for each in runs),
        "messages_2021": sum(each.of_2021.messages for each in runs),
        "wait_median_2021": _median(of_2021),
        "missed_2021": sum(each.of_2021.missed for each in runs),
        "false_2021": sum(each.of_2021.false for each in runs),
    }


def _headline(runs: Sequence[Run]) -> dict[str, float]:
    waits, of_2021 = _waits(runs)
    return {
        "scripts": len(runs),
        "incidents": sum(truth.spoken for each in runs for truth in each.script.truths),
        "messages": sum(each.ours.messages for each in runs),
        "lost": sum(len(each.ours.lost) for each in runs),
        "twice": sum(len(each.ours.twice) for each in runs),
        "false": sum(len(each.ours.false) for each in runs),
        "late": sum(len(each.ours.late) for each in runs),
        "copies": sum(each.copies for each in runs),
        "wait_median": _median(waits) or 0.0,
        "messages_2021": sum(each.of_2021.messages for each in runs),
        "missed_2021": sum(each.of_2021.missed for each in runs),
        "false_2021": sum(each.of_2021.false for each in runs),
        "wait_median_2021": _median(of_2021) or 0.0,
    }


def _waits(runs: Sequence[Run]) -> tuple[list[float], list[float]]:
    return [w for each in runs for w in each.ours.waits], [w for each in runs for w in each.of_2021.waits]


def _median(waits: Sequence[float]) -> float | None:
    return round(statistics.median(waits), 1) if waits else None


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("alerts", _ABOUT, size=2 * len(KINDS), unit="scripts, the kinds in turn", week=False)
    made.add_argument("--step", type=int, default=600, help="seconds between looks where nothing happens (default 600)")
    return made


if __name__ == "__main__":
    sys.exit(main(parser(), bench))
