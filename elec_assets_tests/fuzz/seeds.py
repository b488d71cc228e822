"""Valid inputs that fuzzing starts from: every field that the tables use, in every form that X sends."""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
ID = "1574186989737459712"

USERS: list[Json] = [
    {
        "id": "70",
        "username": "Anne_B",
        "name": "Anne B",
        "created_at": "2012-06-29T17:51:18.000Z",
        "verified_type": "blue",
        "public_metrics": {"followers_count": 5, "following_count": "6", "tweet_count": 7.0},
    },
    {"id": 71, "username": "b"},
]
WORDS: Json = {
    "hashtags": [{"start": 0, "end": 3, "tag": "Vote"}],
    "cashtags": [{"tag": "EUR"}],
    "mentions": [{"username": "Anne_B", "id": "70"}],
    "urls": [{"url": "https://t.co/a", "expanded_url": "https://a.b/c", "unwound_url": "https://a.b/d"}, {"url": "u"}],
}
SENT: list[Json] = [
    {"id": "7", "author_id": "70", "text": "all of it, to the end #Vote", "entities": WORDS, "lang": "fr"},
    {
        "id": "8",
        "author_id": "71",
        "text": "short",
        "note_tweet": {"text": "long " * 60, "entities": {"urls": [{"expanded_url": "https://n.o/p"}]}},
        "referenced_tweets": [{"type": "quoted", "id": "7"}],
    },
]
FULL: Json = {
    "id": ID,
    "text": "Bonjour à tous \U0001f339",
    "author_id": "70",
    "conversation_id": "9",
    "in_reply_to_user_id": 71,
    "created_at": "2022-09-25T23:59:59.000Z",
    "referenced_tweets": [{"type": "quoted", "id": "7"}, {"type": "replied_to", "id": "8"}],
    "edit_history_tweet_ids": ["1574186989737459700", ID],
    "entities": WORDS,
    "public_metrics": {
        "like_count": 1,
        "reply_count": 2,
        "retweet_count": "3",
        "quote_count": 4.0,
        "bookmark_count": 5,
        "impression_count": 6,
    },
    "attachments": {"media_keys": ["3_1", "3_2", "3_9"]},
    "context_annotations": [{"domain": {"id": "10", "name": "P"}, "entity": {"id": 84}}, {"domain": {"id": "3"}}],
    "geo": {"place_id": "07d9"},
    "withheld": {"country_codes": ["DE", "FR"], "copyright": False},
    "lang": "fr",
    "possibly_sensitive": False,
    "reply_settings": "everyone",
}
RETWEET: Json = {
    "id": "1574186989737459713",
    "text": "RT @Anne_B: all of it, to…",
    "author_id": "71",
    "referenced_posts": [{"type": "retweeted", "id": "7"}],
    "entities": {"mentions": [{"username": "Anne_B"}]},
}
LONG: Json = {
    "id": "1574186989737459714",
    "text": "cut",
    "note_post": {"text": "the long form", "entities": {"hashtags": [{"tag": "long"}]}},
    "referenced_tweets": [{"type": "retweeted", "id": "8"}],
}
OLD: Json = {"id": "1100000000", "text": "old", "created_at": "2009-01-05T10:11:12Z", "public_metrics": None}
INCLUDES: Json = {
    "users": USERS,
    "tweets": SENT,
    "media": [{"media_key": "3_1", "type": "photo", "url": "m"}, {"media_key": "3_2", "type": "video"}],
    "places": [{"id": "07d9", "country_code": "FR", "full_name": "Paris"}],
}


def _json(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(value, ensure_ascii=False).encode()


def pages() -> list[bytes]:
    """Search pages: whole, with a cursor, with partial errors, empty."""
    meta = {"newest_id": ID, "oldest_id": "7", "result_count": 4, "next_token": "b26v89c19zqg8o3f"}
    return [
        _json({"data": [FULL, RETWEET, LONG, OLD], "includes": INCLUDES, "meta": meta}),
        _json({"data": [RETWEET], "includes": {"posts": SENT, "users": None}, "meta": {"result_count": 1}}),
        _json({"data": [FULL], "errors": [{"title": "Not Found Error"}], "meta": {"result_count": 1}}),
        _json({"meta": {"result_count": 0}}),
    ]


def lines() -> list[bytes]:
    """Stream lines: posts with their rules, heartbeats, a notice."""
    rules = [{"id": "1", "tag": "elec:a:b"}, {"id": 2, "tag": ""}, {"id": "3", "tag": "elec:a:a"}]
    first = _json({"data": FULL, "includes": INCLUDES, "matching_rules": rules})
    second = _json({"data": RETWEET, "includes": {"posts": SENT}, "matching_rules": [{"id": "3"}]})
    notice = _json({"errors": [{"title": "operational-disconnect"}]})
    return [first, b"\r\n".join([first, b"", second, notice, b""])]


def sidecars() -> list[bytes]:
    """Sidecars of search pages."""
    asked = {
        "version": 1,
        "election": "fr",
        "hour": "2022-09-25-23:00",
        "query": "(a OR b)",
        "query_id": "0a1b2c3d",
        "since_id": "1574171889500000000",
        "until_id": "1574186988900000000",
        "page": 1,
        "endpoint": "all",
        "registry_version": "0123456789ab",
        "asked_at": "2022-09-27T00:00:00.001Z",
    }
    got = {"received_at": "2022-09-27T00:00:01.002Z", "status": 200, "result_count": 10, "oldest_id": ID, "last": True}
    return [_json(asked | got), _json(asked | {"outcome": "throttled", "problem": "429", "status": 429})]


def coverage_rows() -> list[bytes]:
    """Coverage rows of an hour."""
    return [
        _json(
            {
                "schema_version": 1,
                "election": "fr",
                "source": "twitter",
                "table": "tweets",
                "partition": "2022-09-25-23:00",
                "outcome": "partial",
                **{"planned_s": 3600.0, "captured_s": 0.0, "filled_s": 1800.5, "missed_s": 1799.5},
                "retweets_missed_s": 3600.0,
                "missed": [["2022-09-25T23:00:00Z", "2022-09-25T23:29:59.500Z"]],
                "reason": "429",
                **{"rows": 1, "received": 2, "duplicates": 0, "strays": 1, "rejects": 0},
                **{"raw_objects": 3, "queries": 1},
            }
        )
    ]


def ledgers() -> list[bytes]:
    """Spend ledgers."""
    return [_json({"version": 1, "settled_usd": 1.25, "open_usd": {"a/b": 0.5}, "calls": 3, "posts": 10, "users": 4})]


def keys() -> list[bytes]:
    """Keys of search pages."""
    stem = "fr/data/raw/twitter_search/20220925/20220925_23_20220927T000000001Z_0a1b2c3d_0001"
    return [f"{stem}{suffix}".encode() for suffix in (".json.gz", ".meta.json")]


REGISTRY = """\
elections:
  fr_2027:
    name: Élection 2027
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    areas: {fr: FR, world: ""}
    calendar:
      collect_from: 2026-11-02
      collect_until: 2027-05-27
      rounds: [2027-04-11, 2027-04-25]
      confirmed: false
      inauguration: 2027-05-13
      blackouts:
        - {from: "2027-04-10 00:00", to: "2027-04-11 20:00"}
      events: [{name: Debate, at: "2027-04-21 21:00", for: 3h}]
    capture: {every: 1h, for: 10min}
    candidates:
      ada:
        name: Ada Lovelace
        status: 1
        twitter_account: ["@ada_l", "@Party"]
      grace:
        name: Grâce Hopper
        group: Centre
        party: Navy
        image: https://a.b/c.png
        status: [{value: 0}, {from: 2026-12-01, value: 1}, {from: "2027-03-20 08:30", value: -1}]
        twitter_account: ["@Party"]
        terms: [COBOL, "#Hopper2027", "@navy"]
        exclude:
          - a grasshopper
        since: 2026-11-10
        until: 2027-04-26
        trends: {topic_mid: /m/0abc12, term: Grace Hopper}
        note: said so herself
"""


PHASED = """\
    capture:
      default: {slots: 10, seconds: 60}
      phases: {campaign: {every: 5min, for: 2min}, vote: continuous}
      events: {plan: continuous, before: 30min, after: 1h}
"""


def registries() -> list[bytes]:
    """Registries: small, by file, with a capture plan by phase and event."""
    by_file = REGISTRY[: REGISTRY.index("    candidates:")] + "    candidates_file: people.json\n"
    phased = REGISTRY.replace("    capture: {every: 1h, for: 10min}\n", PHASED)
    return [REGISTRY.encode(), by_file.encode(), phased.encode()]


def candidate_files() -> list[bytes]:
    """Candidates in the form of 2021."""
    ada = {"name": "Ada Lovelace", "group": "C", "party": "D", "status": 1, "twitter_account": ["@ada_l"], "image": "i"}
    grace: Json = {
        "name": "Grâce Hopper",
        "status": [{"value": 0}, {"from": "2027-01-01", "value": 1}],
        "terms": ["#a", "b c"],
    }
    grace |= {"exclude": ["x"], "since": "2026-11-10", "until": "2027-04-26 10:00", "trends": {"topic_mid": "/m/0a"}}
    return [json.dumps({"ada": ada, "grace": grace}, ensure_ascii=False, indent=1).encode()]


def texts() -> list[bytes]:
    """What the matcher reads: text, URLs, mentions, author and quoted text between bars."""
    return [
        "Jean-Luc Mélenchon et l\u2019Élan #Élan @x_y|https://a.b/%C3%89douard-Philippe|Anne_Hidalgo|Party|ß".encode(),
        "ÉDOUARD PHILIPPE|||a|#a_b".encode(),
    ]
