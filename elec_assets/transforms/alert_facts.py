"""What alerts are judged by, as it is found at one look: no verdicts, no texts. All times are UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.due import Late
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.release_due import LateRelease
from elec_assets.domain.watches import Watch
from elec_assets.transforms.watch_state import SeenWatch

WATCHING = "watched_prefixes"
"""The sensor that looks at prefixes and batches."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Dagster's freshness state of an asset, where the calendar says that it counts: `WARN`, `FAIL` or `UNKNOWN`."""

    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Product:
    """What an election plans: tables that are made together are one.

    Attributes:
        election: its key.
        name: below the election: `twitter/tweets`, `google_trends/fr/daily`.
        product: as in `domain.due.WINDOWS`, or `domain.due.BATCHES`.
        timezone: of the election.
        late: the newest planned partition is not there; of several tables the worst.
        stale: what Dagster says.
    """

    election: str
    name: str
    product: str
    timezone: str
    late: Late | None = None
    stale: Stale | None = None

    @property
    def asset(self) -> str:
        """`fr_presidential_2027/twitter/tweets`."""
        return f"{self.election}/{self.name}"


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch and what was last seen of it; None: nothing yet."""

    watch: Watch
    seen: SeenWatch | None


@dataclass(frozen=True, slots=True)
class RunsFailed:
    """Runs of an asset, or of a job, that failed after their retries and that no later run has made good.

    `forget_at`: from when on the first of them does not count any more, mended or not.
    """

    name: str
    count: int
    partition: str
    since: datetime
    forget_at: datetime


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """The newest result of a check is a failure of severity ERROR. `blocking`: it holds back what comes after."""

    asset: str
    check: str
    blocking: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Covered:
    """The part of what was planned that is there, 0 to 1: of the last day's hours, or of the newest partition.

    `outcome` is that of the newest hour or partition; `timezone` is the election's.
    """

    asset: str
    timezone: str
    share: float
    what: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Captured:
    """What `elec capture` says of itself on this host.

    Attributes:
        used_share: of the spool's cap, 0 and above. `near_full`: it warns.
        upload_problem_since: since when the store has not taken its batches.
        over_budget: its share of the month's budget is spent.
        problems: how many other things a person should mend; `elec status` names them.
    """

    used_share: float
    near_full: bool
    upload_problem_since: datetime | None
    over_budget: bool
    problems: int


@dataclass(frozen=True, slots=True)
class Disk:
    """Free bytes of the file system of a directory: `store` or `spool`."""

    name: str
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was found.

    Attributes:
        timezone: of what belongs to no election.
        seen_at: when prefixes and batches were last looked at; None: never.
        watching: whether anything is to be looked at.
        search_over_budget: searches of X are stopped for this month.
        trends_refused: since when, and until when, Google Trends is not asked.
        release: late, and since when.
    """

    now: datetime
    timezone: str = "UTC"
    products: Sequence[Product] = ()
    watching: bool = False
    seen_at: datetime | None = None
    watched: Sequence[Watched] = ()
    runs: Sequence[RunsFailed] = ()
    checks: Sequence[CheckFailed] = ()
    covered: Sequence[Covered] = ()
    search_over_budget: bool = False
    trends_refused: tuple[datetime, datetime] | None = None
    captured: Captured | None = None
    disks: Sequence[Disk] = ()
    release: LateRelease | None = None
