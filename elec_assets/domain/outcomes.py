"""What became of a planned unit, and the coverage row that says so: silence and a gap are never the same thing."""

from enum import StrEnum


class Outcome(StrEnum):
    """Exactly one for every unit. The order of `worst` is that of the architecture: the worst cause names the unit."""

    OK = "ok"
    EMPTY = "empty"
    PARTIAL = "partial"
    THROTTLED = "throttled"
    REFUSED = "refused"
    OVER_BUDGET = "over_budget"
    ERROR = "error"
    NOT_RUN = "not_run"
    NOT_PLANNED = "not_planned"

    @property
    def settled(self) -> bool:
        """Whether nothing remains to be asked."""
        return self in (Outcome.OK, Outcome.EMPTY, Outcome.NOT_PLANNED)


CAUSES = (Outcome.ERROR, Outcome.OVER_BUDGET, Outcome.REFUSED, Outcome.THROTTLED, Outcome.PARTIAL)


def worst(causes: set[Outcome]) -> Outcome:
    """The cause that names an uncovered unit; `partial` where none was given."""
    return next((cause for cause in CAUSES if cause in causes), Outcome.PARTIAL)
