"""Which accounts a request read or missed, and when a daemon ran, as a backtest reads it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import COLD, ETH, HOT, NOW, USDC, after, changed, known, plan
from tests.store.given import opened
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision
from watcher.domain.history.reconstruction import DaemonRun, PollRecord, RecordedHistory
from watcher.domain.model import AccountState, PriceSuspicion, Suspect
from watcher.ports.store import Settlement
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore


async def keep(store: SqliteStore, conclusion: Decision) -> None:
    booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, conclusion.at), plan(1000))
    assert isinstance(booked, Grant)
    accounts = [state.account for state in conclusion.accounts]
    await store.conclude(accounts, lambda *_: conclusion, Settlement(booked, conclusion.at, 40))


def recorded(path: Path) -> RecordedHistory:
    with SqliteQueries(path) as reader:
        return reader.recorded(NOW)


async def test_accounts_read_and_missed_are_kept_with_their_request(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    missed = AccountState(COLD, last_attempt=NOW, misses=2, miss="timeout: nach 30 s", watched_since=NOW)
    read = (changed(HOT, ETH, None, "1"),)
    async with opened(path) as store:
        await keep(store, Decision(NOW, accounts=(known(HOT, ethereum="1"), missed), changes=read))
        await keep(store, Decision(after(minutes=5), accounts=(known(HOT, after(minutes=5), ethereum="1"),)))

    assert list(recorded(path).polls) == [
        PollRecord(NOW, (HOT,), {COLD: "timeout: nach 30 s"}),
        PollRecord(after(minutes=5), (HOT,)),
    ]


async def test_what_a_reading_did_not_settle_is_kept(tmp_path: Path) -> None:
    path, later = tmp_path / "watcher.db", after(minutes=5)
    first = AccountState(COLD, {ETH: Decimal(1), USDC: Decimal(2)}, {"ethereum": NOW, "base-wallet": NOW})
    changes = (changed(COLD, ETH, None, "1"), changed(COLD, USDC, None, "2"))
    odd = AccountState(
        COLD,
        first.amounts,
        {"ethereum": later, "base-wallet": NOW},
        stale={ETH: NOW},
        held={ETH: Suspect(Decimal(0), later, "zero")},
        omitted={"base-wallet": 1},
    )
    async with opened(path) as store:
        await keep(store, Decision(NOW, accounts=(first,), changes=changes))
        doubts = {ETH: PriceSuspicion(Decimal(9), later, "odd"), USDC: PriceSuspicion(None, later, "gone")}
        await keep(store, Decision(later, accounts=(odd,), doubts=doubts))
        await keep(
            store, Decision(after(minutes=6), accounts=(known(HOT, after(minutes=6)),), doubts={ETH: None})
        )

    _, look, last = recorded(path).polls
    assert (look.read, look.unsettled) == ((COLD,), {COLD: frozenset({USDC})})
    assert (look.unread, look.omitted) == ({COLD: frozenset({"base-wallet"})},) * 2
    assert (look.held, look.doubted) == ({COLD: {ETH: Decimal(0)}}, {ETH: Decimal(9), USDC: None})
    assert last.cleared == frozenset({ETH})


async def test_a_run_lasts_until_it_was_last_noted(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        for minutes in (0, 1, 2, 1):  # the clock was set back
            await store.running(NOW, after(minutes=minutes))
        await store.running(after(hours=1), after(hours=1))

    assert list(recorded(path).runs) == [
        DaemonRun(NOW, after(minutes=2)), DaemonRun(after(hours=1), after(hours=1)),
    ]  # fmt: skip


async def test_history_begins_with_what_was_held_before(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    before, since = NOW - timedelta(days=2), NOW - timedelta(days=1)
    async with opened(path) as store:
        old = (changed(HOT, ETH, None, "1", before), changed(HOT, ETH, "1", "3", since))
        for change in old:
            state = known(HOT, change.after_at, ethereum=str(change.after))
            await keep(store, Decision(change.after_at, accounts=(state,), changes=(change,)))
        new = changed(HOT, ETH, "3", "4", after(minutes=1))
        await keep(store, Decision(after(minutes=1), accounts=(known(HOT),), changes=(new,)))

    found = recorded(path)
    assert found.held == {HOT: {ETH: Decimal(3)}}
    assert list(found.changes) == [new]
    assert found.known_from == after(minutes=1)
