"""Asset identity: what an answer brings under a new name, and no longer under the old.

A provider's coin ids, symbols and spellings of contracts are names, and it changes them. An asset keeps the
identity under which it was first seen; readings are restated in it before they are compared, so that nothing
moves that did not. A row without a contract is a chain's native coin. Where an account has one such coin,
and an answer brings one, they are the same coin, whatever its id; where there are several, one that is gone
and one that came are the same if it is a known pair, or if their amounts are equal. A token with a contract
of its own never takes the place of another: anybody can make one, of any name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import EMPTY, AccountState, Asset, Outcome, Reading, subject_key
from watcher.domain.readings.diff import same_assets
from watcher.domain.records import Record, field, replace
from watcher.domain.values.decimals import minus, times
from watcher.domain.values.normalization import contract_key

RENAMED_RULE = "watcher.renamed"
"""The built-in notice about an asset that has another name now."""

LASTING = timedelta(days=1)
"""No rule is written for a name that was borne for less: one odd answer may have brought it."""

_COIN_ID = re.compile(r"[a-z][a-z0-9-]{0,59}")
"""Of a native coin. Contracts are longer, or numbers, or have dots."""

_PAIRS = ({"matic-network", "polygon-ecosystem-token"},)
"""Ids that are known to have been given to one coin, one after the other."""

_SAME = Decimal("1e-9")
"""A provider's amounts are doubles: the same one may differ far behind the point."""

LOST_CONTRACT = "its contract is missing in the answer"


class Renamed(Record, frozen=True):
    """An asset whose name is another one now. `reading` is the one that says so, restated."""

    reading: Reading
    asset: Asset
    written: Asset
    """As the answer has it."""
    was: str
    symbol: str
    rules: tuple[str, ...]
    """The rules that select it by a name that it does not have any more."""


class Recognised(Record, frozen=True):
    """What a request saw, under the names that are known; and the past, with the names that it taught."""

    outcomes: Sequence[Outcome]
    past: Snapshot
    same: Mapping[Asset, Asset] = field(default_factory=lambda: EMPTY)
    former: Mapping[Asset, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    renamed: Sequence[Renamed] = ()


def recognise(
    past: Snapshot, seen: Sequence[Outcome], rules: Rules, now: datetime, *, memo: Memo | None = None
) -> Recognised:
    """Restate what was seen in the identities that are known. Mostly there is nothing to do."""
    memo = (memo or Memo()).under(rules, past)
    found: dict[Asset, Asset] = {}
    unclear: dict[int, dict[Asset, str]] = {}
    for place, outcome in enumerate(seen):
        state = past.accounts.get(outcome.account)
        if state is None or not isinstance(outcome, Reading) or _all_known(outcome, state):
            continue
        doubts = unclear.setdefault(place, {})
        for new, old in _twins(outcome, state, past, doubts):
            if past.same.get(new) != old:
                found[new] = old
    same = {**past.same, **found} if found else past.same
    outcomes = list(seen)
    if same or any(unclear.values()):
        for place, outcome in enumerate(seen):
            if isinstance(outcome, Reading):
                state = past.accounts.get(outcome.account)
                outcomes[place] = _restated(outcome, state, same, unclear.get(place, EMPTY))
    renamed = list(_renamed(past, seen, outcomes, memo, found, same))
    former = _former(past, renamed, now)
    if found or former:
        past = replace(past, same=same, former={**past.former, **former})
    return Recognised(outcomes, past, found, former, renamed)


def _all_known(reading: Reading, state: AccountState) -> bool:
    read, known = reading.amounts, state.amounts
    return same_assets(read, known) or read.keys() <= known.keys()


# ---------------------------------------------------------------------- who is who


def _twins(
    reading: Reading, state: AccountState, past: Snapshot, doubts: dict[Asset, str]
) -> Iterator[tuple[Asset, Asset]]:
    """What this answer brings that is not known here, with the asset of this account that it is.

    `doubts` gets what nobody can tell, and nobody should act on.
    """
    fresh = [asset for asset in reading.amounts if asset not in state.amounts]
    gone = {
        asset
        for asset in state.amounts
        if asset not in reading.amounts and asset not in reading.unclear and asset.chain in state.seen
    }
    spelled = {(asset.chain, contract_key(asset.token)): asset for asset in state.amounts}
    coins: dict[str, list[Asset]] = {}
    for asset in fresh:
        if past.same.get(asset) in gone:
            continue
        twin = spelled.get((asset.chain, contract_key(asset.token)))
        if twin is not None and twin in gone:
            gone.discard(twin)
            yield asset, twin
        elif twin is not None:
            doubts[asset] = doubts[twin] = "it came twice"
        elif asset in reading.natives and _COIN_ID.fullmatch(asset.token) and asset.chain in state.seen:
            coins.setdefault(asset.chain, []).append(asset)
    for chain, mine in coins.items():
        lost = [each for each in gone if each.chain == chain and not _COIN_ID.fullmatch(each.token)]
        yield from _coins(chain, mine, lost, reading, (state, past, doubts))


def _coins(
    chain: str,
    fresh: Sequence[Asset],
    lost: Sequence[Asset],
    reading: Reading,
    known: tuple[AccountState, Snapshot, dict[Asset, str]],
) -> Iterator[tuple[Asset, Asset]]:
    """The native coins of one chain that have another id. `lost`: contracts that the answer left out."""
    state, past, doubts = known
    olds = [each for each in state.amounts if each.chain == chain and _COIN_ID.fullmatch(each.token)]
    left = [each for each in olds if each not in reading.amounts and each not in reading.unclear]
    here = [each for each in reading.amounts if each.chain == chain and each in reading.natives]
    names = {past.symbols.get(each, "").casefold(): each for each in lost if state.amounts[each]}
    for asset in fresh:
        namesake = names.get(reading.symbols.get(asset, "").casefold() or " ")
        if namesake is not None:
            doubts[asset] = doubts[namesake] = LOST_CONTRACT
            continue
        old = _coin(asset, left, reading, state)
        if old is None and len(olds) == len(left) == len(here) == 1:
            old = left[0]
        if old is None:
            continue
        left.remove(old)
        if chain in reading.chains or _paired(asset, old):
            yield asset, old
        else:  # of an answer that is not whole, the old name may only be missing
            doubts[asset] = "it may be another name of what this answer left out"


def _coin(asset: Asset, left: Sequence[Asset], reading: Reading, state: AccountState) -> Asset | None:
    """Which of the coins that an answer no longer brings is this one: a known pair, or the same amount."""
    pairs = [old for old in left if _paired(asset, old)]
    amount = reading.amounts[asset]
    equal = [old for old in left if amount and _equal(state.amounts[old], amount)]
    for candidates in (pairs, equal):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _paired(one: Asset, other: Asset) -> bool:
    return any(one.token in pair and other.token in pair for pair in _PAIRS)


def _equal(one: Decimal, other: Decimal) -> bool:
    return minus(one, other).copy_abs() <= times(max(one, other), _SAME)


def _restated(
    reading: Reading, state: AccountState | None, same: Mapping[Asset, Asset], unclear: Mapping[Asset, str]
) -> Reading:
    """The reading in the identities that this account has, or would have."""
    known: Collection[Asset] = state.amounts if state is not None else ()
    to = {
        new: old
        for new, old in same.items()
        if (new in reading.amounts or new in reading.unclear)
        and new not in known
        and old not in reading.amounts
        and old not in reading.unclear
    }
    if not to and not unclear:
        return reading
    amounts = {to.get(asset, asset): held for asset, held in reading.amounts.items() if asset not in unclear}
    prices = {to.get(asset, asset): price for asset, price in reading.prices.items()}
    spoken_of = (*reading.amounts, *reading.unclear, *unclear)
    symbols = {to.get(a, a): reading.symbols[a] for a in spoken_of if a in reading.symbols}
    doubts = {to.get(asset, asset): why for asset, why in reading.unclear.items()}
    return reading._replace(amounts=amounts, prices=prices, symbols=symbols, unclear={**doubts, **unclear})


# ---------------------------------------------------------------------- what it is called


def unfamiliar(past: Snapshot, reading: Reading, memo: Memo) -> bool:
    """Whether this reading has names that are not known."""
    known, names, chain = past.symbols, past.names, reading.account[:2]
    familiar = memo.familiar.get(chain)
    if familiar is not None and familiar[0] is reading.symbols and familiar[1] == names:
        return False
    if reading.symbols.items() <= known.items():
        if names is not None:
            memo.familiar[chain] = (reading.symbols, names)
        return False
    return True


def _renamed(
    past: Snapshot,
    seen: Sequence[Outcome],
    outcomes: Sequence[Outcome],
    memo: Memo,
    found: Mapping[Asset, Asset],
    same: Mapping[Asset, Asset],
) -> Iterator[Renamed]:
    """Assets that this request gave another name, each once."""
    told: set[Asset] = set()
    for answer, outcome in zip(seen, outcomes, strict=True):
        if not isinstance(outcome, Reading) or not isinstance(answer, Reading):
            continue
        if outcome.account not in memo.rules.wallets or not (found or unfamiliar(past, outcome, memo)):
            continue
        state = past.accounts.get(outcome.account)
        shut: Collection[Asset] = state.quarantined if state is not None else ()
        written = {same[asset]: asset for asset in answer.amounts if asset in same}
        for asset in outcome.amounts:
            was = past.symbols.get(asset, "")
            symbol = outcome.symbols.get(asset) or was
            here = written.get(asset, asset)
            anew = here in found and contract_key(here.token) != contract_key(asset.token)
            if asset in told or asset in shut or not (anew or (was and was.casefold() != symbol.casefold())):
                continue
            who = memo.rules.strangers_to(asset, was, symbol, here.token, memo.also)
            if anew or who:
                told.add(asset)
                yield Renamed(outcome, asset, here, was, symbol, who)


def _former(past: Snapshot, renamed: Sequence[Renamed], now: datetime) -> dict[Asset, tuple[str, ...]]:
    """The names that rules may go on saying, of what was renamed."""
    former = {}
    for each in renamed:
        since = past.named_at.get(each.asset)
        lasted = since is None or each.written != each.asset or not timedelta(0) <= now - since < LASTING
        known = past.former.get(each.asset, ())
        if each.rules and lasted and each.was.lower() not in known:
            former[each.asset] = (*known, each.was.lower())
    return former


def renamed_notices(
    renamed: Sequence[Renamed], former: Mapping[Asset, Sequence[str]], channels: Sequence[str], now: datetime
) -> list[Delivery]:
    """One notice for each new name, to every channel; the same for every account that holds the asset."""
    deliveries = []
    for each in renamed:
        asset, account = each.asset, each.reading.account
        was, symbol = each.was or asset.token, each.symbol or each.written.token
        if each.written == asset and asset not in former:
            continue  # a name of a day, or of one answer
        if was.casefold() == symbol.casefold():
            title = f"{symbol} has another id now, {each.written.token}; it is the same asset"
        else:
            title = f"{was} is called {symbol} now; it is the same asset"
        facts = [("Source", account.source), ("Asset", f"{symbol} on {asset.chain} ({asset.token})")]
        if each.written != asset:
            facts.append(("Its id", f"{each.written.token}, before it was {asset.token}"))
        if each.rules:
            facts.append((f"Rules that say {was}", f"{', '.join(each.rules)}: they carry on"))
            facts.append(("To do", f"write {symbol} when you next edit them"))
        identity = short_id(RENAMED_RULE, *sorted({asset.token, each.written.token}), *sorted({was, symbol}))
        severity = Severity.WARNING if each.rules else Severity.INFO
        subject = subject_key(account, asset)
        message = Message(
            identity, Kind.NOTICE, severity, RENAMED_RULE, subject, "", title, tuple(facts), now
        )
        deliveries += [Delivery(short_id(identity, name), name, message, now, now) for name in channels]
    return deliveries
