"""Metric families: counts and durations of a process, in the shape that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from watcher.ports.figures import Durations


def counter(
    name: str,
    text: str,
    labels: tuple[str, ...],
    counts: Mapping[tuple[str, str], int] | Mapping[tuple[str], int],
) -> Metric:
    """What only grows, by labels."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """What goes up and down, by one label."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def histogram(name: str, text: str, label: str, durations: Mapping[str, Durations]) -> Metric:
    """How long something took, by one label."""
    family = HistogramMetricFamily(name, text, labels=[label])
    for value, each in dict(durations).items():
        buckets, below = [], 0
        for bound, count in zip((*map(str, each.buckets), "+Inf"), list(each.counts), strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric([value], buckets, each.total)
    return family
