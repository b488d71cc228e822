"""A small client of the Google Trends sandbox: what is sent and what comes back, in the open."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets.sandbox.trends_world import Subject, TrendsScene, TrendsWorld

Json = dict[str, Any]
NOW = datetime(2027, 2, 3, 14, 5, 57, tzinfo=UTC)
WEEK = "2027-01-25T00 2027-01-31T23"
SCENE = TrendsScene(
    seed=7, subjects=tuple(Subject(f"Nom{i}", mid=f"/m/0nom{i}", spellings=(f"Prénom Nom{i}",)) for i in range(8))
)
# One for all tests: it holds nothing but what it made once.
WORLD = TrendsWorld(SCENE)


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Client:
    """Asks a server as a browser would; keeps the cookie."""

    server: TrendsServer
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **params: str) -> requests.Response:
        return self.session.get(self.server.url + path, params=params, timeout=10)

    def explore(self, *keywords: str, time: str = WEEK, geo: str = "FR", **request: Any) -> requests.Response:  # noqa: ANN401 - any JSON
        items = [{"keyword": keyword, "time": time, "geo": geo} for keyword in keywords]
        body = {"comparisonItem": items, "category": 0, "property": "", **request}
        params = {"hl": "en-US", "tz": "0", "req": json.dumps(body)}
        return self.session.post(f"{self.server.url}/api/explore", params=params, timeout=10)

    def widgets(self, *keywords: str, **asked: Any) -> dict[str, Json]:  # noqa: ANN401 - as above
        """The widgets of an exploration, by id."""
        answer = self.explore(*keywords, **asked)
        assert answer.status_code == 200, answer.text
        assert answer.text.startswith(")]}'\n{")
        return {widget["id"]: widget for widget in json.loads(answer.text[5:])["widgets"]}

    def fetch(self, widget: Json, tz: str = "0", **changes: Any) -> requests.Response:  # noqa: ANN401 - as above
        """A widget's data; `changes` go into its request."""
        path = f"/api/widgetdata/{endpoint_of(widget['id'])}"
        return self.get(path, req=json.dumps({**widget["request"], **changes}), token=widget["token"], tz=tz)

    def data(self, widget: Json, **changes: Any) -> Any:  # noqa: ANN401 - as above
        """What is inside `default`."""
        answer = self.fetch(widget, **changes)
        assert answer.status_code == 200, answer.text
        assert answer.text.startswith(")]}',\n{")
        return json.loads(answer.text[6:])["default"]

    def timeline(self, *keywords: str, **asked: Any) -> list[Json]:  # noqa: ANN401 - as above
        """Explore, then the points over time."""
        found: list[Json] = self.data(self.widgets(*keywords, **asked)["TIMESERIES"])["timelineData"]
        return found


def endpoint_of(widget: str) -> str:
    if widget == "TIMESERIES":
        return "multiline"
    return "comparedgeo" if widget.startswith("GEO_MAP") else "relatedsearches"


StartTrends = Callable[..., Client]
