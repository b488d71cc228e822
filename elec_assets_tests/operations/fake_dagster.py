"""A webserver that answers like Dagster's GraphQL, as recorded from Dagster 1.13.27 (2026-11), over scripted states."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from elec_assets_tests import local_http

ASSET = "fr_2027/twitter/tweets"


@dataclass
class FakeDagster:
    """What it holds, and what it was asked for."""

    url: str = ""
    keys: list[str] = field(default_factory=list)
    # One (status, materialized, failed) a question; the last one stays.
    states: list[tuple[str, int, int]] = field(default_factory=list)
    refusal: str | None = None
    launched: list[dict[str, Any]] = field(default_factory=list)
    # Of runs: one status a question; the last one stays.
    run_states: list[str] = field(default_factory=list)

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "launchPartitionBackfill" in query:
            if self.refusal:
                return {"launchPartitionBackfill": {"__typename": "UnauthorizedError", "message": self.refusal}}
            self.launched.append(variables["params"])
            return {"launchPartitionBackfill": {"__typename": "LaunchBackfillSuccess", "backfillId": "abcdefgh"}}
        if "launchPipelineExecution" in query:
            if self.refusal:
                return {"launchPipelineExecution": {"__typename": "UnauthorizedError", "message": self.refusal}}
            self.launched.append(variables["params"])
            return {"launchPipelineExecution": {"__typename": "LaunchRunSuccess", "run": {"runId": "1bd5f0c7"}}}
        if "runOrError" in query:
            return {"runOrError": self._run()}
        if "partitionBackfillOrError" in query:
            return {"partitionBackfillOrError": self._backfill()}
        if "assetNodeOrError" in query:
            known = "/".join(variables["key"]["path"]) == ASSET
            node = {"__typename": "AssetNode", "partitionKeys": self.keys}
            return {"assetNodeOrError": node if known else {"__typename": "AssetNotFoundError"}}
        return {"assetNodes": [{"assetKey": {"path": ASSET.split("/")}}]}

    def _run(self) -> dict[str, Any]:
        if not self.run_states:
            return {"__typename": "RunNotFoundError"}
        status = self.run_states[0]
        if len(self.run_states) > 1:
            self.run_states.pop(0)
        return {"__typename": "Run", "status": status}

    def _backfill(self) -> dict[str, Any]:
        status, done, failed = self.states[0]
        if len(self.states) > 1:
            self.states.pop(0)
        wanted = len(self.launched[-1]["partitionNames"])
        counts = {
            "numPartitionsTargeted": wanted,
            "numPartitionsMaterialized": done,
            "numPartitionsFailed": failed,
            "numPartitionsInProgress": wanted - done - failed,
        }
        error = {"message": "the daemon lost its head"} if status == "FAILED" else None
        data = {"assetBackfillStatuses": [counts]}
        return {"__typename": "PartitionBackfill", "status": status, "error": error, "assetBackfillData": data}


@contextmanager
def serving(fake: FakeDagster) -> Iterator[FakeDagster]:
    class Handler(local_http.QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(200, json.dumps({"data": fake.answer(asked["query"], asked["variables"])}).encode())

    with local_http.serving(Handler) as fake.url:
        yield fake
