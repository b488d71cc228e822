import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import Grain, split, window_at
from elec_assets.transforms.charts import CAPTURED, COLOURS, FILLED, HourCell, coverage_week, hourly_bars

WEEK = window_at(datetime(2027, 2, 1, tzinfo=UTC), Grain.WEEK)
HOURS = [hour.start for hour in split(WEEK, Grain.HOUR)]
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - made by us


def inside(root: ET.Element) -> bool:
    """Whether every box and every text begins, and every box ends, within the picture."""
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for shape in [*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")]:
        x, y = float(shape.get("x", "0")), float(shape.get("y", "0"))
        right = x + float(shape.get("width", str(6 * len(shape.text or ""))))
        if not (0 <= x <= right <= width and 0 <= y <= y + float(shape.get("height", "0")) <= height):
            return False
    return True


def test_every_hour_is_a_cell_of_its_own_with_the_colour_of_its_outcome() -> None:
    outcomes = list(Outcome)
    cells = [HourCell(start, outcomes[n % 9]) for n, start in enumerate(HOURS)]
    root = parsed(coverage_week(WEEK, cells))
    titled = [r for r in root.iter(f"{SVG}rect") if r.find(f"{SVG}title") is not None]
    assert len(titled) == 168
    assert len({(r.attrib["x"], r.attrib["y"]) for r in titled}) == 168
    assert [r.attrib["fill"] for r in titled] == [COLOURS[cell.outcome] for cell in cells]
    assert titled[0].findtext(f"{SVG}title") == "Mon 01 Feb 00:00 UTC: ok"
    assert titled[-1].findtext(f"{SVG}title") == f"Sun 07 Feb 23:00 UTC: {cells[-1].outcome}"


def test_the_legend_of_all_outcomes_fits_into_the_picture() -> None:
    """With all nine the last three stood outside, where nobody sees them."""
    cells = [HourCell(start, list(Outcome)[n % 9]) for n, start in enumerate(HOURS)]
    root = parsed(coverage_week(WEEK, [*cells, HourCell(HOURS[0], Outcome.PARTIAL, 60, 60, 60)]))
    told = {text.text for text in root.iter(f"{SVG}text")}
    assert {"captured", "filled by search", *(outcome.value for outcome in Outcome)} <= told
    assert inside(root)
    assert inside(parsed(coverage_week(WEEK, [HourCell(HOURS[0], Outcome.OK)])))


def test_captured_filled_and_missed_time_are_told_apart() -> None:
    """Of a cell 16 high half was captured, a quarter filled; the rest shows the outcome's own colour."""
    root = parsed(coverage_week(WEEK, [HourCell(HOURS[0], Outcome.OVER_BUDGET, 1800, 900, 900)]))
    below, captured, filled = list(root.iter(f"{SVG}rect"))[1:4]
    assert [float(r.attrib["height"]) for r in (below, captured, filled)] == [16.0, 8.0, 4.0]
    assert [r.attrib["fill"] for r in (below, captured, filled)] == [COLOURS[Outcome.OVER_BUDGET], CAPTURED, FILLED]
    assert float(filled.attrib["y"]) - float(captured.attrib["y"]) == 8.0
    said = below.findtext(f"{SVG}title")
    assert said == ("Mon 01 Feb 00:00 UTC: over_budget, 30.0 min captured, 15.0 min filled by search, 15.0 min missed")
    told = [text.text for text in root.iter(f"{SVG}text")]
    assert told[-3:] == ["captured", "filled by search", "over_budget"]


def test_an_hour_in_which_nothing_came_stays_pale() -> None:
    root = parsed(coverage_week(WEEK, [HourCell(HOURS[0], Outcome.EMPTY, captured_s=3600)]))
    (cell,) = [r for r in root.iter(f"{SVG}rect") if r.find(f"{SVG}title") is not None]
    assert cell.attrib["fill"] == COLOURS[Outcome.EMPTY]
    assert CAPTURED not in {r.attrib["fill"] for r in root.iter(f"{SVG}rect")}


def test_every_outcome_has_a_colour_and_no_two_the_same() -> None:
    assert COLOURS.keys() == set(Outcome)
    assert len({*COLOURS.values(), FILLED}) == len(Outcome) + 1


def test_bars_are_as_high_as_their_share_of_the_highest() -> None:
    svg = hourly_bars(WEEK, [(HOURS[0], 10), (HOURS[167], 5), (HOURS[24], 0)])
    root = parsed(svg)
    bars = [r for r in root.iter(f"{SVG}rect") if r.find(f"{SVG}title") is not None]
    assert [float(b.attrib["height"]) for b in bars] == [102.0, 51.0, 0.0]
    assert inside(root)
    assert "10" in {text.text for text in root.iter(f"{SVG}text")}
    assert hourly_bars(WEEK, []) == hourly_bars(WEEK, [])
    assert inside(parsed(hourly_bars(WEEK, [])))
