"""Persistence: what the desk has learnt, as a JSON-able value, and what people are shown of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from watcher.domain.hints.desk import HintDesk
from watcher.domain.hints.lag import ProviderLag
from watcher.domain.hints.pending import HintedAccount
from watcher.domain.hints.trust import SourceTrust, amounts
from watcher.domain.records import Record
from watcher.domain.scheduler import GOLDEN

HINTS = "hints"
"""Under this name the store keeps what is known of the hints of a polled source."""

VERSION = 1

Sources = dict[str, tuple[SourceTrust, ProviderLag]]
Accounts = dict[str, tuple[list[float], list[str] | None]]
"""Of each the counts, and who told of it what was not looked into yet; none: hints may have been missed."""


def dump(desk: HintDesk) -> dict[str, Any]:
    """The inverse of `restore`. Of accounts of which no hint ever told nothing is kept."""
    return {**head(desk), "accounts": known(desk, desk.accounts)}


def head(desk: HintDesk) -> dict[str, Any]:
    """All but the accounts."""
    sources = {name: [desk.trust[name].dump(), desk.lag[name].dump()] for name in sorted(desk.trust)}
    return {"version": VERSION, "sources": sources}


def known(desk: HintDesk, keys: Iterable[str]) -> dict[str, list[Any]]:
    """What is kept of some accounts."""
    accounts = ((key, desk.accounts[key]) for key in keys)
    return {
        key: _account(account, desk.untold(key))
        for key, account in accounts
        if account.hits or account.misses or account.barren or account.pending is not None
    }


def _account(account: HintedAccount, untold: float) -> list[Any]:
    waits = None if account.pending is None else [*account.pending.by]
    return [account.hits, account.misses, account.barren, untold, waits, account.lies]


def _opened(desk: HintDesk, value: Mapping[str, Any]) -> tuple[Sources, Accounts]:
    if value["version"] != VERSION:
        raise ValueError(f"a state of hints of version {value['version']!r}, not {VERSION}")
    sources = {
        name: (SourceTrust.load(trust), ProviderLag.load(lag))
        for name, (trust, lag) in value["sources"].items()
        if name in desk.trust
    }
    accounts = {
        key: (amounts([hits, misses, barren, lies]), None if waits is None else [str(name) for name in waits])
        for key, (hits, misses, barren, _untold, waits, lies) in value["accounts"].items()
        if key in desk.accounts
    }
    return sources, accounts


def restore(desk: HintDesk, value: Mapping[str, Any], now: float) -> None:
    """Take back what was learnt of the sources and accounts that there still are; hints that waited are told
    again. ValueError, KeyError or TypeError if `value` is not such a thing; then nothing is taken."""
    try:
        sources, accounts = _opened(desk, value)
    except (AttributeError, OverflowError) as error:
        raise ValueError("a state of hints of another shape") from error
    for name, (trust, lag) in sources.items():
        desk.trust[name], desk.lag[name] = trust, lag
    for number, (key, ((hits, misses, barren, lies), waits)) in enumerate(accounts.items()):
        account = desk.accounts[key]
        account.hits, account.misses = hits, misses
        account.barren, account.lies = int(barren), max(int(lies), int(barren))
        for by in waits or ():
            desk.hint(key, by, now)
        if waits == []:
            desk.gap(key, now, number * GOLDEN % 1.0)


class SourceStanding(Record, frozen=True):
    """What one hint source has earned with the accounts of one polled source. Lags in seconds, None while
    unknown; `silent_since` in unix seconds, None if it is not silent."""

    recall: float
    precision: float
    lag: float | None
    longest_lag: float | None
    """97 % of all changes are shown by then."""
    silent_since: float | None


class HintStandings(Record, frozen=True):
    """What was kept of hints, for those who look."""

    sources: Mapping[str, SourceStanding]
    untold: Mapping[str, float]
    """By `chain:address` the share of its changes that no hint tells of; of the others nothing is known."""

    @classmethod
    def load(cls, text: str | None) -> HintStandings | None:
        """What the fact `HINTS` says; None for what cannot be read."""
        try:
            value = json.loads(text or "null")
            sources = {
                str(name): _standing(SourceTrust.load(trust), ProviderLag.load(lag))
                for name, (trust, lag) in value["sources"].items()
            }
            untold = {str(key): float(kept[3]) for key, kept in value["accounts"].items()}
            return cls(sources, untold)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None


def _standing(trust: SourceTrust, lag: ProviderLag) -> SourceStanding:
    half, most = (lag.quantile(0.5), lag.quantile(0.97)) if lag.known else (None, None)
    return SourceStanding(trust.recall, trust.precision, half, most, trust.silent_since)
