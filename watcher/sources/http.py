"""HTTP client of the sources: requests bounded in time and size, with failures in our own words.

aiohttp lives here. The key travels in a header only, redirects are never followed (the
key would go to a stranger), and no text made here holds the key or a query.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import SecretStr
from yarl import URL

from watcher import __version__
from watcher.domain.model import Account, Miss, MissReason
from watcher.domain.records import Record
from watcher.ports.source import RawAnswer, RawCall, Reply
from watcher.sources.json_repair import mended

if TYPE_CHECKING:
    from watcher.system.http_client import aiohttp

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a decoded body; more is not read."""

REUSED_FOR = 3.0
"""Seconds for which an idle connection is kept. Common servers close theirs after five and more: one that is
closed while a request is on its way costs the request, and perhaps its credits."""

_MAX_ERROR_BODY = 64 * 1024
_MAX_PAUSE = timedelta(days=1)
_CREDIT = re.compile(r"credit", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


_FOR_PEOPLE = frozenset({MissReason.UNAUTHORIZED, MissReason.FORBIDDEN, MissReason.EXHAUSTED})
_WHOLE, _TAKEN = (200,), (200, 201, 202, 203, 204)
"""What a question is answered with, and what asks for something to be done."""


class Limits(Record, frozen=True):
    """Limits of one access: time, size, requests at once."""

    timeout: timedelta
    connect_timeout: timedelta
    concurrency: int = 1
    max_body: int = MAX_BODY
    sells_credits: bool = False
    """406, 402 and a 429 that speaks of credits mean that the credits are gone."""
    throttle_pause: timedelta = timedelta(seconds=10)
    """How long to keep quiet after a 429 that does not say."""


class Body(Record, frozen=True):
    """Body of a whole answer with a status that was allowed for."""

    data: bytes


class HttpFailure(Record, frozen=True):
    """Failure to get an answer, in words without secrets. `status` 0: no answer at all.

    `charged`: 0 when the provider cannot have charged, None when nobody knows, which counts
    as charged.
    """

    reason: MissReason
    text: str
    status: int = 0
    charged: int | None = None
    pause: timedelta | None = None

    def reply(self, accounts: Sequence[Account]) -> Reply:
        """The same failure as a miss for each account."""
        return Reply(
            outcomes=tuple(Miss(account, self.reason, self.text) for account in accounts),
            charged=self.charged,
            failure=f"{self.reason}: {self.text}",
            pause=self.pause,
            exhausted=self.reason is MissReason.EXHAUSTED,
        )

    def answer(self) -> RawAnswer:
        """The same of a request that is no poll."""
        text, refused = f"{self.reason}: {self.text}", self.reason in _FOR_PEOPLE
        rejected = self.reason is MissReason.REJECTED
        return RawAnswer(b"", text, self.charged, refused, rejected, self.pause)


class Http:
    """HTTP session that opens on first use, on the running loop, and makes one request a call."""

    def __init__(
        self, headers: Mapping[str, str], secret: str, limits: Limits, proxy: SecretStr | None = None
    ) -> None:
        """`proxy`: through which one; None: as the environment says."""
        self._headers = dict(headers)
        self._secret = secret
        self._limits = limits
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: URL) -> Body | HttpFailure:
        """Make one GET request, sent exactly as `url` is written."""
        return await self._request("GET", url, _WHOLE)

    async def ask(self, root: str, call: RawCall) -> RawAnswer:
        """Make one request of any method below `root`."""
        url = URL(f"{root}{call.path}", encoded=True).with_query(call.query)
        answer = await self._request(call.method, url, _TAKEN)
        return RawAnswer(answer.data) if isinstance(answer, Body) else answer.answer()

    async def _request(self, method: str, url: URL, fine: Collection[int]) -> Body | HttpFailure:
        import asyncio

        from watcher.system.connections import proxy_for
        from watcher.system.http_client import aiohttp, client_context

        host = url.host or ""
        status = 0
        sent: list[bool] = []
        try:
            proxy = proxy_for(url.scheme, host, url.port or 443, self._proxy)
        except ValueError as error:
            return HttpFailure(MissReason.UNREACHABLE, str(error), charged=0)
        secure = url.scheme == "https"
        if secure and self._session is None:
            await asyncio.to_thread(client_context)  # 20 ms the first time
        # A few times round the loop: whatever the other side has closed by now is then known to be closed.
        for _ in range(3):
            await asyncio.sleep(0)
        try:
            # The headers of a session go to the proxy as well; those of a request only through the tunnel.
            async with self._opened(secure=secure).request(
                method,
                url,
                headers=self._headers,
                allow_redirects=False,
                proxy=proxy,
                trace_request_ctx=sent,
            ) as response:
                status = response.status
                if status in fine:
                    return await self._body(response)
                return await self._refusal(response)
        except (aiohttp.ClientError, OSError) as error:
            reason, text = await self._fault(error, host, status, proxied=proxy is not None)
            # What was never sent cannot have been charged.
            return HttpFailure(reason, text, status, None if sent else 0)

    async def _fault(
        self, error: Exception, host: str, status: int, *, proxied: bool
    ) -> tuple[MissReason, str]:
        from watcher.system.connections import cause
        from watcher.system.http_client import aiohttp

        if isinstance(error, aiohttp.ConnectionTimeoutError):
            seconds = f"{self._limits.connect_timeout.total_seconds():g}"
            return MissReason.UNREACHABLE, f"{host} took no connection within {seconds} s"
        if isinstance(error, TimeoutError):
            seconds = f"{self._limits.timeout.total_seconds():g}"
            what = "stopped in the middle of its answer" if status else "did not answer"
            return MissReason.TIMEOUT, f"{host} {what} within {seconds} s"
        broken = aiohttp.ClientPayloadError | aiohttp.ClientResponseError
        if isinstance(error, broken) and not isinstance(error, aiohttp.ClientHttpProxyError):
            return MissReason.MALFORMED, f"the answer of {host} broke off or cannot be decoded"
        return MissReason.UNREACHABLE, await cause(error, host, proxied=proxied)

    def _opened(self, *, secure: bool) -> aiohttp.ClientSession:
        from watcher.system.http_client import aiohttp, connector

        if self._session is None:
            limits = self._limits
            session = aiohttp.ClientSession(
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": f"balance-watcher/{__version__}",
                },
                timeout=aiohttp.ClientTimeout(
                    total=limits.timeout.total_seconds(),
                    connect=None,
                    sock_connect=limits.connect_timeout.total_seconds(),
                ),
                # Two more than the pollers use: a look at the provider's own count and one for hints must
                # neither wait for a poll nor hold one back, since what waits here is booked as sent.
                connector=connector(
                    secure=secure, limit=limits.concurrency + 2, keepalive_timeout=REUSED_FOR
                ),
                trace_configs=[_noting_what_is_sent()],
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
            # aiohttp sends a GET again by itself when a kept-alive connection breaks. The
            # provider may have charged for the first one: one call, one request.
            session._retry_connection = False  # noqa: SLF001
            self._session = session
        return self._session

    async def _body(self, response: aiohttp.ClientResponse) -> Body | HttpFailure:
        host = response.url.host
        if "html" in response.content_type:
            return HttpFailure(MissReason.MALFORMED, f"{host} sent a web page instead of JSON", 200)
        data = await _read(response, self._limits.max_body)
        if data is None:
            # What is not read would keep the connection busy for ever.
            response.close()
            megabytes = self._limits.max_body // (1024 * 1024)
            return HttpFailure(
                MissReason.TOO_LARGE, f"the answer of {host} is longer than {megabytes} MB", 200
            )
        if data[:64].lstrip()[:1] == b"<":
            return HttpFailure(MissReason.MALFORMED, f"{host} sent a web page instead of JSON", 200)
        return Body(data)

    async def _refusal(self, response: aiohttp.ClientResponse) -> HttpFailure:
        host, status = response.url.host, response.status
        if 300 <= status < 400:
            response.close()
            text = (
                f"{host} answered {status} and points elsewhere; redirects are not followed, check base_url"
            )
            return HttpFailure(MissReason.REDIRECTED, text, status)
        data = await _read(response, _MAX_ERROR_BODY)
        if data is None:
            response.close()
        said = self._message(data or b"")
        text = f"{host} answered {status}" + (f": {said}" if said else "")
        reason = self._reason(status, said)
        # 401, 406 and 429 are turned away at the door. Whether other refusals cost credits is
        # documented nowhere, so they count as charged.
        charged = 0 if status in {401, 402, 406, 429} else None
        pause = _pause(response.headers)
        if reason is MissReason.RATE_LIMITED and pause is None:
            pause = self._limits.throttle_pause
        return HttpFailure(reason, text, status, charged, pause if status in {429, 503} else None)

    def _reason(self, status: int, said: str) -> MissReason:
        if self._limits.sells_credits and (
            status in {402, 406} or (status == 429 and _CREDIT.search(said) is not None)
        ):
            return MissReason.EXHAUSTED
        named = {
            401: MissReason.UNAUTHORIZED,
            403: MissReason.FORBIDDEN,
            408: MissReason.TIMEOUT,
            429: MissReason.RATE_LIMITED,
        }
        return named.get(status, MissReason.SERVER_ERROR if status >= 500 else MissReason.REJECTED)

    def _message(self, data: bytes) -> str:
        """The provider's own words, if its error is JSON; cut, printable, without our key."""
        try:
            error = msgspec.json.decode(mended(data) or data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        if not isinstance(error, dict):
            return ""
        folded = {str(key).lower(): value for key, value in error.items()}
        said = [value for key in ("message", "error") if isinstance(value := folded.get(key), str)]
        details = folded.get("details")
        if isinstance(details, list) and details and isinstance(details[0], dict):
            said += [v for k, v in details[0].items() if str(k).lower() == "message" and isinstance(v, str)]
        text = _UNPRINTABLE.sub(" ", "; ".join(dict.fromkeys(said))).replace(self._secret, "***")
        return text if len(text) <= 160 else text[:157] + "..."


async def get_once(url: str, headers: Mapping[str, str], secret: str) -> Body | HttpFailure:
    """Answer to one GET request in a session of its own, for whoever sets things up."""
    http = Http(headers, secret, Limits(timedelta(seconds=20), timedelta(seconds=10)))
    try:
        return await http.get(URL(url))
    finally:
        await http.close()


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The decoded body, or None as soon as it is longer than `limit` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _noting_what_is_sent() -> aiohttp.TraceConfig:
    """Of each request: whether it went out at all. The list that comes with it is then no longer empty."""

    from watcher.system.http_client import aiohttp

    async def note(_session: object, context: Any, _params: object) -> None:
        context.trace_request_ctx.append(True)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(note)
    return tracing


def _pause(headers: Mapping[str, str]) -> timedelta | None:
    """How long the provider wants quiet, from `Retry-After` or `X-Rate-Limit-Reset`.

    Times of day are counted from the answer's own `Date`, so that a wrong clock on either side does not
    matter; without a `Date` they say nothing. More than a day is no wait but a mistake (a time of day where
    seconds should be), and says nothing either: nobody should be blind for it.
    """
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        asked = timedelta(seconds=int(after)) if len(after) < 7 else None
        return asked if asked is not None and asked <= _MAX_PAUSE else None
    sent = _http_date(headers.get("Date", ""))
    # These describe the longest period (TEOS docs); with calls left in it, it is not the one that blocks.
    left = headers.get("X-Rate-Limit-Remaining", "0").strip()
    reset = headers.get("X-Rate-Limit-Reset", "") if left == "0" else ""
    until = _http_date(after) or _iso_date(reset)
    if sent is None or until is None:
        return None
    asked = max(until - sent, timedelta(seconds=1))
    return asked if asked <= _MAX_PAUSE else None


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _iso_date(text: str) -> datetime | None:
    # The rate limiter writes seven digits of a second; Python reads six.
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip()))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
