"""What the UI shows of a release: staged, refused, sent; and which release was staged last."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from elec_assets.assets import parts
from elec_assets.clients.kaggle_shown import KaggleUnclear, shown_by_kaggle
from elec_assets.clients.kaggle_staged import Target
from elec_assets.clients.release_builder import Built
from elec_assets.clients.release_publishing import Sent
from elec_assets.domain.windows import iso
from elec_assets.transforms.gate import Allowed
from elec_assets.transforms.manifest import FileEntry, Manifest
from elec_assets.transforms.refusals import Refusal

STATES: Mapping[str, str] = {
    "published": "a new version",
    "described": "Kaggle held these files already; what is said of them is new",
    "unchanged": "Kaggle shows the same already; nothing was sent",
}
_REFUSALS_SHOWN = 50
_LOOK_BACK = 20


@dataclass(frozen=True, slots=True)
class Known:
    """A staged release as its materialization tells it: its id, and what a person allowed it, and why."""

    release_id: str
    allowed: Allowed
    reason: str


def staged(built: Built, manifest: Manifest, allowed: Allowed, reason: str) -> dict[str, Any]:
    """Metadata of a materialization of `kaggle/staged`."""
    listed = {"hotfix": sorted(allowed.hotfix), "rows": sorted(allowed.rows), "redacted": sorted(allowed.redacted)}
    return {
        "release": manifest.release_id,
        "state": "Kaggle shows the same already" if built.unchanged else "to be published",
        **_sizes(manifest),
        "rows_added": built.diff.rows_added,
        "what_changed": dg.MetadataValue.md(built.diff.changelog_entry()),
        "files_by_table": dg.MetadataValue.md(_by_table(manifest.files)),
        "object": f"releases/{manifest.release_id}/manifest.json",
        "content_sha256": manifest.content_sha256,
        "profile": manifest.profile,
        "allowed": dg.MetadataValue.json({**listed, "reason": reason}),
        "data_card": dg.MetadataValue.md(built.card),
        **({"release_before": manifest.previous} if manifest.previous is not None else {}),
        **{name: parts.picture(svg, name.replace("_", " ")) for name, svg in built.pictures.items()},
    }


def refused(refusals: Iterable[Refusal]) -> dict[str, Any]:
    """Metadata of a failure: all that the gate refuses, as a table."""
    columns = {"rule": "string", "file": "string", "column": "string", "found": "string", "to_allow": "string"}
    rows = [
        {"rule": r.rule, "file": r.path or "release", "column": r.column, "found": r.what, "to_allow": r.allow}
        for r in refusals
    ]
    return {"refusals": parts.preview(rows[:_REFUSALS_SHOWN], columns), "refused": len(rows)}


def sent(done: Sent, on_kaggle: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of a materialization, or of an observation, of `kaggle/dataset`."""
    outcome, manifest = done.outcome, done.manifest
    changed = {} if done.diff is None else {"what_changed": dg.MetadataValue.md(done.diff.changelog_entry())}
    return {
        "release": outcome.release_id,
        "state": STATES[outcome.state],
        "kaggle_version": outcome.version or 0,
        "url": dg.MetadataValue.url(outcome.url),
        **_sizes(manifest),
        **({} if done.diff is None else {"rows_added": done.diff.rows_added}),
        **changed,
        **({"usability": outcome.usability} if outcome.usability is not None else {}),
        **({"tags_not_taken": ", ".join(outcome.invalid_tags)} if outcome.invalid_tags else {}),
        **({"snapshots_removed": done.removed} if done.removed else {}),
        **on_kaggle,
        "files_by_table": dg.MetadataValue.md(_by_table(manifest.files)),
    }


def date_on_kaggle(target: Target) -> dict[str, Any]:
    """The version that Kaggle itself shows, and its date; a sentence where it does not tell."""
    try:
        found = shown_by_kaggle(target)
    except KaggleUnclear as error:
        return {"kaggle_says": str(error)}
    if found is None:
        return {"kaggle_says": f"no dataset {target.dataset}"}
    made = {} if found.made_at is None else {"kaggle_version_made_at": iso(found.made_at)}
    return {"kaggle_shows_version": found.version, **made}


def newest_staged(instance: dg.DagsterInstance, key: dg.AssetKey, run_id: str) -> Known | None:
    """The release that was staged in a run; else the newest; None where none was."""
    found = instance.fetch_materializations(key, limit=_LOOK_BACK).records
    if not found:
        return None
    record = next((r for r in found if r.event_log_entry.run_id == run_id), found[0])
    materialization = record.asset_materialization
    told = {} if materialization is None else materialization.metadata
    if "release" not in told:
        return None
    listed = told["allowed"].value if "allowed" in told else {}
    permitted: dict[str, Any] = listed if isinstance(listed, dict) else {}
    allowed = Allowed(*(frozenset(permitted.get(name, ())) for name in ("hotfix", "rows", "redacted")))
    return Known(str(told["release"].value), allowed, str(permitted.get("reason", "")))


def _sizes(manifest: Manifest) -> dict[str, int]:
    weekly = [entry for entry in manifest.files if entry.partition is not None]
    return {
        "dagster/row_count": sum(entry.rows or 0 for entry in weekly),
        "files": len(manifest.files) + 1,
        "bytes": manifest.total_bytes,
    }


def _by_table(files: Iterable[FileEntry]) -> str:
    """A row a table: its files, rows and bytes, and how many files are new or changed."""
    tables: dict[str, list[FileEntry]] = {}
    for entry in files:
        tables.setdefault(entry.table or "documents", []).append(entry)
    lines = ["| table | files | rows | bytes | new | changed |", "|---|---|---|---|---|---|"]
    for name, entries in sorted(tables.items()):
        rows = sum(e.rows or 0 for e in entries if not e.path.endswith(".parquet"))
        states = [sum(e.state == state for e in entries) for state in ("new", "changed")]
        size = sum(e.bytes for e in entries)
        lines.append(f"| {name} | {len(entries)} | {rows:,} | {size:,} | {states[0]} | {states[1]} |")
    return "\n".join(lines)
