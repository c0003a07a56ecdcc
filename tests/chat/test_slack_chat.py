"""From a button or a command in Slack to its effect: a whole daemon, a real store, real connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from tests.chat.given import Chatting, chatting
from tests.chat.test_telegram_chat import poll
from tests.notify.slack_api import APP, BOT, DIRECT, OPS, Workspace, blocks_of, shown, workspace
from tests.notify.test_slack_socket import ALICE, message, press, slash
from watcher.sim import Simulation

BOB, STRANGER = "U0B0B", "U0STRANGER"
SETTINGS = f'kind: slack, token: "{BOT}", app_token: "{APP}", channel: "#ops", timeout: 5s'
PEOPLE = f"alice: {{{{slack: {ALICE}}}}}, bob: {{{{slack: {BOB}}}}}"
CHANNEL = f"""\
channels: {{{{ops: {{{{{SETTINGS}, api_url: "{{url}}/api/"}}}}}}}}
people: {{{{{PEOPLE}}}}}
chat: {{{{channels: [ops]}}}}
rules: [rules.yaml]
"""


class SlackAtWork:
    """A daemon at work, and the workspace in which people answer it."""

    def __init__(self, it: Chatting, slack: Workspace, link: web.WebSocketResponse) -> None:
        self.it, self.slack, self.link = it, slack, link

    async def posted(self, count: int) -> list[dict[str, Any]]:
        """The messages, once there are so many."""
        await self.it.kept(lambda: len(self.slack.messages) >= count)
        return list(self.slack.messages.values())

    async def says(self, *envelopes: dict[str, Any]) -> None:
        """Let Slack send these, and wait until each is confirmed."""
        for each in envelopes:
            await self.link.send_json(each)
        for _ in envelopes:
            await asyncio.wait_for(self.slack.acks.get(), 60)

    def values(self) -> list[str]:
        """What the buttons of the first message say."""
        first = next(iter(self.slack.messages.values()))
        rows = [block["elements"] for block in blocks_of(first) if block["type"] == "actions"]
        return [each["value"] for row in rows for each in row]


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[SlackAtWork]:
    async with Simulation() as sim, workspace() as slack:
        async with chatting(folder, sim, cast(Any, slack), channel=CHANNEL) as it:
            work = SlackAtWork(it, slack, await slack.sockets.get())
            await work.posted(1)
            await it.kept(lambda: any(each.receipt for each in it.deliveries()))
            yield work
        assert slack.wrong == []


async def test_one_tap_acknowledges_and_the_others_see_who_it_was(tmp_path: Path) -> None:
    async with at_work(tmp_path) as here:
        ack = here.values()[0]
        await here.says(press(ack))
        said = here.it.alert().acknowledged
        assert said is not None
        assert (said.by, said.via) == ("alice", "chat in ops")
        _, told = await here.posted(2)
        assert told["text"].startswith("alice acknowledged at ")
        assert f"{OPS}:{told['thread_ts']}" == here.it.deliveries()[-1].receipt
        await here.it.kept(lambda: ack not in here.values())
        assert len(here.values()) == 3
        assert "alice acknowledged at " in shown(next(iter(here.slack.messages.values())))
        person, answer = await here.slack.whispered.get()
        assert person == ALICE
        assert answer.startswith("acknowledged")


async def test_a_button_silences_once_however_often_it_is_pressed(tmp_path: Path) -> None:
    async with at_work(tmp_path) as here:
        silence = here.values()[1]
        await here.says(press(silence, BOB), press(silence, BOB, 2))
        (made,) = here.it.silences()
        assert (made.author, made.rules, made.wallets) == ("bob", ("gas-low",), ("hot",))
        answers = [(await here.slack.whispered.get())[1] for _ in range(2)]
        assert "silenced already" in answers[1]


async def test_what_is_resolved_goes_into_the_thread_and_the_first_message_is_marked(tmp_path: Path) -> None:
    async with at_work(tmp_path) as here:
        await poll(here.it, "0.54")
        _, reply = await here.posted(2)
        await here.it.kept(lambda: here.slack.methods()[-1] == "chat.update")
        first = next(iter(here.slack.messages.values()))
        assert reply["thread_ts"] == first["ts"]
        assert reply["text"].startswith("resolved: ")
        assert first["text"].startswith("✓ resolved: ")
        assert here.values() == []


async def test_explain_and_commands_are_answered_to_the_one_who_asked(tmp_path: Path) -> None:
    async with at_work(tmp_path) as here:
        await here.says(press(here.values()[3]))
        assert "rule gas-low" in (await here.slack.whispered.get())[1]
        await here.link.send_json(slash("alerts"))
        answer = (await here.slack.acks.get())["payload"]
        assert "hot" in answer["text"]
        await here.says(message("status", ts=f"{datetime.now(UTC).timestamp():.6f}"))
        (*_, told) = await here.posted(2)
        assert told["channel"] == DIRECT
        assert here.it.alert().acknowledged is None


async def test_a_stranger_is_told_nothing_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(tmp_path) as here:
        values = here.values()
        await here.says(*(press(value, STRANGER, number) for number, value in enumerate(values)))
        await here.says(message("ack 1 my secret words", user=STRANGER))
        assert here.slack.whispered.empty()
        assert len(here.slack.messages) == 1
        assert here.it.alert().acknowledged is None
        assert here.it.silences() == []
    assert "my secret words" not in caplog.text


async def test_no_log_shows_a_token_or_the_address_of_a_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with at_work(tmp_path) as here:
        await here.says(press(here.values()[0]))
        here.slack.refusals["apps.connections.open"] = "internal_error"
        await here.link.close()
        await here.it.kept(lambda: here.slack.methods().count("apps.connections.open") > 1)
    assert "Slack broke the connection" in caplog.text
    for secret in (BOT, APP, "very-secret"):
        assert secret not in caplog.text
