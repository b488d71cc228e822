"""Runs the cases, and says what was seen."""

import gzip
import json
from pathlib import Path

from elec_assets.domain.outcomes import Outcome
from elec_assets.sandbox.world import World
from elec_assets.transforms.sealing import read_table
from elec_assets_tests.bad_input.answers import ANSWERS
from elec_assets_tests.bad_input.case import Case, Seen
from elec_assets_tests.bad_input.contents import CONTENTS
from elec_assets_tests.bad_input.place import REJECTS, ROW, TABLE, place
from elec_assets_tests.bad_input.stores import STORES

GROUPS: dict[str, tuple[Case, ...]] = {
    "Answers of X that are no page of posts": ANSWERS,
    "Pages and lines that are not as documented": CONTENTS,
    "The store": STORES,
}
CASES = {case.name: case for cases in GROUPS.values() for case in cases}


def run(case: Case, prepared: Path, folder: Path, world: World) -> Seen:
    """Let a case happen in a copy of the prepared store, which is left at `folder`."""
    with place(prepared, folder, world) as here:
        if case.prepare is not None:
            case.prepare(here)
        before = here.objects()
        sentence = here.plain(case.work(here))
        return Seen(
            sentence,
            before,
            here.objects(),
            len(here.server.requests),
            sum(here.clock.slept),
        )


def outcome(objects: dict[str, bytes]) -> Outcome:
    """Of the hour's coverage row."""
    return Outcome(json.loads(objects[ROW])["outcome"])


def ids(objects: dict[str, bytes]) -> list[str]:
    """Of the posts of the hour's table."""
    return read_table(objects[TABLE])["tweet_id"].to_list()


def rejects(objects: dict[str, bytes]) -> list[dict[str, str]]:
    """What was put aside of the hour."""
    packed = objects.get(REJECTS)
    return [] if packed is None else [json.loads(line) for line in gzip.decompress(packed).splitlines()]
