"""What chats say when they refuse: in their own words, to whom it happened, and whose fault it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from tests.notify.given import HOSTILE, PICTURE, delivery, receiver
from watcher.domain.messages.delivery import Fault, NotSent, SendResult, Sent
from watcher.domain.records import replace
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.refusals import blame
from watcher.ports.channel import Presentation

TOKEN = "123456789:abcdefg_hijklmnop"
OLD, NEW, OTHER = "-1234567", "-1009876543210", "-7654321"
BOT = "xoxb-1234567890-1234567890-abcdefghijklmnop"
MOVED = {
    "ok": False,
    "error_code": 400,
    "description": "Bad Request: group chat was upgraded to a supergroup chat",
    "parameters": {"migrate_to_chat_id": int(NEW)},
}
Answer = Callable[[str, dict[str, Any]], tuple[int, Any]]


@dataclass
class Api:
    """A web API that answers as it is told and keeps what it was asked, in order."""

    answer: Answer
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        method = request.path.rsplit("/", 1)[-1]
        payload = json.loads(raw) if raw.startswith(b"{") else {}
        self.asked.append((method, payload))
        status, body = self.answer(method, payload)
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    def told(self, chat: str) -> int:
        return sum(str(payload.get("chat_id")) == chat for _, payload in self.asked)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Api]:
    api = Api(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


@asynccontextmanager
async def telegram(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> AsyncIterator[Api]:
    async with serving(answer) as api:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{api.url}/bot")
        monkeypatch.setattr(NotifyTelegram, "request_rate_per_sec", 0)
        yield api


@asynccontextmanager
async def slack_bot(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> AsyncIterator[Api]:
    async with serving(answer) as api:
        monkeypatch.setattr(NotifySlack, "api_url", api.url + "/api/{}")
        monkeypatch.setattr(NotifySlack, "request_rate_per_sec", 0)
        yield api


def channel(url: str, **settings: Any) -> AppriseChannel:
    return AppriseSettings.model_validate({"url": url, "timeout": "5s", **settings}).build("ops")


def chats(*ids: str) -> AppriseChannel:
    return channel(f"tgram://{TOKEN}/{'/'.join(ids)}/")


def refused(result: SendResult) -> NotSent:
    assert isinstance(result, NotSent)
    assert TOKEN not in result.detail
    assert BOT not in result.detail
    return result


def always(status: int, description: str) -> Answer:
    return lambda _method, _payload: (status, {"ok": False, "error_code": status, "description": description})


@pytest.mark.parametrize(
    ("status", "description", "fault"),
    [
        (400, "Bad Request: chat not found", Fault.CHANNEL),
        (400, "Bad Request: not enough rights to send text messages to the chat", Fault.CHANNEL),
        (400, "Bad Request: group chat was upgraded to a supergroup chat", Fault.CHANNEL),
        (400, "Bad Request: message thread not found", Fault.CHANNEL),
        (403, "Forbidden: bot was blocked by the user", Fault.CHANNEL),
        (401, "Unauthorized", Fault.CHANNEL),
        (400, "Bad Request: can't parse entities: character '-' is reserved", Fault.MESSAGE),
        (400, "Bad Request: message is too long", Fault.MESSAGE),
        (400, "Bad Request: message text is empty", Fault.MESSAGE),
        (400, "Bad Request: who knows", Fault.UNCLEAR),
        (500, "Internal Server Error", Fault.PASSING),
    ],
)
async def test_telegram_is_heard_by_its_words_and_its_number_comes_after(
    status: int, description: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with telegram(monkeypatch, always(status, description)):
        result = refused(await chats(OLD).send([delivery(1)]))

    assert description in result.detail
    assert result.fault is fault


async def test_a_group_that_has_another_id_is_followed_and_that_is_said_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(_method: str, payload: dict[str, Any]) -> tuple[int, Any]:
        return (400, MOVED) if str(payload["chat_id"]) == OLD else (200, {"ok": True, "result": {}})

    async with telegram(monkeypatch, answer) as api:
        told = chats(OLD)
        first = await told.send([delivery(1)])
        second = await told.send([delivery(2)])
        after_a_restart = chats(OLD)
        assert isinstance(first, Sent)
        after_a_restart.remember(first.facts)
        third = await after_a_restart.send([delivery(3)])

    assert first.remarks == {
        f"chat {OLD}": f"the chat {OLD} has the id {NEW} now: update the URL of this channel"
    }
    assert second == third == Sent()
    assert (api.told(OLD), api.told(NEW)) == (1, 3)


async def test_of_two_chats_each_is_told_once_and_only_the_refused_one_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
    broken = {OTHER}

    def answer(_method: str, payload: dict[str, Any]) -> tuple[int, Any]:
        return (400, gone) if str(payload["chat_id"]) in broken else (200, {"ok": True, "result": {}})

    async with telegram(monkeypatch, answer) as api:
        told = chats(OLD, OTHER)
        first = refused(await told.send([delivery(1)]))
        again = replace(delivery(1), delivered_to=first.delivered_to, attempts=1)
        second = refused(await told.send([again]))
        following = replace(delivery(2), only=first.delivered_to)
        held = refused(await told.send([following]))
        broken.clear()
        third = await told.send([again])

    assert first.detail == f"{OTHER}: the service answered HTTP 400: Bad Request: chat not found"
    assert second.detail == first.detail
    assert held.detail == f"{OTHER}: is yet to be told what came before"
    assert held.delivered_to
    assert third == Sent()
    assert (api.told(OLD), api.told(OTHER)) == (2, 3)


async def test_what_is_refused_for_its_form_goes_in_few_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities"}

    def answer(_method: str, payload: dict[str, Any]) -> tuple[int, Any]:
        return (400, bad) if payload["parse_mode"] != "HTML" else (200, {"ok": True, "result": {}})

    async with telegram(monkeypatch, answer) as api:
        result = await chats(OLD).send([delivery(1)])

    assert isinstance(result, Sent)
    assert "went without its facts" in result.remarks["form"]
    assert "treasury-hot: ETH moved, number 1" in api.asked[-1][1]["text"]


@pytest.mark.parametrize("word", ["missing_scope", "not_in_channel", "channel_not_found", "invalid_auth"])
async def test_a_slack_bot_is_refused_in_slacks_own_word(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with slack_bot(monkeypatch, lambda _method, _payload: (200, {"ok": False, "error": word})):
        result = refused(await channel(f"slack://{BOT}/#ops").send([delivery(1)]))

    assert result.detail == f"the service answered: {word}"
    assert result.fault is Fault.CHANNEL


async def test_a_picture_that_slack_refuses_is_left_out_and_the_text_is_posted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(method: str, _payload: dict[str, Any]) -> tuple[int, Any]:
        if method == "chat.postMessage":
            return 200, {"ok": True, "channel": "C123", "ts": "1"}
        return 200, {"ok": False, "error": "missing_scope", "needed": "files:write"}

    async with slack_bot(monkeypatch, answer) as api:
        settings = AppriseSettings.model_validate({"url": f"slack://{BOT}/#ops", "pictures": True})
        told = settings.build("ops", Presentation(lambda _: [PICTURE]))
        result = await told.send([delivery(1)])

    assert isinstance(result, Sent)
    assert "missing_scope, needs files:write" in result.remarks["picture"]
    assert [method for method, _ in api.asked].count("chat.postMessage") == 1


@pytest.mark.parametrize(
    ("status", "body", "words", "fault"),
    [
        (404, "no_service", "the service answered HTTP 404: no_service", Fault.CHANNEL),
        (400, "invalid_payload", "the service answered HTTP 400: invalid_payload", Fault.MESSAGE),
        (200, "<html><title>x</title>Sign in to the proxy</html>", "Sign in to the proxy", Fault.UNCLEAR),
    ],
)
async def test_a_slack_web_hook_is_heard_too(
    status: int, body: str, words: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(lambda _method, _payload: (status, body)) as api:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{api.url}/services")
        url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
        result = refused(await channel(url).send([delivery(1)]))

    assert words in result.detail
    assert result.fault is fault


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("Unknown Webhook", Fault.CHANNEL),
        ("Missing Permissions", Fault.CHANNEL),
        ("Invalid Form Body", Fault.MESSAGE),
        ("M_FORBIDDEN", Fault.CHANNEL),
        ("M_TOO_LARGE, event too large", Fault.MESSAGE),
        ("M_LIMIT_EXCEEDED", Fault.PASSING),
        ("application token is invalid", Fault.CHANNEL),
        ("message cannot be blank", Fault.MESSAGE),
        ("user identifier is not a valid user, group, or subscribed user key", Fault.UNCLEAR),
        ("msg_too_long", Fault.MESSAGE),
        ("channel_is_archived", Fault.CHANNEL),
        ("ratelimited", Fault.PASSING),
    ],
)
def test_the_words_of_other_services_are_known(words: str, fault: Fault) -> None:
    assert blame(400, words) is fault


async def test_a_service_that_repeats_a_secret_or_writes_markup_is_quoted_without_either() -> None:
    async with receiver(status=400, answer="no s3cr3t-token \x1b[31m" + HOSTILE) as here:
        result = await channel(f"json://127.0.0.1:{here.port}/hook/s3cr3t-token").send([delivery(1)])

    assert isinstance(result, NotSent)
    assert "s3cr3t-token" not in result.detail
    assert "\x1b" not in result.detail
    assert "\u202e" not in result.detail


async def test_a_topic_of_ntfy_is_a_secret_for_whoever_knows_it_reads_and_writes_there() -> None:
    topics = ("balances-7c9e6679", "others-7425")

    def answer(_method: str, _payload: dict[str, Any]) -> tuple[int, Any]:
        fine = len(api.asked) == 1
        return (200, {}) if fine else (403, {"error": f"forbidden: {topics[1]}"})

    async with serving(answer) as api:
        told = channel(f"ntfy://{api.url.removeprefix('http://')}/{'/'.join(topics)}")
        result = refused(await told.send([delivery(1)]))

    assert result.detail == "***: the service answered HTTP 403: forbidden: ***"
    assert result.delivered_to
    assert not any(topic in mark for mark in result.delivered_to for topic in topics)


@pytest.mark.parametrize("url", ["mailto://bob:hun[ter-two]9@mail.test", "expo://Push[hunter-two]"])
def test_brackets_in_a_url_are_a_mistake_that_shows_nothing_of_it(url: str) -> None:
    with pytest.raises(ValueError, match="%5B") as caught:
        channel(url)
    assert "ter-two" not in str(caught.value)
    assert "ter-two" not in str(caught.value.__context__)


async def test_who_took_it_after_the_time_was_up_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_method: str, payload: dict[str, Any]) -> tuple[int, Any]:
        return (500, "") if str(payload["chat_id"]) == OLD else (200, {"ok": True, "result": {}})

    async with telegram(monkeypatch, answer) as api:
        told = chats(OLD, OTHER)
        told._timeout = 0
        first = refused(await told.send([delivery(1)]))
        assert (first.maybe_sent, first.delivered_to) == (True, frozenset())
        await came_back(told)
        told._timeout = 5
        second = refused(await told.send([delivery(1)]))

    assert (api.told(OLD), api.told(OTHER)) == (2, 1)
    assert second.delivered_to


async def test_what_was_taken_after_the_time_was_up_counts_as_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with telegram(monkeypatch, lambda _method, _payload: (200, {"ok": True, "result": {}})) as api:
        told = chats(OLD)
        told._timeout = 0
        refused(await told.send([delivery(1)]))
        await came_back(told)
        told._timeout = 5
        assert isinstance(await told.send([delivery(1)]), Sent)
        assert api.told(OLD) == 1
        assert isinstance(await told.send([delivery(2)]), Sent)
        assert api.told(OLD) == 2


async def came_back(told: AppriseChannel) -> None:
    assert told._current is not None
    assert await asyncio.to_thread(told._current.over.wait, 10)
