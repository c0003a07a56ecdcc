"""Hint matching: which watched accounts a hint is about, and whether it was told before."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.normalization import address_key
from watcher.ports.hints import Where

REMEMBERED = 10_000
"""Hints of one source by which a later one is known as told before."""


class HintIndex:
    """The accounts that a hint source covers, by address."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.accounts = tuple(dict.fromkeys(accounts))
        self._at: dict[str, tuple[tuple[str, Account], ...]] = {}
        for account in self.accounts:
            chain = "" if account.chain in SWEEPS else canonical(account.chain)
            key = address_key(account.address)
            self._at[key] = (*self._at.get(key, ()), (chain, account))

    def about(self, where: Where) -> list[Account]:
        """The accounts that a hint is about; none if nobody watches that place. One that is asked for all
        chains at once is meant by each of them, and a hint without a chain means all at its address."""
        found = self._at.get(where.address, ())
        return [account for chain, account in found if not (chain and where.chain) or chain == where.chain]


class ToldBefore:
    """The last hints of one source. Those of addresses that nobody watches must not come here: a flood of
    them would push out the others."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Where], None] = {}

    def __call__(self, identity: str, where: Where) -> bool:
        """Whether this hint was told before. One event can be told about two places. Without a name nobody
        can say."""
        key = (identity, where)
        if not identity:
            return False
        if key in self._known:
            return True
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return False
