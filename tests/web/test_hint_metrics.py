"""What `/metrics` says of hint sources; without any it says nothing of them."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from tests.fakes import START
from watcher.domain.model import Account
from watcher.ports.hints import HintedPoll, HintWord
from watcher.service.metrics import Metrics
from watcher.web.hint_metrics import of_hints

HOT = Account("coins", "ethereum", "0x1")


class Shown(CollectorRegistry):
    """The hint sources' part of the page."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(auto_describe=False)
        self.collect = lambda: of_hints(metrics)  # type: ignore[method-assign]

    def lines(self) -> set[str]:
        return {line for line in generate_latest(self).decode().splitlines() if not line.startswith("#")}


def test_without_hint_sources_nothing_is_said_of_them() -> None:
    assert Shown(Metrics(START)).lines() == set()


def test_a_source_that_told_nothing_yet_begins_at_zero() -> None:
    metrics = Metrics(START)
    metrics.listens(["mainnet"])

    lines = Shown(metrics).lines()

    results = ("gathered", "late", "duplicate", "unknown", "confirmed", "barren", "unread", "refused")
    for result in results:
        assert f'watcher_hints_total{{hint_source="mainnet",result="{result}"}} 0.0' in lines
    assert 'watcher_hint_up{hint_source="mainnet"} 0.0' in lines
    assert not any("watcher_hint_last_timestamp" in line for line in lines)


def test_what_hints_and_their_polls_came_to_is_shown() -> None:
    metrics = Metrics(START)
    metrics.listens(["mainnet"])
    metrics.hint_up["mainnet"] = True
    for result in ("taken", "taken", "unknown", "duplicate", "duplicate"):
        metrics.hinted("mainnet", result, START)
    word = HintWord("mainnet", START, "0xab")
    for changed, seconds in ((True, 2), (False, 40), (None, 50)):
        metrics.hint_poll(HintedPoll(HOT, word, START + timedelta(seconds=seconds), changed, 40))

    lines = Shown(metrics).lines()

    for result, count in {"confirmed": 1, "barren": 1, "unread": 1, "unknown": 1, "duplicate": 2}.items():
        assert f'watcher_hints_total{{hint_source="mainnet",result="{result}"}} {count}.0' in lines
    assert not any('result="taken"' in line for line in lines), "its poll says what came of it"
    assert 'watcher_hint_poll_credits_total{hint_source="mainnet"} 120.0' in lines
    assert 'watcher_hint_up{hint_source="mainnet"} 1.0' in lines
    assert 'watcher_hint_delay_seconds_bucket{hint_source="mainnet",le="2.5"} 1.0' in lines
    assert 'watcher_hint_delay_seconds_bucket{hint_source="mainnet",le="60.0"} 2.0' in lines
    assert any(line.startswith("watcher_hint_last_timestamp_seconds") for line in lines)
