"""What every channel promises: one suite over apprise, the terminal and the one that records."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.channels import CHANNELS, NAME, TOKEN, Case
from tests.notify.given import HOSTILE, delivery
from watcher.domain.messages.delivery import NotSent, Sent
from watcher.domain.messages.message import Severity


@pytest.fixture(params=CHANNELS)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with CHANNELS[request.param]() as case:
        yield case
        await case.channel.close()


async def test_what_is_sent_has_arrived(case: Case) -> None:
    assert isinstance(await case.channel.send([delivery(1)]), Sent)
    (text,) = case.arrived()
    assert "dlv-0001" in text
    assert "number 1" in text


async def test_several_deliveries_are_one_notification_that_names_each(case: Case) -> None:
    assert isinstance(await case.channel.send([delivery(number) for number in range(1, 6)]), Sent)
    (text,) = case.arrived()
    assert [number for number in range(1, 6) if f"dlv-{number:04d}" not in text] == []


async def test_what_is_not_taken_is_told_in_one_line_without_a_secret(case: Case) -> None:
    case.spoil()
    result = await case.channel.send([delivery(1)])
    assert isinstance(result, NotSent)
    assert result.detail
    assert TOKEN not in repr(result)
    assert "\n" not in result.detail


async def test_a_failure_is_no_end(case: Case) -> None:
    case.spoil()
    results = [await case.channel.send([delivery(number)]) for number in (1, 2)]
    assert [type(result) for result in results] == [NotSent, NotSent]


@pytest.mark.parametrize("severity", Severity)
async def test_every_severity_can_be_told(case: Case, severity: Severity) -> None:
    assert isinstance(await case.channel.send([delivery(1, severity=severity)]), Sent)


@pytest.mark.parametrize("case", ["apprise", "console", "discord", "slack", "webhook"], indirect=True)
async def test_what_a_name_holds_is_text_and_no_command(case: Case) -> None:
    assert isinstance(
        await case.channel.send([delivery(1, title=HOSTILE, facts=((HOSTILE, HOSTILE),))]), Sent
    )
    (text,) = case.arrived()
    assert "EVIL" in text
    assert not {"\x1b", "\u202e"} & set(text)


async def test_a_notification_is_never_longer_than_what_is_taken(case: Case) -> None:
    facts = tuple((f"Asset {number}", "0.5 → 1.5 " * 20) for number in range(1000))
    assert isinstance(await case.channel.send([delivery(1, facts=facts)]), Sent)
    (text,) = case.arrived()
    assert case.room is None or len(text) <= case.room
    assert "dlv-0001" in text


async def test_at_least_one_notification_may_go_out_at_once(case: Case) -> None:
    assert case.channel.burst >= 1
    assert case.channel.name == NAME


async def test_facts_of_an_earlier_run_are_taken_back_and_strange_ones_do_no_harm(case: Case) -> None:
    result = await case.channel.send([delivery(1)])
    again = case.again()
    again.remember({**result.facts, "chat 1": "junk", "of another time": ""})
    assert isinstance(await again.send([delivery(2)]), Sent)
    await again.close()


async def test_a_channel_is_closed_as_often_as_one_likes_used_or_not(case: Case) -> None:
    unused = case.again()
    await case.channel.send([delivery(1)])
    for channel in (case.channel, unused, case.channel):
        await channel.close()
