"""From a button or a command in Telegram to its effect: a whole daemon, a real store, real HTTP."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_build import HOT
from tests.chat.given import ALICE, BOB, STRANGER, Chatting, chatting, watched
from tests.notify.bot_api import BOT, GROUP, TOKEN, telegram_server
from watcher.commands.alerts import acknowledge
from watcher.daemon import upkeep
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Purpose
from watcher.ports.queue import Batch
from watcher.sim import Simulation


async def test_one_tap_acknowledges_and_the_others_see_who_it_was(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        ack = server.buttons(receipt)[0]
        query = server.press(ALICE, receipt, ack)
        await server.until(lambda: len(server.sent) == 2)
        said = it.alert().acknowledged
        assert said is not None
        assert (said.by, said.via) == ("alice", "chat in ops")
        told = list(server.sent.values())[1]
        assert told["text"].startswith("alice acknowledged at ")
        assert told["text"].splitlines()[1].startswith("hot: ETH on ethereum: 0.45 ETH")
        assert f"{GROUP}:{told['reply_parameters']['message_id']}" == receipt
        await server.until(lambda: ack not in server.buttons(receipt))
        assert len(server.buttons(receipt)) == 3
        (toast,) = server.toasts
        assert toast["callback_query_id"] == query
        assert toast["text"].startswith("acknowledged")
        assert server.wrong == []


async def test_who_presses_what_another_has_acknowledged_hears_who_it_was(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        ack = server.buttons(receipt)[0]
        server.press(ALICE, receipt, ack)
        server.press(BOB, receipt, ack)
        await server.until(lambda: len(server.toasts) == 2)
        said = it.alert().acknowledged
        assert said is not None
        assert said.by == "alice"
        assert server.toasts[1]["text"].startswith("acknowledged by alice at ")
        await server.until(lambda: len(server.made("editMessageReplyMarkup")) == 1)
        assert len(server.sent) == 2


@pytest.mark.parametrize(("number", "hours"), [(2, 1), (3, 4)])
async def test_a_button_silences_the_rule_on_the_wallet(tmp_path: Path, number: int, hours: int) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        silence = server.buttons(receipt)[number]
        server.press(BOB, receipt, silence)
        server.press(BOB, receipt, silence)
        await server.until(lambda: len(server.toasts) == 2 and len(server.sent) == 2)
        (made,) = it.silences()
        assert (made.author, made.rules, made.wallets) == ("bob", ("gas-low",), ("hot",))
        assert (made.until - made.created).total_seconds() == hours * 3600
        assert "silenced already" in server.toasts[1]["text"]
        assert list(server.texts())[1].startswith("bob silenced rule gas-low, wallet hot until ")


async def test_explain_is_said_under_the_alert(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        server.press(ALICE, receipt, server.buttons(receipt)[1])
        await server.until(lambda: len(server.sent) == 2)
        text = server.texts()[1]
        assert "rule gas-low" in text
        assert "0.45 ETH" in text
        assert len(text.splitlines()) <= 15
        assert "text" not in server.toasts[0], "it is too long for that"


async def test_a_stranger_is_told_nothing_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        for button in server.buttons(receipt):
            server.press(STRANGER, receipt, button)
        server.write(STRANGER, "/status my secret words")
        server.write(STRANGER, "/status", chat=STRANGER, kind="private")
        await server.until(lambda: not server.waiting and len(server.toasts) == 4)
        assert all("text" not in each for each in server.toasts)
        assert len(server.sent) == 1
        assert it.alert().acknowledged is None
        assert it.silences() == []
    told = [each.getMessage() for each in caplog.records if "people" in each.getMessage()]
    assert len(told) == 1, "once a minute"
    assert "my secret words" not in caplog.text


@pytest.mark.parametrize(
    "data",
    [
        "",
        "nonsense",
        "/ack",
        "/ack zzzz",
        "/ack ' OR 1=1 --",
        "/rm -rf /",
        "/silence",
        "/silence zz 1h",
        "/" * 64,
    ],
)
async def test_what_no_button_says_changes_nothing(tmp_path: Path, data: str) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        server.press(ALICE, receipt, data)
        await server.until(lambda: server.toasts)
        assert server.toasts[0]["text"]
        assert it.alert().acknowledged is None
        assert it.silences() == []


async def test_a_press_in_another_chat_is_not_heard(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt, server = await it.settle(), it.server
        ack = server.buttons(receipt)[0]
        server.chats[-5] = "supergroup"
        server.press(ALICE, "-5:7", ack)
        server.write(ALICE, ack, chat=-5)
        await server.until(lambda: not server.waiting and server.toasts)
        assert it.alert().acknowledged is None
        assert len(server.sent) == 1


async def command(it: Chatting, text: str, *, person: int = ALICE, **words: Any) -> str:
    """What is answered to a command."""
    number = it.server.write(person, text, **words)

    def replies() -> list[str]:
        asked = [(each, each.get("reply_parameters") or {}) for each in it.server.sent.values()]
        return [str(each["text"]) for each, reply in asked if reply.get("message_id") == number]

    await it.server.until(replies)
    (answer,) = replies()
    return answer


async def test_commands_tell_how_things_are(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.settle()
        status = await command(it, "/status")
        assert status.splitlines()[0] == "watcher: critical"
        assert "1 alert: 1 critical; 0 acknowledged" in status
        assert len(status.splitlines()) <= 15
        alerts = await command(it, f"/alerts@{BOT}")
        assert alerts.startswith(f"{it.alert().id[:8]} critical, firing: hot: ETH on ethereum: ")
        assert "/ack ID" in await command(it, "/help")
        assert "/ack ID" in await command(it, "/start", chat=ALICE, kind="private")
        assert "did you mean 'alerts'?" in await command(it, "/alert")


async def test_a_command_acknowledges_by_how_an_id_begins(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt = await it.settle()
        answer = await command(it, f"/ack {it.alert().id[:6]} on it, 10 minutes")
        assert answer.startswith("acknowledged")
        said = it.alert().acknowledged
        assert said is not None
        assert (said.by, said.comment) == ("alice", "on it, 10 minutes")
        await it.server.until(lambda: len(it.server.buttons(receipt)) == 3)
        assert any("on it, 10 minutes" in text and text.startswith("alice") for text in it.server.texts())
        late = await command(it, f"/ack {it.alert().id[:6]} I take over", person=BOB)
        assert late.startswith("acknowledged by alice at ")
        said = it.alert().acknowledged
        assert said is not None
        assert said.by == "alice", "who was first stands"


async def test_a_command_silences_by_an_id_or_by_names(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.settle()
        assert "silenced until" in await command(it, f"/silence {it.alert().id[:8]} 2h planned work")
        assert "silenced until" in await command(it, "/silence wallet=h* severity=critical 30m")
        by_id, by_name = sorted(it.silences(), key=lambda each: each.until, reverse=True)
        assert (by_id.rules, by_id.wallets, by_id.comment) == (("gas-low",), ("hot",), "planned work")
        assert (by_name.wallets, by_name.severities) == (("h*",), ("critical",))
        assert "there is no wallet 'cold'" in await command(it, "/silence wallet=cold 1h")
        assert "say for how long" in await command(it, "/silence 1234")
        assert len(it.silences()) == 2


async def test_what_was_asked_long_ago_is_acknowledged_and_not_silenced(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.settle()
        alert = it.alert().id
        asked = int(it.app.clock.now().timestamp()) - 3700
        assert "say it again" in await command(it, f"/silence {alert} 1h", date=asked)
        assert it.silences() == []
        assert (await command(it, f"/ack {alert}", date=asked)).startswith("acknowledged")
        assert it.alert().acknowledged is not None


async def test_words_that_are_no_command_and_those_for_another_bot_are_not_answered(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.settle()
        for text in ("hello", "/status@other_bot", "we /ack this", "", "/"):
            it.server.write(ALICE, text)
        it.server.write(ALICE, "/silence wallet=* 366d", forward_origin={"type": "user"})
        it.server.write(ALICE, "/silence wallet=* 366d", via_bot={"id": 5})
        it.server.bring({})
        it.server.bring({"message": {"message_id": "x"}})
        it.server.bring({"callback_query": []})
        assert (await command(it, "/help")).startswith("/alerts")
        assert len(it.server.sent) == 2
        assert it.silences() == []


@pytest.mark.parametrize("result", [True, {}, [[]], [{"update_id": "5"}], [{}], "x"])
async def test_a_server_that_talks_nonsense_is_told_and_not_asked_again_and_again(
    tmp_path: Path, result: Any
) -> None:
    async with watched(tmp_path, answers={"getUpdates": [(200, {"ok": True, "result": result})] * 50}) as it:
        await it.settle()
        assert "is this a Bot API?" in it.app.doubts[0]()
        assert len(it.server.made("getUpdates")) < 5


async def test_a_server_that_holds_nothing_back_is_asked_once_a_second(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"ok": True, "result": []}
    async with watched(tmp_path, answers={"getUpdates": [(200, nothing)] * 500}) as it:
        await it.settle()
        assert it.app.doubts[0]() == ""
        assert len(it.server.made("getUpdates")) < 20


async def test_a_press_is_confirmed_after_its_effect_and_brought_again_has_none(tmp_path: Path) -> None:
    async with Simulation() as sim, telegram_server() as server:
        async with chatting(tmp_path, sim, server) as it:
            receipt = await it.settle()
            ack = server.buttons(receipt)[0]
            server.press(ALICE, receipt, ack)
            await server.until(lambda: server.confirmed)
            assert it.alert().acknowledged is not None
            await server.until(lambda: len(server.sent) == 2)
        server.waiting += server.confirmed  # as if the process had been killed before it could confirm it
        async with chatting(tmp_path, sim, server) as it:
            await server.until(lambda: any("query is too old" in each for each in server.wrong))
            assert len(server.made("answerCallbackQuery")) == 2
            assert "already" in server.made("answerCallbackQuery")[1]["text"]
            assert len(server.sent) == 2
            said = it.alert().acknowledged
            assert said is not None
            assert said.by == "alice"


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (409, "Conflict: terminated by other getUpdates request", "another program listens as this bot"),
        (409, "Conflict: can't use getUpdates method while webhook is active", "the bot is used elsewhere"),
        (401, "Unauthorized", "Telegram does not know this token"),
        (502, "Bad Gateway", "Bad Gateway"),
    ],
)
async def test_a_bot_that_is_not_heard_changes_nothing_for_alerts_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, words: str, told: str
) -> None:
    refusal: dict[str, Any] = {"ok": False, "error_code": status, "description": words}
    async with watched(tmp_path, answers={"getUpdates": [(status, refusal)] * 100}) as it:
        await it.settle()
        (said,) = {each() for each in it.app.doubts}
        assert told in said
        assert words.partition(":")[2] in said
        assert TOKEN not in said
    assert TOKEN not in caplog.text
    lines = [each for each in caplog.records if "nobody is heard there" in each.getMessage()]
    assert len(lines) == 1
    assert lines[0].levelno == logging.WARNING


async def test_people_are_heard_again_once_the_bot_is_back(tmp_path: Path) -> None:
    refusal: dict[str, Any] = {"ok": False, "error_code": 502, "description": "Bad Gateway"}
    async with watched(tmp_path, answers={"getUpdates": [(502, refusal)]}) as it:
        await it.settle()
        assert "Bad Gateway" in it.app.doubts[0]()
        assert (await command(it, "/help")).startswith("/alerts")
        assert it.app.doubts[0]() == ""


async def poll(it: Chatting, amount: str) -> None:
    """The wallet holds so much, and is read."""
    it.sim.world.set_amount(HOT, "ethereum", "ETH", amount, symbol="ETH", price="3000")
    accounts = tuple(each for each in it.app.rules.wallets if each.chain == "ethereum")
    await it.app.pollers["coins"].poll(Batch(accounts, Purpose.BY_HAND))


async def test_that_it_is_over_is_said_under_the_first_message_without_buttons(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        receipt = await it.settle()
        await poll(it, "0.54")
        await it.server.until(lambda: len(it.server.sent) == 2)
        over, told = list(it.server.sent.items())[1]
        assert told["text"].startswith("resolved")
        assert told["disable_notification"] is True
        assert f"{GROUP}:{told['reply_parameters']['message_id']}" == receipt
        assert it.server.buttons(over) == []


async def test_a_change_is_acknowledged_as_an_alert_is(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        server = it.server
        await it.settle()
        await poll(it, "0.3")
        await server.until(lambda: len(server.sent) == 2)
        change = list(server.sent)[1]
        await it.kept(lambda: any(each.receipt == change for each in it.deliveries()))
        server.press(BOB, change, server.buttons(change)[0])
        await server.until(lambda: len(server.sent) == 3)
        told = list(server.sent.values())[2]
        assert told["text"].startswith("bob acknowledged at ")
        assert f"{GROUP}:{told['reply_parameters']['message_id']}" == change
        with it.app.store.queries() as reader:
            (event,) = reader.events(10)
        assert event.acknowledged is not None
        assert (event.acknowledged.by, event.acknowledged.via) == ("bob", "chat in ops")
        assert it.alert().acknowledged is None


async def test_who_acknowledges_on_the_page_is_told_in_the_chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_EVERY", 0.05)
    async with watched(tmp_path) as it:
        receipt = await it.settle()
        acknowledge(it.app.store, Actor("Ada", "page", it.app.clock.now()), [it.alert().id])
        await it.server.until(lambda: len(it.server.sent) == 2)
        assert it.server.texts()[1].startswith("Ada acknowledged at ")
        assert "(page)" in it.server.texts()[1]
        await it.server.until(lambda: len(it.server.buttons(receipt)) == 3)
