"""The data card of a release (`README.md`, and Kaggle's description of the dataset), made from what is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from elec_assets.domain.tables import TABLES
from elec_assets.transforms.cover import WeekCoverage
from elec_assets.transforms.manifest import FileEntry, Profile
from elec_assets.transforms.publication import MOST_IDS, place_of
from elec_assets.transforms.release_scan import COVERAGE_PICTURE

_WEEKS_SHOWN = 12
_SAMPLES = "_samples/"


@dataclass(frozen=True, slots=True)
class CardElection:
    """An election as the card shows it: its key, its name, candidates followed, how posts were sampled, coverage."""

    key: str
    name: str
    candidates: int
    sampling: str
    weeks: Sequence[WeekCoverage]


@dataclass(frozen=True, slots=True)
class Card:
    """All that the card says.

    Attributes:
        title: of the dataset.
        dataset: `owner/slug` on Kaggle.
        profile: what is published.
        id_fraction: part of the ids that is held.
        cadence: how often a release is made, in words.
        elections: in the order shown.
        entries: the files.
    """

    title: str
    dataset: str
    profile: Profile
    id_fraction: float
    cadence: str
    elections: Sequence[CardElection]
    entries: Sequence[FileEntry]


def coverage_of(coverage: pl.DataFrame, week: str) -> WeekCoverage:
    """The sums of a week of the coverage table, of posts alone."""
    posts = coverage.filter(pl.col("source") == "twitter")
    hours = [float(posts[name].sum()) / 3600 for name in ("planned_s", "captured_s", "filled_s", "missed_s")]
    return WeekCoverage(week, *hours)


def data_card(card: Card) -> bytes:
    """The card as Markdown, UTF-8."""
    first = next((e.key for e in card.elections), "ELECTION")
    parts = [
        f"# {card.title}",
        "What people say on X, and search on Google, about the candidates of an election: by hour, day and week, with "
        "proof of what was seen and what was missed. For studies of attention, not of votes. Most people want "
        f"`{first}/daily_summary.csv`.",
        _start(first),
        _files(card),
        _elections(card),
        _method(card),
        _CONVENTIONS,
        _terms(card),
        f"## Cite\n\n{card.title}. Kaggle, https://www.kaggle.com/datasets/{card.dataset}. Name the version, or "
        "`release_id` of `manifest.json`. New versions: " + card.cadence + ". `CHANGELOG.md` tells what changed; "
        "`DATA_DICTIONARY.md` every column; `manifest.json` the sha256 of every file.",
    ]
    return ("\n\n".join(parts) + "\n").encode()


def _start(election: str) -> str:
    path = f"{election}/daily_summary.csv"
    return (
        "## Quick start\n\n```python\nimport pandas as pd\n"
        f'days = pd.read_csv("{path}", parse_dates=["day"])\n'
        'print(days.pivot(index="day", columns="candidate", values="originals_estimate"))\n```\n\n'
        "```python\nimport polars as pl\n"
        f'hours = pl.read_parquet("{election}/parquet/twitter_volume.parquet")\n'
        'print(hours.group_by("candidate").agg(pl.col("estimate").sum()))\n```\n\n'
        'Read ids as text: `dtype={"tweet_id": str}`, `schema_overrides={"tweet_id": pl.String}`.'
    )


def _files(card: Card) -> str:
    """A row a file or folder: how many files and rows, what it is."""
    lines = ["## What is in it", "| where | files | rows | what |\n|---|---|---|---|"]
    places: dict[str, list[FileEntry]] = {}
    for entry in card.entries:
        where = _where(entry, card.profile)
        if where is not None:
            places.setdefault(where, []).append(entry)
    for where in sorted(places):
        entries = places[where]
        rows = sum(entry.rows or 0 for entry in entries)
        what = TABLES[str(entries[0].table)].description.partition(". ")[0].rstrip(".")
        lines[1] += f"\n| `{where}` | {len(entries)} | {rows:,} | {what} |"
    lines.append(
        "Folders hold a file a week, `GGGG_WW.csv.gz` (ISO year and week); `{election}/parquet/` holds the whole "
        "history of each as one Parquet file. Files are only ever added."
    )
    if any(_SAMPLES in entry.path for entry in card.entries):
        lines.append(
            f"`google_trends/{{table}}{_SAMPLES}` holds all samples, where Google was asked more than once for the "
            "same time; the folders above hold the latest."
        )
    return "\n\n".join(lines)


def _where(entry: FileEntry, profile: Profile) -> str | None:
    """Where the table of a file is; None where it is no table, or another form of one that is named."""
    place = place_of(entry.path, profile)
    if place is None or entry.path.endswith(".parquet") or _SAMPLES in entry.path:
        return None
    if place.product is not None:
        return f"{{election}}/{place.product.folder}/"
    return entry.path if place.election is None else f"{{election}}{entry.path.removeprefix(place.election)}"


def _elections(card: Card) -> str:
    parts = ["## What is covered, and what is missing"]
    for election in card.elections:
        shown = election.weeks[-_WEEKS_SHOWN:]
        lines = [f"**{election.name}** (`{election.key}`): {election.candidates} candidates. {election.sampling}"]
        rows = [f"| {w.week} | {w.planned_h:.0f} | {w.captured_h:.1f} | {w.filled_h:.1f} | {w.missed_h:.1f} |"
                f" {w.covered:.1%} |" for w in shown]  # fmt: skip
        head = "| week | planned h | live h | searched h | missed h | covered |\n|---|---|---|---|---|---|"
        if rows:
            lines.append("\n".join([head, *rows]))
        if len(election.weeks) > len(shown):
            lines.append(f"The last {len(shown)} of {len(election.weeks)} weeks; all in `{election.key}/coverage/`.")
        parts += lines
    parts.append(
        f"![Planned time covered, week by week]({COVERAGE_PICTURE})\n\nEvery hour has an outcome, and a reason where "
        "something is missing (`coverage`). Of a week that is not over, hours to come count as missed. Search finds no "
        "retweets: time without the live stream has none, and its `retweets` columns are null."
    )
    return "\n\n".join(parts)


def _method(card: Card) -> str:
    ids = (
        ""
        if card.id_fraction >= 1
        else f" This release holds {card.id_fraction:.1%} of the ids, those with the smallest hash."
    )
    return (
        "## How it was made\n\nPosts come from X's filtered stream, gaps from its search; one matcher decides for both "
        "which candidates a post is about (name, handle, terms; whole words). Counts are of planned and covered time; "
        "`estimate` counts up to the whole hour by `weight`, and `low` and `high` are a 95 % interval. A day is the "
        "sum of its covered hours: `originals_coverage` tells how much that is. Not everybody is on X, and posts are "
        "not votes.\n\nGoogle Trends gives samples, 0 to 100 within one request. "
        "`calibrated_interest` puts all candidates of a period on one scale from overlapping requests. Below a floor "
        f"Google tells nothing: null, not 0.{ids}"
    )


_CONVENTIONS = (
    "## Conventions\n\nTimes and days are UTC, `2027-02-01T13:04:05.123Z`; weeks are ISO weeks from Monday. Null is "
    'an empty field, an empty text is `""`. A post about several candidates counts for each. Columns are only added, '
    "at the end; a rename or removal is a new major schema version. A week may change until 9 days after its end."
)


def _terms(card: Card) -> str:
    if card.profile == "private":
        return (
            "## Terms\n\nThis dataset holds content of X and must stay private: X's developer policy forbids "
            "publishing it. Delete what X or an author deletes."
        )
    return (
        "## Terms\n\nX lets others publish ids of posts and aggregates only: no text, no accounts. At most "
        f"{MOST_IDS:,} ids; to read the posts, ask X for them by id and accept its terms. Counts of 1 to 4 are null "
        "with `suppressed` true, and so are those that would give them away. Do not use it to work out anybody's "
        "opinion. Google Trends data is Google's: cite it as source."
    )
