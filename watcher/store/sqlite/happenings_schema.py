"""Schema of `happenings`: what makes the table, and the triggers that keep it as `alerts`, `messages` and
`event_acks` are, in whichever transaction writes those."""

# ruff: noqa: S608 (nothing from outside is in these)

from __future__ import annotations

_INSERT = (
    "INSERT INTO happenings (id, at, ended, urgency, rank, state, rule, wallet, acknowledged, words, message)"
)
_RANK = "CASE n.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"
_LISTED = (
    "(NOT n.closed OR n.fired_at IS NOT NULL) AND NOT (n.state = 'pending' AND n.rule GLOB 'watcher.blind.*')"
)
"""What was over before it fired is not listed, nor what only remembers since when a rule cannot be judged."""
_COURSE = {
    "ended": "CASE WHEN n.state = 'resolved' THEN coalesce(n.resolved_at, n.since)"
    " ELSE 9223372036854775807 END",
    "urgency": "CASE WHEN n.closed OR n.state = 'resolved' THEN 2"
    " ELSE n.state = 'pending' OR n.acknowledged_by IS NOT NULL END",
    "rank": _RANK,
    "state": "CASE WHEN n.closed THEN 'withdrawn' ELSE n.state END",
    "acknowledged": "n.acknowledged_by IS NOT NULL",
}
"""What changes in the life of an alert."""
_ALERT_WORDS = (
    "n.id || char(10) || n.rule || char(10) || n.wallet || char(10) || n.label || char(10) || n.because"
)
_BECAUSE = (
    "coalesce(nullif(CASE WHEN n.particulars <> '' THEN json_extract(n.particulars, '$.because') END, ''),"
    " (SELECT json_extract(value, '$[1]') FROM json_each(n.facts)"
    " WHERE json_extract(value, '$[0]') = 'Because' ORDER BY key DESC LIMIT 1), '')"
)
_OF_ALERT = (
    f"n.id, n.since, {_COURSE['ended']}, {_COURSE['urgency']}, {_RANK}, {_COURSE['state']}, n.rule, n.wallet,"
    f" {_COURSE['acknowledged']}, {_ALERT_WORDS}, NULL"
)
_ACKED = "EXISTS (SELECT 1 FROM event_acks WHERE event = n.alert)"
_OF_EVENT = (
    f"n.alert, n.at, n.at, {_ACKED}, {_RANK}, 'event', n.rule, n.wallet, {_ACKED},"
    " n.alert || char(10) || n.rule || char(10) || n.wallet || char(10) || n.title || char(10) ||"
    f" {_BECAUSE}, n.id"
)
_COLUMNS = ", ".join(_COURSE)


def _new(text: str) -> str:
    """The same of the row that a trigger is about."""
    return text.replace("n.", "NEW.")


_KEEP_ALERT = f"""
    UPDATE happenings SET words = {_new(_ALERT_WORDS)} WHERE id = NEW.id;
    UPDATE happenings SET ({_COLUMNS}) = ({_new(", ".join(_COURSE.values()))})
        WHERE id = NEW.id AND ({_COLUMNS}) IS NOT ({_new(", ".join(_COURSE.values()))});
    {_INSERT} SELECT {_new(_OF_ALERT)} WHERE ({_new(_LISTED)})
        AND NOT EXISTS (SELECT 1 FROM happenings WHERE id = NEW.id);
"""
_OVER_UNTOLD = "NEW.closed AND NEW.fired_at IS NULL"
HAPPENINGS = f"""
CREATE TABLE happenings (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL, ended INTEGER NOT NULL, urgency INTEGER NOT NULL, rank INTEGER NOT NULL,
    state TEXT NOT NULL, rule TEXT NOT NULL, wallet TEXT NOT NULL, acknowledged INTEGER NOT NULL,
    message INTEGER, words TEXT NOT NULL
);

CREATE INDEX happenings_newest ON happenings (at DESC, id, ended, rank, state, acknowledged);

CREATE INDEX happenings_worst ON happenings (urgency, rank, at DESC, id, ended, state, acknowledged);

CREATE INDEX happenings_by_rule ON happenings (rule, at DESC, id);

CREATE INDEX happenings_by_wallet ON happenings (wallet, at DESC, id);

CREATE INDEX happenings_lately ON happenings (ended, urgency, rank, at, id, state, acknowledged);

CREATE TRIGGER alert_began AFTER INSERT ON alerts BEGIN {_KEEP_ALERT} END;

CREATE TRIGGER alert_changed AFTER UPDATE ON alerts BEGIN {_KEEP_ALERT} END;

CREATE TRIGGER alert_closed AFTER INSERT ON alerts WHEN {_OVER_UNTOLD} BEGIN
    DELETE FROM happenings WHERE id = NEW.id;
END;

CREATE TRIGGER alert_dropped AFTER DELETE ON alerts BEGIN DELETE FROM happenings WHERE id = OLD.id; END;

CREATE TRIGGER event_told AFTER INSERT ON messages WHEN NEW.kind = 'event' BEGIN
    {_INSERT} SELECT {_OF_EVENT} FROM messages n WHERE n.id = NEW.id
        AND NOT EXISTS (SELECT 1 FROM happenings WHERE id = NEW.alert);
END;

CREATE TRIGGER event_dropped AFTER DELETE ON messages WHEN OLD.kind = 'event' BEGIN
    DELETE FROM happenings WHERE id = OLD.alert AND message = OLD.id;
    {_INSERT} SELECT {_OF_EVENT} FROM messages n WHERE n.alert = OLD.alert AND n.kind = 'event'
        AND NOT EXISTS (SELECT 1 FROM happenings WHERE id = OLD.alert) ORDER BY n.id LIMIT 1;
END;

CREATE TRIGGER event_acknowledged AFTER INSERT ON event_acks BEGIN
    UPDATE happenings SET acknowledged = 1, urgency = 1 WHERE id = NEW.event AND state = 'event';
END;

CREATE TRIGGER event_ack_dropped AFTER DELETE ON event_acks BEGIN
    UPDATE happenings SET acknowledged = 0, urgency = 0 WHERE id = OLD.event AND state = 'event';
END;

{_INSERT} SELECT {_OF_ALERT} FROM alerts n WHERE {_LISTED};

{_INSERT} SELECT {_OF_EVENT} FROM messages n WHERE n.kind = 'event' AND NOT EXISTS
    (SELECT 1 FROM messages e WHERE e.alert = n.alert AND e.kind = 'event' AND e.id < n.id)
""".split(";\n\n")
"""Statements that make the table, what keeps it, and what is in it to begin with."""
