"""`elec rebuild`: tables from raw objects alone, byte for byte; what differs or cannot be made is named."""

from pathlib import Path

import polars as pl
import pytest

from elec_assets.clients.registry_history import PastRewritten, RegistryHistory
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import id_bounds
from elec_assets.operations.rebuild import RebuildReport, rebuild
from elec_assets.transforms.sealing import read_table, table_bytes
from elec_assets_tests.clients.captured import upload_quiet
from elec_assets_tests.operations.place import ELECTION, NOW, REGISTRY, Place, hour

HOURS = (hour(16, 8), hour(16, 9), hour(16, 10))
NAMES = tuple(f"{ELECTION} 2026-02-16-{h:02}:00" for h in (8, 9, 10))


@pytest.fixture
def sealed(place: Place) -> Place:
    place.seal(*HOURS)
    return place


def again(place: Place, told: list[tuple[str, int, int]] | None = None) -> RebuildReport:
    """Without a token: no one can be asked."""
    progress = [] if told is None else told
    return rebuild(
        place.settings(),
        place.registry,
        NOW,
        since=HOURS[0].start,
        progress=lambda name, number, of: progress.append((name, number, of)),
    )


def raw_bodies(place: Place, which: int) -> list[Path]:
    folder = place.folder / "data" / ELECTION / "data" / "raw" / "twitter_search" / "20260216"
    return sorted(folder.glob(f"20260216_{8 + which:02}_*.json.gz"))


def test_the_same_raw_objects_give_the_same_bytes(sealed: Place) -> None:
    before, asked = sealed.objects(), len(sealed.x.requests)
    report = again(sealed)
    assert (report.rebuilt, report.changed, report.failed, report.exit_code) == (3, (), (), 0)
    assert sealed.objects() == before
    assert len(sealed.x.requests) == asked
    assert report.lines() == ["tweets: 3 hours made again from raw objects, 0 changed."]


def test_batches_of_live_capture_give_the_same_bytes_too(sealed: Place) -> None:
    """One hour captured, its end and the next searched: the hour before has batches of the hour after, and no more."""
    tweet_id = id_bounds(HOURS[1])[0] + 5
    upload_quiet(sealed.store, ELECTION, HOURS[1], b'{"data":{"id":"%d","text":"Agathe Martin"}}\r\n' % tweet_id)
    sealed.seal(*HOURS)
    before = sealed.objects()
    for each in HOURS:
        sealed.table_path(each).unlink()
    report = again(sealed)
    assert (report.rebuilt, report.changed, report.exit_code) == (3, NAMES, 0)
    assert sealed.objects() == before
    assert "stream" in read_table(sealed.table_path(HOURS[1]).read_bytes())["origin"].explode().to_list()


def test_an_hour_that_was_tampered_with_is_named_and_made_right(sealed: Place) -> None:
    path = sealed.table_path(HOURS[1])
    right = path.read_bytes()
    frame = read_table(right)
    path.write_bytes(table_bytes(frame.with_columns(text=pl.lit("other words"))))
    report = again(sealed)
    assert (report.rebuilt, report.changed, report.failed) == (3, (NAMES[1],), ())
    assert path.read_bytes() == right
    assert f"  changed: {NAMES[1]}" in report.lines()
    assert "Weekly files of changed hours" in report.lines()[-1]


@pytest.mark.parametrize("damage", ["gone", "cut", "garbage", "empty", "row less"])
def test_a_table_that_is_damaged_or_lost_is_made_again(sealed: Place, damage: str) -> None:
    path = sealed.table_path(HOURS[2])
    right = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "row less":
        path.write_bytes(table_bytes(read_table(right)[1:]))
    else:
        path.write_bytes({"cut": right[: len(right) // 2], "garbage": b"PAR1" + b"\0" * 99, "empty": b""}[damage])
    report = again(sealed)
    assert (report.changed, report.failed, report.exit_code) == ((NAMES[2],), (), 0)
    assert path.read_bytes() == right


def test_a_table_that_holds_more_than_its_raw_objects_is_kept_and_told(sealed: Place) -> None:
    """A table is only replaced by one made of more: the operator decides about the rows without source."""
    path = sealed.table_path(HOURS[0])
    more = pl.concat([read_table(path.read_bytes()), read_table(sealed.table_path(HOURS[1]).read_bytes())])
    path.write_bytes(table_bytes(more.sort(pl.col("tweet_id").cast(pl.Int64))))
    kept = path.read_bytes()
    report = again(sealed)
    assert (report.changed, report.exit_code) == ((), 1)
    (failed,) = report.failed
    assert failed.startswith(f"{NAMES[0]}: ")
    assert f"{more.height} before" in failed  # why it is kept
    assert path.read_bytes() == kept
    assert f"  failed: {failed}" in report.lines()


def test_a_damaged_raw_object_fails_its_hour_and_no_other(sealed: Place) -> None:
    """One page that could not be unpacked ended the whole command, and the hours after it were never looked at."""
    body = raw_bodies(sealed, 0)[0]
    body.write_bytes(body.read_bytes()[:40])
    kept = sealed.table_path(HOURS[0]).read_bytes()
    sealed.table_path(HOURS[2]).unlink()
    report = again(sealed)
    assert (report.rebuilt, report.changed, report.exit_code) == (2, (NAMES[2],), 1)
    (failed,) = report.failed
    assert failed.startswith(f"{NAMES[0]}: ")
    assert body.name in failed
    assert sealed.table_path(HOURS[0]).read_bytes() == kept


def test_progress_is_told_for_every_hour_since(sealed: Place) -> None:
    told: list[tuple[str, int, int]] = []
    again(sealed, told)
    # 08:00 to 12:00, the last whole hour ends at 12:00.
    assert told == [(f"{ELECTION} 2026-02-16-{8 + i:02}:00", i + 1, 4) for i in range(4)]


def test_since_before_collection_begins_with_it(sealed: Place) -> None:
    told: list[str] = []
    report = rebuild(
        sealed.settings(),
        sealed.registry,
        NOW,
        since=NOW.replace(year=2020),
        progress=lambda name, _number, _of: told.append(name),
    )
    assert (told[0], len(told), report.rebuilt) == (f"{ELECTION} 2026-02-11-00:00", 132, 3)


def test_a_registry_that_rewrites_the_past_rebuilds_nothing(sealed: Place) -> None:
    """It would take a candidate out of every hour that was ever sealed."""
    RegistryHistory(sealed.store).admit(sealed.registry, NOW)
    text = REGISTRY.replace("Agathe Martin, status: 1", "Agathe Martin, status: -1")
    (sealed.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    before, told = sealed.objects(), list[tuple[str, int, int]]()
    with pytest.raises(PastRewritten, match=f"{ELECTION}: amartin was followed from 2026-02-11T00:00:00Z"):
        again(sealed, told)
    assert (sealed.objects(), told) == (before, [])
    RegistryHistory(sealed.store).accept(sealed.registry, NOW, "never stood")
    assert again(sealed).changed == NAMES


def test_the_fixture_holds_what_the_tests_say(sealed: Place) -> None:
    for each in HOURS:
        assert read_table(sealed.table_path(each).read_bytes()).columns == list(TWEETS.names)
        assert raw_bodies(sealed, HOURS.index(each))
