"""What `docs/hints/webhook.md` shows works: the shell line, the script, the configuration."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.config.given import SOUND, write
from tests.configured import load_settings
from tests.fakes import FakeClock
from tests.hints.webhooks import KEY, A, B, webhook
from tests.web.given import Page, serving
from watcher.hints.webhook import bodies, inbox, signatures, source
from watcher.hints.webhook.source import Webhook
from watcher.web import hints as endpoint

PAPER = (Path(__file__).parents[2] / "docs" / "hints" / "webhook.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    return "".join(re.findall(rf"(?ms)^```{language}\n(.*?)^```", PAPER))


@pytest.fixture
def hook() -> Webhook:
    return webhook(name="script")


@pytest.fixture
async def page(tmp_path: Path, hook: Webhook) -> AsyncIterator[Page]:
    async with serving(tmp_path, postings={"script": hook}, clock=FakeClock(datetime.now(UTC))) as page:
        yield page


async def run(page: Page, *words: str, **env: str) -> str:
    """What a program prints."""
    env = {"HINTS_URL": f"{page.url}/hints/script", "HINTS_KEY": KEY, "PATH": os.environ["PATH"], **env}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, env=env, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return out.decode()


def taken(hook: Webhook) -> list[str]:
    found = []
    while (hint := hook._inbox.take()) is not None:
        found.append(hint.where.address)
    return found


@pytest.mark.needs("openssl")
@pytest.mark.needs("curl")
async def test_the_shell_line_posts_a_hint(page: Page, hook: Webhook) -> None:
    line = shown("sh")
    assert await run(page, "sh", "-c", line, ADDRESS=A) == "1 hint taken\n"
    assert await run(page, "sh", "-c", line, ADDRESS=B) == "1 hint taken\n"
    assert taken(hook) == [A, B]
    assert "not signed" in await run(page, "sh", "-c", line, ADDRESS=A, HINTS_KEY="x" * 20)


async def test_the_script_posts_hints(page: Page, hook: Webhook) -> None:
    script = shown("python")
    assert len(script.splitlines()) <= 12
    for _ in range(2):
        assert await run(page, sys.executable, "-c", script, A, B) == "2 hints taken\n"
    assert taken(hook) == [A, B]


async def test_the_configuration_is_one(tmp_path: Path) -> None:
    text = SOUND.replace("web:", "# web:") + shown("yaml")
    env = {
        "COINSTATS_API_KEY": "k",
        "HOOK": "h",
        "HINTS_KEY": KEY,
        "ALCHEMY_KEY": KEY,
        "QUICKNODE_TOKEN": KEY,
    }
    env["HELIUS_AUTH_HEADER"] = KEY * 2
    assert set(load_settings(write(tmp_path, text), env).hints) == {"script", "alchemy", "streams", "helius"}


def test_each_figure_is_that_of_the_code() -> None:
    for said in (
        f"more than {endpoint.A_SECOND:g} requests a second of one address ({endpoint.BURST:g} at once)",
        f"each {endpoint.PIECE // 1024} KiB count as one more",
        f"At most {bodies.MOST_HINTS:,} hints",
        f"the last {inbox.REMEMBERED:,} are known",
        f"more than {source.MISSED.seconds} seconds",
    ):
        assert said in re.sub(r"\s+", " ", PAPER)
    assert timedelta(seconds=signatures.WINDOW) == timedelta(minutes=5)
