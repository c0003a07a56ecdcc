"""`/metrics` in Prometheus' text format.

Amounts are floats there, as the format wants it: good for charts, not for books. Nothing in a label
is an address, a key or a URL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from watcher import __version__
from watcher.config.settings import Settings
from watcher.domain.alerts.lifecycle import about
from watcher.domain.values.text import clean
from watcher.reports import status
from watcher.service.metrics import Metrics
from watcher.web.counting import counted, size_of
from watcher.web.snapshot import PageSnapshot

MOST_BALANCES = 20_000
"""Beyond so many series balances are left out, and their number is given instead."""


class _Collector(Collector):
    def __init__(self, look: PageSnapshot, settings: Settings, store: Path, tally: Metrics | None) -> None:
        self._look, self._settings = look, settings
        self._store, self._tally = store, tally

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("watcher_build", "What is running.", {"version": __version__})
        yield from self._accounts()
        yield from self._credits()
        yield from self._alerts()
        yield from self._deliveries()
        yield from self._balances()
        ready = GaugeMetricFamily("watcher_ready", "1 if an alert would reach somebody.")
        ready.add_metric([], self._look.readiness.ready)
        yield ready
        yield from size_of(self._store)
        if self._tally is not None:
            yield from counted(self._tally)

    def _accounts(self) -> Iterator[Metric]:
        now, states = self._look.at, self._look.past.accounts
        labels = ["wallet", "source", "chain"]
        age = GaugeMetricFamily(
            "watcher_balance_age_seconds", "Time since an account was last read.", labels=labels
        )
        misses = GaugeMetricFamily(
            "watcher_account_misses", "Polls in a row that did not read the account.", labels=labels
        )
        held = GaugeMetricFamily(
            "watcher_readings_held", "Amounts that wait for a second reading to confirm them.", labels=labels
        )
        interval = GaugeMetricFamily(
            "watcher_account_interval_seconds", "Time between two polls, as things stand.", labels=labels
        )
        delay = GaugeMetricFamily(
            "watcher_account_expected_delay_seconds", "Mean wait of a change until it is seen.", labels=labels
        )
        last: dict[str, float] = {}
        for row in self._look.status["accounts"]:
            names = [row["wallet"], row["source"], row["chain"]]
            read = row["last_reading"]
            if read is not None:
                age.add_metric(names, (now - read).total_seconds())
                last[row["source"]] = max(last.get(row["source"], 0.0), read.timestamp())
            misses.add_metric(names, row["misses"])
            if row["interval_seconds"] is not None:
                interval.add_metric(names, row["interval_seconds"])
                delay.add_metric(names, row["expected_delay_seconds"])
            if row["held"]:
                held.add_metric(names, len(row["held"]))
        newest = GaugeMetricFamily(
            "watcher_last_success_timestamp_seconds", "When a source was last read.", labels=["source"]
        )
        for source, at in last.items():
            newest.add_metric([source], at)
        known = GaugeMetricFamily("watcher_accounts", "Accounts watched.", labels=["read"])
        read_once = sum(state.last_reading is not None for state in states.values())
        known.add_metric(["true"], read_once)
        known.add_metric(["false"], len(self._look.status["accounts"]) - read_once)
        yield from (age, misses, held, interval, delay, newest, known)

    def _credits(self) -> Iterator[Metric]:
        names = {
            "spent": ("watcher_credits_spent", "Credits booked in the current period."),
            "remaining": ("watcher_credits_remaining", "Credits left in the current period."),
            "limit": ("watcher_credits_limit", "Credits of the plan, a period."),
            "period_end": ("watcher_credits_renewal_timestamp_seconds", "When the current period ends."),
            "planned": (
                "watcher_credits_planned",
                "What the present intervals would cost in a whole period; absent until the daemon has run.",
            ),
            "stretch": (
                "watcher_cadence_stretch",
                "How many times longer than set or promised intervals are, since credits are short; 1: none.",
            ),
            "runs_out": (
                "watcher_credits_exhaustion_timestamp_seconds",
                "When credits run out before the period ends, at the pace so far; absent if they last.",
            ),
        }
        for key, (name, text) in names.items():
            family = GaugeMetricFamily(name, text, labels=["source"])
            for source, row in self._look.status["credits"].items():
                value = row[key]
                if value is not None:
                    family.add_metric([source], value.timestamp() if isinstance(value, datetime) else value)
            yield family
        yield from self._finds()

    def _finds(self) -> Iterator[Metric]:
        names = {
            "count": ("watcher_changes_found", "Polls of this period that found a change."),
            "mean_gap_seconds": (
                "watcher_change_gap_seconds",
                "Mean time from the poll before to the one that found a change; it waited at most so long.",
            ),
            "planned_gap_seconds": ("watcher_change_gap_planned_seconds", "The same as it was intended."),
        }
        for key, (name, text) in names.items():
            family = GaugeMetricFamily(name, text, labels=["source"])
            for source, row in self._look.status["credits"].items():
                finds = row["finds"]
                if finds is not None and finds[key] is not None:
                    family.add_metric([source], finds[key])
            yield family

    def _alerts(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("watcher_alerts", "Alerts that live.", labels=["state", "severity"])
        counts = {(state, severity): 0 for state in ("pending", "firing") for severity in _SEVERITIES}
        for row in self._look.status["alerts"]:
            key = (row["state"], row["severity"])
            counts[key] = counts.get(key, 0) + 1
        for (state, severity), count in counts.items():
            family.add_metric([state, severity], count)
        yield family
        blind = GaugeMetricFamily(
            "watcher_rules_blind",
            "Subjects on which a rule cannot be judged, beyond its patience; absent where it can.",
            labels=["rule"],
        )
        unjudged = Counter(
            about(row["rule"]) for row in self._look.status["alerts"] if row["rule"] != about(row["rule"])
        )
        for rule, subjects in unjudged.items():
            blind.add_metric([rule], subjects)
        yield blind

    def _deliveries(self) -> Iterator[Metric]:
        pending = GaugeMetricFamily("watcher_outbox_pending", "Deliveries that wait.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "watcher_outbox_oldest_seconds",
            "How long the oldest delivery that a channel may tell, and nobody heard, has waited.",
            labels=["channel"],
        )
        failing = GaugeMetricFamily(
            "watcher_channel_failing", "1 if the channel's last delivery failed.", labels=["channel"]
        )
        for channel in self._look.channels:
            pending.add_metric([channel.name], channel.pending)
            since = channel.oldest_pending
            oldest.add_metric([channel.name], (self._look.at - since).total_seconds() if since else 0)
            failing.add_metric([channel.name], bool(channel.trouble))
        total = GaugeMetricFamily("watcher_deliveries", "Deliveries kept, by state.", labels=["state"])
        for state, count in self._look.status["deliveries"].items():
            total.add_metric([state], count)
        yield from (pending, oldest, failing, total)

    def _balances(self) -> Iterator[Metric]:
        web = self._settings.web
        if web is not None and not web.metrics.balances:
            return
        many = status.held(self._settings, self._look.past)
        omitted = GaugeMetricFamily(
            "watcher_balances_omitted",
            f"Balances not shown here, since they are more than {MOST_BALANCES:,}.",
        )
        omitted.add_metric([], many if many > MOST_BALANCES else 0)
        yield omitted
        if many > MOST_BALANCES:
            return
        rows = status.balances(self._settings, self._look.past)
        labels = ["wallet", "source", "chain", "asset", "symbol"]
        amount = GaugeMetricFamily("watcher_balance", "Amount held (rounded: a float).", labels=labels)
        value = GaugeMetricFamily(
            "watcher_balance_value_usd", "Its value in US dollars, unless nobody asked for it.", labels=labels
        )
        for row in rows:
            names = [clean(row[label]) for label in labels]
            amount.add_metric(names, float(row["amount"]))
            if row["value_usd"] is not None and not row["claimed"]:
                value.add_metric(names, float(row["value_usd"]))
        yield amount
        yield value


_SEVERITIES = ("info", "warning", "critical")


def exposition(look: PageSnapshot, settings: Settings, store: Path, tally: Metrics | None) -> bytes:
    """All metrics of one look. `tally`: what the daemon counted; None where there is no daemon."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(look, settings, store, tally))
    return bytes(generate_latest(registry))
