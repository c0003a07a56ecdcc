"""What the daemon counts, as metrics; and the size of the store's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from watcher.domain.model import MissReason
from watcher.service.metrics import BUCKETS, Metrics


def counted(tally: Metrics) -> Iterator[Metric]:
    """Everything that was counted, as of now."""
    yield _counter(
        "watcher_poll", "Accounts asked for, by what came of it: read, or why not.", ("source", "outcome"),
        dict(tally.polls),
    )  # fmt: skip
    yield from _requests(tally)
    yield _counter(
        "watcher_readings_quarantined", "Readings too odd to act on, held until a second one agrees.",
        ("source", "reason"), dict(tally.quarantined),
    )  # fmt: skip
    faults = {
        (source,): count for (source, why), count in dict(tally.polls).items() if why == MissReason.INTERNAL
    }
    yield _counter(
        "watcher_rule_evaluation_failures", "Accounts that a fault of our own kept from being judged.",
        ("source",), faults,
    )  # fmt: skip
    yield _counter(
        "watcher_notifications", "Notifications tried.", ("channel",),
        {(channel,): count for channel, count in dict(tally.notifications).items()},
    )  # fmt: skip
    yield _counter(
        "watcher_notifications_failed", "Notifications that the channel did not take; they are tried again.",
        ("channel", "reason"), dict(tally.failed),
    )  # fmt: skip
    yield _counter(
        "watcher_notifications_suppressed", "Alerts and events of which nobody was told when they came.",
        ("reason",), {(reason,): count for reason, count in dict(tally.suppressed).items()},
    )  # fmt: skip
    lag = GaugeMetricFamily(
        "watcher_loop_lag_seconds", "By how much the event loop woke late, at most, in the last minute."
    )
    if tally.lags:
        lag.add_metric([], max(list(tally.lags)))
    yield lag
    sound = GaugeMetricFamily(
        "watcher_config_last_reload_successful", "1 if the configuration last asked for is in force."
    )
    sound.add_metric([], not tally.refused)
    loaded = GaugeMetricFamily(
        "watcher_config_last_reload_success_timestamp_seconds", "When the one in force was read."
    )
    loaded.add_metric([], tally.loaded.timestamp())
    yield from (sound, loaded)


def size_of(store: Path) -> Iterator[Metric]:
    """Of the store with its log; nothing if there is no file."""
    family = GaugeMetricFamily("watcher_db_size_bytes", "Size of the store, its write-ahead log included.")
    files = [path for path in (store, store.with_name(store.name + "-wal")) if path.exists()]
    if files:
        family.add_metric([], sum(path.stat().st_size for path in files))
    yield family


def _requests(tally: Metrics) -> Iterator[Metric]:
    family = HistogramMetricFamily(
        "watcher_poll_duration_seconds", "From sending a request to its answer.", labels=["source"]
    )
    for source, durations in dict(tally.requests).items():
        buckets, below = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), list(durations.counts), strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric([source], buckets, durations.total)
    yield family
    yield _counter(
        "watcher_credits_used", "Credits that requests took; what nobody knows counts as charged.",
        ("source",), {(source,): count for source, count in dict(tally.credits).items()},
    )  # fmt: skip


def _counter(name: str, text: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family
