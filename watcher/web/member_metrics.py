"""Metrics of the members that share the store; none where there is one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from watcher.ports.figures import StoreFigures
from watcher.ports.members import WorkState
from watcher.reports.members import MemberRow
from watcher.web.metric_families import counter, gauge, histogram


def of_members(rows: Sequence[MemberRow]) -> Iterator[Metric]:
    """Who is at work, who leads what, and how far off the clocks of their machines are."""
    if not rows:
        return
    up = GaugeMetricFamily("watcher_member_up", "1 if a member is at work.", labels=["member"])
    leads = GaugeMetricFamily("watcher_leads", "1 for who leads a role.", labels=["role", "member"])
    offset = GaugeMetricFamily(
        "watcher_clock_offset_seconds",
        "By how much the clock of a member's machine is ahead of the database's.",
        labels=["member"],
    )
    for row in rows:
        up.add_metric([row["member"]], row["at_work"])
        for role in row["leads"]:
            leads.add_metric([role, row["member"]], 1)
        if row["at_work"]:
            offset.add_metric([row["member"]], row["clock_offset_seconds"])
    yield from (up, leads, offset)


def of_work(work: WorkState) -> Iterator[Metric]:
    """What they have before them, whoever does it."""
    yield gauge("watcher_jobs", "Requests that members are handed, or make now.", "state", work.jobs)
    lag = GaugeMetricFamily(
        "watcher_sum_lag_seconds", "For how long the oldest sum waits that is to be judged."
    )
    lag.add_metric([], work.sum_lag)
    yield lag


def of_store(store: StoreFigures, stalled: int) -> Iterator[Metric]:
    """What this member does in the store, and has given to others of what the dead had."""
    yield histogram(
        "watcher_store_seconds", "From when something was wanted of the store until it was done.", "op",
        store.seconds,
    )  # fmt: skip
    yield counter(
        "watcher_store_retries", "Transactions that were done anew, by the server's code of why.", ("code",),
        {(code,): count for code, count in dict(store.retries).items()},
    )  # fmt: skip
    waiting = GaugeMetricFamily("watcher_pool_waiting", "What waits for a connection to the database.")
    waiting.add_metric([], store.waiting)
    yield waiting
    gone = CounterMetricFamily(
        "watcher_jobs_stalled", "Jobs that members had that are gone, given to others."
    )
    gone.add_metric([], stalled)
    yield gone
