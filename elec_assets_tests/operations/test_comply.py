"""`elec comply` as it is typed: what it says, what it ends with, and that it tells no id."""

import json
from collections.abc import Callable

import polars as pl
import pytest
from click.testing import CliRunner, Result

from elec_assets.cli import main
from elec_assets.clients.compliance import comply_alone
from elec_assets.clients.tombstones import comply_lock
from elec_assets.sandbox.x_api import TOKEN
from elec_assets_tests.operations.place import ELECTION, Place, hour

Typed = Callable[..., Result]
HOUR = hour(15, 20)


@pytest.fixture
def typed(place: Place, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """`elec ...` in the place, with a token that the sandbox takes."""
    monkeypatch.chdir(place.folder)
    settings = {
        "ELEC_REGISTRY": str(place.folder / "candidates.yaml"),
        "ELEC_STORE": str(place.folder / "data"),
        "ELEC_X_BASE_URL": place.x.url,
        "X_BEARER_TOKEN": TOKEN,
    }

    def run(*words: str, **changes: str) -> Result:
        env = {**settings, **changes}
        return CliRunner().invoke(main, words, env={name: value or None for name, value in env.items()})

    return run


def stored(place: Place) -> pl.DataFrame:
    frame = place.archive.frame(HOUR)
    assert frame is not None
    return frame


def test_what_is_gone_on_x_is_taken_out_and_only_counted(place: Place, typed: Typed) -> None:
    place.seal(HOUR)
    gone = stored(place)["tweet_id"].to_list()[:3]
    place.x.compliance.fates = dict.fromkeys(gone, "suspended")
    result = typed("comply", "--all")
    assert result.exit_code == 0, result.output
    assert "3 suspended" in result.stdout
    assert "1 hours sealed" in result.stdout
    assert not set(gone) & set(stored(place)["tweet_id"])
    assert not [x for x in gone if x in result.output]
    again = typed("comply", "--all", "--json")
    told = json.loads(again.stdout)["elections"][ELECTION]
    assert (told["told"], told["tombstones_new"], told["objects_rewritten"]) == ({}, 0, 0)


def test_a_dry_run_changes_nothing_and_asks_nobody(place: Place, typed: Typed) -> None:
    place.seal(HOUR)
    before, asked = place.objects(), len(place.x.requests)
    result = typed("comply", "--dry-run", "--all", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["dry_run"], told["asks_x"]) == (0, True, True)
    assert told["elections"][ELECTION]["jobs"] == 1
    assert place.objects() == before
    assert len(place.x.requests) == asked
    shown = typed("comply", "--dry-run", X_BEARER_TOKEN="")
    assert "Nothing was asked, and nothing changed." in shown.stdout
    assert "set X_BEARER_TOKEN" in shown.stdout


def test_a_person_s_request_is_served_by_one_command(place: Place, typed: Typed) -> None:
    place.seal(HOUR)
    author = stored(place)["author_id"][0]
    result = typed("comply", "--forget", author)
    assert result.exit_code == 0, result.output
    assert author not in set(stored(place)["author_id"])
    assert place.objects()["state/forgotten.json"]
    assert author not in place.objects()["state/forgotten.json"].decode()
    assert "X was not asked" not in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--forget", "@nobody_at_all"],
            "no post by @nobody_at_all is held; if the handle was changed, give the user id",
        ),
        (["--forget", "nobody"], "is no user id (digits) or @handle"),
        (["--forget", "7", "--all"], "give it alone"),
        (["--election", "elsewhere"], f"--election is 'elsewhere'; the registry has {ELECTION}"),
    ],
)
def test_wrong_words_end_with_2_and_say_what_is_allowed(typed: Typed, words: list[str], said: str) -> None:
    result = typed("comply", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_what_fails_ends_with_1_and_says_that_it_can_be_run_again(place: Place, typed: Typed) -> None:
    place.seal(HOUR)
    refused = typed("comply", "--all", X_BEARER_TOKEN="wrong")
    assert refused.exit_code == 1
    assert "check X_BEARER_TOKEN" in refused.stdout
    with comply_alone(comply_lock(place.store.url)):
        busy = typed("comply")
    assert busy.exit_code == 1
    assert "wait until it has ended. What was done stays done; run it again" in busy.stderr


def test_without_a_token_it_says_so(place: Place, typed: Typed) -> None:
    result = typed("comply", X_BEARER_TOKEN="")
    assert result.exit_code == 0
    assert result.stdout.startswith("X was not asked: set X_BEARER_TOKEN.")
    assert place.x.requests == []


def test_posts_of_a_sandbox_are_not_asked_of_x(place: Place, typed: Typed) -> None:
    """A store holds posts of X, or of a sandbox."""
    place.seal(HOUR)
    (place.folder / "data" / "state" / "x_source.json").unlink(missing_ok=True)
    (place.folder / "data" / "state" / "x_source.json").write_text('{"x":"x","version":1}')
    result = typed("comply")
    assert result.exit_code == 1
    assert "set another ELEC_STORE" in result.stderr


def test_help_says_what_it_does_and_that_it_can_be_killed(typed: Typed) -> None:
    said = " ".join(typed("comply", "--help").stdout.split())
    for words in ("Only counts are shown", "it goes on where it was", "--forget USER_ID|@HANDLE", "no price"):
        assert words in said
