"""`elec candidates accept`: record that an edit of the registry changes who was followed in the past, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.registry_history import Admission, RegistryHistory
from elec_assets.clients.store import open_store
from elec_assets.domain.registry import Registry
from elec_assets.domain.registry_history import sentences
from elec_assets.domain.windows import iso
from elec_assets.operations.report import DONE
from elec_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class AcceptReport:
    """What was accepted; `admission` is None where there was nothing to accept."""

    registry: Registry
    admission: Admission | None
    exit_code: int = DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found = self.admission
        return {
            "accepted": found is not None,
            "source": self.registry.source,
            "version": self.registry.version,
            "previous": found.previous if found else None,
            "accepted_at": iso(found.admitted_at) if found else None,
            "reason": found.reason if found else None,
            "changes": [
                {
                    "election": change.election,
                    "candidate": change.candidate,
                    "from": iso(change.window.start),
                    "to": iso(change.window.end),
                    "was_followed": change.was_followed,
                }
                for change in (found.changes if found else ())
            ],
        }

    def lines(self) -> list[str]:
        """For a person: every change, and what to do about hours that are sealed already."""
        head = f"{self.registry.source} (version {self.registry.version})"
        if self.admission is None:
            return [f"{head}: nothing to accept, it changes nobody's past"]
        changes = self.admission.changes
        told = [f"{head}: accepted, in force instead of {self.admission.previous}. Reason: {self.admission.reason}"]
        told += [f"  {sentence}" for sentence in sentences(changes)]
        here = [key for key in dict.fromkeys(c.election for c in changes) if key in self.registry.elections]
        if here:
            again = (f"{key}/candidates, and {key}/twitter/tweets for the hours above" for key in here)
            told.append(f"What is stored is as before. Materialize again: {'; '.join(again)}.")
        return told


def accept(settings: Settings, registry: Registry, now: datetime, reason: str) -> AcceptReport:
    """Bring the registry into force although it changes the past, and record why.

    Raises:
        ValueError: the reason is empty.
        HistoryUnreadable: the history in the store is damaged, or of a newer version.
        StoreError: the store refused.
    """
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    admission = RegistryHistory(store).accept(registry, now, reason)
    return AcceptReport(registry, admission)
