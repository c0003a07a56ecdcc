"""Rule base: what every rule has, an identity, a selection, and whom to tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from watcher.domain.messages.message import Severity
from watcher.domain.messages.templates import check_template
from watcher.domain.model import Account, AccountState, Asset, Change, Wallet
from watcher.domain.rules.distance import Near
from watcher.domain.rules.lookback import ChangesIn
from watcher.domain.rules.match import PATTERN, Globs, Match, folded, id_in
from watcher.domain.rules.timing import MINUTE, Escalate, Growing, Repeat, first_interval
from watcher.domain.values.chains import canonical
from watcher.domain.values.decimals import correction, number_in
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import plain
from watcher.domain.values.ranges import Range
from watcher.domain.values.verdict import Answer, Verdict

MOST_DIGITS = 100
"""Digits of a number in a rule, before the point and after it: far beyond any amount, and few enough
that arithmetic stays exact (`exact.py`) and a message stays readable."""


def parse_decimal(value: object) -> object:
    """An exact decimal from its text; a float never gets here."""
    if isinstance(value, float):
        raise InputError("put the number in quotes, so that it stays exact")
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str):
        try:
            number = number_in(value)
        except ValueError:
            better = correction(value).removeprefix("$")
            words = f"'{_shortened(value)}' is not a decimal number such as \"0.5\""
            raise InputError(words, f'write "{better}"' if better else "") from None
        if not number.is_finite():
            raise InputError(f"'{value}' is not a finite number")
        exponent = number.as_tuple().exponent
        if number.adjusted() >= MOST_DIGITS or (isinstance(exponent, int) and -exponent > MOST_DIGITS):
            raise InputError(
                f"'{_shortened(value)}' has more than {MOST_DIGITS} digits before or after the point",
                "write a number that an amount can reach",
            )
        return Decimal(plain(number))  # "5.0" and "5" are one level
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


Exact = Annotated[Decimal, BeforeValidator(parse_decimal)]

BUILT_IN = "watcher."
"""How the ids of notices begin that no rule file holds."""


def _not_built_in(name: str) -> str:
    if name.startswith(BUILT_IN):
        what = f"'{name}' is for notices that are built in"
        raise InputError(what, f"begin it otherwise than '{BUILT_IN}'")
    return name


UNFINGERPRINTED = {
    *("severity", "notify", "repeat", "summary", "description", "runbook", "blind_after"),
    *("keep_firing_for", "inhibited_by", "escalate"),
}
"""Fields that say how people are told, not what is judged: editing them keeps the alert's state."""


Unmet = Callable[[Decimal, Decimal | None], bool]
"""Amount and price of an asset → whether a rule that does not fire has nothing to say about it."""


Untold = Callable[[Change], bool]
"""A change → whether it is sure, without a closer look, that a rule does not tell it."""


def left_open(rule: type[Rule], method: Callable[..., object]) -> str:
    """Message about a method that a base leaves to its rule types, and that a type leaves out."""
    base, name = method.__qualname__.split(".")
    return f"{rule.__name__} does not answer {name}, which {base} leaves to it"


class Rule(BaseModel):
    """A condition from YAML. Frozen; its state lives in the store under id and fingerprint."""

    # Built when first used, as a configuration has few of all the types.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100), AfterValidator(_not_built_in)
    ]
    """Name of the rule, one of its own. Its alerts are kept under it, so do not change it."""
    type: str
    """Type of the rule, which decides its other keys."""
    match: Match = Match()
    """What the rule is about; left out: everything that is watched."""
    severity: Severity = Severity.WARNING
    """How bad it is, and so how loudly channels ring."""
    notify: Globs | None = None
    """Names of the channels that are told; left out: all of them."""
    inhibited_by: Globs = ()
    """Ids of rules: while one of them fires on the same wallet, nobody is told of this one."""
    blind_after: Duration | None = None
    """How long it may be without an answer on a subject before that is told; left out: three times as long as
    its accounts promise, and at least an hour."""
    summary: str | None = None
    """Title of the message in your words. A template."""
    description: str | None = None
    """More words below the title. A template."""
    runbook: str | None = None
    """What to do, or the web address of it, which becomes a link. A template."""

    @model_validator(mode="after")
    def _templates_are_sound(self) -> Rule:
        for name in ("summary", "description", "runbook"):
            text = getattr(self, name)
            if text is not None:
                check_template(name, text)
        return self

    def fingerprint(self) -> str:
        """The same for two rules that mean the same, however they are written; the alert's state is kept
        under it."""
        meaning = _meaning("", self.model_dump(mode="json", exclude=UNFINGERPRINTED))
        text = json.dumps(meaning, separators=(",", ":"), ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @model_validator(mode="after")
    def _patience_is_bearable(self) -> Rule:
        if self.blind_after is not None and self.blind_after < MINUTE:
            what = f"{format_duration(self.blind_after)} is shorter than a minute"
            raise InputError(what, place=("blind_after",))
        return self

    @property
    def priced(self) -> bool:
        """Whether it needs a price."""
        return False

    def for_notices(self, rule_id: str) -> Rule:
        """Who hears of a notice about this rule, and what holds it back."""
        return Rule.model_construct(
            id=rule_id, type="notice", notify=self.notify, inhibited_by=self.inhibited_by
        )

    def doubts(self, wallets: Sequence[Wallet]) -> list[tuple[str, str, str]]:  # noqa: ARG002
        """What is allowed and probably not meant: the key, what is odd, and the remedy."""
        return []

    def describe(self) -> str:
        """The condition in a few words."""
        raise NotImplementedError(left_open(type(self), Rule.describe))


def _meaning(key: str, value: Any) -> Any:
    """Fields of a rule without what does not matter: the order of names and conditions, twice the same."""
    if isinstance(value, dict):
        return {name: _meaning(name, inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return "" if key == "name" else value  # for people only
    inner = [_meaning("", each) for each in value]
    if key == "assets":
        inner = [folded(name) if id_in(name) else name.upper() for name in inner]
    if key == "chains":
        inner = [name if any(sign in name for sign in PATTERN) else canonical(name) for name in inner]
    return sorted({json.dumps(each): each for each in inner}.values(), key=json.dumps)


class StateRule(Rule):
    """A rule that fires and resolves."""

    repeat: Repeat | None = None
    """How often it is told again while it fires, as in `6h`; left out: never."""
    keep_firing_for: Duration = timedelta(0)
    """How long it goes on firing after the first reading that does not meet the condition. The first reading
    after that long resolves it, if none met the condition meanwhile."""
    escalate: Escalate | None = None
    """Whom else to tell if nobody acknowledges the alert."""

    @model_validator(mode="after")
    def _repeat_is_bearable(self) -> StateRule:
        if self.repeat is not None and (first := first_interval(self.repeat)) < MINUTE:
            raise InputError(f"{format_duration(first)} is shorter than a minute", place=("repeat",))
        return self

    def repeat_after(self, repeats: int) -> timedelta | None:
        """The wait before the next repeat, after so many; None: it is not repeated."""
        return self.repeat.after(repeats) if isinstance(self.repeat, Growing) else self.repeat

    def terms(self) -> tuple[timedelta, int]:
        """How long and for how many readings the condition must hold before it fires."""
        return timedelta(0), 1


class Bound(NamedTuple):
    """A rule that does not fire has nothing to say while the metric is on the other side of the level."""

    metric: Literal["amount", "value_usd"]
    below: bool
    level: Decimal


class LevelRule(StateRule):
    """A state rule that judges one asset of one account with every reading."""

    def answer(self, amount: Decimal, price: Decimal | None, *, firing: bool) -> Answer:
        """The answer without its reason: fast, for the many readings in which nothing happens."""
        raise NotImplementedError(left_open(type(self), LevelRule.answer))

    def unmet(self) -> Unmet:
        """`answer` as one quick call, for the loop over every asset of every reading."""

        def nothing(amount: Decimal, price: Decimal | None) -> bool:
            return self.answer(amount, price, firing=False) is not Answer.MET

        return nothing

    def bound(self) -> Bound | None:
        """The same as one level, where that is all there is to it."""
        return None

    def judge(self, amount: Decimal, price: Decimal | None, symbol: str, *, firing: bool) -> Verdict:
        """The same answer with its reason."""
        raise NotImplementedError(left_open(type(self), LevelRule.judge))

    def judge_unpriced(self, amount: Decimal, price: Range | None, symbol: str, *, firing: bool) -> Verdict:
        """The same where only the ends of what the price may be are known (None: not even those)."""
        raise NotImplementedError(left_open(type(self), LevelRule.judge_unpriced))

    def near(self, amount: Decimal, price: Decimal | None) -> Near:
        """How far that is from the level."""
        raise NotImplementedError(left_open(type(self), LevelRule.near))


class EventRule(Rule):
    """Judges each change of a balance; what is met is told once and never resolves."""

    def answer(self, change: Change) -> Answer:
        """The answer without its reason: fast, for the many changes that nobody is told of."""
        raise NotImplementedError(left_open(type(self), EventRule.answer))

    def untold(self) -> Untold:
        """One quick call that knows most of the changes about which the rule has nothing to say."""
        return lambda _change: False

    def judge(self, change: Change) -> Verdict:
        """The same answer with its reason."""
        raise NotImplementedError(left_open(type(self), EventRule.judge))

    def near(self, moves: Sequence[Change], over: str) -> Near:  # noqa: ARG002
        """How far the largest of these changes is from the level. `over`: which they are, as `in 7 d`."""
        return Near(None, "it happens or it does not: there is no level")


class TrailingRule(StateRule):
    """A state rule that judges one asset by its amount and by its changes over the time until now.

    It is judged with a reading, never by time alone: with one in which the amount changed, with each one
    while the subject has an alert, and with the first one from `speaks_at` on. Other readings may pass
    without a judgement, so that history need not be read.
    """

    def window(self, account: Account, asset: Asset, now: datetime) -> ChangesIn:
        """The part of history that a judgement needs. `since` is exclusive, `until` inclusive."""
        raise NotImplementedError(left_open(type(self), TrailingRule.window))

    def speaks_at(self, changes: Sequence[Change], now: datetime) -> datetime | None:
        """The first time after `now` at which it could be met although the amount stays; None: never."""
        raise NotImplementedError(left_open(type(self), TrailingRule.speaks_at))

    def judge(
        self, held: Decimal, symbol: str, changes: Sequence[Change], now: datetime, *, firing: bool
    ) -> Verdict:
        """The answer with its reason.

        `changes`: those confirmed within the window, oldest first. They begin at the last baseline in it
        (`before` is None: first sight, or a new unit), hold drift too, and end with the change that was just
        read. Times of those before are cut to milliseconds.
        """
        raise NotImplementedError(left_open(type(self), TrailingRule.judge))

    def near(self, held: Decimal, changes: Sequence[Change], now: datetime) -> Near:
        """How far that is from the level."""
        raise NotImplementedError(left_open(type(self), TrailingRule.near))


class ClockRule(StateRule):
    """A state rule about an account that time alone can meet."""

    def patience(self) -> timedelta | None:
        """How long after a reading it cannot be met; None: that depends."""
        return None

    def answer(self, state: AccountState, now: datetime, running_since: datetime) -> Answer:
        """The answer without its reason: fast, for the many times that all is well."""
        raise NotImplementedError(left_open(type(self), ClockRule.answer))

    def judge(self, state: AccountState, now: datetime, running_since: datetime) -> Verdict:
        """The same answer with its reason."""
        raise NotImplementedError(left_open(type(self), ClockRule.judge))

    def near(self, state: AccountState, now: datetime) -> Near:
        """How far that is from the level."""
        raise NotImplementedError(left_open(type(self), ClockRule.near))
