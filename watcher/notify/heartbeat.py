"""Heartbeat for a dead-man's switch: somebody else watches a URL, and misses when it is not called."""

from __future__ import annotations

from pydantic import SecretStr
from yarl import URL

from watcher.system.connections import cause, proxy_for
from watcher.system.http_client import aiohttp, connector

PATIENCE = 10.0
"""Seconds that one call may take."""


class Heartbeat:
    """Heartbeat to one URL, by GET. The URL is a secret: whoever knows it can pretend that all is well."""

    def __init__(self, url: SecretStr, proxy: SecretStr | None = None, patience: float = PATIENCE) -> None:
        self._url, self._proxy = url, proxy
        self._patience = patience
        self._timeout = aiohttp.ClientTimeout(total=patience)

    async def beat(self) -> str:
        """Call it once. Empty if it was taken, else why not, without the URL."""
        url = URL(self._url.get_secret_value())
        host, proxy = url.host or "", None
        try:
            proxy = proxy_for(url.scheme, host, url.port or 443, self._proxy)
            async with (
                aiohttp.ClientSession(
                    connector=connector(secure=url.scheme == "https"), timeout=self._timeout
                ) as session,
                # What answers elsewhere is not who was meant.
                session.get(url, allow_redirects=False, proxy=proxy) as response,
            ):
                return "" if 200 <= response.status < 300 else f"HTTP {response.status}"
        except TimeoutError:
            return f"{host} did not answer within {self._patience:g} s"
        except (aiohttp.ClientError, OSError) as error:
            return await cause(error, host, proxied=proxy is not None)
        except ValueError as error:
            return str(error)
