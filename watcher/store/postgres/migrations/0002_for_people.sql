-- Alerts and events together, for people who look through them; triggers keep it as `alerts`, `messages` and
-- `event_acks` are, in whichever transaction writes those.

CREATE TABLE happenings (
    id text PRIMARY KEY,
    at millis NOT NULL, ended millis NOT NULL, urgency integer NOT NULL, rank integer NOT NULL,
    state text NOT NULL, rule text NOT NULL, wallet text NOT NULL, acknowledged boolean NOT NULL,
    message bigint, words text NOT NULL
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
