"""The gate's hold on the past: files of the release before, and above all closed weeks, stay as they are. Pure.

Where compliance took posts out of a week, what it took is known post by post (`Allowed.removals`), and the week may
have lost those. Beyond them it may lose no more than any other.
"""

from collections.abc import Iterator

from elec_assets.transforms.gate_allowed import Allowed, Removal
from elec_assets.transforms.manifest import FileEntry, Manifest
from elec_assets.transforms.publication import TWEETS_PRODUCT, VOLUME_PRODUCT, Place, place_of
from elec_assets.transforms.refusals import HISTORY, Refusal

MOST_SHRUNK = 0.005
"""Part of its rows that a file may lose (late deletions, not losses)."""
MOST_REDACTED = 0.25
"""The same, of posts of weeks that a person named as redacted: authors leave; a week that a fault emptied stays."""
_HOTFIX = "release it as a hotfix that names the file"
_CHANGED = "a closed week is changed"


def history(staged: Manifest, previous: Manifest, allowed: Allowed) -> Iterator[Refusal]:
    """What a release changes of the files of the release before that it must not."""
    now = {entry.path: entry for entry in staged.files}
    thinned = staged.id_fraction < previous.id_fraction
    for before in previous.files:
        if before.path in allowed.hotfix:
            continue
        entry = now.get(before.path)
        if entry is None:
            yield Refusal(HISTORY, before.path, "", "was in the release before, and is not in this one", _HOTFIX)
            continue
        place = place_of(before.path, staged.profile)
        if thinned and place is not None and place.product is TWEETS_PRODUCT:
            continue
        what = _wrong(before, entry, place, allowed, staged, previous)
        if what:
            yield Refusal(HISTORY, before.path, "", what, _HOTFIX)


def _wrong(
    before: FileEntry, entry: FileEntry, place: Place | None, allowed: Allowed, staged: Manifest, previous: Manifest
) -> str:
    """What is wrong with how a file changed; nothing where it may have."""
    week = f"{place.election}/{place.week}" if place is not None else ""
    product = None if place is None else place.product
    removal = allowed.removals.get(week)
    changed = before.partition is not None and not before.open and entry.plain_sha256 != before.plain_sha256
    if product is TWEETS_PRODUCT:
        if place is not None and place.week is None:
            return _shrunk(before, entry, _rightly_gone(place.election, allowed, staged, previous))
        if week in allowed.redacted:
            return _shrunk(before, entry, 0, MOST_REDACTED)
        if removal is not None:
            return _posts(before, entry, removal, changed=changed, ids_alone=staged.profile == "public")
    if product is VOLUME_PRODUCT and changed and week not in allowed.redacted and removal is not None:
        return _shrunk(before, entry) or _volume(before, removal, staged.id_fraction)
    named = product is VOLUME_PRODUCT and week in allowed.redacted
    return _shrunk(before, entry) or (_CHANGED if changed and not named else "")


def _shrunk(before: FileEntry, entry: FileEntry, removed: int = 0, most: float = MOST_SHRUNK) -> str:
    rows, now = before.rows or 0, entry.rows or 0
    if not rows or rows - now - removed <= rows * most:
        return ""
    asked = f" beside the {removed} taken out as asked" if removed else ""
    return f"{now} rows, {rows} before: more than {most:.1%} are lost{asked}"


def _posts(before: FileEntry, entry: FileEntry, removal: Removal, *, changed: bool, ids_alone: bool) -> str:
    """Of a week's posts: what is gone must be what was taken out, and nothing new may come."""
    rows = before.rows or 0
    lost = max(removal.lost, rows - (entry.rows or 0) - removal.removed)
    if lost > rows * MOST_SHRUNK:
        asked = f"{removal.removed} were taken out as asked, {lost} others are gone"
        return f"{entry.rows} rows, {rows} before: {asked}, more than {MOST_SHRUNK:.1%}"
    if changed and removal.added > rows * MOST_SHRUNK:
        return f"{_CHANGED}: {removal.added} posts are new, more than {MOST_SHRUNK:.1%}"
    # Of a post whose place or quoted text was taken out the id stays.
    return _CHANGED if changed and ids_alone and not removal.removed else ""


def _volume(before: FileEntry, removal: Removal, fraction: float) -> str:
    most = removal.volume_most(fraction)
    if most and removal.volume_changed <= most + (before.rows or 0) * MOST_SHRUNK:
        return ""
    asked = f"{removal.removed} posts taken out as asked can change {most}"
    return f"{_CHANGED}: {removal.volume_changed} rows are other, {asked}"


def _rightly_gone(election: str | None, allowed: Allowed, staged: Manifest, previous: Manifest) -> int:
    """Posts that the whole history of an election may have lost: those that its weeks may have."""
    now = {entry.path: entry.rows or 0 for entry in staged.files}
    named = 0
    for before in previous.files:
        place = place_of(before.path, staged.profile)
        if place is None or (place.product, place.election) != (TWEETS_PRODUCT, election):
            continue
        if f"{place.election}/{place.week}" in allowed.redacted:
            named += max((before.rows or 0) - now.get(before.path, 0), 0)
    known = {week: r for week, r in allowed.removals.items() if week not in allowed.redacted}
    return named + sum(r.removed for week, r in known.items() if week.partition("/")[0] == election)
