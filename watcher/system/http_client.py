"""aiohttp as clients use it. Whom to trust over TLS is read when a session needs it first, and once.

aiohttp reads it twice when it is loaded: for its own contexts, of which a session here uses neither.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

__all__ = ["aiohttp", "client_context", "connector"]


def _trust_nobody(_context: ssl.SSLContext) -> None:
    """What a context of aiohttp's own reads."""


ssl.SSLContext.set_default_verify_paths = _trust_nobody  # type: ignore[assignment]
try:
    import aiohttp
finally:
    del ssl.SSLContext.set_default_verify_paths  # uncovers what is inherited


def connector(*, secure: bool, **options: Any) -> aiohttp.TCPConnector:
    """Connector of a session. `secure`: whether it connects over TLS; `options`: as aiohttp takes them."""
    return aiohttp.TCPConnector(ssl=client_context() if secure else True, **options)


@cache
def client_context() -> ssl.SSLContext:
    """Whom clients trust: what the system does, or SSL_CERT_FILE. Reading it takes 20 ms the first time, in
    which other threads may run."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context
