"""From a balance at an API to a message in a channel, by the real daemon."""

from __future__ import annotations

import asyncio

import pytest

from tests.endtoend.bench import BOND, DESK, EVM, SOLO, Installation, here, stop, text_of
from tests.notify.mailbox import Mailbox, smtp


async def test_a_change_on_either_api_is_told_at_the_next_poll(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        assert there.hook.received == []
        there.sim.world.set_amount(EVM, "base-wallet", "ETH", "3.5")
        there.sim.world.set_sparks(DESK, BOND, 26001)
        coinstats, teos = await asyncio.gather(
            there.hook.told("hot", "base-wallet", "moved"), there.hook.told("desk", "moved")
        )
        # The poll that saw it was one of the two that may have begun since.
        assert "3.5" in text_of(coinstats)
        assert "1.5" in text_of(coinstats)
        assert "26.001" in text_of(teos)
        assert "1.001" in text_of(teos)
        await there.polled()
        assert len(there.hook.received) == 2
        await stop(there, daemon)


async def test_a_threshold_fires_once_and_resolves_once(there: Installation) -> None:
    world = there.sim.world
    async with there.daemon() as daemon:
        await there.first_readings()
        world.set_amount(EVM, "ethereum", "ETH", "0.4")
        await there.hook.told("eth-low")
        await there.polled()
        status = await there.json("status")
        assert [(a["rule"], a["state"], a["severity"]) for a in status["alerts"]] == [
            ("eth-low", "firing", "critical")
        ]
        assert status["state"] == "critical"
        world.set_amount(EVM, "ethereum", "ETH", "0.7")  # above `below`, not above `clear_above`
        await there.hook.told("moved", "0.7")
        assert len(there.hook.about("eth-low")) == 1
        world.set_amount(EVM, "ethereum", "ETH", "0.9")
        await there.hook.until(lambda _: len(there.hook.about("eth-low")) == 2)
        await there.polled()
        assert len(there.hook.about("eth-low")) == 2
        assert "esolved" in text_of(there.hook.about("eth-low")[1])
        await stop(there, daemon)


async def test_the_first_reading_tells_nothing_but_thresholds_already_crossed(there: Installation) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    async with there.daemon() as daemon:
        await there.hook.told("eth-low")
        await there.polled()
        assert len(there.hook.received) == 1
        await stop(there, daemon)


async def test_a_drained_account_is_told_once_two_readings_agree(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        before = there.coinstats.polls
        there.sim.world.drain(EVM, "ethereum")
        gone = await there.hook.told("gone", "ethereum")
        assert there.coinstats.polls >= before + 2
        assert "1.25" in text_of(gone)
        await there.hook.told("eth-low")
        assert [r["amount"] for r in await there.json("balances", "--wallet", "hot")] == ["2"]
        await stop(there, daemon)


async def test_a_new_token_is_told(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        contract = "0x" + "ab" * 20
        there.sim.world.set_amount(
            EVM, "ethereum", "USDC", "1000.000001", symbol="USDC", price="1", contract=contract
        )
        assert "1000.000001" in text_of(await there.hook.told("new", "USDC")).replace(",", "")
        await stop(there, daemon)


async def test_an_account_that_is_no_longer_reported_is_told_as_such_and_is_no_zero(
    there: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    assert await here("poll") == 0
    there.sim.faults.add("omit-wallet", "coinstats", address=SOLO)
    for _ in range(3):
        assert await here("poll") == 1
    assert there.hook.received == []
    assert await here("poll", "--wallet", "solo") == 1
    (message,) = there.hook.received
    assert "no longer reported" in text_of(message)
    assert "solo" in text_of(message)
    assert await here("poll", "--wallet", "solo") == 1
    assert len(there.hook.received) == 1
    (row,) = await there.json("balances", "--wallet", "solo")
    assert row["amount"] == "7"


async def test_one_source_without_credits_does_not_hold_the_other(there: Installation) -> None:
    async with there.daemon() as daemon:
        await asyncio.gather(there.coinstats.recorded(1), there.teos.recorded(1))
        there.sim.coinstats.credits_used = there.sim.coinstats.credits_limit  # by another user of the key
        await there.logged("sleeps until")
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "9")
        there.sim.world.set_sparks(DESK, BOND, 26000)
        await there.hook.told("desk", "moved")
        asked = there.coinstats.polls
        await there.teos.recorded(2)
        code, out, _ = await there.verb("poll", "--wallet", "hot")
        assert code == 1
        assert "not asked" in out
        assert there.coinstats.polls == asked
        await stop(there, daemon)
    assert there.log().count("sleeps until") == 1


async def test_mail_arrives_through_a_real_smtp_server(there: Installation) -> None:
    box = Mailbox()
    arrived = asyncio.Event()
    take = box.handle_DATA

    async def taking(*words: object) -> str:
        answer = await take(*words)  # type: ignore[arg-type]
        arrived.set()
        return answer

    box.handle_DATA = taking  # type: ignore[method-assign,assignment]
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    async with smtp(box) as port:
        there.env["HOOK_URL"] = (
            f"mailto://127.0.0.1:{port}/?from=watcher@example.org&to=ops@example.org&mode=insecure"
        )
        async with there.daemon() as daemon:
            await asyncio.wait_for(arrived.wait(), 30)
            await stop(there, daemon)
    (mail,) = box.mails
    assert mail["to"] == "ops@example.org"
    body = mail.get_body(("html", "plain"))
    assert body is not None
    assert "0.1" in body.get_content()
