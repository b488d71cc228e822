from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.windows import created_ms, epoch_ms
from elec_assets.sandbox.posts import DERIVED, GHOST, Json, full_text, snowflake
from elec_assets.sandbox.world import Burst, Person, Scene, World
from elec_assets_tests.examples import examples

START = datetime(2027, 2, 1, tzinfo=UTC)
PEOPLE = tuple(Person(f"p{i:02d}", f"Élodie Nom{i:02d}x", (f"Compte{i:02d}x",), (f"sigle{i:02d}x",)) for i in range(12))
SCENE = Scene(seed=3, people=PEOPLE, posts_per_hour=400)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def day() -> list[Json]:
    """A busy day: enough of everything rare."""
    return World(Scene(seed=3, people=PEOPLE, posts_per_hour=1_500)).posts(START + 12 * HOUR, START + 20 * HOUR)


@cache
def three_hours() -> list[Json]:
    return World(SCENE).posts(START, START + 3 * HOUR)


@settings(max_examples=examples(15), deadline=None)
@given(offset=st.integers(0, 2 * 3_600), length=st.integers(1, 3_600), warm=st.booleans())
def test_the_range_asked_does_not_change_the_posts(offset: int, length: int, warm: bool) -> None:
    start = START + timedelta(seconds=offset)
    end = start + timedelta(seconds=length)
    world = World(SCENE)
    if warm:
        world.posts(start - HOUR, start + timedelta(minutes=7))
    bounds = range(epoch_ms(start), epoch_ms(end))
    assert world.posts(start, end) == [p for p in three_hours() if created_ms(int(p["id"])) in bounds]


def test_another_seed_gives_other_posts() -> None:
    other = World(Scene(seed=4, people=PEOPLE, posts_per_hour=400))
    ids = {p["id"] for p in World(SCENE).posts(START, START + HOUR)}
    assert ids.isdisjoint(p["id"] for p in other.posts(START, START + HOUR))


def test_ids_are_unique_ascending_snowflakes_of_created_at(day: list[Json]) -> None:
    ids = [int(p["id"]) for p in day]
    assert ids == sorted(set(ids))
    for post in day:
        made = datetime.fromisoformat(post["created_at"])
        assert 0 <= (created_ms(int(post["id"])) or 0) - epoch_ms(made) < 1_000


def test_volumes_span_three_decades() -> None:
    world = World(Scene(seed=5, people=PEOPLE, posts_per_hour=40_000))
    posts = world.posts(START + 19 * HOUR, START + 19.25 * HOUR)
    originals = [full_text(p).lower() for p in posts if "referenced_tweets" not in p]
    named = [
        sum(f"nom{i:02d}x" in t or f"compte{i:02d}x" in t or f"sigle{i:02d}x" in t for t in originals)
        for i in range(12)
    ]
    loudest, quietest = max(named), min(named)
    assert 0 < quietest < loudest / 300
    assert loudest / quietest < 4_000
    nobody = sum(not any(f"{i:02d}x" in t for i in range(12)) for t in originals)
    assert 0.02 * len(originals) < nobody < 0.2 * len(originals)


def test_the_evening_in_paris_is_the_busiest() -> None:
    scene = Scene(seed=3, people=PEOPLE, posts_per_hour=150)
    posts = World(scene).posts(START, START + 72 * HOUR)
    local = Counter(datetime.fromisoformat(p["created_at"]).astimezone(ZoneInfo("Europe/Paris")).hour for p in posts)
    assert local.most_common(1)[0][0] in (20, 21)
    assert local[20] > 10 * local[3]
    assert 0.85 < len(posts) / (72 * scene.posts_per_hour) < 1.15


def test_a_burst_multiplies() -> None:
    burst = Burst(START + 20 * HOUR, START + 22 * HOUR, 8.0)
    loud = World(Scene(3, PEOPLE, 400, (burst,)))
    during = len(loud.posts(burst.start, burst.end)) / len(World(SCENE).posts(burst.start, burst.end))
    before = World(SCENE).posts(START + 17 * HOUR, START + 19 * HOUR)
    assert 6 < during < 10
    assert loud.posts(START + 17 * HOUR, START + 19 * HOUR) == before


def test_every_form_of_post_is_there(day: list[Json]) -> None:
    kinds = Counter(tuple(sorted(r["type"] for r in p.get("referenced_tweets", []))) for p in day)
    assert set(kinds) == {(), ("retweeted",), ("replied_to",), ("quoted",), ("quoted", "replied_to")}
    for field in ("note_tweet", "withheld", "attachments", "geo", "in_reply_to_user_id"):
        assert any(field in p for p in day), field
    assert {p["lang"] for p in day} == {"fr", "en", "und"}
    texts = "".join(p["text"] for p in day)
    for mark in ("\n", "\r\n", "\t", '"', "«", "\u2019", "&amp;", "é", "🗳️", "#", "@Compte", "https://t.co/"):
        assert mark in texts, mark


def test_retweets_are_cut_and_their_originals_known(day: list[Json]) -> None:
    world = World(Scene(seed=3, people=PEOPLE, posts_per_hour=1_500))
    retweets = [p for p in day if p.get("referenced_tweets", [{}])[0].get("type") == "retweeted"]
    known = [(p, world.find("tweets", p["referenced_tweets"][0]["id"])) for p in retweets[:800]]
    for post, original in known:
        assert len(post["text"]) <= 140
        if original is not None and post["text"].endswith("…"):
            assert full_text(original).startswith(post["text"].split(": ", 1)[1][:-1])
    missing = sum(original is None for _, original in known)
    assert 0 < missing < 0.15 * len(known)
    assert any(p["text"].endswith("…") for p in retweets)


def test_edits_list_all_versions_within_half_an_hour(day: list[Json]) -> None:
    by_id = {p["id"]: p for p in day}
    edited = [p for p in day if len(p["edit_history_tweet_ids"]) > 1]
    assert edited
    for post in edited:
        history = post["edit_history_tweet_ids"]
        assert post["id"] in history
        assert history == sorted(history)
        assert int(history[-1]) - int(history[0]) < 30 * 60_000 << 22
        if all(i in by_id for i in history):
            assert len({by_id[i]["text"] for i in history}) == len(history)
    assert any(p["id"] != p["edit_history_tweet_ids"][0] for p in edited)


def test_some_quotes_name_someone_in_the_quoted_text_alone(day: list[Json]) -> None:
    by_id = {p["id"]: p for p in day}
    found = 0
    for post in day:
        quoted = next((r["id"] for r in post.get("referenced_tweets", []) if r["type"] == "quoted"), None)
        if quoted in by_id and "Nom" not in post["text"]:
            found += "Nom" in full_text(by_id[quoted])
    assert found > 0


def test_originals_are_marked_synthetic_and_authors_invented(day: list[Json]) -> None:
    world = World(SCENE)
    for post in day:
        if "referenced_tweets" not in post:
            assert "#synthetique" in full_text(post) or "texte de synthèse" in full_text(post)
    authors = {p["author_id"] for p in day}
    users = [world.find("users", a) for a in authors]
    assert all(u["username"].startswith("synth_") for u in users if u is not None)
    assert any(u is None for u in users)


def test_an_empty_scene_makes_noise_only() -> None:
    posts = World(Scene(seed=1, people=(), posts_per_hour=50)).posts(START + 12 * HOUR, START + 13 * HOUR)
    assert posts
    assert all("Nom" not in p["text"] for p in posts)


def test_a_deleted_original_is_looked_up_without_making_its_slot() -> None:
    """A ghost is up to a day old: making its slot, only to find that it holds none, took 11 ms a post of a stream."""
    made = []

    class Counting(World):
        def _make_slot(self, slot: int) -> dict[int, Json]:
            made.append(slot)
            return super()._make_slot(slot)

    world = Counting(SCENE)
    assert world.find("tweets", str(snowflake(epoch_ms(START), GHOST, 1))) is None
    assert made == []
    assert world.find("tweets", str(snowflake(epoch_ms(START), DERIVED, 99_999))) is None
    assert len(made) == 1
