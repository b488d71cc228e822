"""The metadata form: everything that matters must be said, and all of it is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.clients.kaggle_job import SentFile
from elec_assets.clients.kaggle_listing import compared
from elec_assets.clients.kaggle_metadata import MetadataInvalid, decode_metadata, read_metadata, settings
from elec_assets.clients.kaggle_staged import NOTES_LIMIT, marked
from elec_assets.transforms.manifest import Manifest, make_manifest
from elec_assets_tests.clients.kaggle_staging import DESCRIBED, FILES, WEEK, entry_of


def manifest(profile: str = "public") -> Manifest:
    files = [entry_of(path, data) for path, data in FILES.items()]
    return make_manifest(WEEK, files, profile="private" if profile == "private" else "public")


def form(**changed: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps({name: v for name, v in {**DESCRIBED, **changed}.items() if v is not None}).encode()


@pytest.mark.parametrize("field", [name for name in DESCRIBED if name != "resources"])
def test_no_field_that_an_update_would_blank_may_be_left_out(field: str) -> None:
    with pytest.raises(MetadataInvalid, match=rf"dataset-metadata\.json: .*{field}"):
        decode_metadata(form(**{field: None}), manifest())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"title": "x" * 51}, "length <= 50.*title"),
        ({"subtitle": "short"}, "length >= 20.*subtitle"),
        ({"licenses": []}, "length >= 1.*licenses"),
        ({"licenses": [{"name": "CC0-1.0"}, {"name": "PDDL"}]}, "length <= 1.*licenses"),
        ({"licenses": [{"name": "WTFPL"}]}, "the licence is 'WTFPL'; allowed: one of CC0-1.0"),
        ({"expectedUpdateFrequency": "now and then"}, "expectedUpdateFrequency"),
        ({"resources": [{"path": "nowhere.csv"}]}, "'nowhere.csv' is no file of the manifest"),
        ({"resources": [{"path": "README.md"}, {"path": "README.md"}]}, "'README.md' is no file .* or stands twice"),
    ],
)
def test_what_kaggle_would_not_take_is_refused_before_it_is_asked(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(MetadataInvalid, match=reason):
        decode_metadata(form(**changed), manifest())


def test_a_private_release_can_only_go_to_a_private_dataset() -> None:
    with pytest.raises(MetadataInvalid, match="isPrivate is false, and the release has the profile private"):
        decode_metadata(form(isPrivate=False), manifest("private"))
    assert decode_metadata(form(isPrivate=True), manifest("private")).is_private


def test_a_missing_form_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(MetadataInvalid, match=r"dataset-metadata\.json: cannot be read"):
        read_metadata(tmp_path, manifest())


def test_an_update_has_every_field_whatever_kaggle_held_before() -> None:
    made = settings(decode_metadata(form(), manifest()), {}, {"fr/twitter/2027_05.csv.gz": "fr/twitter/2027_05.csv"})
    assert made.keys() == {
        "title", "subtitle", "description", "isPrivate", "licenses", "keywords", "collaborators", "data",
        "expectedUpdateFrequency", "userSpecifiedSources",
    }  # fmt: skip
    assert [d["name"] for d in made["data"]] == ["fr/twitter/2027_05.csv"]


SENT = [SentFile("a.csv", 5, 5), SentFile("fr/b.csv.gz", 9, 40), SentFile("c.json.gz", 7, 30)]
SAME = {"a.csv": 5, "fr/b.csv.gz": 9, "c.json.gz": 7}


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        (SAME, []),
        ({"a.csv": 5, "fr/b.csv": 40, "c.json.gz": 7}, []),
        ({"a.csv": 5, "fr/b.csv": 9, "c.json.gz": 7}, []),
        ({"a.csv": 5, "fr/b.csv": 41, "c.json.gz": 7}, ["fr/b.csv has 41 bytes, 9 or 40 were sent"]),
        ({**SAME, "a.csv": 6}, ["a.csv has 6 bytes, 5 were sent"]),
        ({"a.csv": 5, "b.csv": 40, "c.json": 30},
         ["fr/b.csv.gz is not listed", "c.json.gz is not listed", "b.csv was not sent", "c.json was not sent"]),
        ({**SAME, "fr/b.csv": 40}, ["fr/b.csv was not sent"]),
        ({}, ["a.csv is not listed", "fr/b.csv.gz is not listed", "c.json.gz is not listed"]),
    ],
)  # fmt: skip
def test_a_listing_is_held_against_what_was_sent(found: dict[str, int], problems: list[str]) -> None:
    assert compared(SENT, found)[1] == problems


@given(st.text(max_size=700))
def test_notes_are_short_and_carry_the_marker_in_their_first_line(notes: str) -> None:
    made = marked(notes, "content 9f3ac2d1")
    assert len(made) <= NOTES_LIMIT
    assert "content 9f3ac2d1" in made.split("\n")[0]
