"""What the settings of every kind of channel have."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from watcher.domain.alerts.quiet_hours import EVERY_DAY, QuietPeriod

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock(value: Any) -> Any:
    if not isinstance(value, str) or re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value) is None:
        raise ValueError('must be a time of day in quotes; as in "22:00"')
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{name[:60]}' is no time zone; write its IANA name, as in Europe/Zurich") from None
    return name


def _day(word: str) -> str:
    if word not in DAYS:
        raise ValueError(f"'{word[:20]}' is no day; write {', '.join(DAYS)}")
    return word


def _words(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Clock = Annotated[str, BeforeValidator(_clock), Field(examples=["22:00"])]
Days = Annotated[
    tuple[Annotated[str, AfterValidator(_day)], ...], BeforeValidator(_words), Field(min_length=1)
]


class QuietHours(BaseModel):
    """Nothing but what is critical is told in these hours; the rest when they end, as one message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    timezone: Annotated[str, AfterValidator(_zone)]
    days: Days = DAYS
    """On which a window begins."""

    @model_validator(mode="after")
    def _it_ends(self) -> QuietHours:
        if self.from_ == self.to:
            raise ValueError(f"to: {self.to} is when it begins too; nothing would ever be told")
        return self

    def build(self) -> QuietPeriod:
        days = frozenset(DAYS.index(day) for day in self.days) if self.days else EVERY_DAY
        zone = ZoneInfo(self.timezone)
        return QuietPeriod(time.fromisoformat(self.from_), time.fromisoformat(self.to), zone, days)


class WrongKeyError(ValueError):
    """A key that does not go with the URL of its channel."""

    def __init__(self, key: str, words: str) -> None:
        super().__init__(words)
        self.key = key


class ChannelSettings(BaseModel):
    """The base of every kind's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    quiet: QuietHours | None = None
    fallback: str | None = None
    """The channel that is told too what this one cannot tell."""


NO_SCHEME = "(no scheme)"


def scheme_of(url: SecretStr) -> str:
    """The part of a URL that is no secret, or a stand-in where there is none."""
    found = re.match(r"\s*([a-z][a-z0-9+.-]{0,30})://", url.get_secret_value(), re.IGNORECASE)
    return found[1].lower() if found else NO_SCHEME


def secrets_of(url: str) -> list[str]:
    """Every part of the URL that is long enough to give something away, longest first."""
    rest = url.partition("://")[2]
    bare = re.sub(r"(?<=[?&])[^=&]*=", "", rest)  # the names of parameters are no secret
    parts = {part for text in (bare, unquote(bare)) for part in re.split(r"[/:@?&=#,;+ ]", text)}
    return sorted((part for part in {url, rest, *parts} if len(part) >= 4), key=len, reverse=True)
