"""Real sends through apprise to real services on loopback."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import subprocess
import sys
import time
from typing import Any

import apprise
import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from pydantic import ValidationError

from tests.notify.given import HOSTILE, Receiver, delivery, receiver
from watcher.domain.messages.delivery import Fault, NotSent, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.notify import KINDS
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.apprise.settings import AppriseSettings

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


def channel(url: str, timeout: str = "5s") -> AppriseChannel:
    return AppriseSettings.model_validate({"url": url, "timeout": timeout}).build("ops")


def json_url(here: Receiver, query: str = "") -> str:
    return f"json://127.0.0.1:{here.port}/hook/s3cr3t-token{query}"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """All that a process would log with debug logging on."""
    written = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(written)])
    return written


async def test_a_json_receiver_gets_title_message_and_type() -> None:
    async with receiver() as here:
        assert await channel(json_url(here)).send([delivery(1)]) == Sent()

    assert here.payloads[0]["title"] == "warning: treasury-hot: ETH moved, number 1"
    assert here.payloads[0]["type"] == "warning"
    assert here.payloads[0]["message"].splitlines() == [
        "Before: 12.5 ETH",
        "After: 10 ETH",
        "rule hot-wallet-moved · alert alert-1 · delivery dlv-0001",
    ]


@pytest.mark.parametrize(
    ("kind", "severity", "expected"),
    [
        (Kind.FIRING, Severity.CRITICAL, "failure"),
        (Kind.EVENT, Severity.INFO, "info"),
        (Kind.RESOLVED, Severity.CRITICAL, "success"),
    ],
)
async def test_the_type_says_how_bad_it_is(kind: Kind, severity: Severity, expected: str) -> None:
    async with receiver() as here:
        await channel(json_url(here)).send([delivery(1, kind=kind, severity=severity)])

    assert here.payloads[0]["type"] == expected


async def test_slack_gets_its_own_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as here:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{here.port}/services")
        assert await channel(SLACK).send([delivery(1, facts=(("Symbol", HOSTILE),))]) == Sent()

    attachment = here.payloads[0]["attachments"][0]
    assert here.payloads[0]["mrkdwn"] is True
    assert attachment["title"] == "warning: treasury-hot: ETH moved, number 1"
    assert attachment["text"].startswith("*Symbol:* `")
    assert "<!channel>" not in attachment["text"]
    assert "&lt;!channel&gt;" in attachment["text"]
    assert "rule `hot-wallet-moved` · alert `alert-1` · delivery `dlv-0001`" in attachment["text"]
    assert "\\" not in attachment["text"]


async def test_telegram_gets_markdown_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tuple((f"Asset {number}", "0.5 → 1.5 (+200.0 %) - a.b!") for number in range(300))
    async with receiver(answer='{"ok": true}') as here:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{here.port}/bot")
        assert await channel(TELEGRAM).send([delivery(1, facts=facts)]) == Sent()

    text = here.payloads[0]["text"]
    assert here.payloads[0]["parse_mode"] == "MarkdownV2"
    assert len(here.payloads) == 1
    assert 3500 < len(text) <= 4096
    assert text.startswith("*warning: treasury\\-hot: ETH moved, number 1*")
    assert "see `watcher outbox`" in text
    assert "`dlv-0001`" in text


async def test_telegram_can_read_what_a_hostile_name_became(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver(answer='{"ok": true}') as here:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{here.port}/bot")
        told = channel(TELEGRAM)
        assert await told.send([delivery(1, title=HOSTILE + "_x", facts=((HOSTILE, HOSTILE),))]) == Sent()
        assert await told.send([delivery(1, title=HOSTILE), delivery(2, title="a_b")]) == Sent()

    for payload in here.payloads:
        # What is left after escapes, code and bold is text, where Telegram takes no reserved character.
        bare = re.sub(r"\\[_*\[\]()~`>#+\-=|{}.!<\\]", "", payload["text"])
        bare = re.sub(r"`[^`]*`", "", bare)
        assert bare.count("*") % 2 == 0
        assert not re.search(r"[_\[\]()~`>#+\-=|{}.!<\\]", bare), bare


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.UNCLEAR), (401, Fault.CHANNEL), (403, Fault.CHANNEL), (404, Fault.CHANNEL),
        (413, Fault.MESSAGE), (422, Fault.UNCLEAR), (500, Fault.PASSING), (302, Fault.CHANNEL),
    ],
)  # fmt: skip
async def test_a_refusal_without_words_is_judged_by_its_status(status: int, fault: Fault) -> None:
    headers = {"Location": "http://127.0.0.1:1/"}
    async with receiver(status=status, headers=headers, answer="") as here:
        result = await channel(json_url(here)).send([delivery(1)])

    assert result == NotSent(f"the service answered HTTP {status}", fault=fault)


async def test_a_wait_that_the_service_asks_for_is_heard() -> None:
    async with receiver(status=429, headers={"Retry-After": "37"}) as here:
        result = await channel(json_url(here)).send([delivery(1)])

    assert isinstance(result, NotSent)
    assert result.retry_after == 37
    assert result.fault is Fault.PASSING


async def test_a_wait_in_telegrams_answer_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = '{"ok": false, "error_code": 429, "description": "slow down", "parameters": {"retry_after": 41}}'
    async with receiver(status=429, answer=answer) as here:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{here.port}/bot")
        result = await channel(TELEGRAM).send([delivery(1)])

    assert isinstance(result, NotSent)
    assert result.retry_after == 41


async def test_nobody_listening_is_a_failure_that_sent_nothing() -> None:
    async with receiver() as here:
        url = json_url(here)

    result = await channel(url).send([delivery(1)])

    where = url.split("/")[2]
    assert result == NotSent(f"{where}: connection refused", fault=Fault.CHANNEL, maybe_sent=False)


async def test_a_send_that_hangs_may_have_arrived_and_no_second_one_starts_meanwhile() -> None:
    async with receiver(gate=asyncio.Event()) as here:
        hung = channel(json_url(here, "?rto=30"), timeout="1s")
        hung._timeout = 0.2

        first = await hung.send([delivery(1)])
        second = await hung.send([delivery(1)])

        assert isinstance(first, NotSent)
        assert first.maybe_sent
        assert isinstance(second, NotSent)
        assert "has not come back" in second.detail
        assert len(here.payloads) == 1


async def test_what_was_taken_late_is_sent_anew_to_whoever_asks_for_it_again() -> None:
    async with receiver(gate=asyncio.Event()) as here:
        told = channel(json_url(here, "?rto=30"), timeout="1s")
        told._timeout = 0.2
        assert isinstance(await told.send([delivery(1)]), NotSent)
        assert here.gate is not None
        assert told._current is not None
        here.gate.set()
        assert await asyncio.to_thread(told._current.over.wait, 5)
        assert await told.send([delivery(1)]) == Sent()
        assert len(here.payloads) == 1
        assert await told.send([delivery(1)]) == Sent()  # `watcher outbox --retry`
        assert len(here.payloads) == 2
        await told.close()


async def test_after_a_long_hang_a_fresh_thread_takes_over_but_only_so_often() -> None:
    async with receiver(gate=asyncio.Event()) as here:
        hung = channel(json_url(here, "?rto=30"), timeout="1s")
        hung._timeout = 0.02
        details: list[str] = []

        while len(details) < 200 and not (details and "nothing is sent" in details[-1]):
            result = await hung.send([delivery(1)])
            assert isinstance(result, NotSent)
            details.append(result.detail)
            await asyncio.sleep(0.01)

        assert details[-1] == "4 messages hang; nothing is sent until one comes back"


async def test_a_hung_service_holds_neither_the_loop_nor_another_channel() -> None:
    async with receiver(gate=asyncio.Event()) as stuck, receiver() as well:
        hung = [asyncio.create_task(channel(json_url(stuck), "60s").send([delivery(n)])) for n in range(20)]
        for _ in hung:
            await asyncio.wait_for(stuck.arrivals.get(), 10)

        began = time.monotonic()
        assert await channel(json_url(well)).send([delivery(1)]) == Sent()

        assert time.monotonic() - began < 20
        for each in hung:
            each.cancel()


async def test_a_hung_service_does_not_hold_the_end_of_the_process() -> None:
    program = """
import asyncio, sys
from tests.notify.given import delivery
from watcher.notify.apprise.settings import AppriseSettings
async def main():
    channel = AppriseSettings.model_validate({"url": sys.argv[1], "timeout": "60s"}).build("ops")
    try:
        await asyncio.wait_for(channel.send([delivery(1)]), 0.5)
    except TimeoutError:
        print("abandoned", flush=True)
asyncio.run(main())
"""
    async with receiver(gate=asyncio.Event()) as here:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, json_url(here), stdout=subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 20)

    assert out == b"abandoned\n"
    assert process.returncode == 0


async def test_repeats_are_never_left_to_apprise() -> None:
    async with receiver(status=500) as here:
        await channel(json_url(here, "?retry=3")).send([delivery(1)])

    assert len(here.payloads) == 1


async def test_several_deliveries_are_one_notification() -> None:
    async with receiver() as here:
        assert await channel(json_url(here)).send([delivery(1), delivery(2)]) == Sent()

    assert here.payloads[0]["title"] == "warning: treasury-hot: ETH moved, number 1 (+1 more)"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("slack://s3cr3t", "apprise does not take this slack URL"),
        ("nosuch://s3cr3t/path", "apprise does not take this nosuch URL"),
        ("s3cr3t", "the URL has no scheme, as slack:// is one; every service and its URL: https://"),
        ("telegram://s3cr3t/1", "did you mean tgram://…, see https://appriseit.com/services/telegram/"),
        ("mailo://s3cr3t", "did you mean mailto://… or "),
        ("json://127.0.0.1/s3cr3t?optional=yes", "optional=yes"),
        ("json://127.0.0.1/s3cr3t, json://127.0.0.2/", "more than one URL"),
    ],
)
def test_a_url_that_cannot_work_is_refused_in_words_without_it(
    url: str, words: str, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="URL") as refusal:
        channel(url)

    assert words in str(refusal.value)
    assert "s3cr3t" not in str(refusal.value) + log.getvalue() + "".join(capfd.readouterr())


@pytest.mark.parametrize("wrong", [{"timeout": 30}, {"timeout": "0s"}, {"colour": "red"}, {"url": 5}])
def test_settings_refuse_what_they_do_not_know_and_show_no_url(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        AppriseSettings.model_validate({"url": "json://127.0.0.1/s3cr3t", **wrong})

    assert "s3cr3t" not in str(refusal.value)


async def test_no_secret_reaches_a_log_a_detail_or_a_representation(
    log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    async with receiver(status=403, answer="no s3cr3t-token here") as here:
        told = channel(json_url(here))
        result = await told.send([delivery(1)])
    gone = await told.send([delivery(1)])
    logging.getLogger("watcher").debug("the log works")

    everything = log.getvalue() + repr(result) + repr(gone) + repr(told) + "".join(capfd.readouterr())
    assert "the log works" in everything
    assert "s3cr3t-token" not in everything
    assert "s3cr3t-token" not in repr(AppriseSettings.model_validate({"url": json_url(here)}))


def test_what_apprise_says_is_masked() -> None:
    told = channel("json://user:hunter22@127.0.0.1/hook/s3cr3t-token")

    assert (
        told._mask("cannot reach user hunter22 at /hook/s3cr3t-token\nx", told._apprise[0])
        == "cannot reach *** *** at /***/*** x"
    )


@pytest.mark.parametrize(
    ("url", "burst"), [("json://127.0.0.1", 1000), (SLACK, 3), (TELEGRAM, 3), ("mailto://u:p@example.com", 1)]
)
def test_how_many_go_out_singly_follows_from_the_plugins_own_pace(url: str, burst: int) -> None:
    assert channel(url).burst == burst


async def test_a_plugin_that_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("s3cr3t")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)

    told = channel("json://127.0.0.1/")
    assert await told.send([delivery(1)]) == NotSent("the plugin failed: RuntimeError", maybe_sent=True)


def test_a_kind_has_the_word_under_which_it_is_listed() -> None:
    assert {word: kind.model_fields["kind"].default for word, kind in KINDS.items()} == {w: w for w in KINDS}
