"""Settings of TEOS events: the broker, and the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from watcher.domain.model import Account
from watcher.domain.values.errors import InputError
from watcher.hints.kind import AskingHintKind, HintContext
from watcher.ports.hints import HintSource
from watcher.system.addresses import is_loopback

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup


def _broker_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value().strip()
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:  # its words would show what stands there
        host, parts = "", urlsplit("")
    if parts.scheme not in {"amqp", "amqps"} or not host:
        raise InputError("must begin with amqps:// and name a host", _AS_IN)
    if parts.scheme == "amqp" and not is_loopback(host):
        raise InputError(
            "must begin with amqps://", "amqp is for this machine only, the password would be readable"
        )
    if not parts.username or not parts.password:
        raise InputError("has no user or no password", _AS_IN)
    if parts.query or parts.fragment:
        raise InputError("must end with the virtual host", "leave out what follows ? or #")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InputError("has characters that an address cannot have", "write them as % and two digits")
    return SecretStr(url)


_AS_IN = "as in amqps://user:password@teos-events.coreledger.net:5671"

BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]


class TeosHints(AskingHintKind):
    """TEOS' events as a source of hints, for the accounts of one TEOS source."""

    source_kind: ClassVar[str] = "teos"
    stand_in: ClassVar[str] = "amqps://unset:unset@unset.invalid/"

    kind: Literal["teos"]
    url: BrokerUrl
    """Address of the broker, as in `amqps://user:password@host:5671`. A secret."""
    queue: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")] = "api"
    """`api`: TEOS is asked to make one; `own`: one is declared; else the name of one that is there."""

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.setup import HintDraft, about_source

        question = "AMQP address of TEOS' events, with user and password, as amqps://USER:PASSWORD@HOST:PORT"
        secrets = {"TEOS_AMQP_URL": question}
        draft = HintDraft("teos-events", {"url": '"${TEOS_AMQP_URL}"'}, secrets)
        meaning = "the message broker of TEOS, with a login from its administrator"
        return about_source(cls.source_kind, accounts, meaning, draft)

    def build(self, context: HintContext) -> HintSource:
        try:
            from watcher.hints.teos.source import TeosEvents
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in {"aio_pika", "aiormq", "pamqp"}:
                raise
            what = "needs aio-pika, which is not installed"
            raise InputError(what, "pip install 'balance-watcher[amqp]'", ("kind",)) from None
        assert context.api is not None  # noqa: S101 (it names a source)
        return TeosEvents(context.name, self.url, self.queue, context.api, context.clock)
