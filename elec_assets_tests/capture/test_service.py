"""The service in process, against the sandbox, on a clock that runs 120 times as fast as the wall."""

import json
import shutil
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets.capture import records
from elec_assets.capture.options import CaptureRefused
from elec_assets.capture.records import SpoolDamaged
from elec_assets.capture.source import OtherSource
from elec_assets.capture.spool import Spool
from elec_assets.capture.spool_state import SpoolLocked
from elec_assets.capture.status import Status, read_status
from elec_assets.clients.store import Store, StoreError
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import MARGIN_MS, SLOT_MS, slot_of
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import Prices
from elec_assets.domain.registry_file import RegistryInvalid
from elec_assets.domain.windows import created_ms, epoch_ms, from_epoch_ms
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.capture.place import (
    ELECTION,
    REGISTRY,
    START,
    Place,
    captured,
    place,
    two_elections,
    write_registry,
)

KEPT_ALIVE = StreamOptions(keep_alive_s=10)


def delivered(p: Place) -> list[str]:
    return sorted({str(each.id) for each in p.x.stream.delivered})


def slots_until_now(p: Place) -> int:
    """How many slots were begun: on a busy machine what is waited for may happen in a later one than the first."""
    return (slot_of(p.clock.now_ms()) - slot_of(epoch_ms(START))) // SLOT_MS + 1


def status_of(p: Place) -> Status:
    status = read_status(p.folder / "spool")
    assert status is not None
    return status


def uploaded(p: Place) -> list[str]:
    return sorted(
        {json.loads(line)["data"]["id"] for lines, _ in p.batches().values() for line in lines if b'"data"' in line}
    )


def test_what_the_stream_sent_is_in_the_batches_and_its_time_is_proven(tmp_path: Path) -> None:
    with place(tmp_path, minutes=9) as p:
        with p.running() as run:
            # The first slot lasts a second of the wall: on a busy machine too little of it is proven.
            run.until(lambda r: r.uploaded >= 2)
            # What is under way when it is stopped is not heard, however much a busy machine leaves under way.
            run.until(lambda r: len(p.x.stream.delivered) - 10 <= r.service.meter.lines)
        closed_until = slot_of(p.clock.now_ms())
        assert run.failed is None
        assert run.summary is not None
        batches = p.batches()
    sent = {str(d.id) for d in p.x.stream.delivered}
    assert len(sent) > 30
    assert batches
    got = {json.loads(line)["data"]["id"]: j for lines, j in batches.values() for line in lines}
    at = {str(d.id): d.at_ms for d in p.x.stream.delivered}
    # A second of the wall is two minutes here: what was sent just before the slot's end may have come after it.
    assert {i for i in sent if at[i] < closed_until - 60_000} <= set(got) <= sent
    connected = p.x.stream.connects[0].at_ms
    proven = captured(j for _, j in batches.values())
    assert connected < proven.spans[0][0]
    assert proven.spans[-1][1] <= closed_until - MARGIN_MS
    assert proven.seconds > 20
    assert all(j.planned == Intervals(((j.slot_ms, j.slot_ms + SLOT_MS),)) for _, j in batches.values())
    assert len(got) <= run.summary.lines <= len(p.x.stream.delivered)
    assert run.summary.waiting == 0


def test_a_plan_of_four_minutes_connects_for_them_and_journals_every_slot(tmp_path: Path) -> None:
    start = datetime(2027, 2, 3, 19, 59, 1, tzinfo=UTC)
    with place(tmp_path, start=start, speed=60, capture="{every: 1h, for: 4min}") as p:
        with p.running() as run:
            run.until(lambda r: r.uploaded >= 2)
        batches = p.batches()
        connects = p.x.stream.connects
        assert [c.status for c in connects] == [200]
        hour = datetime(2027, 2, 3, 20, tzinfo=UTC).timestamp() * 1000
        assert hour - 40_000 < connects[0].at_ms < hour + 120_000
        assert [c.why for _, j in batches.values() for c in j.connections if c.closed_ms] == ["stopped from here"]
    assert [j.slot_ms for _, j in batches.values()] == [hour + m * 60_000 for m in (-5, 0)]
    assert [j.planned.seconds for _, j in batches.values()] == [0, 240]
    proven = captured(j for _, j in batches.values())
    # The rules were new, so that their first seconds are not proven; the end is, with its margin.
    assert (proven & Intervals(((int(hour), int(hour) + 240_000),))).seconds > 30
    assert proven.spans[-1][1] >= hour + 240_000


def test_what_goes_wrong_is_reconnected_and_the_hole_is_in_the_journal(tmp_path: Path) -> None:
    faults = [
        StreamFault("reset", after_lines=20),
        StreamFault("refuse", after_lines=20, for_s=30, preset="service_unavailable"),
    ]
    with place(tmp_path, faults=faults) as p:
        with p.running() as run:
            run.until(lambda r: r.service.meter.connections >= 2)
            slots = slots_until_now(p)
            run.until(lambda r: r.uploaded >= slots)
        batches = p.batches()
        first = next(iter(p.x.stream.connects)).at_ms
        truth = p.x.stream.outages(START, from_epoch_ms(p.clock.now_ms()))
    journals = [j for _, j in batches.values()]
    proven = captured(journals)
    assert [span for span in truth if span[0] > first]
    assert not Intervals.of(truth) & proven
    whys = [c.why for j in journals for c in j.connections if c.why]
    assert any("cut" in why for why in whys)
    assert any(outcome is Outcome.ERROR and "503" in why for j in journals for outcome, why in j.causes)


def test_a_ghost_that_holds_the_only_place_is_ended_at_the_start(tmp_path: Path) -> None:
    with place(tmp_path, stream=replace(KEPT_ALIVE, ghost_s=3600)) as p:
        with p.running() as run:
            run.until(lambda r: r.service.meter.connected)
        assert p.x.stream.connections.active()
        with p.running() as run:
            run.until(lambda r: r.service.meter.connected)
        assert run.summary is not None
        assert run.summary.connections == 1
    assert any("ended 1 connection that X held open since 2027-02-03T20:0" in text for text in p.said)


def test_a_second_service_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    with place(tmp_path) as p, p.running(), pytest.raises(SpoolLocked, match="in use by another capture"):
        p.service()


def test_a_run_of_a_named_time_uploads_its_slot_and_can_be_repeated_at_once(tmp_path: Path) -> None:
    # 20 s are one of the wall: faster, and on a busy machine nothing is heard in them.
    with place(tmp_path, start=datetime(2027, 2, 3, 20, 0, 1, tzinfo=UTC), speed=20, posts_per_hour=8000) as p:
        for _ in range(2):
            summary = p.service(for_s=20.0).run()
            assert (summary.uploaded, summary.waiting, summary.problems) == (1, 0, ())
            assert 20 <= summary.seconds < 80
        assert [key.rpartition("_")[0][-4:] for key in p.batches()] == ["2000", "2000"], "the spool took a new id"
        # What was on its way when the connection was closed is not there, and its time is not said to be proven.
        proven = captured(journal for _, journal in p.batches().values())
        on_its_way = set(delivered(p)) - set(uploaded(p))
        assert set(uploaded(p)) <= set(delivered(p))
        assert not any(begin <= (created_ms(int(i)) or 0) < end for i in on_its_way for begin, end in proven.spans)
        assert len(on_its_way) < len(uploaded(p)) / 2


def test_over_budget_the_stream_is_closed_and_the_windows_say_why(tmp_path: Path) -> None:
    with place(tmp_path, posts_per_hour=8000, speed=60) as p:
        with p.running(prices=Prices(0.005, 0.010), budget_usd=16.0) as run:
            run.until(lambda _: any("not listening (over_budget)" in text for text in p.said))
            slots = slots_until_now(p)
            run.until(lambda r: r.uploaded >= slots)
        month = status_of(p)
        journals = [journal for _, journal in p.batches().values()]
        bill = p.x.bill
        true_usd = bill.posts * 0.005 + sum(len(day.users) for day in bill.days.values()) * 0.010
    assert 2.0 < true_usd <= 16.0
    # What was under way when it was closed is billed, and stays reserved.
    assert month.spend.spent_usd + month.spend.reserved_usd >= true_usd - 1e-6
    assert [outcome for outcome, _ in journals[-1].causes] == [Outcome.OVER_BUDGET]
    assert {outcome for journal in journals for outcome, _ in journal.causes} == {Outcome.OVER_BUDGET}
    assert any("raise ELEC_X_BUDGET_USD" in text for text in month.alerts)
    assert len(p.x.stream.connects) == 1, "and nothing is asked again"


def test_at_its_cap_the_spool_is_warned_of_first_then_the_stream_is_closed_and_nothing_is_damaged(
    tmp_path: Path,
) -> None:
    def down() -> None:
        raise StoreError("the store is down")

    with place(tmp_path, posts_per_hour=8000, speed=60) as p:
        with p.running(cap_bytes=200_000, store=down) as run:
            run.until(lambda _: any("ELEC_SPOOL_MAX_BYTES" in text and "ended" in text for text in p.said))
            slots = slots_until_now(p)
            run.until(lambda r: len(r.service.spool.closed()) >= slots)
        assert p.x.stream.connects
        told = [n for n, text in enumerate(p.said) if "nears its cap" in text]
        closed = [n for n, text in enumerate(p.said) if "ELEC_SPOOL_MAX_BYTES" in text and "ended" in text]
        assert told
        assert closed
        assert told[0] < closed[0]
        with p.running(cap_bytes=200_000) as run:
            run.until(lambda r: r.uploaded >= slots)
        batches = p.batches()
    [(lines, journal)] = list(batches.values())[:1]
    assert len(lines) == len(journal.received_ms) > 50
    assert all(json.loads(line) for line in lines)
    assert any("ELEC_SPOOL_MAX_BYTES" in why for _, journal in batches.values() for _, why in journal.causes)


def test_while_the_store_is_down_the_spool_keeps_and_afterwards_it_arrives(tmp_path: Path) -> None:
    with place(tmp_path, posts_per_hour=500) as p:
        store = p.folder / "store"
        store.write_text("not a directory")
        with p.running() as run:
            run.until(lambda r: len(r.service.spool.closed()) >= 1)
            run.until(lambda _: status_of(p).spool.waiting >= 1 and status_of(p).upload.problem is not None)
            store.unlink()
            run.until(lambda r: r.uploaded >= 1)
        assert p.batches()
        assert any("takes uploads again: " in text for text in p.said)


def test_an_edit_of_the_registry_changes_the_rules_without_a_reconnect_and_a_broken_one_does_not(
    tmp_path: Path,
) -> None:
    with place(tmp_path) as p:
        with p.running() as run:
            run.until(lambda r: r.service.meter.connected)
            (tmp_path / "candidates.yaml").write_text("elections: {", encoding="utf-8")
            run.until(lambda r: r.service._watch.problem is not None)
            invalid = "is not valid, and the one before stays in force"
            run.until(lambda _: any(invalid in text for text in status_of(p).registry.problems))
            more = "      clejeune: {name: Chloé Lejeune, status: [{value: 1, from: 2027-02-03}]}\n"
            write_registry(tmp_path, text=REGISTRY + more)
            run.until(lambda r: r.service._keeper.count == 3)
            run.until(lambda _: (status_of(p).registry.rules, status_of(p).registry.problems) == (3, ()))
        assert [c.status for c in p.x.stream.connects] == [200]
    assert any("rules at X: 1 added, 0 deleted" in text for text in p.said)


def test_a_spool_of_a_sandbox_is_never_used_for_x_nor_its_store(tmp_path: Path) -> None:
    with place(tmp_path) as p:
        assert p.service(for_s=30.0).run().uploaded == 1
        with pytest.raises(
            OtherSource, match="holds posts of a sandbox, and ELEC_X_BASE_URL is X: set another ELEC_SPOOL"
        ):
            p.service(sandbox=False)
        fresh = p.service(sandbox=False, spool=tmp_path / "other")
        with pytest.raises(OtherSource, match=r"holds posts of a sandbox, .* set another ELEC_STORE"):
            fresh.run()


def test_there_must_be_something_to_capture(tmp_path: Path) -> None:
    late = datetime(2027, 6, 1, tzinfo=UTC)
    with place(tmp_path, start=late) as p:
        with pytest.raises(CaptureRefused, match="no election collects now or later: see collect_from"):
            p.service()
        with pytest.raises(CaptureRefused, match=r"there is no election yy in .*; it has xx_2027"):
            p.service(elections=("yy",))
        (tmp_path / "candidates.yaml").unlink()
        with pytest.raises(RegistryInvalid):
            p.service()
    assert not (tmp_path / "spool").exists()


def test_a_crash_is_told_at_the_next_start_and_nothing_that_was_written_is_lost(tmp_path: Path) -> None:
    """What a killed process leaves: its files as they were, and the lock free."""
    with place(tmp_path) as p:
        with p.running() as run:
            run.until(lambda r: r.service.meter.lines > 20)
            before = run.service.meter.lines
            shutil.copytree(tmp_path / "spool", tmp_path / "left")
        with p.running(spool=tmp_path / "left") as run:
            slots = slots_until_now(p)
            run.until(lambda r: r.uploaded >= slots)
        told = next(text for text in p.said if "the last run ended without closing" in text)
        assert "connection 1 was open, 0 bytes of an unfinished record" in told
        batches = list(p.batches().values())
    assert [c.why for c in batches[0][1].connections][:1] == ["its process ended without closing it"]
    assert sum(len(lines) for lines, _ in batches) >= before


def test_a_thread_that_fails_ends_the_service_and_is_not_missed_in_silence(tmp_path: Path) -> None:
    """The thread that syncs and closes slots died of it, and the service went on for days without either."""
    start = datetime(2027, 2, 3, 20, 10, 1, tzinfo=UTC)
    # Nothing is planned, so that no other thread closes a slot.
    with place(tmp_path, capture="{every: 1h, for: 1min}", start=start) as p, p.running() as run:
        run.until(lambda r: bool(r.service.spool._lived_ms))
        (tmp_path / "spool" / "segments" / f"20270203T2010Z_{run.service.spool.id}.seg").write_bytes(b"")
        run.thread.join(20)
    assert isinstance(run.failed, SpoolDamaged), run.failed
    assert "both exist; move one of them away" in str(run.failed)


def test_a_run_of_a_named_time_can_be_stopped_while_its_last_upload_hangs(tmp_path: Path) -> None:
    """A person who pressed Ctrl-C waited for a store that did not answer, without end."""
    hanging = threading.Event()

    def hangs() -> Store:
        hanging.wait(30)
        raise StoreError("the store did not answer")

    with place(tmp_path) as p:
        with p.running(for_s=20.0, store=hangs) as run:
            run.until(lambda r: len(r.service.spool.closed()) == 1)
            began = time.monotonic()
            run.service.stop()
            run.thread.join(10)
            took = time.monotonic() - began
        hanging.set()
    assert run.failed is None
    assert run.summary is not None
    assert (run.summary.uploaded, run.summary.waiting) == (0, 1)
    assert took < 5


def test_a_start_for_one_election_uploads_what_waits_of_another_and_does_not_listen_for_it(tmp_path: Path) -> None:
    """The spool's waiting slots of `xx_2027` went to `yy_2027`, which the run was for, and then out of the spool."""
    slot = slot_of(epoch_ms(START)) - SLOT_MS
    line = b'{"data":{"id":"1"},"matching_rules":[{"id":"1","tag":"elec:xx_2027:amartin"}]}\r\n'
    with place(tmp_path) as p:
        write_registry(tmp_path, text=two_elections())
        p.service().spool.close()
        with Spool(tmp_path / "spool", cap_bytes=10_000_000) as spool:
            for record in (records.rules(slot, ELECTION, 0, "v"), records.opened(slot, 1), records.line(slot, 1, line)):
                spool.append(record)
            spool.roll(slot + SLOT_MS)
        with p.running(elections=("yy_2027",)) as run:
            run.until(lambda r: r.uploaded >= 1 and r.service._keeper.count == 2)
        [(lines, journal)] = p.batches().values()
    assert (lines, journal.election, journal.planned.seconds) == ([line], ELECTION, 300)
    assert status_of(p).registry.elections == ("yy_2027",)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_after_a_day_without_a_store_everything_arrives_in_order(tmp_path: Path) -> None:
    """A day of 600 times the speed of the wall, with a restart in it."""
    with place(tmp_path, speed=600, posts_per_hour=100, minutes=26 * 60, start=datetime(2027, 2, 3, tzinfo=UTC)) as p:
        store = p.folder / "store"
        store.write_text("not a directory")
        for _ in range(2):
            with p.running():
                p.wait(12 * 3600)
        waiting = p.service()
        assert len(waiting.spool.closed()) >= 280
        waiting.spool.close()
        store.unlink()
        with p.running() as run:
            until = time.monotonic() + 120
            while len(run.service.spool.closed()) > 2 and time.monotonic() < until:
                time.sleep(0.2)
        batches = p.batches()
        sent = {str(d.id): d.at_ms for d in p.x.stream.delivered}
        end = max(journal.slot_ms for _, journal in batches.values())
    stems = list(batches)
    assert len(stems) >= 285
    slots = [journal.slot_ms for _, journal in batches.values()]
    assert slots == sorted(slots)
    got = {json.loads(line)["data"]["id"] for lines, _ in batches.values() for line in lines}
    # A second of the wall is ten minutes here: what was under way at the restart and at the end is not looked at.
    due = {i for i, at in sent.items() if at < end - 1_200_000}
    assert len(due - got) <= 5
    assert got <= set(sent)
    assert len(due) > 1000
