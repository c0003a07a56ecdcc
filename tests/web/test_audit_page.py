"""The audit log on the page: who did what, when and from where."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.contract.given import NOW
from tests.web.given import serving
from watcher.domain.audit import Actor, AuditAction


async def test_each_entry_says_who_when_from_where_and_what(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        ada = Actor("Ada <b>", "page", NOW, "10.0.0.7")
        page.store.commands(ada).note(AuditAction.POLL, ["hot"], "40 credits")
        page.store.commands(Actor("", "SIGHUP", NOW)).note(
            AuditAction.RELOAD, ["watcher.yaml"], "added wallet x"
        )

        status, text, _ = await page.get("/audit")

    assert status == 200
    assert "2 entries" in text
    for words in ("Ada &lt;b&gt;", "10.0.0.7", "40 credits", "hot", "not known", "SIGHUP", "added wallet x"):
        assert words in text
    assert "Ada <b>" not in text


async def test_entries_are_found_by_action_time_and_word_and_given_as_csv(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        for days, name in ((0, "Ada"), (2, "Bob")):
            who = Actor(name, "page", NOW - timedelta(days=days))
            page.store.commands(who).note(AuditAction.POLL, ["hot"], f"by {name}")
        found = {
            query: (await page.get(f"/audit?{query}"))[1]
            for query in ("q=bob", "since=24h", "action=poll", "action=test")
        }
        _, sheet, headers = await page.get("/audit.csv?q=bob")
        refused, _, _ = await page.get("/audit?action=nonsense")

    shown = {
        query: [name for name in ("Ada", "Bob") if f"by {name}" in text] for query, text in found.items()
    }
    assert shown == {"q=bob": ["Bob"], "since=24h": ["Ada"], "action=poll": ["Ada", "Bob"], "action=test": []}
    assert "No entry is like that" in found["action=test"]
    assert headers["Content-Type"].startswith("text/csv")
    assert sheet.splitlines()[0] == "id,at,who,via,address,action,targets,detail"
    assert ("Bob" in sheet, "Ada" in sheet) == (True, False)
    assert refused == 400
