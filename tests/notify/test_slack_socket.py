"""Slack in socket mode: what is pressed and written is heard once, confirmed in time, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.notify.given import delivery
from tests.notify.slack_api import APP, BOT, DIRECT, OPS, Workspace, blocks_of, shown, workspace
from watcher.domain.messages.message import Kind
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Ways
from watcher.domain.records import replace
from watcher.notify.slack import socket as socket_mode
from watcher.notify.slack.api import SlackApi
from watcher.notify.slack.channel import SlackChannel
from watcher.notify.slack.settings import SlackSettings
from watcher.notify.slack.socket import SlackSocket
from watcher.ports.channel import Presentation
from watcher.ports.chat import BotError, ChatAnswer, Said

ALICE = "U0A11CE"


@dataclass
class Listener:
    """Knows one person, and keeps what is said to it."""

    answer: str = "acknowledged"
    heard: asyncio.Queue[Said] = field(default_factory=asyncio.Queue)
    gate: asyncio.Event | None = None
    times: int = 0

    def connected(self) -> None:
        self.times += 1

    async def hear(self, said: Said) -> ChatAnswer | None:
        self.heard.put_nowait(said)
        if self.gate is not None:
            await self.gate.wait()
        return ChatAnswer(self.answer, done=True) if said.person == ALICE else None


def press(value: str, user: str = ALICE, number: int = 1) -> dict[str, Any]:
    """As Slack sends a press of a button in an attachment of a message."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "alice", "team_id": "T1"},
        "container": {"type": "message_attachment", "message_ts": "1740000000.000100", "channel_id": OPS},
        "channel": {"id": OPS, "name": "ops"},
        "message": {"ts": "1740000000.000100", "text": "critical: …"},
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{"action_id": "Acknowledge", "type": "button", "value": value, "action_ts": "1.2"}],
    }
    return envelope("interactive", payload, number)


def envelope(kind: str, payload: dict[str, Any], number: int = 1, *, takes: bool = False) -> dict[str, Any]:
    identity = f"env-{number}"
    return {"type": kind, "envelope_id": identity, "payload": payload, "accepts_response_payload": takes}


def slash(text: str) -> dict[str, Any]:
    payload = {"command": "/watcher", "text": text, "user_id": ALICE, "channel_id": "C9", "team_id": "T1"}
    return envelope("slash_commands", payload, takes=True)


def message(text: str, **words: Any) -> dict[str, Any]:
    event = {"type": "message", "channel_type": "im", "user": ALICE, "channel": DIRECT, "ts": "1740000000.5"}
    return envelope("events_api", {"type": "event_callback", "event": {**event, "text": text, **words}})


@asynccontextmanager
async def listening(slack: Workspace, ear: Listener, **words: Any) -> AsyncIterator[web.WebSocketResponse]:
    """The other end of a connection over which one listens."""
    api = SlackApi(SecretStr(BOT), slack.api_url, 2)
    link = SlackSocket(api, SecretStr(APP), UTC_AND_DOLLARS, **words)
    task = asyncio.create_task(link.hear(ear))
    try:
        yield await slack.sockets.get()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.close()


async def why(
    slack: Workspace, ear: Listener, *said: dict[str, Any], token: str = APP, **words: Any
) -> BotError:
    """Why listening ended, after the other end has said some things."""
    api = SlackApi(SecretStr(BOT), slack.api_url, 2)
    task = asyncio.create_task(SlackSocket(api, SecretStr(token), UTC_AND_DOLLARS).hear(ear))
    if said:
        link = await slack.sockets.get()
        for each in said:
            await link.send_json(each)
    with pytest.raises(BotError) as caught:
        await task
    await api.close()
    return caught.value


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    async with workspace() as here:
        yield here


async def test_a_press_is_heard_and_answered_to_the_one_who_pressed(slack: Workspace) -> None:
    ear = Listener()
    async with listening(slack, ear) as link:
        await link.send_json(press("/ack dlv-0001"))
        assert await slack.acks.get() == {"envelope_id": "env-1"}
        assert await slack.whispered.get() == (ALICE, "acknowledged\nacknowledged")
    assert await ear.heard.get() == Said(ALICE, "/ack dlv-0001", pressed=True)
    assert ear.times == 2


async def test_a_stranger_gets_no_answer_and_slack_its_confirmation(slack: Workspace) -> None:
    ear = Listener()
    async with listening(slack, ear) as link:
        await link.send_json(press("/ack dlv-0001", user="U0STRANGER"))
        await slack.acks.get()
        await link.send_json(press("/ack dlv-0001", number=2))
        await slack.acks.get()
        assert (await slack.whispered.get())[0] == ALICE
    assert slack.methods() == ["apps.connections.open", "chat.postEphemeral"]


async def test_a_slash_command_is_answered_with_its_confirmation(slack: Workspace) -> None:
    ear = Listener(answer="one alert <b>\n`a1`")
    async with listening(slack, ear) as link:
        await link.send_json(slash(" alerts "))
        answer = (await slack.acks.get())["payload"]
    assert (await ear.heard.get()).text == "/alerts"
    assert answer["response_type"] == "ephemeral"
    assert answer["blocks"][0]["text"] == {
        "type": "plain_text",
        "text": "one alert <b>\n`a1`",
        "emoji": False,
    }
    assert answer["text"] == "one alert &lt;b&gt;\n`a1`"


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (message("ack 1234abcd on it &amp; looking"), "/ack 1234abcd on it & looking"),
        (message("/status"), "/status"),
        (message(""), "/help"),
        (
            message("<@U0B07> explain 1234", type="app_mention", channel=OPS, channel_type="channel"),
            "/explain 1234",
        ),
    ],
)
async def test_what_is_written_to_the_bot_is_a_command(
    slack: Workspace, event: dict[str, Any], heard: str
) -> None:
    ear = Listener()
    async with listening(slack, ear) as link:
        await link.send_json(event)
        said = await ear.heard.get()
        await slack.acks.get()
    assert (said.text, said.pressed) == (heard, False)
    assert said.at is not None
    assert f"{said.at:%Y-%m-%d %H:%M:%S}" == "2025-02-19 21:20:00"


@pytest.mark.parametrize(
    "event",
    [
        message("ack 1", bot_id="B1"),
        message("ack 1", subtype="message_changed"),
        message("ack 1", channel_type="channel", channel=OPS),
        envelope("events_api", {"event": {"type": "reaction_added"}}),
        envelope("interactive", {"type": "view_closed"}),
        envelope("interactive", {"type": "block_actions", "user": "U1", "actions": 3}),
        envelope("slash_commands", {"command": "/watcher", "text": ["ack"]}),
        envelope("of tomorrow", {}),
        press(""),
    ],
)
async def test_what_is_not_said_to_the_bot_is_confirmed_and_not_heard(
    slack: Workspace, event: dict[str, Any]
) -> None:
    ear = Listener()
    async with listening(slack, ear) as link:
        await link.send_json(event)
        await slack.acks.get()
    assert ear.heard.empty()


async def test_commands_are_told_as_they_are_written_there(slack: Workspace) -> None:
    ear = Listener(answer="/alerts: what fires now\nno such alert: /alerts lists them, see https://w/alerts")
    async with listening(slack, ear) as link:
        await link.send_json(slash("help"))
        answer = (await slack.acks.get())["payload"]["blocks"][0]["text"]["text"]
        await link.send_json(message("<@U0B07> help", type="app_mention", channel=OPS, channel_type=""))
        await slack.acks.get()
        (_, whispered) = await slack.whispered.get()
    assert answer.startswith("/watcher alerts: what")
    assert "alert: /watcher alerts lists" in answer
    assert answer.endswith("/alerts")
    assert whispered.startswith("alerts: what")


async def test_what_takes_long_is_confirmed_in_time_and_answered_when_it_is_done(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "IN_TIME", 0.01)
    ear = Listener(gate=asyncio.Event())
    async with listening(slack, ear) as link:
        for number in (1, 2):
            await link.send_json(press(f"/ack {number}", number=number))
        assert {(await slack.acks.get())["envelope_id"] for _ in range(2)} == {"env-1", "env-2"}
        assert slack.whispered.empty()
        assert ear.heard.qsize() == 1, "one after another"
        assert ear.gate is not None
        ear.gate.set()
        for _ in range(2):
            await slack.whispered.get()
    assert [(await ear.heard.get()).text for _ in range(2)] == ["/ack 1", "/ack 2"]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_connection_is_made_anew_when_slack_asks_for_it(slack: Workspace, reason: str) -> None:
    ear = Listener()
    async with listening(slack, ear, shortest=0) as link:
        await link.send_json(press("/ack 1"))
        await link.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
        again = await slack.sockets.get()
        assert (await slack.acks.get())["envelope_id"] == "env-1", "what was begun is confirmed"
        await again.send_json(press("/ack 2", number=2))
        assert (await slack.acks.get())["envelope_id"] == "env-2"
    assert slack.methods().count("apps.connections.open") == 2


async def test_a_connection_that_slack_ends_at_once_is_not_made_again_and_again(slack: Workspace) -> None:
    error = await why(slack, Listener(), {"type": "disconnect", "reason": "refresh_requested"})
    assert "only just" in str(error)


async def test_why_slack_cannot_be_heard_is_told_with_what_to_do(slack: Workspace) -> None:
    off = await why(slack, Listener(), {"type": "disconnect", "reason": "link_disabled"})
    assert "turn it on under Socket Mode" in str(off)
    wrong = await why(slack, Listener(), token="xapp-wrong-token")
    assert "invalid_auth" in str(wrong)
    assert "xapp-wrong" not in str(wrong)
    slack.refusals["apps.connections.open"] = (
        429,
        '{"ok": false, "error": "ratelimited"}',
        {"Retry-After": "9"},
    )
    assert (await why(slack, Listener())).retry_after == 9


async def test_a_connection_on_which_nothing_is_said_still_stands(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "QUIET", 0.001)
    ear = Listener()
    async with listening(slack, ear), asyncio.timeout(60):
        while ear.times < 4:  # noqa: ASYNC110 (another task counts)
            await asyncio.sleep(0)


async def test_junk_is_passed_over_and_a_broken_connection_is_an_end(slack: Workspace) -> None:
    ear = Listener()
    api = SlackApi(SecretStr(BOT), slack.api_url, 2)
    task = asyncio.create_task(SlackSocket(api, SecretStr(APP), UTC_AND_DOLLARS).hear(ear))
    link = await slack.sockets.get()
    for junk in ("[1]", "no json", '{"payload": 3}', "{}"):
        await link.send_str(junk)
    await link.send_json(press("/ack 1"))
    await slack.acks.get()
    await link.close()
    with pytest.raises(BotError, match="broke the connection"):
        await task
    await api.close()


# What people see


def channel(slack: Workspace) -> SlackChannel:
    written = {"token": BOT, "app_token": APP, "channel": "#ops", "api_url": slack.api_url, "timeout": "20s"}
    shown = Presentation(answered=True, ways=lambda _: Ways(page="https://w/a", acknowledge="https://w/ack"))
    return SlackSettings.model_validate(written).build("ops", shown)


def labels(payload: dict[str, Any]) -> list[str]:
    rows = [block["elements"] for block in blocks_of(payload) if block["type"] == "actions"]
    return [each["text"]["text"] for row in rows for each in row]


async def test_each_alert_has_buttons_and_what_is_over_has_none(slack: Workspace) -> None:
    here = channel(slack)
    await here.send([delivery(1, kind=Kind.FIRING), delivery(2, kind=Kind.RESOLVED)])
    await here.close()
    (message,) = slack.posted()
    assert labels(message) == ["Acknowledge", "Silence 1 h", "Silence 4 h", "Explain"]
    (row,) = [block["elements"] for block in blocks_of(message) if block["type"] == "actions"]
    assert [each["value"] for each in row][:2] == ["/ack dlv-0001", "/silence dlv-0001 1h"]
    assert shown(message).count("|Acknowledge>") == 1, "only where no button says the same"


async def test_each_of_ten_alerts_can_be_acknowledged(slack: Workspace) -> None:
    here = channel(slack)
    facts = tuple(
        (label, "$39,506.75 moved out, at least $10,000.00") for label in ("Moved", "Value", "Because")
    )
    await here.send([delivery(number, kind=Kind.FIRING, facts=facts) for number in range(10)])
    await here.close()
    (told,) = slack.posted()
    rows = [block["elements"] for block in blocks_of(told) if block["type"] == "actions"]
    assert [[each["value"] for each in row] for row in rows] == [[f"/ack dlv-{n:04}"] for n in range(10)]
    assert slack.wrong == []


async def test_who_acknowledged_is_shown_to_all_and_the_button_goes(slack: Workspace) -> None:
    here = channel(slack)
    told = [delivery(number, kind=kind, alert="a1") for number, kind in ((1, Kind.FIRING), (2, Kind.REPEAT))]
    first, again = [(await here.send([each])).receipt for each in told]  # type: ignore[union-attr]
    deliveries = [replace(each, receipt=receipt) for each, receipt in zip(told, (first, again), strict=True)]

    await here.announce("alice <!here> acknowledged\n*ETH* moved", deliveries, settled=True)
    await here.close()

    assert slack.wrong == []
    assert slack.posted()[-1]["thread_ts"] == first.split(":")[1]
    for receipt in (first, again):
        now = slack.messages[receipt.split(":")[1]]
        assert labels(now) == ["Silence 1 h", "Silence 4 h", "Explain"]
        assert "alice <!here> acknowledged\n*ETH* moved" in shown(now)


async def test_a_silence_is_told_in_the_thread_and_leaves_the_buttons(slack: Workspace) -> None:
    here = channel(slack)
    one = delivery(1, kind=Kind.FIRING)
    receipt = (await here.send([one])).receipt  # type: ignore[union-attr]
    await here.announce("alice silenced it", [replace(one, receipt=receipt)], settled=False)
    await here.announce("alice silenced a rule", [], settled=False)
    await here.close()
    assert [each.get("thread_ts") for each in slack.posted()] == [None, receipt.split(":")[1], None]
    assert "chat.update" not in slack.methods()
