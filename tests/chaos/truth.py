"""What was true, moved by a seed; and the comparison of a store with it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.chaos.stand import CHANNELS, Stand
from tests.endtoend.bench import BOND, DESK, EVM, SOLO

USDC = "0x" + "ab" * 20
SLOW = 180.0
"""Seconds in which a value must have been seen by two recorded polls."""


@dataclass
class Line:
    """The amounts of one asset in one account, in the order in which they were true."""

    chain: str
    address: str
    token: str
    values: list[Decimal]
    lasting: list[bool]
    """Whether that amount lasted longer than two recorded polls."""

    @property
    def key(self) -> tuple[str, str, str]:
        """As the store names it: a native coin by CoinStats' id of it."""
        return self.chain, self.address, "ethereum" if self.token == "ETH" else self.token

    def be(self, value: Decimal) -> None:
        self.values.append(value)
        self.lasting.append(False)


@dataclass
class Truth:
    """Moves balances in the simulation, and keeps what they were."""

    there: Stand
    chance: random.Random
    lines: dict[str, Line] = field(default_factory=dict)
    number: int = 0
    low_alerts_due: int = 0

    def __post_init__(self) -> None:
        for name, chain, address, token, first in (
            ("hot", "ethereum", EVM, "ETH", "1.25"),
            ("base", "base-wallet", EVM, "ETH", "2"),
            ("solo", "ethereum", SOLO, "ETH", "7"),
            ("usdc", "ethereum", SOLO, USDC, "0"),
            ("desk", "teos", DESK, BOND, "25"),
        ):
            self.lines[name] = Line(chain, address, token, [Decimal(first)], [False])

    async def move(self) -> None:
        """Until cancelled: another amount somewhere, held for two recorded polls or, at times, shorter."""
        moves = [self._plainly("base"), self._plainly("solo"), self._desk(), self._threshold(), self._token()]
        async with asyncio.TaskGroup() as group:
            for each in moves:
                group.create_task(each)

    async def _plainly(self, name: str) -> None:
        while True:
            self._set(name, f"{self._next()}.{self.chance.randrange(10**9):09d}1")
            await self._hold(name)

    async def _desk(self) -> None:
        while True:
            self._set("desk", str(Decimal(self._next() * 1000 + self.chance.randrange(1, 1000)) / 1000))
            await self._hold("desk")

    async def _threshold(self) -> None:
        """Below and above the level by turns; below until an alert with `for: 2s` must have fired."""
        while True:
            self._set("hot", f"0.{self.chance.randrange(1, 4)}{self._next():06d}1")
            await self._hold("hot", lasting=True, polls=self.chance.choice((2, 2, 5)))
            self._set("hot", f"0.9{self._next():06d}1")
            await self._hold("hot", lasting=True)

    async def _token(self) -> None:
        """A token that comes and goes: zero needs two readings that agree, here half a second apart."""
        while True:
            self._set("usdc", f"{self._next()}.000001")
            await self._hold("usdc", lasting=True)
            self._set("usdc", "0")
            for _ in range(3):
                await self._hold("usdc", lasting=True, polls=1)
                await asyncio.sleep(0.6)  # readings closer together confirm nothing
            await self._hold("usdc", lasting=True, polls=1)

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _set(self, name: str, text: str) -> None:
        line, world = self.lines[name], self.there.sim.world
        line.be(Decimal(text))
        if name == "desk":
            world.set_sparks(DESK, BOND, int(Decimal(text) * 1000))
        elif text == "0":
            world.remove(line.address, line.chain, line.token)
        elif name == "usdc":
            world.set_amount(
                line.address, line.chain, line.token, text, symbol="USDC", price="1", contract=USDC
            )
        else:
            world.set_amount(
                line.address, line.chain, line.token, text, symbol="ETH", price="3000", coin_id="ethereum"
            )

    async def _hold(self, name: str, *, lasting: bool = False, polls: int = 2) -> None:
        line = self.lines[name]
        at = len(line.values) - 1
        if not lasting and self.chance.random() < 0.2:
            await asyncio.sleep(self.chance.random())  # may be seen, or not
            return
        async with asyncio.timeout(SLOW):
            await self.there.until_recorded(line.chain, line.address, polls)
        line.lasting[at] = True

    async def settle(self) -> None:
        """Until what is true now has been seen as often as a drop to zero needs, by a daemon in peace."""
        async with asyncio.timeout(SLOW), asyncio.TaskGroup() as group:
            for line in self.lines.values():
                chain = line.chain if line.chain == "teos" else ""
                group.create_task(self.there.until_recorded(chain, line.address, 3))
        for line in self.lines.values():
            line.lasting[-1] = True


@dataclass
class Compared:
    """What broke, in words, and how much was compared."""

    broken: list[str] = field(default_factory=list)
    changes: int = 0
    alerts: int = 0
    deliveries: int = 0
    repeats: int = 0

    def expect(self, holds: bool, words: str) -> None:
        if not holds:
            self.broken.append(words)


def compare(there: Stand, truth: Truth, recorded_at_kill: list[set[str]]) -> Compared:
    """Hold the store and the channels against what was true. `recorded_at_kill`: ids sent, per kill."""
    found = Compared()
    health = there.damage()
    found.expect(not health, f"integrity: {health[:3]}")
    rows = there.query(
        "SELECT a.chain, a.address, s.token, c.before, c.after, c.after_at FROM changes c"
        " JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset ORDER BY c.id"
    )
    for name, line in truth.lines.items():
        history = [row for row in rows if row[:3] == line.key]
        _history(found, name, line, history)
        _told_of(found, there, history)
    _levels(found, there, truth.lines["hot"], rows)
    _deliveries(found, there, recorded_at_kill)
    ledger(found, there)
    return found


def _history(found: Compared, name: str, line: Line, history: list[Any]) -> None:
    """History is what was true, in that order, without a gap; what lasted is all there."""
    found.changes += len(history)
    for before, after in pairwise(history):
        found.expect(before[4] == after[3], f"{name}: history has a gap between {before} and {after}")
    seen = [Decimal(row[4]) for row in history]
    lasting = [value for value, lasted in zip(line.values, line.lasting, strict=True) if lasted]
    if lasting and not lasting[0]:
        lasting = lasting[1:]  # it began with nothing, which is no row
    found.expect(_within(seen, line.values), f"{name}: history has what was never true, or in another order")
    missing = [str(value) for value in _unmatched(lasting, seen)]
    found.expect(not missing, f"{name}: changes that lasted are not in history: {missing[:5]}")


def _within(part: list[Decimal], whole: list[Decimal]) -> bool:
    return not list(_unmatched(part, whole))


def _unmatched(part: list[Decimal], whole: list[Decimal]) -> Iterator[Decimal]:
    """What of `part` is not found in `whole`, in that order."""
    rest = iter(whole)
    for value in part:
        if not any(each == value for each in rest):
            yield value
            return


def _told_of(found: Compared, there: Stand, history: list[Any]) -> None:
    """Each change after the first sight is owed to every channel, as what it was."""
    for chain, address, token, before, after, at in history:
        if before is None:
            continue
        rule = "gone" if after == "0" else "new" if before == "0" else "moved"
        owed = there.query(
            "SELECT DISTINCT d.channel FROM messages m JOIN deliveries d ON d.message = m.id"  # noqa: S608
            f" WHERE m.at = {at} AND m.rule = '{rule}' AND m.subject LIKE '%/{address}/%/{token}'"
        )
        found.alerts += 1
        found.expect(len(owed) == len(CHANNELS), f"{rule} of {chain} {before} -> {after} owed to {owed}")


def _levels(found: Compared, there: Stand, line: Line, rows: list[Any]) -> None:
    """The threshold rule said exactly what the amounts in history say, in their order."""
    firing = False
    expected: list[str] = []
    for row in rows:
        if row[:3] != line.key:
            continue
        amount = Decimal(row[4])
        if not firing and amount < Decimal("0.5"):
            firing, expected = True, [*expected, "firing"]
        elif firing and amount > Decimal("0.8"):
            firing, expected = False, [*expected, "resolved"]
    told = [kind for (kind,) in there.query("SELECT kind FROM messages WHERE rule = 'low' ORDER BY id")]
    found.alerts += len(expected)
    found.expect(told == expected, f"rule low told {told[-6:]}, history says {expected[-6:]}")
    live = there.query("SELECT count(*) FROM alerts WHERE rule = 'low' AND state = 'firing'")
    found.expect(live == [(int(firing),)], f"rule low: {live} firing, history says {firing}")
    orphans = there.query(
        "SELECT a.id, a.state FROM alerts a WHERE a.fired_at IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM messages m WHERE m.alert = a.id AND m.kind = 'firing')"
    )
    found.expect(not orphans, f"alerts that fired and were never told: {orphans}")
    forgotten = there.query("SELECT id, rule, since FROM alerts WHERE state = 'pending'")
    found.expect(not forgotten or line.values[-1] < Decimal("0.5"), f"pending and forgotten: {forgotten}")


def _deliveries(found: Compared, there: Stand, recorded_at_kill: list[set[str]]) -> None:
    rows = there.query(
        "SELECT substr(d.id, 1, 8), d.channel, d.state, m.alert, m.kind FROM deliveries d"
        " JOIN messages m ON m.id = d.message ORDER BY m.id, d.created"
    )
    found.deliveries += len(rows)
    unsent = [row for row in rows if row[2] != "sent"]
    found.expect(not unsent, f"never delivered: {unsent[:3]}")
    for name, far in there.fars.items():
        ours = [row for row in rows if row[1] == name]
        first: dict[str, int] = {}
        last_kill: dict[str, int] = {}
        for place, message in enumerate(far.taken):
            kills = message.kills
            for each in message.ids:
                if each in first:
                    found.repeats += 1
                    may = kills > last_kill[each] or message.bad_day
                    found.expect(may, f"{name}: {each} came twice in one life")
                    recorded = any(
                        known.startswith(each) for k in range(kills) for known in recorded_at_kill[k]
                    )
                    found.expect(not recorded, f"{name}: {each} was recorded as sent, and sent again")
                first.setdefault(each, place)
                last_kill[each] = kills
        lost = [row[0] for row in ours if row[0] not in first]
        found.expect(len(lost) <= far.counted, f"{name}: recorded as sent, never taken: {lost[:3]}")
        orders: dict[str, list[int]] = {}
        for row in ours:
            if row[0] in first and row[4] in ("firing", "resolved"):
                orders.setdefault(row[3], []).append(first[row[0]])
        wrong = [alert for alert, places in orders.items() if places != sorted(places)]
        found.expect(not wrong, f"{name}: told out of order: {wrong[:3]}")


def ledger(found: Compared, there: Stand) -> None:
    """What was booked is at least what the provider metered, and both keep to the plan."""
    used = there.sim.coinstats.credits_used
    ((sum_,),) = there.query("SELECT coalesce(sum(credits), 0) FROM spending WHERE source = 'coinstats'")
    booked = int(sum_)
    found.expect(booked >= used, f"{used} credits were metered, only {booked} booked")
    limit = there.sim.coinstats.credits_limit
    found.expect(used <= limit, f"{used} credits were metered, the plan has {limit}")
    found.expect(booked <= limit, f"{booked} credits were booked, the plan has {limit}")
