"""Fixtures of the tests of commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from elec_assets_tests.operations.place import Place, made_place

_OURS = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_")


@pytest.fixture(autouse=True)
def no_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, account or proxy of this machine is ever used."""
    for name in [n for n in os.environ if n.startswith(_OURS) or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with made_place(tmp_path) as made:
        yield made
