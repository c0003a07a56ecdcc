"""What happens to a store over days, as chance has it; and all that it can be asked afterwards."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from tests.contract.given import by
from tests.domain.given import ETH, HOT, START, WALLETS
from tests.fakes import FakeClock
from tests.store.test_same_fresh import HELD, RULES, SPAM, outcome
from watcher.commands.alerts import acknowledge, add_silence
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.selection import AlertFilter, Stage
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, Asset, Outcome, Reading
from watcher.domain.readings.asset_policies import AssetEntry, Policies
from watcher.domain.records import replace
from watcher.domain.rules import TYPES
from watcher.domain.rules.lookback import BaselineOf, ChangesIn
from watcher.ports.hints import HintedPoll, HintWord
from watcher.ports.period import MovedHolding
from watcher.ports.queries import ChartQuery, Queries
from watcher.ports.store import Settlement, Store
from watcher.service.engine import RuleEngine

PLAN = Allowance(CreditPlan(10**9))
CHANNELS = ("ops", "phone")
HOLDINGS = [(account, asset) for account, assets in HELD.items() for asset in assets]
Step = tuple[str, Any, float]
"""What happens, with what, and a number that decides the rest."""


class Life:
    """One store, the rules over it, and what people do."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.last = store, FakeClock(START), START
        policies = Policies([AssetEntry.model_validate({"floor_usd": "1"})])
        rules = Rules(
            [TYPES[each["type"]].model_validate(each) for each in RULES], WALLETS, CHANNELS, policies
        )
        self.engine = RuleEngine(store, rules, self.clock, running_since=START)

    async def play(self, step: Step, after: timedelta) -> None:
        await self.clock.advance(after.total_seconds())
        self.last, (kind, what, chance) = self.clock.now(), step
        await getattr(self, f"_{kind}")(what, chance)
        await self.store.running(START, self.last)

    async def _see(self, outcomes: Sequence[Outcome], chance: float) -> None:
        source, read = outcomes[0].account.source, sum(isinstance(each, Reading) for each in outcomes)
        mine = [each for each in outcomes if each.account.source == source]
        grant = await self.store.reserve(Booking(source, len(mine), 40, Purpose.SCHEDULED, self.last), PLAN)
        assert isinstance(grant, Grant)
        charged = None if chance < 0.1 else 30 if chance < 0.2 else 40
        word = HintWord("net" if chance < 0.5 else "hook", self.last - timedelta(seconds=3), "0xäb:1")
        hinted = tuple(
            HintedPoll(each.account, word, self.last, False if isinstance(each, Reading) else None, 40)
            for each in mine[: round(chance * 4)]
        )
        settled = Settlement(grant, self.last, charged, read, len(mine) - read, hinted=hinted)
        if chance > 0.95:
            await self.store.fail(replace(settled, failure="cut off"))
        else:
            await self.engine.judge(mine, self.last, settled)

    async def _wait(self, *_: object) -> None:
        await self.engine.judge_time(list(WALLETS))

    async def _deliver(self, _: object, chance: float) -> None:
        due = by_id(await self.store.due("ops", self.last, 99))[:3]
        state = DeliveryState.SENT if chance < 0.6 else DeliveryState.GIVEN_UP if chance < 0.8 else None
        done = [replace(each, attempts=each.attempts + 1, last_error="503") for each in due]
        if state is None:
            done = [replace(each, due=self.last + timedelta(minutes=3)) for each in done]
        elif state is DeliveryState.SENT:
            done = [replace(each, state=state, sent=self.last, last_error="") for each in done]
        else:
            done = [replace(each, state=state) for each in done]
        await self.store.settle(done)

    async def _ack(self, *_: object) -> None:
        with self.store.queries() as queries:
            ids = [alert.id for alert in queries.live_alerts()]
            events = [event.id for event in queries.events(9)]
        acknowledge(self.store, by(self.last), [*ids[:2], *events[:1], *events[-1:]], "on it")

    async def _silence(self, *_: object) -> None:
        add_silence(self.store, by(self.last), timedelta(minutes=30), "works", rules=("low",))

    async def _expire(self, *_: object) -> None:
        with self.store.queries() as queries:
            ids = [each.id for each in queries.silences()]
        self.store.commands(by(self.last)).expire_silences(ids[-1:])

    async def _retry(self, *_: object) -> None:
        self.store.commands(by(self.last)).retry(self._listed("given_up"))

    async def _drop(self, *_: object) -> None:
        self.store.commands(by(self.last)).drop(self._listed("pending")[:1])

    async def _hide(self, asset: Asset, chance: float) -> None:
        known = (await self.store.load([HOT])).accounts
        if HOT in known and asset in known[HOT].amounts:
            commands, holdings = self.store.commands(by(self.last)), [(HOT, asset)]
            if chance < 0.6:
                commands.hide(holdings, "works")
            else:
                commands.release(holdings)

    def _listed(self, state: str) -> list[str]:
        with self.store.queries() as queries:
            return sorted(each.id for each in queries.deliveries(state, 9999))[:3]


def _selections(now: datetime, alerts: Sequence[Alert]) -> list[AlertFilter]:
    some = alerts[0] if alerts else None
    return [
        AlertFilter(),
        *(AlertFilter({stage}) for stage in Stage),
        AlertFilter({Stage.FIRING, Stage.EVENT}, severity=Severity.CRITICAL),
        AlertFilter(acknowledged=True),
        AlertFilter(acknowledged=False, since=now - timedelta(hours=2)),
        AlertFilter(since=now - timedelta(hours=9), until=now - timedelta(hours=2)),
        AlertFilter(rule="moved"),
        AlertFilter(wallet="hot", severity=Severity.WARNING),
        AlertFilter(text="HOT"),
        AlertFilter(text="1%"),
        AlertFilter(text=some.because[1:6] if some else "x", among=[each.id for each in alerts[::2]]),
    ]


def answers(queries: Queries, now: datetime) -> dict[str, Any]:
    """What a store says to every question; what has no order of its own is put in one."""
    week, alerts = now - timedelta(days=7), queries.alerts(1000)
    recorded = queries.recorded(now - timedelta(hours=6))
    chart = queries.tracks(ChartQuery(list(WALLETS), now - timedelta(hours=9), now, wallet="hot"))
    sparks = queries.sparks(list(WALLETS), now - timedelta(hours=9), now, 6)
    past = queries.past()
    spans = [(now - timedelta(hours=9), now - timedelta(hours=2)), (now - timedelta(hours=2), now)]
    statements = [queries.statement([HOT, *WALLETS], *span) for span in spans]
    quiet = queries.statement([HOT, *WALLETS], *spans[0], holdings=False)
    moved = [_moved(queries, span, asset) for span in spans for asset in (None, ETH)]
    steps = [queries.price_steps(*span, 7, asset) for span in spans for asset in (None, ETH)]
    then = queries.then(now - timedelta(hours=3), lambda *_: Decimal(7))
    return {
        "past": replace(past, symbols=_named(past.symbols)),
        "names": queries.other_names(),
        "history": queries.history(1000),
        "of one": queries.history(9, [HOT], now - timedelta(hours=5), [ETH, SPAM]),
        "oldest": queries.oldest(),
        "known": [queries.known_since(each) for each in ([HOT], [HOT, *WALLETS], [])],
        "recorded": replace(recorded, symbols={}, polls=[]),
        "symbols": _named(recorded.symbols),
        "polls": recorded.polls,
        "tracks": sorted(chart.tracks, key=repr),
        "chart": replace(chart, tracks=(), told=(), held=()),
        "held": set(chart.held),
        "told": sorted(chart.told, key=repr),
        "sparks": ({key: sorted(points) for key, points in sparks.before.items()}, sparks.readings),
        "statements": [replace(each, events=(), alerts=()) for each in statements],
        "happened": [(set(each.events), sorted(each.alerts, key=repr)) for each in statements],
        "quiet": replace(quiet, events=(), alerts=()),
        "moved": moved,
        "price steps": steps,
        "then": then,
        "marks": [queries.mark(BaselineOf("drift", *holding)) for holding in HOLDINGS],
        "changes": [queries.changes(ChangesIn(*each, START, now)) for each in HOLDINGS],
        "newest": [queries.newest(*holding, 3) for holding in HOLDINGS],
        "prices": [queries.prices(asset, week, 5) for _, asset in HOLDINGS],
        "requests": queries.requests(1000),
        "hinted": [queries.hinted_polls(week, 1000), queries.hinted_polls(week, 3, HOT)],
        "tallies": queries.hint_tallies(now - timedelta(hours=3)),
        "hours": [(queries.hours(name, week), queries.spent(name, week)) for name in ("coinstats", "teos")],
        "facts": [
            queries.facts("coinstats"),
            queries.fact("coinstats", "unit"),
            queries.fact("teos", "unit"),
        ],
        "deliveries": [by_id(queries.deliveries(state, 9999)) for state in (None, *map(str, DeliveryState))],
        "when": [each.created for each in queries.deliveries(None, 20, 3)],
        "counts": queries.counts(),
        "waiting": sorted(queries.waiting()),
        "named": [queries.named_deliveries(text) for text in ("a", "0", "")],
        "channels": queries.channels([*CHANNELS, "nobody"]),
        "alerts": [alerts, queries.alerts(3, 2), queries.live_alerts()],
        "each": [(queries.alert(each.id), by_id(queries.deliveries_of(each.id))) for each in alerts],
        "named alerts": [
            queries.named_alerts(text) for text in ("b", "0", "", alerts[0].id if alerts else "x")
        ],
        "last": [queries.last_alert(each.rule, each.subject) for each in alerts],
        "events": [by_id(queries.latest_event("moved", each.subject)) for each in alerts],
        "all events": [queries.events(1000), queries.events(2, 1)],
        "looked through": [
            (queries.happened(wanted, 30, skip, worst=worst), queries.count_happened(wanted))
            for wanted in _selections(now, alerts)
            for skip, worst in ((0, False), (3, False), (0, True), (3, True))
        ],
        "together": [queries.told_together(each.message.id) for each in by_id(queries.deliveries(None, 500))],
        "one": [queries.delivery(each.id) for each in by_id(queries.deliveries(None, 500))[:3]],
        "silences": queries.silences(),
        "audit": [
            queries.audit(wanted, 1000)
            for wanted in (AuditFilter(), AuditFilter(text="WORKS"), AuditFilter(week, AuditAction.RETRY))
        ],
    }


def _moved(
    queries: Queries, span: tuple[datetime, datetime], asset: Asset | None
) -> dict[Account, list[MovedHolding]]:
    """By account: those of one come together."""
    found: dict[Account, list[MovedHolding]] = {}
    for account, holdings in groupby(
        queries.moved([HOT, *WALLETS], *span, 9, asset), lambda each: each.account
    ):
        assert account not in found
        found[account] = sorted(holdings)
    return found


def by_id(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Of one moment they come in the order in which they were decided, which is no promise."""
    return sorted(deliveries, key=lambda each: each.id)


def _named(symbols: Mapping[Asset, str]) -> dict[Asset, str]:
    return {asset: name for asset, name in symbols.items() if name}


KIND_OF_STEPS = ["see"] * 12 + ["deliver"] * 3
KIND_OF_STEPS += ["wait", "ack", "silence", "expire", "retry", "drop", "hide", "hide"]


async def live(lives: Sequence[Life], seed: int, steps: int = 80) -> AsyncIterator[int]:
    """The same happens to all of these; each step by its number."""
    chance, held = random.Random(seed), dict[tuple[Account, Asset], str]()
    for number in range(steps):
        kind = chance.choice(KIND_OF_STEPS)
        what: object = chance.choice([ETH, SPAM])
        if kind == "see":
            seen = [outcome(chance, held) for _ in range(2)]
            what = list({each.account: each for each in seen}.values())
        after, luck = timedelta(seconds=chance.randrange(1, 1500)), chance.random()
        for life in lives:
            await life.play((kind, what, luck), after)
            await life.store.keep_facts("coinstats", {"unit": str(number)}, life.last)
        yield number
