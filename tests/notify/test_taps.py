"""One touch on a notification opens the page, and a button acknowledges, where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from apprise.plugins import pagerduty
from apprise.plugins.pushover import NotifyPushover

from tests.notify import phones
from tests.notify.given import PICTURE, START, delivery
from tests.notify.phones import Phone, ringing
from tests.notify.test_urgency import PUSHOVER_URL, every_plugin
from watcher.domain.messages.delivery import Delivery, Sent
from watcher.domain.messages.message import Kind, Particulars, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.apprise.taps import MOST_BUTTONS, PLACES
from watcher.ports.channel import Presentation

PAGE = "https://watch.example.org"
SCAN = "https://etherscan.io/address/0x9f11"


def ways(told: Delivery) -> Ways:
    acknowledge = "" if told.message.kind.final else f"{PAGE}/a/{told.id}?t=eyJ.abc-_"
    return Ways(
        f"{PAGE}/alerts/{told.message.id}", acknowledge, {"Etherscan": SCAN}, "https://wiki.example.org/drain"
    )


async def tell(
    phone: Phone, url: str, *told: Delivery, shown: Presentation | None = None
) -> list[dict[str, Any]]:
    settings = AppriseSettings.model_validate({"url": url.format(port=phone.port), "timeout": "5s"})
    assert await settings.build("ops", shown or Presentation(ways=ways)).send(told) == Sent(), phone.refused
    return phone.told


FIRING = delivery(1, kind=Kind.FIRING, severity=Severity.CRITICAL)
OTHER = delivery(2, kind=Kind.FIRING)
NTFY = "ntfy://127.0.0.1:{port}/alerts"


async def test_a_touch_on_ntfy_opens_the_alert_and_its_buttons_acknowledge_and_explore() -> None:
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY, FIRING)

    assert told["click"] == f"{PAGE}/alerts/alert-1"
    assert told["buttons"] == [
        ("Acknowledge", f"{PAGE}/a/dlv-0001?t=eyJ.abc-_"),
        ("Etherscan", SCAN),
        ("Runbook", "https://wiki.example.org/drain"),
    ]


async def test_what_is_over_has_no_button_to_acknowledge() -> None:
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY, delivery(1, kind=Kind.RESOLVED))

    assert [label for label, _ in told["buttons"]] == ["Etherscan", "Runbook"]


async def test_several_alerts_open_the_gravest_and_each_has_its_button_to_acknowledge_it() -> None:
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY, OTHER, FIRING)

    assert told["click"] == f"{PAGE}/alerts/alert-1"
    assert told["buttons"] == [
        (f"Acknowledge {FIRING.message.title}", f"{PAGE}/a/dlv-0001?t=eyJ.abc-_"),
        (f"Acknowledge {OTHER.message.title}", f"{PAGE}/a/dlv-0002?t=eyJ.abc-_"),
    ]


async def test_of_many_alerts_the_gravest_have_buttons() -> None:
    many = [delivery(number, kind=Kind.FIRING, title=f"wallet {number}") for number in range(3, 9)]
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY, *many, FIRING)

    labels = [label for label, _ in told["buttons"]]
    assert labels[0] == f"Acknowledge {FIRING.message.title}"
    assert len(labels) == MOST_BUTTONS


@pytest.mark.parametrize("check", [phones.ntfy, phones.pushover])
async def test_a_telephone_rings_once_however_many_pictures_there_are(
    check: Callable[[phones.Request], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [PICTURE, replace(PICTURE, name="chart-2.png")]
    async with ringing(check) as phone:
        monkeypatch.setattr(NotifyPushover, "notify_url", f"http://127.0.0.1:{phone.port}/1/messages.json")
        url = NTFY if check is phones.ntfy else PUSHOVER_URL
        told = await tell(phone, url, OTHER, FIRING, shown=Presentation(lambda _: pictures, ways=ways))

    assert len(told) == 1


async def test_a_move_that_several_rules_tell_has_the_buttons_of_the_gravest() -> None:
    seen = Particulars(before=Decimal(5), after=Decimal(1))
    told = [
        replace(each, message=replace(each.message, at=START, particulars=seen)) for each in (FIRING, OTHER)
    ]
    async with ringing(phones.ntfy) as phone:
        (heard,) = await tell(phone, NTFY, *told)

    assert heard["click"] == f"{PAGE}/alerts/alert-1"
    assert heard["buttons"][0] == ("Acknowledge", f"{PAGE}/a/dlv-0001?t=eyJ.abc-_")


async def test_without_a_page_a_touch_opens_nothing() -> None:
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY, FIRING, shown=Presentation())

    assert told["click"] is None
    assert told["buttons"] == []


async def test_what_the_url_opens_stays() -> None:
    async with ringing(phones.ntfy) as phone:
        (told,) = await tell(phone, NTFY + "?click=https://other.example.org/", FIRING)

    assert told["click"] == "https://other.example.org/"


async def test_pushover_and_pagerduty_link_to_the_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ringing(phones.pushover) as phone:
        monkeypatch.setattr(NotifyPushover, "notify_url", f"http://127.0.0.1:{phone.port}/1/messages.json")
        (told,) = await tell(phone, PUSHOVER_URL, FIRING)
        assert told["url"] == f"{PAGE}/alerts/alert-1"
    async with ringing(phones.pagerduty) as phone:
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://127.0.0.1:{phone.port}/v2/enqueue")
        (told,) = await tell(phone, "pagerduty://0123456789abcdef0123456789abcdef@apikey", FIRING)
        assert told["links"] == [f"{PAGE}/alerts/alert-1"]


@pytest.mark.parametrize("name", PLACES)
def test_each_place_is_one_that_the_plugin_reads(name: str) -> None:
    """A new apprise may rename one."""
    import inspect
    import sys

    source = inspect.getsource(sys.modules[every_plugin()[name].__module__])
    places = PLACES[name]
    for each in filter(None, (places.page, places.label, places.buttons)):
        assert f"self.{each.removeprefix(f'_{name}')}" in source
