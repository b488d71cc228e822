"""Which objects of live capture an hour has: asked for one hour, or for a week at once."""

from datetime import UTC, datetime, timedelta

from elec_assets.clients.capture_archive import CaptureArchive
from elec_assets.clients.store import Store
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, split

FIRST = datetime(2027, 2, 1, 22, tzinfo=UTC)
SPOOLS = ("0000000a", "0000000b")


def test_a_week_listed_at_once_gives_what_its_hours_give_one_by_one(local: Store) -> None:
    """About midnight the batches of the hour after are in another folder; late posts may come a day later."""
    for number in range(0, 30, 3):
        for spool in SPOOLS[: 1 + number % 2]:
            batch = BatchKey("e", FIRST + timedelta(minutes=10 * number), spool)
            local.create(batch.body, b"")
            if number % 4:
                local.create(batch.journal, b"")
    late = BatchKey("e", FIRST + DAY, SPOOLS[0])
    local.create(late.journal, b"")
    pointers = [LateKey("e", FIRST, late.slot, late.spool), LateKey("e", FIRST + 2 * HOUR, FIRST + 3 * DAY, "ffffffff")]
    for pointer in pointers:
        local.create(pointer.key, b"")
    local.create("e/data/raw/twitter/20270201/notes.txt", b"")
    archive = CaptureArchive(local, "e")
    hours = split(Window(FIRST - 3 * HOUR, FIRST + DAY + 3 * HOUR), Grain.HOUR)
    at_once = archive.objects_of(hours)
    assert at_once == {hour: archive.objects(hour) for hour in hours}
    found = at_once[Window(FIRST, FIRST + HOUR)]
    assert {pointers[0].key, late.journal} < found.own
    assert {key.rpartition("/")[2][:13] for key in found.soon} == {"20270201_2300"}
    assert {key.rpartition("/")[2][:13] for key in found.rest} == {"20270201_2330"}
    before_midnight = at_once[Window(FIRST + HOUR, FIRST + 2 * HOUR)]
    assert any("20270202/" in key for key in before_midnight.all)
    assert at_once[Window(FIRST + 2 * HOUR, FIRST + 3 * HOUR)].own >= {pointers[1].key}
    assert at_once[hours[0]].digest == ""


def test_journals_are_read_for_the_batches_that_have_one(local: Store) -> None:
    batch = BatchKey("e", FIRST, SPOOLS[0])
    local.create(batch.body, b"")
    archive = CaptureArchive(local, "e")
    (found,) = archive.batches(archive.objects(Window(FIRST, FIRST + HOUR)))
    assert (found.key, found.journal, found.held, found.name) == (batch, None, True, "20270201_2200_0000000a")
