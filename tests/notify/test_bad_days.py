"""The channels' bad days: what apprise really sends, to services that check it, out of a real store."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from tests.contract.given import by
from tests.notify.given import HOSTILE, START, HandClock, delivery
from tests.notify.services import SLACK_URL, TELEGRAM_URL, Service, serving, slack, telegram
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind
from watcher.notify.apprise.settings import AppriseSettings
from watcher.reports.health import readiness
from watcher.service.delivery import Deliverer
from watcher.store.sqlite.commands import SqliteCommands
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

NAMES = ("slack", "telegram")


@dataclass
class Day:
    service: Service
    clock: HandClock
    store: SqliteStore
    deliverer: Deliverer
    path: Path

    async def owes(self, *deliveries: Delivery) -> None:
        owed = Decision(at=self.clock.now(), deliveries=deliveries)
        await self.store.conclude([], lambda _past, _recall: owed)
        self.deliverer.wake()
        assert await self.deliverer.drain(within=20)

    async def passes(self, seconds: float, step: float = 60) -> None:
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(step)
            assert await self.deliverer.drain(within=20)

    def states(self) -> dict[str, str]:
        with SqliteQueries(self.path) as reader:
            return {each.id: str(each.state) for each in reader.deliveries(None, 1000)}

    def ready(self) -> tuple[bool, str]:
        with SqliteQueries(self.path) as reader:
            channels = reader.channels(["ops"])
        found = readiness({}, channels, self.clock.now())
        return found.ready, "; ".join(found.broken)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def day(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Day]:
    async with at(name, "", tmp_path, monkeypatch) as day:
        yield day


@asynccontextmanager
async def at(name: str, query: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Day]:
    async with serving(Service(slack if name == "slack" else telegram)) as service:
        here = f"http://127.0.0.1:{service.port}"
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{here}/services")
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{here}/bot")
        url = (SLACK_URL if name == "slack" else TELEGRAM_URL) + query
        channel = AppriseSettings.model_validate({"url": url, "timeout": "20s"}).build("ops")
        channel._apprise[0].request_rate_per_sec = 0  # the plugin's own pace is measured elsewhere
        store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
        clock = HandClock()
        deliverer = Deliverer(store, [channel], clock, jitter=lambda: 0.5)
        deliverer.start()
        try:
            yield Day(service, clock, store, deliverer, folder / "watcher.db")
        finally:
            await deliverer.stop(within=1)
            await store.close()


def fired(number: int, alert: str, title: str = "", at: float = 0) -> Delivery:
    return made(number, alert, Kind.FIRING, title or f"{alert} fires", at)


def resolved(number: int, alert: str, at: float = 0) -> Delivery:
    return made(number, alert, Kind.RESOLVED, f"{alert} is over", at)


def made(number: int, alert: str, kind: Kind, title: str, at: float) -> Delivery:
    plain = delivery(number, kind=kind, alert=alert, title=title)
    created = START + timedelta(seconds=at, milliseconds=number)
    return Delivery(plain.id, "ops", plain.message, created, created)


def down(times: int, status: int = 503, **headers: str) -> list[tuple[int, dict[str, str]]]:
    return [(status, {key.replace("_", "-"): value for key, value in headers.items()})] * times


async def test_a_channel_that_is_down_for_most_of_a_day_gets_everything_in_order(day: Day) -> None:
    day.service.script = down(100_000)
    await day.owes(*(fired(n, f"a{n:02d}") for n in range(20)))
    await day.passes(3600, step=120)
    await day.owes(*(resolved(100 + n, f"a{n:02d}", at=3600) for n in range(10)))
    fine, why = day.ready()
    assert not fine
    assert "messages wait since" in why
    assert "HTTP 503" in why
    await day.passes(22 * 3600, step=600)
    assert day.service.requests < 2 * 24 * 60, "a channel that is down is not hammered"

    day.service.script = []
    await day.passes(1800)

    assert set(day.states().values()) == {"sent"}
    assert day.ready() == (True, "")
    assert day.service.wrong == []
    text = "\n".join(day.service.shown)
    assert len(day.service.shown) == 1
    assert "10 fired and resolved" in text
    assert all(f"a{n:02d}" in text for n in range(20))


async def test_a_day_of_silence_ends_in_a_dead_letter_that_is_seen_and_can_be_sent_again(day: Day) -> None:
    day.service.script = down(100_000)
    await day.owes(fired(1, "lost"))
    await day.passes(25 * 3600, step=600)
    assert day.states() == {"dlv-0001": "given_up"}
    fine, why = day.ready()
    assert not fine
    assert "the last message was given up: the service answered HTTP 503" in why

    day.service.script = []
    assert SqliteCommands(day.path, by(day.clock.now())).retry(["dlv-0001"]) == ["dlv-0001"]
    await day.passes(120)

    assert day.states() == {"dlv-0001": "sent"}
    assert day.ready() == (True, "")
    assert "lost" in day.service.shown[0]


async def test_one_message_that_is_refused_for_good_holds_up_no_other_alert(day: Day) -> None:
    day.service.refuses = "poison"
    await day.owes(fired(1, "fine"), fired(2, "poison"), fired(3, "good"))
    await day.passes(900)
    assert day.states() == {"dlv-0001": "sent", "dlv-0002": "given_up", "dlv-0003": "sent"}
    assert day.service.requests <= 6
    assert "poison" not in "".join(day.service.shown)


async def test_a_wait_that_is_asked_for_is_kept_to_and_then_all_of_it_comes(day: Day) -> None:
    day.service.script = down(1, 429, Retry_After="600")
    await day.owes(fired(1, "one"))
    await day.owes(fired(2, "two", at=1), resolved(3, "one", at=2))
    await day.passes(590, step=10)
    assert day.service.requests == 1
    await day.passes(120, step=10)
    assert set(day.states().values()) == {"sent"}
    assert -1 not in day.service.order("one", "two")
    assert day.service.wrong == []


async def test_what_is_longer_than_the_service_takes_is_cut_and_says_so(day: Day) -> None:
    long = tuple((f"Field {n} {HOSTILE}", "0.5 → 1.5 (+200.0 %) - a.b! 🤖" * 20) for n in range(200))
    plain = delivery(1, facts=long, title="T" * 900 + HOSTILE)
    await day.owes(plain)
    await day.passes(60)
    await day.owes(*(fired(10 + n, f"b{n:03d}", f"b{n:03d} {HOSTILE} " + "x" * 300) for n in range(300)))
    await day.passes(300)
    assert day.service.wrong == []
    assert set(day.states().values()) == {"sent"}
    assert "watcher outbox" in day.service.shown[0]
    assert any("300 alerts" in each for each in day.service.shown)


async def test_slacks_block_form_keeps_its_own_smaller_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at("slack", "?blocks=yes", tmp_path, monkeypatch) as day:
        facts = tuple((f"Field {n}", "0.5 <&> " * 40) for n in range(200))
        await day.owes(delivery(1, facts=facts, title="T&" * 90), delivery(2))
        await day.passes(300)
        assert day.service.wrong == []
        assert set(day.states().values()) == {"sent"}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_a_channel_does_each_alert_is_told_in_its_order(day: Day, seed: int) -> None:
    chance = random.Random(seed)
    number = 0
    for hour in range(6):
        faults = [down(chance.randrange(4)), down(1, 429, Retry_After="90"), down(2, 500), down(1, 403), []]
        day.service.script = chance.choice(faults)[:]
        for alert in chance.sample(range(30), 8):
            number += 1
            await day.owes(fired(number, f"h{hour}-{alert:02d}", at=hour * 3600))
            if chance.random() < 0.6:
                number += 1
                await day.owes(resolved(number, f"h{hour}-{alert:02d}", at=hour * 3600 + 1))
        await day.passes(3600, step=120)
    assert set(day.states().values()) == {"sent"}
    assert day.service.wrong == []
    text = "\n".join(day.service.shown)
    for each in {f"h{hour}-{alert:02d}" for hour in range(6) for alert in range(30)}:
        over, began = text.find(f"{each} is over"), text.find(f"{each} fires")
        assert over < 0 or 0 <= began < over or "fired and resolved" in text[max(0, over - 200) : over]
