"""PagerDuty, Opsgenie and their like: one incident an alert, opened by it, and closed when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from apprise.plugins import opsgenie, pagerduty
from apprise.plugins.splunk import NotifySplunk

from tests.notify import phones
from tests.notify.given import HandClock, Outbox, delivering, delivery
from tests.notify.phones import Phone, Request, ringing
from watcher.domain.messages.delivery import Delivery, DeliveryState, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.notify.apprise import incidents
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.apprise.settings import AppriseSettings
from watcher.ports.channel import UNGROUPED

PAGERDUTY = "pagerduty://0123456789abcdef0123456789abcdef@apikey"
OPSGENIE = "opsgenie://eb243592-faa2-4ba2-a551q-1afdf565c889"
CRITICAL = Severity.CRITICAL


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "PAUSE", 0)


def channel(url: str, **settings: Any) -> AppriseChannel:
    return AppriseSettings.model_validate({"url": url, "timeout": "5s", **settings}).build("oncall")


def named(url: str) -> AppriseChannel:
    return AppriseSettings.model_validate({"url": url, "timeout": "5s"}).build("ops")


def of(kind: Kind, alert: str = "a1", number: int = 1, severity: Severity = CRITICAL) -> Delivery:
    return delivery(number, kind=kind, alert=alert, severity=severity)


@asynccontextmanager
async def pager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phone]:
    answer = {"status": "success", "message": "Event processed", "dedup_key": "k"}
    async with ringing(phones.pagerduty, status=202, answer=answer) as phone:
        url = f"http://127.0.0.1:{phone.port}/v2/enqueue"
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", url)
        yield phone


@asynccontextmanager
async def genie(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phone]:
    answer = {"result": "Request will be processed", "took": 0.302, "requestId": "43a29c5c-3dbf-4fa4-9c26"}
    async with ringing(phones.opsgenie, status=202, answer=answer) as phone:
        monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, "us", f"http://127.0.0.1:{phone.port}/v2/alerts")
        yield phone


LIFE = (Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.RESOLVED)


async def test_pagerduty_has_one_incident_from_firing_over_repeats_to_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pager(monkeypatch) as phone:
        told = channel(PAGERDUTY)
        for number, kind in enumerate(LIFE):
            assert await told.send([of(kind, number=number)]) == Sent(), phone.refused

    assert [each["action"] for each in phone.told] == ["trigger", "trigger", "trigger", "resolve"]
    assert {each["key"] for each in phone.told} == {"a1"}
    assert {each["severity"] for each in phone.told[:3]} == {"critical"}


async def test_opsgenie_has_one_alert_and_closes_it_by_its_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    async with genie(monkeypatch) as phone:
        for number, kind in enumerate(LIFE):
            assert await channel(OPSGENIE).send([of(kind, number=number)]) == Sent(), phone.refused

    assert [each["action"] for each in phone.told] == ["create", "create", "create", "close"]
    assert {each["key"] for each in phone.told} == {"a1"}
    assert {each["priority"] for each in phone.told[:3]} == {"P1"}
    assert "resolved" in phone.told[3]["note"]


@pytest.mark.parametrize("serving", [pager, genie])
async def test_several_alerts_in_one_notification_are_an_incident_each(
    serving: Callable[[pytest.MonkeyPatch], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(monkeypatch) as phone:
        told = channel(PAGERDUTY if serving is pager else OPSGENIE)
        batch = [
            of(Kind.FIRING, "a1", 1),
            of(Kind.FIRING, "a2", 2, Severity.WARNING),
            of(Kind.WITHDRAWN, "a3", 3),
        ]
        assert await told.send(batch) == Sent(), phone.refused

    assert [each["key"] for each in phone.told] == ["a1", "a2", "a3"]
    assert [each["action"] in ("resolve", "close") for each in phone.told] == [False, False, True]
    loud = "severity" if serving is pager else "priority"
    assert [each.get(loud) for each in phone.told[:2]] in (["critical", "warning"], ["P1", "P3"])


async def test_what_happened_once_opens_an_incident_that_nothing_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pager(monkeypatch) as phone:
        for kind in (Kind.EVENT, Kind.NOTICE, Kind.TEST):
            assert await channel(PAGERDUTY).send([of(kind)]) == Sent()

    assert {each["action"] for each in phone.told} == {"trigger"}


async def test_what_is_over_before_it_was_told_is_found_there_and_wakes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pager(monkeypatch) as phone:
        assert await channel(PAGERDUTY).send([of(Kind.FIRING), of(Kind.RESOLVED, number=2)]) == Sent()

    assert [(each["action"], each.get("severity")) for each in phone.told] == [
        ("trigger", "info"),
        ("resolve", None),
    ]


async def test_a_batch_that_failed_in_the_middle_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    open_for = 2

    def limited(request: Request) -> dict[str, Any]:
        if len(phone.told) >= open_for:
            raise phones.RefusedError("throttled")
        return phones.pagerduty(request)

    async with pager(monkeypatch) as phone:
        phone.check = limited
        told, batch = channel(PAGERDUTY), [of(Kind.FIRING, f"a{number}", number) for number in range(4)]
        result: SendResult = await told.send(batch)
        assert isinstance(result, NotSent)
        assert result.delivered_to == frozenset()
        open_for = 9
        assert await told.send(batch) == Sent()
        assert await told.send(batch) == Sent()

    assert [each["key"] for each in phone.told] == ["a0", "a1", "a2", "a3", "a0", "a1", "a2", "a3"]


@pytest.mark.parametrize("query", ["?dedup=all-of-it", "?action=trigger"])
async def test_what_the_url_says_of_key_and_action_stays(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pager(monkeypatch) as phone:
        assert await channel(PAGERDUTY + query).send([of(Kind.RESOLVED)]) == Sent()

    assert phone.told[0]["action"] == "trigger"
    assert phone.told[0]["key"] == ("all-of-it" if "dedup" in query else "")


async def test_splunk_opens_with_the_urgency_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ringing(phones.splunk) as phone:
        url = f"http://127.0.0.1:{phone.port}/alert/{{apikey}}/{{routing_key}}"
        monkeypatch.setattr(NotifySplunk, "notify_url", url)
        told = channel("splunk://team@0123456789abcdef0123456789abcdef0123")
        for kind, severity in (
            (Kind.FIRING, CRITICAL),
            (Kind.RESOLVED, CRITICAL),
            (Kind.EVENT, Severity.INFO),
        ):
            assert await told.send([of(kind, severity=severity)]) == Sent(), phone.refused

    assert [each["type"] for each in phone.told] == ["CRITICAL", "RECOVERY", "INFO"]
    assert {each["key"] for each in phone.told} == {"a1"}


def test_nothing_is_gathered_for_a_service_that_has_an_incident_for_each_alert() -> None:
    assert channel(PAGERDUTY).burst == UNGROUPED
    assert channel(PAGERDUTY + "?dedup=one").burst < UNGROUPED


def every_tracker() -> Iterator[tuple[str, Any]]:
    from tests.notify.test_urgency import every_plugin

    known = every_plugin()
    yield from ((name, known[name]) for name in incidents.SERVICES)


def test_each_service_with_incidents_is_one_that_apprise_has_and_takes_its_words() -> None:
    """A new apprise may rename what is set here."""
    for name, plugin in every_tracker():
        words = incidents.SERVICES[name]
        actions = plugin.template_args["action"]["values"]
        assert {word for word in (words.opens, words.closes) if word} <= set(actions), name


async def test_the_title_of_an_incident_is_the_news_and_its_details_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pager(monkeypatch) as phone:
        assert await channel(PAGERDUTY + "?+team=treasury").send([of(Kind.FIRING)]) == Sent()
        assert await channel(PAGERDUTY).send([of(Kind.RESOLVED)]) == Sent()

    first = phone.told[0]
    assert first["summary"] == "critical: treasury-hot: ETH moved, number 1"
    assert "12.5 ETH" in first["details"]["message"]
    assert first["details"]["team"] == "treasury"


async def test_many_alerts_at_once_are_opened_one_by_one_and_closed_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    firing = [of(Kind.FIRING, f"a{number}", number) for number in range(1, 31)]
    over = [of(Kind.RESOLVED, f"a{number}", 100 + number) for number in range(1, 31)]
    outbox, clock = Outbox(*firing, *over), HandClock()
    async with pager(monkeypatch) as phone, delivering(outbox, clock, named(PAGERDUTY)) as deliverer:
        assert await deliverer.drain(within=20)

    assert {each.state for each in outbox.rows.values()} == {DeliveryState.SENT}
    for number in range(1, 31):
        told = [each["action"] for each in phone.told if each["key"] == f"a{number}"]
        assert (told[0], told[-1]) == ("trigger", "resolve")
    assert phone.refused == []


async def test_a_notice_about_an_alert_does_not_open_what_is_over_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pager(monkeypatch) as phone:
        batch = [of(Kind.FIRING), of(Kind.NOTICE, number=2), of(Kind.RESOLVED, number=3)]
        assert await channel(PAGERDUTY).send(batch) == Sent()

    assert [(each["action"], each["key"]) for each in phone.told] == [
        ("trigger", "a1"),
        ("resolve", "a1"),
        ("trigger", "notice.a1"),
    ]
