"""`web:` in `watcher.yaml`: where the page listens, where people open it, and who may what there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, IPvAnyAddress, SecretStr, field_validator, model_validator

from watcher.config.models import DistinctWords, Name, Written
from watcher.domain.values.decimals import whole_number
from watcher.domain.values.errors import Advice, InputError
from watcher.system.addresses import is_loopback, is_web_address

SHORTEST_TOKEN = 16
"""Characters of a token that strangers can try: its length alone keeps it from being guessed."""
_MAKE_ONE = f"make one of at least {SHORTEST_TOKEN} characters (openssl rand -hex 16)"

PAGE = "127.0.0.1:8787"
"""Where the status page listens unless `web` says otherwise; `web: null` turns it off."""

May = Literal["view", "act"]

_PAGE_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?"
)
_NAMES_AT_HOME = (".local", ".lan", ".internal", ".home.arpa")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_OTHER_USES = frozenset(
    {
        *("accept", "authorization", "connection", "content-length", "content-type", "cookie", "forwarded"),
        *("host", "origin", "referer", "sec-fetch-site", "transfer-encoding", "user-agent", "x-real-ip"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-uri"),
    }
)
"""Headers in which a browser or a proxy says something else: a name there would be anybody's."""


def _mended(url: str) -> str:
    """What to do about an address that is none of a page."""
    example = "as in https://watch.example.org or https://watch.example.org/watcher"
    if not url.startswith(("http://", "https://")):
        return f"begin it with https:// or http://, {example}"
    if cut := re.search("[?#]", url):
        return f"leave out what begins with {cut[0]}, {example}"
    return f"leave out the name and the password, {example}" if "@" in url else example


def _a_page(url: str) -> str:
    if not _PAGE_URL.fullmatch(url) or not is_web_address(SecretStr(url)):
        raise InputError("must be the web address at which people open the page", _mended(url))
    return url.rstrip("/")


def _a_header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise InputError("must be the name of a header", "as in X-Forwarded-User")
    if name.lower() in _OTHER_USES:
        raise InputError(f"'{name}' says something else than who asks", "as in X-Forwarded-User")
    return name


def _a_token(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().strip():
        raise InputError("is empty", _MAKE_ONE)
    return token


class MetricsSettings(Written):
    """What `/metrics` shows. `balances`: two series for each, most of what there is."""

    balances: bool = True
    """Whether there are two series for each balance: its amount and its value."""


class TokenSettings(Written):
    """A token of its own name. Who has it is known by that name, and may look, or act as well."""

    token: Annotated[SecretStr, AfterValidator(_a_token)]
    """The token itself; 16 characters at least where others can reach the page."""
    may: May = "view"
    """`view`: sees all pages and all JSON. `act`: acknowledges, silences and so on as well."""


class SignOnSettings(Written):
    """Single sign-on: a reverse proxy that is named under `proxies` says in a header who asks."""

    header: Annotated[str, AfterValidator(_a_header)]
    """The header that the proxy sets anew on each request, as in `X-Forwarded-User` or `Remote-User`."""
    may: May = "view"
    """What everybody may whom the proxy lets in."""
    act: DistinctWords = ()
    """Who may act, by the name in the header, where all others may look."""

    @model_validator(mode="after")
    def _names_say_something(self) -> SignOnSettings:
        if self.may == "act" and self.act:
            raise InputError("names those who may act, and 'may: act' lets everybody", "remove one", ("act",))
        if "*" in self.act:
            place = ("act", self.act.index("*"))
            raise InputError("names are compared sign by sign: '*' is nobody", "write 'may: act'", place)
        return self


class Credential(NamedTuple):
    """A token of the page. `name`: whose it is, empty for that of `token`; `place`: where it is written."""

    name: str
    secret: SecretStr
    may: May
    place: tuple[str, ...]

    @property
    def length(self) -> int:
        return len(self.secret.get_secret_value())


class WebSettings(Written):
    """Where the status page listens, and where people open it. A public address needs a token."""

    listen: str = PAGE
    """Host and port on which the page is served. Another host than this machine needs a token."""
    url: Annotated[str, AfterValidator(_a_page)] | None = None
    """Where people open the page, as in https://watch.example.org or with a path: messages link there."""
    token: SecretStr | None = None
    """The token with which one may act."""
    tokens: dict[Name, TokenSettings] = Field(default_factory=dict)
    """More tokens, each with a name: for people, screens and scripts that may look, or act."""
    sign_on: SignOnSettings | None = None
    """Who asks, as a reverse proxy has found out."""
    ack_links: bool = True
    """Whether messages have a link that acknowledges, for whoever has it, without the token."""
    link_key: SecretStr | None = None
    """What these links are signed with; where it is left out, `token`."""
    proxies: tuple[IPvAnyAddress, ...] = ()
    """Reverse proxies, which say in `X-Forwarded-For` for whom they ask; one on this machine: 127.0.0.1."""
    metrics: MetricsSettings = MetricsSettings()
    """What `/metrics` shows."""

    @model_validator(mode="after")
    def _whom_to_believe_is_known(self) -> WebSettings:
        if self.sign_on is not None and not self.proxies:
            what = "'sign_on' is believed of no one: anybody could send that header"
            raise InputError(what, "add 'proxies: [ADDRESS]', that of the proxy that sets it", ("sign_on",))
        return self

    @model_validator(mode="after")
    def _each_token_is_of_one_name(self) -> WebSettings:
        seen = dict[str, Credential]()
        for each in self.credentials:
            before = seen.setdefault(each.secret.get_secret_value(), each)
            if before is not each:
                what = f"is the same as {'.'.join(before.place)}: nobody could tell who asks"
                raise InputError(what, _MAKE_ONE, each.place)
        return self

    @model_validator(mode="after")
    def _the_public_needs_a_token(self) -> WebSettings:
        host, port = self.host, self.port
        if not host or not 0 <= port <= 65535:
            raise InputError("listen must be HOST:PORT", "as in 127.0.0.1:8787 or [::1]:8787", ("listen",))
        if is_loopback(host):
            return self
        if not self.guarded:
            raise InputError(
                f"{host} can be reached from other machines", "add 'token:', or listen on 127.0.0.1"
            )
        for each in self.credentials:
            if each.length < SHORTEST_TOKEN:
                few = f"'{'.'.join(each.place)}' has only {each.length} characters"
                what = f"{host} can be reached from other machines, and {few}"
                raise InputError(what, f"{_MAKE_ONE}, or listen on 127.0.0.1", each.place)
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
        for each in self.credentials:
            if each.length < SHORTEST_TOKEN:
                name = ".".join(each.place)
                yield Advice(f"'{name}' has only {each.length} characters, and can be guessed", _MAKE_ONE)
        if self.url is None:
            return
        if self.url.startswith("http:") and not _is_at_home(self.public_host):
            yield Advice("'url' is http: what is sent there can be read on the way", "use https")
        if not self.guarded and not is_loopback(self.public_host):
            what = "'url' is for others, and there is no 'token': whoever gets there sees all of the page"
            yield Advice(what, "add 'token:', or let the proxy ask who they are")
        if self.ack_links and not self.link_secret:
            what = "messages will have no link that acknowledges: there is nothing to sign it with"
            remedy = (
                f"add 'token:' or 'link_key:', {SHORTEST_TOKEN} characters or more, or 'ack_links: false'"
            )
            yield Advice(what, remedy)

    @property
    def credentials(self) -> tuple[Credential, ...]:
        """All tokens; an empty one is none."""
        first = (Credential("", self.token, "act", ("token",)),) if self.token else ()
        named = (
            Credential(name, each.token, each.may, ("tokens", name, "token"))
            for name, each in self.tokens.items()
        )
        return (*first, *named)

    @property
    def guarded(self) -> bool:
        """Whether it is asked who asks."""
        return bool(self.credentials) or self.sign_on is not None

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
