"""A name made to harm, from the API to every place where people read it."""

from __future__ import annotations

import unicodedata

import pytest

from tests.endtoend.bench import EVM, Installation, here, text_of
from tests.notify.given import HOSTILE

CONTRACT = "0x" + "66" * 20
VERBS = (
    ("balances",), ("history",), ("status",), ("outbox",), ("alerts", "--all"), ("assets",), ("polls",),
    ("explain", "new", "hot"), ("backtest", "--since", "1h"),
)  # fmt: skip


def harmless(text: str) -> None:
    """No escape, no direction mark, nothing invisible but the line's end."""
    odd = {
        char for char in text if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs")
    }
    assert odd <= {"\N{ZERO WIDTH SPACE}"}, (odd, text)


async def test_a_hostile_name_acts_on_no_terminal_chat_or_log(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(there.folder)
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    world = there.sim.world
    symbol = HOSTILE + "\nwatcher: critical\r\x07\x9b2J"
    for amount in ("5", "7", "9"):
        assert await here("poll") == 0
        world.set_amount(EVM, "ethereum", "EVIL", amount, symbol=symbol, price="3000", contract=CONTRACT)
        world.set_amount(EVM, "ethereum", "ETH", amount, symbol=symbol, price="3000", coin_id="ethereum")
    there.sim.faults.add("omit-wallet", "coinstats")
    await here("poll")
    for words in VERBS:
        await here(*words)
    told = capsys.readouterr()
    shown = told.out + told.err

    assert shown.count("EVIL") > 5
    assert "Traceback" not in shown
    harmless(shown)
    assert there.hook.received
    for each in there.hook.received:
        harmless(text_of(each))
        assert "@here" not in text_of(each)
