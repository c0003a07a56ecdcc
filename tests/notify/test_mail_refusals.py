"""What a mail server says when it refuses: in its own words, to whom it happened, and whose fault it is."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.notify.given import delivery
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.notify.apprise.mail import MOST_BROKEN
from watcher.notify.apprise.settings import AppriseSettings

PASSWORD = "hunter22"


@dataclass
class Postfix:
    """A mail server that refuses as it is told: by recipient, or the content."""

    rcpt: Mapping[str, str] = field(default_factory=dict)
    data: str = "250 taken"
    breaks: Mapping[str, str] = field(default_factory=dict)
    """Recipient → at which command the connection is cut off."""
    mails: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.breaks.get(address) == "RCPT":
            server.transport.abort()
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if any(self.breaks.get(each) == "DATA" for each in envelope.rcpt_tos):
            server.transport.abort()
        elif self.data.startswith("250"):
            self.mails.append((tuple(envelope.rcpt_tos), envelope.content))
        return self.data

    def had(self, address: str) -> int:
        return sum(address in to for to, _ in self.mails)


@asynccontextmanager
async def serving(postfix: Postfix, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postfix, hostname="localhost", **options), "127.0.0.1", 0, ssl=tls
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path, host: str = "127.0.0.1", days: int = 1) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file that names whom to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    today = dt.datetime.now(dt.UTC)
    known: x509.GeneralName = (
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=9))
        .not_valid_after(today + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, ca = folder / "server.pem", folder / "ca.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ca.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(key.private_bytes(*form) + ca.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, ca


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


async def told(url: str, *deliveries: Delivery, patience: str = "2s") -> SendResult:
    settings = AppriseSettings.model_validate({"url": url, "timeout": patience})
    return await settings.build("mail").send(deliveries or [delivery(1)])


def plain(port: int, query: str = "to=bob@mail.test") -> str:
    return f"mailto://127.0.0.1:{port}?from=watcher@mail.test&{query}"


def refused(result: SendResult) -> NotSent:
    assert isinstance(result, NotSent)
    assert PASSWORD not in result.detail
    return result


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("550 5.1.1 <bob@mail.test>: Recipient address rejected: User unknown", Fault.CHANNEL),
        ("450 4.2.0 <bob@mail.test>: Recipient address rejected: Greylisted", Fault.PASSING),
        ("552 5.2.2 mailbox full", Fault.CHANNEL),
    ],
)
async def test_a_refused_recipient_is_named_in_the_servers_words(answer: str, fault: Fault) -> None:
    async with serving(Postfix(rcpt={"bob@mail.test": answer})) as port:
        result = refused(await told(plain(port)))

    assert result.detail == answer
    assert result.fault is fault
    assert not result.maybe_sent


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("552 5.3.4 Message size exceeds fixed limit", Fault.MESSAGE),
        ("554 5.6.0 content rejected", Fault.MESSAGE),
        ("554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org", Fault.CHANNEL),
        ("451 4.3.0 queue file write error", Fault.PASSING),
    ],
)
async def test_a_refused_content_is_the_messages_fault_only_if_the_words_say_so(
    answer: str, fault: Fault
) -> None:
    async with serving(Postfix(data=answer)) as port:
        result = refused(await told(plain(port)))

    assert result.detail == answer
    assert result.fault is fault


async def test_a_wrong_password_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, ca = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    options: dict[str, Any] = {"tls_context": context, "authenticator": login, "auth_required": True}
    async with serving(Postfix(), **options) as port:
        query = "from=watcher@mail.test&to=bob@mail.test&mode=starttls"
        result = refused(await told(f"mailtos://watcher:wrong-one@127.0.0.1:{port}?{query}"))
        taken = await told(f"mailtos://watcher:{PASSWORD}@127.0.0.1:{port}?{query}")

    assert result.detail.startswith("authentication refused: 535 5.7.8")
    assert "wrong-one" not in result.detail
    assert result.fault is Fault.CHANNEL
    assert isinstance(taken, Sent)


async def test_nobody_listening_is_called_that() -> None:
    async with serving(Postfix()) as port:
        pass
    result = refused(await told(plain(port)))

    assert result.detail == f"127.0.0.1:{port}: connection refused"
    assert result.fault is Fault.CHANNEL
    assert not result.maybe_sent


async def test_a_name_that_does_not_exist_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def unknown(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = refused(await told("mailto://mail.nowhere.example:25?from=watcher@mail.test&to=bob@mail.test"))

    assert result.detail == "mail.nowhere.example:25: there is no such name"
    assert result.fault is Fault.CHANNEL


@pytest.mark.parametrize(
    ("host", "days", "trusted", "words"),
    [
        ("127.0.0.1", 1, False, "its certificate is not trusted, it is signed by itself; SSL_CERT_FILE"),
        ("other.example", 1, True, "its certificate is for another host, not for 127.0.0.1; check"),
        ("127.0.0.1", -1, True, "its certificate expired; it must be renewed there"),
    ],
)
@pytest.mark.parametrize("mode", ["ssl", "starttls"])
async def test_what_is_wrong_with_a_certificate_is_said(
    host: str,
    days: int,
    trusted: bool,
    words: str,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, ca = certificate(tmp_path, host, days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    server = serving(Postfix(), context) if mode == "ssl" else serving(Postfix(), tls_context=context)
    async with server as port:
        query = f"from=watcher@mail.test&to=bob@mail.test&mode={mode}"
        result = refused(await told(f"mailtos://127.0.0.1:{port}?{query}"))

    assert result.detail.startswith(f"127.0.0.1:{port}: {words}")
    assert result.fault is Fault.CHANNEL


async def test_the_wrong_kind_of_tls_for_a_port_is_said_with_the_remedy(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    query = "from=watcher@mail.test&to=bob@mail.test"
    async with serving(Postfix(), context) as port:
        late = refused(await told(f"mailtos://127.0.0.1:{port}?{query}&mode=starttls", patience="1s"))
    async with serving(Postfix()) as port:
        early = refused(await told(f"mailtos://127.0.0.1:{port}?{query}&mode=ssl"))
        none = refused(await told(f"mailtos://127.0.0.1:{port}?{query}&mode=starttls"))

    assert "no greeting from a mail server" in late.detail
    assert "mode=ssl" in late.detail
    assert "it speaks no TLS there from the start; mode=starttls may be meant" in early.detail
    assert "STARTTLS extension not supported" in none.detail


@pytest.mark.parametrize(
    "query",
    [
        "to=bob@mail.test,gone@mail.test",
        "to=bob@mail.test&cc=gone@mail.test",
        "to=bob@mail.test&bcc=gone@mail.test",
    ],
)
async def test_of_several_recipients_each_is_told_once_and_only_the_refused_one_again(query: str) -> None:
    unknown = "550 5.1.1 <gone@mail.test>: Recipient address rejected: User unknown"
    postfix = Postfix(rcpt={"gone@mail.test": unknown})
    async with serving(postfix) as port:
        first = refused(await told(plain(port, query)))
        again = Delivery(**{**_fields(delivery(1)), "delivered_to": first.delivered_to, "attempts": 1})
        second = refused(await told(plain(port, query), again))
        postfix.rcpt = {}
        third = await told(plain(port, query), again)

    assert first.detail == second.detail == f"gone@mail.test: {unknown}"
    assert first.delivered_to == {"bob@mail.test"}
    assert isinstance(third, Sent)
    assert postfix.had("bob@mail.test") == 1
    assert postfix.had("gone@mail.test") == 1


async def test_a_copy_goes_to_each_once_however_many_the_mail_is_to() -> None:
    postfix = Postfix()
    async with serving(postfix) as port:
        result = await told(plain(port, "to=a@mail.test,b@mail.test&cc=c@mail.test"))
        assert isinstance(result, Sent)

    assert {each: postfix.had(f"{each}@mail.test") for each in "abc"} == {"a": 1, "b": 1, "c": 1}


def _fields(each: Delivery) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__struct_fields__}


@pytest.mark.parametrize(
    "postfix",
    [
        Postfix(breaks={"gone@mail.test": "RCPT"}),
        Postfix(breaks={"gone@mail.test": "DATA"}),
        Postfix(rcpt={"gone@mail.test": "421 4.7.0 too many errors"}),
    ],
)
async def test_a_connection_that_breaks_at_one_recipient_costs_no_other(postfix: Postfix) -> None:
    async with serving(postfix) as port:
        result = refused(
            await told(plain(port, "to=ann@mail.test,gone@mail.test,bob@mail.test&cc=eve@mail.test"))
        )
        again = refused(await told(plain(port, "to=gone@mail.test,bob@mail.test&cc=eve@mail.test")))

    assert [postfix.had(each) for each in ("ann@mail.test", "bob@mail.test", "eve@mail.test")] == [1, 2, 2]
    assert result.delivered_to == {"ann@mail.test", "bob@mail.test", "eve@mail.test"}
    assert again.delivered_to == {"bob@mail.test", "eve@mail.test"}
    assert "gone@mail.test: " in result.detail
    assert result.fault is Fault.PASSING


async def test_a_server_that_breaks_every_connection_is_left_for_the_next_try() -> None:
    people = [f"p{number}@mail.test" for number in range(MOST_BROKEN + 3)]
    postfix = Postfix(breaks=dict.fromkeys(people, "RCPT"))
    async with serving(postfix) as port:
        result = refused(await told(plain(port, f"to={','.join(people)}"), patience="9s"))

    assert result.delivered_to == frozenset()
    assert result.detail.count("@mail.test: ") == MOST_BROKEN
