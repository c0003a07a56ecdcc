"""How polls go, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from watcher.domain.model import Account, AccountState
from watcher.ports.queries import PollMark
from watcher.reports.health import PollStanding, tally


def tallied(
    accounts: Collection[Account], states: Mapping[Account, AccountState], late: Collection[Account] = ()
) -> dict[str, PollStanding]:
    """The tally of accounts with these states, of which some are late."""
    marks = (PollMark(account, state.last_reading, state.misses) for account, state in states.items())
    return tally(accounts, marks, lambda mark: mark.account in late)
