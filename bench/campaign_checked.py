"""Whether Dagster's own API tells of the filled-in partitions what was filled in."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from bench.campaign_plan import AREAS, Span, days_over, hour_state, hours_over, weeks_over


def checked(instance: dg.DagsterInstance, spans: Sequence[Span]) -> list[str]:
    """What differs from what was filled in, a sentence each; to be asked before anything runs again."""
    return [text for span in spans for text in _checked(instance, span)]


def _checked(instance: dg.DagsterInstance, span: Span) -> Iterator[str]:
    states = Counter(hour_state(n) for n, _ in enumerate(hours_over(span)))
    wanted: dict[tuple[str, ...], int]
    wanted = {("twitter", "tweets"): states["MATERIALIZED"], ("twitter", "weekly"): weeks_over(span)}
    wanted |= {("google_trends", area, "daily", "related_queries"): days_over(span) for area in AREAS}
    for product, count in wanted.items():
        found = len(instance.get_materialized_partitions(dg.AssetKey([span.election, *product])))
        # A partition whose run was due while this one was being filled in may be there or not.
        if abs(found - count) > 1:
            asset = "/".join([span.election, *product])
            yield f"{asset}: {found:,} partitions are materialized, {count:,} were filled in"
