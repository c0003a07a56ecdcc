"""The deliveries: those given up first, sent again or taken out one or many at once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, delivery, keep
from tests.web.given import CONFIG, Page, fill, serving
from tests.web.test_actions import TOKEN, post, sent, told
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.records import replace

STATES = {"d1": "pending", "d2": "given_up", "d3": "sent", "d4": "withheld", "d5": "given_up"}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    config = CONFIG + '  pager: {url: "json://127.0.0.1:9/other"}\n'
    async with serving(tmp_path, token=TOKEN, config=config) as page:
        await fill(page.store)
        found = [
            replace(
                delivery(name), channel="pager" if name == "d5" else "ops", state=DeliveryState(state),
                created=NOW + timedelta(minutes=number), sent=NOW if state == "sent" else None,
            )
            for number, (name, state) in enumerate(STATES.items())
        ]  # fmt: skip
        await keep(page.store, deliveries=found)
        await page.store.settle(found)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


def states(page: Page) -> dict[str, str]:
    with page.store.queries() as reader:
        return {each.id: str(each.state) for each in reader.deliveries(None, 100)}


async def shown(page: Page, path: str) -> list[str]:
    _, text, _ = await page.get(path)
    return re.findall(r'id="delivery-(\w+)"', text)


async def test_those_given_up_come_first_then_the_newest(page: Page) -> None:
    assert await shown(page, "/outbox") == ["d5", "d2", "d4", "d3", "d1"]
    assert await shown(page, "/outbox?channel=pager") == ["d5"]
    assert await shown(page, "/outbox?state=given_up&channel=ops") == ["d2"]
    assert (await page.get("/outbox?channel=nobody"))[0] == 400
    _, text, _ = await page.get("/outbox")
    boxes = set(re.findall(r'name="id" value="(\w+)" form="acting"', text))
    assert boxes == {"d1", "d2", "d4", "d5"}  # nothing is to be done about what was sent


async def test_several_are_sent_again_and_what_was_sent_is_named(page: Page) -> None:
    status, text = await sent(page, "/outbox/retry", "/outbox", id=["d2", "d5", "d4", "d3", "gone"])
    assert status == 303
    assert "3 deliveries to be sent again; 2 not" in told(text)
    assert "is sent, nothing was done" in told(text)
    assert "there is no delivery gone" in told(text)
    assert states(page) == {**STATES, "d2": "pending", "d5": "pending", "d4": "pending"}
    with page.store.queries() as reader:
        (entry,) = reader.audit(AuditFilter(action=AuditAction.RETRY, name="Ada"), 5)
    assert (entry.actor.name, set(entry.targets)) == ("Ada", {"d2", "d4", "d5"})


async def test_several_are_dropped_and_what_was_withheld_stays(page: Page) -> None:
    _, text = await sent(
        page, "/outbox/drop", "/outbox", id=["d1", "d2", "d4"], back="/outbox?state=given_up"
    )
    assert "2 deliveries taken out; 1 not" in told(text)
    assert "nobody will be told of it" in told(text)
    assert "is withheld, nothing was done" in told(text)
    assert states(page) == {**STATES, "d1": "dropped", "d2": "dropped"}
    assert re.findall(r'id="delivery-(\w+)"', text) == ["d5"]  # where one was


async def test_a_form_of_another_site_changes_no_delivery(page: Page) -> None:
    assert (await post(page, "/outbox/drop", by="Mallory", id="d1"))[0] == 403
    assert states(page) == STATES
