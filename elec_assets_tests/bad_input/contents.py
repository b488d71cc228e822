"""Pages and lines whose content is not as documented."""

from datetime import timedelta

from elec_assets.domain.matcher import matcher_at
from elec_assets.domain.outcomes import Outcome
from elec_assets.sandbox.faults import Fault
from elec_assets.transforms.sealing import rejects_bytes, seal, table_bytes
from elec_assets.transforms.x_documents import RawDocument
from elec_assets_tests.bad_input.case import Case
from elec_assets_tests.bad_input.place import (
    LEDGER,
    NOW,
    PARTITION,
    ROW,
    TABLE,
    WHOLE_ROWS,
    Place,
    first_id,
    page_of,
    post,
)
from elec_assets_tests.clients.hours import HOUR, election

_WITH_POSTS = (ROW, LEDGER, TABLE)
_ASIDE = "Everything stored before, and the good posts; the bad one as received, with its reason, among the rejects."
_ALL = "Everything stored before, and every post that came."
_READ = (f"{PARTITION}: ok, ",)
_REJECTED = (f"{PARTITION}: ok, ", "1 unreadable kept in xx_2027/data/rejects/twitter/20270201/18.jsonl.gz")


def _page(name: str, comes: str, body: str, reason: str = "", *, posts: int, kept: str = "") -> Case:
    """A page that is asked for once; `posts` of it can be read."""
    return Case(
        name,
        comes,
        lambda place: place.seal(Fault(body=body)),
        _REJECTED if reason else _READ,
        Outcome.OK,
        1,
        kept or (_ASIDE if reason else _ALL),
        rows=100 + posts,
        rejects=1 if reason else 0,
        reason=reason,
        replaced=_WITH_POSTS if posts else (ROW, LEDGER),
    )


def _lines(name: str, comes: str, body: str, reason: str = "", *, posts: int) -> Case:
    """Lines of a stream, sealed together with the pages of the hour; nothing is asked."""

    def work(place: Place) -> str:
        raw, row = place.archive.raw(HOUR), place.archive.coverage(HOUR)
        batch = RawDocument("20270201_1800_spool", "stream", NOW - timedelta(hours=1), body.encode(), "lines")
        match = matcher_at(election(), HOUR.start).match
        sealed = seal([*place.archive.documents(raw), batch], HOUR, match)
        assert row is not None
        rejects = rejects_bytes(sealed.rejects) if sealed.rejects else None
        place.archive.save(HOUR, table=table_bytes(sealed.frame), rejects=rejects, row=row)
        aside = "".join(f"; 1 unreadable: {reject.reason}" for reject in sealed.rejects)
        return f"{PARTITION}: {sealed.frame.height} rows{aside}"

    return Case(
        name,
        comes,
        work,
        (f"{PARTITION}: {100 + posts} rows", *((reason,) if reason else ())),
        Outcome.ERROR,  # as it was: lines of a stream fill nothing that search is asked for
        0,
        _ASIDE if reason else _ALL,
        rows=100 + posts,
        rejects=1 if reason else 0,
        reason=reason,
        replaced=(TABLE,),
        raw=0,
    )


def _renamed(place: Place) -> str:
    with place.other_x(spelling="post"):
        return place.seal()


def _line(number: int, rest: str) -> str:
    return f'{{"data":{{{post(number)}}}{rest}}}\r\n'


CONTENTS: tuple[Case, ...] = (
    _lines(
        *("a_truncated_line", "A truncated JSONL line", _line(1, "") + _line(2, "")[:-20], "Input data was truncated"),
        posts=1,
    ),
    _lines(
        *("rules_without_tag", "`matching_rules` without `tag`", _line(1, ',"matching_rules":[{"id":"7"}]')),
        posts=1,
    ),
    _page(
        *("a_lone_surrogate", "A lone surrogate in a text", page_of(post(1), post(2, '"text":"half \\ud83d"'))),
        *("a lone surrogate",),
        posts=1,
    ),
    _page("an_id_as_integer", "An id as a whole number", page_of(f'"id":{first_id() + 1},"text":"hello"'), posts=1),
    _page(
        *(
            "an_id_as_float",
            "An id as a number with a point",
            page_of(post(1), f'"id":{first_id() + 2}.0,"text":"hello"'),
        ),
        *("Expected `int | str`, got `float`",),
        posts=1,
    ),
    _page("no_includes", "No `includes`", page_of(post(1, '"author_id":"5","text":"hello"')), posts=1),
    _page(
        *("unknown_fields", "Fields that nobody knows"),
        page_of(post(1, '"text":"hello","mood":{"x":[1]}'), rest=',"includes":{"robots":[{"id":"1"}]},"season":3'),
        posts=1,
    ),
    Case(
        "renamed_fields",
        "Fields renamed: `tweet.fields` is refused, `post.fields` taken, answers speak of posts",
        _renamed,
        _READ,
        Outcome.OK,
        3,
        "Everything, under the names of our tables.",
        rows=WHOLE_ROWS,
        raw=4,
        replaced=_WITH_POSTS,
    ),
    _page(
        *("partial_errors", "A page with partial `errors`"),
        page_of(post(1), rest=',"errors":[{"title":"Not Found Error","resource_type":"user","resource_id":"5"}]'),
        posts=1,
        kept="Everything stored before, and every post that came; what X could not send along is null.",
    ),
    _page(
        *("an_empty_page", "An empty page", '{"meta":{"result_count":0}}'),
        posts=0,
        kept="Everything stored before; the time of the page is covered, and nothing was there.",
    ),
)
