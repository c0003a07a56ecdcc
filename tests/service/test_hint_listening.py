"""A hint source is listened to for ever: what it tells goes to those who plan, once, and faults are told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import START, FakeClock
from tests.service.given import make_engine
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Wallet
from watcher.domain.values.errors import StoreError
from watcher.ports.hint_state import STATE, HintSourceState
from watcher.ports.hints import (
    Alive,
    Bookmark,
    Hint,
    HintGap,
    HintSourceError,
    HintWord,
    Told,
    Where,
)
from watcher.ports.store import Store, hints_of
from watcher.service.hint_listening import SLICE, HintListener, pause
from watcher.service.hint_matching import REMEMBERED
from watcher.service.metrics import Metrics
from watcher.store.memory.store import MemoryStore
from watcher.store.sqlite.store import SqliteStore

ADDRESS, OTHER, STRANGER = ("0x" + digit * 40 for digit in "123")
HERE = Account("coins", "ethereum", ADDRESS)
EVERYWHERE = Account("coins", "all", ADDRESS)
ON_BASE = Account("coins", "base-wallet", ADDRESS)
AT_TEOS = Account("teos", "teos", OTHER)
ACCOUNTS = (HERE, EVERYWHERE, ON_BASE, AT_TEOS)
MINUTE, HOUR = 60.0, 3600.0


def hint(identity: str = "0xab:0", chain: str = "ethereum", address: str = ADDRESS, **more: Any) -> Hint:
    return Hint(Where(chain, address), identity, **more)


class Script:
    """A hint source that tells what the test says; a connection ends as the test says."""

    def __init__(self, name: str = "mainnet") -> None:
        self.name = name
        self.remembered: dict[str, str] = {}
        self.connections = 0
        self.closed = 0
        self._telling: asyncio.Queue[Told | Exception | None] = asyncio.Queue()
        self.refusing: Exception | None = None

    def remember(self, facts: Mapping[str, str]) -> None:
        self.remembered.update(facts)

    def tell(self, *told: Told | Exception | None) -> None:
        """None: the connection ends by itself."""
        for each in told:
            self._telling.put_nowait(each)

    async def listen(self) -> AsyncIterator[Told]:
        self.connections += 1
        if self.refusing is not None:
            raise self.refusing
        try:
            while (told := await self._telling.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield told
                self._telling.task_done()
        finally:
            self.closed += 1

    async def all_taken(self) -> None:
        """Until the last that was told is taken: a listener rests now and then, by the machine's clock."""
        await self._telling.join()

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass
class Inbox:
    """Notes what it hears."""

    heard: list[tuple[Account, HintWord]] = field(default_factory=list)
    gaps: list[tuple[list[Account], str, datetime]] = field(default_factory=list)
    waiting: bool = False
    silent: datetime | None = None

    def hinted(self, account: Account, word: HintWord) -> bool:
        self.heard.append((account, word))
        return not self.waiting

    def missed(self, accounts: Sequence[Account], by: str, at: datetime) -> None:
        self.gaps.append((list(accounts), by, at))

    def silent_since(self, by: str) -> datetime | None:
        return self.silent


class Bench:
    """One listener at work over a store."""

    def __init__(self, store: Store, clock: FakeClock, facts: Mapping[str, str]) -> None:
        self.store, self.clock, self.script = store, clock, Script()
        self.coins, self.teos, self.metrics = Inbox(), Inbox(), Metrics(START)
        wallets = {account: Wallet("w", account.source, account.address) for account in ACCOUNTS}
        self.engine = make_engine(store, Rules([], wallets, ["ops"], hint_sources=["mainnet"]), clock)
        self.engine.metrics = self.metrics
        self.listener = HintListener(
            self.script, ACCOUNTS, {"coins": self.coins, "teos": self.teos}, self.engine,
            facts=facts,
        )  # fmt: skip
        self.task = asyncio.create_task(self.listener.run())

    async def told(self) -> list[str]:
        due = await self.store.due("ops", self.clock.now() + timedelta(days=1), 100)
        return [f"{each.message.severity} {each.message.kind} {each.message.title}" for each in due]

    async def heard(self, *told: Told | Exception | None) -> None:
        self.script.tell(*told)
        await self.clock.advance(0)

    def up(self) -> bool:
        return self.state.up_since is not None

    @property
    def state(self) -> HintSourceState:
        return self.listener.state

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Run:
    """One process after the other over the same store."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, FakeClock()
        self.now: Bench | None = None

    async def start(self) -> Bench:
        if self.now is not None:
            await self.now.stop()
        self.now = Bench(self.store, self.clock, await self.store.facts(hints_of("mainnet")))
        await self.clock.settle()
        return self.now

    async def kept(self) -> dict[str, str]:
        return dict(await self.store.facts(hints_of("mainnet")))


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    run = Run(MemoryStore())
    yield run
    if run.now is not None:
        await run.now.stop()


# ---------------------------------------------------------------------- matching


async def test_a_hint_reaches_every_account_at_its_place_and_no_other(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), hint(), hint("0xcd:0", "", OTHER), hint("0xee:0", "base"))

    word = HintWord("mainnet", START, "0xab:0")
    assert b.coins.heard[:2] == [(HERE, word), (EVERYWHERE, word)]
    assert [account for account, _ in b.coins.heard[2:]] == [EVERYWHERE, ON_BASE]
    assert [account for account, _ in b.teos.heard] == [AT_TEOS], "a hint without a chain means all"


async def test_addresses_that_nobody_watches_are_counted_and_nothing_else(run: Run) -> None:
    b = await run.start()
    await b.heard(
        Alive(), *[hint(f"0x{n}", address=STRANGER) for n in range(50)], hint("x", "polygon", OTHER)
    )

    assert (b.coins.heard, b.teos.heard) == ([], [])
    assert b.state.today["unknown"] == 51 == b.metrics.hints["mainnet", "unknown"]


async def test_one_event_is_told_once_to_each_place_that_it_is_about(run: Run) -> None:
    b = await run.start()
    await b.heard(
        Alive(), hint(), hint(), hint(address=OTHER, chain="teos"), hint(address=OTHER, chain="teos")
    )

    assert [account for account, _ in (*b.coins.heard, *b.teos.heard)] == [HERE, EVERYWHERE, AT_TEOS]
    assert b.state.today["duplicate"] == 2


async def test_strangers_do_not_push_out_what_was_told_before(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), hint())
    await b.heard(*[hint(f"0x{n}", address=STRANGER) for n in range(REMEMBERED + 100)], hint())
    await b.script.all_taken()

    assert b.state.today["duplicate"] == 1


async def test_so_many_hints_are_known_again_and_memory_is_bounded(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), *[hint(f"0x{n}") for n in range(REMEMBERED + 1)])
    await b.script.all_taken()
    assert b.state.today["taken"] == REMEMBERED + 1
    assert len(b.listener._told_before._known) == REMEMBERED

    await b.heard(hint(f"0x{REMEMBERED}"), hint("0x0"))
    assert b.state.today["duplicate"] == 1, "the oldest one was forgotten"


async def test_a_hint_without_a_name_is_never_taken_for_another(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), hint(""), hint(""))

    assert len(b.coins.heard) == 4


async def test_a_name_of_any_length_and_any_characters_is_made_fit_to_be_shown(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), hint("\x1b[31m" + "x" * 5000 + "\n"))

    [(_, word), *_] = b.coins.heard
    assert word.id == "[31m" + "x" * 195


async def test_what_happened_long_ago_is_worth_a_look_and_no_poll_at_once(run: Run) -> None:
    b = await run.start()
    times = {"late": -15 * MINUTE - 1, "new": -15 * MINUTE, "ahead": 9 * HOUR}
    hints = [hint(name, "teos", OTHER, happened=START + timedelta(seconds=by)) for name, by in times.items()]
    await b.heard(Alive(), *hints)

    assert b.teos.gaps == [([AT_TEOS], "mainnet", START)]
    assert [word.id for _, word in b.teos.heard] == ["new", "ahead"]
    assert b.metrics.hints["mainnet", "late"] == 1


async def test_what_may_be_missing_is_one_look_at_each_account(run: Run) -> None:
    b = await run.start()
    await b.heard(HintGap(None, "the queue is new"))

    assert b.teos.gaps == [([AT_TEOS], "mainnet", START)]
    [(accounts, _, _)] = b.coins.gaps
    assert sorted(accounts) == sorted((HERE, EVERYWHERE, ON_BASE))
    assert (b.state.today["gaps"], b.metrics.hint_gaps["mainnet"]) == (1, 1)


async def test_a_hint_about_an_account_that_waits_for_its_poll_is_counted_as_gathered(run: Run) -> None:
    b = await run.start()
    b.coins.waiting = True
    await b.heard(Alive(), hint())

    assert b.metrics.hints["mainnet", "gathered"] == 1
    assert b.metrics.hints["mainnet", "taken"] == 0
    assert b.metrics.last_hints == {"mainnet": START}


async def test_a_flood_of_hints_holds_up_nobody(run: Run) -> None:
    b = await run.start()
    flood = 100_000

    async def endless() -> AsyncIterator[Told]:
        yield Alive()
        for number in range(flood):
            yield hint(f"0x{number}")

    b.script.listen = endless  # type: ignore[method-assign]
    await b.heard(None)
    turns = 0
    b.clock._elapsed += 1
    await b.clock.advance(1)
    while b.state.today["taken"] < flood:
        before = b.state.today["taken"]
        await asyncio.sleep(0)
        assert b.state.today["taken"] - before <= SLICE
        turns += 1
    assert turns >= flood / SLICE / 2


# ---------------------------------------------------------------------- connections


def test_the_time_between_two_connections_doubles_and_a_refusal_waits_longer() -> None:
    def waits(*, refused: bool) -> list[float]:
        return [pause(failures, refused=refused) for failures in (1, 2, 3, 7, 12, 10_000)]

    for least, wait in zip((0.5, 1, 2, 30, 30, 30), waits(refused=False), strict=True):
        assert 0.8 * least <= wait <= 1.2 * least
    for least, wait in zip((2, 4, 8, 128, 900, 900), waits(refused=True), strict=True):
        assert 0.8 * least <= wait <= 1.2 * least


async def test_a_cut_connection_is_made_again_at_once_and_told_of_nobody(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive())
    await b.clock.advance(HOUR)
    for end in (HintSourceError("cut"), None, ValueError("a fault of ours")):
        await b.heard(end)
        assert not b.up()
        await b.clock.advance(2)
        await b.heard(Alive())
        assert b.up()
        await b.clock.advance(HOUR)

    assert (b.script.connections, b.script.closed) == (4, 3)
    assert await b.told() == []
    assert not b.task.done()


async def test_what_an_unexpected_error_says_may_hold_a_secret_and_is_told_nowhere(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    b = await run.start()
    await b.heard(Alive(), ValueError("wss://node.example/v3/the-secret-key refused"))
    await b.clock.advance(16 * MINUTE)

    assert "unexpected ValueError" in caplog.text
    assert "in listen" in caplog.text, "where it happened is told"
    assert "the-secret-key" not in f"{caplog.text} {await run.kept()}"
    assert b.state.why == "internal error: ValueError"


async def test_a_connection_that_breaks_ever_again_is_made_more_and_more_rarely(run: Run) -> None:
    b = await run.start()
    for _ in range(40):
        b.script.tell(Alive(), HintSourceError("cut"))
    await b.clock.advance(5 * MINUTE)

    assert 10 <= b.script.connections <= 20


async def test_a_source_that_is_not_heard_for_a_quarter_of_an_hour_is_told_of_once_and_so_is_its_end(
    run: Run,
) -> None:
    b = await run.start()
    await b.heard(Alive())
    b.script.refusing = HintSourceError("nobody answers at \x1b[1mnode.example")
    await b.heard(None)
    await b.clock.advance(14 * MINUTE)
    assert await b.told() == []
    await b.clock.advance(2 * MINUTE)
    [fired] = await b.told()
    assert fired.startswith("warning firing hints mainnet: not heard since 2026-03-10 12:00")
    assert "(nobody answers at [1mnode.example); the schedule finds changes without them, later" in fired

    b = await run.start()  # a restart tells nothing anew
    b.script.refusing = HintSourceError("nobody answers")
    await b.heard(None)
    await b.clock.advance(HOUR)
    assert len(await b.told()) == 1

    b.script.refusing = None
    await b.heard(Alive())
    await b.clock.advance(2 * MINUTE)
    assert len(titles := await b.told()) == 2
    # The wait before the next connection is drawn: it differs by up to a fifth of a quarter of an hour.
    assert re.match(r"warning resolved hints mainnet: heard again, 1\.\d+ h after that was told", titles[1])
    b = await run.start()
    await b.heard(Alive())
    await b.clock.advance(HOUR)
    assert len(await b.told()) == 2


async def test_a_connection_that_never_stands_is_none(run: Run) -> None:
    b = await run.start()
    for _ in range(100):
        b.script.tell(Alive(), HintSourceError("cut"))
    await b.clock.advance(16 * MINUTE)

    assert [each.split(":")[0] for each in await b.told()] == ["warning firing hints mainnet"]


async def test_a_wrong_password_is_told_at_once_and_causes_no_storm(run: Run) -> None:
    b = await run.start()
    b.script.refusing = HintSourceError("the broker refuses the password", refused=True)
    await b.heard(None)
    await b.clock.advance(2)
    [fired] = await b.told()
    assert fired.startswith("critical firing hints mainnet: not heard since")
    assert "the broker refuses the password" in fired

    await b.clock.advance(4 * HOUR)
    assert b.script.connections <= 9 + 4 * HOUR / (0.8 * 900) + 1
    assert len(await b.told()) == 1


async def test_a_source_that_tells_nothing_of_what_polls_find_is_told_of_after_an_hour(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive())
    b.teos.silent = b.clock.now()
    await b.clock.advance(59 * MINUTE)
    assert await b.told() == []
    await b.clock.advance(2 * MINUTE)
    [fired] = await b.told()
    assert fired.startswith("warning firing hints mainnet: silent: since 2026-03-10 12:00")
    assert b.state.silent_since == START

    b.teos.silent = None
    await b.clock.advance(MINUTE)
    assert [each.split(",")[0] for each in await b.told()][1:] == [
        "warning resolved hints mainnet: heard again"
    ]


async def test_that_a_source_is_not_heard_is_over_when_nobody_listens_to_it_any_more(run: Run) -> None:
    b = await run.start()
    b.script.refusing = HintSourceError("wrong key", refused=True)
    await b.heard(None)
    await b.clock.advance(2)
    await b.stop()

    same = Rules([], b.engine.rules.wallets, ["ops"], hint_sources=["mainnet", "alchemy"])
    await make_engine(run.store, same, run.clock).take_effect()
    assert len(await b.told()) == 1, "another hint source changes nothing"
    without = Rules([], b.engine.rules.wallets, ["ops"])
    await make_engine(run.store, without, run.clock).take_effect()
    assert (await b.told())[1:] == [
        "critical withdrawn hints mainnet: hints mainnet are no longer listened to"
    ]


# ---------------------------------------------------------------------- what is kept


async def test_how_far_all_was_told_outlives_the_process(run: Run) -> None:
    b = await run.start()
    await b.heard(Alive(), *[Bookmark({"block": str(number), "queue": "q"}) for number in range(100)])
    await b.script.all_taken()
    await b.clock.advance(6)
    assert (await run.kept())["block"] == "99"

    await b.heard(Bookmark({"block": "100"}))
    assert (await run.kept())["block"] == "99", "not each one is written"
    b = await run.start()
    assert b.script.remembered == {"block": "100", "queue": "q"}


class FailingStore(MemoryStore):
    """Keeps nothing while it fails."""

    failing = False

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:
        if self.failing:
            raise StoreError("the disk is full")
        await super().keep_facts(source, facts, now)


async def test_a_store_that_fails_ends_no_listening_and_what_it_missed_is_kept_later() -> None:
    store = FailingStore()
    run = Run(store)
    b = await run.start()
    store.failing = True
    await b.heard(Alive(), Bookmark({"block": "7"}), hint())
    await b.clock.advance(MINUTE)
    assert len(b.coins.heard) == 2
    store.failing = False
    await b.clock.advance(MINUTE)
    assert (await run.kept())["block"] == "7"
    await b.stop()


async def test_who_looks_beside_the_daemon_sees_how_a_source_fares(run: Run) -> None:
    async def seen() -> HintSourceState:
        found = HintSourceState.load((await run.kept())[STATE])
        assert found is not None
        return found

    b = await run.start()
    assert (await seen()).up_since is None
    await b.heard(Alive())
    assert (await seen()).up_since == START
    await b.heard(hint(), hint())
    await b.clock.advance(2 * MINUTE)
    assert (await seen()).today == {
        "taken": 1,
        "duplicate": 1,
        "gathered": 0,
        "late": 0,
        "unknown": 0,
        "gaps": 0,
    }
    await b.heard(HintSourceError("cut"))
    state = await seen()
    assert (state.up_since, state.why, state.down_since) == (None, "cut", b.clock.now())

    b = await run.start()
    state = await seen()
    assert state.today["taken"] == 1, "the day goes on"
    assert state.last_hint == START
    await b.stop()
    await run.clock.advance(13 * HOUR)
    b = await run.start()
    await b.heard(Alive(), hint())
    assert b.state.today == {"taken": 1}


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "null", '{"why": 3}'])
def test_a_state_that_nobody_can_read_is_none(text: str | None) -> None:
    assert HintSourceState.load(text) is None


async def test_all_of_it_runs_over_a_real_store(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    try:
        run = Run(store)
        b = await run.start()
        await b.heard(Alive(), hint(), Bookmark({"block": "7"}))
        await b.stop()
        assert (await run.kept())["block"] == "7"
        assert (await run.start()).script.remembered == {"block": "7"}
        assert run.now is not None
        await run.now.stop()
    finally:
        await store.close()


async def test_whether_a_source_is_heard_and_silent_is_counted(run: Run) -> None:
    b = await run.start()
    assert (b.metrics.hint_up, b.metrics.hint_silent) == ({"mainnet": False}, {"mainnet": False})
    await b.heard(Alive())
    b.coins.silent = b.clock.now()
    await b.clock.advance(MINUTE)
    assert (b.metrics.hint_up, b.metrics.hint_silent) == ({"mainnet": True}, {"mainnet": True})
