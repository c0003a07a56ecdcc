"""Views for people who open the file with sqlite-utils, Datasette or the sqlite3 shell.

Read-only, times as ISO 8601 with Z, amounts as exact text (CAST to REAL only to draw).

v_balances    wallet account and asset, confirmed amount, price and when it last changed
v_history     every change: before, after, between which readings, prices then
v_accounts    each account: last reading, last attempt, misses in a row and why
v_requests    the poll log and ledger: purpose, cost, what was charged, readings, misses, failure
v_spending    credits and calls by source and hour
v_alerts      alerts, live and past, with their because
v_outbox      deliveries: channel, state, attempts, last error, title
"""

from __future__ import annotations

from sqlite_utils import Database

VIEWS = {
    "v_balances": """
        SELECT a.source, a.chain AS account_chain, a.address, s.chain, s.token AS asset, s.symbol,
               b.amount, s.price AS price_usd, {price_at} AS price_at, {since} AS last_changed
        FROM balances b JOIN accounts a ON a.id = b.account JOIN assets s ON s.id = b.asset
    """,
    "v_history": """
        SELECT c.id, a.source, a.address, s.chain, s.token AS asset, s.symbol, c.before, c.after,
               {before_at} AS before_at, {after_at} AS after_at, c.price_before, c.price_after
        FROM changes c JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset
    """,
    "v_accounts": """
        SELECT source, chain, address, {last_reading} AS last_reading, {last_attempt} AS last_attempt,
               misses, miss
        FROM accounts
    """,
    "v_requests": """
        SELECT id, source, purpose, accounts, cost, charged, readings, misses, failure,
               {reserved_at} AS reserved_at, {ended_at} AS ended_at
        FROM requests
    """,
    "v_spending": """
        SELECT source, {hour} AS hour, credits, calls FROM spending
    """,
    "v_alerts": """
        SELECT id, rule, label AS subject, wallet, severity, state, {since} AS since, because,
               {fired_at} AS fired_at, {told_at} AS told_at, {resolved_at} AS resolved_at
        FROM alerts
    """,
    "v_outbox": """
        SELECT d.id, m.alert, d.channel, d.state, d.attempts, d.last_error, m.kind, m.title,
               {created} AS created, {due} AS due, {sent} AS sent
        FROM deliveries d JOIN messages m ON m.id = d.message
    """,
}

_TIMES = {
    "price_at": "s.price_at", "since": "since", "before_at": "c.before_at", "after_at": "c.after_at",
    "hour": "hour * 3600000", "created": "d.created", "due": "d.due", "sent": "d.sent",
}  # fmt: skip
_NAMES = (
    *_TIMES,
    "last_reading",
    "last_attempt",
    "reserved_at",
    "ended_at",
    "fired_at",
    "told_at",
    "resolved_at",
)


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000, 'unixepoch') || printf('.%03dZ', {column} % 1000)"


def create_views(db: Database) -> None:
    """(Re)make every view; they hold no data."""
    times = {name: _iso(_TIMES.get(name, name)) for name in _NAMES}
    for name, sql in VIEWS.items():
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(f"CREATE VIEW {name} AS {sql.format(**times)}")
