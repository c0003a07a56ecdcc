"""Metrics of hint sources; none where there are none."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from watcher.service.metrics import Metrics
from watcher.web.metric_families import counter, gauge, histogram

LABEL = "hint_source"


def of_hints(metrics: Metrics) -> Iterator[Metric]:
    """What hint sources told, what came of it, and how they fare."""
    if metrics.hint_posts:
        yield counter(
            "watcher_hint_posts", "Requests that were posted to a hint source, by the status of the answer.",
            (LABEL, "status"), dict(metrics.hint_posts),
        )  # fmt: skip
    if not metrics.hint_credits:
        return
    hints = {key: count for key, count in dict(metrics.hints).items() if key[1] != "taken"}
    yield counter(
        "watcher_hints", "Hints, by what came of them, or of the poll that was made or planned for them.",
        (LABEL, "result"), {**hints, **dict(metrics.hint_polls)},
    )  # fmt: skip
    yield counter(
        "watcher_hint_poll_credits", "Credits that polls upon hints took.", (LABEL,),
        {(name,): count for name, count in dict(metrics.hint_credits).items()},
    )  # fmt: skip
    yield counter(
        "watcher_hint_gaps", "Times for which hints may be missing.", (LABEL,),
        {(name,): count for name, count in dict(metrics.hint_gaps).items()},
    )  # fmt: skip
    last = {name: at.timestamp() for name, at in dict(metrics.last_hints).items()}
    yield gauge("watcher_hint_last_timestamp_seconds", "When a hint source told a hint last.", LABEL, last)
    yield gauge("watcher_hint_up", "1 if a hint source is heard.", LABEL, dict(metrics.hint_up))
    yield gauge(
        "watcher_hint_silent", "1 if a hint source does not tell of changes that polls find.", LABEL,
        dict(metrics.hint_silent),
    )  # fmt: skip
    yield histogram(
        "watcher_hint_delay_seconds", "From a hint to the reading that it caused.", LABEL, metrics.hint_delays
    )
