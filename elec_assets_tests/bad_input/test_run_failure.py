"""What Dagster shows of a run is the sentence of the case."""

import json

import pytest

from elec_assets.clients.store import open_store
from elec_assets.domain.layout import spend_ledger
from elec_assets.resources import utc_now
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import Deployment, failure

TWEETS, HOUR = "twitter/tweets", "2026-02-05-18:00"


def test_a_refusal_of_x_is_the_failure_of_the_run(deployment: Deployment, x: XServer) -> None:
    x.faults.add(Fault(preset="official_client_forbidden", times=9))
    told = failure(deployment.run(TWEETS, partition=HOUR))
    assert (
        "1 of 1 hours were not sealed; what was stored is unchanged. "
        f"{HOUR}: refused, 0 rows (X answered 403 (Client Forbidden: This endpoint is not available to this client.); "
        "X_BEARER_TOKEN is of an app of X: make one of yours in X's developer console and use its token)"
    ) in told
    assert len(x.requests) == 1


@pytest.mark.parametrize("broken", ["ledger", "store"])
def test_what_no_hour_could_get_over_ends_the_run_at_the_first_one(
    deployment: Deployment, x: XServer, store_kind: str, broken: str
) -> None:
    """It ended in a traceback; with a full disk each of 24 hours would have been asked, and paid for, in vain."""
    store = open_store(deployment.store.as_uri())
    key = spend_ledger("x_search", utc_now())
    if broken == "ledger":
        store.put(key, json.dumps({"version": 2}).encode())
        says = f"{HOUR}: {key}: version 2, this program reads up to 1; upgrade. The run ends here"
    elif store_kind != "local":
        pytest.skip("a bucket has no folders that could be files")
    else:
        (deployment.store / "state").mkdir()
        (deployment.store / "state" / "spend").write_bytes(b"a file where a folder must be")
        says = f"{HOUR}: cannot "
    told = failure(deployment.run(TWEETS, span=(HOUR, "2026-02-05-20:00")))
    assert says in told
    assert "what was stored is unchanged" in told
    assert x.requests == []


def test_a_store_of_another_source_ends_the_run_before_anything_is_asked(deployment: Deployment, x: XServer) -> None:
    open_store(deployment.store.as_uri()).put("state/x_source.json", b'{"x":"x"}')
    told = failure(deployment.run(TWEETS, partition=HOUR))
    assert (
        "holds posts of X, and ELEC_X_BASE_URL is a sandbox on 127.0.0.1: set another ELEC_STORE. Nothing was" in told
    )
    assert x.requests == []
