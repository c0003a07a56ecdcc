"""Templates of the pages, rendered from one snapshot for all who ask within a moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import cache, partial
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from watcher.app.presentations import display_by_hand
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.presentation import UTC_AND_DOLLARS
from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import amount, counted, full, money, percent, price, signed
from watcher.domain.values.text import clean
from watcher.reports.members import leads_words
from watcher.reports.rows import AccountRow
from watcher.reports.status import behind
from watcher.web import text
from watcher.web.addresses import asset_path, path_part
from watcher.web.callers import Caller, caller_of
from watcher.web.forms import Forms
from watcher.web.navigation import navigation
from watcher.web.parameters import path_below
from watcher.web.results import TOLD, ActionResult, Results, plain
from watcher.web.snapshot import PageSnapshot, PageSnapshots
from watcher.web.times import PageTimes

KEPT, KEPT_BYTES = 64, 8 * 1024 * 1024
"""Pages that are kept of one snapshot, and bytes of all of them."""
STAYS = "private, no-cache"
"""A browser may keep a page for whoever comes back to it, with what they had typed, scrolled to and opened;
asked for anew, it is asked for here."""


class PageView(Record, frozen=True):
    """What a page is made from, and for whom."""

    snapshot: PageSnapshot
    caller: Caller
    address: str = "/"
    """Where it is, below the path of all pages and without `told`: where a form leads back to."""
    told: ActionResult | None = None
    """What came of the form that led here."""


class Templating:
    """Pages, rendered from one snapshot at a time and kept as long as it is fresh."""

    def __init__(self, snapshots: PageSnapshots, forms: Forms, *, base: str = "") -> None:
        """`base`: the path below which people reach the pages."""
        self.snapshots, self.base, self._forms = snapshots, base, forms
        self.results = Results(snapshots.clock, base)
        self.poll_of: Callable[[PageView, str], object] = lambda _view, _wallet: None
        """What stands beside the button that polls a wallet."""
        self._kept = threading.local()
        self.display = display_by_hand(snapshots.settings, snapshots.clock)
        """In whose time the pages show what they show."""
        self._html = _templates()
        self.navigation = navigation(())
        """The ways between the pages."""

    @property
    def memo(self) -> Memo:
        """What was found out for earlier pages by the thread that asks: pages and tables as files are made
        in two."""
        found: Memo | None = getattr(self._kept, "memo", None)
        return found if found is not None else self.begin_with(Memo())

    def begin_with(self, memo: Memo) -> Memo:
        """Memo from which the thread that asks goes on. No other thread uses it any more."""
        self._kept.memo = memo
        return memo

    @property
    def rules(self) -> Rules:
        """Those in force."""
        return self.snapshots.rules

    def warm(self) -> None:
        """Compile the templates, once in a process."""
        for name in self._html.list_templates():
            self._html.get_template(name)

    async def page(
        self, request: web.Request, render: Callable[[PageView], str], *, keep: bool = True
    ) -> web.Response:
        """What `render` makes of the newest snapshot, made beside the loop."""
        view = PageView(
            await self.snapshots.current(), caller_of(request),
            plain(path_below(self.base, request.path_qs)), self.results.of(request.query.get(TOLD)),
        )  # fmt: skip

        def make() -> bytes:
            return render(view).encode("utf-8", "backslashreplace")

        body = await self.made(view.snapshot, (request.path_qs, view.caller) if keep else None, make)
        headers = {"Cache-Control": STAYS}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def made(self, snapshot: PageSnapshot, name: Hashable, make: Callable[[], bytes]) -> bytes:
        """What is made from a snapshot, once for all who ask for that name; None: for this one alone."""
        making = snapshot.pages.get(name) if name is not None else None
        if making is None:
            making = asyncio.ensure_future(self.snapshots.work(make))
            making.add_done_callback(_seen)
            if name is not None and len(snapshot.pages) < KEPT:
                snapshot.pages[name] = making
                making.add_done_callback(lambda _: _lighten(snapshot.pages, name))
        return await asyncio.shield(making)  # who leaves takes it from nobody else

    def render(self, template: str, view: PageView, **values: Any) -> str:
        """A page of the store. In each template: `base` before each address, `caller` (in macros, where that
        word is taken, `person`), and `form_word(path)`, which the form that goes to `path` carries."""
        return self._html.get_template(template).render(
            snapshot=view.snapshot, now=view.snapshot.at, times=PageTimes(self.display, view.snapshot.at),
            late=behind, base=self.base, navigation=self.navigation, caller=view.caller, person=view.caller,
            form_word=partial(self._forms.word, view.caller), address=view.address, told=view.told,
            poll_of=partial(self.poll_of, view), **values,
        )  # fmt: skip

    def bare(self, template: str, **values: Any) -> str:
        """A page that shows nothing of the store."""
        return self._html.get_template(template).render(
            base=self.base,
            navigation=self.navigation,
            times=PageTimes(UTC_AND_DOLLARS, self.snapshots.clock.now()),
            **values,
        )

    @staticmethod
    def account(row: AccountRow) -> Account:
        """The account that a row of `status` is about."""
        return Account(row["source"], row["chain"], row["address"])


def _lighten(pages: dict[Hashable, asyncio.Future[bytes]], name: Hashable) -> None:
    """Do not keep a page that makes all that are kept too large."""
    whole = [each.result() for each in pages.values() if each.done() and not _failed(each)]
    if sum(map(len, whole)) > KEPT_BYTES:
        pages.pop(name, None)


def _failed(making: asyncio.Future[bytes]) -> bool:
    return making.cancelled() or making.exception() is not None


def _seen(making: asyncio.Future[bytes]) -> None:
    """Whoever waited is told of a fault; if nobody does any more, it is nobody's."""
    if not making.cancelled():
        making.exception()


def _of_times(method: Callable[..., str]) -> Callable[..., str]:
    """A filter that shows a time, or a text with times, as the page does. A template that imports another
    one does so `with context`."""

    @pass_context
    def filtered(context: Context, *values: Any, **choices: Any) -> str:
        return method(context["times"], *values, **choices)

    return filtered


@cache
def _templates() -> Environment:
    html = Environment(
        loader=PackageLoader("watcher.web"), autoescape=select_autoescape(default=True),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    html.filters.update(
        clean=_of_times(lambda times, text: times.local(clean(text))), local=_of_times(PageTimes.local),
        moment=_of_times(PageTimes.moment), when=_of_times(PageTimes.when), age=_of_times(PageTimes.age),
        counted=counted, whole=text.whole, span=span, percent=percent, part=path_part,
        closeness=text.closeness, says_more=text.says_more, unpriced=text.unpriced,
        chain=lambda chain: clean(chain_name(chain)), leads=leads_words,
        digits=lambda digits: full(Decimal(digits)), amount=lambda digits: amount(Decimal(digits)),
        money=lambda digits: money(Decimal(digits)), price=lambda digits: price(Decimal(digits)),
        moved=lambda usd: signed(money(usd), usd),
    )  # fmt: skip
    html.globals.update(asset_path=asset_path)
    return html
