"""Fault isolation: tells a source that is down from one part of it that is bad, and finds that part.

After a request that failed, one account alone is asked: one that was read last, if there is any. If it
cannot be read either, the source is down, and one account at a time is tried from there on. If it can, the
fault lies with those that were asked for before: they are asked again in smaller requests, after all others.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence

from watcher.domain.alerts.lifecycle import Subject
from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import PART_TERMS, notice
from watcher.domain.model import Account, Miss, MissReason, Reading
from watcher.domain.readings.fault_isolation import (
    CULPRITS,
    EVERYBODY,
    FailingAccount,
    FailingAccounts,
    merged,
)
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.verdict import Answer, Verdict, met, not_met
from watcher.ports.queue import Batch
from watcher.ports.source import Reply, Request, Source
from watcher.ports.store import Recall
from watcher.service.engine import RuleEngine
from watcher.service.refused_assets import RefusedAssets

log = logging.getLogger(__name__)


PATIENT = (Purpose.SCHEDULED, Purpose.HINTED)
"""What leaves an account alone that fails by itself, until its time has come."""


class FaultIsolation:
    """The suspects of one source, and whether it answers at all."""

    def __init__(self, source: Source, engine: RuleEngine) -> None:
        self._source, self._engine = source, engine
        self._store, self._rules, self._clock = engine.store, engine.rules, engine.clock
        self.suspects = FailingAccounts()
        self.doubted = False
        """The last request that could tell told of no reading: the source may be down."""
        self.blamed = False
        """The last request failed for a cause that is known, and says nothing of the source."""
        self._left: dict[Account, Purpose] = {}
        """Not asked for meanwhile."""
        self._control: Account | None = None
        """Was read last, and nothing ever spoke against it."""
        self._refused = RefusedAssets(source.name, engine)
        self._kept = "{}"
        self._shared: str | None = None
        """What the store has, as far as it was looked at."""
        self._healed: dict[Account, FailingAccount] = {}
        """Can be read again; what people were told of them is yet to be taken back."""

    @property
    def settled(self) -> bool:
        """Whether all but those that fail by themselves can be read."""
        return not self._left and not self.suspects.searching

    def remember(self, facts: str | None) -> None:
        """Take back what an earlier run found out, or take over what others have meanwhile."""
        if facts == self._shared:
            return
        unkept = self.suspects.dump() != self._kept
        self.suspects.forget_apart(self._kept)
        self._shared = facts
        self.suspects.load(facts, self._source.name, self._rules.wallets)
        self._kept = facts or "{}" if unkept else self.suspects.dump()

    def choose(self, batch: Batch) -> Sequence[Account]:
        """Whom of a batch to ask now. The others wait for their time, or for a sign of life."""
        now, asked = self._clock.now(), batch.accounts
        if batch.purpose in PATIENT:
            asked = tuple(account for account in asked if not self.suspects.waits(account, now))
        if not self.doubted or not asked or batch.purpose not in (*PATIENT, Purpose.BY_HAND):
            return asked
        # Not always the same one: it may be the only one that still fails.
        chosen = self._control or random.choice(self.suspects.least(asked))
        self._left.update(dict.fromkeys(set(asked) - {chosen}, batch.purpose))
        return (chosen,)

    def requests(self, accounts: Sequence[Account]) -> list[Request]:
        """As the source splits them, and no suspect with more others than is good for those."""
        now = self._clock.now()
        groups = self.suspects.together(accounts)
        if len(groups) < 2:
            return [request for group in groups for request in self._source.plan(group, now)]
        shared = [request for request in self._source.plan(accounts, now) if request.part]
        settled = {account for request in shared for account in request.accounts}
        found: list[Request] = []
        for group in groups:
            rest = [account for account in group if account not in settled]
            for request in self._source.plan(rest, now):
                if not request.lookup or request.payload not in [each.payload for each in found]:
                    found.append(request)
        return [*found, *shared]

    def step(self, reply: Reply) -> bool:
        """Whether this is but one more step on the way to the culprit: it says nothing of any one account."""
        return (
            not self.doubted
            and len(reply.outcomes) > 1
            and not reply.part
            and _failed(reply)
            and all(self.suspects.get(outcome.account) is not None for outcome in reply.outcomes)
        )

    async def note(self, reply: Reply, purpose: Purpose) -> dict[Account, Purpose]:
        """What came of one request. Returns whom to ask for again now."""
        read = [each.account for each in reply.outcomes if isinstance(each, Reading) and not each.blank]
        before = {account: self.suspects.read(account) for account in read}
        self._healed.update({account: known for account, known in before.items() if known is not None})
        await self._refused.note(reply, self.suspects)
        again: dict[Account, Purpose] = {}
        self.blamed = False
        if read:
            sound = [account for account in read if self.suspects.get(account) is None]
            self._control = sound[-1] if sound else self._control
            self.doubted, again, self._left = False, self._left, {}
        elif _failed(reply):
            again = self._note_failure(reply, purpose)
        if self._healed or reply.failure:
            await self._keep()
        return again

    def _note_failure(self, reply: Reply, purpose: Purpose) -> dict[Account, Purpose]:
        accounts = [outcome.account for outcome in reply.outcomes]
        reasons = {outcome.reason for outcome in reply.outcomes if isinstance(outcome, Miss)}
        doubted, known = self.doubted, [self.suspects.get(account) for account in accounts]
        self.blamed = not doubted and (bool(reply.part) or len(accounts) == 1)
        expected = reply.part or all(each is not None and each.apart is not None for each in known)
        self.doubted = doubted or not expected
        if self._control in accounts:
            self._control = None
        if reasons & EVERYBODY:
            return {}
        if self.blamed:
            self.suspects.alone(accounts, reply.failure, self._clock.now(), reply.part)
            self._say(accounts[0], reply)
            return {}
        now = self._clock.now()
        self.suspects.failed(accounts, reply.failure, now, now_open=purpose is not Purpose.SWEEP)
        if purpose is Purpose.SWEEP:
            return {}
        purpose = purpose if purpose in (Purpose.BY_HAND, Purpose.HINTED) else Purpose.SCHEDULED
        if len(accounts) == 1:  # a look whether anything can be read
            self._left[accounts[0]] = purpose
            return {}
        return dict.fromkeys(accounts, purpose)

    async def left_out(self, unread: Mapping[Account, str]) -> None:
        """Accounts that were never read, and that one more answer left out: each is asked for alone, ever
        more rarely, for every answer is paid for."""
        for account, why in unread.items():
            self.suspects.alone([account], why, self._clock.now(), paid=True)
        if unread:
            await self._keep()

    def _say(self, account: Account, reply: Reply) -> None:
        known = self.suspects.get(account)
        if known is not None and known.apart is not None and known.apart.distance:
            wait = span(known.apart.distance.total_seconds())
            what = reply.part or f"{account.address} on {account.chain}"
            words = "%s: %s fails while others are read, and is left alone for %s: %s"
            log.warning(words, self._source.name, what, wait, reply.failure)

    async def _keep(self) -> None:
        """Tell people of those that fail by themselves for long, and write down who does."""
        text = self.suspects.dump()
        if text == self._kept:
            return
        healed = dict(self._healed)  # while people are told, another request may heal one more
        try:
            await self._tell_all(healed)
            before, now = self._kept, self._clock.now()
            await self._store.change_fact(
                self._source.name, CULPRITS, lambda theirs: merged(theirs, before, text), now
            )
        except StoreError as error:
            log.warning("%s: what fails by itself was not kept: %s", self._source.name, error)
            return
        self._kept = text
        self._healed = {each: known for each, known in self._healed.items() if healed.get(each) is not known}

    async def _tell_all(self, healed: Mapping[Account, FailingAccount]) -> None:
        now, told = self._clock.now(), set[str]()
        for account, known in healed.items():
            lasted = span((now - known.apart.since).total_seconds()) if known.apart is not None else ""
            if not self.suspects.sharing(known.part):
                await self._tell(account, known, not_met(f"it can be read again, after {lasted}"))
        for account, known in self.suspects.apart():
            if known.news and known.part not in told:
                told |= {known.part} - {""}
                await self._tell(account, known, self._verdict(known))

    def _verdict(self, known: FailingAccount) -> Verdict:
        assert known.apart is not None  # noqa: S101 (it is news)
        since, every = moment(known.apart.since), span(known.apart.distance.total_seconds())
        concerned = len(self.suspects.sharing(known.part))
        whose = f"; {counted(concerned, 'account')}" if concerned > 1 else ""
        if known.apart.paid:
            return met(
                f"was never read, though {self._source.name} has answered since {since} ({known.why}); see "
                f"that its address and chain are right; it is asked for every {every} now"
            )
        return met(
            f"cannot be read since {since}, while others of {self._source.name} can ({known.why}{whose}); "
            f"it is asked for every {every} now"
        )

    async def _tell(self, account: Account, known: FailingAccount, verdict: Verdict) -> None:
        wallet = self._rules.wallets.get(account)
        if wallet is None:
            return
        label = known.part or f"{wallet.name} on {account.chain}"
        key = ":".join((account.source, known.part or f"{account.chain}:{account.address}"))
        subject = Subject(key, label, "" if known.part else wallet.name, account)
        about = [("Source", account.source), ("Address", account.address)]

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            at = self._clock.now()
            if verdict.answer is Answer.MET and not known.part and _read_since(past, account, known):
                return Decision(at)  # by another who asks, and this one has not heard of it yet
            return notice(past, PART_TERMS, subject, verdict, self._rules.channels, at, about)

        # What many share was told in the name of one of them, which may have been read since.
        whose = [each for each in self._rules.wallets if each.source == account.source] if known.part else []
        await self._engine.conclude(whose or [account], deciding)


def _read_since(past: Snapshot, account: Account, known: FailingAccount) -> bool:
    """Whether an account was read since it failed last, as far as it is known here."""
    state = past.accounts.get(account)
    read = state.last_reading if state is not None else None
    return known.apart is not None and read is not None and read > known.apart.tried


def _failed(reply: Reply) -> bool:
    """Whether a request failed as a whole, and not for want of credits."""
    if not reply.failure:
        return False
    misses = [outcome for outcome in reply.outcomes if isinstance(outcome, Miss)]
    all_missed = len(misses) == len(reply.outcomes)
    return all_missed and any(miss.reason is not MissReason.EXHAUSTED for miss in misses)
