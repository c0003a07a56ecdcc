"""Hint plans: what hint sources tell of the accounts of one polled source, and the polls that it is worth."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from watcher.domain.hints.persistence import HINTS
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.model import Account
from watcher.domain.scheduler import Budget, Item
from watcher.ports.hints import MISSED, HintWord
from watcher.service.schedule_items import key_of

log = logging.getLogger(__name__)


class HintPlans:
    """What is planned upon hints of one polled source. The schedule that is built here is told of them."""

    fact: ClassVar = HINTS
    """Under this name the store keeps what was learnt of them."""

    def __init__(
        self,
        source: str,
        coverage: Mapping[Account, Sequence[str]],
        ticked: Mapping[Account, Item],
        waste: float,
    ) -> None:
        """`coverage`: of which accounts which hint sources may tell. `ticked`: those of them that ticks ask
        for. `waste`: the share of the credits' pace that polls may take which find nothing."""
        self._source, self._waste = source, waste
        self._coverage = {key_of(account): names for account, names in coverage.items()}
        self._accounts = {key_of(account): account for account in coverage}
        self.ticked = ticked
        self._words: dict[Account, HintWord] = {}
        """The word upon which each account is polled next, or was polled last."""
        self._polled: set[Account] = set()
        """Those of which that was polled upon: it counts until another one comes."""
        self._scheduler: HintedScheduler | None = None
        self._kept: Mapping[str, Any] | None = None

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back what an earlier run learnt."""
        try:
            kept = json.loads(facts.get(HINTS, "null"))
        except ValueError:
            kept = None
        self._kept = kept if isinstance(kept, dict) else None

    def build(
        self,
        items: Sequence[Item],
        budget: Budget,
        now: float,
        *,
        state: Mapping[str, Any] | None,
        seen: Mapping[str, float],
        fairness: float,
    ) -> HintedScheduler:
        """A schedule that is told of hints. What was learnt of them goes on.

        ValueError, KeyError or TypeError if `state` is unsound.
        """
        if self._scheduler is not None:
            self._kept = self._scheduler.dump_hints()

        def built(hints: Mapping[str, Any] | None) -> HintedScheduler:
            return HintedScheduler(
                items, budget, now, coverage=self._coverage, waste=self._waste, hints=hints, state=state,
                seen=seen, fairness=fairness,
            )  # fmt: skip

        try:
            self._scheduler = built(self._kept)
        except (ValueError, KeyError, TypeError) as error:
            # If it is `state` that is unsound this raises again, and whoever asked tries without that.
            self._scheduler = built(None)
            log.warning("what was learnt of hints of %s cannot be used: %s", self._source, error)
        for key, told in self._scheduler.desk.accounts.items():
            if told.pending is not None and told.pending.by:  # it waited when the last run ended
                word = HintWord(told.pending.by[0], datetime.fromtimestamp(now, UTC), "")
                self._words.setdefault(self._accounts[key], word)
        return self._scheduler

    def hinted(self, account: Account, word: HintWord) -> bool:
        """Word came that an account has probably changed; whether that was not known."""
        if self._scheduler is None:
            return False
        news = self._scheduler.hint(key_of(account), word.by, word.at.timestamp())
        if news or account in self._polled or account not in self._words:
            self._words[account] = word
            self._polled.discard(account)
        return news

    def missed(self, accounts: Sequence[Account], by: str, at: datetime) -> None:
        """Hints of these may be missing."""
        if self._scheduler is None:
            return
        waiting = self._scheduler.desk.accounts
        for account in accounts:
            known = waiting.get(key_of(account))
            if known is not None and known.pending is None:
                self._words[account] = HintWord(by, at, MISSED)
                self._polled.discard(account)
        self._scheduler.gap([key_of(account) for account in accounts], at.timestamp())

    def word_of(self, account: Account) -> HintWord | None:
        """Upon which word an account is polled now. One word may take several polls, until the provider shows
        what it told of."""
        self._polled.add(account)
        return self._words.get(account)

    def is_cause(self, key: str) -> bool:
        """Whether the account that is due is so because of a hint."""
        return self._scheduler is not None and self._scheduler.hinted(key)

    def silent_since(self, by: str) -> datetime | None:
        """Since when changes were found that this source told nothing of."""
        trust = self._scheduler.desk.trust.get(by) if self._scheduler is not None else None
        since = trust.silent_since if trust is not None else None
        return datetime.fromtimestamp(since, UTC) if since is not None else None

    def parts(self, size: int) -> Iterator[Mapping[str, Any]]:
        """What was learnt, for the next start: first all but `accounts`, then so many of these at a time."""
        assert self._scheduler is not None  # noqa: S101 (it was built)
        return self._scheduler.dump_hints_in_parts(size)
