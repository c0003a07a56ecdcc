"""`watcher store`, and what `check` and `run` say of a store that cannot be used or is away."""

from __future__ import annotations

import json
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

    def backend(self, config: Path) -> Any:
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
