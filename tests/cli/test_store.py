"""`watcher store`, and what `check` and `run` say of a store that cannot be used or is away."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tests.store.other import MemoryKind
from watcher.cli import _run as watcher
from watcher.domain.values.errors import Advice, StoreBusyError, StoreError
from watcher.store import KINDS

CONFIG = """\
version: 1
store: {kind: mem}
sources: {coinstats: {kind: coinstats, api_key: key}}
wallets:
  - {name: hot, source: coinstats, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}
channels: {ops: {kind: console}}
rules: [rules.yaml]
"""
RULES = "rules:\n  - {id: low, type: threshold, match: {assets: [ETH]}, below: '0.5'}\n"


class Refused(MemoryKind):
    """A server that may not be used as it stands, for two reasons."""

    def refusals(self) -> Sequence[Advice]:
        return (Advice("the server is old", "upgrade it"), Advice("it is read-only", "name the primary"))


class LetsNobodyIn(MemoryKind):
    def refusals(self) -> Sequence[Advice]:
        raise StoreError("PostgreSQL, database w: the server refuses the user or the password")


class Away(MemoryKind):
    """One that a question would never come back from."""

    def refusals(self) -> Sequence[Advice]:
        raise StoreBusyError("PostgreSQL, database w: the server cannot be reached")

    def backend(self, config: Path, member: str = "") -> Any:
        class Unasked:
            def warning(self) -> str:
                return ""

        return Unasked()


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_kept_by(kind: type[MemoryKind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(Any, KINDS), "mem", kind)


@pytest.mark.parametrize("verb", [("check",), ("run",), ("store", "migrate")])
def test_a_store_that_cannot_be_used_is_a_mistake_at_its_line_before_anything_begins(
    verb: tuple[str, ...], there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    is_kept_by(Refused, monkeypatch)
    assert watcher(list(verb)) == 78
    said = capsys.readouterr().err.splitlines()
    page = "(docs: reference/configuration.md#store)"
    assert said == [
        "2 mistakes in the configuration:",
        f"  watcher.yaml:2:8: the server is old; upgrade it {page}",
        f"  watcher.yaml:2:8: it is read-only; name the primary {page}",
    ]


def test_a_server_that_lets_nobody_in_is_a_mistake_too(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    is_kept_by(LetsNobodyIn, monkeypatch)
    assert watcher(["check", "--json"]) == 78
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert mistake["where"] == "watcher.yaml:2:8"
    assert mistake["what"] == "PostgreSQL, database w: the server refuses the user or the password"


def test_a_server_that_is_away_is_a_warning_of_a_sound_configuration_and_is_asked_once(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    is_kept_by(Away, monkeypatch)
    assert watcher(["check"]) == 0
    said = capsys.readouterr()
    assert "sound (1 source" in said.out
    assert (
        "warning: the store was not looked at: PostgreSQL, database w: the server cannot be reached\n"
        in said.err
    )


def test_a_store_that_is_one_file_is_made_and_then_up_to_date(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / "watcher.yaml").write_text(CONFIG.replace("{kind: mem}", "{path: kept.db}"))
    assert watcher(["store", "migrate"]) == 0
    assert capsys.readouterr().out == f"{there / 'kept.db'}: made\n"
    assert watcher(["store", "migrate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"store": str(there / "kept.db"), "made": False}


def test_a_user_who_may_not_read_the_url_is_told_who_may(
    there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WATCHER_DATABASE_URL", raising=False)
    url = 'url: "${WATCHER_DATABASE_URL}"'
    (there / "watcher.yaml").write_text(CONFIG.replace("{kind: mem}", f"{{kind: postgresql, {url}}}"))
    assert watcher(["store", "migrate"]) == 78
    said = capsys.readouterr().err
    assert "the URL of the store is not known to this user" in said
    assert "unset.invalid" not in said


def kept(there: Path, name: str) -> None:
    """A file with a fact in it."""
    (there / "watcher.yaml").write_text(CONFIG.replace("{kind: mem}", f"{{path: {name}}}"))
    assert watcher(["store", "migrate"]) == 0
    with sqlite3.connect(there / name) as conn:
        conn.execute("INSERT INTO facts VALUES ('coinstats', 'unit', 'seven', 1)")


def fact(path: Path) -> list[tuple[str]]:
    with sqlite3.connect(path) as conn:
        return conn.execute("SELECT value FROM facts WHERE name = 'unit'").fetchall()


def test_a_store_goes_to_a_database_and_back_by_two_lines(
    there: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(there, "kept.db")
    (there / "database.url").write_text(database + "\n")
    capsys.readouterr()

    assert watcher(["store", "copy", "--to", "database.url", "--schema", "moved"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert watcher(
        ["store", "copy", "--from", database, "--schema", "moved", "--to", "sqlite:back.db", "--json"]
    ) == 0  # fmt: skip
    found = json.loads(capsys.readouterr().out)

    assert said[-1].startswith(f"copied {there / 'kept.db'} to PostgreSQL, database ")
    assert said[-1].endswith("1 row in 21 tables, compared and the same")
    assert "facts                   1" in said
    assert {each["table"]: each["rows"] for each in found["tables"]}["facts"] == 1
    assert fact(there / "back.db") == [("seven",)]


def test_the_store_of_the_configuration_is_the_one_that_is_not_named(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(there, "kept.db")
    assert watcher(["store", "copy", "--to", "sqlite:copy.db"]) == 0
    (there / "watcher.yaml").write_text(CONFIG.replace("{kind: mem}", "{path: again.db}"))
    assert watcher(["store", "copy", "--from", "sqlite:copy.db"]) == 0
    assert fact(there / "again.db") == [("seven",)]
    assert watcher(["store", "copy", "--from", "sqlite:copy.db"]) == 1
    assert capsys.readouterr().err.endswith(
        f"watcher: {there / 'again.db'}: is there already; a copy overwrites nothing, choose another name\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a store with --from or --to"),
        (["--to", "postgresql://w:secret@db/w"], "a password on a command line is seen by everybody"),
        (["--to", "postgresql://db/w?password=secret"], "a password on a command line is seen by everybody"),
        (["--to", "postgresql://db.example.org/w"], "must ask for TLS"),
        (["--to", "nowhere.url"], "nowhere.url cannot be read: No such file or directory; write sqlite:FILE"),
        (["--to", "notes.txt"], "notes.txt holds no URL of a database"),
        (["--to", "postgresql://localhost/w", "--schema", "No!"], "cannot be the name of a schema"),
        (["--to", "sqlite:copy.db", "--schema", "w"], "--schema is of a database that --from or --to names"),
    ],
)
def test_a_place_that_is_none_is_refused_with_the_remedy_and_without_the_secret(
    words: list[str], said: str, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (there / "notes.txt").write_text("secret")
    assert watcher(["store", "copy", "--from", "sqlite:kept.db", *words] if words else ["store", "copy"]) == 2
    error = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert said in error
    assert "secret" not in error
    assert not (there / "copy.db").exists()


def test_what_is_not_there_is_not_copied(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert watcher(["store", "copy", "--from", "sqlite:kept.db", "--to", "sqlite:copy.db"]) == 1
    assert "there is no store yet" in capsys.readouterr().err
    assert not list(there.glob("copy.db*"))
