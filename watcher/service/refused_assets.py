"""Refused assets: what people are told of an asset that a source is refused, whoever holds it.

Other assets of the same accounts are read meanwhile, so that none of those accounts fails: only a reading of
the asset itself ends what is told.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import cached_property

from watcher.domain.alerts.lifecycle import Subject
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import PART_RULE, PART_TERMS, notice
from watcher.domain.model import Account, Asset
from watcher.domain.readings.fault_isolation import FailingAccounts, Isolation
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.verdict import Verdict, met, not_met
from watcher.ports.source import Reply
from watcher.ports.store import Recall
from watcher.service.engine import RuleEngine

log = logging.getLogger(__name__)


class RefusedAssets:
    """The refused assets of one source, as people know them."""

    def __init__(self, source: str, engine: RuleEngine) -> None:
        self._source, self._engine = source, engine
        self._known: Mapping[Asset, Isolation] | None = None
        """None: what an earlier process told is not known yet."""
        self._why: dict[Asset, str] = {}

    async def note(self, reply: Reply, failing: FailingAccounts) -> None:
        """Take in what a request brought. `failing`: the accounts of which nothing is read; what they share
        is told as what fails by itself."""
        refused = reply.refused
        if refused is None or refused is self._known:
            return
        known = self._known or {}
        for asset, each in refused.items():
            if each != known.get(asset) and reply.failure:
                self._why[asset] = reply.failure
        try:
            told = known if self._known is not None else await self._told_before()
            for asset in self._asking:
                verdict = self._verdict(asset, refused.get(asset), known, told)
                if verdict is not None and not failing.sharing(_part(asset)):
                    await self._tell(asset, verdict)
        except StoreError as error:
            log.warning("%s: which assets are refused was not told: %s", self._source, error)
            return
        self._known = refused

    @cached_property
    def _asking(self) -> dict[Asset, list[Account]]:
        """Who asks for each asset; found when one is refused first, for there may be a million accounts."""
        found: dict[Asset, list[Account]] = {}
        for account, wallet in self._engine.rules.wallets.items():
            for asset in (wallet.asked or ()) if account.source == self._source else ():
                found.setdefault(asset, []).append(account)
        return found

    def _verdict(
        self,
        asset: Asset,
        now: Isolation | None,
        known: Mapping[Asset, Isolation],
        told: Collection[Asset],
    ) -> Verdict | None:
        """What there is to say of an asset; None if that is nothing new."""
        before = known.get(asset)
        if now is None:
            if asset not in told:
                return None
            lasted = span((self._engine.clock.now() - before.since).total_seconds()) if before else ""
            return not_met(f"it can be read again, after {lasted}" if lasted else "it can be read again")
        if not now.lasting or now == before:
            return None
        concerned = counted(len(self._asking[asset]), "account")
        return met(
            f"cannot be read since {moment(now.since)}, while others of {self._source} can "
            f"({self._why.get(asset, 'it is refused')}; {concerned}); it is asked for every "
            f"{span(now.distance.total_seconds())} now"
        )

    async def _told_before(self) -> list[Asset]:
        """The assets of which an earlier process told."""
        live = await self._engine.store.live_alerts()
        subjects = {alert.subject for alert in live if alert.rule == PART_RULE}
        return [asset for asset in self._asking if f"{self._source}:{_part(asset)}" in subjects]

    async def _tell(self, asset: Asset, verdict: Verdict) -> None:
        accounts, part = self._asking[asset], _part(asset)
        subject = Subject(f"{self._source}:{part}", part, "", accounts[0])
        about = [("Source", self._source), ("Address", accounts[0].address)]

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            at = self._engine.clock.now()
            return notice(past, PART_TERMS, subject, verdict, self._engine.rules.channels, at, about)

        # Of the whole source: whoever the notice names may not ask for the asset any more.
        everybody = [each for each in self._engine.rules.wallets if each.source == self._source]
        await self._engine.conclude(everybody, deciding)


def _part(asset: Asset) -> str:
    """An asset as replies name it."""
    return f"asset {asset.token}"
