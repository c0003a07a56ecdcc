"""Rule test files as they are written: wallets, readings, and what must come of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from watcher.analysis.ruletest.series import SeriesItem, parse_series
from watcher.domain.model import SWEEPS
from watcher.domain.values.durations import format_duration, parse_moment
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Words

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""A Monday morning: where a test begins that does not say."""

STEP = timedelta(minutes=5)


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _nothing_yet(value: object) -> object:
    return timedelta(0) if value == 0 and not isinstance(value, bool) else value


def _moment(value: object) -> object:
    return parse_moment(value) if isinstance(value, str) else value


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise InputError("is empty", "write at least one, or leave the test out")
    return values


def _nothing(value: object) -> object:
    return () if value == "nothing" else value


Text = Annotated[str, BeforeValidator(_text)]
Elapsed = Annotated[Duration, BeforeValidator(_nothing_yet)]
"""Time since the test began; its first moment is 0."""
Moment = Annotated[datetime, BeforeValidator(_moment)]


def _step(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise InputError(f"{format_duration(value)} is too short", "the shortest step is 1s")
    return value


Step = Annotated[Duration, AfterValidator(_step)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


NAMED = "teos"
"""The chain, and the name of a source, of which a test tells only the assets that it names."""


class TestWallet(_Model):
    """A wallet that the readings are about; rules choose it by name, tag, source and chain."""

    __test__ = False  # not for pytest

    name: Annotated[str, Field(min_length=1, max_length=100)]
    source: str = "coinstats"
    address: str = ""
    chains: Words = ()
    """Left out: ethereum, or teos for a wallet whose source is named teos."""
    tags: Words = ()

    @property
    def on(self) -> tuple[str, ...]:
        return self.chains or (NAMED if self.source == NAMED else "ethereum",)


class Series(_Model):
    """What one asset of a wallet reads, one step after the other."""

    wallet: str
    chain: str | None = None
    asset: Annotated[str, Field(min_length=1)]
    """The symbol."""
    token: str | None = None
    """The contract, coin id or UniqueAssetId; left out, the symbol in lower case."""
    amounts: Text
    prices: Text | None = None
    every: Step | None = None

    def items(self, step: timedelta) -> tuple[SeriesItem, ...]:
        return parse_series(self.amounts, self.every or step)

    def quoted(self, step: timedelta) -> tuple[SeriesItem, ...]:
        return parse_series(self.prices, self.every or step) if self.prices is not None else ()

    @model_validator(mode="after")
    def _can_be_read(self) -> Series:
        for name, read in (("amounts", self.items), ("prices", self.quoted)):
            try:
                read(STEP)
            except InputError as error:
                raise InputError(error.what, error.remedy, (name,)) from None
        return self


class ExpectedAlert(_Model):
    """A pending or firing alert. What is not said is not compared."""

    rule: str
    wallet: str | None = None
    chain: str | None = None
    asset: str | None = None
    subject: str | None = None
    """What the alert is about, as people read it: `tank: ETH on base-wallet`."""
    state: Literal["pending", "firing"] = "firing"
    because: str | None = None
    """A part of the reason."""


class ExpectedMessage(_Model):
    """A message. What is not said is not compared."""

    rule: str
    kind: Literal["firing", "resolved", "withdrawn", "repeat", "escalated", "event", "notice"] | None = None
    wallet: str | None = None
    asset: str | None = None
    title: str | None = None
    says: Words = ()
    """Parts of the title or of a fact, as in `Moved: −1 ETH`."""
    channels: Words | None = None
    times: Annotated[int, Field(ge=1, le=100_000)] = 1


Alerts = Annotated[tuple[ExpectedAlert, ...], BeforeValidator(_nothing)]
Messages = Annotated[tuple[ExpectedMessage, ...], BeforeValidator(_nothing)]


class Expectation(_Model):
    """What holds at a time: all alerts that live then, and all that was told since the one before."""

    at: Elapsed
    alerts: Alerts | None = None
    told: Messages | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Expectation:
        if self.alerts is None and self.told is None:
            raise InputError("this expects nothing at all", "write alerts: or told:, a list or 'nothing'")
        return self


class Restart(_Model):
    """The daemon is stopped at `at` and started again at `until`; it is not polled in between."""

    at: Elapsed
    until: Elapsed


def _restart(value: Any) -> Any:
    return {"at": value, "until": value} if not isinstance(value, dict | Restart) else value


class RuleTest(_Model):
    """One story, and what must come of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    start: Moment = START
    every: Step = STEP
    wallets: tuple[TestWallet, ...] = ()
    """Beside those of the file."""
    readings: Annotated[tuple[Series, ...], AfterValidator(_some)]
    restarts: tuple[Annotated[Restart, BeforeValidator(_restart)], ...] = ()
    expect: Annotated[tuple[Expectation, ...], AfterValidator(_some)]

    @model_validator(mode="after")
    def _time_goes_on(self) -> RuleTest:
        for number, (earlier, later) in enumerate(pairwise(self.expect), 1):
            if later.at <= earlier.at:
                place = ("expect", number)
                raise InputError("the times must rise", "put the expectations into order", place)
        reached = timedelta(0)
        for number, each in enumerate(self.restarts):
            if not reached <= each.at <= each.until:
                raise InputError("the times must rise", "put them into order", ("restarts", number))
            reached = each.until
        return self


class TestFile(_Model):
    """One file of rule tests."""

    __test__ = False

    pack: str | None = None
    """A pack that ships with watcher, instead of `rules`."""
    rules: Words = ()
    """Rule files, as seen from this file; globs are welcome."""
    channels: Words = ()
    """Left out: those that the rules name, or `everyone`."""
    wallets: tuple[TestWallet, ...] = ()
    tests: Annotated[tuple[RuleTest, ...], AfterValidator(_some)]

    @model_validator(mode="after")
    def _names_rules(self) -> TestFile:
        if (self.pack is None) == (not self.rules):
            raise InputError("name the rules that are tested: either rules: [FILE, …] or pack: NAME")
        return self


def sweeps(wallet: TestWallet) -> bool:
    """Whether the wallet asks for many chains at once."""
    return any(chain in SWEEPS for chain in wallet.on)
