"""Misspelt words are answered with the one that was meant; the shell completes those that are known."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.endtoend.bench import EVM, Installation, here


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


async def complete(there: Installation, *words: str) -> list[str]:
    """What bash is offered for the last of these words."""
    program = "import sys; sys.argv[0] = 'watcher'; from watcher.cli import main; main()"
    env = {
        **there.env,
        "_WATCHER_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE, cwd=there.folder, env=env
    )
    out, _ = await process.communicate()
    return out.decode().split()


async def test_the_shell_completes_verbs_wallets_rules_and_alerts(there: Installation) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    code, _, err = await there.verb("poll")
    assert code == 0, err
    ((alert,),) = there.query("SELECT id FROM alerts WHERE state = 'firing'")
    del there.env["COINSTATS_API_KEY"]  # names are not secret: they complete where the keys are not known
    verbs, wallets, rules, channels, alerts, other = await asyncio.gather(
        complete(there, "watcher", "sta"),
        complete(there, "watcher", "balances", "--wallet", "s"),
        complete(there, "watcher", "explain", "eth"),
        complete(there, "watcher", "send-test", "o"),
        complete(there, "watcher", "ack", alert[:3]),
        complete(there, "watcher", "balances", "-c", "nowhere.yaml", "--wallet", "s"),
    )
    assert verbs == ["status"]
    assert wallets == ["solo"]
    assert rules == ["eth-low"]
    assert channels == ["ops"]
    assert alerts == [alert]
    assert other == []
