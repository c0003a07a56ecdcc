"""Settings of looks at TEOS: how often, and at what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Duration
from watcher.hints.kind import AskingHintKind, HintContext
from watcher.hints.teos_poll.operations import OperationLooks, chunks_of
from watcher.hints.teos_poll.source import TeosLooks
from watcher.hints.teos_poll.transactions import TransactionLooks

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup

_DAY = 86_400
_SHARE = 3
"""Part of a day's calls, one in so many, that looks may take before `check` warns."""


def _some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise InputError("must be a second or longer")
    return value


class TeosPollHints(AskingHintKind):
    """Looks at one TEOS source, for its accounts. They need its key, and nothing else."""

    source_kind: ClassVar[str] = "teos"

    kind: Literal["teos-poll"]
    every: Annotated[Duration, AfterValidator(_some_time)] = timedelta(seconds=15)
    """Time between two looks; a second at least."""
    by: Literal["operations", "transactions"] = "operations"
    """`operations`: transfers from and to each address, some hundred addresses a call. `transactions`: what
    the tenant itself did, in one call for all addresses; what others send is not found."""
    api_version: Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$")] = "1.1"
    """Version of the TEOS API that is asked, in quotes."""
    max_url_bytes: Annotated[int, Field(ge=500, le=60_000)] = 6000
    """Longest address of a request, in bytes: it decides how many wallets fit into one."""

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:
        calls = self._calls([account.address for account in accounts])
        for window in asked.windows:
            looks = max(window.seconds / self.every.total_seconds(), 1)
            if calls * looks * _SHARE > window.calls:
                spared = format_duration(
                    timedelta(seconds=-(-calls * _SHARE * window.seconds // window.calls))
                )
                what = f"looks alone take {calls * looks:.0f} of the {window.calls} calls of"
                more = " (or 'by: transactions': one call a look)" if calls > 1 else ""
                period = (
                    "a day" if window.seconds == _DAY else format_duration(timedelta(seconds=window.seconds))
                )
                yield Advice(f"{what} {period}", f"look more rarely, every {spared} say{more}")
                return

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.setup import HintDraft, about_source

        meaning = "looks at TEOS every 15 seconds, with the key that is there; they cost calls, no credits"
        return about_source(cls.source_kind, accounts, meaning, HintDraft("teos-looks"))

    def build(self, context: HintContext) -> TeosLooks:
        assert context.api is not None  # noqa: S101 (it names a source)
        addresses = list(dict.fromkeys(account.address for account in context.accounts))
        looks = (
            OperationLooks(context.api, self.api_version, addresses, self.max_url_bytes)
            if self.by == "operations"
            else TransactionLooks(context.api, self.api_version, addresses, context.clock)
        )
        return TeosLooks(context.name, looks, self.every, context.clock)

    def _calls(self, addresses: Sequence[str]) -> int:
        """Calls of one look at which nothing new is seen."""
        return len(chunks_of(addresses, self.max_url_bytes)) if self.by == "operations" else 1
