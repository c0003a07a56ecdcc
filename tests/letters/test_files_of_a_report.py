"""Files of a report by a bot: Slack and Discord get all three, and a refusal costs no message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.letters.given import NOVEMBER, Treasury, configured
from tests.notify import discord_api, slack_api
from watcher.app.presentations import presentations
from watcher.domain.messages.delivery import Delivery, SendResult, Sent
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.letters.writer import LetterWriter
from watcher.ports.channel import Attachment
from watcher.ports.letters import REPORT_RULE, subject_of
from watcher.store.memory.store import MemoryStore

NAMES = [f"monthly-2026-11-01-2026-11-30.{ending}" for ending in ("png", "html", "csv")]
SPAN = Particulars(since=NOVEMBER[0], until=NOVEMBER[1])
SUBJECT, TITLE = subject_of("monthly"), "Report monthly"
REPORT = Message("r1", Kind.REPORT, Severity.INFO, REPORT_RULE, SUBJECT, "", TITLE, (), NOVEMBER[1], SPAN)
DELIVERY = Delivery("d1", "ops", REPORT, NOVEMBER[1], NOVEMBER[1])


@pytest.fixture
async def slack() -> AsyncIterator[slack_api.Workspace]:
    async with slack_api.workspace() as here:
        yield here
    assert here.wrong == []


@pytest.fixture
async def discord() -> AsyncIterator[discord_api.Guild]:
    async with discord_api.guild() as here:
        yield here
    assert here.wrong == []


async def by(kind: str, folder: Path) -> tuple[SendResult, Sequence[Attachment]]:
    """The report of a treasury through one channel as it is configured, and the files that it comes with."""
    channel = f"channels: {{ops: {{{kind}, timeout: 10s}}}}\nreports: {{monthly: {{channels: ops}}}}\n"
    there = Treasury(configured(folder, channel), MemoryStore())
    await there.live(6)
    settings = there.configuration.settings
    shown = presentations(settings, letters=LetterWriter(settings, there.store))("ops")
    assert shown.attach is not None
    here = settings.channels["ops"].build("ops", shown)
    result = await here.send([DELIVERY])
    await here.close()
    return result, shown.attach([DELIVERY])


def to_slack(there: slack_api.Workspace) -> str:
    return f'kind: slack, token: {slack_api.BOT}, channel: "#ops", api_url: "{there.api_url}"'


def to_discord(there: discord_api.Guild) -> str:
    return f'kind: discord, token: {discord_api.BOT}, channel: "{discord_api.OPS}", api_url: "{there.url}"'


async def test_slack_has_the_files_of_a_report_below_it(slack: slack_api.Workspace, tmp_path: Path) -> None:
    result, files = await by(to_slack(slack), tmp_path)
    assert isinstance(result, Sent)
    assert (result.remarks, [each.name for each in files]) == ({}, NAMES)
    assert len(slack.posted()) == 1
    (shared,) = slack.shared
    assert shared["thread_ts"] == next(iter(slack.messages))
    found = [slack.files[each] for each in shared["files"]]
    assert [(each["filename"], each["content"]) for each in found] == [
        (each.name, each.content) for each in files
    ]


async def test_slack_has_a_report_once_though_its_files_are_refused(
    slack: slack_api.Workspace, tmp_path: Path
) -> None:
    slack.refusals["files.completeUploadExternal"] = "file_uploads_disabled"
    result, _ = await by(to_slack(slack), tmp_path)
    assert isinstance(result, Sent)
    assert result.receipt
    assert result.remarks["picture"].startswith("files are left out: ")
    assert (len(slack.posted()), slack.shared) == (1, [])


async def test_discord_has_the_files_of_a_report_with_it(discord: discord_api.Guild, tmp_path: Path) -> None:
    result, files = await by(to_discord(discord), tmp_path)
    assert isinstance(result, Sent)
    assert result.remarks == {}
    (message,) = discord.messages.values()
    assert message["embeds"][0]["image"] == {"url": f"attachment://{NAMES[0]}"}
    assert discord.files == [each.content for each in files]


async def test_discord_has_a_report_once_though_its_files_are_refused(
    discord: discord_api.Guild, tmp_path: Path
) -> None:
    discord.refusals["FILES"] = (413, {"message": "Request entity too large", "code": 40005}, {})
    result, _ = await by(to_discord(discord), tmp_path)
    assert isinstance(result, Sent)
    assert result.remarks["picture"].startswith("files are left out: ")
    assert "Request entity too large" in result.remarks["picture"]
    assert (len(discord.messages), discord.files) == (1, [])
