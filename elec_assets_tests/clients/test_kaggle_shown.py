"""What Kaggle itself says of its version: number and date; and what is no answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_shown import KaggleUnclear, Shown, shown_by_kaggle
from elec_assets.clients.kaggle_staged import Target
from elec_assets.sandbox.kaggle_api import KEY, TOKEN, USERNAME
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets_tests.clients.kaggle_staging import DATASET, give_first_version, target

Serve = Callable[..., KaggleServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(*faults: KaggleFault) -> KaggleServer:
            return stack.enter_context(start_kaggle(faults=faults))

        yield start


@pytest.mark.parametrize("account", [Credential(USERNAME, KEY), Credential(token=TOKEN)])
def test_the_version_that_people_get_is_told_with_kaggles_own_date(serve: Serve, account: Credential) -> None:
    server = serve()
    where = Target(DATASET, server.url, account)
    assert shown_by_kaggle(where) is None
    give_first_version(server)
    assert shown_by_kaggle(where) == Shown(1, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"preset": "unauthorized"}, "Kaggle answered 401"),
        ({"preset": "server_error"}, "Kaggle answered 500"),
        ({"reset": True}, "no whole answer"),
        ({"status": 200, "body": "<html>"}, "cannot be read"),
        ({"status": 200, "body": {"currentVersionNumber": "one"}}, "cannot be read"),
        ({"status": 200, "body": {"currentVersionNumber": 2, "versions": [
            {"versionNumber": 2, "creationDate": "yesterday"}]}}, "cannot be read"),
        ({"redirect": "https://example.org/"}, "Kaggle answered 302"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_without_the_key(serve: Serve, fault: dict[str, Any], said: str) -> None:
    server = serve(KaggleFault("*/GetDataset", **fault))
    with pytest.raises(KaggleUnclear, match=said) as told:
        shown_by_kaggle(target(server))
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2027-02-09T06:00:01.123Z", datetime(2027, 2, 9, 6, 0, 1, 123000, UTC)),
        ("2027-02-09T06:00:01.1234567Z", datetime(2027, 2, 9, 6, 0, 1, 123456, UTC)),
        ("2027-02-09T08:00:01+02:00", datetime(2027, 2, 9, 6, 0, 1, 0, UTC)),
        ("2027-02-09T06:00:01", datetime(2027, 2, 9, 6, 0, 1, 0, UTC)),
        ("", None),
    ],
)
def test_dates_are_read_in_every_form_that_kaggle_may_write(serve: Serve, date: str, moment: datetime | None) -> None:
    body = {"currentVersionNumber": 7, "versions": [{"versionNumber": 7, "creationDate": date}]}
    server = serve(KaggleFault("*/GetDataset", status=200, body=body))
    assert shown_by_kaggle(target(server)) == Shown(7, moment)
