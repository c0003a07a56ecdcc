"""Metrics of the members that share the store; none where there is one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from watcher.reports.members import MemberRow


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
