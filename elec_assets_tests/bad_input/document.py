"""The page of the docs that shows the cases."""

from collections.abc import Mapping

from elec_assets_tests.bad_input.case import Case, Seen
from elec_assets_tests.bad_input.run import GROUPS, rejects

PAGE = "docs/bad-input.md"
_HEAD = """\
# Bad input

What comes in wrong, what you then see, and what is kept. Made by `make docs` from the cases in
`elec_assets_tests/bad_input/`: each runs against the sandbox of X and a store that already holds work, and a test
compares that store byte for byte before and after. A later run asks only for what is missing.

A sentence is that of the run (its log, and its failure where the hour could not be sealed); the reason in brackets is
also in the hour's coverage row and in `elec coverage`. The hour is `2027-02-01-18:00`; 100 of its posts were there.
"""


def document(seen: Mapping[str, Seen]) -> str:
    """The page, of what was seen of every case."""
    return "\n".join([_HEAD, *(_table(title, cases, seen) for title, cases in GROUPS.items())])


def _table(title: str, cases: tuple[Case, ...], seen: Mapping[str, Seen]) -> str:
    rows = [f"| {case.comes} | {_see(seen[case.name])} | {case.kept} |" for case in cases]
    return "\n".join([f"## {title}", "", "| What comes in | What you see | What is kept |", "|---|---|---|", *rows, ""])


def _see(seen: Seen) -> str:
    told = [seen.sentence, *(f"Reject: {reject['reason']}" for reject in rejects(seen.after))]
    return "<br>".join(f"`{_cell(text)}`" for text in told)


def _cell(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|")
