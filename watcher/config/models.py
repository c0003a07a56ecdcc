"""The parts of `watcher.yaml` that belong to no integration, as they are written."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)

from watcher.domain.values.cron import check_cron
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Words, Zone, words_of
from watcher.domain.values.normalization import one_form
from watcher.system.addresses import Proxy, check_tunnel, is_web_address

SHORTEST = timedelta(seconds=1)

Role = Literal["plan", "ask", "tell", "page"]
ROLES: tuple[Role, ...] = get_args(Role)
LONGEST_MEMBER = 50
"""Characters of a member's name: PostgreSQL shows it with what is connected, of which it keeps 63 bytes."""
_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

LogLevel = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: tuple[str, ...] = get_args(LogLevel)


def _no_cron_line(value: object) -> object:
    if isinstance(value, str) and len(value.split()) == 5:
        raise InputError(
            f"'{value[:40]}' is no duration", f'a cron line goes into a mapping: {{cron: "{value[:40]}"}}'
        )
    return value


def _not_too_often(value: timedelta) -> timedelta:
    if value < SHORTEST:
        raise InputError(f"{format_duration(value)} is too short", "the shortest cadence is 1s")
    return value


@lru_cache(maxsize=1024)
def _distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    for number, word in enumerate(words):
        if not word.strip():
            raise InputError("has an empty word", "leave it out", (number,))
        if words.index(word) < number:
            raise InputError(f"names '{word}' twice", "remove one", (number,))
    return tuple(map(one_form, words))


def _visible(text: str) -> str:
    if not text.strip() or not text.isprintable() or text != text.strip():
        raise InputError("must be visible text without spaces around it")
    return text


_JOINERS = frozenset(
    "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
)
"""Invisible by themselves, and needed: by scripts, by emoji, by numbers."""


def _readable(text: str) -> str:
    """Text of a person for people: lines without what hides or turns what stands beside it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    hidden = next((char for char in text if not (char.isprintable() or char == "\n" or char in _JOINERS)), "")
    if hidden:
        raise InputError(f"has a character that cannot be seen (U+{ord(hidden):04X})", "type it anew")
    return one_form(text)


def _one_line(text: str) -> str:
    if "\n" in text:
        raise InputError("has more than one line", "longer words go into note")
    return text


def _every_kind(value: Any) -> str:
    # The tags are no keys, so that the way to a mistake is found in the file.
    if isinstance(value, dict | Cron):
        return "<cron>"
    return "<auto>" if value == "auto" else "<duration>"


DistinctWords = Annotated[Words, AfterValidator(_distinct)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_visible), AfterValidator(one_form)]
Label = Annotated[str, Field(max_length=100), AfterValidator(_readable), AfterValidator(_one_line)]
Note = Annotated[str, Field(max_length=500), AfterValidator(_readable)]
Interval = Annotated[Duration, BeforeValidator(_no_cron_line), AfterValidator(_not_too_often)]


class Written(BaseModel):
    """A part of the file: unknown keys are mistakes, and what was given is shown in none."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class Cron(Written):
    """At the minutes of a calendar, in a time zone."""

    cron: Annotated[str, AfterValidator(check_cron)]
    """Five fields (minute hour day month weekday), as in `*/10 9-17 * * mon-fri`."""
    timezone: Zone = "UTC"
    """IANA name of the zone in which the line is read, as in `Europe/Zurich`."""


Every = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")]
    | Annotated[Interval, Tag("<duration>")]
    | Annotated[Cron, Tag("<cron>")],
    Discriminator(_every_kind),
]


class WalletEntry(Written):
    """A wallet as it is written."""

    name: Name
    """Name in messages and rules; each wallet has one of its own."""
    source: str
    """Name of the source that reads it, from `sources`."""
    address: Annotated[str, Field(min_length=1, max_length=200)]
    """Address on the chain, in quotes: YAML reads a bare `0x…` as a number."""
    chains: DistinctWords = ()
    """CoinStats only: ids of the chains, as in `[ethereum, base-wallet]`. Each is an account of its own;
    `all` is one that costs as much as ten."""
    assets: DistinctWords = ()
    """TEOS only: UniqueAssetIds of the assets to watch, as in `["0x0fc6e610b23b09fae00e10001"]`."""
    tags: DistinctWords = ()
    """Words that rules and reports choose it by, as in `[treasury]`."""
    label: Label = ""
    """What people read beside the name."""
    note: Note = ""
    """What they should know of it, in one line or more."""
    every: Every = "auto"
    """How often it is read: `auto` as the credits allow, a duration as in `5m` (1s at least), or a cron
    line."""
    at_least_every: Interval | None = None
    """Longest time between two readings that `auto` may plan: a promise, kept as long as the credits can
    pay it."""
    discover: Literal["daily", "weekly", "monthly"] | None = None
    """How often all chains are looked at for value on those that `chains` does not name."""
    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1.0
    """What a minute of delay is worth here, beside 1 for the others; with `every: auto`."""
    hints: bool = True
    """Whether hints about its accounts are listened to."""

    @model_validator(mode="after")
    def _the_promise_can_be_kept(self) -> WalletEntry:
        if isinstance(self.every, timedelta) and self.at_least_every and self.at_least_every < self.every:
            raise InputError(
                f"at_least_every ({format_duration(self.at_least_every)}) is shorter than every "
                f"({format_duration(self.every)})",
                "with a fixed cadence leave at_least_every out",
                ("at_least_every",),
            )
        return self


class LogSettings(Written):
    level: LogLevel = "info"
    """Least severity that is logged. The variable WATCHER_LOG_LEVEL wins over it."""
    format: Literal["console", "logfmt", "json"] = "console"
    """How a line is written: for people, or for programs."""


def _a_member(name: str) -> str:
    if not _MEMBER.fullmatch(name) or len(name) > LONGEST_MEMBER:
        remedy = f"use letters, digits and - _ . ({LONGEST_MEMBER} at most), and begin with a letter or digit"
        raise InputError(f"'{name[:60]}' cannot be the name of a member", remedy)
    return name


def _of_this_host() -> str:
    """Name of a member that has none of its own."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("-_.")[:LONGEST_MEMBER] or "localhost"


def _some(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    if not roles:
        raise InputError("is empty: such a member would do nothing", "leave it out for all roles")
    return tuple(role for role in ROLES if role in roles)


class ClusterSettings(Written):
    """What one machine is among those that share the store."""

    name: Annotated[str, AfterValidator(_a_member)] = Field(default_factory=_of_this_host)
    """Name of this machine in `status`, on the page, in metrics: each has its own. Left out: the host's."""
    roles: Annotated[tuple[Role, ...], BeforeValidator(words_of), AfterValidator(_some)] = ROLES
    """What it may do: `plan` polls and keep house, `ask` the APIs, `tell` people, serve the `page`."""


class HeartbeatSettings(Written):
    """A URL that somebody else watches; called only while alerts would reach somebody."""

    url: SecretStr
    """Web address that is called, as healthchecks.io gives one. A secret."""
    every: Interval = timedelta(minutes=1)
    """Time between two calls."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""

    @field_validator("url")
    @classmethod
    def _a_web_address(cls, url: SecretStr) -> SecretStr:
        if not is_web_address(url):
            raise InputError("must be a web address", "as in https://hc-ping.com/<uuid>")
        return url

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> HeartbeatSettings:
        check_tunnel("url", self.url.get_secret_value(), self.proxy)
        return self
