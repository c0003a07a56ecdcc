"""Views for people who open the file with sqlite-utils, Datasette or the sqlite3 shell.

Read-only; times are ISO 8601 with Z, amounts exact text (CAST to REAL only to draw). What each column
means is in `COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database

_WHERE = {"source": "configured API access", "address": "address of the wallet"}
_ASSET = {
    "chain": "chain that the asset is on",
    "asset": "contract, coin id or TEOS UniqueAssetId",
    "symbol": "name as the API gives it; not unique",
}

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "v_balances": {
        "source": _WHERE["source"],
        "account_chain": "chain that is asked for; `all` asks for many",
        "address": _WHERE["address"],
        **_ASSET,
        "amount": "confirmed amount in the asset's own unit",
        "price_usd": "last price kept, in US dollars; null if there is none",
        "price_at": "when that price was seen",
        "last_changed": "when the amount was first read as it is",
    },
    "v_history": {
        "id": "number of the change",
        **_WHERE,
        **_ASSET,
        "before": "amount before; null on first sight",
        "after": "amount after",
        "before_at": "the last reading that still had `before`",
        "after_at": "the reading that confirmed `after`",
        "price_before": "price in US dollars at `before_at`",
        "price_after": "price in US dollars at `after_at`",
        "drift": "1 if it is interest of a rebasing token and no transfer",
    },
    "v_quarantine": {
        **_WHERE,
        **_ASSET,
        "since": "since when it waits",
        "reason": "why",
        "baseline": "1 if it was there when the account was first read",
        "by": "who hid it; empty if it was put there because nobody asked for it",
        "newcomer": "1 if rules see it and only its worth counts in no value; 0 if no rule sees it",
    },
    "v_accounts": {
        "source": _WHERE["source"],
        "chain": "chain that is asked for; `all` asks for many",
        "address": _WHERE["address"],
        "last_reading": "when it was last read",
        "last_attempt": "when it was last asked for",
        "misses": "times in a row that it was asked for and not read",
        "miss": "why, the last time; empty after a reading",
    },
    "v_requests": {
        "id": "number of the request",
        "source": _WHERE["source"],
        "purpose": "scheduled, confirmation, sweep, hinted, hinting, rates, by hand or lookup",
        "accounts": "how many accounts it asked for",
        "cost": "credits booked before it was sent",
        "charged": "credits that the provider took; null if nobody knows, then `cost` counts",
        "readings": "accounts that were read",
        "misses": "accounts that were not",
        "failure": "what went wrong; empty if nothing",
        "reserved_at": "when the cost was booked",
        "ended_at": "when it was over; null if it never ended",
    },
    "v_hinted": {
        "request": "number of the request in `v_requests`",
        **_WHERE,
        "chain": "chain that was asked for",
        "by": "hint source that told that the account has probably changed",
        "told_at": "when it did",
        "hint": "its own name for what happened, as the hash of a transaction",
        "at": "when the answer was read",
        "changed": "1 if a change was found, 0 if none, null if nothing could be read",
        "credits": "this account's part of what the request cost",
    },
    "v_spending": {
        "source": _WHERE["source"],
        "hour": "beginning of the hour",
        "credits": "credits booked in it, as corrected by what was charged",
        "calls": "requests in it",
    },
    "v_prices": {
        **_ASSET,
        "price_usd": "price in US dollars",
        "at": "when it was seen; after 35 days only the last of each hour is kept",
    },
    "v_marks": {
        "rule": "id of the rule",
        **_WHERE,
        **_ASSET,
        "amount": "amount that the next change is compared with",
        "price_usd": "price in US dollars then; null if there was none",
        "at": "when it was read",
    },
    "v_spells": {
        **_WHERE,
        "chain": "chain that is asked for",
        "since": "the last reading before three or more polls in a row failed",
        "until": "the first one after",
    },
    "v_alerts": {
        "id": "the same from firing to resolved",
        "rule": "id of the rule",
        "subject": "what it is about",
        "wallet": "name of the wallet; empty for a sum over several, or a source",
        "severity": "info, warning or critical",
        "state": "pending, firing, resolved, or withdrawn (it ended otherwise than by its condition)",
        "since": "when the rule was first met",
        "because": "why, in words",
        "fired_at": "when it fired; null if it never did",
        "told_at": "when people were last told",
        "resolved_at": "when it ended",
        "acknowledged_by": "who takes care of it; null if nobody said so",
        "acknowledged_at": "when they said so",
        "acknowledged_via": "how they said it: command line, page, link in a channel; empty if not known",
        "comment": "what they said",
        "held": "why people are not told now; empty if nothing holds it back",
        "escalated_at": "when others were told because nobody had acknowledged it",
    },
    "v_events": {
        "id": "the same in every delivery of it",
        "rule": "id of the rule",
        "wallet": "name of the wallet",
        "severity": "info, warning or critical",
        "title": "what was told",
        "at": "when it was told",
        "acknowledged_by": "who takes care of it; null if nobody said so",
        "acknowledged_at": "when they said so",
        "acknowledged_via": "how they said it",
        "comment": "what they said",
    },
    "v_silences": {
        "id": "name of the silence",
        "author": "who set it",
        "comment": "why",
        "created": "when it was set",
        "until": "when it ends, or ended",
        "rules": "globs of rule ids as JSON; empty: every rule",
        "wallets": "globs of wallet names",
        "severities": "globs of severities",
        "tags": "globs of tags",
    },
    "v_outbox": {
        "id": "the same over every attempt",
        "alert": "id of the alert or event",
        "channel": "name of the channel",
        "state": "pending, sent, given_up, dropped or withheld",
        "attempts": "how often it was tried",
        "last_error": "why the last attempt failed",
        "kind": "firing, resolved, withdrawn, repeat, escalated, event, notice or test",
        "title": "first line of the message",
        "created": "when it was decided",
        "due": "when it is next tried",
        "sent": "when the channel took it",
    },
}
"""View → column → what it means."""

VIEWS = {
    "v_balances": """
        SELECT a.source, a.chain AS account_chain, a.address, s.chain, s.token AS asset, s.symbol,
               b.amount, s.price AS price_usd, {price_at} AS price_at, {since} AS last_changed
        FROM balances b JOIN accounts a ON a.id = b.account JOIN assets s ON s.id = b.asset
    """,
    "v_history": """
        SELECT c.id, a.source, a.address, s.chain, s.token AS asset, s.symbol, c.before, c.after,
               {before_at} AS before_at, {after_at} AS after_at, c.price_before, c.price_after,
               c.drift
        FROM changes c JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset
    """,
    "v_quarantine": """
        SELECT a.source, a.address, s.chain, s.token AS asset, s.symbol, {q_since} AS since,
               q.reason, q.baseline, q.by, q.newcomer
        FROM quarantine q JOIN accounts a ON a.id = q.account JOIN assets s ON s.id = q.asset
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
    "v_hinted": """
        SELECT request, source, address, chain, by, {hinted_at} AS told_at, hint, {polled} AS at, changed,
               credits
        FROM hinted
    """,
    "v_spending": """
        SELECT source, {hour} AS hour, credits, calls FROM spending
    """,
    "v_prices": """
        SELECT s.chain, s.token AS asset, s.symbol, p.price AS price_usd, {at} AS at
        FROM prices p JOIN assets s ON s.id = p.asset
    """,
    "v_marks": """
        SELECT m.rule, a.source, a.address, s.chain, s.token AS asset, s.symbol, m.amount,
               m.price AS price_usd, {marked} AS at
        FROM marks m JOIN accounts a ON a.id = m.account JOIN assets s ON s.id = m.asset
    """,
    "v_spells": """
        SELECT a.source, a.address, a.chain, {since} AS since, {until} AS until
        FROM spells p JOIN accounts a ON a.id = p.account
    """,
    "v_alerts": """
        SELECT id, rule, label AS subject, wallet, severity,
               CASE WHEN closed THEN 'withdrawn' ELSE state END AS state, {since} AS since, because,
               {fired_at} AS fired_at, {told_at} AS told_at, {resolved_at} AS resolved_at,
               acknowledged_by, {acknowledged_at} AS acknowledged_at, acknowledged_via, comment, held,
               {escalated_at} AS escalated_at
        FROM alerts
    """,
    "v_events": """
        SELECT m.alert AS id, m.rule, m.wallet, m.severity, m.title, {marked} AS at, e.by AS acknowledged_by,
               {event_acked} AS acknowledged_at, e.via AS acknowledged_via, e.comment
        FROM messages m LEFT JOIN event_acks e ON e.event = m.alert WHERE m.kind = 'event'
        GROUP BY m.alert HAVING min(m.id)
    """,
    "v_silences": """
        SELECT id, author, comment, {made} AS created, {until} AS until, rules, wallets, severities, tags
        FROM silences
    """,
    "v_outbox": """
        SELECT d.id, m.alert, d.channel, d.state, d.attempts, d.last_error, m.kind, m.title,
               {created} AS created, {due} AS due, {sent} AS sent
        FROM deliveries d JOIN messages m ON m.id = d.message
    """,
}

_TIMES = {
    "q_since": "q.since",
    "price_at": "s.price_at", "since": "since", "before_at": "c.before_at", "after_at": "c.after_at",
    "hour": "hour * 3600000", "created": "d.created", "due": "d.due", "sent": "d.sent", "at": "p.at",
    "made": "created", "marked": "m.at", "polled": "at", "hinted_at": "told_at",
    "event_acked": "e.at",
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
    "acknowledged_at",
    "escalated_at",
    "until",
)


def _iso(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000, 'unixepoch') || printf('.%03dZ', {column} % 1000)"


def create_views(db: Database) -> None:
    """(Re)make every view; they hold no data."""
    times = {name: _iso(_TIMES.get(name, name)) for name in _NAMES}
    for name, sql in VIEWS.items():
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(f"CREATE VIEW {name} AS {sql.format(**times)}")
