"""The world of `bench.campaign`: made-up elections under collection for months, and what their services are told."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from elec_assets.domain.windows import DAY, WEEK, Grain, floor
from elec_assets.sandbox.x_api import TOKEN
from elec_assets_tests.local_http import QuietHandler, serving

MONTH = timedelta(days=365.25 / 12)
_MOST = 26
_PEOPLE = 12
_FIRST = ("Agathe", "Côme", "Daphné", "Élie", "Gaëlle", "Hugues", "Inès", "Jules", "Katell", "Léon", "Maud", "Noé")
_LAST = ("Martin", "Leroux", "Vannier", "Nguyen", "Fournier", "Garcia", "Morel", "L'Hermitte", "Aubry", "Blin")
_ELECTION = """\
  {key}:
    name: Campaign {letter}
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    areas: {{fr: FR, world: ""}}
    calendar:
      collect_from: {start:%Y-%m-%d}
      rounds: [{first:%Y-%m-%d}, {second:%Y-%m-%d}]
      confirmed: true
      inauguration: {inauguration:%Y-%m-%d}
    candidates:
"""
_PUBLISHED = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId>\
</PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>"""


def elections(count: int) -> tuple[str, ...]:
    """Keys of so many elections; all are of one length, so that the rows of one have the size of another's."""
    if not 1 <= count <= _MOST:
        raise ValueError(f"{count} elections found; allowed: 1 to {_MOST}")
    return tuple(f"campaign_{letter}_2027" for letter in "abcdefghijklmnopqrstuvwxyz"[:count])


def collected_from(now: datetime, months: float) -> datetime:
    """When collection began: the Monday of the week so many months ago."""
    return floor(now - MONTH * months, Grain.WEEK)


def registry(now: datetime, months: float, count: int) -> str:
    """A candidates.yaml of running elections, of twelve made-up people each; the first rounds are in ten weeks."""
    first = floor(now, Grain.WEEK) + WEEK * 10 + DAY * 6
    text = "elections:\n"
    for key in elections(count):
        letter = key.split("_")[1]
        text += _ELECTION.format(
            key=key,
            letter=letter.upper(),
            start=collected_from(now, months),
            first=first,
            second=first + WEEK * 2,
            inauguration=first + WEEK * 4,
        )
        for n in range(_PEOPLE):
            name = f"{_FIRST[n]} {_LAST[(n + ord(letter)) % len(_LAST)]}-{letter.upper()}"
            text += (
                f'      p{letter}{n:02}: {{name: "{name}", status: 1, twitter_account: ["@P{letter}{n:02}_Test"]}}\n'
            )
    return text


def settings(x_url: str, trends_url: str, sns_url: str) -> dict[str, str]:
    """What deploy/.env holds: sandboxes, a phone that is answered here, no account and no way out."""
    return {
        "X_BEARER_TOKEN": TOKEN,
        "ELEC_X_BASE_URL": x_url,
        "ELEC_TRENDS_BASE_URL": trends_url,
        "ELEC_ALERT_PHONE": "+33600000000",
        "AWS_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": sns_url,
        "NO_PROXY": "127.0.0.1,localhost",
    }


class _Sns(QuietHandler):
    """Takes every message."""

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        known = asked.get("Action") == ["Publish"]
        self.send_response(200 if known else 400)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(_PUBLISHED if known else b"")


def sns() -> AbstractContextManager[str]:
    """The URL of something that answers as SNS does to `Publish`."""
    return serving(_Sns)
