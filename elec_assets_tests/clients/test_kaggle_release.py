"""Publishing to the sandbox: what is there afterwards, what is written down, and what is never done twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from elec_assets.clients.kaggle_plan import token_of
from elec_assets.clients.kaggle_release import Publisher
from elec_assets.clients.kaggle_staged import ReleaseFailed, ReleaseRefused, ReleaseStopped, Staged
from elec_assets.clients.kaggle_states import Ledger, Publication, State
from elec_assets.clients.store import Store, StoreError
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.kaggle_api import KaggleOptions
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_staging import DATASET, FILES, QUICK, SLUG, Steady, expected, held, stage, target

NOTES = "2027-W05 | weekly | +20 rows"
Serve = Callable[..., KaggleServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(*, faults: Sequence[Fault] = (), **options: Any) -> KaggleServer:  # noqa: ANN401 - fields of KaggleOptions
            return stack.enter_context(start_kaggle(options=KaggleOptions(**options), faults=faults))

        yield start


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def publisher(on_disk: Store, clock: Steady) -> Callable[[KaggleServer], Publisher]:
    def make(server: KaggleServer) -> Publisher:
        return Publisher(on_disk, target(server), clock, patience=QUICK, run="a test", start=shared_forks().start)

    return make


Make = Callable[[KaggleServer], Publisher]


@pytest.fixture
def first(tmp_path: Path) -> Staged:
    return stage(tmp_path / "first", cover=True)


@pytest.fixture
def second(tmp_path: Path) -> Staged:
    return stage(tmp_path / "second", {**FILES, "fr/twitter/2027_06.csv.gz": FILES["fr/twitter/2027_05.csv.gz"]})


def publications(store: Store, staged: Staged) -> list[Publication]:
    return Ledger(store).read(staged.manifest.release_id).publications


def test_two_releases_become_two_whole_versions_and_the_same_again_publishes_nothing(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged, second: Staged
) -> None:
    server = serve()
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert publisher(server).publish(first, notes=NOTES).state == "unchanged"
    made = publisher(server).publish(second, notes="2027-W06 | weekly")
    assert (made.state, made.version, made.url) == ("published", 2, f"{server.url}/datasets/{DATASET}")
    assert held(server) == [expected(first), expected(second)]
    assert server.dataset(SLUG).versions[1].notes == f"2027-W06 | weekly | {second.marker}"
    (done,) = publications(on_disk, second)
    assert (done.state, done.base_version, done.version, done.problem, done.run) == (State.DONE, 1, 2, "", "a test")


def test_that_nothing_changed_is_noted_with_its_time_and_without_a_word_to_kaggle(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged, clock: Steady
) -> None:
    """Nothing was written: three days of unchanged releases were taken for three days without any (2026-11-22)."""
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    (made,) = publications(on_disk, first)
    asked = len(server.requests)
    clock.now += timedelta(days=1)
    assert publisher(server).publish(first, notes=NOTES).state == "unchanged"
    (noted,) = publications(on_disk, first)
    assert noted.checked_at > made.changed_at
    assert noted.current_at - made.current_at >= timedelta(days=1)
    assert msgspec.structs.replace(noted, checked_at="") == made
    assert len(server.requests) == asked


def test_all_metadata_is_told_and_files_are_described_by_the_names_that_kaggle_lists(
    serve: Serve, publisher: Make, first: Staged
) -> None:
    server = serve(decompress=True)
    publisher(server).publish(first, notes=NOTES)
    told = server.dataset(SLUG).settings
    assert told["isPrivate"] is True
    assert told["userSpecifiedSources"] == "X and Google Trends"
    assert told["expectedUpdateFrequency"] == "weekly"
    assert [d["name"] for d in told["data"]] == ["fr/twitter/2027_05.csv"]
    assert [c["name"] for c in told["data"][0]["columns"]] == ["tweet_id", "week"]
    assert "image" in server.calls("UpdateDatasetMetadata")[0].body["settings"]


def test_collaborators_that_were_added_on_the_site_are_kept(
    serve: Serve, publisher: Make, first: Staged, second: Staged
) -> None:
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    someone = {"username": "someone", "role": "WRITER"}
    server.dataset(SLUG).settings["collaborators"] = [someone]
    publisher(server).publish(second, notes=NOTES)
    assert server.dataset(SLUG).settings["collaborators"] == [someone]


def test_new_words_for_published_files_are_told_without_a_new_version(
    serve: Serve, publisher: Make, tmp_path: Path, first: Staged
) -> None:
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    reworded = stage(tmp_path / "reworded", subtitle="What people search about candidates")
    assert publisher(server).publish(reworded, notes=NOTES).state == "described"
    assert server.dataset(SLUG).settings["subtitle"] == "What people search about candidates"
    assert publisher(server).publish(reworded, notes=NOTES).state == "unchanged"
    assert len(held(server)) == 1


def test_a_rollback_publishes_the_older_release_as_a_new_version(
    serve: Serve, publisher: Make, first: Staged, second: Staged
) -> None:
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    publisher(server).publish(second, notes=NOTES)
    assert publisher(server).rollback(first).version == 3
    assert held(server) == [expected(first), expected(second), expected(first)]
    assert server.dataset(SLUG).versions[2].notes.startswith("rollback of v2 | ")
    assert publisher(server).rollback(first).state == "unchanged"


def test_nothing_can_be_rolled_back_before_the_first_release(serve: Serve, publisher: Make, first: Staged) -> None:
    with pytest.raises(ReleaseRefused, match="nothing was published yet"):
        publisher(serve()).rollback(first)


def test_a_lost_answer_to_a_creation_is_found_again_and_not_sent_twice(
    serve: Serve, publisher: Make, first: Staged, second: Staged
) -> None:
    lost = [KaggleFault(path="*/CreateDataset", drop=True), KaggleFault(path="*/CreateDatasetVersion", drop=True)]
    server = serve(faults=lost)
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert publisher(server).publish(second, notes=NOTES).version == 2
    assert held(server) == [expected(first), expected(second)]


def test_a_creation_that_was_never_carried_out_stops_and_the_next_run_makes_it(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged
) -> None:
    server = serve(faults=[KaggleFault(path="*/CreateDataset", status=500)])
    with pytest.raises(ReleaseStopped, match="no version of ours"):
        publisher(server).publish(first, notes=NOTES)
    assert publications(on_disk, first)[0].state is State.CREATING
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert held(server) == [expected(first)]
    assert len(publications(on_disk, first)) == 1


def test_a_version_that_could_not_be_looked_for_is_not_taken_for_not_made(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged
) -> None:
    """A version was made a second time where every look for the first had failed: no look is no evidence."""
    lost = [
        KaggleFault(path="*/CreateDataset", drop=True),
        KaggleFault(path="*/GetDataset", status=500, skip=1, times=1000),
    ]
    server = serve(faults=lost)
    for _ in range(2):
        with pytest.raises(ReleaseStopped, match="no usable answer from Kaggle: 500"):
            publisher(server).publish(first, notes=NOTES)
        assert publications(on_disk, first)[0].state is State.CREATING
    server.faults = FaultScript()
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert held(server) == [expected(first)]


def test_a_creation_that_came_too_often_is_refused_and_made_by_the_next_run(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged
) -> None:
    server = serve(faults=[KaggleFault(path="*/CreateDataset", preset="too_many_requests")])
    with pytest.raises(ReleaseRefused, match="429"):
        publisher(server).publish(first, notes=NOTES)
    assert len(server.calls("CreateDataset")) == 1
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert [p.state for p in publications(on_disk, first)] == [State.REFUSED, State.DONE]


def test_an_old_number_of_the_version_is_waited_out(
    serve: Serve, publisher: Make, first: Staged, second: Staged
) -> None:
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    # Two looks before the creation, then five that do not see it.
    server.faults.add(KaggleFault(path="*/GetDataset", stale=True, times=5, skip=2))
    assert publisher(server).publish(second, notes=NOTES).version == 2
    assert server.faults.left == 0


def test_a_version_that_kaggle_cannot_process_is_for_a_person_to_decide(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged
) -> None:
    server = serve(faults=[KaggleFault(path="*/GetDatasetStatus", dataset_status="FAILED")])
    with pytest.raises(ReleaseFailed, match="status of the version is FAILED"):
        publisher(server).publish(first, notes=NOTES)
    with pytest.raises(ReleaseFailed, match="publish again with a new version"):
        publisher(server).publish(first, notes=NOTES)
    assert len(server.calls("CreateDataset")) == 1
    assert publisher(server).publish(first, notes=NOTES, again=True).version == 2
    made = [(p.state, p.version) for p in publications(on_disk, first)]
    assert made == [(State.FAILED, 1), (State.DONE, 2)]


def test_a_file_that_kaggle_does_not_list_fails_the_release(serve: Serve, publisher: Make, first: Staged) -> None:
    server = serve(faults=[KaggleFault(path="*/ListDatasetFiles", hide="fr/*.gz", times=99)])
    with pytest.raises(ReleaseFailed, match=r"fr/twitter/2027_05\.csv\.gz is not listed"):
        publisher(server).publish(first, notes=NOTES)


def test_a_listing_that_cannot_be_read_stops_and_the_next_run_compares_it(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged
) -> None:
    """It was taken for an empty listing, and the release for failed."""
    server = serve(faults=[KaggleFault(path="*/ListDatasetFiles", status=502, times=1000)])
    with pytest.raises(ReleaseStopped, match="502"):
        publisher(server).publish(first, notes=NOTES)
    assert publications(on_disk, first)[0].state is State.READY
    server.faults = FaultScript()
    assert publisher(server).publish(first, notes=NOTES).version == 1
    assert len(held(server)) == 1


def test_a_release_that_was_begun_is_settled_before_another_is_published(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged, second: Staged
) -> None:
    server = serve(faults=[KaggleFault(path="*/GetDatasetStatus", status=403, times=1)])
    with pytest.raises(ReleaseStopped, match="403"):
        publisher(server).publish(first, notes=NOTES)
    assert publications(on_disk, first)[0].state is State.CREATED
    assert publisher(server).publish(second, notes=NOTES).version == 2
    assert [(p.state, p.version) for p in publications(on_disk, first)] == [(State.SUPERSEDED, 1)]
    assert held(server) == [expected(first), expected(second)]


def test_nothing_is_created_where_the_ledger_cannot_be_written(
    serve: Serve, publisher: Make, directory: Path, first: Staged
) -> None:
    server = serve()
    ledgers = directory / "releases" / "ledger"

    def spoil(call: str, _done: bool) -> None:
        if call == "upload" and ledgers.is_dir():
            ledgers.rename(ledgers.with_name("away"))
            ledgers.write_bytes(b"in the way")

    server.watch = spoil
    with pytest.raises(StoreError):
        publisher(server).publish(first, notes=NOTES)
    assert server.calls("upload")
    assert server.calls("CreateDataset") == []
    server.watch = lambda _call, _done: None
    ledgers.unlink()
    ledgers.with_name("away").rename(ledgers)
    assert publisher(server).publish(first, notes=NOTES).version == 1


def test_what_kaggle_does_not_tell_the_owner_of_is_taken_for_not_there(
    serve: Serve, publisher: Make, first: Staged
) -> None:
    server = serve(faults=[KaggleFault(path="*/GetDataset", preset="forbidden")])
    assert publisher(server).publish(first, notes=NOTES).version == 1


def test_the_dataset_of_another_is_not_created(serve: Serve, on_disk: Store, clock: Steady, first: Staged) -> None:
    server = serve(faults=[KaggleFault(path="*/GetDataset", preset="forbidden")])
    where = target(server, "someone-else/elections-on-x")
    publisher = Publisher(on_disk, where, clock, patience=QUICK, start=shared_forks().start)
    with pytest.raises(ReleaseStopped, match="Kaggle refused: 403"):
        publisher.publish(first, notes=NOTES)
    assert server.calls("StartBlobUpload") == []


def test_a_refusal_with_status_200_is_a_refusal(
    serve: Serve, publisher: Make, on_disk: Store, first: Staged, second: Staged
) -> None:
    server = serve(dataset_type="REMOTE_URL_FILE_SET")
    publisher(server).publish(first, notes=NOTES)
    with pytest.raises(ReleaseRefused, match="Incompatible Dataset Type"):
        publisher(server).publish(second, notes=NOTES)
    assert publications(on_disk, second)[0].state is State.REFUSED
    assert len(held(server)) == 1


def test_a_dataset_that_is_public_gets_no_private_release(
    serve: Serve, publisher: Make, first: Staged, second: Staged
) -> None:
    server = serve()
    publisher(server).publish(first, notes=NOTES)
    server.dataset(SLUG).settings["isPrivate"] = False
    sent = len(server.calls("upload"))
    with pytest.raises(ReleaseRefused, match=r"reports .* as public, this release must be private"):
        publisher(server).publish(second, notes=NOTES)
    assert len(server.calls("upload")) == sent


def test_a_directory_that_is_not_its_manifest_sends_nothing(serve: Serve, publisher: Make, first: Staged) -> None:
    (first.directory / "candidates.csv").write_bytes(b"candidate,name\nb,B\n")
    (first.directory / ".hidden").write_bytes(b"x")
    server = serve()
    with pytest.raises(ReleaseRefused, match=r"\.hidden: not in the manifest.*candidates\.csv: sha256 is"):
        publisher(server).publish(first, notes=NOTES)
    assert server.requests == []


def test_files_come_in_pages_and_every_page_is_compared(serve: Serve, publisher: Make, first: Staged) -> None:
    server = serve(max_page=4)
    publisher(server).publish(first, notes=NOTES)
    assert [call.body.get("pageToken") for call in server.calls("ListDatasetFiles")] == [None, "4"]


def test_a_dry_run_shows_what_is_then_sent(serve: Serve, publisher: Make, first: Staged, second: Staged) -> None:
    server = serve(ready_after=0)
    for staged in (first, second):
        sent_before = len(server.requests)
        planned = publisher(server).dry_run(staged, notes=NOTES)
        assert len(server.requests) == sent_before
        publisher(server).publish(staged, notes=NOTES)
        sent = server.requests[sent_before:]
        assert [p.address.rpartition("/")[2] if p.body else "upload" for p in planned] == [r.call for r in sent]
        tokens = {blob.token: blob for blob in server.state.blobs.values()}
        for plan, real in zip(planned, sent, strict=True):
            if plan.body is None:
                assert plan.bytes == real.size
            elif plan.address.endswith("ListDatasetFiles"):
                assert {**plan.body, "datasetVersionNumber": real.body["datasetVersionNumber"]} == real.body
            else:
                assert _without_tokens(plan.body, set()) == _without_tokens(real.body, set(tokens))
        assert publisher(server).dry_run(staged, notes=NOTES) == []
    assert [r.call for r in server.requests].count("UpdateDatasetMetadata") == 2


def _without_tokens(value: Any, tokens: set[str]) -> Any:  # noqa: ANN401 - JSON
    """JSON with every token, real or planned, and every default that kagglesdk leaves out, made the same."""
    if isinstance(value, dict):
        made = {name: _without_tokens(v, tokens) for name, v in value.items()}
        return {name: v for name, v in made.items() if v not in ("", [], False, None)}
    if isinstance(value, (list, tuple)):
        return [_without_tokens(v, tokens) for v in value]
    return "token" if isinstance(value, str) and (value in tokens or value.startswith(token_of("")[:-1])) else value
