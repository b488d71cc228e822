"""Which deployments have Google Trends asked by a Lambda: a setting decides."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from elec_assets.clients.store import open_store
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_task import STOP_AFTER_S
from elec_assets.definitions import build_definitions
from elec_assets.resources import TrendsResource
from elec_assets.settings import Settings
from elec_assets_tests.deployment import MID_CAMPAIGN
from elec_assets_tests.trends_place import trends_registry

ARN = "arn:aws:lambda:eu-west-3:123456789012:function:elec-trends"


def resource(folder: Path, **settings: object) -> TrendsResource:
    values = {"registry": "unused", "store": str(folder / "store"), **settings}
    found = build_definitions(Settings.model_validate(values), trends_registry(folder), MID_CAMPAIGN).resources
    assert found is not None
    trends = found["trends"]
    assert isinstance(trends, TrendsResource)
    return trends


def test_the_setting_names_the_function_and_unset_the_run_asks_itself(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    own = resource(tmp_path, trends="on")
    assert (own.function, own.stop_after_s) == (None, STOP_AFTER_S)
    far = resource(tmp_path, trends="on", trends_lambda=ARN, trends_lambda_stop_s=240, aws_region="eu-west-3")
    assert (far.function, far.region, far.stop_after_s) == (ARN, "eu-west-3", 240)
    # The pace travels with each call.
    assert far.source.limits == far.limits == TrendsLimits()
    store = open_store((tmp_path / "store").as_uri())
    with own.backend(store) as near:
        assert near is not None
    with far.backend(store) as nothing:
        assert nothing is None
    bare.setenv("ELEC_TRENDS_LAMBDA", "elec-trends")
    assert Settings().trends_lambda == "elec-trends"


@pytest.mark.parametrize("name", ["https://x.lambda-url.eu-west-3.on.aws/", "a b", "x" * 171])
def test_what_is_no_function_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="ELEC_TRENDS_LAMBDA"):
        Settings.model_validate({"ELEC_TRENDS_LAMBDA": name})


@pytest.mark.parametrize("seconds", [-1, 721])
def test_an_invocation_cannot_be_given_longer_than_lambda_gives_it(seconds: float) -> None:
    with pytest.raises(ValidationError, match="ELEC_TRENDS_LAMBDA_STOP_S"):
        Settings.model_validate({"ELEC_TRENDS_LAMBDA_STOP_S": seconds})
