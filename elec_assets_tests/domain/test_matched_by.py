"""`matched_by` says why, so that a reader can leave out what is only about a party's account."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings

from elec_assets.domain.matcher import Match, Matcher, PostText, matcher_at
from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election
from elec_assets.domain.rules import search_queries
from elec_assets.domain.terms import Reason, shared_accounts
from elec_assets_tests.domain.test_matcher import PEOPLE, POSTS

FOLLOWED = (DatedStatus(1),)
ANNE = Candidate("anne", "Anne Hidalgo", FOLLOWED, ("Anne_Hidalgo", "PartiSocialiste"), terms=("maire de Paris",))
OLIVIER = Candidate("olivier", "Olivier Faure", FOLLOWED, ("faureolivier", "partisocialiste"))
JEAN = Candidate("jean", "Jean Jaurès", FOLLOWED, ("jaures",), terms=("@PartiSocialiste",))
MATCHER = Matcher((ANNE, OLIVIER))
START, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)


def test_every_reason_is_told_once_and_in_order() -> None:
    post = PostText("Anne Hidalgo, la maire de Paris: @Anne_Hidalgo @PartiSocialiste, anne hidalgo")
    assert MATCHER.match(post) == Match(
        ("anne", "olivier"),
        ("anne:name", "anne:own_account", "anne:shared_account", "anne:term", "olivier:shared_account"),
    )
    assert {entry.partition(":")[2] for entry in MATCHER.match(post).matched_by} == set(Reason)


@pytest.mark.parametrize(
    "post",
    [
        PostText("merci @PARTISOCIALISTE"),
        PostText("", mentions=("partisocialiste",)),
        PostText("notre programme", author_username="PartiSocialiste"),
    ],
)
def test_a_shared_handle_matches_each_as_mention_and_as_author(post: PostText) -> None:
    assert MATCHER.match(post).matched_by == ("anne:shared_account", "olivier:shared_account")


def test_a_handle_among_the_terms_is_a_term_and_shares_nothing() -> None:
    """`terms` are the operator's words: only `twitter_account` says whose account it is."""
    alone = Matcher((replace(ANNE, terms=()), JEAN)).match(PostText("@PartiSocialiste"))
    assert alone.matched_by == ("anne:own_account", "jean:term")
    three = Matcher((ANNE, OLIVIER, JEAN)).match(PostText("@PartiSocialiste"))
    assert three.matched_by == ("anne:shared_account", "jean:term", "olivier:shared_account")


def test_a_handle_is_shared_among_those_followed_at_the_time() -> None:
    """Of two who share an account, the one who is out leaves it to the other from that time on."""
    out = datetime(2027, 3, 1, tzinfo=UTC)
    calendar = Calendar(START, END, (date(2027, 4, 11),), date(2027, 5, 13))
    left = replace(OLIVIER, status=(DatedStatus(1), DatedStatus(-1, out)))
    election = Election("e", "E", "FR", calendar, {"anne": ANNE, "olivier": left})
    post = PostText("@partisocialiste")
    assert matcher_at(election, START).match(post).matched_by == ("anne:shared_account", "olivier:shared_account")
    assert matcher_at(election, out).match(post).matched_by == ("anne:own_account",)


def test_x_is_asked_once_for_a_handle_that_several_share() -> None:
    calendar = Calendar(START, END, (date(2027, 4, 11),), date(2027, 5, 13))
    election = Election("e", "E", "FR", calendar, {"anne": ANNE, "olivier": OLIVIER})
    (query,) = search_queries(election, START, 1024)
    assert query.casefold().count("@partisocialiste") == query.casefold().count("from:partisocialiste") == 1


@settings(deadline=None, max_examples=50)
@given(PEOPLE, POSTS)
def test_leaving_shared_accounts_out_is_as_if_nobody_had_them(people: list[Candidate], post: PostText) -> None:
    """What the published counts without shared accounts are made of."""
    shared = shared_accounts(people)
    own = [replace(c, accounts=tuple(a for a in c.accounts if a.lower() not in shared)) for c in people]
    kept = tuple(e for e in Matcher(people).match(post).matched_by if not e.endswith(":shared_account"))
    assert kept == Matcher(own).match(post).matched_by


@settings(deadline=None, max_examples=50)
@given(PEOPLE, POSTS)
def test_candidates_are_those_with_a_reason(people: list[Candidate], post: PostText) -> None:
    match = Matcher(people).match(post)
    told = [entry.partition(":") for entry in match.matched_by]
    assert match.candidates == tuple(sorted({key for key, _, _ in told}))
    assert all(reason in set(Reason) for _, _, reason in told)
    assert not set(match.candidates) & set(match.matched_in_quote)
