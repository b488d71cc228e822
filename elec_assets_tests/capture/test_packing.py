"""A closed segment as objects of the store, in the order in which they are written."""

import json
import tracemalloc
from pathlib import Path

import msgspec

from elec_assets.capture import records
from elec_assets.capture.packing import parcels_of
from elec_assets.capture.spool import Spool
from elec_assets.capture.wanted import Wanted
from elec_assets.domain.journal import SLOT_MS, slot_of
from elec_assets.domain.layout_capture import parse_batch, parse_late
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import decode_journal
from elec_assets_tests.capture.place import ELECTION, START, two_elections, write_registry

AT = slot_of(epoch_ms(START))
HOUR_MS = 3_600_000


def post(made_ms: int, tag: str) -> bytes:
    line = {"data": {"id": str((made_ms - X_EPOCH_MS) << 22), "text": "x"}, "matching_rules": [{"id": "1", "tag": tag}]}
    return json.dumps(line).encode() + b"\r\n"


def heard(folder: Path, *lines: bytes, election: str = ELECTION, cap_bytes: int = 10_000_000) -> Spool:
    spool = Spool(folder, cap_bytes=cap_bytes)
    spool.append(records.started(AT))
    spool.append(records.rules(AT, election, 0, "0123456789ab"))
    spool.append(records.opened(AT, 1))
    for line in lines:
        spool.append(records.line(AT + 1000, 1, line))
    spool.roll(AT + SLOT_MS)
    return spool


def elections(folder: Path) -> list[Election]:
    return list(write_registry(folder).elections.values())


def test_pointers_come_before_the_journal_and_that_before_the_lines(tmp_path: Path) -> None:
    old, new = post(AT - 5 * HOUR_MS, f"elec:{ELECTION}:amartin"), post(AT, f"elec:{ELECTION}:bleroux")
    with heard(tmp_path / "spool", old, new) as spool:
        [segment] = spool.closed()
        [parcel] = parcels_of(spool, segment, Wanted(elections(tmp_path)), "v1")
    (late, pointer), (journal_key, journal), (body_key, body) = parcel.objects
    pointed = parse_late(late)
    assert pointed is not None
    assert pointed.batch.body == body_key == msgspec.json.decode(pointer)["batch"]
    assert parse_batch(journal_key) == parse_batch(body_key)
    assert unpacked(body) == old + new
    read = decode_journal(journal, journal_key)
    assert (read.posts, read.registry_version, read.planned.seconds) == (2, "v1", 300)


def test_a_slot_in_which_nothing_came_is_an_empty_gzip_with_a_journal(tmp_path: Path) -> None:
    with heard(tmp_path / "spool") as spool:
        [parcel] = parcels_of(spool, spool.closed()[0], Wanted(elections(tmp_path)), "v1")
    (journal_key, journal), (_, body) = parcel.objects
    assert unpacked(body) == b""
    assert decode_journal(journal, journal_key).posts == 0


def test_a_busy_slot_is_packed_without_being_held_whole(tmp_path: Path) -> None:
    """Five minutes at X's most, 250 posts a second, are 220 MB: held as lines, and again as one body, they took 0.6 GB.

    A small machine would have died of it on the evening of a debate, and again at each start, with the slot waiting.
    """
    text = (bytes(range(256)) * 8).hex().encode()
    lines = [
        b'{"data":{"id":"%d","text":"%b"}}\r\n' % ((AT - X_EPOCH_MS) << 22 | number, text) for number in range(4000)
    ]
    whole = sum(map(len, lines))
    plans = Wanted(elections(tmp_path))
    with heard(tmp_path / "spool", *lines, cap_bytes=2 * whole) as spool:
        tracemalloc.start()
        [parcel] = parcels_of(spool, spool.closed()[0], plans, "v1")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    _, (body_key, body) = parcel.objects
    assert body_key.endswith(".jsonl.gz")
    assert peak < 0.5 * whole
    assert unpacked(body) == b"".join(lines)


def test_lines_of_an_election_that_the_registry_has_no_more_are_not_dropped(tmp_path: Path) -> None:
    line = post(AT, "elec:gone_2027:x")
    with heard(tmp_path / "spool", line, election="gone_2027") as spool:
        [parcel] = parcels_of(spool, spool.closed()[0], Wanted([]), "v2")
    assert parcel.election == "gone_2027"
    assert unpacked(parcel.objects[-1][1]) == line
    assert decode_journal(parcel.objects[0][1], parcel.objects[0][0]).registry_version == "0123456789ab"


def test_a_slot_of_no_election_without_lines_is_nothing_to_upload(tmp_path: Path) -> None:
    with heard(tmp_path / "spool") as spool:
        assert parcels_of(spool, spool.closed()[0], Wanted([]), "v2") == []


def packed(spool: Spool, wanted: Wanted, *only: str) -> dict[str, bytes]:
    """The lines of each election's batch."""
    [segment] = spool.closed()
    parcels = parcels_of(spool, segment, wanted, "v2", only)
    return {parcel.election: unpacked(parcel.objects[-1][1]) for parcel in parcels}


def both(folder: Path) -> Wanted:
    return Wanted(write_registry(folder, text=two_elections()).elections.values())


def test_a_run_for_one_election_packs_what_the_spool_holds_of_the_others(tmp_path: Path) -> None:
    """Restarted with `--election yy_2027`, capture put the lines of the other one on yy's batch, and removed them."""
    mine, other, bare = post(AT, "elec:yy_2027:x"), post(AT, f"elec:{ELECTION}:x"), b"cut\r\n"
    with heard(tmp_path / "spool", mine, other, bare) as spool:
        assert packed(spool, both(tmp_path), "yy_2027") == {ELECTION: other + bare, "yy_2027": mine + bare}


def test_an_edit_that_drops_an_election_for_a_minute_does_not_give_its_lines_to_the_rest(tmp_path: Path) -> None:
    """As long as any election was left in the registry, the lines of one that was not went to all of those."""
    mine, other = post(AT, "elec:yy_2027:x"), post(AT, f"elec:{ELECTION}:x")
    rest = Wanted(e for e in both(tmp_path).elections if e.key == "yy_2027")
    with heard(tmp_path / "spool", mine, other) as spool:
        assert packed(spool, rest) == {ELECTION: other, "yy_2027": mine}


def test_an_election_that_is_not_listened_to_gets_no_empty_batches(tmp_path: Path) -> None:
    """They would look like a collector at work, and nobody would be told that none is."""
    with heard(tmp_path / "spool", post(AT, f"elec:{ELECTION}:x")) as spool:
        assert list(packed(spool, both(tmp_path), ELECTION)) == [ELECTION]
        assert list(packed(spool, both(tmp_path))) == [ELECTION, "yy_2027"]


def test_the_quiet_last_slot_of_an_election_that_is_not_listened_to_any_more_has_its_journal(tmp_path: Path) -> None:
    with heard(tmp_path / "spool") as spool:
        assert packed(spool, both(tmp_path), "yy_2027") == {ELECTION: b"", "yy_2027": b""}


def test_lines_that_name_no_election_are_kept_for_one_that_was_listened_to_if_there_is_no_other(tmp_path: Path) -> None:
    with heard(tmp_path / "spool", b"cut\r\n", election="gone_2027") as spool:
        assert packed(spool, Wanted([])) == {"gone_2027": b"cut\r\n"}
