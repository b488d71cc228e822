import json

import polars as pl
import pytest

from elec_assets.transforms.gzips import packed, unpacked
from elec_assets.transforms.tombstones import (
    NONE,
    DayTombstones,
    Tombstones,
    TombstonesUnreadable,
    decode_day,
    decode_people,
    encode_day,
    encode_people,
    fingerprint,
    kept_rows,
    taken_ids,
    union,
)

DAY = DayTombstones(
    frozenset({"aa", "bb"}), frozenset({"cc"}), frozenset({"2027-02-01-18:00"}), rows=frozenset({"aa", "dd"})
)


def test_a_fingerprint_is_of_the_number_and_does_not_show_it() -> None:
    """What is stored must be applied by every later version: this value may never change."""
    assert fingerprint("1888888888888888888") == "c86f693f99cfacf8254d77b401992f22"
    assert fingerprint("007") == fingerprint(7) != fingerprint(70)
    assert len({fingerprint(x) for x in range(10_000)}) == 10_000
    with pytest.raises(ValueError, match="invalid literal"):
        fingerprint("@handle")


def test_a_day_is_read_back_and_the_same_gives_the_same_bytes() -> None:
    assert decode_day(encode_day(DAY), "k") == DAY
    turned = DayTombstones(frozenset(sorted(DAY.posts, reverse=True)), DAY.places, DAY.hours, DAY.rows)
    assert encode_day(turned) == encode_day(DAY)
    assert decode_people(encode_people(["b", "a", "b"]), "k") == {"a", "b"}
    assert encode_people(["b", "a"]) == encode_people(["a", "b", "a"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        packed(b"{"),
        packed(b"[" * 100_000),
        packed(b'{"posts": "aa"}'),
        packed(b'{"hours": ["yesterday"]}'),
        packed(b'{"version": 2}'),
    ],
)
def test_tombstones_that_cannot_be_read_stop_everything_and_say_what_to_do(data: bytes) -> None:
    with pytest.raises(TombstonesUnreadable, match=r"the/key: .*restore it from a backup.*could come back"):
        decode_day(data, "the/key")


def test_people_of_a_newer_program_are_not_guessed() -> None:
    with pytest.raises(TombstonesUnreadable, match="upgrade"):
        decode_people(b'{"version": 2, "people": []}', "k")


def test_what_takes_what() -> None:
    some = Tombstones(frozenset({fingerprint(1)}), frozenset({fingerprint(2)}), frozenset({fingerprint(3)}))
    assert some.takes_post("1", None)
    assert not some.takes_post("2", None)
    assert (some.takes_place("2"), some.takes_place("1"), some.takes_place(None)) == (True, False, False)
    assert (some.takes_person(3), some.takes_person("1", None)) == (True, False)
    assert some.takes(posts=(), people=("3",))
    assert not NONE
    assert union([NONE, some, DAY.tombstones]).posts == {fingerprint(1), "aa", "bb"}
    assert (DAY | DayTombstones(rows=frozenset({"ee"}))).rows == {"aa", "dd", "ee"}
    assert (DAY | DayTombstones(hours=frozenset({"2027-02-01-19:00"}))).hours > DAY.hours


def test_of_a_table_those_rows_stay_that_are_and_repeat_nothing_taken_out() -> None:
    some = Tombstones(posts=frozenset({fingerprint(1)}), people=frozenset({fingerprint(9)}))
    rows = [
        ("1", None, "5", None),
        ("2", "1", "5", None),
        ("3", None, "9", None),
        ("4", "6", "5", "9"),
        ("7", None, None, None),
    ]
    columns = ("tweet_id", "retweeted_id", "author_id", "retweeted_author_id")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    assert kept_rows(frame, some) == 1
    assert taken_ids(frame, some) == ["1", "2", "3", "4"]
    assert kept_rows(frame, NONE) == len(rows)


def test_a_stored_day_is_json_that_a_person_can_look_at() -> None:
    assert json.loads(unpacked(encode_day(DAY))) == {
        "version": 1,
        "posts": ["aa", "bb"],
        "places": ["cc"],
        "hours": ["2027-02-01-18:00"],
        "rows": ["aa", "dd"],
    }
