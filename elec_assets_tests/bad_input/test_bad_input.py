"""Whatever comes in wrong: one sentence that helps, the right outcome, few requests, and nothing stored is lost."""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elec_assets_tests.bad_input.case import Seen
from elec_assets_tests.bad_input.document import PAGE, document
from elec_assets_tests.bad_input.place import LEDGER, RAW, REJECTS, REPOSITORY, ROW, TABLE, make_world, prepare
from elec_assets_tests.bad_input.run import CASES, ids, outcome, rejects, run

Happened = Callable[[str], Seen]
_LONGEST = 500


@pytest.fixture(scope="module")
def happened() -> Iterator[Happened]:
    """What was seen of a case, which happens once."""
    seen: dict[str, Seen] = {}
    world = make_world()
    # Not pytest's own folder, which is closed to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        prepare(folder / "prepared", world)

        def see(case: str) -> Seen:
            if case not in seen:
                seen[case] = run(CASES[case], folder / "prepared", folder / case, world)
            return seen[case]

        yield see


@pytest.mark.parametrize("name", CASES)
def test_the_sentence_says_what_happened_where_and_what_to_do(name: str, happened: Happened) -> None:
    sentence = happened(name).sentence
    for part in CASES[name].says:
        assert part in sentence
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert len(sentence) < _LONGEST
    assert not re.search(r"hello|/tmp/|127\.0\.0\.1|0x[0-9a-f]{6}|sandbox-token", sentence)


@pytest.mark.parametrize("name", CASES)
def test_what_was_stored_before_is_unchanged(name: str, happened: Happened) -> None:
    """Byte for byte, but for the hour's own row, table and the month's spend where the case adds to them."""
    case, seen = CASES[name], happened(name)
    assert {key for key, data in seen.before.items() if seen.after.get(key) != data} == set(case.replaced)
    added = seen.after.keys() - seen.before.keys()
    raw = {key for key in added if key.startswith(RAW)}
    assert len(raw) == case.raw
    assert added - raw == ({REJECTS} if case.rejects else set())
    if case.rows is not None:
        assert set(ids(seen.before)) <= set(ids(seen.after))


@pytest.mark.parametrize("name", CASES)
def test_what_came_of_it_is_recorded(name: str, happened: Happened) -> None:
    case, seen = CASES[name], happened(name)
    if case.outcome is not None:
        assert outcome(seen.after) is case.outcome
    if case.rows is not None:
        assert len(ids(seen.after)) == case.rows
    found = rejects(seen.after)
    assert len(found) == case.rejects
    assert all(case.reason in reject["reason"] and (reject.get("raw") or reject["raw_base64"]) for reject in found)


@pytest.mark.parametrize("name", CASES)
def test_no_more_is_asked_than_helps(name: str, happened: Happened) -> None:
    case, seen = CASES[name], happened(name)
    assert seen.requests == case.requests
    assert case.waited_s <= seen.waited_s <= case.waited_s + 1


def test_the_page_of_the_docs_is_made_of_these_cases(happened: Happened) -> None:
    assert (REPOSITORY / PAGE).read_text(encoding="utf-8") == document({name: happened(name) for name in CASES})


def test_the_store_of_the_cases_holds_work_that_could_be_lost(happened: Happened) -> None:
    before = happened("a_wrong_token").before
    assert {ROW, TABLE, LEDGER} <= before.keys()
    assert len([key for key in before if key.startswith(RAW)]) >= 8
    assert len(ids(before)) == 100
