"""The newest object of a prefix of any bucket, over obstore: paged, so that any number of keys a day is seen.

One request finds the day folders, then those of today and yesterday are listed, and as far back as the threshold
reaches; a prefix without day folders is listed whole. Rights: `s3:ListBucket` on the bucket. What keeps it from being
listed is a state of its own, not an outage of the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from elec_assets.domain.watches import Watch
from elec_assets.transforms.watched import Listed, Newest, day_folders, newest_of

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_REFUSED = ("status code: 401", "status code: 403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_NO_BUCKET = ("NoSuchBucket", "status code: 404")
_NO_CREDENTIALS = ("/latest/api/token", "/latest/meta-data")
_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "status code: 301", "redirect")


class WatchState(StrEnum):
    """What a look at a prefix came to."""

    FOUND = "found"
    EMPTY = "empty"
    NO_BUCKET = "no bucket"
    NO_PERMISSION = "no permission"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Looked:
    """The state of a prefix, its newest object if it has one, and what to do if it cannot be told."""

    state: WatchState
    newest: Newest | None = None
    said: str = ""


def look(watch: Watch, now: datetime, *, allow_http: bool = False, timeout_s: float = 20.0) -> Looked:
    """Look at the prefix of a watch. Ends within two requests' time for each 1,000 keys; never raises for S3's answers.

    Credentials, region and endpoint come from the usual AWS variables; `allow_http` is for an emulator here.
    """
    client: ClientConfig = {
        "allow_http": allow_http,
        "timeout": timedelta(seconds=timeout_s),
        "connect_timeout": timedelta(seconds=5),
    }
    retry: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=timeout_s)}
    try:
        store = S3Store(watch.bucket, client_options=client, retry_config=retry)
        newest = newest_of(_listed(store, watch, now), by_key=watch.judged_by == "key")
    except (BaseError, FileNotFoundError) as error:
        return _unseen(error, watch)
    if newest is None:
        return Looked(WatchState.EMPTY, said=f"there is no data in s3://{watch.bucket}/{watch.prefix}")
    return Looked(WatchState.FOUND, newest)


def _listed(store: S3Store, watch: Watch, now: datetime) -> Iterator[Listed]:
    """The objects that matter."""
    top = obstore.list_with_delimiter(store, prefix=watch.prefix.rstrip("/") or None)
    folders = day_folders(top["common_prefixes"], now, timedelta(seconds=watch.threshold_s))
    if folders is None and not top["common_prefixes"]:
        yield from (Listed(m["path"], m["size"], m["last_modified"]) for m in top["objects"])
        return
    for folder in folders if folders is not None else [watch.prefix]:
        for batch in obstore.list(store, prefix=folder.rstrip("/") or None):
            yield from (Listed(m["path"], m["size"], m["last_modified"]) for m in batch)


def _unseen(error: Exception, watch: Watch) -> Looked:
    """Nothing of S3's answer is told: some answers repeat keys and tokens."""
    answer, where = str(error), f"s3://{watch.bucket}/{watch.prefix}"
    if any(sign in answer for sign in _NO_CREDENTIALS):
        said = "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
        return Looked(WatchState.NO_PERMISSION, said=said)
    if any(sign in answer for sign in _REGION):
        said = f"the bucket {watch.bucket} is in another region; set AWS_REGION to it"
        return Looked(WatchState.NO_ANSWER, said=said)
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if refused or any(sign in answer for sign in _REFUSED):
        return Looked(
            WatchState.NO_PERMISSION, said=f"no permission to list {where}; allow s3:ListBucket on the bucket"
        )
    if isinstance(error, FileNotFoundError) or any(sign in answer for sign in _NO_BUCKET):
        return Looked(WatchState.NO_BUCKET, said=f"there is no bucket {watch.bucket}; correct it in watches.yaml")
    return Looked(WatchState.NO_ANSWER, said=f"no whole answer from S3 for {where}; check the network")
