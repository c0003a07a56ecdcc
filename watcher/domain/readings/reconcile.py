"""Reconciliation: how one outcome changes what is known of an account. Old state in, new state out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from watcher.domain.decision import Recheck, Snapshot
from watcher.domain.model import (
    EMPTY,
    SWEEPS,
    Account,
    AccountState,
    Asset,
    Miss,
    MissReason,
    Reading,
)
from watcher.domain.readings.diff import Difference, same_assets
from watcher.domain.readings.plausibility import CONFIRM_AFTER, Jumps, Plausibility, check_plausibility, usual

ASK_ALONE_AFTER = 3
"""Answers in a row that leave out an account which held value, before it is asked for alone."""

UNREPORTED = ASK_ALONE_AFTER + 1
"""The count of a chain that was left out even then: it is told as no longer reported."""

ALONE_AFTER = timedelta(seconds=20)

_NO_ASSETS: frozenset[Asset] = frozenset()

CONFIRM_TRIES = 3
"""Misses in a row after which a held amount waits for the next scheduled reading."""

MOST_NAMED = 3
"""So many are named; the rest is counted."""

LONGEST_SYMBOL = 40
"""Characters of a symbol, which comes from the API."""


class Reconciled(NamedTuple):
    """What one outcome taught: the new state, the differences to act on, and what to read again."""

    state: AccountState
    accepted: tuple[Difference, ...] = ()
    again: Recheck | None = None
    chains: frozenset[str] = frozenset()
    """The chains that a reading spoke of; none for a miss."""


def reconcile(
    state: AccountState,
    outcome: Reading | Miss,
    now: datetime,
    *,
    alone: bool,
    jumps: Jumps = usual,
    differences: Sequence[Difference] | None = None,
) -> Reconciled:
    """Take in a reading or a miss. `alone`: the request asked for this account only.

    `differences`: of a reading that was compared with this very state already.
    """
    if isinstance(outcome, Miss):
        return _missed(state, outcome, now, alone=alone)
    chains, read = outcome.chains, outcome.amounts
    plain = chains == state.seen.keys() and state.account.chain not in SWEEPS and _plain(state, outcome)
    if plain and differences is not None and not differences:
        return Reconciled(_seen_again(state, _same(state.amounts, read), chains, now), chains=chains)
    belief = check_plausibility(state, outcome, now, jumps, differences)
    if plain and not belief.held and same_assets(state.amounts, read):  # some moved, and that is all
        return Reconciled(_seen_again(state, read, chains, now), belief.accepted, chains=chains)
    return _read(state, outcome, now, belief, alone=alone)


def _read(
    state: AccountState, reading: Reading, now: datetime, belief: Plausibility, *, alone: bool
) -> Reconciled:
    chains = _chains(reading)
    omitted = _count_omissions(state, chains | _mentioned(reading), alone=alone)
    stale = _stale(state, reading, belief, chains)
    new = state._replace(
        amounts=_same({**state.amounts, **{each[0]: each[2] for each in belief.accepted}}, reading.amounts),
        seen={**state.seen, **dict.fromkeys(chains, now)},
        stale=stale,
        held=belief.held or EMPTY,
        unsettled=_unsettled(state, reading, chains),
        omitted=omitted or EMPTY,
        last_attempt=now,
        misses=0,
        miss=unread_in(reading, state.quarantined, [each for each in stale if each not in belief.held]),
        watched_since=state.watched_since or now,
    )
    again = _ask_alone(state.account, omitted)
    if again is None and belief.doubtful:
        again = Recheck(state.account, CONFIRM_AFTER)
    return Reconciled(new, belief.accepted, again, chains)


def _chains(reading: Reading) -> frozenset[str]:
    """The chains that this answer spoke of."""
    if reading.chains and reading.account.chain not in SWEEPS:
        return reading.chains
    return reading.chains | {asset.chain for asset in reading.amounts}


def _mentioned(reading: Reading) -> frozenset[str]:
    """The chains that this answer did not leave out, whether or not anything of them could be used."""
    unclear = frozenset(asset.chain for asset in reading.unclear)
    return unclear if reading.account.chain in SWEEPS else unclear | {reading.account.chain}


def _plain(state: AccountState, reading: Reading) -> bool:
    """Whether neither side has anything unusual: most readings of most accounts."""
    return not (state.held or state.stale or state.omitted or state.unsettled or reading.unclear)


def _unsettled(state: AccountState, reading: Reading, chains: frozenset[str]) -> frozenset[Asset]:
    """What nobody can call new when it turns up, because its chain's first answer did not settle it."""
    first = chains - state.seen.keys() if reading.names_all else frozenset()
    if not state.unsettled and not first:
        return state.unsettled
    open_chains = first | {asset.chain for asset in state.unsettled if not asset.token}
    found = {asset for asset in reading.unclear if asset.chain in open_chains}
    found.update(Asset(chain, "") for chain in first - reading.chains)
    for asset in state.unsettled:
        absent = asset.chain in reading.chains and asset not in reading.unclear
        if not absent and asset not in reading.amounts:
            found.add(asset)
    return frozenset(found)


@lru_cache(maxsize=16)
def _all_at(chains: frozenset[str], now: datetime) -> Mapping[str, datetime]:
    """One mapping for all accounts of an answer."""
    return dict.fromkeys(chains, now)


def _seen_again(
    state: AccountState, amounts: Mapping[Asset, Decimal], chains: frozenset[str], now: datetime
) -> AccountState:
    """The common case: everything as before, but for amounts that moved."""
    return AccountState(
        state.account,
        amounts,
        _all_at(chains, now),
        EMPTY,
        EMPTY,
        _NO_ASSETS,
        EMPTY,
        state.quarantined,
        state.scales,
        now,
        0,
        "",
        state.watched_since or now,
        state.newcomers,
    )


def _same(amounts: Mapping[Asset, Decimal], read: Mapping[Asset, Decimal]) -> Mapping[Asset, Decimal]:
    """These amounts; as the reading's own mapping if they are equal. A source that gives the same mapping
    again when nothing moved is then compared with at once."""
    if amounts is read or (len(amounts) == len(read) and amounts == read):
        return read
    return amounts


def _stale(
    state: AccountState, reading: Reading, belief: Plausibility, chains: frozenset[str]
) -> Mapping[Asset, datetime]:
    """Assets that this reading did not settle keep the time at which they were last confirmed."""
    stale = {}
    for asset in state.amounts:
        spoken_of = asset in reading.amounts or asset.chain in reading.chains
        if spoken_of and asset not in belief.held and asset not in reading.unclear:
            continue
        since = state.as_of(asset)
        if since is not None and (asset.chain in chains or asset in state.stale):
            stale[asset] = since
    return stale or EMPTY


def _count_omissions(state: AccountState, chains: frozenset[str], *, alone: bool) -> dict[str, int]:
    """How often in a row each chain that holds value was left out of an answer that came.

    The count stops at three until an answer to a request for this account alone leaves it out too.
    """
    holding = {asset.chain for asset, amount in state.amounts.items() if amount}
    counts = {}
    for chain in holding - chains:
        before = state.omitted.get(chain, 0)
        if before >= ASK_ALONE_AFTER:
            counts[chain] = UNREPORTED if alone else before
        else:
            counts[chain] = before + 1
    return counts


def _ask_alone(account: Account, omitted: Mapping[str, int]) -> Recheck | None:
    if ASK_ALONE_AFTER in omitted.values():
        return Recheck(account, ALONE_AFTER, alone=True)
    return None


def unfinished(past: Snapshot, now: datetime) -> list[Recheck]:
    """What an earlier run meant to ask again soon and did not live to: held amounts, accounts to be
    asked for alone, and prices in doubt. Each account once, when its time has come."""
    found: dict[Account, Recheck] = {}
    for account, state in past.accounts.items():
        if ASK_ALONE_AFTER in state.omitted.values():
            found[account] = Recheck(account, timedelta(0), alone=True)
        elif state.held:
            since = max(held.since for held in state.held.values())
            found[account] = Recheck(account, _rest(since, now))
    open_doubts = {asset for asset, doubt in past.doubts.items() if not doubt.settled}
    for account in (*found, *past.accounts):  # who is asked anyway answers for its prices too
        amounts = past.accounts[account].amounts
        mine = {asset for asset in open_doubts & amounts.keys() if amounts[asset]}
        open_doubts -= mine
        if mine and account not in found:
            since = max(past.doubts[asset].since for asset in mine)
            found[account] = Recheck(account, _rest(since, now))
    return list(found.values())


def _rest(since: datetime, now: datetime) -> timedelta:
    """What is left of the time after which a held reading is read again; a clock may have been set."""
    return min(max(since + CONFIRM_AFTER - now, timedelta(0)), CONFIRM_AFTER)


def _missed(state: AccountState, miss: Miss, now: datetime, *, alone: bool) -> Reconciled:
    omitted, again = state.omitted, None
    if miss.reason is MissReason.OMITTED:
        omitted = _count_omissions(state, frozenset(), alone=alone) or EMPTY
        again = _ask_alone(state.account, omitted)
    if again is None and state.held and state.misses < CONFIRM_TRIES:
        again = Recheck(state.account, CONFIRM_AFTER)
    new = state._replace(
        omitted=omitted,
        last_attempt=now,
        misses=state.misses + 1,
        miss=str(miss),
        watched_since=state.watched_since or now,
    )
    return Reconciled(new, (), again)


def unread_in(reading: Reading, ignored: Collection[Asset], stale: Sequence[Asset]) -> str:
    """Which assets this reading mentions in a way that nobody should act on, and why; empty if none.

    `ignored`: assets that no rule sees. `stale`: those whose amounts this reading did not settle for
    another reason, which its notes have.
    """
    said = [
        f"{reading.symbols.get(asset, asset.token)[:LONGEST_SYMBOL]} on {asset.chain}: {why}"
        for asset, why in reading.unclear.items()
        if asset not in ignored
    ]
    if not said and any(asset not in ignored for asset in stale):
        said = list(reading.notes)
    more = len(said) - MOST_NAMED
    return "; ".join(said[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
