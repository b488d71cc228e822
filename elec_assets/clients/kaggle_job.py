"""What the publishing child is asked to do, what it tells on the way, and what came of it. Plain data, no Kaggle."""

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from elec_assets.clients.kaggle_metadata import Metadata

PRODUCTION = "https://api.kaggle.com"
_SITE = "https://www.kaggle.com"
# `owner/slug`, the slug of 6 to 50 characters (kaggle 2.2.4 checks it).
_DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9][A-Za-z0-9-]{5,49}", re.ASCII)
_SANDBOX = re.compile(r"http://127\.0\.0\.1:\d{1,5}", re.ASCII)

Step = Literal["look", "upload", "create", "find", "ready", "verify", "describe"]
# `ok`: all steps are done. `absent`: sent, or not, and Kaggle has no such version. `refused`: Kaggle said no, nothing
# was made. `failed`: Kaggle made something else of it. `error`: stopped on the way; the same again may work.
End = Literal["ok", "absent", "refused", "failed", "error"]


class TargetInvalid(ValueError):
    """A dataset or an endpoint cannot be used; the text names it and says what is allowed."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long Kaggle may take, in seconds.

    Attributes:
        connect_s: to reach the server.
        answer_s: without an answer, or without taking more of an upload.
        poll_s: between two looks, growing to `poll_max_s`.
        poll_max_s: see `poll_s`; also the longest pause that a `Retry-After` can ask for.
        ready_s: until a version is READY.
        settle_s: after a creation was sent, until a version that is not to be seen is taken for not made.
        listed_s: until the files of a READY version are listed.
        hard_s: for the whole child; then it is killed.
    """

    connect_s: float = 10.0
    answer_s: float = 120.0
    poll_s: float = 10.0
    poll_max_s: float = 60.0
    ready_s: float = 3600.0
    settle_s: float = 600.0
    listed_s: float = 300.0
    hard_s: float = 3 * 3600.0


class SentFile(msgspec.Struct, frozen=True):
    """A file as it is sent, and the size it has if Kaggle unpacks it."""

    path: str
    bytes: int
    plain_bytes: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the child does, in order.

    Attributes:
        endpoint: `PRODUCTION` or `http://127.0.0.1:PORT`.
        dataset: `owner/slug`.
        directory: the staged files.
        steps: what to do.
        notes: of the version; the marker stands in it.
        marker: by which our version is known: `content xxxxxxxx`.
        files: what is published.
        metadata: what Kaggle is told beside.
        cover: file name of the cover image in `directory`; None for none.
        base_version: the last version before ours; 0 if there is no dataset yet; None: not known, look.
        version: ours, if known.
        take_held: whether a last version with our marker is taken for ours.
        settle_left_s: what is left of `Patience.settle_s`.
        patience: see there.
        result: path of the file in which the result is left.
    """

    endpoint: str
    dataset: str
    directory: str
    steps: tuple[Step, ...]
    notes: str
    marker: str
    files: tuple[SentFile, ...]
    metadata: Metadata
    cover: str | None
    base_version: int | None
    version: int | None
    take_held: bool
    settle_left_s: float
    patience: Patience
    result: str

    @property
    def page(self) -> str:
        """Where people open the dataset."""
        return page_of(self.dataset, self.endpoint)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is done, or about to be: it goes on when the other side has written it down."""

    state: Literal["uploaded", "creating", "created", "ready", "verified", "done"]
    base_version: int | None = None
    version: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a job.

    Attributes:
        end: see `End`.
        problem: one sentence, unless `end` is `ok`; without secrets.
        base_version: the last version before ours.
        version: ours, if there is one.
        url: of the dataset.
        invalid_tags: keywords that are no tags of Kaggle's.
        usability: Kaggle's rating, 0 to 1; None if it gave none.
        listed: name by which Kaggle lists each path.
    """

    end: End
    problem: str = ""
    base_version: int | None = None
    version: int | None = None
    url: str = ""
    invalid_tags: tuple[str, ...] = ()
    usability: float | None = None
    listed: dict[str, str] = {}


def page_of(dataset: str, endpoint: str = PRODUCTION) -> str:
    """Where people open a dataset: on Kaggle's site, or in the sandbox."""
    return f"{_SITE if endpoint == PRODUCTION else endpoint}/datasets/{dataset}"


def checked_endpoint(endpoint: str) -> str:
    """An endpoint that may be asked: a sandbox on 127.0.0.1, or Kaggle's own spelt out.

    Raises:
        TargetInvalid: any other.
    """
    if endpoint == PRODUCTION or _SANDBOX.fullmatch(endpoint):
        return endpoint
    raise TargetInvalid(
        f"the Kaggle endpoint is {endpoint!r}; allowed: http://127.0.0.1:PORT (the sandbox), or {PRODUCTION} exactly"
    )


def is_sandbox(endpoint: str) -> bool:
    """Whether an endpoint is on this machine."""
    return urlsplit(endpoint).hostname == "127.0.0.1"


def checked_dataset(dataset: str) -> str:
    """A dataset's name.

    Raises:
        TargetInvalid: it is not `owner/slug`.
    """
    if _DATASET.fullmatch(dataset):
        return dataset
    raise TargetInvalid(
        f"the Kaggle dataset is {dataset!r}; allowed: owner/slug, the slug of 6 to 50 letters, digits and '-'"
    )
