"""A small world around `decide` and `decide_by_time`: it keeps what a store would keep, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import (
    Decision,
    LastRead,
    PriceAt,
    Question,
    Recalled,
    Revision,
    Snapshot,
    SumKey,
)
from watcher.domain.evaluation.asset_identity import recognise
from watcher.domain.evaluation.decide import decide, decide_by_time, decide_on_rules, differing, questions
from watcher.domain.evaluation.decide_sums import decide_on_sums, parts_of, questions_on_sums
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import (
    Account,
    AccountState,
    Asset,
    Change,
    Miss,
    MissReason,
    Outcome,
    PriceSuspicion,
    Quote,
    Reading,
    Wallet,
)
from watcher.domain.records import replace
from watcher.domain.rules import Rule
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MEMO_CHANGED = """What was remembered has changed what is decided.

Each decision is made twice: with the memo of those before, and with an empty one. With its memo it judges
a trailing rule only after a change, while there is an alert, and from `speaks_at` on; with an empty one,
always. So look at `speaks_at` first (None, or too late?), then at `unmet`, `bound`, `untold` and
`patience`: they may leave out only what `judge` does not meet."""
AGAIN_SOON = timedelta(seconds=15)

HOT = Account("coinstats", "ethereum", "0xaa")
SWEEP = Account("coinstats", "all", "0xbb")
DESK = Account("teos", "teos", "0xcc")
ETH = Asset("ethereum", "ethereum")
USDC = Asset("ethereum", "0xa0b8")
SOL = Asset("solana", "solana")
BOND = Asset("teos", "0xfc6")
NOTE = Asset("teos", "0xfc7")
SYMBOLS = {ETH: "ETH", USDC: "USDC", SOL: "SOL", BOND: "BOND", NOTE: "NOTE"}
WALLETS = {
    HOT: Wallet("hot", "coinstats", HOT.address, ("gas",)),
    SWEEP: Wallet("fund", "coinstats", SWEEP.address),
    DESK: Wallet("desk", "teos", DESK.address, asked=(), units="sources.teos.units"),
}


def reading(
    account: Account,
    amounts: Mapping[Asset, str],
    prices: Mapping[Asset, str] | None = None,
    *,
    complete: Iterable[str] | None = None,
    unclear: Iterable[Asset] = (),
    symbols: Mapping[Asset, str] = SYMBOLS,
) -> Reading:
    """A reading that is complete on the account's own chain, or on the chains said."""
    if complete is None:
        own = {account.chain} if account.chain not in ("all", "teos") else {asset.chain for asset in amounts}
        complete = own - {"teos"}
    return Reading(
        account,
        {asset: Decimal(amount) for asset, amount in amounts.items()},
        {asset: Decimal(price) for asset, price in (prices or {}).items()},
        {asset: symbols[asset] for asset in amounts if asset in symbols},
        frozenset(complete),
        dict.fromkeys(unclear, "it came twice"),
        names_all=account.chain != "teos",
    )


def omitted(account: Account) -> Miss:
    return Miss(account, MissReason.OMITTED, "the answer does not mention it")


def failed(account: Account) -> Miss:
    return Miss(account, MissReason.TIMEOUT)


def still(marks: Mapping[BaselineOf, Baseline], standing: Mapping[str, str]) -> dict[BaselineOf, Baseline]:
    """What rules in force remember; what was another wording's is marked so for good."""
    return {
        of: mark if standing[of.rule] == mark.fingerprint else replace(mark, fingerprint="")
        for of, mark in marks.items()
        if of.rule in standing
    }


class World:
    """Plays the store: keeps states, live alerts, quotes and the whole outbox."""

    equal = True
    """Whether decisions must be the same with an empty memo, word by word."""

    def __init__(
        self,
        *rules: Rule,
        wallets: Mapping[Account, Wallet] = WALLETS,
        channels: tuple[str, ...] = ("ops",),
    ) -> None:
        self.wallets = wallets
        self.rules, self.memo = Rules(rules, wallets, channels), Memo()
        self.now = self.running_since = START
        self.channels = channels
        self.silences: list[Silence] = []
        self.flaps: dict[tuple[str, str], Flap] = {}
        self.states: dict[Account, AccountState] = {}
        self.alerts: dict[str, Alert] = {}
        self.quotes: dict[Asset, Quote] = {}
        self.prices: list[tuple[Asset, Quote]] = []
        self.symbols: dict[Asset, str] = {}
        self.doubts: dict[Asset, PriceSuspicion] = {}
        self.told: list[Delivery] = []
        self.changes: list[Change] = []
        self.marks: dict[BaselineOf, Baseline] = {}
        self.same: dict[Asset, Asset] = {}
        self.former: dict[Asset, tuple[str, ...]] = {}
        self.named_at: dict[Asset, datetime] = {}
        self.named = 0
        """Conclusions that brought names."""
        self.asked: list[Question] = []
        self.last = Decision(START)

    @property
    def live(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.live]

    def past(self) -> Snapshot:
        alerts = {(alert.rule, alert.subject): alert for alert in self.live}
        return Snapshot(
            dict(self.states),
            alerts,
            dict(self.quotes),
            dict(self.symbols),
            dict(self.doubts),
            names=Revision(self, self.named),
            same=dict(self.same),
            former=dict(self.former),
            named_at=dict(self.named_at),
            silences=tuple(self.silences),
            firing=firing(self.live),
            owing=tuple(alert for alert in self.alerts.values() if alert.owing),
            flaps=dict(self.flaps),
        )

    def whole(self) -> Snapshot:
        """All that is known."""
        return self.past()

    def see(self, *seen: Outcome, after: timedelta = MINUTE) -> list[str]:
        """One request's outcomes, some time later; what was told, as words."""
        self.now += after
        asked = self.asked
        decision = self._decide(seen, self.memo)
        asked, self.asked = self.asked, list(asked)
        fresh = self._decide(seen, Memo())
        assert decision == fresh or not self.equal, MEMO_CHANGED
        self.asked = asked
        return self._keep(decision)

    def _decide(self, seen: Sequence[Outcome], memo: Memo) -> Decision:
        names = recognise(self.past(), seen, self.rules, self.now, memo=memo)
        past, seen = names.past, tuple(names.outcomes)
        compared = differing(past, seen)
        asked = questions(past, seen, rules=self.rules, now=self.now, compared=compared, memo=memo)
        return decide(
            past, seen, self.rules, self.now, running_since=self.running_since, recalled=self._recall(asked),
            compared=compared, names=names, memo=memo,
        )  # fmt: skip

    def wait(self, duration: timedelta) -> list[str]:
        self.now += duration
        past, since = self.past(), self.running_since
        accounts = list(self.wallets)
        return self._keep(
            decide_by_time(past, accounts, self.rules, self.now, running_since=since, memo=self.memo)
        )

    def restart(self, *rules: Rule, after: timedelta = timedelta(0)) -> list[str]:
        """Forget all that is not in the store, and start again, perhaps under other rules."""
        self.now += after
        self.states = {account: _copied(state) for account, state in self.states.items()}
        self.rules = Rules(rules or tuple(self.rules.by_id.values()), self.wallets, self.channels)
        self.running_since = self.now
        return self._keep(decide_on_rules(self.past(), self.rules, self.now, memo=self.memo))

    def acknowledge(self, by: str = "bob", comment: str = "") -> None:
        """Everything that fires."""
        for alert in self.live:
            if alert.state is AlertState.FIRING:
                self.alerts[alert.id] = replace(alert, acknowledged=Ack(by, self.now, comment))

    def silence(self, duration: timedelta, **globs: tuple[str, ...]) -> Silence:
        silence = Silence(f"s{len(self.silences)}", "bob", "works", self.now, self.now + duration, **globs)
        self.silences.append(silence)
        return silence

    def _recall(self, asked: Sequence[Question]) -> dict[Question, Recalled]:
        found: dict[Question, Recalled] = {}
        for question in asked:
            self.asked.append(question)
            if isinstance(question, BaselineOf):
                found[question] = self.marks.get(question)
                continue
            if isinstance(question, ChangesIn):
                found[question] = self._changes_in(question)
                continue
            if isinstance(question, LastRead):
                mine = (state for state in self.states.values() if state.account.source == question.source)
                found[question] = frozenset(each.account for each in mine if each.seen and not each.misses)
                continue
            assert isinstance(question, PriceAt)
            known = [q.price for asset, q in self.prices if asset == question.asset and q.at <= question.at]
            found[question] = known[-1] if known else None
        return found

    def _changes_in(self, asked: ChangesIn) -> tuple[Change, ...]:
        rows = [change for change in self.changes if change[:2] == asked[:2]]
        rows = [change for change in rows if asked.since < change.after_at <= asked.until]
        return tuple(sorted(rows, key=lambda change: change.after_at))

    def _keep(self, conclusion: Decision) -> list[str]:
        self.last = conclusion
        self.states.update({state.account: state for state in conclusion.accounts})
        self.alerts.update({alert.id: alert for alert in conclusion.alerts})
        self.flaps.update(conclusion.flaps)
        self.quotes.update(conclusion.quotes)
        self.prices += conclusion.quotes.items()
        self.named += bool(conclusion.symbols)
        self.named_at.update({a: conclusion.at for a in conclusion.symbols if self.symbols.get(a)})
        self.symbols.update(conclusion.symbols)
        self.same.update(conclusion.same)
        self.former.update(conclusion.former)
        update_doubts(self.doubts, conclusion)
        self.changes += conclusion.changes
        for of in [of for of in self.marks if (of.account, of.asset) in conclusion.rescaled]:
            del self.marks[of]
        self.marks.update({mark.question: mark for mark in conclusion.marks})
        if conclusion.standing is not None:
            self.marks = still(self.marks, conclusion.standing)
        self.told += conclusion.deliveries
        return kinds(conclusion.deliveries)

    def fact(self, label: str) -> str:
        """A fact of the last message told."""
        return dict(self.told[-1].message.facts)[label]

    @property
    def title(self) -> str:
        return self.told[-1].message.title


def update_doubts(doubts: dict[Asset, PriceSuspicion], conclusion: Decision) -> None:
    """Keep the doubts that a conclusion raises, drop those that it ends."""
    for asset, doubt in conclusion.doubts.items():
        if doubt is None:
            doubts.pop(asset, None)
        else:
            doubts[asset] = doubt


class Stored(World):
    """A world whose past says what has changed since, as that of a store on disk does."""

    count = 0

    def past(self) -> Snapshot:
        asked = super().past()
        return replace(asked, everyone=self.states, revision=Revision(self.states, self.count))

    def _keep(self, conclusion: Decision) -> list[str]:
        self.count += bool(conclusion.accounts)
        return super()._keep(conclusion)

    def consider(self, *seen: Outcome) -> None:
        """A decision that is not kept: its transaction failed, or it was only tried."""
        since = self.running_since
        decide(self.past(), seen, self.rules, self.now, running_since=since, memo=self.memo)


class Apart(World):
    """A world whose decisions see only the accounts that they are about, as where many processes share a
    store; sums are judged right after."""

    mine: Collection[Account] = ()

    def whole(self) -> Snapshot:
        return super().past()

    def past(self) -> Snapshot:
        asked = super().past()
        states = {account: state for account, state in asked.accounts.items() if account in self.mine}
        alerts = {key: alert for key, alert in asked.alerts.items() if alert.account in (None, *self.mine)}
        return replace(asked, accounts=states, alerts=alerts, apart=True)

    def see(self, *seen: Outcome, after: timedelta = MINUTE) -> list[str]:
        self.mine = [outcome.account for outcome in seen]
        return [*super().see(*seen, after=after), *self._sums()]

    def wait(self, duration: timedelta) -> list[str]:
        self.mine = list(self.wallets)
        return [*super().wait(duration), *self._sums()]

    def restart(self, *rules: Rule, after: timedelta = timedelta(0)) -> list[str]:
        self.mine = list(self.states)
        return [*super().restart(*rules, after=after), *self._sums()]

    def _sums(self) -> list[str]:
        told: list[str] = []
        while sums := self.last.sums:
            decision, fresh = (self._on(sums, memo) for memo in (self.memo, Memo()))
            assert decision == fresh or not self.equal, MEMO_CHANGED
            told += self._keep(decision)
        return told

    def _on(self, sums: Mapping[SumKey, bool], memo: Memo) -> Decision:
        self.mine = parts_of(sums, self.rules, memo)
        past = replace(self.past(), apart=False)
        recalled = self._recall(questions_on_sums(past))
        return decide_on_sums(
            past, sums, self.rules, self.now, running_since=self.running_since, recalled=recalled, memo=memo
        )


def firing(alerts: Iterable[Alert]) -> dict[tuple[str, str], set[str]]:
    """The index of what fires that a store keeps."""
    found: dict[tuple[str, str], set[str]] = {}
    for alert in alerts:
        if alert.live and alert.state is AlertState.FIRING:
            found.setdefault((alert.rule, alert.wallet), set()).add(alert.subject)
    return found


def _copied(state: AccountState) -> AccountState:
    """The same state out of new containers, as a store gives it back."""
    return state._replace(
        amounts={Asset(*asset): Decimal(str(amount)) for asset, amount in state.amounts.items()},
        seen=dict(state.seen),
        stale=dict(state.stale),
        held=dict(state.held),
        omitted=dict(state.omitted),
    )


def kinds(deliveries: Iterable[Delivery]) -> list[str]:
    return [f"{each.message.rule} {each.message.kind}" for each in deliveries]
