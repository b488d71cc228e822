"""What fuzzing found, one input each: minimized, and why it was wrong."""

import json
from datetime import UTC, datetime

import pytest

from elec_assets.clients.search_heads import read_head
from elec_assets.clients.spend_ledger import LedgerUnreadable, SpendLedger
from elec_assets.transforms.coverage import CoverageUnreadable, decode
from elec_assets.transforms.json_spans import members
from elec_assets.transforms.search_coverage import read_meta
from elec_assets_tests.fuzz import seeds
from elec_assets_tests.fuzz.store_checks import One, check_coverage, check_meta
from elec_assets_tests.fuzz.targets import TARGETS


def test_a_key_with_an_escape_is_the_key_it_means() -> None:
    r"""`"\u0069ncludes"` is `includes` to a decoder; to the cutter of a damaged page it was another key.

    All that came along vanished without a reject (2026-11-21).
    """
    assert members(rb'{"\u0069ncludes":1,"a\"b":2,"c\qd":3}') == {"includes": b"1", 'a"b': b"2", r"c\qd": b"3"}
    body = rb'{"data":[{"id":"1574186989737459712","text":"t","author_id":"1"},{}],'
    TARGETS["page"].run(body + rb'"\u0069ncludes":{"\u0075sers":[{"id":"1","username":"a"}]}}')


@pytest.mark.parametrize("field", ["asked_at", "received_at"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+10:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00"])
def test_a_time_at_the_end_of_the_calendar_is_no_sidecar(field: str, moment: str) -> None:
    """Its UTC time, or the 90 s before it, do not exist: an OverflowError went past all who expect a ValueError."""
    sidecar = json.loads(seeds.sidecars()[0]) | {field: moment}
    with pytest.raises(ValueError, match="is no time that can be reckoned with"):
        read_meta(json.dumps(sidecar).encode())
    check_meta(json.dumps(sidecar).encode())


@pytest.mark.parametrize("name", ["page", "status", "result_count"])
@pytest.mark.parametrize("number", [2**63, -1, 10**4000])
def test_a_number_that_no_page_can_have_is_no_sidecar(name: str, number: int) -> None:
    """A page number of 4,001 digits was taken for one (found by atheris, 2026-11-22)."""
    sidecar = json.loads(seeds.sidecars()[0]) | {name: number}
    with pytest.raises(ValueError, match=name):
        read_meta(json.dumps(sidecar).encode())


@pytest.mark.parametrize("name", ["rows", "received", "rejects", "raw_objects"])
@pytest.mark.parametrize("count", [2**63, -1])
def test_a_count_that_no_table_holds_is_no_coverage_row(name: str, count: int) -> None:
    """It was read, and the week's table then stopped with an error of polars that named no object (2026-11-21)."""
    row = json.loads(seeds.coverage_rows()[0]) | {name: count}
    with pytest.raises(CoverageUnreadable, match=f"^key: not a coverage row .*{name}"):
        decode(json.dumps(row).encode(), "key")


@pytest.mark.parametrize("seconds", [-1.0, 3600.5, 1e300])
def test_more_seconds_than_an_hour_has_are_no_coverage_row(seconds: float) -> None:
    row = json.dumps(json.loads(seeds.coverage_rows()[0]) | {"captured_s": seconds}).encode()
    with pytest.raises(CoverageUnreadable, match="captured_s"):
        decode(row, "key")
    check_coverage(row)


def page(post: str = "", includes: str = "{}") -> bytes:
    """A page of one post."""
    posts = f'{{"id":"{seeds.ID}","text":"t"{post}}}'
    return f'{{"data":[{posts}],"includes":{includes},"meta":{{"result_count":1}}}}'.encode()


def test_an_empty_long_form_does_not_hide_the_other_spelling() -> None:
    """`note_post` without text beside `note_tweet` with one: the long text is lost, and the row says it is full."""
    TARGETS["page"].run(page(',"note_post":{"entities":{}},"note_tweet":{"text":"the long form"}'))


@pytest.mark.parametrize("written", ["9007199254740993.0", "1234567890123456789.0"])
def test_a_count_that_a_float_does_not_hold_is_no_count(written: str) -> None:
    """It is read as another number, rounded; an id written so is refused for that reason."""
    TARGETS["page"].run(page(f',"public_metrics":{{"like_count":{written}}}'))


def test_a_post_nested_without_end_beside_a_bad_one_is_no_crash_of_filling() -> None:
    """The cutter does not recurse, so the post comes as far as the reading of its id."""
    TARGETS["head"].run(b'{"data":[nul,' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b'],"meta":{}}')


@pytest.mark.parametrize("part", ["users", "tweets", "posts"])
def test_a_null_among_what_came_along_does_not_refuse_a_paid_page(part: str) -> None:
    """Sealing reads such a page; filling refused it, booked the upper bound and asked again."""
    assert read_head(page("", f'{{"{part}":null}}')).found == 1


@pytest.mark.parametrize(
    "times", ["20220925/20220925_23_09990927T000000001Z", "09990925/09990925_23_20220927T000000001Z"]
)
def test_a_key_of_the_first_millennium_is_no_search_page(times: str) -> None:
    """It is read as a page whose own key is another one: its body and sidecar never meet."""
    TARGETS["key"].run(f"fr/data/raw/twitter_search/{times}_0a1b2c3d_0001.json.gz".encode())


LEDGER = b'{"version":1,"settled_usd":1.25,"open_usd":{"a":0.5},"calls":3,"posts":10,"users":4}'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b":1.25", b":-100"),
        (b":0.5", b":-100"),
        (b":3", b":-3"),
        (b'"settled_usd":1.25,', b""),
        (b'"open_usd":{"a":0.5},', b""),
        (b"settled_usd", b"settled\xff_usd"),
        (LEDGER, b"{}"),
    ],
)
def test_a_ledger_that_gives_money_is_unreadable(old: bytes, new: bytes) -> None:
    """Each lets more be spent than the budget: a sum below zero, or one passed over because its name is damaged."""

    def month(content: bytes) -> float:
        return SpendLedger(One(content), "x_search", 1.0, lambda: datetime(2027, 2, 1, tzinfo=UTC)).month().total_usd

    assert month(LEDGER) == 1.75
    with pytest.raises(LedgerUnreadable):
        month(LEDGER.replace(old, new))


@pytest.mark.parametrize("line", [b"-", b"3", b"{", b"\xee"])
def test_a_line_of_one_byte_is_a_reject(line: bytes) -> None:
    """Only white space and the carriage return of a keep-alive say nothing."""
    TARGETS["lines"].run(b"\r\n" + line + b"\n \n")


def test_an_id_of_nineteen_nines_is_a_row() -> None:
    """It is beyond 64 bits, so it was taken for a post of another time and vanished where all posts are wanted."""
    TARGETS["page"].run(b'{"data":[{"id":"9999999999999999999","text":""},{}]}')


def test_a_control_character_in_a_name_that_nothing_reads_takes_no_post_away() -> None:
    """The decoder passes over what it does not read without looking; the page holds no post, so nothing is lost."""
    TARGETS["page"].run(b'{"data":[],"\x00":{"":"\xe2\x80\xa6"}}')


def test_a_key_that_cannot_be_printed_does_not_break_the_sentence_about_another() -> None:
    TARGETS["candidates"].run(b'{"\x9a":{"name":"Gr\xc3\xa2ce Hopper"},"GRAC":{"name":"Gr\\u00e2ce Hopper"}}')
