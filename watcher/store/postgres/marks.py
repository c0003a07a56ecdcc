"""What rules remember, and what a decision asks of history. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watcher.domain.decision import FEW, AmountAt, LastRead, PriceAt, Question, Recalled
from watcher.domain.model import Account, Asset
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.store.codec import canonical, from_ms, optional, to_ms
from watcher.store.postgres.look import Rows, columns
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions.marks import changes

_CHANGES = (
    "SELECT before, after, before_at, after_at, price_before, price_after FROM changes"
    " WHERE account = %s AND asset = %s AND after_at > %s AND after_at <= %s ORDER BY after_at, id"
)
_MARK = "SELECT fingerprint, amount, at, price FROM marks WHERE account = %s AND asset = %s AND rule = %s"
_PRICE = "SELECT price FROM prices WHERE asset = %s AND at <= %s ORDER BY at DESC LIMIT 1"
_AMOUNT = (
    "SELECT after FROM changes WHERE account = %s AND asset = %s AND after_at <= %s"
    " ORDER BY after_at DESC, id DESC LIMIT 1"
)
_LAST_READ = (
    "SELECT source, chain, address FROM accounts WHERE misses = 0 AND id IN (SELECT"
    " json_array_elements_text(outcomes::json -> 'r')::bigint FROM (SELECT outcomes FROM requests"
    " WHERE source = %s AND ended_at IS NOT NULL AND readings > 0 AND outcomes IS NOT NULL"
    " ORDER BY ended_at DESC LIMIT %s) AS latest) ORDER BY last_reading DESC LIMIT %s"
)
"""From the log of polls: there is no index on the time of a reading, which each poll changes."""
_REMEMBER = (
    "INSERT INTO marks (account, asset, rule, fingerprint, amount, price, at)"
    " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::words[], %s::words[], %s::numeric[],"
    " %s::numeric[], %s::bigint[])"
    " ON CONFLICT (account, asset, rule) DO UPDATE SET fingerprint = excluded.fingerprint,"
    " amount = excluded.amount, price = excluded.price, at = excluded.at"
)


def ask(
    conn: Connection, question: Question, accounts: Mapping[Account, int], assets: Mapping[Asset, int]
) -> Rows:
    """Send for the answer to a question."""
    if isinstance(question, LastRead):
        return conn.execute(_LAST_READ, (question.source, FEW, FEW))
    asset = assets.get(question.asset)
    if isinstance(question, PriceAt):
        return conn.execute(_PRICE, (asset, to_ms(question.at)))
    account = accounts.get(question.account)
    if isinstance(question, AmountAt):
        return conn.execute(_AMOUNT, (account, asset, to_ms(question.at)))
    if isinstance(question, BaselineOf):
        return conn.execute(_MARK, (account, asset, question.rule))
    return conn.execute(_CHANGES, (account, asset, to_ms(question.since), to_ms(question.until)))


def answer(question: Question, rows: Rows) -> Recalled:
    """What the rows say that were sent for."""
    if isinstance(question, ChangesIn):
        return changes(question.account, question.asset, rows)
    if isinstance(question, LastRead):
        return frozenset(Account(*each) for each in rows)
    row = rows.fetchone()
    if row is None:
        return None
    if isinstance(question, BaselineOf):
        fingerprint, amount, at, price = row
        return Baseline(
            question.rule, fingerprint, question.account, question.asset, amount, from_ms(at), price
        )
    found: Recalled = row[0]
    return found


def remember(
    conn: Connection, marks: Iterable[Baseline], accounts: Mapping[Account, int], assets: Mapping[Asset, int]
) -> None:
    """A mark replaces the one before of the same rule and holding."""
    rows: dict[Any, tuple[Any, ...]] = {
        mark.question: (
            accounts[mark.account], assets[mark.asset], mark.rule, mark.fingerprint, canonical(mark.amount),
            optional(mark.price), to_ms(mark.at),
        )
        for mark in marks
    }  # fmt: skip
    conn.execute(_REMEMBER, columns(rows.values(), 7))


def forget_holdings(conn: Connection, holdings: Sequence[tuple[int, int]]) -> None:
    """Forget what rules remembered of these holdings."""
    conn.execute(
        "DELETE FROM marks USING unnest(%s::bigint[], %s::bigint[]) AS gone (account, asset)"
        " WHERE marks.account = gone.account AND marks.asset = gone.asset",
        columns(holdings, 2),
    )


def forget(conn: Connection, standing: Mapping[str, str]) -> None:
    """Drop what rules remembered that are there no more; what was another wording's is marked so for good."""
    rules, prints = list(standing), list(standing.values())
    conn.execute("DELETE FROM marks WHERE rule <> ALL(%s::words[])", (rules,))
    conn.execute(
        "UPDATE marks SET fingerprint = '' WHERE fingerprint <> '' AND (rule, fingerprint) NOT IN"
        " (SELECT * FROM unnest(%s::words[], %s::words[]))",
        (rules, prints),
    )
