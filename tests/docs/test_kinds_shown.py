"""Each kind of channel, hint source and store has its page; and the URLs that a page shows are taken."""

from __future__ import annotations

import re

import pytest

from tests.docs.shown import DOCS
from watcher.hints import KINDS as HINTS
from watcher.notify import KINDS as CHANNELS
from watcher.notify.apprise import plugins
from watcher.notify.apprise.settings import AppriseSettings
from watcher.store import KINDS as STORES

PARTS = {
    "ID/TOKEN": "4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "TOKEN_A/TOKEN_B/TOKEN_C": "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "BOT_TOKEN/CHAT_ID": "123456789:abcdefg_hijklmnopqrstuvwxyz12345678/-1001234567890",
    "USER_KEY@APP_TOKEN": f"{'u' * 30}@{'t' * 30}",
    "FROM_NUMBER/TO_NUMBER": "15555550100/15555550101",
    "ACCOUNT_SID:AUTH_TOKEN": f"AC{'0' * 32}:{'1' * 32}",
    "SENDER": "watcher@example.org",
    "RECIPIENT": "ops@example.org",
    "HOST/TOKEN": f"host.example/{'A' * 15}",
    "SMTP_HOST": "smtp.example.org",
}
"""What stands for a part of a URL, where a service looks at its form."""

URLS = re.findall(r"(?m)`([a-z]+://[^`]+)`", (DOCS / "channels" / "apprise.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("url", [each for each in URLS if each != "telegram://"])
def test_a_url_that_the_page_shows_is_taken(url: str) -> None:
    for name, part in PARTS.items():
        url = url.replace(name, part)
    plugins.load_all()
    assert AppriseSettings.model_validate({"url": url}).url


@pytest.mark.parametrize(
    "page",
    [
        *(f"channels/{kind}" for kind in CHANNELS if kind != "console"),
        *(f"hints/{kind}" for kind in HINTS),
        *(f"stores/{kind}" for kind in STORES),
    ],
)
def test_each_kind_has_a_page_that_is_found(page: str) -> None:
    folder, _, name = page.partition("/")
    assert (DOCS / f"{page}.md").is_file()
    index = DOCS / folder / "index.md"
    assert not index.exists() or f"({name}.md)" in index.read_text(encoding="utf-8")
