"""How hint sources fare: whether they are heard, what they told today, what came of it, and what was learnt.

Loaded only where there are some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from watcher.config.configuration import hinted_accounts
from watcher.config.settings import Settings
from watcher.domain.hints.expectation import expected
from watcher.domain.hints.persistence import HINTS, HintStandings
from watcher.domain.model import Account
from watcher.domain.values.text import clean
from watcher.ports.hint_state import STATE, HintSourceState
from watcher.ports.hints import HintTally
from watcher.ports.queries import Queries
from watcher.ports.store import hints_of
from watcher.reports.rows import AccountRow, HintedSourceRow, HintSourceRow, HintStatus, HintsTodayRow

KEPT = timedelta(minutes=3)
"""Who listens writes down each minute how a source fares. What is older says nothing of now."""

NOBODY = "nobody listens: see that `watcher run` is at work"


class HintReport:
    """Hint sources and the accounts that they concern, as of one moment."""

    def __init__(self, settings: Settings, reader: Queries, now: datetime) -> None:
        self._reader, self._now = reader, now
        self._accounts = {name: hinted_accounts(settings, name) for name in settings.hints}
        self._standings = {
            name: HintStandings.load(reader.fact(name, HINTS))
            for name in settings.sources
            if any(account.source == name for each in self._accounts.values() for account in each)
        }
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._tallies = {(each.source, each.by): each for each in reader.hint_tallies(midnight)}

    def rows(self) -> dict[str, HintSourceRow]:
        """Each hint source, in the order of the configuration."""
        return {name: self._row(name, accounts) for name, accounts in self._accounts.items()}

    def set_delays(self, accounts: Sequence[AccountRow]) -> None:
        """How long a change waits on average where hints tell of some."""
        by: dict[Account, list[str]] = {}
        for name, each in self._accounts.items():
            for account in each:
                by.setdefault(account, []).append(name)
        for row in accounts:
            names = by.get(Account(row["source"], row["chain"], row["address"]))
            interval = row["interval_seconds"]
            if names is None or interval is None:
                continue
            standings = self._standings[row["source"]]
            told = expected(standings, f"{row['chain']}:{row['address']}", names).changes
            if told is not None:
                row["expected_delay_seconds"] = told.wait(interval)

    def _row(self, name: str, accounts: Sequence[Account]) -> HintSourceRow:
        kept = HintSourceState.load(self._reader.fact(hints_of(name), STATE)) or HintSourceState()
        state, since, why = self._state(kept)
        sources = dict.fromkeys(account.source for account in accounts)
        return {
            "state": state,
            "since": since,
            "why": clean(why),
            "last_hint": kept.last_hint,
            "accounts": len(accounts),
            "today": _today(kept.today if kept.day == self._now.date() else {}),
            "sources": {each: self._of(name, each) for each in sources},
        }

    def _state(self, kept: HintSourceState) -> tuple[HintStatus, datetime | None, str]:
        if kept.at is None or self._now - kept.at > KEPT:
            return "unknown", kept.at, NOBODY
        if kept.up_since is None:
            return "not heard", kept.down_since, kept.why or "not connected yet"
        if kept.silent_since is not None:
            return "silent", kept.silent_since, "polls find changes that it does not tell"
        return "heard", kept.up_since, ""

    def _of(self, name: str, source: str) -> HintedSourceRow:
        tally = self._tallies.get((source, name)) or HintTally(source, name, 0, 0, 0, 0, 0)
        standings = self._standings[source]
        known = standings.sources.get(name) if standings is not None else None
        known = known if known is not None and known.recall > 0 else None
        return {
            "polls": tally.polls,
            "confirmed": tally.confirmed,
            "barren": tally.barren,
            "credits": tally.credits,
            "wasted": tally.barren_credits,
            "recall": _share(known.recall) if known is not None else None,
            "precision": _share(known.precision) if known is not None else None,
            "lag_seconds": known.lag if known is not None else None,
            "longest_lag_seconds": known.longest_lag if known is not None else None,
        }


def _today(counts: Mapping[str, int]) -> HintsTodayRow:
    return {
        "taken": counts.get("taken", 0),
        "gathered": counts.get("gathered", 0),
        "late": counts.get("late", 0),
        "duplicate": counts.get("duplicate", 0),
        "unknown": counts.get("unknown", 0),
        "gaps": counts.get("gaps", 0),
    }


def _share(share: float) -> float:
    return round(min(max(share, 0.0), 1.0), 4)
