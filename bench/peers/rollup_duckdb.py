"""DuckDB on its own, from the batch files to the weekly file: read_json, last copy of each id, flat columns, COPY."""

from pathlib import Path

import duckdb

from bench import posts
from bench.measure import Figures, Job

Setting = str | bool | int | float | list[str]

_ENTITIES = (
    "STRUCT(hashtags STRUCT(tag VARCHAR)[], cashtags STRUCT(tag VARCHAR)[], mentions STRUCT(username VARCHAR)[],"
    " urls STRUCT(url VARCHAR, expanded_url VARCHAR, unwound_url VARCHAR)[])"
)
_POST = (
    "id VARCHAR, text VARCHAR, author_id VARCHAR, conversation_id VARCHAR, in_reply_to_user_id VARCHAR,"
    " referenced_tweets STRUCT(type VARCHAR, id VARCHAR)[], edit_history_tweet_ids VARCHAR[],"
    f" note_tweet STRUCT(text VARCHAR, entities {_ENTITIES}), entities {_ENTITIES},"
    " public_metrics STRUCT(like_count BIGINT, reply_count BIGINT, retweet_count BIGINT, quote_count BIGINT,"
    " bookmark_count BIGINT, impression_count BIGINT), attachments STRUCT(media_keys VARCHAR[]),"
    ' context_annotations STRUCT("domain" STRUCT(id VARCHAR), entity STRUCT(id VARCHAR))[],'
    " geo STRUCT(place_id VARCHAR), withheld STRUCT(country_codes VARCHAR[]), lang VARCHAR,"
    " possibly_sensitive BOOLEAN, reply_settings VARCHAR"
)
_INCLUDES = (
    "STRUCT(users STRUCT(id VARCHAR, username VARCHAR, name VARCHAR, created_at TIMESTAMP, verified_type VARCHAR,"
    " public_metrics STRUCT(followers_count BIGINT, following_count BIGINT, tweet_count BIGINT))[],"
    f" tweets STRUCT({_POST})[],"
    " media STRUCT(media_key VARCHAR, type VARCHAR, url VARCHAR, preview_image_url VARCHAR)[],"
    " places STRUCT(id VARCHAR, country_code VARCHAR, full_name VARCHAR)[])"
)
_COLUMNS = f"{{data: 'STRUCT({_POST})', includes: '{_INCLUDES}', matching_rules: 'STRUCT(tag VARCHAR)[]'}}"

# One step a WITH, as a careful user writes it. `position` is the line's place in all files, in order of name.
_SELECT = f"""
WITH read AS (
  SELECT data AS d, includes AS i, matching_rules AS rules, parse_filename(filename) AS batch_id,
         row_number() OVER () AS position
  FROM read_json(getvariable('files'), columns = {_COLUMNS}, format = 'newline_delimited', filename = true)
), kept AS (
  SELECT * FROM read QUALIFY row_number() OVER (PARTITION BY d.id ORDER BY position DESC) = 1
), known AS (
  SELECT d, i, rules, batch_id,
         strptime(batch_id[:13], '%Y%m%d_%H%M') + INTERVAL 5 MINUTE AS received,
         make_timestamp_ms((d.id::BIGINT >> 22) + 1288834974657) AS created,
         list_filter(d.referenced_tweets, lambda r: r.type = 'replied_to')[1].id AS replied_to_id,
         list_filter(d.referenced_tweets, lambda r: r.type = 'quoted')[1].id AS quoted_id,
         list_filter(d.referenced_tweets, lambda r: r.type = 'retweeted')[1].id AS retweeted_id,
         list_filter(i.users, lambda u: u.id = d.author_id)[1] AS author,
         list_filter(i.places, lambda p: p.id = d.geo.place_id)[1] AS place,
         coalesce(list_filter(i.media, lambda m: list_contains(d.attachments.media_keys, m.media_key)), []) AS media
  FROM kept
), referred AS (
  SELECT *, list_filter(i.tweets, lambda t: t.id = retweeted_id)[1] AS original,
         list_filter(i.tweets, lambda t: t.id = quoted_id)[1] AS quoted
  FROM known
), said AS (
  SELECT *, list_filter(i.users, lambda u: u.id = original.author_id)[1].username AS first_author,
         coalesce(original.note_tweet.text, original.text) AS original_text,
         coalesce(d.note_tweet.text, d.text) AS own_text,
         CASE WHEN original IS NOT NULL THEN coalesce(original.note_tweet.entities, original.entities)
              ELSE coalesce(d.note_tweet.entities, d.entities) END AS e
  FROM referred
)
SELECT d.id AS tweet_id, created AS created_at, time_bucket(INTERVAL 5 MINUTE, created) AS window_start,
  d.author_id AS author_id, d.conversation_id AS conversation_id, d.in_reply_to_user_id AS in_reply_to_user_id,
  CASE WHEN retweeted_id IS NOT NULL THEN 'retweet' WHEN quoted_id IS NOT NULL THEN 'quote'
       WHEN replied_to_id IS NOT NULL THEN 'reply' ELSE 'original' END AS kind,
  replied_to_id, quoted_id, retweeted_id, original.author_id AS retweeted_author_id,
  quoted.author_id AS quoted_author_id,
  CASE WHEN original IS NULL THEN own_text ELSE 'RT @' || first_author || ': ' || original_text END AS text,
  retweeted_id IS NULL OR original IS NOT NULL OR NOT own_text.ends_with('…') AS text_is_full,
  coalesce(quoted.note_tweet.text, quoted.text) AS quoted_text, d.lang AS lang,
  d.possibly_sensitive AS possibly_sensitive, d.reply_settings AS reply_settings,
  d.public_metrics.like_count AS like_count, d.public_metrics.reply_count AS reply_count,
  d.public_metrics.retweet_count AS retweet_count, d.public_metrics.quote_count AS quote_count,
  d.public_metrics.bookmark_count AS bookmark_count, d.public_metrics.impression_count AS impression_count,
  received AS metrics_at,
  to_json(coalesce(list_transform(e.hashtags, lambda t: t.tag), [])) AS hashtags,
  to_json(list_concat(CASE WHEN original IS NULL THEN [] ELSE [first_author] END,
    coalesce(list_transform(e.mentions, lambda m: m.username), []))) AS mentions,
  to_json(coalesce(list_transform(e.urls, lambda u: coalesce(u.unwound_url, u.expanded_url, u.url)), [])) AS urls,
  to_json(coalesce(list_transform(e.cashtags, lambda t: t.tag), [])) AS cashtags,
  to_json(list_transform(media, lambda m: m.type)) AS media_types,
  to_json(list_transform(media, lambda m: coalesce(m.url, m.preview_image_url, ''))) AS media_urls,
  to_json(coalesce(list_transform(d.context_annotations, lambda a: a.domain.id || '.' || a.entity.id), []))
    AS context_entities,
  d.geo.place_id AS place_id, place.country_code AS place_country_code, place.full_name AS place_full_name,
  to_json(d.edit_history_tweet_ids) AS edit_ids, d.edit_history_tweet_ids[1] AS edit_root_id,
  len(d.edit_history_tweet_ids) > 1 AS is_edited,
  to_json(coalesce(d.withheld.country_codes, [])) AS withheld_countries,
  author.username AS author_username, author.name AS author_name, author.created_at AS author_created_at,
  author.verified_type AS author_verified_type, author.public_metrics.followers_count AS author_followers,
  author.public_metrics.following_count AS author_following, author.public_metrics.tweet_count AS author_tweets,
  to_json(list_sort(list_transform(rules, lambda r: r.tag))) AS matched_rule_tags,
  '["stream"]' AS origin, received AS received_at, batch_id, 1 AS schema_version
FROM said ORDER BY d.id::BIGINT
"""  # noqa: S608 - made of the constants above


def settings(job: Job) -> dict[str, Setting]:
    """What DuckDB may use: two threads, 6 GB, and a folder to spill to."""
    return {"threads": 2, "memory_limit": "6GB", "temp_directory": str(Path(job["out"], "spill"))}


def run(job: Job) -> Figures:
    """The whole week in one statement, with two threads and 6 GB."""
    folder, csv = Path(job["input"]), Path(job["out"], "week.csv.gz")
    files = [str(posts.slot_path(folder, slot)) for slot in posts.corpus(folder).slots]
    with duckdb.connect(config=settings(job)) as connection:
        connection.execute("SET VARIABLE files = $files", {"files": files})
        connection.execute(f"COPY ({_SELECT}) TO '{csv}' (FORMAT csv, HEADER, COMPRESSION gzip)")
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
