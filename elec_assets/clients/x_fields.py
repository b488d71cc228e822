"""What every post is to come with, from search and from the stream, in either spelling of X."""

_POST_FIELDS = [
    "attachments",
    "author_id",
    "context_annotations",
    "conversation_id",
    "created_at",
    "edit_controls",
    "edit_history_tweet_ids",
    "entities",
    "geo",
    "id",
    "in_reply_to_user_id",
    "lang",
    "note_tweet",
    "possibly_sensitive",
    "public_metrics",
    "referenced_tweets",
    "reply_settings",
    "text",
    "withheld",
]
_EXPANSIONS = [
    "attachments.media_keys",
    "author_id",
    "geo.place_id",
    "referenced_tweets.id",
    "referenced_tweets.id.author_id",
]
USER_FIELDS = ["created_at", "id", "name", "protected", "public_metrics", "username", "verified_type"]
MEDIA_FIELDS = ["media_key", "preview_image_url", "type", "url"]
PLACE_FIELDS = ["country_code", "full_name", "id", "place_type"]


def spelt(*, renamed: bool) -> tuple[list[str], list[str]]:
    """The fields of posts and the expansions; `renamed`: by the names of 2026-08 (OpenAPI 2.167), tweet became post."""
    return (_renamed(_POST_FIELDS), _renamed(_EXPANSIONS)) if renamed else (_POST_FIELDS, _EXPANSIONS)


def _renamed(names: list[str]) -> list[str]:
    return [
        n.replace("_tweets", "_posts").replace("_tweet_", "_post_").replace("note_tweet", "note_post") for n in names
    ]
