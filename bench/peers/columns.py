"""The columns that every peer makes, and how they are compared."""

from elec_assets.domain.tables import TWEETS

MATCHED = ("candidates", "matched_by", "matched_in_quote")
"""What only the project's own matcher knows: no peer makes it."""

FLAT = tuple(name for name in TWEETS.names if name not in MATCHED)
"""The columns of every peer, in order."""

COMPARED = ("author_id", "kind", "lang", "like_count", "retweet_count", "author_username")
"""Columns that are written alike by all: never null, no list, no time."""
