"""What the gate refuses of a staged release: which rule, where, what was found, and how to allow it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """One thing that keeps a release from being published.

    Attributes:
        rule: the check that it belongs to, one of `RULES`.
        path: file of the release; empty where it is the release as a whole.
        column: column of the file; empty where it is the file as a whole.
        what: what was found.
        allow: what to do about it.
    """

    rule: str
    path: str
    column: str
    what: str
    allow: str

    def __str__(self) -> str:
        where = ", column ".join(part for part in (self.path or "release", self.column) if part)
        return f"{where}: {self.what}; {self.allow}"


FILES = "files"
PRIVACY = "privacy"
SCHEMA = "schema"
HISTORY = "history"
ROWS = "rows"
FRESH = "fresh"
LIMITS = "limits"
MANIFEST = "manifest"
RULES = {
    FILES: "No empty, hidden, temporary or unknown files; every table can be read, and no row stands twice.",
    PRIVACY: "Nothing in the files but what the privacy profile lets out.",
    SCHEMA: "Columns are those of the release before, or added at the end.",
    HISTORY: "No closed week is changed, shrunk or left out without a hotfix.",
    ROWS: "The newest weeks have about as many rows as the four before, for the same planned time.",
    FRESH: "The newest week is there.",
    LIMITS: "Number and size of files are within what Kaggle takes.",
    MANIFEST: "The manifest is that of the files.",
}
"""The blocking checks of a release, and what they hold it to."""
STAGE_AGAIN = "stage the release anew"
