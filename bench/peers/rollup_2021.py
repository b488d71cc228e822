"""The way of 2021: each batch through json.loads and pandas to a .csv.gz, then all of them concatenated once a week.

Written as its author wrote it, for the flat columns of today: pandas' own types, and its own gzip level (9).
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd

from bench import posts
from bench.measure import Figures, Job, Stages
from bench.peers.columns import FLAT
from elec_assets.domain.tables import SCHEMA_VERSION
from elec_assets.domain.windows import X_EPOCH_MS

Json = dict[str, Any]
_KINDS = {"retweeted": "retweet", "quoted": "quote", "replied_to": "reply"}


def run(job: Job) -> Figures:
    """Every batch to a CSV of its own, then the week."""
    stages, folder, out = Stages(), Path(job["input"]), Path(job["out"])
    parts = []
    with stages.time("batches"):
        for slot in posts.corpus(folder).slots:
            path = posts.slot_path(folder, slot)
            with gzip.open(path) as batch:
                lines = [json.loads(line) for line in batch if line.strip()]
            if lines:
                rows = [_row(line, path.name, posts.slot_start(slot + 1).isoformat()) for line in lines]
                parts.append(out / f"{path.stem}.csv.gz")
                pd.DataFrame(rows, columns=list(FLAT)).to_csv(parts[-1], index=False, compression="gzip")
    with stages.time("week"):
        week = pd.concat([pd.read_csv(part, low_memory=False) for part in parts])
        week = week.drop_duplicates("tweet_id", keep="last").sort_values("tweet_id")
        week.to_csv(out / "week.csv.gz", index=False, compression="gzip")
    csv = out / "week.csv.gz"
    return {"csv": str(csv), "rows": len(week), "out_mb": csv.stat().st_size / 1e6, "stages": stages.cpu_s}


def _row(line: Json, batch: str, received: str) -> Json:
    post, sent = line["data"], line.get("includes", {})
    users = {user["id"]: user for user in sent.get("users", ())}
    others = {other["id"]: other for other in sent.get("tweets", ())}
    media = {medium["media_key"]: medium for medium in sent.get("media", ())}
    places = {place["id"]: place for place in sent.get("places", ())}
    refs = {reference["type"]: reference["id"] for reference in post.get("referenced_tweets", ())}
    retweeted, quoted = others.get(refs.get("retweeted")), others.get(refs.get("quoted"))
    created = pd.Timestamp((int(post["id"]) >> 22) + X_EPOCH_MS, unit="ms", tz="UTC")
    attached = [media[key] for key in post.get("attachments", {}).get("media_keys", ()) if key in media]
    place_id = post.get("geo", {}).get("place_id")
    edits = post.get("edit_history_tweet_ids", [])
    return {
        "tweet_id": post["id"],
        "created_at": created.isoformat(),
        "window_start": created.floor("5min").isoformat(),
        "author_id": post["author_id"],
        "conversation_id": post.get("conversation_id"),
        "in_reply_to_user_id": post.get("in_reply_to_user_id"),
        "kind": next((kind for name, kind in _KINDS.items() if name in refs), "original"),
        "replied_to_id": refs.get("replied_to"),
        "quoted_id": refs.get("quoted"),
        "retweeted_id": refs.get("retweeted"),
        "retweeted_author_id": retweeted and retweeted["author_id"],
        "quoted_author_id": quoted and quoted["author_id"],
        **_content(post, retweeted, quoted, users, "retweeted" in refs),
        "lang": post.get("lang"),
        "possibly_sensitive": post.get("possibly_sensitive"),
        "reply_settings": post.get("reply_settings"),
        **{name: value for name, value in post.get("public_metrics", {}).items() if name in FLAT},
        "metrics_at": received,
        "media_types": json.dumps([medium["type"] for medium in attached]),
        "media_urls": json.dumps([medium.get("url") or medium.get("preview_image_url", "") for medium in attached]),
        "context_entities": json.dumps(
            [f"{a['domain']['id']}.{a['entity']['id']}" for a in post.get("context_annotations", ())]
        ),
        "place_id": place_id,
        "place_country_code": places.get(place_id, {}).get("country_code"),
        "place_full_name": places.get(place_id, {}).get("full_name"),
        "edit_ids": json.dumps(edits),
        "edit_root_id": edits[0] if edits else post["id"],
        "is_edited": len(edits) > 1,
        "withheld_countries": json.dumps(post.get("withheld", {}).get("country_codes", [])),
        **_author(users.get(post["author_id"], {})),
        "matched_rule_tags": json.dumps(sorted({rule["tag"] for rule in line.get("matching_rules", ())})),
        "origin": '["stream"]',
        "received_at": received,
        "batch_id": batch,
        "schema_version": SCHEMA_VERSION,
    }


def _content(post: Json, retweeted: Json | None, quoted: Json | None, users: dict[str, Json], is_retweet: bool) -> Json:
    """Texts, and the words of the whole text; of a retweet the original's."""
    long = post.get("note_tweet") or post
    text, entities = long["text"], long.get("entities", {})
    mentions = [mention["username"] for mention in entities.get("mentions", ())]
    full = not is_retweet or not text.endswith("…")
    if retweeted is not None:
        original = retweeted.get("note_tweet") or retweeted
        username = users[retweeted["author_id"]]["username"]
        text, entities, full = f"RT @{username}: {original['text']}", original.get("entities", {}), True
        mentions = [username, *(mention["username"] for mention in entities.get("mentions", ()))]
    urls = [url.get("unwound_url") or url.get("expanded_url") or url["url"] for url in entities.get("urls", ())]
    return {
        "text": text,
        "text_is_full": full,
        "quoted_text": quoted and (quoted.get("note_tweet") or quoted)["text"],
        "hashtags": json.dumps([tag["tag"] for tag in entities.get("hashtags", ())], ensure_ascii=False),
        "mentions": json.dumps(mentions),
        "urls": json.dumps(urls),
        "cashtags": json.dumps([tag["tag"] for tag in entities.get("cashtags", ())]),
    }


def _author(author: Json) -> Json:
    metrics = author.get("public_metrics", {})
    return {
        "author_username": author.get("username"),
        "author_name": author.get("name"),
        "author_created_at": author.get("created_at"),
        "author_verified_type": author.get("verified_type"),
        "author_followers": metrics.get("followers_count"),
        "author_following": metrics.get("following_count"),
        "author_tweets": metrics.get("tweet_count"),
    }
