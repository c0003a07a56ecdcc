"""The dead-man's switch: a URL that somebody else watches, and misses when it is not called any more."""

from __future__ import annotations

import aiohttp
from pydantic import SecretStr

PATIENCE = 10.0
"""Seconds that one call may take."""


class Heartbeat:
    """One URL, called with GET. It is a secret: whoever knows it can pretend that all is well."""

    def __init__(self, url: SecretStr, patience: float = PATIENCE) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=patience)

    async def beat(self) -> str:
        """Call it once. Empty if it was taken, else why not, without the URL."""
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                # What answers elsewhere is not who was meant.
                session.get(self._url.get_secret_value(), allow_redirects=False) as response,
            ):
                return "" if 200 <= response.status < 300 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
