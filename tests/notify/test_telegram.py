"""The Telegram channel, against a Bot API that holds each request against the documentation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from tests.notify.bot_api import GROUP, TOKEN, TelegramServer, telegram_server
from tests.notify.given import HOSTILE, PICTURE, delivery
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.notify.telegram.api import BotApi
from watcher.notify.telegram.channel import TelegramChannel
from watcher.notify.telegram.settings import TelegramSettings
from watcher.ports.channel import PLAINLY, Attachment, Presentation

ANSWERED = Presentation(answered=True)
WAYS = Ways(
    page="https://watch.example.org/alerts/1",
    acknowledge="https://watch.example.org/a/1?t=x",
    explorers={"Etherscan": "https://etherscan.io/address/0x1"},
)
LEADING = Presentation(answered=True, ways=lambda _: WAYS)


def telegram(server: TelegramServer, shown: Presentation = PLAINLY, **written: Any) -> TelegramChannel:
    given = {"token": TOKEN, "chat": str(GROUP), "api_url": server.url, "timeout": "5s", **written}
    return TelegramSettings.model_validate(given).build("ops", shown)


async def tell(server: TelegramServer, *deliveries: Delivery, **words: Any) -> SendResult:
    channel = telegram(server, **words)
    try:
        return await channel.send(deliveries)
    finally:
        await channel.close()


async def test_a_message_is_html_with_its_title_in_bold_and_comes_back_with_a_receipt() -> None:
    async with telegram_server() as server:
        result = await tell(server, delivery(1, kind=Kind.FIRING))
        (call,) = server.made("sendMessage")
        (receipt,) = server.sent
    assert result == Sent(receipt=receipt)
    assert receipt.startswith(f"{GROUP}:")
    assert str(call["text"]).startswith("<b>")
    assert call["link_preview_options"] == {"is_disabled": True}
    assert server.texts()[0].splitlines()[0].startswith("warning: treasury-hot: ETH moved")


async def test_what_a_name_holds_is_text_and_never_markup() -> None:
    async with telegram_server() as server:
        result = await tell(server, delivery(1, title=HOSTILE, facts=((HOSTILE, HOSTILE),)), shown=ANSWERED)
    assert isinstance(result, Sent)
    assert server.wrong == []
    (text,) = server.texts()
    assert "<b>x</b>" in text
    assert "http://evil" not in text


@pytest.mark.parametrize("filling", ["&", "<", "é", "🚨", "x"])
async def test_the_longest_message_is_taken_whatever_it_is_made_of(filling: str) -> None:
    many = [delivery(number, title=filling * 400) for number in range(1, 40)]
    many = [replace(each, message=replace(each.message, rule=each.id)) for each in many]
    async with telegram_server() as server:
        assert isinstance(await tell(server, *many, shown=ANSWERED), Sent)
    assert server.wrong == []
    assert 3000 < len(server.texts()[0].encode("utf-16-le")) // 2 <= 4096


@pytest.mark.parametrize(
    ("severity", "kind", "priority", "silent"),
    [
        (Severity.CRITICAL, Kind.FIRING, {}, False),
        (Severity.WARNING, Kind.FIRING, {}, False),
        (Severity.INFO, Kind.FIRING, {}, True),
        (Severity.CRITICAL, Kind.RESOLVED, {}, True),
        (Severity.CRITICAL, Kind.FIRING, {"critical": "low"}, True),
        (Severity.INFO, Kind.FIRING, {"info": "high"}, False),
    ],
)
async def test_the_phone_makes_a_sound_for_what_asks_for_people(
    severity: Severity, kind: Kind, priority: Mapping[str, str], silent: bool
) -> None:
    async with telegram_server() as server:
        await tell(server, delivery(1, severity=severity, kind=kind), priority=priority)
        assert [each["disable_notification"] for each in server.made("sendMessage")] == [silent]


async def test_what_follows_replies_to_the_first_message_of_its_alert() -> None:
    async with telegram_server() as server:
        first = await tell(server, delivery(1, kind=Kind.FIRING))
        assert isinstance(first, Sent)
        await tell(server, replace(delivery(2, kind=Kind.RESOLVED), thread=first.receipt))
        reply = server.made("sendMessage")[1]["reply_parameters"]
    assert f"{GROUP}:{reply['message_id']}" == first.receipt
    assert reply["allow_sending_without_reply"] is True


async def test_the_change_that_ends_an_alert_goes_along_in_the_reply_and_another_wallets_does_not() -> None:
    async with telegram_server() as server:
        over = replace(delivery(2, kind=Kind.RESOLVED), thread=f"{GROUP}:101")
        change = delivery(3)
        other = replace(change, message=replace(change.message, wallet="other"))
        await tell(server, over, change)
        await tell(server, over, other)
        replies = [each.get("reply_parameters", {}).get("message_id") for each in server.made("sendMessage")]
    assert replies == [101, None]


@pytest.mark.parametrize("thread", ["", "-5:7", "nonsense", f"{GROUP}:x"])
async def test_a_message_of_another_chat_is_not_replied_to(thread: str) -> None:
    async with telegram_server() as server:
        assert isinstance(await tell(server, replace(delivery(1), thread=thread)), Sent)
        assert "reply_parameters" not in server.made("sendMessage")[0]


async def test_each_alert_has_its_buttons_where_people_may_answer() -> None:
    told = delivery(1, kind=Kind.FIRING)
    async with telegram_server() as server:
        await tell(server, told, shown=ANSWERED)
        await tell(server, told)
        asked, plain = server.sent
        commands = ["/ack", "/explain", "/silence", "/silence"]
        assert [each.split()[0] for each in server.buttons(asked)] == commands
        assert all(told.id in each for each in server.buttons(asked))
        assert server.buttons(plain) == []


@pytest.mark.parametrize("kind", [Kind.RESOLVED, Kind.WITHDRAWN, Kind.TEST])
async def test_what_is_over_has_nothing_to_be_answered(kind: Kind) -> None:
    async with telegram_server() as server:
        await tell(server, delivery(1, kind=kind), shown=ANSWERED)
        assert [server.buttons(each) for each in server.sent] == [[]]


async def test_of_several_alerts_each_says_on_its_button_which_it_is() -> None:
    titles = {1: "−5 ETH ($15,000.00, −40 %) left treasury-hot", 2: "x" * 100}
    several = [delivery(number, kind=Kind.FIRING, title=title) for number, title in titles.items()]
    many = [delivery(number, kind=Kind.FIRING) for number in range(1, 30)]
    async with telegram_server() as server:
        await tell(server, *several, shown=ANSWERED)
        await tell(server, *many, shown=ANSWERED)
        few, all_ = server.sent.values()
    rows = few["reply_markup"]["inline_keyboard"]
    assert [len(row) for row in rows] == [1, 3, 1, 3]
    assert rows[0][0]["text"] == "Acknowledge: −5 ETH left treasury-hot"
    assert rows[2][0]["text"] == f"Acknowledge: {'x' * 39}…"
    assert [len(row) for row in all_["reply_markup"]["inline_keyboard"]] == [1] * 10


async def test_ways_on_are_buttons_and_stand_in_no_text() -> None:
    async with telegram_server() as server:
        await tell(server, delivery(1, kind=Kind.FIRING), shown=LEADING)
        (receipt,) = server.sent
        assert server.links(receipt) == [WAYS.page, *WAYS.explorers.values()]
        assert "watch.example.org" not in server.texts()[0]


async def test_where_nobody_can_answer_the_link_acknowledges() -> None:
    async with telegram_server() as server:
        await tell(server, delivery(1, kind=Kind.FIRING), shown=replace(LEADING, answered=False))
        (receipt,) = server.sent
        assert WAYS.acknowledge in server.links(receipt)


async def test_a_link_that_telegram_refuses_costs_the_link_and_not_the_alert() -> None:
    inside = replace(LEADING, ways=lambda _: Ways(page="http://localhost:8787/alerts/1"))
    async with telegram_server() as server:
        result = await tell(server, delivery(1, kind=Kind.FIRING), shown=inside)
        (receipt,) = server.sent
        assert len(server.buttons(receipt)) == 4
    assert isinstance(result, Sent)
    assert "Wrong HTTP URL" in result.remarks["buttons"]


async def test_a_short_text_stands_above_its_picture_in_one_message() -> None:
    shown = replace(ANSWERED, attach=lambda _: [PICTURE])
    async with telegram_server() as server:
        result = await tell(server, delivery(1, kind=Kind.FIRING), shown=shown, pictures=True)
        ((receipt, seen),) = server.sent.items()
        assert result == Sent(receipt=receipt)
        assert (seen["photo"], seen["show_caption_above_media"]) == (PICTURE.content, True)
        assert len(server.buttons(receipt)) == 4
        assert seen["caption"].startswith("warning: ")


async def test_a_long_text_has_its_picture_as_a_reply_and_a_file_comes_as_one() -> None:
    table = Attachment("balances.csv", "text/csv", b"a,b")
    shown = replace(PLAINLY, attach=lambda _: [PICTURE, table])
    async with telegram_server() as server:
        await tell(
            server, delivery(1, facts=(("Fact", "x" * 900), ("More", "y" * 900))), shown=shown, pictures=True
        )
        text, picture, file = server.sent.values()
        first = next(iter(server.sent))
    assert "photo" not in text
    assert (picture["photo"], file["document"]) == (PICTURE.content, table.content)
    for each in (picture, file):
        assert f"{GROUP}:{each['reply_parameters']['message_id']}" == first
        assert each["disable_notification"] is True


async def test_a_picture_that_is_refused_costs_the_picture_alone() -> None:
    shown = replace(PLAINLY, attach=lambda _: [PICTURE])
    async with telegram_server(takes_pictures=False) as server:
        result = await tell(server, delivery(1), shown=shown, pictures=True)
        assert len(server.texts()) == 1
    assert isinstance(result, Sent)
    assert "not enough rights to send photos" in result.remarks["picture"]


async def test_what_was_not_taken_goes_without_its_picture_the_next_time() -> None:
    shown = replace(PLAINLY, attach=lambda _: [PICTURE])
    async with telegram_server() as server:
        await tell(server, replace(delivery(1), attempts=1), shown=shown, pictures=True)
        assert [name for name, _ in server.calls] == ["sendMessage"]


@pytest.mark.parametrize(
    ("status", "words", "fault"),
    [
        (403, "Forbidden: bot was kicked from the supergroup chat", Fault.CHANNEL),
        (403, "Forbidden: bot was blocked by the user", Fault.CHANNEL),
        (400, "Bad Request: chat not found", Fault.CHANNEL),
        (400, "Bad Request: message thread not found", Fault.CHANNEL),
        (401, "Unauthorized", Fault.CHANNEL),
        (404, "Not Found", Fault.CHANNEL),
        (500, "Internal Server Error", Fault.PASSING),
    ],
)
async def test_a_refusal_is_told_in_telegrams_own_words(status: int, words: str, fault: Fault) -> None:
    refusal: dict[str, Any] = {"ok": False, "error_code": status, "description": words}
    async with telegram_server(answers={"sendMessage": [(status, refusal)]}) as server:
        result = await tell(server, delivery(1))
        assert len(server.calls) == 1
    assert result == NotSent(words, fault=fault)


async def test_too_many_messages_are_waited_for_as_long_as_telegram_says() -> None:
    refusal: dict[str, Any] = {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 17",
        "parameters": {"retry_after": 17},
    }
    async with telegram_server(answers={"sendMessage": [(429, refusal)]}) as server:
        result = await tell(server, delivery(1))
    assert result == NotSent("Too Many Requests: retry after 17", retry_after=17)


async def test_an_alert_that_is_refused_for_its_form_comes_in_few_words() -> None:
    refusal: dict[str, Any] = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: can't parse entities",
    }
    async with telegram_server(answers={"sendMessage": [(400, refusal)]}) as server:
        result = await tell(server, delivery(1, kind=Kind.FIRING), shown=ANSWERED)
        (receipt,) = server.sent
        assert "parse_mode" not in server.sent[receipt]
        assert len(server.buttons(receipt)) == 4
    assert isinstance(result, Sent)
    assert result.remarks["form"] == "a message went without its facts: Bad Request: can't parse entities"


async def test_of_several_messages_that_are_refused_none_is_made_shorter() -> None:
    refusal: dict[str, Any] = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: message is too long",
    }
    async with telegram_server(answers={"sendMessage": [(400, refusal)]}) as server:
        result = await tell(server, delivery(1), delivery(2))
        assert server.texts() == []
    assert result == NotSent("Bad Request: message is too long", fault=Fault.MESSAGE)


async def test_a_group_that_moved_is_followed_and_remembered_over_a_restart() -> None:
    old, new = -4242, GROUP
    async with telegram_server(moved={old: new}) as server:
        first = await tell(server, delivery(1), chat=str(old))
        assert isinstance(first, Sent)
        assert first.facts == {f"chat {old}": str(new)}
        assert f"has the id {new} now" in first.remarks[f"chat {old}"]
        channel = telegram(server, chat=str(old))
        channel.remember(first.facts)
        assert await channel.send([replace(delivery(2), thread=first.receipt)]) == Sent(
            receipt=list(server.sent)[1]
        )
        await channel.close()
        assert [each["chat_id"] for each in server.made("sendMessage")] == [str(old), str(new), str(new)]
        assert "reply_parameters" in server.made("sendMessage")[2]


async def test_a_public_name_stands_for_an_id_that_is_learnt() -> None:
    async with telegram_server(names={"@our_alerts": GROUP}) as server:
        first = await tell(server, delivery(1), chat="@our_alerts")
        assert isinstance(first, Sent)
        assert (dict(first.facts), dict(first.remarks)) == ({"chat @our_alerts": str(GROUP)}, {})


async def test_a_topic_of_a_group_gets_its_messages() -> None:
    async with telegram_server(topics={7}) as server:
        assert isinstance(await tell(server, delivery(1), topic=7), Sent)
        assert server.made("sendMessage")[0]["message_thread_id"] == 7
        assert await tell(server, delivery(1), topic=8) == NotSent(
            "Bad Request: message thread not found", fault=Fault.CHANNEL
        )


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, "<html><title>Sign in</title></html>", "no answer of a Bot API: HTTP 200 Sign in"),
        (200, "[]", "no answer of a Bot API: HTTP 200"),
        (200, '{"ok": true}', "no answer of a Bot API: HTTP 200"),
        (502, "<h1>Bad Gateway</h1>", "no answer of a Bot API: HTTP 502 Bad Gateway"),
    ],
)
async def test_what_is_no_bot_api_is_said_and_tried_again(status: int, body: str, words: str) -> None:
    page = web.Response(status=status, text=body, content_type="text/html")
    async with telegram_server(page=page) as server:
        assert await tell(server, delivery(1)) == NotSent(words)


async def test_a_redirect_is_not_followed_with_the_token_in_it() -> None:
    page = web.Response(status=302, headers={"Location": "/elsewhere"})
    async with telegram_server(page=page) as server:
        refused = await tell(server, delivery(1))
        assert refused == NotSent("the service answered HTTP 302", fault=Fault.CHANNEL)


async def test_a_server_that_is_away_is_said_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async with telegram_server() as server:
        pass
    with caplog.at_level(logging.DEBUG):
        result = await tell(server, delivery(1))
    assert isinstance(result, NotSent)
    assert "connection refused" in result.detail
    assert not result.maybe_sent
    assert TOKEN not in result.detail + caplog.text


async def test_no_answer_in_time_may_have_been_a_success() -> None:
    async with telegram_server(hangs={"sendMessage"}) as server:
        channel = TelegramChannel("ops", BotApi(SecretStr(TOKEN), server.url, 0.1), str(GROUP))
        result = await channel.send([delivery(1)])
        await channel.close()
    assert result == NotSent(f"127.0.0.1:{server.port}: no answer within 0.1 s", maybe_sent=True)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"token": "abc"}, "is no bot's token"),
        ({"chat": "ops"}, "is no chat"),
        ({"chat": "https://t.me/x"}, "is no chat"),
        ({"topic": 0}, "greater than or equal to 1"),
        ({"api_url": "ftp://x"}, "must begin with https://"),
        ({"timeout": "1h"}, "must be between 0.1s and 10m"),
        ({"topics": 1}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_no_setting_is_said(written: Mapping[str, Any], words: str) -> None:
    given = {"token": TOKEN, "chat": "1", **written}
    with pytest.raises(ValidationError, match=words) as caught:
        TelegramSettings.model_validate(given)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("chat", [-1001234567890, "-1001234567890", 42, "@our_alerts"])
def test_a_chat_is_an_id_or_a_public_name(chat: int | str) -> None:
    found = TelegramSettings.model_validate({"token": TOKEN, "chat": chat})
    assert found.chat == str(chat)
    assert TOKEN not in repr(found)
