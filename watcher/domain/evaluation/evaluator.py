"""Rule evaluator: rules over what was read, into alerts and what is to be told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Alert, AlertState, Subject, Terms, Transition, advance, withdraw
from watcher.domain.decision import Decision, Question, Recalled, Snapshot, SumKey
from watcher.domain.evaluation.aggregates import AggregateEvaluator
from watcher.domain.evaluation.builtin_notices import UNREPORTED_RULE
from watcher.domain.evaluation.composer import MessageComposer, level_numbers, level_values
from watcher.domain.evaluation.implied_zeros import absences
from watcher.domain.evaluation.memo import Concerned, Memo
from watcher.domain.evaluation.renamed_assets import renamed
from watcher.domain.evaluation.routing import Router
from watcher.domain.evaluation.rule_health import POLLS, RuleHealth
from watcher.domain.evaluation.rule_index import BUILT_IN
from watcher.domain.evaluation.windows import WindowEvaluator
from watcher.domain.messages.message import Kind, OfSource, Severity, change_facts
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Change, Outcome, Reading, subject_key
from watcher.domain.readings.prices import Weighed, assumed
from watcher.domain.readings.reconcile import UNREPORTED, Reconciled
from watcher.domain.rules import LevelRule, Rule, StateRule, Use
from watcher.domain.rules.lookback import Baseline
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.formatting import amount, moment, money
from watcher.domain.values.formatting import price as show_price
from watcher.domain.values.ranges import Range
from watcher.domain.values.verdict import Answer, Verdict, met, not_met


class RuleEvaluator:
    """Collects what one decision says. Lives for one call of `decide` or `decide_by_time`."""

    def __init__(
        self,
        past: Snapshot,
        memo: Memo,
        now: datetime,
        running_since: datetime,
        recalled: Mapping[Question, Recalled] = EMPTY,
    ) -> None:
        rules = memo.rules
        self._past, self._memo, self._rules = past, memo, rules
        self._now, self._running_since = now, running_since
        self._alarmed: dict[Account | None, list[Alert]] = {}
        for alert in past.alerts.values():
            self._alarmed.setdefault(alert.account, []).append(alert)
        self._router = Router(past, rules, now)
        self._composer = MessageComposer(rules, now, self._router)
        self._rule_health = RuleHealth(past, memo, now, running_since, self._composer, recalled)
        self._sums = AggregateEvaluator(past, memo, now, self._composer, self._rule_health)
        self._windows = WindowEvaluator(past, memo, now, recalled, self._composer)
        self.alerts: list[Alert] = []

    @property
    def marks(self) -> list[Baseline]:
        return self._windows.marks

    @property
    def flaps(self) -> dict[tuple[str, str], Flap]:
        return self._router.flaps

    @property
    def due(self) -> dict[SumKey, bool]:
        """Sums that are to be judged apart."""
        return self._sums.due

    def finish(self) -> Decision:
        """Route what is to be told, once everything is judged: what rules have to say."""
        self.alerts = self._composer.finish([*self.alerts, *self._rule_health.alerts])
        return Decision(
            at=self._now,
            alerts=tuple(self.alerts),
            deliveries=tuple(self._composer.deliveries),
            flaps=self._router.flaps,
            sums=self._sums.due or EMPTY,
        )

    @property
    def rescaled(self) -> list[tuple[Account, Asset]]:
        """Holdings whose unit this decision changes; to be filled before they are judged."""
        return self._windows.rescaled

    def account(
        self, reconciled: Reconciled, outcome: Outcome, changes: Sequence[Change], *, renaming: bool = True
    ) -> None:
        """Everything that rules have to say about one account after one outcome.

        `renaming`: the reading may have names that are not known yet.
        """
        concerned = self._memo.of(reconciled.state.account)
        if isinstance(outcome, Reading):
            if changes and (concerned.events or concerned.trails):
                for change in changes:
                    self._events(concerned, change)
            lacking = _lacking(concerned, reconciled, outcome)
            if concerned.levels and (renaming or lacking or not self._quiet(reconciled, outcome)):
                self._levels(concerned, reconciled, outcome, changes)
            if concerned.trailing:
                asking = (concerned, reconciled, outcome, changes)
                self._windows.trailing(*asking, live=self._live, advance=self._advance)
            if concerned.named:
                account, symbols = reconciled.state.account, self._past.symbols
                for rule, asset in absences(concerned.named, self._past, reconciled, outcome, self._now):
                    self._level(rule, account, asset, symbols.get(asset, ""), (ZERO, None, None))
            self._sums.read(reconciled)
            self._seen(concerned, reconciled, outcome, lacking)
        else:
            self._rule_health.unread(concerned, reconciled.state)
            if reconciled.state.misses >= POLLS:
                self._sums.missed(reconciled.state.account)
        self._reported(reconciled)
        if concerned.clocks:
            self.clocks(reconciled.state)

    def _seen(
        self, concerned: Concerned, reconciled: Reconciled, reading: Reading, lacking: Sequence[Asset]
    ) -> None:
        """Which rules could not be judged by this reading, and which can again."""
        state = reconciled.state
        if state.stale:
            self._rule_health.doubted(concerned, reconciled, reading)
        for asset in lacking:
            if asset in self._past.quotes:
                continue  # a change is measured by its last price
            symbol = reading.symbols.get(asset) or self._past.symbols.get(asset, "")
            choice = concerned.pick(asset, symbol)
            for rule in (*(each for each, _ in choice.events), *choice.trails):
                if rule.priced:
                    why = f"{symbol or asset.token} never had a price"
                    self._rule_health.unpriced(rule, state.account, asset, symbol, why)
        if state.account in self._alarmed:
            self._rule_health.read(reconciled, self._alarmed[state.account])

    def clocks(self, state: AccountState) -> None:
        """Rules that time alone can meet."""
        concerned, last = self._memo.of(state.account), state.last_attempt
        if concerned.patience is not None and last is not None and state.account not in self._alarmed:
            read = state.last_reading
            if read is not None and self._now - read <= concerned.patience:
                return
        for rule in concerned.clocks:
            answer = rule.answer(state, self._now, self._running_since)
            if answer is Answer.UNKNOWN or (answer is Answer.NOT_MET and state.account not in self._alarmed):
                continue
            subject = self._composer.subject(state.account)
            alert = self._live(rule, subject.key)
            verdict = rule.judge(state, self._now, self._running_since)
            step = self._advance(rule, alert, subject, verdict)
            self._composer.alert(rule, step, self._composer.where(state.account), [])

    def unread(self, account: Account) -> None:
        """Sums of which an account is a part that was not read for long."""
        if not self._memo.of(account).clocks:  # else that is told otherwise
            self._sums.unread(account)

    def budgets(self, uses: Mapping[str, Use]) -> None:
        """Rules about the credits of sources whose ledger is known; the others stay as they are."""
        for rule in self._rules.budgets if uses else ():
            use = uses.get(rule.source)
            if use is None:
                continue
            subject = Subject(rule.source, f"source {rule.source}", "", None)
            alert = self._live(rule, subject.key)
            firing = alert is not None and alert.state is AlertState.FIRING
            step = self._advance(rule, alert, subject, rule.judge(use, firing=firing))
            self._composer.alert(rule, step, OfSource(rule.source), use.facts())

    def sums(self, prices: Weighed, symbols: Mapping[Asset, str]) -> None:
        """Rules over sums, once all accounts of this decision are learnt. Both are what it will keep."""
        self._sums.judge(prices, symbols, self._advance)

    def all_sums(self, wanted: Mapping[SumKey, bool]) -> None:
        """All rules over sums that the memo has, of a past that has all their accounts. `wanted`: as in
        `Decision.sums`."""
        self._sums.judge_all(wanted, self._advance)

    def remind(self, alert: Alert) -> None:
        """What time alone brings about for a firing alert; not for one that was judged just now."""
        rule = self._rules.voice(alert.rule)
        if any(judged.id == alert.id for judged in self.alerts):
            return
        step = self._router.overdue(rule, alert)
        if step.alert is not None and not self._sums.left(alert):
            self.alerts.append(step.alert)
            self._again(rule, step, alert.held if step.tell is Kind.FIRING else "")

    def withdraw(self, alert: Alert, because: str) -> None:
        """End an alert for another reason than its condition, and tell who heard of it."""
        step = withdraw(alert, because, self._now)
        if step.alert is not None:
            self.alerts.append(step.alert)
        self._again(self._rules.voice(alert.rule), step, "")

    def count_anew(self, alert: Alert) -> None:
        """Forget how often this alert came and went."""
        self._router.flaps[alert.rule, alert.subject] = Flap()

    def release(self, mine: Callable[[Alert], bool]) -> None:
        """Tell of alerts that are over whose message was held back and is not any more.

        Before all else: of a later alert on the same subject people hear after it.
        """
        for alert in self._past.owing:
            rule = self._rules.voice(alert.rule)
            if not mine(alert):
                continue
            if not self._router.hold_of(rule, alert) and not self._sums.left(alert):
                self.alerts.append(alert)
                self._again(rule, Transition(alert, alert.owed), alert.held)

    def _again(self, rule: Rule | None, step: Transition, held: str) -> None:
        """Tell a step that no reading of now has brought about, with what was read last."""
        alert = step.alert
        if step.tell is None or alert is None:
            return
        found = self._sums.known_place(alert)
        known = found if found is not None else self._composer.known_place(alert, self._past)
        where, facts, values, numbers = known
        if held:
            facts.append(("Held back", held))
        self._composer.alert(rule, step, where, facts, values=values, numbers=numbers)

    def _events(self, concerned: Concerned, change: Change) -> None:
        if change.before is None:
            return
        choice = concerned.pick(change.asset, change.symbol)
        for rule, untold in choice.events:
            if not untold(change) and rule.answer(change) is Answer.MET:
                self._composer.event(rule, change, rule.judge(change))
        for trail in choice.trails:
            self._windows.change(trail, change)

    def _quiet(self, reconciled: Reconciled, reading: Reading) -> bool:
        """Whether the fast path shows that no level rule has anything to say. The reading must have no name
        that the snapshot does not have."""
        if reconciled.state.account in self._alarmed:
            return False
        path = self._memo.fast_path(reconciled.state, self._past, reconciled.accepted)
        return path is not None and path.quiet(reading.prices)

    def _levels(
        self, concerned: Concerned, reconciled: Reconciled, reading: Reading, changes: Sequence[Change]
    ) -> None:
        """Level rules, over the assets that this reading settled."""
        stale, chains, shut = reconciled.state.stale, reconciled.chains, reconciled.state.quarantined
        symbols, prices, known = reading.symbols, reading.prices, self._past.symbols
        calm = reconciled.state.account not in self._alarmed
        for asset, held in reconciled.state.amounts.items():
            symbol = symbols.get(asset) or known.get(asset, "")
            choice = concerned.pick(asset, symbol)
            if not choice.levels or asset.chain not in chains or (stale and asset in stale):
                continue
            if shut and asset in shut:
                continue
            price = prices.get(asset)
            quick = calm and (price is not None or not held or not concerned.priced)
            if quick and choice.calm(held, price):
                continue
            # What anybody sent decides nothing by its claimed worth, nor by the name that it bears.
            new = asset in reconciled.state.newcomers
            for rule, unmet in choice.levels:
                if (new and self._ignores(rule, reconciled.state.account, asset)) or (
                    calm and unmet(held, price)
                ):
                    continue
                moved = next((change for change in changes if change.asset == asset), None)
                self._level(rule, reconciled.state.account, asset, symbol, (held, price, moved))
        if calm:
            return
        mine, amounts = self._alarmed[reconciled.state.account], reconciled.state.amounts
        for rule, asset, symbol in renamed(concerned, mine, reconciled, reading, self._past, self._rules):
            moved = next((change for change in changes if change.asset == asset), None)
            seen = (amounts[asset], prices.get(asset), moved)
            self._level(rule, reconciled.state.account, asset, symbol, seen)

    def _ignores(self, rule: LevelRule, account: Account, asset: Asset) -> bool:
        """Whether a rule has nothing to say of what nobody asked for. One that names assets means others,
        unless it has said something already, which must end."""
        return rule.priced or (
            bool(rule.match.assets) and self._live(rule, subject_key(account, asset)) is None
        )

    def _level(
        self,
        rule: LevelRule,
        account: Account,
        asset: Asset,
        symbol: str,
        seen: tuple[Decimal, Decimal | None, Change | None],
    ) -> None:
        held, price, moved = seen
        alert = self._live(rule, subject_key(account, asset))
        firing = alert is not None and alert.state is AlertState.FIRING
        answer = rule.answer(held, price, firing=firing)
        if alert is None and answer is Answer.NOT_MET:
            return
        if answer is Answer.UNKNOWN:
            verdict = rule.judge_unpriced(held, self._assumed(asset, symbol), symbol, firing=firing)
        else:
            verdict = rule.judge(held, price, symbol, firing=firing)
        if verdict.answer is Answer.UNKNOWN:
            self._rule_health.unpriced(rule, account, asset, symbol, verdict.because)
            return
        if alert is None and verdict.answer is Answer.NOT_MET:
            return
        step = self._advance(rule, alert, self._composer.subject(account, asset, symbol), verdict)
        if step.tell is None:
            return
        facts = [("Amount", f"{amount(held)} {symbol}".rstrip())]
        if moved is not None and moved.before is not None:
            facts = change_facts(moved)
        elif price is not None:
            facts.append(("Value", f"{money(times(held, price))} at {show_price(price)}"))
        where, distance = self._composer.where(account, asset, symbol), rule.near(held, price).distance
        numbers = level_numbers(held, price, moved, distance)
        self._composer.alert(rule, step, where, facts, values=level_values(held, price), numbers=numbers)

    def _assumed(self, asset: Asset, symbol: str) -> Range:
        """What the price of an asset may be that the reading has none for."""
        past = self._past
        return assumed(symbol or asset.token, past.quotes.get(asset), past.doubts.get(asset))

    def _reported(self, reconciled: Reconciled) -> None:
        """The built-in notice: a chain that held value is left out even when asked for alone."""
        account = reconciled.state.account
        for chain, count in reconciled.state.omitted.items():
            if count >= UNREPORTED:
                since = moment(reconciled.state.seen.get(chain))
                why = "emptied, or dropped by the provider"
                self._notice(account, chain, met(f"no longer reported ({why}); last read {since}"))
        if account in self._alarmed:
            for chain in reconciled.chains:
                self._notice(account, chain, not_met("reported again"))

    def _notice(self, account: Account, chain: str, verdict: Verdict) -> None:
        key = subject_key(account, Asset(chain, ""))
        wallet = self._rules.wallets[account].name
        subject = Subject(key, f"{wallet} on {chain}", wallet, account)
        alert = self._past.alerts.get((UNREPORTED_RULE, key))
        terms = Terms(UNREPORTED_RULE, BUILT_IN, Severity.CRITICAL)
        step = advance(alert, verdict, terms, subject, self._now)
        if step.alert is not None:
            self.alerts.append(step.alert)
        self._composer.alert(None, step, self._composer.where(account), [])

    def _live(self, rule: StateRule, key: str) -> Alert | None:
        """The live alert with which this rule goes on."""
        alert = self._past.alerts.get((rule.id, key))
        return alert if alert is not None and self._memo.goes_on(alert) else None

    def _advance(
        self, rule: StateRule, alert: Alert | None, subject: Subject, verdict: Verdict
    ) -> Transition:
        fingerprint = self._memo.judged_as(rule.id, subject.key)
        wait, reads = rule.terms()
        repeat = rule.repeat_after(alert.repeats if alert is not None else 0)
        terms = Terms(rule.id, fingerprint, rule.severity, wait, reads, repeat, rule.keep_firing_for)
        step = advance(alert, verdict, terms, subject, self._now)
        if step.alert is not None:
            self.alerts.append(step.alert)
        return step


def _lacking(concerned: Concerned, reconciled: Reconciled, reading: Reading) -> list[Asset]:
    """What rules see by its price, is held, and came without one."""
    state, prices = reconciled.state, reading.prices
    if not concerned.priced or len(prices) >= len(state.amounts):
        return []
    return [
        asset
        for asset, held in state.amounts.items()
        if held and asset not in prices and asset not in state.quarantined
        if asset.chain in reconciled.chains and asset not in state.stale
    ]
