"""A daemon with nothing to do sleeps until something is due."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract.given import keep, known
from tests.fakes import FakeClock, FakeSource
from tests.notify.given import delivery
from watcher.app import build as building
from watcher.app import sources
from watcher.app.application import App
from watcher.config.configuration import configure
from watcher.daemon.run import at_work
from watcher.daemon.upkeep import LOOK_EVERY
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.model import Account, Asset, Reading
from watcher.domain.records import replace
from watcher.store.memory.store import MemoryStore

ACCOUNTS = 100
HOUR = 3600
CONFIG = """\
version: 1
sources: {coins: {kind: coinstats, api_key: key-one, credits: {limit: 1000000}}}
wallets: [WALLETS]
channels: {ops: {kind: console}}
rules: [rules.yaml]
web: null
"""
LOW = "rules: [{id: low, type: threshold, below: '1'}]\n"
SILENT = "rules: [{id: silent, type: no_data, longer_than: 20m}]\n"


class Idle(NamedTuple):
    app: App
    clock: FakeClock
    source: FakeSource


def read(account: Account) -> Reading:
    held = {Asset(account.chain, "ethereum"): Decimal(5)}
    return Reading(account, held, {}, {}, frozenset({account.chain}))


@asynccontextmanager
async def idle(folder: Path, monkeypatch: pytest.MonkeyPatch, rules: str = LOW) -> AsyncIterator[Idle]:
    """A daemon of a hundred accounts on `auto`, all read just now."""
    wallets = [
        f"{{name: w{number}, source: coins, address: '0x{number:040x}', chains: [ethereum]}}"
        for number in range(ACCOUNTS)
    ]
    (folder / "watcher.yaml").write_text(CONFIG.replace("WALLETS", ", ".join(wallets)))
    (folder / "rules.yaml").write_text(rules)
    plan = CreditPlan(1_000_000)
    clock, source = FakeClock(), FakeSource("coins", Allowance(plan), answers=read)
    monkeypatch.setattr(sources, "build_source", lambda _settings, _name: source)
    store = MemoryStore()
    app = await building.build(configure(folder / "watcher.yaml", {}), store, clock=clock)
    await keep(store, accounts=tuple(known(each, clock.now(), ethereum="5") for each in app.rules.wallets))
    async with at_work(app):
        await clock.advance(60)
        yield Idle(app, clock, source)


async def test_a_hundred_accounts_on_auto_wake_the_daemon_far_less_than_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with idle(tmp_path, monkeypatch) as there:
        woken, asked = there.clock.wakings, len(there.source.sent)
        await there.clock.advance(HOUR)
        polls, woken = len(there.source.sent) - asked, there.clock.wakings - woken
    looks, minutes = HOUR / LOOK_EVERY, HOUR / 60
    assert 10 < polls < 100
    assert woken <= looks + 2 * polls + 3 * minutes < HOUR / 3


async def test_what_is_retried_by_hand_is_told_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with idle(tmp_path, monkeypatch) as (app, clock, _source):
        owed = replace(delivery(1), state=DeliveryState.GIVEN_UP)
        await keep(app.store, deliveries=(owed,))
        await clock.advance(HOUR)
        app.store.commands(Actor("Ada", "command line", clock.now())).retry([owed.id])
        await clock.advance(6)
        with app.store.queries() as reader:
            (found,) = reader.deliveries(None, 10)
    assert found.state is DeliveryState.SENT


async def test_what_time_alone_brings_is_told_when_it_is_due_though_nobody_looked_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with idle(tmp_path, monkeypatch, SILENT) as (app, clock, source):
        source.answers, source.failure = lambda _: None, "HTTP 500"
        await clock.advance(20 * 60 - clock.monotonic() - 1)
        early = [each.rule for each in await app.store.live_alerts() if each.fired_at]
        await clock.advance(20)
        late = {each.rule for each in await app.store.live_alerts() if each.fired_at}
    assert ("silent" in early, "silent" in late) == (False, True)
