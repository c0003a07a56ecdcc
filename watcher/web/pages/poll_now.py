"""Poll now: a wallet is read at once, if somebody wants that, and its cost is said before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from aiohttp import web

from watcher.commands.polls import note_poll
from watcher.domain.model import Account
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.normalization import one_form
from watcher.ports.on_demand import OnDemandPolls
from watcher.web.forms import Forms, actor_of
from watcher.web.results import ActionResult
from watcher.web.templating import PageView, Templating

PATH = "/poll"


class PollProgress(TypedDict):
    """What became of an account that somebody wanted read."""

    chain: str
    at: datetime
    words: str


class PollOffer(TypedDict):
    """What a poll of a wallet costs, in words, and what became of the last that was wanted."""

    possible: bool
    costs: Sequence[str]
    progress: Sequence[PollProgress]


class PollNow:
    """The button on a wallet's page. Without a daemon nobody could take what is wanted."""

    def __init__(self, templating: Templating, forms: Forms, polls: OnDemandPolls | None) -> None:
        self._templating, self._snapshots, self._forms = templating, templating.snapshots, forms
        self._polls = polls
        templating.poll_of = self.offer

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.poll)] if self._forms.possible and self._polls is not None else []

    async def poll(self, request: web.Request) -> web.Response:
        """Every account of one wallet, as soon as may be."""
        form = await self._forms.read(request)
        name, actor = (
            one_form(str(form.get("wallet", ""))),
            actor_of(request, form, self._snapshots.clock.now()),
        )
        accounts, store = self._accounts(name), self._snapshots.store
        if not accounts or self._polls is None:
            raise web.HTTPNotFound(text=f"there is no wallet '{name[:60]}'")
        refused = await self._polls.demand(accounts)
        await self._snapshots.work(lambda: note_poll(store, actor, [name], accounts, refused))
        self._snapshots.forget()
        asked = [each for each in accounts if each.source not in refused]
        words = f"Asked for {counted(len(asked), 'account')} of {name}; what is read shows here when it comes"
        lines = [f"{source}: {why}" for source, why in refused.items()]
        result = ActionResult(words if asked else f"Nothing is asked for of {name}", lines, well=not refused)
        return self._templating.results.back(form, result, "/wallets")

    def offer(self, view: PageView, wallet: str) -> PollOffer:
        """What stands beside the button."""
        accounts = self._accounts(wallet)
        if self._polls is None or not accounts:
            return {"possible": False, "costs": (), "progress": ()}
        costs = [
            self._cost(view, source, cost, accounts) for source, cost in self._polls.cost(accounts).items()
        ]
        found = [self._progress(view, each) for each in accounts]
        return {"possible": True, "costs": costs, "progress": [each for each in found if each is not None]}

    def _accounts(self, wallet: str) -> list[Account]:
        return [account for account, each in self._snapshots.wallets.items() if each.name == wallet]

    @staticmethod
    def _cost(view: PageView, source: str, cost: int, accounts: Sequence[Account]) -> str:
        credits_left = view.snapshot.status["credits"].get(source)
        if credits_left is None:
            count = sum(each.source == source for each in accounts)
            return f"{counted(count, 'call')} of {source}, free of charge"
        until = moment(credits_left["period_end"])
        left = f"{credits_left['remaining']:,} are left until {until}"
        return f"at most {counted(cost, 'credit')} of {source}; {left}"

    def _progress(self, view: PageView, account: Account) -> PollProgress | None:
        found = self._polls.demanded(account) if self._polls is not None else None
        if found is None:
            return None
        state = view.snapshot.past.accounts.get(account)
        if state is not None and state.last_reading is not None and state.last_reading >= found.at:
            words = "it was read"
        elif state is not None and state.last_attempt is not None and state.last_attempt >= found.at:
            words = f"it could not be read: {state.miss}" if state.miss else "it could not be read"
        elif found.waits:
            words = f"it waits its turn: {found.because}" if found.because else "it waits its turn"
        else:
            words = f"it was not asked for: {found.because}"
        return {"chain": account.chain, "at": found.at, "words": words}
