"""Fault isolation: accounts that fail while others of their source are read.

A request that fails may fail for one of its accounts. All of them are then asked for in ever smaller
requests, until the one that fails by itself is known. It is kept apart from there on and asked for ever more
rarely, and what was found out outlives the process. Pure: no request is made here.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.domain.alerts.source_health import FAILS_AFTER, REQUESTS
from watcher.domain.model import Account, MissReason
from watcher.domain.records import Record, replace

EVERYBODY = frozenset({MissReason.EXHAUSTED, MissReason.RATE_LIMITED, MissReason.UNAUTHORIZED})
"""Said at the door, whatever was asked for: never the fault of one part."""

CULPRITS = "culprits"
"""Under this name the store keeps the accounts of a source that fail by themselves."""

PARTS = 4
"""A request that failed is asked again in so many parts. Halves would cost fewer calls; but credits are paid
by the account and time-outs by the request, so fewer steps are cheaper."""

RETURNS = 16
"""What failed by itself and is read again goes back to the others by and by, as if so many had failed."""

NEAREST, FARTHEST = timedelta(minutes=1), timedelta(hours=1)
"""How long what fails by itself is left alone, from its second failure in a row on, and at last."""

FARTHEST_PAID = timedelta(days=1)
"""The same of what every answer leaves out, and is paid for all the same."""

NEVER_READ = 3
"""Answers in a row that left out an account that was never read, until it is one that fails by itself."""


class Isolation(Record, frozen=True):
    """What fails by itself: since when, how often in a row, and when it is worth trying again."""

    since: datetime
    tries: int
    until: datetime
    paid: bool = False
    """Answers come, and leave it out."""

    @property
    def distance(self) -> timedelta:
        return _distance(self.tries, FARTHEST_PAID if self.paid else FARTHEST)

    @property
    def tried(self) -> datetime:
        """When it failed last."""
        return self.until - self.distance

    @property
    def lasting(self) -> bool:
        """Whether it has failed for long enough that people should know."""
        return self.tries >= REQUESTS and self.until - self.since >= FAILS_AFTER

    def waits(self, now: datetime) -> bool:
        """A time farther off than any distance comes from a clock that was set back since."""
        return now < self.until <= now + self.distance


def farther(
    before: Isolation | None, now: datetime, began: datetime | None = None, *, paid: bool = False
) -> Isolation:
    """One more failure in a row: twice the distance. `began`: when the first one was, if not now."""
    tries = before.tries + 1 if before is not None else 1
    since = before.since if before is not None else began or now
    found = Isolation(min(since, now), tries, now, paid)
    return replace(found, until=now + found.distance)


def _distance(tries: int, farthest: timedelta) -> timedelta:
    return min(NEAREST * (1 << min(tries - 2, 11)), farthest) if tries > 1 else timedelta(0)


class FailingAccount(Record, frozen=True):
    """One account that failed lately, by itself or with others."""

    most: int
    """It is asked for in a request of so many accounts at most."""
    size: int
    """Accounts of the request that failed first."""
    since: datetime
    """When that was."""
    failed: bool = True
    """It was not read when it was asked for last."""
    apart: Isolation | None = None
    """It fails by itself."""
    why: str = ""
    part: str = ""
    """What it shares with all others that fail for the same cause (an asset); empty: it fails alone."""

    @property
    def news(self) -> bool:
        """Whether it has failed by itself for long enough that people should know."""
        return self.apart is not None and self.apart.lasting


class FailingAccounts:
    """The suspects among the accounts of one source."""

    def __init__(self) -> None:
        self._known: dict[Account, FailingAccount] = {}

    def get(self, account: Account) -> FailingAccount | None:
        return self._known.get(account)

    def sharing(self, part: str) -> list[Account]:
        """The accounts that fail for the same cause."""
        return [account for account, each in self._known.items() if part and each.part == part]

    def apart(self) -> list[tuple[Account, FailingAccount]]:
        """The accounts that fail by themselves."""
        return [(account, each) for account, each in self._known.items() if each.apart is not None]

    def addresses_apart(self) -> int:
        """How many addresses fail by themselves."""
        return len({account.address for account, _ in self.apart()})

    @property
    def searching(self) -> bool:
        """Whether it is not known yet which of the accounts that failed is the cause."""
        return any(each.failed and each.apart is None for each in self._known.values())

    def waits(self, account: Account, now: datetime) -> bool:
        """Whether it fails by itself and was tried a short while ago."""
        known = self._known.get(account)
        return known is not None and known.apart is not None and known.apart.waits(now)

    def together(self, accounts: Sequence[Account]) -> list[list[Account]]:
        """Who may be asked for with whom: those above suspicion first, then the larger groups."""
        known = self._known
        if not known:
            return [list(accounts)] if accounts else []
        groups: list[list[Account]] = [[account for account in accounts if account not in known]]
        for account in sorted((a for a in accounts if a in known), key=lambda a: -known[a].most):
            if len(groups) > 1 and len(groups[-1]) < known[account].most:
                groups[-1].append(account)
            else:
                groups.append([account])
        return [group for group in groups if group]

    def least(self, accounts: Sequence[Account]) -> list[Account]:
        """Those of them that are least suspicious."""
        known = self._known
        rank = {a: known[a].most if a in known else len(accounts) + 1 for a in accounts}
        return [account for account in accounts if rank[account] == max(rank.values())]

    def failed(self, accounts: Sequence[Account], why: str, now: datetime, *, now_open: bool = True) -> None:
        """They were asked for together, and none was read; or one alone, while nothing else can be read.

        `now_open`: they are asked for again soon, to find the cause.
        """
        for account in accounts:
            known, size = self._known.get(account), len(accounts)
            most = max(1, size // PARTS)
            before = known if known is not None and known.failed else FailingAccount(most, size, now)
            most = min(most, known.most) if known is not None else most
            self._known[account] = replace(before, most=most, failed=now_open, why=why)

    def alone(
        self, accounts: Iterable[Account], why: str, now: datetime, part: str = "", *, paid: bool = False
    ) -> None:
        """Each of them fails by itself, while the source answers others; with it all that share the cause."""
        sharing = {account: self._known.get(account) for account in (*accounts, *self.sharing(part))}
        known_apart = [each.apart for each in sharing.values() if each is not None and each.apart is not None]
        began = min(
            (each.since for each in sharing.values() if each is not None and each.failed), default=now
        )
        apart = farther(max(known_apart, key=lambda each: each.tries, default=None), now, began, paid=paid)
        for account, found in sharing.items():
            known = found or FailingAccount(1, RETURNS, now)
            self._known[account] = replace(known, most=1, failed=True, apart=apart, why=why, part=part)

    def read(self, account: Account) -> FailingAccount | None:
        """It was read; returns what was known of it if it had failed by itself."""
        known = self._known.pop(account, None)
        if known is None:
            return None
        most = known.most * PARTS
        if most < known.size:
            self._known[account] = replace(known, most=most, failed=False, apart=None, part="")
        return known if known.apart is not None else None

    def dump(self) -> str:
        """Those that fail by themselves, as a fact for the store."""
        found = {
            f"{account.chain}:{account.address}": {
                "since": each.apart.since.isoformat(),
                "tries": each.apart.tries,
                "until": each.apart.until.isoformat(),
                "why": each.why,
                "part": each.part,
                "paid": each.apart.paid,
            }
            for account, each in self.apart()
            if each.apart is not None
        }
        return json.dumps(found)

    def forget_apart(self, text: str) -> None:
        """Forget those that fail by themselves as `dump` said: others know better."""
        known = self._known.items()
        keys = json.loads(text)
        self._known = {a: each for a, each in known if f"{a.chain}:{a.address}" not in keys or not each.apart}

    def load(self, text: str | None, source: str, watched: Container[Account]) -> None:
        """The inverse of `dump`, for accounts that are still watched; what cannot be read is forgotten."""
        try:
            for key, value in json.loads(text or "{}").items():
                since, until = _time(value["since"]), _time(value["until"])
                apart = Isolation(since, int(value["tries"]), until, bool(value.get("paid")))
                chain, _, address = key.partition(":")
                account = Account(source, chain, address)
                if account in watched and apart.tries > 0:
                    why, part = str(value["why"]), str(value["part"])
                    self._known[account] = FailingAccount(
                        1, RETURNS, apart.since, apart=apart, why=why, part=part
                    )
        except (ValueError, TypeError, KeyError, AttributeError):
            return


def merged(theirs: str | None, before: str, after: str) -> str:
    """What others have written down by now, with what has changed here from `before` to `after`."""
    try:
        known, old, new = json.loads(theirs or "{}"), json.loads(before), json.loads(after)
        gone = old.keys() - new.keys()
        found = {key: value for key, value in known.items() if key not in gone}
    except (ValueError, AttributeError):
        return after
    return json.dumps(found | {key: value for key, value in new.items() if old.get(key) != value})


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
