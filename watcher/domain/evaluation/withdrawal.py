"""Withdrawal: why an alert ends although its condition may hold: what it is about is gone, or its rule is.

Asked when a configuration takes effect. An alert that an edit leaves standing goes on, with its id and its
acknowledgement; whether the edited rule is still met the next reading says.
"""

from __future__ import annotations

from watcher.domain.alerts.lifecycle import EDITED, Alert, AlertState, about
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.builtin_notices import HINTS_RULE, OF_SOURCES, PART_RULE
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import BUILT_IN, Rules, selects
from watcher.domain.model import Account, asset_of, subject_key
from watcher.domain.records import replace
from watcher.domain.rules import BudgetRule, ClockRule, EventRule, SumRule

UNSELECTED = "its rule no longer selects this"


def why_over(alert: Alert, memo: Memo, past: Snapshot) -> str:
    """Why this configuration withdraws a live alert; empty if it goes on."""
    rules, account = memo.rules, alert.account
    if account is not None and account not in rules.wallets:
        return _unwatched(account, alert.wallet, rules)
    if gone := _without_source(alert, rules):
        return gone
    if alert.rule == PART_RULE and account is not None and _unasked(alert, account, rules):
        return f"{alert.label} is no longer watched"
    seen = about(alert.rule)
    if alert.fingerprint == BUILT_IN and seen == alert.rule:
        return ""
    if seen not in rules.by_id:
        return "its rule was removed"
    if not _selected(alert, memo, past):
        if account is None and alert.wallet not in {"", *(each.name for each in rules.wallets.values())}:
            return f"wallet {alert.wallet} is no longer watched"
        return f"{EDITED}: it no longer selects this" if rules.edited(alert) else UNSELECTED
    # What is pending waits for the condition of one wording: under another one it begins anew.
    return "" if memo.stands(alert) or alert.state is AlertState.FIRING else EDITED


def _without_source(alert: Alert, rules: Rules) -> str:
    """That the source, or the hint source, that a notice is about is gone."""
    if alert.rule in OF_SOURCES and alert.subject not in {each.source for each in rules.wallets}:
        return f"source {alert.subject} is no longer watched"
    if alert.rule == HINTS_RULE and alert.subject not in rules.hint_sources:
        return f"hints {alert.subject} are no longer listened to"
    return ""


def _unwatched(account: Account, wallet: str, rules: Rules) -> str:
    if account.source not in {each.source for each in rules.wallets}:
        return f"source {account.source} is no longer watched"
    if any(each.name == wallet for each in rules.wallets.values()):
        return f"{account.chain} of {wallet} is no longer watched"
    return f"wallet {wallet} is no longer watched"


def _unasked(alert: Alert, account: Account, rules: Rules) -> bool:
    """Whether an alert is about assets that were asked for by name, and that nobody asks for any more."""
    kind, _, tokens = alert.label.partition(" ")
    if alert.wallet or kind != "asset" or rules.wallets[account].asked is None:
        return False
    wallets = (wallet for each, wallet in rules.wallets.items() if each.source == account.source)
    asked = {asset.token for wallet in wallets for asset in wallet.asked or ()}
    return asked.isdisjoint(tokens.split(", "))


def _selected(alert: Alert, memo: Memo, past: Snapshot) -> bool:
    """Whether the rule, as it is now, still has this subject: a wallet may have lost its tag, a tag its last
    wallet, and an edited rule may be about something else altogether."""
    rules, seen = memo.rules, about(alert.rule)
    rule, account, blind = rules.by_id[seen], alert.account, seen != alert.rule
    if isinstance(rule, SumRule) and rule.sides():
        return (seen, alert.subject) in memo.sums.by_key
    if isinstance(rule, BudgetRule):
        return alert.subject == rule.source
    if account is None or (isinstance(rule, EventRule) and not blind) or not rules.selects(seen, account):
        return False
    if isinstance(rule, ClockRule):
        return alert.subject == subject_key(account)
    asset = asset_of(alert.subject, account)
    if asset is None:
        return blind  # nothing of the account could be read
    # An asset that was renamed meanwhile is its rule's until the alert is over; not one of an edited rule.
    return (memo.stands(alert) and not blind) or selects(rule, asset, past.symbols.get(asset, ""), memo.also)


def under_its_name(alert: Alert, rules: Rules) -> Alert:
    """The same alert under the name that its wallet has now."""
    if alert.account is None or alert.account not in rules.wallets:
        return alert
    name = rules.wallets[alert.account].name
    if alert.wallet in ("", name):
        return alert
    label = alert.label
    if label.startswith(alert.wallet):
        label = name + label.removeprefix(alert.wallet)
    return replace(alert, wallet=name, label=label)
