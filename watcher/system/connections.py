"""The way out: through a proxy or not, and what stands in it, in words that name the cause and the remedy.

What is asked for with a key goes to a proxy only inside a tunnel (CONNECT, then TLS with the other end): the
proxy learns the host and nothing else. So `http://` is never sent to one.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.request import getproxies, proxy_bypass

from pydantic import SecretStr

from watcher.domain.values.errors import InputError
from watcher.system.addresses import a_proxy
from watcher.system.http_client import aiohttp

_EXPIRED, _NOT_YET, _SELF_SIGNED, _WRONG_NAME, _UNTRUSTED = 10, 9, 18, {62, 64}, {19, 20, 21}
_TELLING = {_EXPIRED, _NOT_YET, *_WRONG_NAME}
_NO_CHECK_TIME = 0x200000
"""What OpenSSL says of a certificate, and its flag that lets a certificate's times be read all the same."""

NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
}
"""What OpenSSL says of an answer that is no TLS at all."""

_BROKEN = {errno.ECONNRESET, errno.EPIPE}
_LOOK = 5.0
"""Seconds in which a refused certificate has to be read for its date or its names."""
_NAMES = 3
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")


def proxy_for(scheme: str, host: str, port: int, configured: SecretStr | None) -> str | None:
    """The proxy for a target: the configured one, else what HTTPS_PROXY (or ALL_PROXY) and NO_PROXY say.

    None for `http://`, which has no tunnel.

    ValueError if the environment names one that is not spoken to.
    """
    if scheme != "https":
        return None
    if configured is not None:
        return configured.get_secret_value()
    known = getproxies()
    proxy = known.get("https") or known.get("all")
    if not proxy or proxy_bypass(f"{host}:{port}") or _excepted(host, known.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        return a_proxy(SecretStr(proxy)).get_secret_value()
    except InputError as error:
        raise InputError(
            f"HTTPS_PROXY {error.what}", f"{error.remedy}, or give the source `proxy:`"
        ) from None


def _excepted(host: str, words: str) -> bool:
    """NO_PROXY may name everything (*) and networks, such as 10.0.0.0/8."""
    if "*" in (word.strip() for word in words.split(",")):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        for word in words.split(","):
            with suppress(ValueError):
                if address in ipaddress.ip_network(word.strip(), strict=False):
                    return True
    return False


async def cause(error: Exception, host: str, *, proxied: bool) -> str:
    """Why there was no connection, or why it ended, with who it was; no URL of the request is in it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return turned_away(error.status, host)
    who = host
    if isinstance(error, aiohttp.ClientProxyConnectionError) or (
        isinstance(error, aiohttp.ClientConnectorError) and error.host != host
    ):
        who = f"the proxy {error.host}:{error.port}"
    return f"{who}: {await _words(error, proxied=proxied)}"


def turned_away(status: int, host: str) -> str:
    """What a proxy meant that opened no tunnel."""
    if status == 407:
        return "the proxy answered 407: it wants a user and a password, as in http://user:password@proxy:3128"
    return f"the proxy answered {status}: it makes no connection to {host}"


async def _words(error: Exception, *, proxied: bool) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        found: Any = error.certificate_error
        return await _distrusted(found, error.host, error.port or 443, proxied=proxied)
    if isinstance(error, aiohttp.ClientSSLError):
        return _no_tls(error.os_error, error.port)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name is not known"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    return _broken(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error)


def _broken(error: Exception) -> str:
    if isinstance(error, ConnectionResetError) or getattr(error, "errno", None) in _BROKEN:
        return "broke the connection"
    return "connection refused" if isinstance(error, ConnectionRefusedError) else "connection failed"


def socket_cause(error: OSError, host: str, port: int) -> str:
    """Why a connection that was made without aiohttp failed or ended, with who it was."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = certificate_words(error, host)
    elif isinstance(error, ssl.SSLError):
        words = _no_tls(error, port)
    else:
        words = "the name is not known" if isinstance(error, socket.gaierror) else _broken(error)
    return f"{host}:{port}: {words}"


def _no_tls(error: object, port: int | None) -> str:
    reason = str(getattr(error, "reason", "") or "")
    if reason in NO_TLS:
        return f"speaks no TLS on port {port}; is that the right port?"
    return (
        f"no TLS connection ({_UNPRINTABLE.sub(' ', reason).replace('_', ' ').lower()[:60] or 'no reason'})"
    )


async def _distrusted(error: ssl.SSLCertVerificationError, host: str, port: int, *, proxied: bool) -> str:
    # What it says is read on a second connection: the first one ended before anybody could look.
    look = not proxied and error.verify_code in _TELLING
    return certificate_words(error, host, await _certificate(host, port) if look else {})


def certificate_words(
    error: ssl.SSLCertVerificationError, host: str, seen: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """What is wrong with a certificate, and the remedy. `seen`: what stands in it, where that is known."""
    code = error.verify_code
    if code == _SELF_SIGNED:
        return "its certificate is not trusted, it is signed by itself; SSL_CERT_FILE names whom to trust"
    if code in _UNTRUSTED:
        return (
            "the issuer of its certificate is not trusted; if it is a CA of yours, name it in SSL_CERT_FILE"
        )
    if code == _EXPIRED:
        return f"its certificate expired{_day(seen.get('notAfter'))}; it must be renewed there"
    if code == _NOT_YET:
        return f"its certificate is not valid yet{_day(seen.get('notBefore'))}; is the clock here right?"
    if code in _WRONG_NAME:
        names = _names(seen) or "another host"
        return f"its certificate is for {names}, not for {host}; check the address"
    return f"its certificate is not trusted ({error.verify_message[:80] or 'no reason'})"


async def _certificate(host: str, port: int) -> Mapping[str, Any]:
    """The certificate of the other end, whatever its name and its times; its issuer must be trusted."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LOOK):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
            try:
                return writer.get_extra_info("peercert") or {}
            finally:
                writer.transport.abort()
    return {}


def _day(text: str | None) -> str:
    return f" on {datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC):%Y-%m-%d}" if text else ""


def _names(certificate: Mapping[str, Any]) -> str:
    found = [_UNPRINTABLE.sub("?", str(name))[:80] for _, name in certificate.get("subjectAltName", ())]
    more = f" and {len(found) - _NAMES} more" if len(found) > _NAMES else ""
    return ", ".join(found[:_NAMES]) + more
