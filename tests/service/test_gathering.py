"""Many transitions, few messages: what comes together goes together, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

from tests.notify.given import HandClock, Outbox, Scripted, delivery, receiver
from tests.service.given import make_engine
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import DeliveryState, NotSent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.model import Account, Asset, Reading, Wallet
from watcher.domain.rules import ThresholdRule
from watcher.notify.apprise.settings import AppriseSettings
from watcher.ports.channel import UNGROUPED
from watcher.ports.store import Store
from watcher.service.delivery import Deliverer
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore


def deliverer_of(outbox: Outbox, clock: HandClock, *channels: Scripted) -> Deliverer:
    return Deliverer(cast(Store, outbox), channels, clock, jitter=lambda: 0.5)


async def test_up_to_three_go_out_at_once_and_more_than_three_as_one() -> None:
    for count, wanted in ((3, [1, 1, 1]), (4, [4])):
        outbox, ops = Outbox(*(delivery(n) for n in range(count))), Scripted(burst=1000)
        deliverer = deliverer_of(outbox, HandClock(), ops)
        deliverer.start()
        assert await deliverer.drain(within=5)
        await deliverer.stop(within=1)
        assert [len(each) for each in ops.sent] == wanted


async def test_a_steady_trickle_is_five_messages_a_minute_and_all_of_it_arrives() -> None:
    outbox, clock, ops = Outbox(), HandClock(), Scripted(burst=1000)
    deliverer = deliverer_of(outbox, clock, ops)
    deliverer.start()
    sent_at: list[float] = []
    for second in range(300):
        outbox.add(delivery(second))
        assert await deliverer.drain(within=5)
        sent_at += [clock.monotonic()] * (len(ops.sent) - len(sent_at))
        clock.advance(1)
    await deliverer.stop(within=1)

    assert [at for at in sent_at if at < 60] == [0, 1, 2, 7, 37]
    assert all(sum(at <= other < at + 60 for other in sent_at) <= 5 for at in sent_at)
    told = [identity for each in ops.sent for identity in each]
    assert told == [f"dlv-{n:04d}" for n in range(300)]


async def test_after_a_quiet_minute_the_next_goes_out_at_once() -> None:
    outbox, clock, ops = Outbox(*(delivery(n) for n in range(3))), HandClock(), Scripted(burst=1000)
    deliverer = deliverer_of(outbox, clock, ops)
    deliverer.start()
    assert await deliverer.drain(within=5)
    clock.advance(60)
    outbox.add(delivery(9))
    assert await deliverer.drain(within=5)
    assert len(ops.sent) == 4
    await deliverer.stop(within=1)


async def test_what_is_being_gathered_goes_out_before_the_end() -> None:
    outbox, ops = Outbox(*(delivery(n) for n in range(3))), Scripted(burst=1000)
    deliverer = deliverer_of(outbox, HandClock(), ops)
    deliverer.start()
    assert await deliverer.drain(within=5)
    outbox.add(*(delivery(n) for n in range(10, 20)))
    assert await deliverer.drain(within=5)
    assert len(ops.sent) == 3
    await deliverer.stop(within=1)
    assert len(ops.sent[3]) == 10
    assert {each.state for each in outbox.rows.values()} == {DeliveryState.SENT}


async def test_a_screen_shows_everything_at_once() -> None:
    outbox, screen = Outbox(*(delivery(n) for n in range(20))), Scripted(burst=UNGROUPED)
    deliverer = deliverer_of(outbox, HandClock(), screen)
    deliverer.start()
    assert await deliverer.drain(within=5)
    await deliverer.stop(within=1)
    assert [len(each) for each in screen.sent] == [1] * 20


async def test_what_is_critical_waits_for_nothing_that_is_not() -> None:
    outbox, clock, ops = Outbox(), HandClock(), Scripted(burst=1000)
    deliverer = deliverer_of(outbox, clock, ops)
    deliverer.start()
    for second in range(50):
        outbox.add(delivery(second, severity=Severity.INFO))
        assert await deliverer.drain(within=5)
        clock.advance(1)
    before = len(ops.sent)
    sent_at: list[float] = []
    for second in range(100, 160):
        outbox.add(delivery(second, severity=Severity.CRITICAL))
        assert await deliverer.drain(within=5)
        sent_at += [clock.monotonic() - 50] * (len(ops.sent) - before - len(sent_at))
        clock.advance(1)
    await deliverer.stop(within=1)

    assert sent_at == [0, 1, 2, 7, 37], "as if nothing else had been told, and few messages of many"
    told = [identity for each in ops.sent for identity in each]
    assert sorted(told) == [f"dlv-{n:04d}" for n in (*range(50), *range(100, 160))]


async def test_a_failed_attempt_is_no_message_that_counts() -> None:
    outbox, clock = Outbox(delivery(1)), HandClock()
    ops = Scripted(burst=1000, answers=[NotSent("the service answered HTTP 500")] * 6)
    deliverer = deliverer_of(outbox, clock, ops)
    deliverer.start()
    for _ in range(300):
        assert await deliverer.drain(within=5)
        clock.advance(5)
    assert outbox.state(1) is DeliveryState.SENT
    assert len(ops.sent) == 7
    await deliverer.stop(within=1)


async def test_an_alert_that_fired_and_resolved_is_one_line_of_a_merged_message() -> None:
    async with receiver() as here:
        channel = AppriseSettings.model_validate({"url": f"json://127.0.0.1:{here.port}/"}).build("ops")
        both = [
            delivery(1, kind=Kind.FIRING, alert="a"),
            delivery(2, kind=Kind.FIRING, alert="b"),
            delivery(3, kind=Kind.ESCALATION, alert="b"),
            delivery(4, kind=Kind.RESOLVED, alert="a", title="all is well"),
        ]
        await channel.send(both)
        await channel.send([both[0], both[3]])
    first, second = here.payloads
    assert first["message"].startswith("• warning, escalated: ")
    assert first["message"].count("•") == 2
    assert "dlv-0001, dlv-0004" in first["message"]
    assert (second["title"], second["type"]) == ("fired and resolved: all is well", "success")


# ------------------------------------------------------------------ 5,000 at once

ETH = Asset("ethereum", "ethereum")
CHAINS = frozenset({"ethereum"})
COUNT = 5000


async def test_5000_wallets_crossing_at_once_are_at_most_five_messages_a_channel_and_none_is_lost(
    tmp_path: Path,
) -> None:
    accounts = [Account("coinstats", "ethereum", f"0x{number:040x}") for number in range(COUNT)]
    wallets = {each: Wallet(f"w{n}", each.source, each.address) for n, each in enumerate(accounts)}
    rule = ThresholdRule.model_validate({"id": "low", "below": "1"})
    rules, clock = Rules([rule], wallets, ("ops", "desk")), HandClock()
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    async with receiver() as ops, receiver() as desk:
        hooks = {"ops": ops, "desk": desk}
        channels = [
            AppriseSettings.model_validate({"url": f"json://127.0.0.1:{hook.port}/"}).build(name)
            for name, hook in hooks.items()
        ]
        deliverer = Deliverer(store, channels, clock)
        since = clock.now() - timedelta(hours=1)
        engine = make_engine(store, rules, clock, running_since=since, on_deliveries=deliverer.wake)
        deliverer.start()
        began = clock.monotonic()
        for amount, batch in (("5", 1000), ("0.5", 100)):
            for start in range(0, COUNT, batch):
                seen = [
                    Reading(account, {ETH: Decimal(amount)}, symbols={ETH: "ETH"}, chains=CHAINS)
                    for account in accounts[start : start + batch]
                ]
                await engine.judge(seen, clock.now())
                if amount == "0.5":
                    await asyncio.sleep(0)
                    clock.advance(0.7)  # 50 polls in 35 seconds
        while await store.next_due("ops") or await store.next_due("desk"):
            assert clock.monotonic() < began + 90
            assert await deliverer.drain(within=30)
            clock.advance(1)
        took = clock.monotonic() - began
        await deliverer.stop(within=5)
        await store.close()
    assert took <= 60
    with SqliteQueries(tmp_path / "watcher.db") as reader:
        assert len(reader.live_alerts()) == COUNT
        assert reader.counts().sent == 2 * COUNT
    for hook in hooks.values():
        assert 1 <= len(hook.payloads) <= 5
        numbers = [re.match(r"([0-9,]+) alerts", each["message"]) for each in hook.payloads]
        assert sum(int(found[1].replace(",", "")) if found else 1 for found in numbers) == COUNT
