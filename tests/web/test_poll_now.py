"""A wallet is read now if somebody wants that: the cost is said before, and the budget decides."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from tests.contract.given import HOT
from tests.domain.given import ETH, reading
from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_poller
from tests.web.given import Page, fill, serving
from tests.web.test_actions import TOKEN, post, sent, told
from watcher.app.on_demand import QueuedPolls
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.credits.allowance import Allowance, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Miss, MissReason, Outcome, Wallet
from watcher.ports.store import Store
from watcher.service.polling import Poller

WHERE = "/wallets/hot"


class Daemon:
    """The poller of a daemon, which works when it is told to."""

    def __init__(self, credits_left: int = 100) -> None:
        self.answer: Outcome = reading(HOT, {ETH: "1"})
        plan = CreditPlan(credits_left, reserve=Decimal(0))
        self.source = FakeSource("coinstats", Allowance(plan), answers=self._answer)
        self.poller: Poller | None = None

    def _answer(self, _account: Account) -> Outcome:
        return self.answer

    def start(self, store: Store, clock: FakeClock) -> QueuedPolls:
        rules = Rules([], {HOT: Wallet("hot", "coinstats", HOT.address)}, ())
        self.poller = make_poller(self.source, store, rules, clock)
        return QueuedPolls({"coinstats": self.poller}, store, clock)

    async def work(self) -> Purpose:
        """One batch of the queue."""
        assert self.poller is not None
        batch = await self.poller.queue.take(10)
        await self.poller.poll(batch)
        self.poller.queue.done(batch)
        return batch.purpose


@asynccontextmanager
async def visiting(folder: Path, daemon: Daemon) -> AsyncIterator[Page]:
    async with serving(folder, token=TOKEN, polls=daemon.start) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        await page.later()
        yield page


async def polled(page: Page) -> str:
    await page.later()
    found = re.search(r'<ul id="polled".*?</ul>', (await page.get(WHERE))[1], re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


async def test_the_cost_is_said_then_it_is_asked_for_and_the_reading_shows(tmp_path: Path) -> None:
    daemon = Daemon()
    async with visiting(tmp_path, daemon) as page:
        _, text, _ = await page.get(WHERE)
        assert re.search(r"Read now: at most 40 credits of coinstats; 20,000 are left until \S+", text)
        assert await polled(page) == ""
        status, text = await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        assert status == 303
        assert "Asked for 1 account of hot" in told(text)
        assert "it waits its turn" in await polled(page)
        assert daemon.source.sent == []
        assert await daemon.work() is Purpose.BY_HAND
        assert "it was read" in await polled(page)
        with page.store.queries() as reader:
            (entry,) = reader.audit(AuditFilter(action=AuditAction.POLL, name="Ada"), 5)
        assert (entry.actor.name, entry.actor.via, entry.targets) == ("Ada", "page", ("hot",))


async def test_a_reading_that_fails_is_told_too(tmp_path: Path) -> None:
    daemon = Daemon()
    daemon.answer = Miss(HOT, MissReason.SERVER_ERROR, "HTTP 500")
    async with visiting(tmp_path, daemon) as page:
        await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        await daemon.work()
        assert "it could not be read: server error" in await polled(page)


async def test_what_the_budget_has_no_room_for_is_refused_in_words(tmp_path: Path) -> None:
    daemon = Daemon(credits_left=30)
    async with visiting(tmp_path, daemon) as page:
        _, text = await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        assert "Nothing is asked for of hot" in told(text)
        assert "0 of 30 credits of this month are spent; a request of 40 does not fit" in told(text)
        assert daemon.poller is not None
        assert len(daemon.poller.queue) == 0
        with page.store.queries() as reader:
            (entry,) = reader.audit(AuditFilter(action=AuditAction.POLL, name="Ada"), 5)
        assert "does not fit" in entry.detail


async def test_a_member_that_may_do_nothing_asks_for_nothing_and_says_why(tmp_path: Path) -> None:
    daemon = Daemon()
    async with visiting(tmp_path, daemon) as page:
        page.store.members.trouble = "one plans by other rules"  # type: ignore[misc]
        _, text = await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        assert "Nothing is asked for of hot" in told(text)
        assert "one plans by other rules" in told(text)
        assert daemon.poller is not None
        assert len(daemon.poller.queue) == 0


async def test_what_the_budget_refuses_later_is_told_as_not_asked_for(tmp_path: Path) -> None:
    daemon = Daemon(credits_left=40)
    async with visiting(tmp_path, daemon) as page:
        await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        daemon.source.allowance = Allowance(CreditPlan(30, reserve=Decimal(0)))
        await daemon.work()
        assert "it was not asked for: the budget has no room for it now" in await polled(page)
        assert daemon.source.sent == []


async def test_it_is_forgotten_that_somebody_asked(tmp_path: Path) -> None:
    daemon = Daemon()
    async with visiting(tmp_path, daemon) as page:
        await sent(page, "/poll", WHERE, wallet="hot", back=WHERE)
        await page.clock.advance(601)
        assert await polled(page) == ""


async def test_a_page_without_a_daemon_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        _, text, _ = await page.get(WHERE)
        assert "served without the daemon" in text
        assert "watcher poll --wallet hot" in text
        assert (await post(page, "/poll", wallet="hot", by="Ada"))[0] == 404


async def test_an_unknown_wallet_and_a_form_of_another_site_are_refused(tmp_path: Path) -> None:
    daemon = Daemon()
    async with visiting(tmp_path, daemon) as page:
        status, text = await sent(page, "/poll", WHERE, wallet="cold<b>")
        assert (status, "there is no wallet" in text) == (404, True)
        assert (await post(page, "/poll", wallet="hot", by="Mallory"))[0] == 403
        assert daemon.poller is not None
        assert len(daemon.poller.queue) == 0
