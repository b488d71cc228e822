"""The picture of incidents: one bar each, in its words, and nothing that must not be seen."""

from datetime import datetime, timedelta
from xml.etree import ElementTree

from elec_assets.transforms.alert_state import Condition, Incident, Severity, State, changed, incident_id
from elec_assets.transforms.charts_alerts import COLOURS, MOST, MUTED, phase, shown, timeline
from elec_assets_tests.transforms.alerts_world import START, condition

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = START + 3 * DAY
_SVG = "{http://www.w3.org/2000/svg}"


def incident(key: str, since: datetime = START, *, lasted: timedelta | None = None, muted: str = "") -> Incident:
    return Incident(
        incident_id(key, since),
        condition(key, since, critical=key != "warned"),
        since,
        fired_at=since,
        ended_at=None if lasted is None else since + lasted,
        misses=0 if lasted is None else 2,
        announced_at=None if muted else since,
        muted=muted,
    )


def state(*incidents: Incident) -> State:
    return State(
        incidents={i.condition.key: i for i in incidents if i.ended_at is None},
        past=[i for i in incidents if i.ended_at is not None],
    )


def bars(svg: str) -> dict[str, tuple[float, float, str]]:
    """Left, width and colour of each bar, by the key in its title."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    found = {}
    for rect in root.iter(f"{_SVG}rect"):
        title = rect.find(f"{_SVG}title")
        if title is not None and title.text is not None:
            key = title.text.split(" ", 1)[1].partition(":")[0]
            found[key] = float(rect.attrib["x"]), float(rect.attrib["width"]), rect.attrib["fill"]
    return found


def test_each_incident_is_a_bar_of_its_time_and_severity() -> None:
    svg = timeline(state(incident("a"), incident("warned", START + DAY, lasted=DAY)), NOW)
    drawn = bars(svg)
    assert drawn["a"] == (300 + 560 * 4 / 7, 560 * 3 / 7, COLOURS[Severity.CRITICAL])
    assert drawn["warned"] == (700.0, 80.0, COLOURS[Severity.WARNING])
    assert "2027-02-02T12:00:00Z until 2027-02-03T12:00:00Z, 24h00m" in svg
    assert timeline(state(incident("a")), NOW) == timeline(state(incident("a")), NOW)


def test_what_was_not_told_is_grey_and_says_why() -> None:
    svg = timeline(state(incident("late:b", muted="cause: late:a")), NOW)
    assert bars(svg)["late"][2] == MUTED
    assert "(cause: late:a)" in svg


def test_phases_are_told_apart() -> None:
    told, silent = incident("a", lasted=HOUR), incident("b", lasted=HOUR, muted="quiet hours")
    assert [phase(each) for each in (incident("a"), incident("b", muted="x"), told, silent)] == [
        "open",
        "muted",
        "over",
        "over, muted",
    ]


def test_the_open_come_first_pending_and_old_ones_are_left_out() -> None:
    pending = changed(incident("p"), fired_at=None)
    old = incident("old", NOW - 9 * DAY, lasted=DAY)
    found = shown(state(incident("x", lasted=HOUR), incident("m", muted="x"), incident("a"), pending, old), NOW)
    assert [each.condition.key for each in found] == ["a", "m", "x"]


def test_a_storm_is_cut_and_counted_and_calm_says_so() -> None:
    svg = timeline(state(*(incident(f"k{n}") for n in range(MOST + 5))), NOW)
    assert len(bars(svg)) == MOST
    assert "and 5 more" in svg
    assert "nothing was wrong" in timeline(State(), NOW)


def test_texts_are_escaped() -> None:
    odd = Condition("late:<script>", "<script>", Severity.CRITICAL, "<b>&", START)
    svg = timeline(state(changed(incident("a"), condition=odd)), NOW)
    assert "<script>" not in svg
    ElementTree.fromstring(svg)  # noqa: S314 - our own
