"""Discord by a bot: limits, replies, first messages marked as over, silence, no message twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.notify.discord_api import BOT, OPS, Guild, guild
from tests.notify.given import HOSTILE, PICTURE, delivery
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.notify.discord.channel import DiscordChannel
from watcher.notify.discord.settings import DiscordSettings
from watcher.ports.channel import PLAINLY, Attachment, Presentation

FIRST = "334385199974967042"
WAYS = Ways(page="https://w.example/alerts/a1", acknowledge="https://w.example/a/a1?t=x")


@pytest.fixture
async def discord() -> AsyncIterator[Guild]:
    async with guild() as here:
        yield here
    assert here.wrong == []


def channel(discord: Guild, shown: Presentation = PLAINLY, **words: Any) -> DiscordChannel:
    written = {"token": BOT, "channel": OPS, "api_url": discord.url, "timeout": "20s", **words}
    return DiscordSettings.model_validate(written).build("ops", shown)


async def sent(here: DiscordChannel, *deliveries: Delivery) -> Sent:
    result = await here.send(deliveries)
    assert isinstance(result, Sent), result
    return result


async def test_a_message_has_its_title_as_text_and_its_facts_in_colour(discord: Guild) -> None:
    here = channel(discord, Presentation(ways=lambda _: WAYS))
    one = await sent(here, delivery(1, severity=Severity.CRITICAL, title="hot_wallet: *ETH* moved"))
    await here.close()
    (message,) = discord.posted()
    assert one.receipt == f"{OPS}:{FIRST}"
    assert message["content"] == "critical: hot\\_wallet: \\*ETH\\* moved"
    (embed,) = message["embeds"]
    assert embed["color"] == 0xD92D20
    assert "[Open](https://w.example/alerts/a1)" in embed["description"]
    assert "dlv-0001" in embed["description"]


async def test_what_follows_is_a_reply_and_what_is_over_marks_the_first_message(discord: Guild) -> None:
    here = channel(discord)
    first = (await sent(here, delivery(1, kind=Kind.FIRING, alert="a1"))).receipt
    again = replace(delivery(2, kind=Kind.REPEAT, alert="a1"), thread=first)
    over = replace(delivery(3, kind=Kind.RESOLVED, alert="a1"), thread=first)
    await sent(here, again)
    await sent(here, over)
    await here.close()
    assert [method for method, _ in discord.asked] == ["POST", "POST", "POST", "PATCH"]
    for each in discord.posted()[1:]:
        assert each["message_reference"] == {"message_id": FIRST, "fail_if_not_exists": False}
    assert discord.messages[FIRST]["content"].startswith("✓ resolved")
    assert discord.messages[FIRST]["embeds"][0]["color"] == 0x2E9E5B


async def test_a_message_about_several_alerts_is_not_marked_when_one_is_over(discord: Guild) -> None:
    here = channel(discord)
    thread = (await sent(here, *[delivery(number, kind=Kind.FIRING) for number in (1, 2)])).receipt
    await sent(here, replace(delivery(1, kind=Kind.RESOLVED), thread=thread))
    await here.close()
    assert [method for method, _ in discord.asked] == ["POST", "POST"]


async def test_a_first_message_that_somebody_deleted_costs_nothing(discord: Guild) -> None:
    here = channel(discord)
    result = await sent(here, replace(delivery(1, kind=Kind.RESOLVED), thread=f"{OPS}:1"))
    await here.close()
    assert result.remarks == {}


@pytest.mark.parametrize(
    ("severity", "kind", "written", "flags"),
    [
        (Severity.CRITICAL, Kind.FIRING, {}, None),
        (Severity.WARNING, Kind.FIRING, {}, None),
        (Severity.INFO, Kind.FIRING, {}, 4096),
        (Severity.CRITICAL, Kind.RESOLVED, {}, 4096),
        (Severity.WARNING, Kind.FIRING, {"priority": {"warning": "low"}}, 4096),
    ],
)
async def test_what_is_silent_or_low_notifies_nobody(
    discord: Guild, severity: Severity, kind: Kind, written: dict[str, Any], flags: int | None
) -> None:
    here = channel(discord, **written)
    await sent(here, delivery(1, kind=kind, severity=severity))
    await here.close()
    assert discord.posted()[0].get("flags") == flags


async def test_a_repeat_of_what_may_have_arrived_is_one_message(discord: Guild) -> None:
    here = channel(discord)
    receipts = [(await sent(here, delivery(1))).receipt for _ in range(2)]
    await here.close()
    assert len(discord.messages) == 1
    assert receipts == [f"{OPS}:{FIRST}"] * 2


@pytest.mark.parametrize("several", [1, 2, 10, 11, 300])
async def test_whatever_is_told_keeps_the_limits_of_discord(discord: Guild, several: int) -> None:
    here = channel(discord, Presentation(ways=lambda _: WAYS))
    facts = tuple((f"Fact _{number}_", "0.5 → 1.5 *b* " * 40) for number in range(40))
    told = [delivery(number, title=f"{number} " + "_ä€😀" * 300, facts=facts) for number in range(several)]
    await sent(here, *told)
    await here.close()


async def test_nothing_that_a_name_holds_acts(discord: Guild) -> None:
    here = channel(discord)
    await sent(here, delivery(1, title=HOSTILE, facts=((HOSTILE, HOSTILE),)))
    await here.close()
    (message,) = discord.posted()
    assert "@here" not in message["content"] + message["embeds"][0]["description"]
    assert "\\[win\\]" in message["content"]
    assert "://" not in message["content"]


async def test_pictures_stand_in_the_embed_and_one_that_is_refused_costs_nothing(discord: Guild) -> None:
    here = channel(discord, Presentation(attach=lambda _: [PICTURE]), pictures=True)
    await sent(here, delivery(1))
    assert discord.files == [PICTURE.content]
    assert discord.posted()[0]["embeds"][0]["image"] == {"url": f"attachment://{PICTURE.name}"}

    discord.refusals["FILES"] = (403, {"message": "Missing Permissions", "code": 50013}, {})
    result = await sent(here, delivery(2))
    await here.close()
    assert "Missing Permissions" in result.remarks["picture"]
    assert len(discord.messages) == 2


async def test_a_table_goes_along_and_is_no_picture_of_the_embed(discord: Guild) -> None:
    files = [Attachment("november.csv", "text/csv", b"a,b"), PICTURE]
    here = channel(discord, Presentation(attach=lambda _: files))
    await sent(here, delivery(1, kind=Kind.REPORT))
    await here.close()
    assert discord.files == [b"a,b", PICTURE.content]
    assert discord.posted()[0]["embeds"][0]["image"] == {"url": f"attachment://{PICTURE.name}"}


async def test_what_was_not_taken_with_a_picture_goes_without_one_the_next_time(discord: Guild) -> None:
    here = channel(discord, Presentation(attach=lambda _: [PICTURE]), pictures=True)
    await sent(here, replace(delivery(1), attempts=1))
    await here.close()
    assert discord.files == []


@pytest.mark.parametrize(
    ("status", "answer", "headers", "fault", "wait"),
    [
        (401, {"message": "401: Unauthorized", "code": 0}, {}, Fault.CHANNEL, None),
        (403, {"message": "Missing Access", "code": 50001}, {}, Fault.CHANNEL, None),
        (404, {"message": "Unknown Channel", "code": 10003}, {}, Fault.CHANNEL, None),
        (400, {"message": "Invalid Form Body", "code": 50035}, {}, Fault.MESSAGE, None),
        (429, {"message": "You are being rate limited.", "retry_after": 64.57}, {}, Fault.PASSING, 64.57),
        (429, {"message": "You are being rate limited."}, {"Retry-After": "65"}, Fault.PASSING, 65),
        (502, {}, {}, Fault.PASSING, None),
    ],
)
async def test_what_discord_says_is_told_with_whose_fault_it_is(
    discord: Guild, status: int, answer: Any, headers: dict[str, str], fault: Fault, wait: float | None
) -> None:
    discord.refusals["POST"] = (status, answer, headers)
    here = channel(discord)
    result = await here.send([delivery(1)])
    await here.close()
    assert isinstance(result, NotSent)
    assert (result.fault, result.retry_after) == (fault, wait)
    assert answer.get("message", "502") in result.detail
    assert BOT not in repr(result)


@pytest.mark.parametrize("written", ["#ops", "", "12x"])
def test_a_channel_that_is_no_id_is_a_mistake(written: str) -> None:
    with pytest.raises(ValueError, match="Copy Channel ID"):
        DiscordSettings.model_validate({"token": BOT, "channel": written})


def test_an_id_may_be_written_as_a_number() -> None:
    assert DiscordSettings.model_validate({"token": BOT, "channel": int(OPS)}).channel == OPS
