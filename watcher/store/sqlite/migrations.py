"""The schema, as ordered migrations. A change is a new function at the end; none is ever edited.

Times are whole milliseconds since the epoch (UTC). Amounts and prices are canonical decimal text: a
REAL column, or an INTEGER beyond 2**63, would lose digits. `views.py` shows all of it for people.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from watcher.store.sqlite.happenings_schema import HAPPENINGS

migrations = Migrations("watcher")


@migrations()
def m001_first(db: Database) -> None:
    """Accounts with their state, assets, balances, history, the ledger, alerts and deliveries."""
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m002_doubts(db: Database) -> None:
    """Prices that are held until a second answer confirms them, as JSON beside the last believed price."""
    db.execute("ALTER TABLE assets ADD COLUMN doubt TEXT")


@migrations()
def m003_marks(db: Database) -> None:
    """What rules that look back remember: the amount that a holding is compared with."""
    db.execute(
        "CREATE TABLE marks ("
        " account INTEGER NOT NULL REFERENCES accounts (id), asset INTEGER NOT NULL REFERENCES assets (id),"
        " rule TEXT NOT NULL, fingerprint TEXT NOT NULL, amount TEXT NOT NULL, price TEXT,"
        " at INTEGER NOT NULL, PRIMARY KEY (account, asset, rule)) WITHOUT ROWID"
    )


@migrations()
def m004_life(db: Database) -> None:
    """The life of an alert: who was told of it, who acknowledged it, what holds it back; and silences."""
    for column in (
        "told TEXT", "told_since INTEGER", "repeats INTEGER NOT NULL DEFAULT 0", "clear_since INTEGER",
        "acknowledged_by TEXT", "acknowledged_at INTEGER", "comment TEXT NOT NULL DEFAULT ''",
        "held TEXT NOT NULL DEFAULT ''", "owed TEXT", "escalated_at INTEGER",
    ):  # fmt: skip
        db.execute(f"ALTER TABLE alerts ADD COLUMN {column}")
    db.execute(
        "UPDATE alerts SET told_since = fired_at, told = (SELECT json_group_array(DISTINCT d.channel)"
        " FROM messages m JOIN deliveries d ON d.message = m.id WHERE m.alert = alerts.id)"
        " WHERE state = 'firing' AND EXISTS (SELECT 1 FROM messages m WHERE m.alert = alerts.id)"
    )
    db.execute("CREATE INDEX messages_by_alert ON messages (alert)")
    db.execute("CREATE INDEX alerts_owing ON alerts (id) WHERE state = 'resolved' AND owed IS NOT NULL")
    db.execute(
        "CREATE TABLE silences ("
        " id TEXT PRIMARY KEY, author TEXT NOT NULL, comment TEXT NOT NULL, created INTEGER NOT NULL,"
        " until INTEGER NOT NULL, rules TEXT NOT NULL, wallets TEXT NOT NULL, severities TEXT NOT NULL,"
        " tags TEXT NOT NULL)"
    )


@migrations()
def m005_quarantine(db: Database) -> None:
    """Assets of accounts that no rule sees, by themselves (`by` is empty) or because somebody hid them."""
    db.execute(
        "CREATE TABLE quarantine ("
        " account INTEGER NOT NULL REFERENCES accounts (id), asset INTEGER NOT NULL REFERENCES assets (id),"
        " since INTEGER NOT NULL, reason TEXT NOT NULL, baseline INTEGER NOT NULL, by TEXT NOT NULL,"
        " PRIMARY KEY (account, asset)) WITHOUT ROWID"
    )


@migrations()
def m006_poll_log(db: Database) -> None:
    """Which accounts each request read or missed, and when a daemon ran."""
    db.execute("ALTER TABLE requests ADD COLUMN outcomes TEXT")
    db.execute("CREATE TABLE runs (began INTEGER PRIMARY KEY, seen INTEGER NOT NULL)")


@migrations()
def m007_scales(db: Database) -> None:
    """In how many parts the units of an account's amounts are counted, where that can change, as JSON."""
    db.execute("ALTER TABLE accounts ADD COLUMN scales TEXT")


@migrations()
def m008_flaps(db: Database) -> None:
    """The latest transitions of each rule on each subject, from one alert to the next."""
    db.execute(
        "CREATE TABLE flaps (rule TEXT NOT NULL, subject TEXT NOT NULL, times TEXT NOT NULL, since INTEGER,"
        " said INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (rule, subject))"
    )


@migrations()
def m009_drift(db: Database) -> None:
    """Which changes are interest of a rebasing token, and no transfer."""
    db.execute("ALTER TABLE changes ADD COLUMN drift INTEGER NOT NULL DEFAULT 0")


@migrations()
def m010_aside(db: Database) -> None:
    """Of each hour's credits, those that came out of the reserve."""
    db.execute("ALTER TABLE spending ADD COLUMN aside INTEGER NOT NULL DEFAULT 0")


@migrations()
def m011_spells(db: Database) -> None:
    """When an account could not be read (`spells.py`), for the poll log forgets after weeks: three or more
    polls failed in a row. A trigger writes it when such an account is read again, which is rare."""
    db.execute(
        "CREATE TABLE spells ("
        " account INTEGER NOT NULL REFERENCES accounts (id), since INTEGER NOT NULL, until INTEGER NOT NULL,"
        " PRIMARY KEY (account, since))"
    )
    db.execute("CREATE INDEX spells_by_time ON spells (until)")
    db.execute(
        "CREATE TRIGGER spell_ends AFTER UPDATE OF misses ON accounts"
        " WHEN OLD.misses >= 3 AND NEW.misses = 0 AND NEW.last_reading > OLD.last_reading BEGIN"
        " INSERT OR REPLACE INTO spells (account, since, until)"
        " VALUES (NEW.id, OLD.last_reading, NEW.last_reading); END"
    )


@migrations()
def m012_heard(db: Database) -> None:
    """Of several recipients of one channel, those who have a delivery already, as JSON."""
    db.execute("ALTER TABLE deliveries ADD COLUMN heard TEXT NOT NULL DEFAULT ''")


@migrations()
def m013_names(db: Database) -> None:
    """Names of assets: what a row is another name of; by which symbols, as JSON, it was known before; since
    when it has the one it has, if it had another."""
    db.execute("ALTER TABLE assets ADD COLUMN same_as INTEGER REFERENCES assets (id)")
    db.execute("ALTER TABLE assets ADD COLUMN former TEXT")
    db.execute("ALTER TABLE assets ADD COLUMN named_at INTEGER")


@migrations()
def m014_newcomers(db: Database) -> None:
    """Beside what no rule sees: what rules see, and nobody asked for (see `AccountState.newcomers`)."""
    db.execute("ALTER TABLE quarantine ADD COLUMN newcomer INTEGER NOT NULL DEFAULT 0")


@migrations()
def m015_hinted(db: Database) -> None:
    """The polls that hints caused, account by account, beside the requests that made them."""
    db.execute(
        "CREATE TABLE hinted ("
        " request INTEGER NOT NULL, source TEXT NOT NULL, chain TEXT NOT NULL, address TEXT NOT NULL,"
        " by TEXT NOT NULL, told_at INTEGER NOT NULL, hint TEXT NOT NULL, at INTEGER NOT NULL,"
        " changed INTEGER, credits INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX hinted_by_time ON hinted (at)")
    db.execute("CREATE INDEX hinted_by_account ON hinted (source, chain, address, at)")


@migrations()
def m016_particulars(db: Database) -> None:
    """What a message is about in fields, as JSON; and what a service calls the message that it took."""
    db.execute("ALTER TABLE messages ADD COLUMN particulars TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE deliveries ADD COLUMN receipt TEXT NOT NULL DEFAULT ''")


@migrations()
def m017_acknowledged_events(db: Database) -> None:
    """Who takes care of an event; and how that was said, of alerts too."""
    db.execute("ALTER TABLE alerts ADD COLUMN acknowledged_via TEXT NOT NULL DEFAULT ''")
    db.execute(
        "CREATE TABLE event_acks ("
        " event TEXT PRIMARY KEY, by TEXT NOT NULL, at INTEGER NOT NULL, comment TEXT NOT NULL,"
        " via TEXT NOT NULL)"
    )


@migrations()
def m018_audit(db: Database) -> None:
    """Who changed what, when and from where."""
    db.execute(
        "CREATE TABLE audit ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, name TEXT NOT NULL, via TEXT NOT NULL,"
        " address TEXT NOT NULL, action TEXT NOT NULL, targets TEXT NOT NULL, detail TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX audit_by_time ON audit (at)")


@migrations()
def m019_happenings(db: Database) -> None:
    """Alerts and events together, for people who look through them (`happenings.py`)."""
    for statement in HAPPENINGS:
        db.execute(statement)


_FIRST = """
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL, chain TEXT NOT NULL, address TEXT NOT NULL,
    last_reading INTEGER, last_attempt INTEGER, watched_since INTEGER,
    misses INTEGER NOT NULL DEFAULT 0, miss TEXT NOT NULL DEFAULT '',
    seen TEXT, stale TEXT, held TEXT, unsettled TEXT, omitted TEXT,
    UNIQUE (source, chain, address)
);
CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    chain TEXT NOT NULL, token TEXT NOT NULL, symbol TEXT NOT NULL DEFAULT '',
    price TEXT, price_at INTEGER,
    UNIQUE (chain, token)
);
CREATE TABLE balances (
    account INTEGER NOT NULL REFERENCES accounts (id),
    asset INTEGER NOT NULL REFERENCES assets (id),
    amount TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (account, asset)
) WITHOUT ROWID;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    asset INTEGER NOT NULL REFERENCES assets (id),
    before TEXT, after TEXT NOT NULL, before_at INTEGER, after_at INTEGER NOT NULL,
    price_before TEXT, price_after TEXT
);
CREATE INDEX changes_by_holding ON changes (account, asset, after_at);
CREATE INDEX changes_by_time ON changes (after_at);
CREATE TABLE prices (
    asset INTEGER NOT NULL REFERENCES assets (id), at INTEGER NOT NULL, price TEXT NOT NULL,
    PRIMARY KEY (asset, at)
) WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL, purpose TEXT NOT NULL, accounts INTEGER NOT NULL, cost INTEGER NOT NULL,
    reserved_at INTEGER NOT NULL, ended_at INTEGER, charged INTEGER,
    readings INTEGER NOT NULL DEFAULT 0, misses INTEGER NOT NULL DEFAULT 0,
    failure TEXT NOT NULL DEFAULT ''
);
CREATE INDEX requests_by_time ON requests (source, reserved_at);
CREATE INDEX requests_by_age ON requests (reserved_at);
CREATE TABLE spending (
    source TEXT NOT NULL, hour INTEGER NOT NULL, credits INTEGER NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (source, hour)
) WITHOUT ROWID;
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL, fingerprint TEXT NOT NULL, subject TEXT NOT NULL, label TEXT NOT NULL,
    wallet TEXT NOT NULL, source TEXT, chain TEXT, address TEXT,
    severity TEXT NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, because TEXT NOT NULL,
    reads INTEGER NOT NULL, fired_at INTEGER, told_at INTEGER, resolved_at INTEGER,
    closed INTEGER NOT NULL
);
CREATE INDEX alerts_live ON alerts (source, chain, address) WHERE state <> 'resolved';
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    alert TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, rule TEXT NOT NULL,
    subject TEXT NOT NULL, wallet TEXT NOT NULL, title TEXT NOT NULL, facts TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX messages_by_time ON messages (at);
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES messages (id), channel TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL, due INTEGER NOT NULL, sent INTEGER
);
CREATE INDEX deliveries_pending ON deliveries (channel, created) WHERE state = 'pending';
CREATE INDEX deliveries_by_time ON deliveries (created);
CREATE INDEX deliveries_by_message ON deliveries (message);
CREATE TABLE facts (
    source TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (source, name)
) WITHOUT ROWID;
"""
