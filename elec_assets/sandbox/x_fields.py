"""Which fields and expansions a request may ask for, and an answer cut to what it asked, in either spelling.

X renamed tweet.* to post.* in its specification of 2026. Posts are held in the old spelling;
`spelling="post"` takes and gives the new names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_errors import invalid, not_found

Spelling = Literal["tweet", "post"]

RENAMED = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "note_tweet": "note_post",
}
OLD_NAMES = {new: old for old, new in RENAMED.items()}
_FIELDS = {
    "tweet.fields": (
        "article,attachments,author_id,card_uri,community_id,context_annotations,conversation_id,created_at,"
        "display_text_range,edit_controls,edit_history_tweet_ids,entities,geo,id,in_reply_to_user_id,lang,"
        "media_metadata,non_public_metrics,note_tweet,organic_metrics,paid_partnership,possibly_sensitive,"
        "promoted_metrics,public_metrics,referenced_tweets,reply_settings,scopes,source,suggested_source_links,text,"
        "withheld"
    ),
    "user.fields": (
        "affiliation,confirmed_email,connection_status,created_at,description,entities,id,is_identity_verified,location,"
        "most_recent_tweet_id,name,parody,pinned_tweet_id,profile_banner_url,profile_image_url,protected,public_metrics,"
        "receives_your_dm,subscription,subscription_type,url,username,verified,verified_followers_count,verified_type,"
        "withheld"
    ),
    "media.fields": (
        "alt_text,duration_ms,height,media_key,non_public_metrics,organic_metrics,preview_image_url,promoted_metrics,"
        "public_metrics,type,url,variants,width"
    ),
    "poll.fields": "duration_minutes,end_datetime,id,options,voting_status",
    "place.fields": "contained_within,country,country_code,full_name,geo,id,name,place_type",
}
_ALLOWED = {name: tuple(values.split(",")) for name, values in _FIELDS.items()}
_DEFAULTS = {
    "tweet.fields": {"id", "text", "edit_history_tweet_ids"},
    "user.fields": {"id", "name", "username"},
    "media.fields": {"media_key", "type"},
    "poll.fields": {"id", "options"},
    "place.fields": {"id", "full_name"},
}
# Each expansion and the field of the post that it expands: X sends that field along.
EXPANSIONS = {
    "attachments.media_keys": "attachments",
    "attachments.poll_ids": "attachments",
    "author_id": "author_id",
    "edit_history_tweet_ids": "edit_history_tweet_ids",
    "entities.mentions.username": "entities",
    "geo.place_id": "geo",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "referenced_tweets.id": "referenced_tweets",
    "referenced_tweets.id.attachments.media_keys": "referenced_tweets",
    "referenced_tweets.id.author_id": "referenced_tweets",
}
_KINDS = {"tweets": "tweet.fields", "users": "user.fields", "media": "media.fields", "polls": "poll.fields"}
_KINDS["places"] = "place.fields"


def fields_parameters(spelling: Spelling) -> tuple[str, ...]:
    """Names of the parameters that choose fields: the sandbox takes both spellings unless it is set to the new one."""
    others = ("expansions", "media.fields", "poll.fields", "place.fields", "user.fields")
    return (*others, "post.fields") if spelling == "post" else (*others, "tweet.fields", "post.fields")


@dataclass(frozen=True, slots=True)
class Selection:
    """What one request asks for: fields by parameter, and expansions, all in the old spelling."""

    fields: Mapping[str, frozenset[str]]
    expansions: tuple[str, ...]
    spelling: Spelling

    @classmethod
    def read(cls, params: Mapping[str, str], spelling: Spelling) -> "Selection":
        """From a request's parameters.

        Raises:
            ApiError: a field or expansion that X does not know.
        """
        fields = {}
        for name, allowed in _ALLOWED.items():
            asked: set[str] = set(_DEFAULTS[name])
            for given in (name, "post.fields") if name == "tweet.fields" else (name,):
                asked |= _values(params, given, allowed, spelling)
            fields[name] = frozenset(asked)
        expansions = tuple(sorted(_values(params, "expansions", tuple(EXPANSIONS), spelling)))
        fields["tweet.fields"] |= {EXPANSIONS[e] for e in expansions}
        return cls(fields, expansions, spelling)

    def page(self, found: list[Json], source: PostSource) -> Json:
        """`data`, `includes` and partial `errors` of an answer; a key is absent where it would be empty."""
        answer: Json = {}
        if found:
            answer["data"] = [self._cut("tweets", p) for p in found]
        included, missing = self._included(found, source)
        includes = {kind: [self._cut(kind, o) for o in objects.values()] for kind, objects in included.items()}
        if includes:
            answer["includes"] = {"posts" if self._new and k == "tweets" else k: v for k, v in includes.items()}
        if missing:
            answer["errors"] = [self._not_found(*m) for m in missing]
        return answer

    @property
    def _new(self) -> bool:
        return self.spelling == "post"

    def _cut(self, kind: str, item: Json) -> Json:
        wanted = self.fields[_KINDS[kind]]
        if self._new and kind == "tweets":
            return {RENAMED.get(k, k): v for k, v in item.items() if k in wanted}
        return {k: v for k, v in item.items() if k in wanted}

    def _not_found(self, kind: str, parameter: str, key: str) -> Json:
        singular = {"tweets": "post" if self._new else "tweet", "users": "user", "media": "media"}.get(kind, kind[:-1])
        spelt = parameter.replace("tweets", "posts") if self._new else parameter
        return not_found(singular, spelt, key)

    def _included(
        self, found: list[Json], source: PostSource
    ) -> tuple[dict[str, dict[str, Json]], list[tuple[str, str, str]]]:
        included: dict[str, dict[str, Json]] = {}
        missing: dict[tuple[str, str], tuple[str, str, str]] = {}
        for kind, parameter, key in self._references(found, source):
            item = source.find(kind, key)
            shown = "users" if kind == "usernames" else kind
            if item is None:
                missing.setdefault((shown, key), (shown, parameter, key))
            else:
                included.setdefault(shown, {})[item.get("id") or item["media_key"]] = item
        return included, list(missing.values())

    def _references(self, found: list[Json], source: PostSource) -> Iterable[tuple[str, str, str]]:
        """(kind, expansion, key) of everything that the posts refer to and the request expands."""
        for expansion in self.expansions:
            if not expansion.startswith("referenced_tweets.id"):
                yield from ((kind, expansion, key) for p in found for kind, key in _keys(p, expansion))
                continue
            originals = dict.fromkeys(r["id"] for p in found for r in p.get("referenced_tweets", []))
            yield from (("tweets", "referenced_tweets.id", key) for key in originals)
            inner = expansion.removeprefix("referenced_tweets.id").lstrip(".")
            present = [p for key in originals if (p := source.find("tweets", key)) is not None] if inner else []
            yield from ((kind, expansion, key) for p in present for kind, key in _keys(p, inner))


def _keys(post: Json, expansion: str) -> list[tuple[str, str]]:
    """(kind, key) of what one expansion of a post points at."""
    attachments = post.get("attachments", {})
    match expansion:
        case "author_id" | "in_reply_to_user_id":
            return [("users", post[expansion])] if expansion in post else []
        case "attachments.media_keys":
            return [("media", k) for k in attachments.get("media_keys", [])]
        case "attachments.poll_ids":
            return [("polls", k) for k in attachments.get("poll_ids", [])]
        case "geo.place_id":
            place = post.get("geo", {}).get("place_id")
            return [("places", place)] if place else []
        case "entities.mentions.username":
            return [("usernames", m["username"]) for m in post.get("entities", {}).get("mentions", [])]
    return [("tweets", k) for k in post.get("edit_history_tweet_ids", []) if k != post["id"]]


def _values(params: Mapping[str, str], name: str, allowed: tuple[str, ...], spelling: Spelling) -> set[str]:
    """The comma-separated values of a parameter, in the old spelling."""
    raw = params.get(name)
    if raw is None:
        return set()
    values = set()
    for value in raw.split(","):
        old = OLD_NAMES.get(value, value.replace("referenced_posts", "referenced_tweets"))
        old = old.replace("edit_history_post_ids", "edit_history_tweet_ids")
        if old not in allowed:
            shown = ",".join(RENAMED.get(a, a) for a in allowed) if spelling == "post" else ",".join(allowed)
            message = f"The `{name}` query parameter value [{value}] is not one of [{shown}]"
            raise invalid(message, {name: [raw]})
        values.add(old)
    return values
