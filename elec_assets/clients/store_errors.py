"""What stores refuse, in one sentence each: which object, why, and what to do.

S3 repeats tokens and keys in some answers (InvalidToken, SignatureDoesNotMatch), and obstore repeats answers in its
errors. So nothing of an answer is told but its status and its error code, and obstore's error is not passed on.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

_NO_RIGHTS = "no permission{}; check the rights of this identity"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
_CREDENTIALS = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")
_STATUS = re.compile(r"status code: (\d{3})\b")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>|\(code: ([A-Za-z]{1,60})\)")
_RETRIES = re.compile(r"after (\d+) retries")
_CONFLICT = 409
# Where nothing is found, it is the object that is missing: else it is a folder or the bucket.
_OF_OBJECTS = ("read", "delete")


class StoreError(Exception):
    """The store did not do what was asked; the text names the object and what to do."""


class ObjectMissing(StoreError):
    """There is no object of this key."""


class ObjectExists(StoreError):
    """There is an object of this key, and `create` does not replace."""


@contextmanager
def told(verb: str, key: str, url: str) -> Iterator[None]:
    """Turn errors of obstore and of the file system into ours.

    Raises:
        ObjectMissing: there is no such object.
        ObjectExists: there is one that is not replaced.
        StoreError: all else.
    """
    where = f"{key!r} in {unquote(url.removeprefix('file://'))}"
    remote = url.startswith("s3://")
    try:
        yield
    except (BaseError, FileNotFoundError) as error:  # obstore 0.12.1 raises Python's own where nothing is found
        # Not `from error`: Dagster's event log would keep the whole answer.
        raise _told_s3(verb, where, error) if remote else _told_directory(verb, where, error) from None
    except OSError as error:
        raise StoreError(f"cannot {verb} {where}: {_of_system(error)}") from error


def is_conflict(error: AlreadyExistsError) -> bool:
    """Whether S3 answered 409, which obstore (0.12.1) takes for 412: another write is under way, nothing is known."""
    return _status(_answer(error)) == _CONFLICT


def was_retried(error: AlreadyExistsError) -> bool:
    """Whether an earlier attempt had no answer: it may be what made the object."""
    return _RETRIES.search(_answer(error)) is not None


def _told_directory(verb: str, where: str, error: Exception) -> StoreError:
    if isinstance(error, FileNotFoundError) and verb in _OF_OBJECTS:
        return ObjectMissing(f"cannot {verb} {where}: there is no such object")
    if isinstance(error, AlreadyExistsError):
        return ObjectExists(f"cannot {verb} {where}: it exists, and is never replaced")
    # obstore types a local refusal to read, not one to delete (0.12.1, 2026-11).
    if isinstance(error, PermissionDeniedError) or "Permission denied" in str(error):
        return StoreError(f"cannot {verb} {where}: {_NO_RIGHTS.format('')}")
    return StoreError(f"cannot {verb} {where}: {str(error).splitlines()[0]}")


def _told_s3(verb: str, where: str, error: Exception) -> StoreError:
    answer = _answer(error)
    code = _code(answer)
    if isinstance(error, AlreadyExistsError) and not is_conflict(error):
        return ObjectExists(f"cannot {verb} {where}: it exists, and is never replaced")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket" and verb in _OF_OBJECTS:
        return ObjectMissing(f"cannot {verb} {where}: there is no such object")
    status = _status(answer)
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403)
    if refused or code == "AccessDenied":
        return StoreError(f"cannot {verb} {where}: {_NO_RIGHTS.format(_other(code))}")
    return StoreError(f"cannot {verb} {where}: {_reason(answer, status, code)}")


def _reason(answer: str, status: int | None, code: str) -> str:
    if status in (301, 307) or code in _REGION or "redirect" in answer:
        return "the bucket is in another region; set AWS_REGION to it"
    if code in _CREDENTIALS:
        return f"the credentials are not valid (any more): {code}; renew them"
    if status == 404:
        return "there is no such bucket; make it, or correct ELEC_STORE"
    if status == _CONFLICT:
        return "another write of this object is under way; run again"
    if status is not None or code:
        return f"S3 answered {' '.join(filter(None, (str(status or 200), code)))}{_attempts(answer)}; run again later"
    return _without_answer(answer)


def _without_answer(answer: str) -> str:
    if "/latest/api/token" in answer or "/latest/meta-data" in answer:
        return "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
    if "builder error" in answer:
        return "AWS_ENDPOINT_URL is not an address with https://, or http:// on 127.0.0.1"
    if "HTTP error" in answer:
        return f"no whole answer from S3{_attempts(answer)}; check the network and AWS_ENDPOINT_URL, and run again"
    return "S3 answered what is not S3's; check AWS_ENDPOINT_URL, and run again"


def _attempts(answer: str) -> str:
    found = _RETRIES.search(answer)
    return f" to {int(found[1]) + 1} attempts" if found else ""


def _answer(error: Exception) -> str:
    # After it comes the same again as Rust shows it.
    return str(error).partition("\n\nDebug source")[0]


def _status(answer: str) -> int | None:
    found = _STATUS.search(answer)
    return int(found[1]) if found else None


def _code(answer: str) -> str:
    found = _CODE.search(answer)
    return (found[1] or found[2]) if found else ""


def _other(code: str) -> str:
    return "" if code in ("", "AccessDenied") else f" ({code})"


def _of_system(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return _NO_RIGHTS.format("")
    if error.errno in _FULL:
        return "the disk is full or a size limit is reached; free space and run again"
    return str(error)
