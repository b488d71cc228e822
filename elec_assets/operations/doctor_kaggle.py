"""What `elec doctor` looks at of releases: the account, the dataset, what stands in the ledger. Asks no one."""

from datetime import datetime

from elec_assets.clients.kaggle_states import LedgerUnreadable
from elec_assets.clients.release_history import published
from elec_assets.clients.source_claim import from_sandboxes
from elec_assets.clients.store import Store, StoreError
from elec_assets.domain.registry import Registry
from elec_assets.domain.release_cadence import release_due
from elec_assets.operations.doctor_check import Check
from elec_assets.settings import Settings

_NAME = "kaggle"


def kaggle_checks(settings: Settings, store: Store | None, registry: Registry | None, now: datetime) -> list[Check]:
    """Whether releases can be published, and when the next one is due. Nothing is sent, no key is looked at."""
    account = _account(settings)
    if store is None or registry is None or settings.kaggle_dataset is None:
        return [account]
    return [account, _releases(settings, settings.kaggle_dataset, store, registry, now)]


def _account(settings: Settings) -> Check:
    if settings.kaggle_dataset is None:
        return Check(_NAME, "warn", "no dataset: nothing is published", "Set ELEC_KAGGLE_DATASET to owner/slug")
    if settings.kaggle_problem is not None:
        both = settings.kaggle_key is not None and settings.kaggle_api_token is not None
        wrong = both or settings.kaggle_key is not None
        todo = "A stale one would be sent with every call" if both else ""
        return Check(_NAME, "fail" if wrong else "warn", settings.kaggle_problem, todo)
    kind = "token" if settings.kaggle_api_token is not None else "user name and key"
    where = "the sandbox" if settings.kaggle_is_loopback else "Kaggle"
    found = f"{settings.privacy} releases go to {settings.kaggle_dataset} on {where}, by {kind}; not asked"
    return Check(_NAME, "ok", found, "See what would be sent: elec release publish --dry-run")


def _releases(settings: Settings, dataset: str, store: Store, registry: Registry, now: datetime) -> Check:
    try:
        shown, made_up = published(store, dataset), from_sandboxes(store)
    except (LedgerUnreadable, StoreError) as error:
        return Check("releases", "fail", str(error))
    if made_up and not settings.kaggle_is_loopback:
        found = f"the store holds answers of a sandbox ({', '.join(made_up)}): none of it is published to Kaggle"
        return Check("releases", "fail", found, "Set another ELEC_STORE, or ELEC_KAGGLE_BASE_URL to a sandbox")
    due = release_due(registry.elections.values(), None if shown is None else shown.began_at, now)
    held = "nothing published yet" if shown is None else f"version {shown.version} is release {shown.release_id}"
    return Check("releases", "ok", f"{held}; {due.reason}")
