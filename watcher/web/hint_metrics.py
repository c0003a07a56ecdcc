"""Metrics of hint sources; none where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from watcher.reports.rows import HintSourceRow
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


def of_standings(sources: Mapping[str, HintSourceRow]) -> Iterator[Metric]:
    """What was learnt of them; of what is not known yet there is no sample."""
    if not sources:
        return
    labels = ["source", LABEL]
    recall = GaugeMetricFamily(
        "watcher_hint_recall", "Share of a source's changes that a hint source tells of.", labels=labels
    )
    precision = GaugeMetricFamily(
        "watcher_hint_precision", "Share of its hints that are true.", labels=labels
    )
    lag = GaugeMetricFamily(
        "watcher_hint_lag_seconds", "How old a hint is when the source shows the change.",
        labels=[*labels, "quantile"],
    )  # fmt: skip
    for name, each in sources.items():
        for source, row in each["sources"].items():
            _add(recall, [source, name], row["recall"])
            _add(precision, [source, name], row["precision"])
            _add(lag, [source, name, "0.5"], row["lag_seconds"])
            _add(lag, [source, name, "0.97"], row["longest_lag_seconds"])
    yield from (recall, precision, lag)


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)
