"""Words of answers in a chat: short enough for a telephone. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.messages.message import SHORT_ID, Severity
from watcher.domain.values.formatting import counted, moment
from watcher.reports.members import member_words
from watcher.reports.rows import AccountRow, AlertRow, CreditsRow, ExplanationRow, StatusRow, ToldChannelRow
from watcher.reports.status import behind, unread, unread_because

MOST_ALERTS = 10
MOST_LINES = 15
MOST_NAMES = 3


def alert_lines(rows: Sequence[AlertRow]) -> list[str]:
    """What lives now, the gravest first."""
    if not rows:
        return ["no alert is pending or firing"]
    found = sorted(rows, key=lambda row: (row["state"] == "pending", Severity(row["severity"]).rank))
    left = len(found) - MOST_ALERTS
    more = [f"… and {left:,} more"] if left > 0 else []
    return [*(_alert(row) for row in found[:MOST_ALERTS]), *more]


def _alert(row: AlertRow) -> str:
    who = f", {row['acknowledged_by']} has it" if row["acknowledged_by"] else ""
    head = f"{row['id'][:SHORT_ID]} {row['severity']}, {row['state']}{who}"
    return f"{head}: {row['subject']}: {row['because']}"


def status_lines(state: StatusRow) -> list[str]:
    """How everything fares, what is wrong first."""
    lines = [f"watcher: {state['state']}"]
    if unread(state["accounts"]):
        lines.append(f"nothing is read any more: {unread_because(state['accounts'])}")
    lines.append(_counts(state["alerts"]))
    lines.append(_accounts(state["accounts"]))
    lines += [
        f"channel {each['channel']}: {counted(each['pending'], 'message')} not told: {each['trouble']}"
        for each in state["channels"]
    ]
    lines += [f"hints {name}: {row['state']}" for name, row in state["hints"].items()]
    lines += [f"member {row['member']}: {member_words(row)}" for row in state["members"]]
    lines += [_credits(name, row) for name, row in state["credits"].items()]
    sent = state["deliveries"]
    lines.append(
        f"messages: {sent['sent']:,} sent, {sent['pending']:,} pending, {sent['given_up']:,} given up"
    )
    return _most(lines)


def _counts(alerts: Sequence[AlertRow]) -> str:
    live = [row for row in alerts if row["state"] != "pending"]
    if not live:
        return "no alert fires"
    by_severity = [
        (each, sum(row["severity"] == each for row in live))
        for each in sorted(Severity, key=lambda one: one.rank)
    ]
    parts = [f"{count:,} {severity}" for severity, count in by_severity if count]
    held = sum(row["acknowledged_by"] is not None for row in live)
    return f"{counted(len(live), 'alert')}: {', '.join(parts)}; {held:,} acknowledged"


def _accounts(accounts: Sequence[AccountRow]) -> str:
    late = [row for row in accounts if behind(row)]
    if not late:
        return f"{counted(len(accounts), 'account')}, all read in time"
    names = list(dict.fromkeys(row["wallet"] for row in late))
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"{len(late):,} of {counted(len(accounts), 'account')} late: {', '.join(names[:MOST_NAMES])}{more}"


def _credits(name: str, row: CreditsRow) -> str:
    out = f"; at this pace they run out {moment(row['runs_out'])}" if row["runs_out"] else ""
    return f"{name}: {row['spent']:,} of {row['limit']:,} credits spent{out}"


def explanation_lines(row: ExplanationRow) -> list[str]:
    """Why a rule fired on a subject or did not."""
    lines = [
        f"{row['subject']}: {row['answer']}: {row['because']}",
        f"rule {row['rule']}: {row['condition']}",
    ]
    reading = row["reading"]
    if "at" in reading:
        lines.append(f"read {moment(reading['at'])}")
        if reading["miss"]:
            lines.append(f"missed {reading['misses']:,} in a row: {reading['miss']}")
    if alert := row["alert"]:
        who = f", {alert['acknowledged_by']} has it" if alert["acknowledged_by"] else ""
        lines.append(f"alert {alert['id'][:SHORT_ID]} {alert['state']} since {moment(alert['since'])}{who}")
    elif not row["event"]:
        lines.append("no alert of it is pending or firing")
    lines += [row["clock"]] if row["clock"] else []
    lines += [f"held back: {row['suppressed_by']}"] if row["suppressed_by"] else []
    return _most([*lines, *map(_channel, row["channels"])])


def _channel(row: ToldChannelRow) -> str:
    if row["trouble"]:
        return f"channel {row['channel']}: {row['trouble']}"
    if not row["told"]:
        return f"channel {row['channel']}: told nothing of it"
    last = row["told"][-1]
    return f"channel {row['channel']}: {last['kind']} {last['state']} {moment(last['at'])}"


def _most(lines: Sequence[str]) -> list[str]:
    left = len(lines) - MOST_LINES
    return [*lines[: MOST_LINES - 1], f"… and {left + 1:,} lines more"] if left > 0 else list(lines)
