"""The ways on from each message: only those that lead somewhere, the same at every attempt."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.config.given import SOUND, load
from tests.notify.given import delivery
from watcher.app.presentations import presentations
from watcher.domain.messages.ack_links import LASTS, LinkSigner
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Particulars
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace

EVM = "0x9f114da25b61b77606d47eab414b9360f8783979"
TOKEN = "a-long-enough-token"
WEB = f"web: {{url: https://watch.example.org/w/, token: {TOKEN}}}\n"


def told(kind: Kind = Kind.FIRING, **parts: object) -> Delivery:
    one = delivery(1)
    about = Particulars(source="coinstats", chain="base-wallet", address=EVM)
    message = replace(one.message, kind=kind, particulars=about, **parts)  # type: ignore[arg-type]
    return replace(one, message=message)


def ways(folder: Path, web: str, of: Delivery) -> Ways:
    return presentations(load(folder, SOUND + web))("ops").ways(of)


def test_an_alert_leads_to_its_page_its_explorer_and_a_link_that_acknowledges(tmp_path: Path) -> None:
    one = told()
    found = ways(tmp_path, WEB, one)
    assert found.page == f"https://watch.example.org/w/alerts/{one.message.id}"
    assert found.explorers == {"basescan.org": f"https://basescan.org/address/{EVM}"}
    address, _, word = found.acknowledge.partition("?t=")
    assert address == f"https://watch.example.org/w/a/{one.id}"
    assert LinkSigner(TOKEN).fault(one.id, word, one.created + LASTS - timedelta(seconds=1)) is None
    assert LinkSigner(TOKEN).fault(one.id, word, one.created + LASTS) is not None


def test_the_ways_are_the_same_at_every_attempt(tmp_path: Path) -> None:
    again = replace(told(), attempts=3, last_error="timeout")
    assert ways(tmp_path, WEB, told()) == ways(tmp_path, WEB, again)


@pytest.mark.parametrize("kind", Kind)
def test_what_somebody_can_take_care_of_has_a_link_to_say_so_and_nothing_else_has(
    tmp_path: Path, kind: Kind
) -> None:
    found = ways(tmp_path, WEB, told(kind))
    linked = (Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.EVENT, Kind.TEST)
    assert bool(found.acknowledge) == (kind in linked)
    of_no_alert = kind in (Kind.NOTICE, Kind.REPORT, Kind.TEST)
    assert found.page.endswith("/w/" if of_no_alert else f"/alerts/{told().message.id}")


NO_LINKS = (
    "", f"web: {{token: {TOKEN}}}\n", "web: null\n", "web: {url: https://a.example, ack_links: false}\n",
)  # fmt: skip


@pytest.mark.parametrize("web", NO_LINKS)
def test_nothing_is_signed_where_nothing_is_to_be(tmp_path: Path, web: str) -> None:
    found = ways(tmp_path, web, told())
    assert found.acknowledge == ""
    assert bool(found.page) == ("url" in web)


def test_a_runbook_is_a_way_on_if_it_is_nothing_but_a_web_address(tmp_path: Path) -> None:
    runbooks = ("https://wiki.example.org/gas?x=1#top", "see https://wiki.example.org", "javascript:alert(1)")
    found = [ways(tmp_path, "", told(facts=(("Runbook", each),))).runbook for each in runbooks]
    assert found == [runbooks[0], "", ""]
