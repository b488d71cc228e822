"""What `elec watch ls` and `elec watch silence` tell: for a person, and for a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from elec_assets.domain.silences import Silence
from elec_assets.domain.windows import iso
from elec_assets.operations.report import DONE, columns
from elec_assets.transforms.alert_state import Incident, State
from elec_assets.transforms.alert_texts import length


@dataclass(frozen=True, slots=True)
class Row:
    """One watched thing.

    Attributes:
        state: `ok`, or what is wrong: `late`, `stale`, `no permission`...; `not looked at` where nobody looked yet.
        newest_at: how new its data is, UTC; None: there is none, or it is not known.
        limit_s: how old it may be, for a prefix.
        incidents: ids of what is open about it.
    """

    asset: str
    state: str
    newest_at: datetime | None
    limit_s: int | None = None
    muted: str = ""
    incidents: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class WatchReport:
    """All that is watched, and all that alerts remember."""

    now: datetime
    rows: Sequence[Row]
    state: State
    silences: Sequence[Silence]
    problems: Sequence[str]

    @property
    def exit_code(self) -> int:
        """0: that something is wrong is what it tells."""
        return DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "looked_at": _iso(self.state.looked_at),
            "watched": [_row(row) for row in self.rows],
            "incidents": [_incident(i, _stage(i)) for i in (*self._now(), *reversed(self.state.past))],
            "silences": [silence_dict(each) for each in self.silences],
            "problems": list(self.problems),
        }

    def _now(self) -> list[Incident]:
        return [*self.state.incidents.values(), *self.state.over]

    def lines(self) -> list[str]:
        """For a person."""
        return [*self._head(), *self._watched(), *self._open(), *self._muted(), *self.problems]

    def _head(self) -> list[str]:
        at = self.state.looked_at
        if at is None:
            return ["Nothing was looked at yet: the sensor `alerts` of Dagster does, every 30 s."]
        return [f"Looked at {_iso(at)}, {length(self.now - at)} ago; {len(self.state.past)} incidents are over."]

    def _watched(self) -> list[str]:
        if not self.rows:
            return ["Nothing is watched: no election is collected now, and watches.yaml is empty."]
        told = [("watched", "state", "newest data", "age", "alert")]
        told += [_cells(row, self.now) for row in self.rows]
        return ["", *columns(told)]

    def _open(self) -> list[str]:
        found = self._now()
        if not found:
            return ["", "Nothing is wrong."]
        told = [("incident", "", "severity", "what", "since", "told")]
        told += [_open_cells(incident) for incident in found]
        return ["", *columns(told)]

    def _muted(self) -> list[str]:
        if not self.silences:
            return []
        return [
            "",
            *columns([("silence", "until", "why"), *((s.match, iso(s.until), s.reason) for s in self.silences)]),
        ]


@dataclass(frozen=True, slots=True)
class SilenceReport:
    """A silence as it is kept, and the open incidents that it mutes."""

    silence: Silence
    muted: Sequence[Incident]

    @property
    def exit_code(self) -> int:
        """0: what cannot be done raises."""
        return DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**silence_dict(self.silence), "mutes": [f"{i.id}" for i in self.muted]}

    def lines(self) -> list[str]:
        """For a person."""
        named = ", ".join(f"#{i.id} {i.condition.asset}" for i in self.muted)
        now = f"it mutes {named}" if named else "nothing of that name is open now"
        return [f"{self.silence.match} is silent until {iso(self.silence.until)}; {now}"]


def silence_dict(silence: Silence) -> dict[str, str]:
    """A silence for `--json`."""
    return {"match": silence.match, "until": iso(silence.until), "reason": silence.reason}


def _open_cells(incident: Incident) -> tuple[str, str, str, str, str, str]:
    condition = incident.condition
    what = f"{condition.asset}: {condition.wrong}"
    told = _iso(incident.announced_at) or incident.muted or "not yet"
    return f"#{incident.id}", _stage(incident), incident.severity.value, what, _iso(condition.since) or "", told


def _stage(incident: Incident) -> str:
    if incident.fired_at is None:
        return "pending"
    if incident.ended_at is not None:
        return "over"
    return "muted" if incident.muted else "open"


def _cells(row: Row, now: datetime) -> tuple[str, str, str, str, str]:
    age = "" if row.newest_at is None else length(now - row.newest_at)
    limit = "" if row.limit_s is None else f" (max {length(timedelta(seconds=row.limit_s))})"
    alert = " ".join(f"#{each}" for each in row.incidents)
    told = " ".join(part for part in (alert, f"({row.muted})" if row.muted else "", row.said) if part)
    return row.asset, row.state, _iso(row.newest_at) or "none", age + limit if age else "", told


def _row(row: Row) -> Mapping[str, object]:
    return {
        "asset": row.asset,
        "state": row.state,
        "newest_at": _iso(row.newest_at),
        "limit_s": row.limit_s,
        "muted": row.muted,
        "incidents": list(row.incidents),
        "said": row.said,
    }


def _incident(incident: Incident, stage: str) -> Mapping[str, object]:
    condition = incident.condition
    return {
        "id": incident.id,
        "key": condition.key,
        "asset": condition.asset,
        "severity": incident.severity.value,
        "stage": stage,
        "wrong": condition.wrong,
        "since": _iso(condition.since),
        "until": _iso(incident.ended_at),
        "told_at": _iso(incident.told_at),
        "muted": incident.muted,
    }


def _iso(moment: datetime | None) -> str | None:
    """To the second: nobody reads more."""
    return None if moment is None else iso(moment.replace(microsecond=0))
