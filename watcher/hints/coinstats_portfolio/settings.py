"""Settings of looks at the portfolios of a CoinStats account, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.model import Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.normalization import address_key
from watcher.domain.values.text import clean
from watcher.hints.coinstats_portfolio.source import NOT_TRIED, PER_PAGE, PER_SYNC_OF_ALL, PortfolioSource
from watcher.hints.kind import AskingHintKind, HintContext
from watcher.ports.hints import Where

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup

LARGE_SHARE = 0.25
"""Of the credits, from which on looks are warned of."""


def _an_interval(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(days=1):
        raise InputError("must be 1m to 1d")
    return value


class PortfolioHints(AskingHintKind):
    """Settings of looks at the portfolios of a CoinStats account."""

    source_kind: ClassVar[str] = "coinstats"

    kind: Literal["coinstats-portfolio"]
    every: Annotated[Duration, AfterValidator(_an_interval)]
    """Time between two looks, from 1m to 1d; each costs credits."""
    sync: Literal["all", "none"] = "all"
    """Whether portfolios are brought up to date before each look. Without, a look shows what CoinStats knows
    by itself; how old that is, no document says."""
    settle: Duration = timedelta(minutes=1)
    """How long a sync is given before the look."""
    portfolios: dict[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")], str] = Field(
        default_factory=dict
    )
    """Portfolio id → its wallet: an address, or a chain, a colon and an address."""

    @model_validator(mode="after")
    def _a_sync_ends_before_the_next(self) -> PortfolioHints:
        if not timedelta(0) <= self.settle < self.every:
            raise InputError("settle must be less than every", "leave it out", ("settle",))
        return self

    @cached_property
    def _places(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """Chain, empty for any, and key of an address → its portfolios."""
        found: dict[tuple[str, str], list[str]] = {}
        for portfolio, wallet in self.portfolios.items():
            chain, _, address = wallet.partition(":")
            for place in (("", address_key(wallet)), (canonical(chain), address_key(address))):
                found.setdefault(place, []).append(portfolio)
        return found

    def _of(self, account: Account) -> Sequence[str]:
        """The portfolios that an account is in, as far as they are named."""
        key = address_key(account.address)
        return [*self._places.get(("", key), ()), *self._places.get((canonical(account.chain), key), ())]

    def covers(self, account: Account) -> bool:
        return super().covers(account) and (not self.portfolios or bool(self._of(account)))

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:
        yield Advice(f"what it costs {NOT_TRIED}", "compare its first days with CoinStats' own count")
        if asked.credits is not None:
            yield from self._dear(asked.credits)
        known = {portfolio for account in accounts for portfolio in self._of(account)}
        for portfolio, wallet in self.portfolios.items():
            if portfolio not in known:
                yield Advice(f"no wallet of {self.source} is {clean(wallet)}", "check its address")

    def _dear(self, plan: CreditPlan) -> Iterator[Advice]:
        synced = self.sync == "all"
        looks = timedelta(days=1 if plan.period == "day" else 30) / self.every
        taken = looks * (PER_PAGE + PER_SYNC_OF_ALL * synced)
        if taken > LARGE_SHARE * plan.limit:
            often = f"a look every {format_duration(self.every)} takes {taken:,.0f} credits a {plan.period}"
            remedy = "look less often" + (", or without a sync (sync: none)" if synced else "")
            yield Advice(f"{often}, {taken / plan.limit:.0%} of the plan", remedy)

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.setup import HintDraft, about_source

        meaning = f"looks of CoinStats at all wallets, every 2h for {PER_PAGE} credits (never tried live)"
        draft = HintDraft("portfolio", {"every": "2h", "sync": "none"})
        return about_source(cls.source_kind, accounts, meaning, draft)

    def build(self, context: HintContext) -> PortfolioSource:
        if context.api is None:
            raise InputError(f"there is no access to {self.source}", "", ("source",))
        wallets: dict[str, dict[Where, None]] = {portfolio: {} for portfolio in self.portfolios}
        for account in context.accounts:
            for portfolio in self._of(account):
                wallets[portfolio][Where(canonical(account.chain), address_key(account.address))] = None
        watched = {portfolio: tuple(wheres) for portfolio, wheres in wallets.items()}
        settle = self.settle.total_seconds() if self.sync == "all" else None
        return PortfolioSource(context.name, context.api, context.clock, self.every, settle, watched)
