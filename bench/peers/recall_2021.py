"""The way of 2021 on a script of faults: a stock tweepy client listens for 5 minutes, a file is written, and again.

The client is as tweepy ships it, with a callback for posts. Its own waits are cut to the script's speed, as all time
is: the pauses of its back-off, and its 21 s without a byte. What starting a process or a run takes is not counted.
"""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import requests.adapters
import tweepy
import tweepy.streaming

from bench.fault_script import HOUR, Script, Stage, played
from bench.measure import Figures, Job
from bench.recall_truth import truth
from elec_assets.domain.rules import stream_rules
from elec_assets.domain.windows import created_ms, epoch_ms, from_epoch_ms
from elec_assets.sandbox.x_api import TOKEN

_LISTEN_S = 300.0
_TWEEPY_ROOT = "https://api.twitter.com"
_FIELDS = {
    "tweet_fields": ["author_id", "conversation_id", "created_at", "lang", "public_metrics", "referenced_tweets"],
    "expansions": ["author_id", "referenced_tweets.id"],
}
_JITTER_S = 0.2


class Listener(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy has no types
    """Stock, but that it keeps the posts."""

    def __init__(self) -> None:
        super().__init__(TOKEN)
        self.posts: list[tweepy.Tweet] = []

    def on_tweet(self, tweet: tweepy.Tweet) -> None:
        """Keep a post."""
        self.posts.append(tweet)


class _Here(requests.adapters.HTTPAdapter):
    """Sends tweepy's requests to the sandbox; its time limits run as fast as the script does."""

    def __init__(self, url: str, real: Callable[[float], float]) -> None:
        super().__init__()
        self._url = url
        self._real = real

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  # requests' own signature
        """One request."""
        request.url = self._url + (request.url or "").removeprefix(_TWEEPY_ROOT)
        kwargs["timeout"] = self._real(21.0) + _JITTER_S
        return super().send(request, *args, **kwargs)


def run(job: Job) -> Figures:
    """Play the script of `seed`, `posts` and `speed`; write the files into the folder `out`."""
    logging.disable(logging.CRITICAL)
    script = Script(int(job["seed"]), int(job["posts"]), float(job["speed"]))
    folder = Path(job["out"])
    with played(script, folder) as stage:
        tweepy.streaming.sleep = lambda seconds: _wait(stage, seconds)
        _follow(stage)
        _wait(stage, (epoch_ms(HOUR.start) - stage.clock.now_ms()) / 1000)
        slots = 0
        while stage.clock.now_ms() < epoch_ms(HOUR.end):
            _listen(stage, folder)
            slots += 1
        _wait(stage, (epoch_ms(script.ends) - stage.clock.now_ms()) / 1000)
        true = truth(stage)
        kept = _ids(folder)
        retweets = {key for key in true.streamed if true.kind(key) == "retweets"}
        return {
            "posts": len(true.all),
            "had": len(true.all & kept),
            "searchable": len(true.searched),
            "searchable_had": len(true.searched & kept),
            "retweets": len(retweets),
            "retweets_had": len(retweets & kept),
            "connects": len(stage.x.stream.connects),
            "files": slots,
        }


def _follow(stage: Stage) -> None:
    client = _client(stage)
    rules = stream_rules(stage.election, stage.script.begins)
    client.add_rules([tweepy.StreamRule(rule.value, rule.tag) for rule in rules])


def _listen(stage: Stage, folder: Path) -> None:
    """Five minutes, and the file of what came."""
    client = _client(stage)
    name = f"{from_epoch_ms(stage.clock.now_ms()):%Y%m%d_%H%M%S}.json"
    thread: threading.Thread = client.filter(threaded=True, **_FIELDS)
    _wait(stage, _LISTEN_S)
    client.disconnect()
    thread.join()
    (folder / name).write_text(json.dumps([tweet.data for tweet in client.posts]), encoding="utf-8")


def _client(stage: Stage) -> Listener:
    client = Listener()
    client.session.mount(_TWEEPY_ROOT, _Here(stage.x.url, stage.clock.real))
    return client


def _ids(folder: Path) -> frozenset[str]:
    """Of the hour's posts in the files; a post that is there twice counts once, as drop_duplicates has it."""
    first, last = epoch_ms(HOUR.start), epoch_ms(HOUR.end)
    told = {str(post["id"]) for path in folder.glob("*.json") for post in json.loads(path.read_text(encoding="utf-8"))}
    return frozenset(key for key in told if first <= (created_ms(int(key)) or 0) < last)


def _wait(stage: Stage, seconds: float) -> None:
    stage.clock.wait(threading.Event(), max(seconds, 0.0))
