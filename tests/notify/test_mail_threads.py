"""Mails about one alert are one thread, and one piece of news is one mail however often it is tried."""

from __future__ import annotations

import email
from typing import Any, cast

from aiosmtpd.smtp import Envelope

from tests.notify.given import HandClock, Outbox, delivering, delivery
from tests.notify.mailbox import Mailbox, course, smtp, told
from watcher.domain.messages.delivery import DeliveryState, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.records import replace
from watcher.notify.apprise.settings import AppriseSettings


async def test_mails_about_one_alert_are_one_thread_and_no_absence_note_answers_them() -> None:
    kinds = (Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.RESOLVED)
    mails = await course(*(delivery(n, kind=kind, alert="a1") for n, kind in enumerate(kinds)))
    (other,) = await course(delivery(9, kind=Kind.FIRING, alert="a2"))

    first, *later = mails
    assert (first["references"], first["in-reply-to"]) == ("<alert.a1@example.com>", None)
    assert {mail["references"] for mail in later} == {"<alert.a1@example.com> <dlv-0000@example.com>"}
    assert {mail["in-reply-to"] for mail in later} == {first["message-id"]} == {"<dlv-0000@example.com>"}
    assert other["references"] == "<alert.a2@example.com>"
    assert {mail["auto-submitted"] for mail in (*mails, other)} == {"auto-generated"}
    assert {mail["x-auto-response-suppress"] for mail in mails} == {"All"}
    assert {mail["list-id"] for mail in mails} == {"<treasurer.watcher.example.com>"}
    assert len({mail["message-id"] for mail in mails}) == 4


async def test_what_follows_a_mail_of_several_alerts_refers_to_it() -> None:
    box, alerts = Mailbox(), ("a1", "a2")
    firing = [delivery(n, kind=Kind.FIRING, alert=each) for n, each in enumerate(alerts)]
    over = [delivery(n + 5, kind=Kind.RESOLVED, alert=each) for n, each in enumerate(alerts)]
    new = delivery(9, kind=Kind.FIRING, alert="a3")
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        result = await told(url, *firing)
        assert isinstance(result, Sent)
        over = [replace(each, thread=result.receipt) for each in over]
        for batch in ([over[0]], [*over, delivery(7)], [*over, new]):
            await told(url, *batch)

    both, one, all_of_them, more = box.mails
    assert (both["references"], both["in-reply-to"]) == (None, None)
    assert one["references"] == f"<alert.a1@example.com> {both['message-id']}"
    assert all_of_them["references"] == all_of_them["in-reply-to"] == both["message-id"]
    assert more["references"] is None, "it tells of an alert of which that mail knew nothing"


async def test_a_receipt_that_is_no_id_of_a_mail_is_not_referred_to() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        for receipt in ("1700000000.123", "<a@b>\r\nBcc: thief@example.com", "<dlv-0001@example.com>"):
            await told(url, replace(delivery(1, kind=Kind.RESOLVED), thread=receipt))

    assert {mail["references"] for mail in box.mails} == {"<alert.alert-1@example.com>"}
    assert {mail["in-reply-to"] for mail in box.mails} == {mail["bcc"] for mail in box.mails} == {None}


async def test_every_try_of_a_delivery_has_the_same_message_id() -> None:
    first, second, other = await course(delivery(1), delivery(1), delivery(2))

    assert first["message-id"] == second["message-id"] == "<dlv-0001@example.com>"
    assert other["message-id"] != first["message-id"]
    assert first["references"] is None, "what nothing follows begins no thread"


async def test_the_same_news_keep_their_message_id_and_others_have_their_own() -> None:
    box = Mailbox()
    three = [delivery(n) for n in range(3)]
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        for batch in (three, three[::-1], three[:2]):
            await told(url, *batch)

    first, again, fewer = (mail["message-id"] for mail in box.mails)
    assert first == again != fewer


async def test_three_tries_are_one_mail_to_a_server_that_fails_twice() -> None:
    box, seen = Mailbox(), list[bytes]()

    async def failing(server: Any, session: Any, envelope: Envelope) -> str:
        seen.append(cast(bytes, envelope.content))
        if len(seen) < 3:
            return "451 4.3.0 try again"
        return await Mailbox.handle_DATA(box, server, session, envelope)

    box.handle_DATA = failing  # type: ignore[method-assign]
    store, clock = Outbox(delivery(1, kind=Kind.FIRING)), HandClock()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=a@example.com,b@example.com"
        channel = AppriseSettings.model_validate({"url": url}).build("ops")
        channel._apprise[0].request_rate_per_sec = 0
        async with delivering(store, clock, channel):
            while store.state(1) is not DeliveryState.SENT:
                await store.asked.get()
                clock.advance(600)

    ids = {email.message_from_bytes(each)["message-id"] for each in seen}
    assert ids == {"<dlv-0001@example.com>"}
    assert len(seen) == 4, "three tries of the first, one of the second, who is told once"
    assert store.row(1).receipt == "<dlv-0001@example.com>"


async def test_a_channel_of_any_name_has_a_list_for_filters() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        for name in ("ops", "Büro, Zürich", "金"):
            settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
            await settings.build(name).send([delivery(1)])

    lists = [mail["list-id"].removesuffix(".watcher.example.com>") for mail in box.mails]
    assert lists == ["<ops", "<b-ro-z-rich", "<channel"]


async def test_how_urgent_it_is_stands_in_the_headers() -> None:
    wanted = {Severity.CRITICAL: "high", Severity.WARNING: None, Severity.INFO: "low"}
    mails = await course(*(delivery(n, severity=each) for n, each in enumerate(wanted)))
    (over,) = await course(delivery(7, kind=Kind.RESOLVED, severity=Severity.CRITICAL))

    assert [mail["importance"] for mail in mails] == list(wanted.values())
    assert over["importance"] is None
