"""Empty wallets: nothing was ever seen in them, perhaps for a slip in the address; readings are paid for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import Account, AccountState, Wallet
from watcher.domain.values.formatting import counted

EMPTY_RULE = "watcher.empty"
"""The built-in notice about wallets that never held anything."""

SHOWN = 10

EMPTY_FOR = timedelta(days=1)
"""A wallet that held nothing for so long since it was first asked for may have a slip in its address."""


def never_held(
    wallets: Mapping[Account, Wallet], states: Mapping[Account, AccountState], now: datetime
) -> dict[str, datetime]:
    """Wallets all of whose accounts were read for a day and more, and in which nothing was ever seen; with
    since when they are watched."""
    found: dict[str, datetime] = {}
    others: set[str] = set()
    for account, wallet in wallets.items():
        state = states.get(account)
        since = state.watched_since if state is not None else None
        last = state.last_reading if state is not None else None
        if state is None or since is None or last is None or state.amounts or last - since < EMPTY_FOR:
            others.add(wallet.name)
        else:
            found[wallet.name] = min(found.get(wallet.name, now), since)
    return {name: since for name, since in found.items() if name not in others}


def crossing(past: Snapshot, states: Iterable[AccountState], rules: Rules, now: datetime) -> set[str]:
    """The wallets of which an account is known to have been empty for long enough from these readings on."""
    return {rules.wallets[state.account].name for state in states if _crosses(past, state, now)}


def empty_notices(
    crossed: Collection[str], known: Mapping[Account, AccountState], rules: Rules, now: datetime
) -> list[Delivery]:
    """One notice about those of these wallets that never held anything. `known` has all their accounts."""
    if not crossed:
        return []
    mine = {account: wallet for account, wallet in rules.wallets.items() if wallet.name in crossed}
    names = sorted(never_held(mine, known, now))
    if not names:
        return []
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    title = f"{counted(len(names), 'wallet')} held nothing in the first day: {shown}"
    places = [f"{wallet.name}: {account.address} on {account.chain}" for account, wallet in mine.items()]
    facts = (
        ("Where", "; ".join(place for place in places if place.partition(":")[0] in names[:SHOWN])),
        ("To do", "see that each address is right; every reading of it is paid for"),
    )
    identity = short_id(EMPTY_RULE, *names)
    name = names[0] if len(names) == 1 else ""
    message = Message(identity, Kind.NOTICE, Severity.INFO, EMPTY_RULE, "empty", name, title, facts, now)
    return [Delivery(short_id(identity, each), each, message, now, now) for each in rules.channels]


def _crosses(past: Snapshot, state: AccountState, now: datetime) -> bool:
    """Whether this reading is the first one that shows an account to have been empty for long enough."""
    if state.amounts or state.watched_since is None or state.last_reading != now:
        return False
    before = past.accounts.get(state.account)
    last = before.last_reading if before is not None else None
    return last is not None and last - state.watched_since < EMPTY_FOR <= now - state.watched_since
