"""The list of tests that run on S3 each time names tests that are there."""

import importlib

import pytest

from elec_assets_tests.s3_slice import SLICE


@pytest.mark.parametrize("module", SLICE)
def test_each_test_of_the_list_is_there(module: str) -> None:
    """A test that was renamed would leave S3 in silence."""
    found = importlib.import_module(module)
    assert [name for name in SLICE[module] if not callable(getattr(found, name, None))] == []
