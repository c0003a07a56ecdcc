"""Slack by a bot: limits, threads, first messages marked as over, pictures, and what it refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.notify.given import HOSTILE, PICTURE, START, delivery
from tests.notify.slack_api import BOT, OPS, Workspace, blocks_of, shown, workspace
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, Sent
from watcher.domain.messages.message import Kind, Particulars, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.notify.slack.channel import SlackChannel
from watcher.notify.slack.settings import SlackSettings
from watcher.ports.channel import PLAINLY, Attachment, Presentation

CRITICAL = Severity.CRITICAL
WAYS = Ways(
    page="https://watch.example/alerts/a1?x=1&y=2",
    acknowledge="https://watch.example/a/a1?t=abc",
    explorers={"Etherscan": "https://etherscan.io/address/0x9f"},
    runbook="https://wiki.example/drains",
)


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    async with workspace() as here:
        yield here
    assert here.wrong == []


def channel(slack: Workspace, shown: Presentation = PLAINLY, **words: Any) -> SlackChannel:
    written = {"token": BOT, "channel": "#ops", "api_url": slack.api_url, "timeout": "20s", **words}
    return SlackSettings.model_validate(written).build("ops", shown)


async def sent(here: SlackChannel, *deliveries: Delivery) -> Sent:
    result = await here.send(deliveries)
    assert isinstance(result, Sent), result
    return result


async def told(here: SlackChannel, number: int, kind: Kind, thread: str = "", **words: Any) -> str:
    """What a delivery of one kind was called by Slack."""
    one = replace(delivery(number, kind=kind, alert="alert-1", **words), thread=thread)
    return (await sent(here, one)).receipt


async def test_a_message_has_a_headline_facts_in_colour_and_a_text_for_telephones(slack: Workspace) -> None:
    here = channel(slack, Presentation(ways=lambda _: WAYS))
    title = "hot <b>: −64.5 ETH"
    receipt = (await sent(here, delivery(1, severity=CRITICAL, title=title))).receipt
    await here.close()

    assert receipt == f"{OPS}:1740000000.000100"
    (message,) = slack.posted()
    links = (
        "<https://watch.example/alerts/a1?x=1&amp;y=2|Open> · <https://watch.example/a/a1?t=abc|Acknowledge>"
        " · <https://etherscan.io/address/0x9f|Etherscan> · <https://wiki.example/drains|Runbook>"
    )
    facts = f"*Before:* 12.5 ETH\n*After:* 10 ETH\n{links}"
    origin = "rule `hot-wallet-moved` · alert `alert-1` · delivery `dlv-0001`"
    said = "critical: hot &lt;b&gt;: −64.5 ETH"
    head = {"type": "plain_text", "text": f"critical: {title}", "emoji": False}
    small = [{"type": "mrkdwn", "text": origin, "verbatim": True}]
    assert message == {
        "channel": "#ops",
        "text": said,
        "blocks": [{"type": "header", "text": head}],
        "attachments": [
            {
                "color": "#d92d20",
                "fallback": said,
                "blocks": [
                    {"type": "section", "text": {"type": "mrkdwn", "text": facts, "verbatim": True}},
                    {"type": "context", "elements": small},
                ],
            }
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


async def test_what_is_resolved_is_a_reply_and_marks_the_first_message_as_over(slack: Workspace) -> None:
    here = channel(slack)
    first = await told(here, 1, Kind.FIRING, severity=CRITICAL)
    await told(here, 2, Kind.RESOLVED, first, severity=CRITICAL)
    await here.close()

    assert slack.methods() == ["chat.postMessage", "chat.postMessage", "chat.update"]
    _, reply = slack.posted()
    assert (reply["thread_ts"], reply["reply_broadcast"]) == ("1740000000.000100", False)
    now = slack.messages["1740000000.000100"]
    assert now["text"].startswith("✓ ")
    assert "resolved" in now["text"]
    assert now["attachments"][0]["color"] == "#2e9e5b"


@pytest.mark.parametrize("kind", [Kind.REPEAT, Kind.ESCALATION])
async def test_what_still_asks_for_somebody_is_shown_in_the_channel_too(slack: Workspace, kind: Kind) -> None:
    here = channel(slack)
    first = await told(here, 1, Kind.FIRING)
    await told(here, 2, kind, first)
    await here.close()
    _, reply = slack.posted()
    assert (reply["thread_ts"], reply["reply_broadcast"]) == ("1740000000.000100", True)
    assert "chat.update" not in slack.methods()


async def test_what_was_told_in_several_messages_and_ends_at_once_is_told_anew_and_each_is_marked(
    slack: Workspace,
) -> None:
    here = channel(slack)
    firing = [delivery(number, kind=Kind.FIRING) for number in (1, 2)]
    threads = [(await sent(here, each)).receipt for each in firing]
    over = [
        replace(delivery(number, kind=Kind.RESOLVED), id=f"over-{number}", thread=thread)
        for number, thread in enumerate(threads, start=1)
    ]
    await sent(here, *over)
    await here.close()
    assert "thread_ts" not in slack.posted()[-1]
    marked = [slack.messages[thread.split(":")[1]] for thread in threads]
    assert [each["text"][0] for each in marked] == ["✓", "✓"]


async def test_a_message_about_several_alerts_is_not_marked_when_one_is_over(
    slack: Workspace,
) -> None:
    here = channel(slack)
    firing = [delivery(number, kind=Kind.FIRING) for number in (1, 2)]
    thread = (await sent(here, *firing)).receipt
    await sent(here, replace(delivery(1, kind=Kind.RESOLVED), thread=thread))
    await here.close()
    assert slack.posted()[-1]["thread_ts"] == thread.split(":")[1]
    assert "chat.update" not in slack.methods()


async def test_of_a_move_that_two_alerts_share_the_message_is_not_marked_when_one_of_them_is_over(
    slack: Workspace,
) -> None:
    here, seen = channel(slack), Particulars(before=Decimal(5), after=Decimal(1))
    low, lower = (delivery(number, kind=Kind.FIRING) for number in (1, 2))
    both = [replace(each, message=replace(each.message, at=START, particulars=seen)) for each in (low, lower)]
    await sent(here, replace(delivery(2, kind=Kind.RESOLVED), thread=(await sent(here, *both)).receipt))
    await here.close()
    assert "chat.update" not in slack.methods()


async def test_a_thread_that_is_gone_costs_no_message(slack: Workspace) -> None:
    here = channel(slack)
    here.remember({"channel #ops": OPS})
    slack.messages["1740000000.000100"] = {}
    receipt = await told(here, 2, Kind.RESOLVED, f"{OPS}:1739999999.000100")
    await here.close()
    assert receipt == f"{OPS}:1740000001.000100"
    assert "thread_ts" not in slack.posted()[-1]
    assert {each.split(": ")[1] for each in slack.wrong} == {"thread_not_found", "message_not_found"}
    slack.wrong.clear()


async def test_what_began_in_the_channel_that_was_written_before_is_told_in_the_new_one(
    slack: Workspace,
) -> None:
    here = channel(slack, channel=OPS)
    receipt = await told(here, 2, Kind.REPEAT, "C0LDC4ANNEL:1739999999.000100")
    await here.close()
    assert receipt.startswith(OPS)
    assert [each["channel"] for each in slack.posted()] == [OPS]


async def test_the_id_of_a_channel_is_learnt_once_and_remembered_over_a_restart(slack: Workspace) -> None:
    here, again = channel(slack), channel(slack)
    first = await sent(here, delivery(1))
    assert first.facts == {"channel #ops": OPS}
    again.remember(first.facts)
    await told(again, 3, Kind.REPEAT, first.receipt)
    await here.close()
    await again.close()
    assert slack.posted()[-1]["thread_ts"] == first.receipt.split(":")[1]


async def test_an_answer_that_does_not_come_in_time_may_have_been_a_success(slack: Workspace) -> None:
    slack.gate = asyncio.Event()
    here = channel(slack, timeout=timedelta(seconds=0.1))
    result = await here.send([delivery(1)])
    slack.gate.set()
    await here.close()
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (Fault.PASSING, True)
    assert "no answer within 0.1 s" in result.detail


async def test_a_receipt_of_another_service_is_no_thread(slack: Workspace) -> None:
    here = channel(slack)
    await told(here, 2, Kind.RESOLVED, "<1a2b@watcher>")
    await here.close()
    assert slack.methods() == ["chat.postMessage"]


@pytest.mark.parametrize("piece", ["ä€", "<", "_", "😀"])
@pytest.mark.parametrize("several", [1, 2, 10, 11, 300])
async def test_whatever_is_told_keeps_the_limits_of_slack(slack: Workspace, several: int, piece: str) -> None:
    ways = replace(
        WAYS, explorers={f"Explorer {number}": "https://e.example/" + "&" * 99 for number in range(9)}
    )
    here = channel(slack, Presentation(ways=lambda _: ways, answered=True))
    facts = tuple((f"Fact <{number}> & more", piece * 20 * number) for number in range(40))
    told = [delivery(number, title=f"{number} " + piece * 800, facts=facts) for number in range(several)]
    await sent(here, *told)
    await here.close()
    (message,) = slack.posted()
    assert "dlv-0000" in shown(message) or " more" in shown(message)


async def test_nothing_that_a_name_holds_acts(slack: Workspace) -> None:
    here = channel(slack)
    evil = f"{HOSTILE} <https://evil.example|ok> <@U123> &amp; :x: ~gone~"
    await sent(here, delivery(1, title=evil, facts=((evil, evil),)), delivery(2, title=evil))
    await here.close()
    (message,) = slack.posted()
    for block in blocks_of(message):
        if block["type"] == "section":
            assert block["text"]["verbatim"]
            outside = block["text"]["text"].split("`")[::2]
            assert not [part for part in outside if "EVIL" in part], "marks of Slack stand outside of code"
    assert "@here" not in shown(message)


async def test_only_an_emergency_calls_people() -> None:
    async with workspace(calls=True) as slack:
        here = channel(slack, mention="<!here>")
        first = await told(here, 1, Kind.FIRING, severity=CRITICAL)
        await told(here, 2, Kind.RESOLVED, first, severity=CRITICAL)
        await told(here, 3, Kind.FIRING, severity=Severity.WARNING)
        await here.close()
        here = channel(slack, mention="<!here>", priority={"warning": "emergency", "critical": "high"})
        await told(here, 4, Kind.FIRING, severity=Severity.WARNING)
        await told(here, 5, Kind.FIRING, severity=CRITICAL)
        await here.close()
        called = [message["text"].startswith("<!here> ") for message in slack.posted()]
        assert called == [True, False, False, True, False]
        assert [block["type"] for block in slack.posted()[0]["blocks"]] == ["section", "header"]


async def test_pictures_go_into_the_thread(slack: Workspace) -> None:
    here = channel(slack, Presentation(attach=lambda _: [PICTURE, PICTURE]), pictures=True)
    await sent(here, delivery(1))
    await here.close()
    assert slack.shared == [{"thread_ts": "1740000000.000100", "files": ["F0", "F1"]}]
    assert [file["content"] for file in slack.files.values()] == [PICTURE.content] * 2


async def test_a_report_whose_table_is_refused_says_that_files_are_left_out(slack: Workspace) -> None:
    slack.refusals["files.getUploadURLExternal"] = "missing_scope"
    table = Attachment("november.csv", "text/csv", b"a,b")
    here = channel(slack, Presentation(attach=lambda _: [table]))
    result = await sent(here, delivery(1, kind=Kind.REPORT))
    await here.close()
    assert result.remarks["picture"].startswith("files are left out: ")


async def test_files_that_are_not_made_in_time_are_said_to_be_left_out(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.notify.slack.channel.making", lambda *_: -20.0)
    made = threading.Event()

    def slow(_: object) -> list[Attachment]:
        made.wait(60)
        return [PICTURE]

    here = channel(slack, Presentation(attach=slow))
    try:
        result = await sent(here, delivery(1))
    finally:
        made.set()
    await here.close()
    assert result.remarks == {"picture": "pictures are left out: not in time"}


async def test_a_picture_that_is_refused_costs_nothing_and_is_told(slack: Workspace) -> None:
    slack.refusals["files.getUploadURLExternal"] = "missing_scope"
    here = channel(slack, Presentation(attach=lambda _: [PICTURE]), pictures=True)
    result = await sent(here, delivery(1))
    await here.close()
    assert "missing_scope" in result.remarks["picture"]
    assert slack.methods().count("chat.postMessage") == 1


@pytest.mark.parametrize(
    ("answer", "fault", "words", "wait"),
    [
        ("not_in_channel", Fault.CHANNEL, "not_in_channel", None),
        ("channel_not_found", Fault.CHANNEL, "channel_not_found", None),
        ("invalid_auth", Fault.CHANNEL, "invalid_auth", None),
        ("is_archived", Fault.CHANNEL, "is_archived", None),
        ("ratelimited", Fault.PASSING, "ratelimited", None),
        ("msg_too_long", Fault.MESSAGE, "msg_too_long", None),
        ((429, '{"ok": false, "error": "ratelimited"}', {"Retry-After": "17"}), Fault.PASSING, "429", 17.0),
        ((503, "upstream connect error", {}), Fault.PASSING, "503: upstream connect error", None),
        (
            (502, "<h1>Bad Gateway</h1>", {"Content-Type": "text/html"}),
            Fault.PASSING,
            "502",
            None,
        ),
        ((200, "no json", {"Content-Type": "application/json"}), Fault.UNCLEAR, "", None),
        ((302, "", {"Location": "http://127.0.0.1:9/elsewhere"}), Fault.CHANNEL, "302", None),
    ],
)
async def test_what_slack_says_is_told_with_whose_fault_it_is(
    slack: Workspace, answer: Any, fault: Fault, words: str, wait: float | None
) -> None:
    slack.refusals["chat.postMessage"] = answer
    here = channel(slack)
    result = await here.send([delivery(1)])
    await here.close()
    assert isinstance(result, NotSent)
    assert (result.fault, result.retry_after) == (fault, wait)
    assert words in result.detail
    assert BOT not in repr(result)


async def test_a_message_that_is_refused_for_its_form_goes_in_few_words(slack: Workspace) -> None:
    refused = slack.refusals
    here = channel(slack)
    call = here._api.call

    async def once(method: str, payload: Any) -> Any:
        refused["chat.postMessage"] = "invalid_blocks"
        if "blocks" not in payload:
            refused.clear()
        return await call(method, payload)

    here._api.call = once  # type: ignore[method-assign]
    result = await sent(here, delivery(1))
    await here.close()
    assert "without its facts" in result.remarks["form"]
    assert "dlv-0001" in slack.posted()[-1]["text"]


async def test_a_service_that_is_not_there_is_no_repeat() -> None:
    async with workspace() as slack:
        pass
    here = channel(slack)
    result = await here.send([delivery(1)])
    await here.close()
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (Fault.CHANNEL, False)
    assert "connection refused" in result.detail


@pytest.mark.parametrize(
    ("words", "place", "said"),
    [
        ({"token": "xoxp-1-2"}, "token", "xoxb-"),
        ({"app_token": "xoxb-1-2"}, "app_token", "xapp-"),
    ],
)
def test_a_token_of_another_kind_is_a_mistake_and_not_shown(
    words: dict[str, str], place: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        SlackSettings.model_validate({"token": BOT, "channel": "#ops", **words})
    assert [each["loc"] for each in caught.value.errors()] == [(place,)]
    assert "1-2" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"channel": None}, "quotes"),
        ({"channel": "two words"}, "must be a channel of Slack"),
        ({"mention": "@here"}, "<!here>"),
        ({"api_url": "http://slack.com/api/"}, "https://"),
        ({"token": "xoxb 1"}, "characters"),
        ({"api_url": "http://127.0.0.1:1", "proxy": "http://proxy:3128"}, "leave proxy out"),
    ],
)
def test_each_mistake_names_its_remedy(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SlackSettings.model_validate({"token": BOT, "channel": "#ops", **words})


def test_a_priority_that_does_nothing_is_probably_not_meant() -> None:
    written = {"token": BOT, "channel": "#ops", "priority": {"warning": "high"}}
    ((key, what, remedy),) = SlackSettings.model_validate(written).doubts
    assert (key, "rings as its reader has set it" in what, "<!here>" in remedy) == ("priority", True, True)
    assert SlackSettings.model_validate({**written, "mention": "<!here>"}).doubts == ()
