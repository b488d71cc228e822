"""What others make and Dagster watches: the stream's batches, prefixes of any bucket, and the incidents of alerts.

External assets: nothing here makes them. Sensors report an event when newer data is there (`sensors_watched.py`), and
when incidents change (`sensors_alerts.py`).
"""

from datetime import timedelta

import dagster as dg

from elec_assets.assets import parts
from elec_assets.domain.due import BATCHES
from elec_assets.domain.registry import Election
from elec_assets.domain.watches import Watch
from elec_assets.freshness import policy

WATCH_GROUP, ALERTS_GROUP = "watch", "alerts"
INCIDENTS = dg.AssetKey(["alerts", "incidents"])


def batches_key(election: Election) -> dg.AssetKey:
    """Key of the batches of an election's stream: `fr_presidential_2027/twitter/batches`."""
    return parts.key(election, *BATCHES.split("/"))


def watch_key(name: str) -> dg.AssetKey:
    """Key of a watched prefix: `watch/{name}`."""
    return dg.AssetKey(["watch", name])


def batches_spec(election: Election, *, active: bool) -> dg.AssetSpec:
    """`{election}/twitter/batches`, which `elec capture` writes."""
    return dg.AssetSpec(
        batches_key(election),
        description=(
            "What X sent, one file each 5 minutes, bytes untouched, written by `elec capture`; a journal beside each "
            "says which time it proves. An event is recorded when a journal proves newer time: files sent again are "
            "nothing new. Planned time that no journal covers is told after 7 and 10 minutes."
        ),
        group_name=parts.group(election, "twitter"),
        kinds={"x", "gzip"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "raw"),
        metadata={"dagster/uri": f"{election.key}/data/raw/twitter/YYYYMMDD/YYYYMMDD_HHMM_SPOOL.jsonl.gz"},
        freshness_policy=policy(BATCHES, active=active),
    )


def watch_spec(watch: Watch) -> dg.AssetSpec:
    """`watch/{name}`: an entry of watches.yaml."""
    judged = "the time that its key names, else of its upload" if watch.judged_by == "key" else "the time of its upload"
    asked = f" Asked about it: {watch.owner}." if watch.owner else ""
    return dg.AssetSpec(
        watch_key(watch.name),
        description=(
            f"The newest data of s3://{watch.bucket}/{watch.prefix}, at most {watch.threshold_s} seconds old, judged "
            f"by {judged}. An entry of watches.yaml; made elsewhere.{asked}"
        ),
        group_name=WATCH_GROUP,
        kinds={"s3"},
        owners=parts.OWNERS,
        tags={"layer": "watch", "severity": watch.severity},
        metadata={"dagster/uri": f"s3://{watch.bucket}/{watch.prefix}", "time_threshold_s": watch.threshold_s},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=watch.threshold_s)),
    )


def incidents_spec() -> dg.AssetSpec:
    """`alerts/incidents`: what is wrong, and was in the last days."""
    return dg.AssetSpec(
        INCIDENTS,
        description=(
            "Incidents of the last days, those that are open first: each event shows them as a picture and a table. "
            "Recorded by the sensor `alerts` when an incident opens, is muted, or is over. `elec watch ls` shows the "
            "same, `elec watch silence` mutes with an expiry."
        ),
        group_name=ALERTS_GROUP,
        kinds={"sns"},
        owners=parts.OWNERS,
        tags={"layer": "alerts"},
        metadata={"dagster/uri": "state/alerts.json"},
    )
