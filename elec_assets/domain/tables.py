"""Every table: its columns, their types, units and meaning, its key and its order. The only place that names a column.

Add a column at the end of its table (order never changes) and raise SCHEMA_VERSION's minor number; a rename or a
removal is a major version. Lists are lists in Parquet and JSON arrays in CSV; ids are strings everywhere; times are
UTC with milliseconds. The data dictionary and the column schemas of the UI are made from here.
"""

from dataclasses import dataclass
from enum import StrEnum

SCHEMA_VERSION = 1


class Kind(StrEnum):
    """Type of a column, independent of any library."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIME = "time"
    STRINGS = "list of strings"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, type, what it is (with unit), whether null is allowed, and the schema version it came with."""

    name: str
    kind: Kind
    description: str
    nullable: bool = True
    since: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table: columns in their fixed order, the columns that make a row unique, and the columns rows are sorted by."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)


def _must(name: str, kind: Kind, description: str) -> Column:
    return Column(name, kind, description, nullable=False)


_S, _I, _F, _B, _T, _L = Kind.STRING, Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.TIME, Kind.STRINGS

TWEETS = Table(
    name="tweets",
    description="One row per post, the hour decided by the post's id. Rows of one hour are sorted by id.",
    columns=(
        _must(
            "tweet_id",
            _S,
            "X's id of the post, decimal digits. A string: as a number it loses digits in Excel and pandas.",
        ),
        _must("created_at", _T, "When the post was made, from its id: (id >> 22) + 1288834974657 ms since 1970."),
        _must("window_start", _T, "Start of the 5-minute slot that holds created_at."),
        Column("author_id", _S, "X's id of the author."),
        Column("conversation_id", _S, "Id of the post that began the thread."),
        Column("in_reply_to_user_id", _S, "Author of the post replied to."),
        _must(
            "kind", _S, "original, reply, quote or retweet; of several, the first in the order retweet, quote, reply."
        ),
        Column("replied_to_id", _S, "Id of the post replied to."),
        Column("quoted_id", _S, "Id of the post quoted."),
        Column("retweeted_id", _S, "Id of the post retweeted."),
        Column("retweeted_author_id", _S, "Author of the post retweeted, where X sent that post along."),
        Column("quoted_author_id", _S, "Author of the post quoted, where X sent that post along."),
        _must(
            "text",
            _S,
            "Full text: the long form where there is one; of a retweet `RT @user: ` and the original's full text where X sent it.",
        ),
        _must("text_is_full", _B, "False where a retweet's text is cut and the original was not sent along."),
        Column("quoted_text", _S, "Full text of the post quoted, where X sent it along."),
        Column("lang", _S, "Language as X guesses it, BCP 47; `und` if X cannot tell."),
        Column("possibly_sensitive", _B, "X's mark for links to sensitive content."),
        Column("reply_settings", _S, "Who may reply."),
        Column("like_count", _I, "Likes at metrics_at."),
        Column("reply_count", _I, "Replies at metrics_at."),
        Column("retweet_count", _I, "Retweets at metrics_at."),
        Column("quote_count", _I, "Quotes at metrics_at."),
        Column("bookmark_count", _I, "Bookmarks at metrics_at."),
        Column("impression_count", _I, "Impressions at metrics_at."),
        Column("metrics_at", _T, "When the counts were read: receive time of the copy that gives the values."),
        _must("hashtags", _L, "Hashtags without `#`, in the order of the text."),
        _must("mentions", _L, "Handles mentioned without `@`, in the order of the text."),
        _must("urls", _L, "Links, unwound or expanded where X did so, in the order of the text."),
        _must("cashtags", _L, "Cashtags without `$`, in the order of the text."),
        _must("media_types", _L, "Type of each attached medium that X sent along."),
        _must(
            "media_urls",
            _L,
            "Address (or preview) of each attached medium that X sent along; empty string where it has none.",
        ),
        _must("context_entities", _L, "X's own annotations as `domain.entity` ids."),
        Column("place_id", _S, "X's id of the place tagged."),
        Column("place_country_code", _S, "Country of the place, ISO 3166-1 alpha-2."),
        Column("place_full_name", _S, "Name of the place."),
        _must("edit_ids", _L, "All versions of the post, oldest first, as X listed them; empty where X did not."),
        _must("edit_root_id", _S, "Id of the first version. Counts take the rows with tweet_id = edit_root_id."),
        _must("is_edited", _B, "Whether X listed more than one version when the post was received."),
        _must("withheld_countries", _L, "Countries that the post is withheld in."),
        Column("author_username", _S, "Handle of the author, without `@`, where X sent the author along."),
        Column("author_name", _S, "Display name of the author."),
        Column("author_created_at", _T, "When the author's account was made."),
        Column("author_verified_type", _S, "Kind of the author's verification."),
        Column("author_followers", _I, "Followers of the author at metrics_at."),
        Column("author_following", _I, "Accounts the author follows at metrics_at."),
        Column("author_tweets", _I, "Posts of the author at metrics_at."),
        _must(
            "candidates",
            _L,
            "Keys of the candidates that the post is about, sorted; found by the project's own matcher, the same for stream and search.",
        ),
        _must(
            "matched_by", _L, "Why: `candidate:reason`, sorted; reason is name, own_account, shared_account or term."
        ),
        _must("matched_in_quote", _L, "Candidates named only by the text of the post quoted, sorted."),
        _must(
            "matched_rule_tags",
            _L,
            "Tags of the stream rules that X says matched, sorted; empty for rows that only search gave.",
        ),
        _must("origin", _L, "Where copies of the post came from, sorted: search, stream."),
        Column("received_at", _T, "When the copy that gives the values was received."),
        _must("batch_id", _S, "Name of the raw object that holds that copy."),
        _must("schema_version", _I, "Version of this table's columns."),
    ),
    key=("tweet_id",),
    order=("tweet_id",),
)

COVERAGE = Table(
    name="coverage",
    description="One row per planned or possible unit of collection: what was planned, captured, filled and missed, and why.",
    columns=(
        _must("election", _S, "Key of the election."),
        _must("source", _S, "twitter or google_trends."),
        _must("table", _S, "Table the unit belongs to."),
        Column("area", _S, "Trends area; null for twitter."),
        Column("window", _S, "Trends window; null for twitter."),
        Column("candidate", _S, "Candidate of the unit; null where the unit is for all."),
        _must("partition", _S, "Partition key."),
        _must("window_start", _T, "Start of the partition."),
        _must("window_end", _T, "End of the partition, exclusive."),
        _must(
            "outcome",
            _S,
            "ok, empty, partial, throttled, refused, over_budget, error, not_run (planned, no row) or not_planned.",
        ),
        _must("planned_s", _F, "Seconds of the partition that the calendar plans."),
        _must("captured_s", _F, "Planned seconds proven by the stream."),
        _must("filled_s", _F, "Planned seconds not captured and answered by search."),
        _must("missed_s", _F, "Planned seconds neither captured nor filled."),
        _must(
            "retweets_missed_s",
            _F,
            "Planned seconds without stream: their retweets cannot be recovered (search returns none since 2026-05-04).",
        ),
        Column(
            "weight_originals",
            _F,
            "3600 / (captured_s + filled_s): weight of the hour's originals; null if nothing was covered.",
        ),
        Column(
            "weight_retweets", _F, "3600 / captured_s: weight of the hour's retweets; null if nothing was captured."
        ),
        Column("rows", _I, "Rows of the table; null where there is no table."),
        Column("rejects", _I, "Lines or posts received that could not be read."),
        Column("reason", _S, "Cause of what is missing, in words."),
    ),
    key=("election", "source", "table", "area", "window", "candidate", "partition"),
    order=("source", "table", "area", "window", "candidate", "partition"),
)

CANDIDATES = Table(
    name="candidates",
    description="Who is followed, as the registry says.",
    columns=(
        _must("candidate", _S, "Key of the person, the same in all elections."),
        _must("name", _S, "Full name, as it is searched for."),
        Column("group", _S, "Political group, as the registry names it."),
        Column("party", _S, "Party, as the registry names it."),
        _must("status", _S, "Dated statuses as a JSON list of [from, value]; 1 declared, 0 named, -1 out."),
        _must("accounts", _L, "X handles without `@`: own and party."),
        _must("terms", _L, "Further terms searched."),
        _must("exclude", _L, "Terms that rule a post out."),
        Column("since", _T, "Followed from."),
        Column("until", _T, "Followed until, exclusive."),
        Column("trends_topic_mid", _S, "Google Trends topic."),
        Column("trends_term", _S, "Google Trends search term."),
        Column("image", _S, "Address of a picture."),
    ),
    key=("candidate",),
    order=("candidate",),
)

TWEET_IDS = Table(
    name="tweet_ids",
    description="The posts about at least one candidate, by id: all that X lets others publish of them. Ask X for their content; it gives what still stands.",
    columns=(
        _must("tweet_id", _S, "X's id of the post, decimal digits. Read it as text: as a number it loses digits."),
        _must("week", _S, "ISO year and week that the post was made in, UTC, e.g. 2027_05."),
    ),
    key=("tweet_id",),
    order=("tweet_id",),
)

ALL_CANDIDATES = Table(
    name="all_candidates",
    description="Who is followed, in every election, as the registry says.",
    columns=(_must("election", _S, "Key of the election."), *CANDIDATES.columns),
    key=("election", "candidate"),
    order=("election", "candidate"),
)

# What every table made of answers of Google Trends says about the question, and about what Google made of it.
_ASKED = (
    _must(
        "request_id", _S, "The request: first 16 hex digits of the sha256 of all that was asked, sample_no included."
    ),
    _must("candidate_id", _S, "Key of the candidate."),
    _must("keyword", _S, "What was asked for the candidate: a topic's mid or a search term."),
    _must("keyword_kind", _S, "topic (language independent) or term (text as people type it)."),
    _must("area", _S, "Area, as the registry names it."),
    _must("geo", _S, "Place asked for, as Google codes it; an empty text is the world."),
    _must("window", _S, "hourly, daily or weekly: the length of the partition."),
    _must("timeframe", _S, "Span asked for, hours in UTC; the end hour is one past the period."),
    _must(
        "period_start",
        _T,
        "Start of the block asked for: four hours (00, 04, ..., 20), a day or a week. Values of 0 to 100 are relative to its peak.",
    ),
    _must("period_end", _T, "End of that block, exclusive."),
    Column("resolution", _S, "Distance of points in time, as Google answered: MINUTE, EIGHT_MINUTE, HOUR, ..."),
    _must("gprop", _S, "Kind of search asked for; an empty text is web search."),
    _must("category", _I, "Category asked for; 0 is all."),
    _must("hl", _S, "Language asked for: that of names."),
    _must("tz", _I, "Time zone asked for, minutes as in JavaScript; 0 is UTC."),
    Column("user_type", _S, "What Google took the asker for, e.g. USER_TYPE_SCRAPER."),
    _must(
        "sample_kind",
        _S,
        "realtime (the block ended less than 7 days before) or archive: two samples of searches that differ.",
    ),
    _must("backend", _S, "Program that asked."),
    _must("backend_version", _S, "Version of that program."),
    _must("fetched_at", _T, "When the answer was received."),
    _must("sample_no", _I, "1 for the first sample of a partition, 2 for the one asked for on the eighth day after."),
    _must("partition", _S, "Partition key."),
)
_HAS_DATA = Column(
    "has_data", _B, "Google's own mark: false where too few people searched to tell. Null where Google did not say."
)
_FORMATTED = Column("formatted", _S, "The value as Google writes it, e.g. 57, <1, 98%, Breakout, +400%.")
_LEVEL = Column(
    "level",
    _S,
    "What the value says: value (1 or more), below_one (seen, less than 1), zero, no_data (too few to tell); null where Google did not say.",
)

INTEREST_OVER_TIME = Table(
    name="interest_over_time",
    description="One row per request, candidate and point of time. Values compare within one request only.",
    columns=(
        *_ASKED,
        _must("ts", _T, "Start of the point's span; its length is the resolution."),
        Column(
            "value",
            _I,
            "Searches, 0 to 100: 100 is the highest point of any keyword in the request. Null where there is no data.",
        ),
        _HAS_DATA,
        _must("is_partial", _B, "Whether the point's span was not over when Google answered."),
        _FORMATTED,
        Column(
            "batch_id",
            _S,
            "Names the keywords that were asked together, the same in both samples; null where one stood alone.",
        ),
        _must("batch_position", _I, "Place of the keyword in its request, from 0."),
        _LEVEL,
    ),
    key=("request_id", "candidate_id", "ts"),
    order=("area", "window", "partition", "candidate_id", "ts", "request_id"),
)

INTEREST_BY_REGION = Table(
    name="interest_by_region",
    description="One row per request, candidate and region, in Google's order.",
    columns=(
        *_ASKED,
        _must("rank", _I, "Place of the region in Google's list, from 1."),
        Column("geo_code", _S, "Code of the region, as Google returned it; null for cities."),
        Column("geo_name", _S, "Name of the region in the language asked for."),
        Column("lat", _F, "Latitude of a city, degrees."),
        Column("lng", _F, "Longitude of a city, degrees."),
        Column("geo_level", _S, "COUNTRY, REGION, CITY or DMA, as asked."),
        Column("value", _I, "See scale. Null where there is no data."),
        _HAS_DATA,
        _FORMATTED,
        _must(
            "scale",
            _S,
            "index_0_100: 100 is the region where the keyword's share of searches is highest. share_within_region: percent of one keyword among those of the request, inside the region.",
        ),
        _LEVEL,
    ),
    key=("request_id", "candidate_id", "rank"),
    order=("area", "window", "partition", "candidate_id", "request_id", "rank"),
)

_RELATED = (
    _HAS_DATA,
    _FORMATTED,
    _must("is_breakout", _B, "Google wrote Breakout: grown by more than 5000 percent."),
    Column(
        "growth_pct",
        _I,
        "Growth against the period before of the same length, percent, as Google wrote it; rising only, null for a breakout.",
    ),
    Column("link", _S, "Address of the same question about it, on Google Trends."),
    _LEVEL,
)

RELATED_TOPICS = Table(
    name="related_topics",
    description="One row per request, list and topic: what the people who searched for a candidate searched for too.",
    columns=(
        *_ASKED,
        _must("list", _S, "top (by searches) or rising (by growth)."),
        _must("rank", _I, "Place in the list, from 1."),
        Column("topic_mid", _S, "Google's id of the topic."),
        Column("topic_title", _S, "Name of the topic, in the language asked for."),
        Column("topic_type", _S, "What kind of thing the topic is."),
        Column(
            "value",
            _I,
            "top: 0 to 100, 100 is the first; rising: growth in percent, as Google's number (a breakout has one too).",
        ),
        *_RELATED,
    ),
    key=("request_id", "candidate_id", "list", "rank"),
    order=("area", "window", "partition", "candidate_id", "request_id", "list", "rank"),
)

RELATED_QUERIES = Table(
    name="related_queries",
    description="One row per request, list and query: what the people who searched for a candidate searched for too.",
    columns=(
        *_ASKED,
        _must("list", _S, "top (by searches) or rising (by growth)."),
        _must("rank", _I, "Place in the list, from 1."),
        Column("query", _S, "The search, as people type it."),
        Column(
            "value",
            _I,
            "top: 0 to 100, 100 is the first; rising: growth in percent, as Google's number (a breakout has one too).",
        ),
        *_RELATED,
    ),
    key=("request_id", "candidate_id", "list", "rank"),
    order=("area", "window", "partition", "candidate_id", "request_id", "list", "rank"),
)

CALIBRATED_INTEREST = Table(
    name="calibrated_interest",
    description="One row per candidate and point of time, on one scale for all candidates of a period, estimated from overlapping comparisons.",
    columns=(
        _must("candidate_id", _S, "Key of the candidate."),
        _must("keyword", _S, "What was asked for the candidate: a topic's mid or a search term."),
        _must("keyword_kind", _S, "topic or term; interest in a topic and in a term is not quite the same."),
        _must("area", _S, "Area, as the registry names it."),
        _must("geo", _S, "Place asked for, as Google codes it; an empty text is the world."),
        _must("window", _S, "hourly, daily or weekly: the length of the partition."),
        _must("period_start", _T, "Start of the block asked for: the extent of the scale."),
        _must("period_end", _T, "End of that block, exclusive."),
        _must("sample_no", _I, "Sample that the estimate is made of: 1, or 2 asked for on the eighth day after."),
        _must("sample_kind", _S, "realtime or archive, as in interest_over_time; mixed where comparisons differ."),
        _must("partition", _S, "Partition key."),
        _must("ts", _T, "Start of the point's span."),
        Column("resolution", _S, "Distance of points in time, as Google answered."),
        Column(
            "rel_index",
            _F,
            "Interest on the scale that all candidates of the period share: 100 is the highest of all candidates and points of the period. Null, never 0, where too small to see.",
        ),
        Column("share", _F, "rel_index divided by the sum over all candidates at ts, 0 to 1."),
        Column(
            "mean_index",
            _F,
            "Mean of rel_index over the whole period (the block); null where quality is below_floor or disconnected.",
        ),
        Column("ci_low", _F, "Lower end of the 95 percent interval of mean_index, relative to the mean candidate."),
        Column("ci_high", _F, "Upper end of that interval."),
        _must(
            "quality",
            _S,
            "ok, weak (wide interval), below_floor (too few searches to tell) or disconnected (no comparison joins it to the others).",
        ),
        _must("n_obs", _I, "Comparisons that hold the candidate."),
        Column(
            "chi2_dof",
            _F,
            "Chi squared per degree of freedom of the fit of the period; near 1 where comparisons agree.",
        ),
        _must(
            "calibration_id",
            _S,
            "First 16 hex digits of the sha256 of the ids of all requests that the estimate is made of.",
        ),
    ),
    key=("area", "window", "partition", "candidate_id", "ts", "sample_no"),
    order=("area", "window", "partition", "candidate_id", "ts", "sample_no"),
)

REQUESTS = Table(
    name="requests",
    description="One row per HTTP exchange with Google Trends. Hours share the requests of their block, which stand under its first hour.",
    columns=(
        _must("request_id", _S, "The request that the exchange served."),
        _must("area", _S, "Area, as the registry names it."),
        _must("geo", _S, "Place asked for; an empty text is the world."),
        _must("window", _S, "hourly, daily or weekly."),
        _must("partition", _S, "Partition key; for hours that of the block's first."),
        _must("timeframe", _S, "Span asked for, hours in UTC."),
        _must("candidates", _L, "Keys of the candidates asked for, in the order of the request."),
        _must("keywords", _L, "What was asked for each of them."),
        _must("sample_no", _I, "Number of the sample."),
        _must("endpoint", _S, "explore, timeline, regions, topics or queries."),
        _must("attempt", _I, "Which try this was, from 1."),
        Column("status", _I, "HTTP status; null where there was no answer."),
        Column("bytes", _I, "Length of the body received."),
        Column("latency_ms", _I, "From asking to the end of the answer, ms."),
        Column(
            "error_kind",
            _S,
            "What went wrong: refused, server_error, timeout, unreadable, mismatch, ...; null where nothing did.",
        ),
        Column("payload_sha256", _S, "sha256 of the body received, hex."),
        _must("fetched_at", _T, "When the exchange ended."),
        Column("n_points", _I, "Points of time received inside the block; timeline only."),
        Column("n_expected", _I, "Points that the block has at the resolution answered; timeline only."),
    ),
    key=("request_id", "endpoint", "fetched_at", "attempt"),
    order=("area", "window", "partition", "fetched_at", "request_id", "endpoint", "attempt"),
)

VOLUME = Table(
    name="twitter_volume",
    description="Posts about each candidate, hour by hour and kind by kind, in planned and covered time: zeros are silence, nulls are gaps. First versions alone: an edited post counts once, in the hour it was first made.",
    columns=(
        _must("hour", _T, "Start of the hour, UTC."),
        _must("candidate", _S, "Key of the candidate; a post about several counts for each of them."),
        _must("kind", _S, "original, reply, quote or retweet."),
        Column(
            "posts",
            _I,
            "Posts seen in planned and covered time. Null where none of the hour was covered, or where suppressed.",
        ),
        Column(
            "posts_own",
            _I,
            "Of these, the posts that not only a handle shared by several candidates (of a party) makes count.",
        ),
        Column(
            "weight",
            _F,
            "3600 / covered_s: how many posts of the hour each post seen stands for; null if nothing was covered.",
        ),
        Column("estimate", _F, "posts x weight: posts of the whole hour, estimated."),
        Column("estimate_own", _F, "posts_own x weight."),
        _must("planned_s", _F, "Seconds of the hour that the calendar plans."),
        _must(
            "covered_s",
            _F,
            "Planned seconds covered for this kind: by the stream or by search; of retweets by the stream alone.",
        ),
        _must("coverage", _F, "covered_s / planned_s, 0 to 1."),
        _must("outcome", _S, "Outcome of the hour's originals, as in the coverage table."),
        _must(
            "suppressed",
            _B,
            "True where counts of the row are null because one, or what others leave of a total, is 1 to 4. Public releases only.",
        ),
    ),
    key=("hour", "candidate", "kind"),
    order=("hour", "candidate", "kind"),
)

_INTERVAL = "of the 95 percent interval"

DAILY_SUMMARY = Table(
    name="daily_summary",
    description="One row per candidate and UTC day: how many posts, how much search, how well both were covered.",
    columns=(
        _must("day", _T, "Start of the day, UTC."),
        _must("candidate", _S, "Key of the candidate."),
        Column(
            "posts_estimate",
            _F,
            "Posts of the day's covered hours, all kinds, estimated. Null where originals or retweets are.",
        ),
        Column("posts_low", _F, f"Lower end {_INTERVAL}: the sum of both parts', on the wide side."),
        Column("posts_high", _F, f"Upper end {_INTERVAL}."),
        Column("originals_estimate", _F, "Originals, replies and quotes alone; null where no hour was covered."),
        Column("originals_low", _F, f"Lower end {_INTERVAL}."),
        Column("originals_high", _F, f"Upper end {_INTERVAL}."),
        Column("originals_quality", _S, "whole (all time covered), ok, or weak (too little seen for an interval)."),
        Column("originals_coverage", _F, "Covered part of the planned time, 0 to 1; null where nothing was planned."),
        Column("retweets_estimate", _F, "Retweets alone; null where no hour was covered by the stream."),
        Column("retweets_low", _F, f"Lower end {_INTERVAL}."),
        Column("retweets_high", _F, f"Upper end {_INTERVAL}."),
        Column("retweets_quality", _S, "As originals_quality."),
        Column("retweets_coverage", _F, "As originals_coverage, by the stream alone."),
        Column(
            "trends_area", _S, "Area of the two columns that follow, as the registry names it; null without Trends."
        ),
        Column(
            "trends_index",
            _F,
            "Mean interest on Google on a scale that all candidates of the day share (mean_index of calibrated_interest); null where too small to see or not asked.",
        ),
        Column("trends_low", _F, f"Lower end {_INTERVAL}, relative to the mean candidate."),
        Column("trends_high", _F, f"Upper end {_INTERVAL}."),
        Column("trends_share", _F, "trends_index divided by its sum over the candidates of the day, 0 to 1."),
        Column("trends_quality", _S, "ok, weak, below_floor or disconnected, as in calibrated_interest."),
        _must(
            "suppressed",
            _B,
            "True where a count of 1 to 4 is part of it: values are null, or to the nearest 5 posts seen (5 times the weight). Public releases only.",
        ),
    ),
    key=("day", "candidate"),
    order=("day", "candidate"),
)

COMPLIANCE = Table(
    name="compliance",
    description="One row per UTC day of raw objects out of which something was taken, on X's or a person's request.",
    columns=(
        _must("day", _T, "Start of the day whose raw objects held it, UTC."),
        _must("posts_removed", _I, "Posts that may not be kept: rows, copies sent along, originals of retweets."),
        _must("places_removed", _I, "Posts that lost the place that was tagged."),
        _must("hours_sealed", _I, "Hours whose tables were made again without them."),
    ),
    key=("day",),
    order=("day",),
)

TABLES = {
    table.name: table
    for table in (
        TWEETS,
        COVERAGE,
        CANDIDATES,
        INTEREST_OVER_TIME,
        INTEREST_BY_REGION,
        RELATED_TOPICS,
        RELATED_QUERIES,
        CALIBRATED_INTEREST,
        REQUESTS,
        VOLUME,
        DAILY_SUMMARY,
        TWEET_IDS,
        ALL_CANDIDATES,
        COMPLIANCE,
    )
}
