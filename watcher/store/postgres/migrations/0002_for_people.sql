-- Alerts and events together, for people who look through them; triggers keep it as `alerts`, `messages` and
-- `event_acks` are, in whichever transaction writes those.

CREATE TABLE happenings (
    id words PRIMARY KEY,
    at millis NOT NULL, ended millis NOT NULL, urgency integer NOT NULL, rank integer NOT NULL,
    state words NOT NULL, rule words NOT NULL, wallet words NOT NULL, acknowledged boolean NOT NULL,
    message bigint, words words NOT NULL
);
CREATE INDEX happenings_newest ON happenings (at DESC, id, ended, rank, state, acknowledged);
CREATE INDEX happenings_worst ON happenings (urgency, rank, at DESC, id, ended, state, acknowledged);
CREATE INDEX happenings_by_rule ON happenings (rule, at DESC, id);
CREATE INDEX happenings_by_wallet ON happenings (wallet, at DESC, id);
CREATE INDEX happenings_lately ON happenings (ended, urgency, rank, at, id, state, acknowledged);

CREATE FUNCTION rank_of(severity text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END
$$;

-- What was over before it fired is not listed, nor what only remembers since when a rule cannot be judged.
CREATE FUNCTION keep_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed AND NEW.fired_at IS NULL AND TG_OP = 'INSERT'
        OR NEW.state = 'pending' AND starts_with(NEW.rule, 'watcher.blind.')
            AND NOT EXISTS (SELECT 1 FROM happenings WHERE id = NEW.id) THEN
        RETURN NULL;
    END IF;
    IF NEW.closed AND NEW.fired_at IS NULL THEN
        DELETE FROM happenings WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO happenings (id, at, ended, urgency, rank, state, rule, wallet, acknowledged, words) VALUES (
        NEW.id, NEW.since,
        CASE WHEN NEW.state = 'resolved' THEN coalesce(NEW.resolved_at, NEW.since) ELSE 9223372036854775807 END,
        CASE WHEN NEW.closed OR NEW.state = 'resolved' THEN 2
            WHEN NEW.state = 'pending' OR NEW.acknowledged_by IS NOT NULL THEN 1 ELSE 0 END,
        rank_of(NEW.severity),
        CASE WHEN NEW.closed THEN 'withdrawn' ELSE NEW.state END,
        NEW.rule, NEW.wallet, NEW.acknowledged_by IS NOT NULL,
        concat_ws(E'\n', NEW.id, NEW.rule, NEW.wallet, NEW.label, NEW.because)
    ) ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, urgency = excluded.urgency, rank = excluded.rank,
        state = excluded.state, acknowledged = excluded.acknowledged, words = excluded.words;
    RETURN NULL;
END $$;
CREATE TRIGGER alert_kept AFTER INSERT OR UPDATE ON alerts FOR EACH ROW EXECUTE FUNCTION keep_alert();

CREATE FUNCTION drop_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM happenings WHERE id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER alert_dropped AFTER DELETE ON alerts FOR EACH ROW EXECUTE FUNCTION drop_alert();

CREATE FUNCTION list_event(event messages) RETURNS void LANGUAGE sql AS $$
    INSERT INTO happenings (id, at, ended, urgency, rank, state, rule, wallet, acknowledged, words, message)
    SELECT event.alert, event.at, event.at, acked::integer, rank_of(event.severity), 'event', event.rule,
        event.wallet, acked,
        concat_ws(E'\n', event.alert, event.rule, event.wallet, event.title, event.because), event.id
    FROM (SELECT EXISTS (SELECT 1 FROM event_acks WHERE event_acks.event = list_event.event.alert)) a (acked)
    ON CONFLICT (id) DO NOTHING
$$;

CREATE FUNCTION keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other messages;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM list_event(NEW);
        RETURN NULL;
    END IF;
    DELETE FROM happenings WHERE id = OLD.alert AND message = OLD.id;
    SELECT * INTO other FROM messages WHERE alert = OLD.alert AND kind = 'event' ORDER BY id LIMIT 1;
    IF FOUND THEN
        PERFORM list_event(other);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER event_told AFTER INSERT ON messages FOR EACH ROW
    WHEN (NEW.kind = 'event') EXECUTE FUNCTION keep_event();
CREATE TRIGGER event_dropped AFTER DELETE ON messages FOR EACH ROW
    WHEN (OLD.kind = 'event') EXECUTE FUNCTION keep_event();

CREATE FUNCTION keep_event_ack() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE happenings SET acknowledged = (TG_OP = 'INSERT'), urgency = (TG_OP = 'INSERT')::integer
        WHERE state = 'event' AND id = CASE TG_OP WHEN 'INSERT' THEN NEW.event ELSE OLD.event END;
    RETURN NULL;
END $$;
CREATE TRIGGER event_acknowledged AFTER INSERT OR DELETE ON event_acks FOR EACH ROW
    EXECUTE FUNCTION keep_event_ack();

-- Views for people who look at the store with psql or a tool of theirs: times are timestamps, amounts are exact.
-- What each column means is in `COLUMNS` (watcher/store/sqlite/views.py).

CREATE FUNCTION moment(at bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(at / 1000.0)
$$;

CREATE VIEW v_balances AS
    SELECT a.source, a.chain AS account_chain, a.address, s.chain, s.token AS asset, s.symbol,
           b.amount, s.price AS price_usd, moment(s.price_at) AS price_at, moment(b.since) AS last_changed
    FROM balances b JOIN accounts a ON a.id = b.account JOIN assets s ON s.id = b.asset;

CREATE VIEW v_history AS
    SELECT c.id, a.source, a.address, s.chain, s.token AS asset, s.symbol, c.before, c.after,
           moment(c.before_at) AS before_at, moment(c.after_at) AS after_at, c.price_before, c.price_after,
           c.drift
    FROM changes c JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset;

CREATE VIEW v_quarantine AS
    SELECT a.source, a.address, s.chain, s.token AS asset, s.symbol, moment(q.since) AS since,
           q.reason, q.baseline, q.by, q.newcomer
    FROM quarantine q JOIN accounts a ON a.id = q.account JOIN assets s ON s.id = q.asset;

CREATE VIEW v_accounts AS
    SELECT source, chain, address, moment(last_reading) AS last_reading, moment(last_attempt) AS last_attempt,
           misses, miss
    FROM accounts;

CREATE VIEW v_requests AS
    SELECT id, source, purpose, accounts, cost, charged, readings, misses, failure,
           moment(reserved_at) AS reserved_at, moment(ended_at) AS ended_at
    FROM requests;

CREATE VIEW v_hinted AS
    SELECT request, source, address, chain, by, moment(told_at) AS told_at, hint, moment(at) AS at, changed,
           credits
    FROM hinted;

CREATE VIEW v_spending AS
    SELECT source, moment(hour * 3600000) AS hour, credits, calls FROM spending;

CREATE VIEW v_prices AS
    SELECT s.chain, s.token AS asset, s.symbol, p.price AS price_usd, moment(p.at) AS at
    FROM prices p JOIN assets s ON s.id = p.asset;

CREATE VIEW v_marks AS
    SELECT m.rule, a.source, a.address, s.chain, s.token AS asset, s.symbol, m.amount,
           m.price AS price_usd, moment(m.at) AS at
    FROM marks m JOIN accounts a ON a.id = m.account JOIN assets s ON s.id = m.asset;

CREATE VIEW v_spells AS
    SELECT a.source, a.address, a.chain, moment(p.since) AS since, moment(p.until) AS until
    FROM spells p JOIN accounts a ON a.id = p.account;

CREATE VIEW v_alerts AS
    SELECT id, rule, label AS subject, wallet, severity,
           CASE WHEN closed THEN 'withdrawn' ELSE state END AS state, moment(since) AS since, because,
           moment(fired_at) AS fired_at, moment(told_at) AS told_at, moment(resolved_at) AS resolved_at,
           acknowledged_by, moment(acknowledged_at) AS acknowledged_at, acknowledged_via, comment, held,
           moment(escalated_at) AS escalated_at
    FROM alerts;

CREATE VIEW v_events AS
    SELECT h.id, m.rule, m.wallet, m.severity, m.title, moment(m.at) AS at, e.by AS acknowledged_by,
           moment(e.at) AS acknowledged_at, e.via AS acknowledged_via, e.comment
    FROM happenings h JOIN messages m ON m.id = h.message LEFT JOIN event_acks e ON e.event = h.id
    WHERE h.state = 'event';

CREATE VIEW v_silences AS
    SELECT id, author, comment, moment(created) AS created, moment(until) AS until, rules, wallets, severities,
           tags
    FROM silences;

CREATE VIEW v_outbox AS
    SELECT d.id, m.alert, d.channel, d.state, d.attempts, d.last_error, m.kind, m.title,
           moment(d.created) AS created, moment(d.due) AS due, moment(d.sent) AS sent
    FROM deliveries d JOIN messages m ON m.id = d.message;
