"""A terminal that is not UTF-8: no traceback, the same exit code, amounts with their sign, JSON whole."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.endtoend.bench import EVM, Installation, here

ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8")
ODD = "USD₮0 −5 \N{GRINNING FACE}"

VERBS = (
    ("status",), ("balances",), ("history",), ("history", "--plot", "--wallet", "zürich"), ("polls",),
    ("alerts",), ("alerts", "--all"), ("explain", "odd", "zürich"), ("outbox",), ("plan",), ("check",),
    ("backtest", "--since", "1h"), ("assets",), ("silence", "list"), ("ack", "ñ"), ("poll",), ("version",),
    ("--help",), ("history", "--help"), ("nonsense−",), ("balances", "--wallet", "zürich₮"),
    ("balances", "--wallet", "z\udcfcrich"), ("silence", "add", "--wallet", "zürich", "--for", "1−"),
)  # fmt: skip


@pytest.fixture
async def odd(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Wallets, assets, rules and messages with characters that few terminals know."""
    there.edit("watcher.yaml", "name: hot", "name: zürich")
    there.file("rules.yaml").write_text(
        "rules:\n"
        "  - {id: odd, type: threshold, match: {wallets: [zürich], chains: [ethereum]}, below: '1000',\n"
        "     summary: '{{ wallet }} → {{ amount }} ≤ 1000 ✓ − …'}\n"
        "  - {id: moved, type: change, direction: both}\n",
        encoding="utf-8",
    )
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    world = there.sim.world
    world.set_amount(EVM, "ethereum", "0xabc", "7", symbol=ODD, price="1", coin_id="tether-zero")
    assert await here("poll") == 0
    world.set_amount(EVM, "ethereum", "ETH", "1")
    assert await here("poll") == 0
    return there


class Kept(io.BytesIO):
    """Can be read after the stream over it was thrown away."""

    def close(self) -> None:
        pass


def screen(monkeypatch: pytest.MonkeyPatch, encoding: str) -> tuple[io.BytesIO, io.BytesIO]:
    """Standard output and error as Python opens them with PYTHONIOENCODING."""
    out, err = Kept(), Kept()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding, "strict", write_through=True))
    monkeypatch.setattr(
        sys, "stderr", io.TextIOWrapper(err, encoding, "backslashreplace", write_through=True)
    )
    return out, err


async def test_every_verb_ends_as_on_any_other_terminal(
    odd: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: dict[str, list[int]] = {}
    for encoding in ENCODINGS:
        codes[encoding] = []
        for words in VERBS:
            with monkeypatch.context() as patch:
                out, err = screen(patch, encoding)
                codes[encoding].append(await here(*words))
                shown = out.getvalue() + err.getvalue()
            assert shown.decode(encoding), words
            assert b"Traceback" not in shown, (encoding, words, shown)
    assert codes["ascii"] == codes["latin-1"] == codes["cp1252"] == codes["utf-8"]
    assert set(codes["utf-8"]) <= {0, 1, 2}


async def test_json_says_the_same_on_every_terminal(
    odd: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for verb in ("balances", "history", "alerts", "outbox"):
        said = []
        for encoding in ENCODINGS:
            with monkeypatch.context() as patch:
                out, _ = screen(patch, encoding)
                assert await here(verb, "--json") == 0
            assert encoding == "utf-8" or out.getvalue().isascii()
            said.append(json.loads(out.getvalue()))
        assert all(each == said[0] for each in said)
        assert verb != "balances" or ODD in {row["symbol"] for row in said[0]}


async def test_a_minus_stays_a_minus(odd: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        out, _ = screen(patch, "ascii")
        assert await here("outbox") == 0
    shown = out.getvalue().decode("ascii")
    assert "-0.25 ETH" in shown
    assert "z?rich" in shown
    assert "?0.25" not in shown
    with monkeypatch.context() as patch:
        out, _ = screen(patch, "ascii")
        assert await here("history", "--plot", "--wallet", "solo") == 0
    assert "*" in out.getvalue().decode("ascii")


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_real_process_prints_what_it_can(odd: Installation, encoding: str) -> None:
    odd.env["PYTHONIOENCODING"] = encoding
    for words in (("balances",), ("balances", "--json"), ("check",), ("balances", "--wallet", "zürıch")):
        process = await odd.spawn(*words, stdout=-1, stderr=-1)
        out, err = await process.communicate()
        assert process.returncode == (2 if "--wallet" in words else 0)
        assert b"Traceback" not in err
        (out + err).decode(encoding)


def test_the_lock_of_a_store_with_an_odd_name_is_said_in_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watcher.cli import _run

    out, err = screen(monkeypatch, "ascii")
    assert _run(["check", "-c", str(tmp_path / "zürich\udcff.yaml")]) == 78
    assert "z?rich?.yaml: there is no such file" in err.getvalue().decode("ascii")
    assert out.getvalue() == b""
