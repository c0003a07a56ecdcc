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
    """Name by which rules and readings choose it."""
    source: str = "coinstats"
    """Name of its source, which rules can choose by."""
    address: str = ""
    """Address as messages show it; any text."""
    chains: Words = ()
    """Left out: ethereum, or teos for a wallet whose source is named teos."""
    tags: Words = ()
    """Tags, which rules can choose by."""

    @property
    def on(self) -> tuple[str, ...]:
        return self.chains or (NAMED if self.source == NAMED else "ethereum",)


class Series(_Model):
    """What one asset of a wallet reads, one step after the other."""

    wallet: str
    """Name of the wallet that the readings are of."""
    chain: str | None = None
    """Chain of the asset; needed where the wallet is on several."""
    asset: Annotated[str, Field(min_length=1)]
    """The symbol."""
    token: str | None = None
    """The contract, coin id or UniqueAssetId; left out, the symbol in lower case."""
    amounts: Text
    """Amounts, one a step, in units of the asset: a number, `_` for a miss, `-` for absent; as in `"1.5 0.4x3
    _ 0.9"`."""
    prices: Text | None = None
    """Prices in US dollars, one a step, written like amounts. Left out, there is no price."""
    every: Step | None = None
    """Time from one reading to the next, if not that of the test."""

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
    """Id of the rule."""
    wallet: str | None = None
    """Name of the wallet."""
    chain: str | None = None
    """Chain of the asset."""
    asset: str | None = None
    """Symbol of the asset."""
    subject: str | None = None
    """What the alert is about, as people read it: `tank: ETH on base-wallet`."""
    state: Literal["pending", "firing"] = "firing"
    """State of the alert: `pending` while `for` or `reads` are not yet met, then `firing`."""
    because: str | None = None
    """A part of the reason."""


class ExpectedMessage(_Model):
    """A message. What is not said is not compared."""

    rule: str
    """Id of the rule, or of a built-in notice, as in `watcher.blind`."""
    kind: Literal["firing", "resolved", "withdrawn", "repeat", "escalated", "event", "notice"] | None = None
    """Kind of message: the beginning of an alert, its end, a repeat and so on."""
    wallet: str | None = None
    """Name of the wallet."""
    asset: str | None = None
    """Symbol of the asset."""
    title: str | None = None
    """The whole title of the message."""
    says: Words = ()
    """Parts of the title or of a fact, as in `Moved: −1 ETH`."""
    channels: Words | None = None
    """Channels that it goes to, all of them."""
    times: Annotated[int, Field(ge=1, le=100_000)] = 1
    """How often it is told since the expectation before."""


Alerts = Annotated[tuple[ExpectedAlert, ...], BeforeValidator(_nothing)]
Messages = Annotated[tuple[ExpectedMessage, ...], BeforeValidator(_nothing)]


class Expectation(_Model):
    """What holds at a time: all alerts that live then, and all that was told since the one before."""

    at: Elapsed
    """Time since the test began, as in `15m`; its first moment is 0."""
    alerts: Alerts | None = None
    """All alerts that are pending or firing then; `nothing` if none is."""
    told: Messages | None = None
    """All messages since the expectation before; `nothing` if there is none."""

    @model_validator(mode="after")
    def _says_something(self) -> Expectation:
        if self.alerts is None and self.told is None:
            raise InputError("this expects nothing at all", "write alerts: or told:, a list or 'nothing'")
        return self


class Restart(_Model):
    """The daemon is stopped at `at` and started again at `until`; it is not polled in between."""

    at: Elapsed
    """When the daemon stops, as time since the test began."""
    until: Elapsed
    """When it starts again, as time since the test began."""


def _restart(value: Any) -> Any:
    return {"at": value, "until": value} if not isinstance(value, dict | Restart) else value


class RuleTest(_Model):
    """One story, and what must come of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the test, which says what must hold."""
    start: Moment = START
    """Time at which the test begins, with its zone. Left out: a Monday, 08:00 UTC."""
    every: Step = STEP
    """Time from one reading to the next."""
    wallets: tuple[TestWallet, ...] = ()
    """Beside those of the file."""
    readings: Annotated[tuple[Series, ...], AfterValidator(_some)]
    """What is read, one series for each asset."""
    restarts: tuple[Annotated[Restart, BeforeValidator(_restart)], ...] = ()
    """Times at which the daemon is stopped and started; a time alone means at once."""
    expect: Annotated[tuple[Expectation, ...], AfterValidator(_some)]
    """What must hold, at rising times."""

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
    """Wallets that all tests of the file may name."""
    tests: Annotated[tuple[RuleTest, ...], AfterValidator(_some)]
    """The tests."""

    @model_validator(mode="after")
    def _names_rules(self) -> TestFile:
        if (self.pack is None) == (not self.rules):
            raise InputError("name the rules that are tested: either rules: [FILE, …] or pack: NAME")
        return self


def sweeps(wallet: TestWallet) -> bool:
    """Whether the wallet asks for many chains at once."""
    return any(chain in SWEEPS for chain in wallet.on)
