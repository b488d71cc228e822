"""`elec watch ls` and `elec watch silence`: what was seen, what is wrong, what is muted; wrong input ends with 2."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from elec_assets import cli
from elec_assets.clients.store import Store
from elec_assets.domain import layout, layout_alerts
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import HOUR, Grain, Window, floor, iso, window_at
from elec_assets.operations.watch import watched
from elec_assets.transforms.alert_state import Condition, Incident, Severity, State, encode_state
from elec_assets.transforms.watch_state import Seen, SeenBatches, SeenWatch, encode_seen
from elec_assets_tests.operations.place import ELECTION, NOW, Place

WATCHES = """\
watches:
  fresh: {bucket: one, prefix: data/raw/, time_threshold: 600}
  old: {bucket: one, prefix: data/other/, time_threshold: 600, severity: warning}
  shut: {bucket: two, prefix: '', time_threshold: 60}
  new: {bucket: three, prefix: '', time_threshold: 60}
"""
MINUTE = timedelta(minutes=1)


def incident(key: str, asset: str, now: datetime, **changes: object) -> Incident:
    condition = Condition(key, asset, Severity.CRITICAL, "late 2h40m (max 2h30m)", now - HOUR)
    values = {"hits": 9, "fired_at": now - HOUR, "announced_at": now - HOUR, "told_at": now - HOUR, **changes}
    return Incident(key[-6:], condition, now - HOUR, **values)  # type: ignore[arg-type]  # fields of Incident


def remember(store: Store, now: datetime) -> None:
    """Four prefixes, of which three were looked at; one incident open, one muted, one over."""
    seen = {
        "fresh": SeenWatch(state="found", since=now - HOUR, fresh_at=now - 3 * MINUTE, key="data/raw/x"),
        "old": SeenWatch(state="found", since=now - HOUR, fresh_at=now - HOUR, key="data/other/x"),
        "shut": SeenWatch(state="no permission", since=now - HOUR, said="no permission to list s3://two/"),
    }
    batches = {ELECTION: SeenBatches(covered_to=now - 4 * MINUTE, key="k")}
    store.put(layout_alerts.watches(), encode_seen(Seen(at=now - MINUTE, watches=seen, batches=batches)))
    state = State(
        incidents={
            "late:111111": incident("late:111111", f"{ELECTION}/twitter/tweets", now),
            "run:222222": incident("run:222222", "elsewhere", now, muted="quiet hours", announced_at=None),
        },
        past=[incident("late:333333", "watch/old", now, ended_at=now)],
        looked_at=now - MINUTE / 2,
    )
    store.put(layout_alerts.alerts(), encode_state(state))


@pytest.fixture
def home(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    (place.folder / "watches.yaml").write_text(WATCHES, encoding="utf-8")
    monkeypatch.chdir(place.folder)
    return place


def elec(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments, catch_exceptions=False)


def test_every_prefix_and_asset_is_shown_with_its_newest_data_and_what_alerts_make_of_it(home: Place) -> None:
    remember(home.store, NOW)
    sealed = Window(floor(NOW, Grain.HOUR) - 2 * HOUR, floor(NOW, Grain.HOUR) - HOUR)
    home.store.put(layout.tweets_hour(ELECTION, sealed), b"")
    yesterday = window_at(NOW - 24 * HOUR, Grain.DAY)
    home.store.put(TrendsPlace(ELECTION, "world", Cadence.DAILY, yesterday).coverage, b"")
    settings = home.settings(trends="on")
    report = watched(settings, home.registry.elections.values(), NOW)
    told = report.as_dict()
    rows = {row["asset"]: row for row in told["watched"]}
    assert {name: rows[name]["state"] for name in ("watch/fresh", "watch/old", "watch/shut", "watch/new")} == {
        "watch/fresh": "ok",
        "watch/old": "stale",
        "watch/shut": "no permission",
        "watch/new": "not looked at",
    }
    assert rows["watch/old"]["newest_at"] == iso(NOW - HOUR)
    assert rows[f"{ELECTION}/twitter/batches"]["newest_at"] == iso(NOW - 4 * MINUTE)
    tweets = rows[f"{ELECTION}/twitter/tweets"]
    assert (tweets["state"], tweets["newest_at"]) == ("late 2h40m (max 2h30m)", iso(sealed.end))
    assert tweets["incidents"] == ["111111"]
    assert rows[f"{ELECTION}/google_trends/weekly"]["state"] == "ok"
    assert rows[f"{ELECTION}/google_trends/world/daily"]["newest_at"] == iso(floor(NOW, Grain.DAY))
    assert rows["elsewhere"]["muted"] == "quiet hours"
    assert [(i["id"], i["stage"]) for i in told["incidents"]] == [
        ("111111", "open"),
        ("222222", "muted"),
        ("333333", "over"),
    ]
    text = "\n".join(report.lines())
    for said in ("#111111", "quiet hours", "no permission to list s3://two/", "1h00m (max 10m)"):
        assert said in text


def test_a_deployment_where_nothing_ran_says_what_is_missing(home: Place) -> None:
    settings = home.settings()
    lines = watched(settings, home.registry.elections.values(), NOW).lines()
    assert lines[0].startswith("Nothing was looked at yet")
    assert lines[-1].startswith("nobody has looked at prefixes and the stream")
    assert "Nothing is wrong." in lines


def test_a_silence_is_kept_and_names_what_it_mutes(home: Place) -> None:
    now = datetime.now(UTC)
    remember(home.store, now)
    done = elec("watch", "silence", f"{ELECTION}/twitter/*", "--until", "2h", "--reason", "planned work", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["mutes"], told["reason"]) == (["111111"], "planned work")
    assert abs(datetime.fromisoformat(told["until"]) - now - 2 * HOUR) < MINUTE
    shown = json.loads(elec("watch", "ls", "--json").stdout)
    assert [s["match"] for s in shown["silences"]] == [f"{ELECTION}/twitter/*"]
    muted = next(row for row in shown["watched"] if row["asset"] == "watch/fresh")
    assert muted["muted"] == ""
    other = elec("watch", "silence", "watch/fresh", "--until", iso(now + HOUR), "--reason", "moved")
    assert other.exit_code == 0
    assert "nothing of that name is open now" in other.stdout
    shown = json.loads(elec("watch", "ls", "--json").stdout)
    assert next(row for row in shown["watched"] if row["asset"] == "watch/fresh")["muted"].startswith("silenced until")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "--until", "soon", "--reason", "x"], "'soon' is not a time such as"),
        (["a", "--until", "2027-02-03T12:00:00", "--reason", "x"], "with Z or an offset"),
        (["a", "--until", "40d", "--reason", "x"], "not after"),
        (["a", "--until", "2020-01-01T00:00:00Z", "--reason", "x"], "a time after now"),
        (["a", "--until", "0h", "--reason", "x"], "is not a time such as"),
        (["a", "--until", "2h", "--reason", " "], "the reason is empty"),
        (["a", "--until", "2h", "--reason", "two\nlines"], "write one line"),
        (["not a name", "--until", "2h", "--reason", "x"], "cannot be silenced"),
        (["a", "--until", "2h"], "--reason"),
        (["a", "--reason", "x"], "--until"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_is_allowed(arguments: list[str], said: str) -> None:
    done = elec("watch", "silence", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_cannot_be_read_is_told_with_its_line(home: Place) -> None:
    key = layout_alerts.silences()
    home.store.put(key, b"silences:\n  - {match: a}\n")
    assert any(f"{key}:2" in problem for problem in json.loads(elec("watch", "ls", "--json").stdout)["problems"])
    refused = elec("watch", "silence", "a", "--until", "2h", "--reason", "x")
    assert (refused.exit_code, f"{key}:2" in refused.stderr) == (2, True)
    home.store.put(layout_alerts.alerts(), b"{")
    damaged = elec("watch", "ls")
    assert (damaged.exit_code, damaged.stderr.startswith(f"elec: {layout_alerts.alerts()}")) == (1, True)
    (home.folder / "watches.yaml").write_text("watches: {a: {bucket: one}}\n", encoding="utf-8")
    assert elec("watch", "ls").exit_code == 2
