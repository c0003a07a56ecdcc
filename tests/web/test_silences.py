"""The silences: those in force first, what each holds, a new one whose effect is said before, and an end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, alert, keep
from tests.web.given import Page, fill, serving
from tests.web.test_actions import TOKEN, post, sent, told, word
from watcher.commands.alerts import add_silence
from watcher.domain.audit import Actor, AuditAction, AuditFilter
from watcher.domain.records import replace


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        await keep(page.store, alerts=(replace(alert("a2", subject="s2"), wallet="other"),))
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


def silence(page: Page, name: str, minutes: int = 60, comment: str = "", **globs: tuple[str, ...]) -> str:
    actor = Actor(name, "command line", NOW)
    return add_silence(page.store, actor, timedelta(minutes=minutes), comment, **globs).id


async def text_of(page: Page, path: str) -> str:
    status, text, _ = await page.get(path)
    assert status == 200, text
    return re.sub(r"<[^>]+>|\s+", " ", text)


async def test_those_in_force_come_first_with_author_end_and_what_they_hold(page: Page) -> None:
    silence(page, "Ada", comment="we <know>", rules=("gas-*",), wallets=("hot",))
    silence(page, "Bob", minutes=1, severities=("critical",))  # over since four minutes
    text = " ".join((await text_of(page, "/silences")).split())
    standing, over = text.index("rule gas-*, wallet hot"), text.index("severity critical")
    assert text.index("In force") < standing < text.index(" Over ") < over
    assert "we &lt;know&gt;" in text
    assert re.search(
        r"rule gas-\*, wallet hot\s+in 55 min \S+\s+Ada\s+5 min ago\s+we &lt;know&gt;\s+1\s", text
    )


async def test_what_a_new_one_would_hold_is_said_before(page: Page) -> None:
    text = await text_of(page, "/silences?rule=gas-*")
    assert "It would hold 2 live alerts now" in text
    assert "It would hold 1 live alert now" in await text_of(page, "/silences?rule=gas-*&wallet=hot")
    assert "It would hold 0 live alerts now" in await text_of(page, "/silences?severity=critical")
    text = await text_of(page, "/silences?wallet=hto")
    assert "there is no wallet 'hto'" in text.replace("&#39;", "'")
    assert "hot" in text
    assert "It would hold" not in text


async def test_a_new_one_is_made_by_its_matchers(page: Page) -> None:
    where = "/silences?rule=gas-*&wallet=hot,%20sp*&severity=warning"
    status, text = await sent(
        page, "/silences", where, rule="gas-*", wallet="hot, sp*", severity="warning", tag="",
        lasting="90m", comment="known", back="/silences", **{"for": "2h"},
    )  # fmt: skip
    assert status == 303
    assert "Silenced until" in told(text)
    with page.store.queries() as reader:
        (made,) = reader.silences()
    assert (made.rules, made.wallets, made.severities, made.tags) == (
        ("gas-*",), ("hot", "sp*"), ("warning",), (),
    )  # fmt: skip
    assert (made.author, made.comment, made.until - made.created) == ("Ada", "known", timedelta(minutes=90))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rule": "nothing-like-it", "for": "2h"}, "there is no rule"),
        ({"rule": "", "for": "2h"}, "say what to silence"),
        ({"rule": "gas-*", "for": "2h", "lasting": "soon"}, "for:"),
    ],
)
async def test_a_mistake_is_told_beside_what_was_written_and_changes_nothing(
    page: Page, form: dict[str, str], said: str
) -> None:
    token = await word(page, "/silences", "/silences?rule=*")
    status, text = await post(page, "/silences", form_token=token, by="Ada", **form)
    assert status == 400
    assert said in text
    assert f'name="rule" maxlength="500" value="{form["rule"]}"' in text
    with page.store.queries() as reader:
        assert reader.silences() == []


async def test_one_is_ended_and_one_that_is_over_is_named(page: Page) -> None:
    mine, other = silence(page, "Ada", rules=("gas-*",)), silence(page, "Bob", tags=("treasury",))
    status, text = await sent(page, "/silences/end", "/silences", id=[mine, "gone"], back="/silences")
    assert status == 303
    assert "1 silence ended" in told(text)
    assert "silence gone is not there, or over already" in told(text)
    with page.store.queries() as reader:
        assert [each.id for each in reader.silences() if page.clock.now() < each.until] == [other]
        (entry,) = reader.audit(AuditFilter(action=AuditAction.END_SILENCE, name="Ada"), 5)
    assert (entry.actor.name, entry.actor.via, entry.targets) == ("Ada", "page", (mine,))


async def test_a_form_that_is_sent_twice_makes_one_silence(page: Page) -> None:
    """A press on a slow way is soon two; whoever ended one of two would think it over."""
    forms = {
        "/silences": ({"rule": "gas-*"}, "/silences?rule=gas-*"),
        "/alerts/silence": ({"id": "a1"}, "/alerts/a1"),
    }  # fmt: skip
    for path, (form, where) in forms.items():
        kept = []
        for _ in range(2):
            assert (await sent(page, path, where, **{"for": "2h"}, **form))[0] == 303
            await page.clock.advance(0.3)
            with page.store.queries() as reader:
                kept.append([each.id for each in reader.silences()])
        assert kept[0] == kept[1]
    await page.clock.advance(60)
    await sent(page, "/silences", "/silences?rule=gas-*", rule="gas-*", **{"for": "2h"})
    with page.store.queries() as reader:
        assert len(reader.silences()) == 3, "a minute later it is meant"


async def test_who_may_only_look_sees_them_and_no_form(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        silence(page, "Ada", rules=("gas-*",))
        status, text, _ = await page.get("/silences")
        assert (status, "rule gas-*" in text, 'method="post"' in text) == (200, True, False)
        assert (await post(page, "/silences", rule="*", by="Ada"))[0] == 405


async def test_all_of_them_can_be_had_as_csv(page: Page) -> None:
    silence(page, "Ada", comment="=1+1", rules=("gas-*",))
    status, text, _ = await page.get("/silences.csv")
    assert status == 200
    assert text.splitlines()[0].startswith("id,author,comment,created,until,in_force,rules")
    assert ",'=1+1," in text
