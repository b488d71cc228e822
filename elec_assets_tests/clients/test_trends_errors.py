"""What an answer means, from its status, headers and first bytes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elec_assets.clients.trends_errors import (
    LONGEST_RETRY_AFTER,
    TrendsError,
    TrendsInvalid,
    TrendsMisplaced,
    TrendsRefused,
    TrendsTokenRefused,
    TrendsUnavailable,
    page_problem,
    problem,
)

NOW = datetime(2027, 2, 1, 12, tzinfo=UTC)
CAPTCHA = b'<html><form id="captcha-form"></form></html>'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b")]}'\n{}", None),
        (200, b"", None),
        (200, b" \n<!DOCTYPE html>", TrendsRefused),
        (200, CAPTCHA, TrendsRefused),
        (204, b"", TrendsError),
        (302, b"", TrendsMisplaced),
        (400, b"", TrendsInvalid),
        (401, b"<html>", TrendsTokenRefused),
        (403, b"", TrendsRefused),
        (404, b"<html>", TrendsMisplaced),
        (418, b"", TrendsError),
        (429, b"", TrendsRefused),
        (500, b")]}'\n{}", TrendsUnavailable),
        (503, CAPTCHA, TrendsRefused),
        (504, b"", TrendsUnavailable),
    ],
)
def test_each_status_is_an_error_of_its_own(status: int, body: bytes, expected: type[TrendsError] | None) -> None:
    found = problem(status, {}, body, NOW)
    assert type(found) is (expected or type(None))
    assert found is None or (found.status, found.resume_at, found.exchanges) == (status, None, ())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>", None),
        (404, b"<html>", None),
        (302, b"", None),
        (200, CAPTCHA, TrendsRefused),
        (429, b"", TrendsRefused),
        (403, b"", TrendsRefused),
        (503, b"", TrendsUnavailable),
    ],
)
def test_the_page_of_the_cookie_may_have_any_status_that_is_no_refusal(
    status: int, body: bytes, expected: type[TrendsError] | None
) -> None:
    assert type(page_problem(status, {}, body, NOW)) is (expected or type(None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60", timedelta(seconds=60)),
        (" 0 ", timedelta(0)),
        ("Mon, 01 Feb 2027 13:30:00 GMT", timedelta(minutes=90)),
        ("Mon, 01 Feb 2027 13:30:00 -0000", timedelta(minutes=90)),
        ("Mon, 01 Feb 2027 11:00:00 GMT", timedelta(0)),
        ("99999999999999999999", LONGEST_RETRY_AFTER),
        ("Mon, 01 Feb 2044 11:00:00 GMT", LONGEST_RETRY_AFTER),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
    ],
)
def test_when_to_come_back(text: str, expected: timedelta | None) -> None:
    found = problem(429, {"retry-after": text}, b"", NOW)
    assert isinstance(found, TrendsRefused)
    assert found.retry_after == expected


@example(302, "", "[", b"")
@given(st.integers(100, 599), st.text(max_size=30), st.text(max_size=30), st.binary(max_size=30))
def test_no_header_breaks_the_reading(status: int, retry_after: str, location: str, body: bytes) -> None:
    headers = {"retry-after": retry_after, "location": f"https://{location}"}
    for read in (problem, page_problem):
        found = read(status, headers, body, NOW)
        assert found is None or (found.status == status and len(str(found)) < 400)
