"""`elec sandbox aws` and `all`: the printed lines lead to it, and what SNS is given is shown as it comes."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests

from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.clients.store import open_store
from elec_assets.sandbox.aws import BUCKET
from elec_assets_tests.clients.sns_place import MESSAGE, PHONE
from elec_assets_tests.operations.place import REGISTRY

_OURS = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_")


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The sandbox in a process of its own, and the variables that it prints."""
    env = {n: v for n, v in os.environ.items() if not n.startswith(_OURS) and not n.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "elec_assets.cli", "sandbox", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        variables: dict[str, str] = {}
        try:
            while "ELEC_ALERT_TOPIC_ARN" not in variables:
                printed = process.stdout.readline()
                assert printed.startswith("export "), (printed, process.poll())
                name, _, value = printed.removeprefix("export ").strip().partition("=")
                variables[name] = value
            yield process, variables
        finally:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in err) == (0, False), err


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """So many lines of its output, within 20 s."""
    assert process.stdout is not None
    timer = threading.Timer(20, process.kill)
    timer.start()
    try:
        return [process.stdout.readline().strip() for _ in range(count)]
    finally:
        timer.cancel()


@pytest.mark.prove
def test_what_sns_is_given_is_printed_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, "aws") as (process, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        topic = variables["ELEC_ALERT_TOPIC_ARN"]
        assert Sns(SnsTarget(topic_arn=topic)).topic_exists()
        Sns(SnsTarget(topic_arn=topic)).publish(MESSAGE)
        (first,) = lines(process, 1)
        assert first.endswith(f" topic elec-alerts: {MESSAGE.sms}")
        Sns(SnsTarget(phone=PHONE, region=variables["AWS_REGION"])).publish(MESSAGE)
        (second,) = lines(process, 1)
        assert second.endswith(f" +33***44: {MESSAGE.sms}")
        store = open_store(f"s3://{BUCKET}/of/mine", allow_http=True)
        store.put("a/b.txt", b"kept")
        assert store.get("a/b.txt") == b"kept"


@pytest.mark.prove
def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Moto's own server ends the process, or waits for ever, where its port is taken (5.2.5)."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        command = [sys.executable, "-m", "elec_assets.cli", "sandbox", "aws", "--port", str(other.getsockname()[1])]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("elec: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.prove
def test_all_of_them_answer_at_the_printed_addresses(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    (tmp_path / "candidates.yaml").write_text(REGISTRY, encoding="utf-8")
    with running(tmp_path, "all") as (process, variables):
        token = {"Authorization": f"Bearer {variables['X_BEARER_TOKEN']}"}
        usage = requests.get(f"{variables['ELEC_X_BASE_URL']}/2/usage/tweets", headers=token, timeout=10)
        assert usage.status_code == 200
        for name in ("ELEC_TRENDS_BASE_URL", "ELEC_KAGGLE_BASE_URL", "AWS_ENDPOINT_URL"):
            assert requests.get(variables[name], timeout=10).status_code < 500
        assert {"KAGGLE_USERNAME", "KAGGLE_KEY", "AWS_SECRET_ACCESS_KEY"} <= variables.keys()
        keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "any")
        sns = boto3.client("sns", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="eu-west-3", **keys)
        assert [t["TopicArn"] for t in sns.list_topics()["Topics"]] == [variables["ELEC_ALERT_TOPIC_ARN"]]
        sns.publish(TopicArn=variables["ELEC_ALERT_TOPIC_ARN"], Message="said")
        assert lines(process, 1)[0].endswith(" topic elec-alerts: said")
