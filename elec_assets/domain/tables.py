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

TABLES = {table.name: table for table in (TWEETS, COVERAGE, CANDIDATES)}
