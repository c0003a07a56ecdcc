"""Misspelt words are answered with the one that was meant; the shell completes those that are known."""

from __future__ import annotations

import json
import sys

import pytest

from tests.endtoend.bench import EVM, Installation, here
from watcher.cli import _run


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("statsu",), "status"),
        (("status", "--wacth"), "--watch"),
        (("balances", "--wallet", "hto"), "hot"),
        (("history", "--wallet", "sola"), "solo"),
        (("poll", "--wallet", "dsek"), "desk"),
        (("explain", "eth-lo", "hot"), "eth-low"),
        (("send-test", "opps"), "ops"),
        (("plan", "--source", "coinstat"), "coinstats"),
        (("init", "--pack", "treasure"), "treasury"),
        (("outbox", "--state", "givenup"), "given_up"),
        (("silence", "add", "--rule", "ethlow", "--for", "1h"), "eth-low"),
    ],
    ids=" ".join,
)
async def test_a_misspelt_word_is_answered_with_the_one_that_was_meant(
    words: tuple[str, ...],
    meant: str,
    there: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    assert await here(*words) == 2
    shown = capsys.readouterr()
    assert meant in shown.err
    assert shown.out == ""


async def test_an_asset_that_is_not_held_is_answered_with_one_that_is(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    there.sim.world.set_amount(
        EVM, "ethereum", "USDC", "5", symbol="USDC", price="1", contract="0x" + "ab" * 20
    )
    assert await here("poll") == 0
    assert await here("assets", "hide", "USDX", "--wallet", "hot") == 1
    assert "did you mean 'usdc'?" in capsys.readouterr().err


COMPLETING = "_WATCHER_COMPLETE"


async def test_the_shell_completes_verbs_wallets_rules_and_alerts(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    assert await here("poll") == 0
    capsys.readouterr()
    ((alert,),) = there.query("SELECT id FROM alerts WHERE state = 'firing'")
    monkeypatch.delenv("COINSTATS_API_KEY")  # names are not secret: they complete where keys are not known
    monkeypatch.setenv(COMPLETING, "complete_bash")
    monkeypatch.setitem(sys.modules, "rich", None)  # as it will be; for the tests after this one it is there

    def complete(*words: str) -> list[str]:
        """What bash is offered for the last of these words."""
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        with pytest.raises(SystemExit):
            _run([])
        return capsys.readouterr().out.split()

    assert complete("watcher", "sta") == ["status"]
    assert complete("watcher", "balances", "--wallet", "s") == ["solo"]
    assert complete("watcher", "explain", "eth") == ["eth-low"]
    assert complete("watcher", "send-test", "o") == ["ops"]
    assert complete("watcher", "plan", "--source", "te") == ["teos"]
    assert complete("watcher", "ack", alert[:3]) == [alert]
    assert complete("watcher", "balances", "-c", "nowhere.yaml", "--wallet", "s") == []


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "{file}", "balances", "--json"),
        ("--config={file}", "--json", "balances"),
        ("--json", "--config", "{file}", "balances"),
        ("balances", "-c", "{file}", "--json"),
    ],
    ids=" ".join,
)
async def test_what_every_verb_takes_may_stand_before_it(
    words: tuple[str, ...], there: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(there.folder / "watcher.yaml")
    assert await here(*(word.format(file=file) for word in words)) == 1  # nothing was polled yet
    assert "no store yet" in capsys.readouterr().err


def test_a_word_that_no_verb_takes_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-c"], ["-c", "x.yaml"], ["--jsn", "status"], ["-x", "status"]):
        assert _run(words) == 2


async def test_mistakes_are_json_for_scripts(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.edit("watcher.yaml", "sources:", "souces:")
    assert await here("check", "--json", "-c", str(there.folder / "watcher.yaml")) == 78
    found = json.loads(capsys.readouterr().out)["mistakes"]
    assert {"where", "what", "remedy", "docs"} == set(found[0])


async def test_a_budget_is_explained_too(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    rules = there.file("rules.yaml")
    rules.write_text(rules.read_text() + '  - {id: plan, type: budget, source: coinstats, used: "80%"}\n')
    assert await here("poll") == 0
    capsys.readouterr()
    assert await here("explain", "plan", "coinstats", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["subject"], row["answer"]) == ("source coinstats", "not met")
    assert row["reading"]["credits"].endswith("used")


def test_ctrl_c_is_said_wherever_a_verb_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("watcher.cli._app.loaded", interrupted)
    assert _run(["version"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"
