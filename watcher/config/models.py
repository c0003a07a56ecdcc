"""The parts of `watcher.yaml` that belong to no integration, as they are written."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    IPvAnyAddress,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)

from watcher.domain.values.cron import check_cron
from watcher.domain.values.decimals import whole_number
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Duration, Words, Zone
from watcher.domain.values.normalization import one_form
from watcher.system.connections import Proxy, check_tunnel, is_loopback, is_web_address

SHORTEST = timedelta(seconds=1)

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


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class Cron(_Model):
    """At the minutes of a calendar, in a time zone."""

    cron: Annotated[str, AfterValidator(check_cron)]
    timezone: Zone = "UTC"


Every = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")]
    | Annotated[Interval, Tag("<duration>")]
    | Annotated[Cron, Tag("<cron>")],
    Discriminator(_every_kind),
]


class WalletEntry(_Model):
    """A wallet as it is written."""

    name: Name
    source: str
    address: Annotated[str, Field(min_length=1, max_length=200)]
    chains: DistinctWords = ()
    assets: DistinctWords = ()
    tags: DistinctWords = ()
    label: Label = ""
    """What people read beside the name."""
    note: Note = ""
    """What they should know of it, in one line or more."""
    every: Every = "auto"
    at_least_every: Interval | None = None
    discover: Literal["daily", "weekly", "monthly"] | None = None
    """How often all chains are looked at for value on those that `chains` does not name."""
    weight: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] = 1.0
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


class LogSettings(_Model):
    level: LogLevel = "info"
    format: Literal["console", "logfmt", "json"] = "console"


class HeartbeatSettings(_Model):
    """A URL that somebody else watches; called only while alerts would reach somebody."""

    url: SecretStr
    every: Interval = timedelta(minutes=1)
    proxy: Proxy | None = None

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


SHORTEST_TOKEN = 16
"""Characters of a token that strangers can try: its length alone keeps it from being guessed."""
_MAKE_ONE = f"make one of at least {SHORTEST_TOKEN} (openssl rand -hex 16)"


class MetricsSettings(_Model):
    """What `/metrics` shows. `balances`: two series for each, most of what there is."""

    balances: bool = True


PAGE = "127.0.0.1:8787"
"""Where the status page listens unless `web` says otherwise; `web: null` turns it off."""

_PAGE_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?"
)
_NAMES_AT_HOME = (".local", ".lan", ".internal", ".home.arpa")


def _a_page(url: str) -> str:
    if not _PAGE_URL.fullmatch(url) or not is_web_address(SecretStr(url)):
        raise InputError(
            "must be the web address at which people open the page", "as in https://watch.example.org"
        )
    return url.rstrip("/")


class WebSettings(_Model):
    """Where the status page listens, and where people open it. A public address needs a token."""

    listen: str = PAGE
    url: Annotated[str, AfterValidator(_a_page)] | None = None
    """Where people open the page, as in https://watch.example.org or with a path: messages link there."""
    token: SecretStr | None = None
    ack_links: bool = True
    """Whether messages have a link that acknowledges, for whoever has it, without the token."""
    link_key: SecretStr | None = None
    """What these links are signed with; where it is left out, the token."""
    proxies: tuple[IPvAnyAddress, ...] = ()
    """Reverse proxies, which say in `X-Forwarded-For` for whom they ask; one on this machine: 127.0.0.1."""
    metrics: MetricsSettings = MetricsSettings()

    @model_validator(mode="after")
    def _the_public_needs_a_token(self) -> WebSettings:
        host, port = self.host, self.port
        if not host or not 0 <= port <= 65535:
            raise InputError("listen must be HOST:PORT", "as in 127.0.0.1:8787 or [::1]:8787", ("listen",))
        if is_loopback(host):
            return self
        length = len(self.token.get_secret_value()) if self.token else 0
        if not length:
            raise InputError(
                f"{host} can be reached from other machines", "add 'token:', or listen on 127.0.0.1"
            )
        if length < SHORTEST_TOKEN:
            raise InputError(
                f"{host} can be reached from other machines, and 'token' has only {length} characters",
                f"make one of at least {SHORTEST_TOKEN} (openssl rand -hex 16), or listen on 127.0.0.1",
            )
        return self

    @field_validator("link_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SHORTEST_TOKEN:
            raise InputError("is too short: who has a link could guess it", _MAKE_ONE)
        return key

    @property
    def doubts(self) -> Iterator[Advice]:
        """What is allowed and probably not meant."""
        length = len(self.token.get_secret_value()) if self.token else SHORTEST_TOKEN
        if length < SHORTEST_TOKEN:
            yield Advice(f"'token' has only {length} characters, and can be guessed", _MAKE_ONE)
        if self.url is None:
            return
        if self.url.startswith("http:") and not _is_at_home(self.public_host):
            yield Advice("'url' is http: what is sent there can be read on the way", "use https")
        if self.token is None and not is_loopback(self.public_host):
            what = "'url' is for others, and there is no 'token': whoever gets there sees all of the page"
            yield Advice(what, "add 'token:', or let the proxy ask who they are")
        if self.ack_links and not self.link_secret:
            what = "messages will have no link that acknowledges: there is nothing to sign it with"
            remedy = (
                f"add 'token:' or 'link_key:', {SHORTEST_TOKEN} characters or more, or 'ack_links: false'"
            )
            yield Advice(what, remedy)

    @property
    def link_secret(self) -> str:
        """What the links that acknowledge are signed with; empty where there are none."""
        key = self.link_key or self.token
        if self.url is None or not self.ack_links or key is None:
            return ""
        # Who has a link can try keys on it without asking anybody: a short token is no key.
        return key.get_secret_value() if len(key.get_secret_value()) >= SHORTEST_TOKEN else ""

    @property
    def public_host(self) -> str:
        """The host of `url`, without a port; empty if there is no `url`."""
        return urlsplit(self.url or "").hostname or ""

    @property
    def public_path(self) -> str:
        """The path of `url`, as in `/watcher`; empty if it has none."""
        return urlsplit(self.url or "").path

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """-1 if what was written is no number."""
        port = whole_number(self.listen.rpartition(":")[2], most_digits=5)
        return -1 if port is None else port


def _is_at_home(host: str) -> bool:
    """Whether a host can only be reached from its own network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_NAMES_AT_HOME)
