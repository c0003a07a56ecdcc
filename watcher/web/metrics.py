"""`/metrics` in Prometheus' text format.

Amounts are floats there, as the format wants it: good for charts, not for books. Nothing in a label
is an address, a key or a URL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import (
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from watcher import __version__
from watcher.config.settings import Settings
from watcher.domain.alerts.lifecycle import about
from watcher.domain.messages.message import Severity
from watcher.domain.model import MissReason
from watcher.domain.values.text import clean
from watcher.reports import holdings
from watcher.reports.rows import CreditsRow, FindsRow
from watcher.service.metrics import Metrics
from watcher.web.hint_metrics import of_hints, of_standings
from watcher.web.member_metrics import of_members, of_store, of_work
from watcher.web.metric_families import counter, histogram
from watcher.web.snapshot import PageSnapshot

MOST_BALANCES = 20_000
"""Beyond so many series balances are left out, and their number is given instead."""


class _Collector(Collector):
    def __init__(self, snapshot: PageSnapshot, settings: Settings, metrics: Metrics | None) -> None:
        self._snapshot, self._settings = snapshot, settings
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("watcher_build", "What is running.", {"version": __version__})
        yield from self._accounts()
        yield from self._credits()
        yield from of_standings(self._snapshot.status["hints"])
        yield from of_members(self._snapshot.status["members"])
        if self._snapshot.work is not None:
            yield from of_work(self._snapshot.work)
        yield from self._alerts()
        yield from self._deliveries()
        yield from self._balances()
        ready = GaugeMetricFamily("watcher_ready", "1 if an alert would reach somebody.")
        ready.add_metric([], self._snapshot.readiness.ready)
        yield ready
        yield from size_of(self._snapshot.size)
        if self._metrics is not None:
            yield from counted(self._metrics)

    def _accounts(self) -> Iterator[Metric]:
        now, states = self._snapshot.at, self._snapshot.past.accounts
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
        for row in self._snapshot.status["accounts"]:
            names = [row["wallet"], row["source"], row["chain"]]
            read = row["last_reading"]
            if read is not None:
                age.add_metric(names, (now - read).total_seconds())
                last[row["source"]] = max(last.get(row["source"], 0.0), read.timestamp())
            misses.add_metric(names, row["misses"])
            if row["interval_seconds"] is not None:
                interval.add_metric(names, row["interval_seconds"])
            if row["expected_delay_seconds"] is not None:
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
        known.add_metric(["false"], len(self._snapshot.status["accounts"]) - read_once)
        yield from (age, misses, held, interval, delay, newest, known)

    def _credits(self) -> Iterator[Metric]:
        credits_of = self._snapshot.status["credits"]
        for name, text, value_of in _CREDITS:
            yield _by_source(name, text, {source: value_of(row) for source, row in credits_of.items()})
        found = {source: row["finds"] for source, row in credits_of.items()}
        for name, text, figure_of in _FINDS:
            yield _by_source(name, text, {source: figure_of(row) for source, row in found.items() if row})

    def _alerts(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("watcher_alerts", "Alerts that live.", labels=["state", "severity"])
        counts = {(state, severity): 0 for state in ("pending", "firing") for severity in _SEVERITIES}
        for row in self._snapshot.status["alerts"]:
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
            about(row["rule"]) for row in self._snapshot.status["alerts"] if row["rule"] != about(row["rule"])
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
        for channel in self._snapshot.channels:
            pending.add_metric([channel.name], channel.pending)
            since = channel.oldest_pending
            oldest.add_metric([channel.name], (self._snapshot.at - since).total_seconds() if since else 0)
            failing.add_metric([channel.name], bool(channel.trouble))
        total = GaugeMetricFamily("watcher_deliveries", "Deliveries kept, by state.", labels=["state"])
        counts = self._snapshot.status["deliveries"]
        total.add_metric(["pending"], counts["pending"])
        total.add_metric(["sent"], counts["sent"])
        total.add_metric(["given_up"], counts["given_up"])
        yield from (pending, oldest, failing, total)

    def _balances(self) -> Iterator[Metric]:
        web = self._settings.web
        if web is not None and not web.metrics.balances:
            return
        many = holdings.held(self._settings, self._snapshot.past)
        omitted = GaugeMetricFamily(
            "watcher_balances_omitted",
            "Balances that are not shown, since there are too many.",
        )
        omitted.add_metric([], many if many > MOST_BALANCES else 0)
        yield omitted
        if many > MOST_BALANCES:
            return
        rows = holdings.balances(self._settings, self._snapshot.past)
        labels = ["wallet", "source", "chain", "asset", "symbol"]
        amount = GaugeMetricFamily("watcher_balance", "Amount held (rounded: a float).", labels=labels)
        value = GaugeMetricFamily(
            "watcher_balance_value_usd", "Its value in US dollars, unless nobody asked for it.", labels=labels
        )
        for row in rows:
            names = [*map(clean, (row["wallet"], row["source"], row["chain"], row["asset"], row["symbol"]))]
            amount.add_metric(names, float(row["amount"]))
            if row["value_usd"] is not None and not row["claimed"]:
                value.add_metric(names, float(row["value_usd"]))
        yield amount
        yield value


_SEVERITIES = tuple(Severity)

_CREDITS: Sequence[tuple[str, str, Callable[[CreditsRow], float | datetime | None]]] = (
    ("watcher_credits_spent", "Credits booked in the current period.", lambda row: row["spent"]),
    ("watcher_credits_remaining", "Credits left in the current period.", lambda row: row["remaining"]),
    ("watcher_credits_limit", "Credits of the plan, a period.", lambda row: row["limit"]),
    (
        "watcher_credits_renewal_timestamp_seconds",
        "When the current period ends.",
        lambda row: row["period_end"],
    ),
    (
        "watcher_credits_planned",
        "What the present intervals would cost in a whole period; absent until the daemon has run.",
        lambda row: row["planned"],
    ),
    (
        "watcher_cadence_stretch",
        "How many times longer than set or promised intervals are, since credits are short; 1: none.",
        lambda row: row["stretch"],
    ),
    (
        "watcher_credits_exhaustion_timestamp_seconds",
        "When credits run out before the period ends, at the pace so far; absent if they last.",
        lambda row: row["runs_out"],
    ),
)
_FINDS: Sequence[tuple[str, str, Callable[[FindsRow], float | None]]] = (
    ("watcher_changes_found", "Polls of this period that found a change.", lambda row: row["count"]),
    (
        "watcher_change_gap_seconds",
        "Mean time from the poll before to the one that found a change; it waited at most so long.",
        lambda row: row["mean_gap_seconds"],
    ),
    (
        "watcher_change_gap_planned_seconds",
        "The same as it was intended.",
        lambda row: row["planned_gap_seconds"],
    ),
)


def _by_source(name: str, text: str, values: Mapping[str, float | datetime | None]) -> Metric:
    """One gauge; a source without a value is left out."""
    family = GaugeMetricFamily(name, text, labels=["source"])
    for source, value in values.items():
        if value is not None:
            family.add_metric([source], value.timestamp() if isinstance(value, datetime) else value)
    return family


def exposition(snapshot: PageSnapshot, settings: Settings, metrics: Metrics | None) -> bytes:
    """All metrics of one snapshot. `metrics`: what the daemon counted; None where there is no daemon."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot, settings, metrics))
    return bytes(generate_latest(registry))


def counted(metrics: Metrics) -> Iterator[Metric]:
    """Everything that was counted, as of now."""
    yield counter(
        "watcher_poll", "Accounts asked for, by what came of it: read, or why not.", ("source", "outcome"),
        dict(metrics.polls),
    )  # fmt: skip
    yield from _requests(metrics)
    yield from of_hints(metrics)
    if metrics.store is not None:
        yield from of_store(metrics.store, metrics.stalled)
    yield counter(
        "watcher_readings_quarantined", "Readings too odd to act on, held until a second one agrees.",
        ("source", "reason"), dict(metrics.quarantined),
    )  # fmt: skip
    faults = {
        (source,): count for (source, why), count in dict(metrics.polls).items() if why == MissReason.INTERNAL
    }
    yield counter(
        "watcher_rule_evaluation_failures", "Accounts that a fault of our own kept from being judged.",
        ("source",), faults,
    )  # fmt: skip
    yield counter(
        "watcher_notifications", "Notifications tried.", ("channel",),
        {(channel,): count for channel, count in dict(metrics.notifications).items()},
    )  # fmt: skip
    yield counter(
        "watcher_notifications_failed", "Notifications that the channel did not take; they are tried again.",
        ("channel", "reason"), dict(metrics.failed),
    )  # fmt: skip
    yield counter(
        "watcher_notifications_suppressed", "Alerts and events of which nobody was told when they came.",
        ("reason",), {(reason,): count for reason, count in dict(metrics.suppressed).items()},
    )  # fmt: skip
    lag = GaugeMetricFamily(
        "watcher_loop_lag_seconds", "By how much the event loop woke late, at most, in the last minute."
    )
    if metrics.lag is not None:
        lag.add_metric([], metrics.lag())
    yield lag
    sound = GaugeMetricFamily(
        "watcher_config_last_reload_successful", "1 if the configuration last asked for is in force."
    )
    sound.add_metric([], not metrics.refused)
    loaded = GaugeMetricFamily(
        "watcher_config_last_reload_success_timestamp_seconds", "When the one in force was read."
    )
    loaded.add_metric([], metrics.loaded.timestamp())
    yield from (sound, loaded)


def size_of(store: int | None) -> Iterator[Metric]:
    """Bytes of the store; nothing if nobody knows."""
    family = GaugeMetricFamily("watcher_db_size_bytes", "Size of the store, its write-ahead log included.")
    if store is not None:
        family.add_metric([], store)
    yield family


def _requests(metrics: Metrics) -> Iterator[Metric]:
    yield histogram(
        "watcher_poll_duration_seconds", "From sending a request to its answer.", "source", metrics.requests
    )
    yield counter(
        "watcher_credits_used", "Credits that requests took; what nobody knows counts as charged.",
        ("source",), {(source,): count for source, count in dict(metrics.credits).items()},
    )  # fmt: skip
