"""Addresses, proxies and keys as the configuration may have them."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from watcher.domain.values.errors import InputError

_PRIVATE = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test")
"""How names end that no public server answers to (RFC 2606, 6762, 8375; ICANN for .internal)."""


def is_web_address(secret: SecretStr) -> bool:
    """Whether a text is an address of http or https that names a host."""
    try:
        parts = urlsplit(secret.get_secret_value())
        host, _port = parts.hostname, parts.port
    except ValueError:  # its words would show what stands there
        return False
    return parts.scheme in ("http", "https") and bool(host)


def a_proxy(proxy: SecretStr) -> SecretStr:
    """The address of an HTTP proxy, or InputError."""
    if not is_web_address(proxy):
        raise InputError("must be the address of an HTTP proxy", "as in http://proxy.example:3128")
    return proxy


Proxy = Annotated[SecretStr, AfterValidator(a_proxy)]
"""`proxy:` in the configuration. It may hold a user and a password: `http://user:password@proxy.example:3128`."""


def check_tunnel(key: str, url: str, proxy: SecretStr | None) -> None:
    """See that a proxy gets a tunnel. InputError if one is named for what is called without TLS. `key`: the
    name of the address in the configuration."""
    scheme = urlsplit(url).scheme
    if proxy is not None and scheme in ("http", "ws"):
        what = f"{key} begins with {scheme}://, and is called directly"
        raise InputError(what, "leave proxy out", ("proxy",))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _header_safe(key: SecretStr) -> SecretStr:
    text = key.get_secret_value().strip()
    if not text:
        raise InputError("is empty")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InputError(
            "has characters that a key cannot have (spaces, line breaks, quotes of a word processor)"
        )
    return SecretStr(text)


ApiKey = Annotated[SecretStr, AfterValidator(_header_safe)]
"""What an API knows its user by; it goes into a header."""


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("is not a web address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise InputError("must begin with https:// and name a host")
    if parts.scheme == "http" and not is_loopback(host):
        raise InputError(
            "must begin with https://", "http is for this machine only, the API key would be readable"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError("must be a plain address without user, query or fragment")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InputError("has characters that a web address cannot have")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""Address below which an API is asked."""


def is_public(host: str) -> bool:
    """Whether a host's name or address is one of the open net, as far as it tells: a name with a dot that no
    private network has, or an address that is routed everywhere."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.rstrip(".") and not host.rstrip(".").lower().endswith(_PRIVATE)
