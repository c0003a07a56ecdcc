"""How loudly a message rings: what each service is told for each severity, on real HTTP and SMTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import apprise
import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.prowl import NotifyProwl
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.simplepush import NotifySimplePush
from apprise.plugins.telegram import NotifyTelegram

from tests.notify import loudness_page, phones
from tests.notify.given import PICTURE, delivery
from tests.notify.mailbox import Mailbox, smtp
from tests.notify.phones import Phone, Request, ringing
from tests.notify.services import TELEGRAM_URL
from watcher.domain.messages.delivery import Delivery, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.notify.apprise import plugins
from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.apprise.urgency import MAIL_HEADERS, SERVICES, TAGS
from watcher.notify.urgency import Urgency, loudest
from watcher.ports.channel import Presentation

PUSHOVER_URL = "pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@tttttttttttttttttttttttttttttt"
DISCORD_URL = "discord://1234567890/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"

Check = Callable[[Request], dict[str, Any]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugin waits between two messages."""
    for plugin in (NotifyDiscord, NotifyProwl, NotifyPushover, NotifySimplePush, NotifyTelegram):
        monkeypatch.setattr(plugin, "request_rate_per_sec", 0)


def of(severity: Severity, kind: Kind = Kind.FIRING, number: int = 1) -> Delivery:
    return delivery(number, severity=severity, kind=kind)


CRITICAL, WARNING, INFO = of(Severity.CRITICAL), of(Severity.WARNING), of(Severity.INFO)
RESOLVED = of(Severity.CRITICAL, Kind.RESOLVED)
FOUR = (CRITICAL, WARNING, INFO, RESOLVED)


async def tell(
    phone: Phone, url: str, *told: Delivery, priority: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """What the service took: each delivery in a notification of its own, through one object."""
    settings = {"url": url.format(port=phone.port), "timeout": "5s", "priority": priority or {}}
    channel = AppriseSettings.model_validate(settings).build("ops")
    for each in told or FOUR:
        assert await channel.send([each]) == Sent(), phone.refused
    return phone.told


async def test_ntfy_gets_priority_five_and_a_beacon_for_critical_one_for_info() -> None:
    async with ringing(phones.ntfy) as phone:
        told = await tell(phone, "ntfy://127.0.0.1:{port}/alerts")

    assert [each["priority"] for each in told] == [5, 3, 1, 2]
    assert [each["tags"] for each in told] == [
        ["rotating_light"],
        ["warning"],
        ["information_source"],
        ["white_check_mark"],
    ]


async def test_ntfy_rings_as_loudly_with_a_picture() -> None:
    async with ringing(phones.ntfy) as phone:
        url = f"ntfy://127.0.0.1:{phone.port}/alerts"
        settings = AppriseSettings.model_validate({"url": url, "pictures": True})
        channel = settings.build("ops", Presentation(lambda _deliveries: [PICTURE]))
        assert await channel.send([CRITICAL]) == Sent()

    assert {each["priority"] for each in phone.told} == {5}


async def test_pushover_repeats_what_is_critical_until_it_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ringing(phones.pushover) as phone:
        monkeypatch.setattr(NotifyPushover, "notify_url", f"http://127.0.0.1:{phone.port}/1/messages.json")
        told = await tell(phone, PUSHOVER_URL)

    assert [each["priority"] for each in told] == [2, 0, -2, -1]
    assert [each["sound"] for each in told] == ["siren", None, None, None]
    assert [each["retry"] for each in told] == ["60", None, None, None]


async def test_gotify_vibrates_for_critical_and_shows_nothing_for_info() -> None:
    async with ringing(phones.gotify) as phone:
        told = await tell(phone, "gotify://127.0.0.1:{port}/AbCdEf123456789")

    assert [each["priority"] for each in told] == [10, 5, 0, 3]


async def test_telegram_is_silent_for_info_and_for_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ringing(phones.telegram) as phone:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{phone.port}/bot")
        told = await tell(phone, TELEGRAM_URL)

    assert [each["silent"] for each in told] == [False, False, True, True]


async def test_discord_sends_no_push_for_info_and_for_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ringing(phones.discord) as phone:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{phone.port}/webhooks")
        told = await tell(phone, DISCORD_URL)

    assert [each["silent"] for each in told] == [False, False, True, True]


@pytest.mark.parametrize(
    ("check", "url", "key", "expected"),
    [
        (
            phones.bark,
            "bark://127.0.0.1:{port}/devicekey",
            "level",
            ["critical", "active", "passive", "passive"],
        ),
        (phones.prowl, "prowl://aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", "priority", [2, 0, -2, -1]),
        (phones.simplepush, "spush://ABCDEF", "priority", [5, 3, 1, 2]),
    ],
)
async def test_each_service_gets_its_own_words(
    check: Check, url: str, key: str, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ringing(check) as phone:
        for plugin in (NotifyProwl, NotifySimplePush):
            monkeypatch.setattr(plugin, "notify_url", f"http://127.0.0.1:{phone.port}/")
        told = await tell(phone, url)

    assert [each[key] for each in told] == expected


async def test_matrix_gets_a_notice_for_what_is_to_ring_nowhere() -> None:
    answer = {"event_id": "$1"}
    async with ringing(phones.matrix, answer=answer, others=phones.matrix_session) as phone:
        told = await tell(phone, "matrix://u:p@127.0.0.1:{port}/!r:h?discovery=no&e2ee=no&hsreq=no")

    assert [each["type"] for each in told] == ["m.text", "m.text", "m.notice", "m.notice"]


async def test_a_mail_says_how_important_it_is_and_an_ordinary_one_nothing() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        for each in FOUR:
            assert isinstance(
                await AppriseSettings.model_validate({"url": url}).build("desk").send([each]), Sent
            )

    said = [(mail["x-priority"], mail["importance"], mail["priority"]) for mail in mailbox.mails]
    ordinary = (None, None, None)
    assert [mail["x-mailer"] for mail in mailbox.mails] == ["watcher", None, "watcher", None]
    assert said == [
        ("1 (Highest)", "high", "urgent"),
        ordinary,
        ("5 (Lowest)", "low", "non-urgent"),
        ordinary,
    ]


async def test_several_alerts_in_one_notification_ring_as_the_loudest() -> None:
    async with ringing(phones.ntfy) as phone:
        url = f"ntfy://127.0.0.1:{phone.port}/alerts"
        channel = AppriseSettings.model_validate({"url": url}).build("ops")
        assert await channel.send([of(Severity.INFO, number=1), of(Severity.CRITICAL, number=2)]) == Sent()
        over = [of(Severity.CRITICAL, Kind.RESOLVED, 1), of(Severity.WARNING, Kind.WITHDRAWN, 2)]
        assert await channel.send(over) == Sent()

    assert [each["priority"] for each in phone.told] == [5, 2]


def test_what_fired_and_is_over_in_one_notification_wakes_nobody() -> None:
    again = delivery(2, alert="alert-1", severity=Severity.CRITICAL, kind=Kind.RESOLVED)
    assert loudest([CRITICAL, again], {}) is Urgency.LOW


@pytest.mark.parametrize("kind", [Kind.RESOLVED, Kind.WITHDRAWN])
@pytest.mark.parametrize("severity", list(Severity))
def test_nothing_that_is_over_rings_louder_than_low(kind: Kind, severity: Severity) -> None:
    everything = dict.fromkeys(Severity, Urgency.EMERGENCY)
    assert loudest([of(severity, kind)], everything) is Urgency.LOW


async def test_what_the_url_says_goes_before_the_table_and_priority_before_the_url() -> None:
    async with ringing(phones.ntfy) as phone:
        url = "ntfy://127.0.0.1:{port}/alerts?priority=high&tags=money"
        told = await tell(phone, url, priority={"info": "low"})

    assert [each["priority"] for each in told] == [4, 4, 2, 4]
    assert {tag for each in told for tag in each["tags"]} == {"money"}


async def test_pushover_waits_as_its_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ringing(phones.pushover) as phone:
        monkeypatch.setattr(NotifyPushover, "notify_url", f"http://127.0.0.1:{phone.port}/1/messages.json")
        await tell(phone, PUSHOVER_URL + "?interval=120", CRITICAL)
        await tell(phone, PUSHOVER_URL + "?priority=emergency&interval=90&sound=bike", INFO)

    assert phone.told == [
        {"priority": 2, "sound": "siren", "retry": "120"},
        {"priority": 2, "sound": "bike", "retry": "90"},
    ]


async def test_priority_of_a_channel_says_how_loudly_each_severity_rings() -> None:
    async with ringing(phones.ntfy) as phone:
        told = await tell(
            phone, "ntfy://127.0.0.1:{port}/alerts", priority={"critical": "high", "warning": "silent"}
        )

    assert [each["priority"] for each in told] == [4, 1, 1, 2]


async def test_headers_of_a_mail_that_the_url_names_stay() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com&+X-Priority=3"
        told = await AppriseSettings.model_validate({"url": url}).build("desk").send([CRITICAL])
        assert isinstance(told, Sent)

    assert mailbox.mails[0]["x-priority"] == "3"
    assert mailbox.mails[0]["importance"] == "high"


def every_plugin() -> dict[str, Any]:
    plugins.load_all()
    found = apprise.NotificationManager().plugins()  # type: ignore[no-untyped-call]
    return {each.__name__: each for each in found}


def test_each_service_of_the_table_is_one_that_apprise_has() -> None:
    assert SERVICES.keys() <= every_plugin().keys()


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_set_is_what_the_plugin_itself_would_take(name: str) -> None:
    """Where a plugin declares a list of values, each that the table sets is in it: names may change."""
    declared = every_plugin()[name].template_args
    for each in SERVICES[name].settings:
        argument = declared.get((each.keys or (each.attribute.split(".")[0],))[0], {})
        allowed = argument.get("values")
        if allowed is None or name == "NotifySplunk":
            continue
        words = each.words or each.values
        for value, word in zip(each.values, words, strict=True):
            assert value is None or {value, word} & set(allowed), each.attribute


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_rings_louder_for_less(name: str) -> None:
    for each in SERVICES[name].settings:
        assert len(each.values) == len(Urgency)
        assert not each.words or len(each.words) == len(Urgency)
        numbers = [value for value in each.values if isinstance(value, int) and each.attribute != "flags"]
        assert sorted(numbers) in (numbers, numbers[::-1])


def test_every_tone_has_an_emoji_and_every_urgency_its_headers() -> None:
    assert TAGS.keys() == {"failure", "warning", "info", "success"}
    assert [each.get("Importance") for each in MAIL_HEADERS] == ["low", None, None, "high", "high"]


@pytest.mark.parametrize(("page", "row"), [("push", "| Pushover | p"), ("incidents", "| Opsgenie | alias |")])
def test_a_page_about_channels_has_the_table_that_the_code_has(page: str, row: str) -> None:
    """After a change: `python -m tests.notify.loudness_page`."""
    path = loudness_page.FOLDER / f"{page}.md"
    text = path.read_text(encoding="utf-8")
    assert text == loudness_page.written(path)
    assert text.count(row) == 1
