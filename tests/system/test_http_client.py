"""aiohttp as clients use it: loaded without certificates; a session over TLS reads them."""

from __future__ import annotations

import ssl
import subprocess
import sys

from watcher.system import http_client

LOADED = """
import ssl
real = ssl.SSLContext.set_default_verify_paths
from watcher.system.http_client import aiohttp
own = aiohttp.connector._SSL_CONTEXT_VERIFIED, aiohttp.connector._SSL_CONTEXT_UNVERIFIED
print([each.cert_store_stats()["x509"] for each in own], ssl.SSLContext.set_default_verify_paths is real)
"""


def test_no_certificate_is_read_while_aiohttp_is_loaded() -> None:
    said = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[0, 0] True"


async def test_a_session_over_tls_trusts_whom_the_system_does_and_nobody_by_another_name() -> None:
    async with http_client.connector(secure=True) as made:
        context: ssl.SSLContext = vars(made)["_ssl"]  # there is no other way to see it
        assert context is http_client.client_context()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


async def test_without_tls_no_certificate_is_read() -> None:
    http_client.client_context.cache_clear()
    async with http_client.connector(secure=False):
        assert http_client.client_context.cache_info().currsize == 0
