"""`watcher import wallets`: what it writes and says; where something is wrong it changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import pytest

from watcher.cli import _run as watcher

Said: TypeAlias = pytest.CaptureFixture[str]
EVM = "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
OTHER = "0x52908400098527886e0f7030069857d2e4169ee7"
HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"
CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: "${{NO_KEY}}", credits: {{limit: 20000}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT}", chains: [ethereum]}}
"""
THEIRS = f"address,chain,label\n{EVM},eth,Gas Tank\n{OTHER},Base,\n{HOT},eth,hot\n"


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "theirs.csv").write_text(THEIRS)
    return tmp_path


def run(*words: str) -> int:
    return watcher(["import", "wallets", *words])


def test_a_file_is_written_and_the_line_to_add_is_said(there: Path, capsys: Said) -> None:
    assert run("theirs.csv", "--tags", "treasury,cold") == 0
    assert (there / "wallets.csv").read_text() == (
        "name,source,address,chains,tags\n"
        f"Gas Tank,coinstats,{EVM},ethereum,treasury cold\n"
        f"0x5290-9ee7,coinstats,{OTHER},base-wallet,treasury cold\n"
    )
    said = capsys.readouterr()
    assert "With them:\n  coinstats: 20,000 of 20,000 credits a month are planned for 3 accounts" in said.out
    assert said.out.endswith(
        f"wrote {there}/wallets.csv (2 wallets)\n"
        "Next: put it into watcher.yaml: `wallets: [wallets.csv, …]`; then `watcher check`.\n"
    )
    assert said.err == f"left out: theirs.csv:4: {HOT} on ethereum is watched already as 'hot'\n"


def test_what_is_written_is_taken_by_the_configuration(there: Path, capsys: Said) -> None:
    (there / "watcher.yaml").write_text(CONFIG + "  - 'more/*.csv'\n")
    (there / "more").mkdir()
    (there / "more" / "old.csv").write_text("name,source,address,chains\n")
    assert run("theirs.csv", "--to", "more/new.csv") == 0
    assert "Next: watcher.yaml reads it already" in capsys.readouterr().out
    assert run("theirs.csv", "--to", "again.csv") == 0
    assert "Nothing to write: all of it is watched already." in capsys.readouterr().out
    assert not (there / "again.csv").exists()


def test_a_first_watch_list_may_be_an_imported_one(there: Path) -> None:
    (there / "watcher.yaml").write_text(CONFIG.partition("wallets:")[0])
    assert run("theirs.csv") == 0
    assert len((there / "wallets.csv").read_text().splitlines()) == 4


def test_the_line_may_be_there_before_the_file(there: Path, capsys: Said) -> None:
    (there / "watcher.yaml").write_text(CONFIG + "  - wallets.csv\n")
    assert run("theirs.csv") == 0
    assert "Next: watcher.yaml reads it already" in capsys.readouterr().out


def test_nothing_is_overwritten(there: Path, capsys: Said) -> None:
    (there / "wallets.csv").write_text("mine")
    assert run("theirs.csv") == 1
    assert (there / "wallets.csv").read_text() == "mine"
    assert "is there already; name another file with --to" in capsys.readouterr().err


def test_every_mistake_is_told_by_its_row_and_nothing_is_written(there: Path, capsys: Said) -> None:
    mistyped = "0x52908400098527886E0F7030069857d2E4169EE7"
    (there / "theirs.csv").write_text(
        f"address,chain,label\n{mistyped},eth,a\n,eth,b\n{EVM},etherium,c\n1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb,btc,d\n"
    )
    assert run("theirs.csv") == 1
    assert sorted(each.name for each in there.iterdir()) == ["theirs.csv", "watcher.yaml"]
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "4 mistakes in theirs.csv, nothing was written:"
    assert [line.split(": ")[0] for line in lines[1:]] == [
        "  theirs.csv:2:1", "  theirs.csv:3:1", "  theirs.csv:4:2", "  theirs.csv:5:1",
    ]  # fmt: skip
    assert "its capitals do not fit its digits (EIP-55)" in lines[1]
    assert "did you mean 'ethereum'?" in lines[3]
    assert "its checksum is wrong" in lines[4]


def test_scripts_get_json(there: Path, capsys: Said) -> None:
    assert run("theirs.csv", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["written"] == str(there / "wallets.csv")
    assert found["columns"] == {"address": "address", "label": "label", "chains": "chain"}
    assert [(each["line"], each["name"], each["chains"]) for each in found["wallets"]] == [
        (2, "Gas Tank", ["ethereum"]),
        (3, "0x5290-9ee7", ["base-wallet"]),
    ]
    assert [each["where"] for each in found["left_out"]] == ["theirs.csv:4"]
    assert (found["mistakes"], found["after"]["fits"]) == ([], True)
    (there / "theirs.csv").write_text("address\n")
    assert run("theirs.csv", "--json", "--to", "b.csv") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["written"], found["wallets"], len(found["mistakes"])) == (None, [], 1)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--source", "coinstat"], "did you mean 'coinstats'?"),
        (["--chains", "etherium"], "did you mean 'ethereum'?"),
        (["--column", "adress=x"], "did you mean 'address'?"),
        (["--column", "address"], "write KEY=NAME"),
        (["--to", "wallets.yaml"], "the name must end in .csv"),
        (["--to", "no/w.csv"], "there is no such folder"),
    ],
)
def test_a_wrong_word_is_wrong_usage(words: list[str], what: str, capsys: Said) -> None:
    assert run("theirs.csv", *words) == 2
    assert what in " ".join(capsys.readouterr().err.split())


def test_mistakes_of_the_configuration_come_first(there: Path, capsys: Said) -> None:
    (there / "watcher.yaml").write_text(CONFIG.replace("name: hot", "nme: hot"))
    assert run("theirs.csv") == 78
    assert "unknown key 'nme'" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(there: Path, capsys: Said) -> None:
    assert run("none.csv") == 1
    assert "none.csv: the file cannot be read: No such file or directory" in capsys.readouterr().err
    assert not (there / "wallets.csv").exists()
