"""Documents served again from the store, without a request."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.trends_errors import TrendsGarbled, TrendsNotStored
from elec_assets.clients.trends_replay import TrendsReplay
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.domain.windows import HOUR, Window
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.transforms.trends_documents import encode_document
from elec_assets_tests.clients.trends import DATA, EXPLORE, ONE, OTHER, START, WIDGETS, Google, asked

StartGoogle = Callable[..., Google]
ELECTION = "xx_2027"
BLOCK = Window(START + 4 * HOUR, START + 8 * HOUR)
HOURLY = TrendsRequest("fr", "FR", Cadence.HOURLY, BLOCK, asked("Nom1", "Nom2", "Nom3").keywords)


def key(request: TrendsRequest, endpoint: Endpoint) -> str:
    window = Window(START, START + timedelta(days=1)) if request.cadence is Cadence.DAILY else BLOCK
    hour = Window(window.start + HOUR, window.start + 2 * HOUR) if request.cadence is Cadence.HOURLY else window
    return TrendsPlace(ELECTION, request.area, request.cadence, hour).document(request.request_id, endpoint)


def stored(world: Google, *requests: TrendsRequest) -> dict[tuple[TrendsRequest, Endpoint], bytes]:
    """Documents collected into the store, as they are there."""
    backend = world.backend()
    written = {}
    for request in requests:
        explored = backend.explore(request)
        for endpoint in DATA:
            data = encode_document(backend.fetch(explored, endpoint))
            world.store.put(key(request, endpoint), data)
            written[request, endpoint] = data
    return written


def test_every_document_comes_back_as_it_was_stored_and_nothing_is_asked(google: StartGoogle) -> None:
    world = google()
    written = stored(world, ONE, asked("Nom1", geo=""), HOURLY)
    sent = len(world.server.requests)
    replay: TrendsBackend = TrendsReplay(world.store, ELECTION)
    for request, endpoint in written:
        found = replay.fetch(replay.explore(request), endpoint)
        assert encode_document(found) == written[request, endpoint]
        assert (found.absent, found.backend) == (request is HOURLY and endpoint in DATA[2:], "pytrends")
    assert len(world.server.requests) == sent
    assert (replay.name, replay.version) == ("replay", "1")


def test_what_it_explores_is_what_was_offered(google: StartGoogle) -> None:
    world = google()
    stored(world, ONE)
    fresh = world.backend().explore(ONE)
    again = TrendsReplay(world.store, ELECTION).explore(ONE)
    assert (again.request, again.resolution) == (fresh.request, fresh.resolution)
    assert {e: offer.request for e, offer in again.offers.items()} == {e: o.request for e, o in fresh.offers.items()}


def test_a_request_of_several_explore_calls_is_one(google: StartGoogle) -> None:
    """A run that stopped and was resumed: each document has the widget of its own explore call."""
    world = google()
    for endpoint in DATA:
        backend = world.backend()
        world.store.put(key(ONE, endpoint), encode_document(backend.fetch(backend.explore(ONE), endpoint)))
    assert set(TrendsReplay(world.store, ELECTION).explore(ONE).offers) == set(DATA)


def test_what_is_not_stored_is_not_run(google: StartGoogle) -> None:
    world = google()
    stored(world, ONE)
    replay = TrendsReplay(world.store, ELECTION)
    for request in (OTHER, ONE.sample(2), asked("Nom1", geo="")):
        with pytest.raises(TrendsNotStored, match="the store holds no document of it") as told:
            replay.explore(request)
        assert told.value.outcome is Outcome.NOT_RUN
    explored = replay.explore(ONE)
    world.store.delete(key(ONE, Endpoint.TOPICS))
    with pytest.raises(TrendsNotStored, match=r"_topics\.json\.gz: not in the store"):
        replay.fetch(explored, Endpoint.TOPICS)
    with pytest.raises(ValueError, match="explore has no document"):
        replay.fetch(explored, Endpoint.EXPLORE)


def test_a_damaged_document_is_named(google: StartGoogle) -> None:
    world = google()
    stored(world, ONE)
    world.store.put(key(ONE, Endpoint.QUERIES), b"x")
    replay = TrendsReplay(world.store, ELECTION)
    with pytest.raises(TrendsGarbled, match=r"_queries\.json\.gz: .*; restore it from a backup, or remove it"):
        replay.explore(ONE)


@pytest.mark.parametrize("other", [(OTHER, Endpoint.TIMELINE), (ONE, Endpoint.REGIONS)], ids=["request", "endpoint"])
def test_a_document_of_another_question_is_not_served(
    google: StartGoogle, other: tuple[TrendsRequest, Endpoint]
) -> None:
    """A file copied to a wrong place would put one candidate's data under another's name."""
    world = google()
    written = stored(world, ONE, OTHER)
    replay = TrendsReplay(world.store, ELECTION)
    explored = replay.explore(ONE)
    world.store.put(key(ONE, Endpoint.TIMELINE), written[other])
    for ask in (lambda: replay.explore(ONE), lambda: replay.fetch(explored, Endpoint.TIMELINE)):
        with pytest.raises(TrendsGarbled, match=f"_timeline.json.gz: holds request {other[0].request_id}, {other[1]}"):
            ask()


def test_a_document_without_a_widget_is_served_too(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, drop_widget="RELATED_TOPICS")])
    stored(world, ONE)
    world.server.faults.add(TrendsFault(path=WIDGETS, status=500, times=9))
    replay = TrendsReplay(world.store, ELECTION)
    explored = replay.explore(ONE)
    assert Endpoint.TOPICS not in explored.offers
    assert replay.fetch(explored, Endpoint.TOPICS).absent
