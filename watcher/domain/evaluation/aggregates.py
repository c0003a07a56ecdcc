"""Aggregate evaluator: rules over sums, those to which this decision brings news, each once."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.aggregates.contributions import View
from watcher.domain.aggregates.due import due, grown_old, key_of, renamed
from watcher.domain.aggregates.index import AggregateIndex
from watcher.domain.aggregates.total import Sum, Summed
from watcher.domain.alerts.lifecycle import Alert, AlertState, Subject, Transition
from watcher.domain.decision import Snapshot, SumKey
from watcher.domain.evaluation.composer import MessageComposer
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_health import POLLS, RuleHealth
from watcher.domain.messages.message import NOTHING, OfAggregate, Particulars, Place
from watcher.domain.model import EMPTY, Account, AccountState, Asset
from watcher.domain.readings.prices import Weighed
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.readings.unknowns import Unknown
from watcher.domain.rules import StateRule
from watcher.domain.values.decimals import times, total
from watcher.domain.values.formatting import amount, money, plain
from watcher.domain.values.ranges import Range
from watcher.domain.values.verdict import Answer, Verdict

Advance = Callable[[StateRule, Alert | None, Subject, Verdict], Transition]

SHOWN = 5
"""Parts that a message lists."""


class AggregateEvaluator:
    """Collects what one decision says of sums. Lives for one call of `decide` or `decide_by_time`."""

    def __init__(
        self, past: Snapshot, memo: Memo, now: datetime, composer: MessageComposer, rule_health: RuleHealth
    ) -> None:
        self._past, self._memo, self._now, self._composer = past, memo, now, composer
        self._rule_health = rule_health
        self._read: list[Reconciled] = []
        self._missed: list[Account] = []
        self.due: dict[SumKey, bool] = {}
        """To be judged apart, as `Decision.sums`."""

    def read(self, reconciled: Reconciled) -> None:
        """An account was read; it may be a part of sums."""
        self._read.append(reconciled)

    def missed(self, account: Account) -> None:
        """An account could not be read, once more; sums of which it is a part may be blind for it."""
        self._missed.append(account)

    def judge(self, prices: Weighed, symbols: Mapping[Asset, str], advance: Advance) -> None:
        """Every subject that this decision brings news to, once. Prices and symbols are what it will keep."""
        sums = self._memo.sums
        if not (self._read or self._missed) or not sums:
            return
        view = self._view(
            {reconciled.state.account: reconciled.state for reconciled in self._read}, prices, symbols
        )
        if self._past.apart:
            self.due |= dict.fromkeys(renamed(sums, view, symbols), False)
            self.due |= due(sums, view, self._read, self._missed)
            sums = self._of_one_account(sums)
        sums.look(view, symbols)
        judged = news(sums, view, self._read)
        for summed, alert in judged.items():
            self._subject(summed, alert, view, advance)
            for each in summed.sums:
                each.settle()
        for account in self._missed:
            for each in sums.of(account):
                for summed in each.concerns:
                    self._blinded(summed, each.unread(account, view, ""), view)

    def _of_one_account(self, sums: AggregateIndex) -> AggregateIndex:
        """Those of which a decision that does not see everyone has the only account."""
        accounts = [*(reconciled.state.account for reconciled in self._read), *self._missed]
        found = (summed for account in accounts for each in sums.of(account) for summed in each.concerns)
        return sums.only(summed.key for summed in found if not summed.several)

    def judge_all(self, wanted: Mapping[SumKey, bool], advance: Advance) -> None:
        """Those subjects that the memo has, of a past that has all their accounts and nothing else."""
        view = self._view(EMPTY, Weighed(self._past, self._now), EMPTY)
        self._memo.sums.look(view)
        for key, summed in self._memo.sums.by_key.items():
            if key not in wanted:
                continue
            self._subject(summed, self._past.alerts.get(key), view, advance, read=wanted[key])
            for each in summed.sums:
                for account in each.accounts:
                    state = view.state(account)
                    if state is not None and state.misses >= POLLS:
                        self._blinded(summed, each.unread(account, view, ""), view)

    def unread(self, account: Account) -> None:
        """Time has passed without a reading of this account. One that polls fail for speaks for itself."""
        sums, state = self._memo.sums, self._past.accounts.get(account)
        if self._past.apart and sums and state is not None and state.misses < POLLS:
            view = self._view(EMPTY, Weighed(self._past, self._now), EMPTY)
            self.due |= grown_old(sums, view, account)

    def left(self, alert: Alert) -> bool:
        """Whether what this alert is about has to be judged apart; then that is noted."""
        key = key_of(alert)
        summed = self._memo.sums.by_key.get(key) if self._past.apart else None
        if summed is None or not summed.several:
            return False
        self.due.setdefault(key, False)
        return True

    def known_place(
        self, alert: Alert
    ) -> tuple[Place, list[tuple[str, str]], dict[str, str], Particulars] | None:
        """What a message that no reading of now has brought about says of a sum; None if it is not on one."""
        key, sums = key_of(alert), self._memo.sums
        summed = sums.by_key.get(key)
        if summed is None:
            return None
        if self._past.apart:
            if summed.several:
                return whole(summed), [], {}, NOTHING
            sums = sums.only([key])
            summed = sums.by_key[key]
        view = self._view(EMPTY, Weighed(self._past, self._now), EMPTY)
        sums.look(view)
        return whole(summed), facts(summed, view), values(summed, view), numbers(summed, view)

    def _subject(
        self, summed: Summed, alert: Alert | None, view: View, advance: Advance, *, read: bool = True
    ) -> None:
        """`read`: a reading was about it. Else what waits for readings waits on."""
        rule = summed.rule
        if alert is not None and not self._memo.goes_on(alert):
            alert = None
        firing = alert is not None and alert.state is AlertState.FIRING
        totals = tuple([each.total(view) for each in summed.sums])
        answer = rule.answer_sums(totals, firing=firing)
        calm = alert is None and answer is Answer.NOT_MET
        summed.calm = summed.stamp() if calm else -1
        if answer is Answer.UNKNOWN:
            if read:
                self._blind(summed, rule.judge_sums(totals, firing=firing).because, view)
            return
        self._rule_health.sees(rule, summed.subject.key, whole(summed))
        waits = alert is not None and alert.state is AlertState.PENDING and answer is Answer.MET
        if calm or (waits and not read):
            return
        step = advance(rule, alert, summed.subject, rule.judge_sums(totals, firing=firing))
        if step.tell is not None:
            lines, seen = facts(summed, view), numbers(summed, view, rule.near_sums(totals).distance)
            self._composer.alert(rule, step, whole(summed), lines, values=values(summed, view), numbers=seen)

    def _blind(self, summed: Summed, why: str, view: View) -> None:
        """It was judged, and nothing can be said. An account that polls fail for speaks for itself, with the
        next one that fails; one that was not asked may be asked any moment."""
        trouble = summed.trouble(view, why)
        if trouble.unread is not None:
            state = view.state(trouble.unread)
            if state is None or state.misses:
                return
            trouble = trouble._replace(since=None)
        self._note(summed, trouble)

    def _blinded(self, summed: Summed, unread: Unknown | None, view: View) -> None:
        """An account could not be read, once more: whether that is why nothing can be said."""
        totals = tuple([each.total(view) for each in summed.sums])
        verdict = summed.rule.judge_sums(totals, firing=False)
        if unread is not None and verdict.answer is Answer.UNKNOWN:
            self._note(summed, unread._replace(why=verdict.because))

    def _note(self, summed: Summed, trouble: Unknown) -> None:
        accounts = {account for each in summed.sums for account in each.accounts}
        self._rule_health.note(summed.rule, summed.subject, trouble, accounts, whole(summed))

    def _view(
        self, learnt: Mapping[Account, AccountState], prices: Weighed, symbols: Mapping[Asset, str]
    ) -> View:
        names = ChainMap(dict(symbols), self._past.symbols) if symbols else self._past.symbols  # type: ignore[arg-type]
        return View(self._past, self._now, names, prices.quotes, prices.doubts, learnt)


def news(sums: AggregateIndex, view: View, read: Sequence[Reconciled]) -> dict[Summed, Alert | None]:
    """The subjects of which at least one part was read, with their live alerts.

    A reading that does not speak of the part is no news. Where nothing that is summed has changed since
    there was found to be no reason for an alert, there is nothing to say.
    """
    read_of: dict[Sum, list[Reconciled]] = {}
    for reconciled in read:
        for each in sums.of(reconciled.state.account):
            if each.calm == each.version + each.selection.repriced:
                continue
            if each in read_of:
                read_of[each].append(reconciled)
            else:
                read_of[each] = [reconciled]
    alerts = view.past.alerts
    found: dict[Summed, Alert | None] = {}
    for each, readings in read_of.items():
        if any(_heard(each, reconciled, view) for reconciled in readings):
            for summed in each.concerns:
                if summed.calm != summed.stamp():
                    found[summed] = alerts.get((summed.rule.id, summed.subject.key))
    return found


def _heard(each: Sum, reconciled: Reconciled, view: View) -> bool:
    """Whether a reading speaks of what this account adds to a sum."""
    chains = each.part(reconciled.state.account, view).chains
    return not chains or not reconciled.chains.isdisjoint(chains)


def whole(summed: Summed) -> OfAggregate:
    """What a message about this subject says first."""
    accounts = sum(len(each.accounts) for each in summed.sums)
    return OfAggregate(summed.subject.label, summed.subject.wallet, summed.subject.key, accounts)


def facts(summed: Summed, view: View) -> list[tuple[str, str]]:
    """What the sums come to, and the largest parts of them."""
    found: list[tuple[str, str]] = []
    for each in summed.sums:
        side, chosen = each.total(view), each.selection.side
        if side.amount is not None and chosen.amounts:
            found.append(("Amount", f"{amount(side.amount)} {side.symbol}".rstrip()))
        if side.value is not None:
            found.append(("Value", money(side.value)))
        elif side.value_between is not None:
            found += [("Value", spread(side.value_between)), ("Assumed", side.value_between.assumed)]
        if side.amount is None and side.value is None and side.value_between is None:
            why = side.why_no_amount if chosen.amounts else side.why_no_value
            found.append(("Sum", f"not known: {why}"))
            continue
        found += _parts(each, view, side.symbol, valued=chosen.valued)
        if left_out := each.left_out(view):
            found.append(("Left out", left_out))
    return found


def spread(found: Range) -> str:
    """A value of which the ends are known."""
    if found.high is None:
        return f"at least {money(found.low)}"
    return f"from {money(found.low)} to {money(found.high)}"


def values(summed: Summed, view: View) -> dict[str, str]:
    """The variables of templates that a sum gives: those of its first side."""
    first = summed.sums[0].total(view)
    found = {"symbol": first.symbol}
    if first.amount is not None and summed.sums[0].selection.side.amounts:
        found["amount"] = plain(first.amount)
    if first.value is not None:
        found["value"] = money(first.value)
    return found


def numbers(summed: Summed, view: View, distance: Decimal | None = None) -> Particulars:
    """What the first side comes to, and how far that is beyond the level, as a share of it."""
    first, chosen = summed.sums[0].total(view), summed.sums[0].selection.side
    gravity = distance.copy_abs() if distance is not None else None
    held = first.amount if chosen.amounts else None
    return Particulars(symbol=first.symbol, after=held, sum_usd=first.value, gravity=gravity)


def _parts(each: Sum, view: View, symbol: str, *, valued: bool) -> list[tuple[str, str]]:
    sizes: list[tuple[Decimal, str]] = []
    for account in each.accounts:
        part = each.part(account, view)
        if valued:
            priced = ((held, view.price(asset)) for asset, held in part.amounts.items())
            size = total(times(held, price) for held, price in priced if price is not None)
        else:
            size = total(part.amounts.values())
        sizes.append((size, f"{each.selection.wallets[account].name} on {account.chain}"))
    sizes.sort(key=lambda pair: pair[0], reverse=True)
    lines = [("Part", f"{where}: {money(size) if valued else f'{amount(size)} {symbol}'.rstrip()}")
             for size, where in sizes[:SHOWN]]  # fmt: skip
    if len(sizes) > SHOWN:
        rest = total(size for size, _ in sizes[SHOWN:])
        text = money(rest) if valued else f"{amount(rest)} {symbol}".rstrip()
        lines.append(("Part", f"{len(sizes) - SHOWN} more accounts: {text}"))
    return lines
