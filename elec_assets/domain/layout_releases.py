"""Object keys of releases, built and parsed back: with `layout.py`, the only module that writes a path."""

import re

_RELEASE_ID = re.compile(r"\d{4}_\d{2}-[0-9a-f]{8}", re.ASCII)
_LEDGER = re.compile(r"releases/ledger/(?P<release>\d{4}_\d{2}-[0-9a-f]{8})\.json", re.ASCII)
_STAGED_MANIFEST = re.compile(r"releases/(?P<release>\d{4}_\d{2}-[0-9a-f]{8})/manifest\.json", re.ASCII)
# The one name in a release that is never one of its files' own choice.
MANIFEST = "manifest.json"


def is_release_id(text: str) -> bool:
    """Whether a text is `{GGGG}_{WW}-{8 hex digits}`."""
    return _RELEASE_ID.fullmatch(text) is not None


def releases() -> str:
    """Prefix of all that belongs to releases."""
    return "releases/"


def parse_staged_manifest(key: str) -> str | None:
    """The release whose staged manifest a key names; None if the key is not one of a manifest."""
    match = _STAGED_MANIFEST.fullmatch(key)
    return None if match is None else match["release"]


def staged(release: str) -> str:
    """Prefix of the staged snapshot of a release."""
    return f"{releases()}{release}/"


def staged_file(release: str, path: str) -> str:
    """A file of a staged snapshot; `path` as in its manifest."""
    return f"{staged(release)}{path}"


def staged_manifest(release: str) -> str:
    """The manifest of a staged snapshot."""
    return staged_file(release, MANIFEST)


def ledger(release: str) -> str:
    """What was done to publish a release."""
    return f"{ledgers()}{release}.json"


def ledgers() -> str:
    """Prefix of the ledger objects of all releases."""
    return "releases/ledger/"


def parse_ledger(key: str) -> str | None:
    """The release whose ledger a key names; None if the key is not one of a ledger."""
    match = _LEDGER.fullmatch(key)
    return None if match is None else match["release"]
