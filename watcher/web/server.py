"""The server: who may ask, what every answer carries, and how faults look from outside."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from watcher.config.models import WebSettings
from watcher.domain.values.errors import StoreError
from watcher.ports.hints import Posting
from watcher.system.connections import is_loopback
from watcher.web import static_files
from watcher.web.ack_links import PATH, AckLinks
from watcher.web.api import Api
from watcher.web.callers import CALLER, Caller
from watcher.web.connection_limits import ConnectionLimits, connection_of
from watcher.web.forms import Forms
from watcher.web.health import Health
from watcher.web.hints import HintPosts
from watcher.web.holdings import AllHoldings
from watcher.web.lanes import LANE, Lane, lane_of
from watcher.web.login_throttle import MINUTE, WRONG, LoginThrottle, asker
from watcher.web.parameters import form_of, path_below
from watcher.web.sessions import LASTS, sessions_of
from watcher.web.site import Site
from watcher.web.snapshot import PageSnapshots

log = logging.getLogger(__name__)
requests = log.getChild("requests")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
COOKIE = "watcher"
OPEN = ("/healthz", "/login", "/static/", PATH)
"""What is answered without the token; the page itself is not. A link to acknowledge brings its own word."""
HINTS = "/hints/"
"""What is answered under any name of this machine, too: each request there is signed."""
KEPT = ("Allow", "Location", "Retry-After")
LARGEST = 32 * 1024
"""Bytes of a request body: what five hundred ticked boxes and a long comment take."""
TURN = 0.001
AT_ONCE = 2
"""Answers that are made at the same time, in each lane."""

_HERE = re.compile(r"/[A-Za-z0-9._~%-][A-Za-z0-9._~%/-]{0,500}")
"""A page of ours, as somebody asked for it before the login; never one of another host. A query may hold what
is secret, and is left out."""

_NONE: Mapping[str, Posting] = MappingProxyType({})


class Server:
    """Listens from `start` to `stop`. OSError from `start` if the address cannot be had."""

    def __init__(
        self, snapshots: PageSnapshots, settings: WebSettings, postings: Mapping[str, Posting] = _NONE
    ) -> None:
        """`postings`: the hint sources that are posted to, by their names."""
        self._snapshots, self._settings = snapshots, settings
        self._token = settings.token.get_secret_value() if settings.token else ""
        self._sessions, self._throttle = sessions_of(self._token), LoginThrottle()
        self._limits = ConnectionLimits(snapshots.clock, settings.proxies, requests)
        self._base = settings.public_path
        forms, self._holdings = Forms(self._token.encode(), self._base), AllHoldings(snapshots)
        self._site = Site(snapshots, forms, self._limits, self._holdings, base=self._base)
        self._links = AckLinks(snapshots, settings, self._limits, self._site.bare)
        self._paths = dict.fromkeys(("", self._base))
        self._posts = HintPosts(postings, snapshots.clock, self._limits, settings.proxies, snapshots.metrics)
        self._health = Health(snapshots)
        self._places = {lane: asyncio.Semaphore(AT_ONCE) for lane in Lane}
        self._runner: web.AppRunner | None = None
        self._warming: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        # Threads of Python take turns. At the usual 5 ms a turn the loop that polls and tells waited over
        # 100 ms for a crowd of readers of 10,000 accounts; at 1 ms it waits 30 (benchmarks/page.py).
        sys.setswitchinterval(min(sys.getswitchinterval(), TURN))
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST)
        routes = [
            *self._health.routes(),
            *Api(self._snapshots, token=bool(self._token)).routes(),
            *self._site.routes(),
            *self._links.routes(),
            web.post("/login", self._login),
            web.post("/logout", self._logout),
            *static_files.routes(),
        ]
        for base in self._paths:  # a proxy hands the path of the public address on, or takes it away
            app.add_routes([web.RouteDef(each.method, base + each.path, each.handler, {}) for each in routes])
        app.add_routes(self._posts.routes())
        app.on_response_prepare.append(_with_headers)
        self._runner = web.AppRunner(
            app, access_log=None, logger=requests, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        self._warming = asyncio.create_task(self._site.warm())
        host, port = await self._limits.open(self._settings.host, self._settings.port, self._runner)
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        self._site.leave()
        self._limits.close()
        if self._warming is not None:
            self._warming.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._health.stop()
        await self._snapshots.close()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connection_of(request)
        with connection.answered() if connection is not None else nullcontext():
            await asyncio.sleep(0)  # whoever sends many requests at once does not hold the loop with them
            return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return self._refusal(request) or await self._answered(request, handler)
        except web.HTTPException as error:
            response = _as_answer(request, error.status, error.text or error.reason)
            response.headers.update({k: v for k, v in error.headers.items() if k in KEPT})
            if error.status == web.HTTPTooManyRequests.status_code or not request.content.is_eof():
                response.force_close()  # what is still sent is not read
            return response
        except StoreError as error:
            return _as_answer(request, 503, str(error))

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A few at a time in each lane: of a crowd that asks at once each would else take a turn of the loop
        before a poll or a delivery got its next one (benchmarks/crowd.py)."""
        lane = lane_of(request.method, self._path(request))
        LANE.set(lane)
        async with self._places[lane] if lane is not Lane.FREE else nullcontext():
            return await handler(request)

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.path.startswith(HINTS):
            return None
        if not self._token:
            # A page of another site can make a browser ask here under that site's name: refuse the name.
            name = _name_in(request.host)
            if not _is_local(name) and name.lower() != self._settings.public_host:
                return _as_answer(request, 421, "ask by the address that this page listens on")
            return None
        path = self._path(request)
        if path.startswith(OPEN):
            return None
        if self._is_known(request):
            request[CALLER] = Caller(may_act=True)
            return None
        if path.startswith(("/api/", "/metrics", "/readyz", "/events")):
            return _as_answer(request, 401, "a token is needed: Authorization: Bearer TOKEN")
        return self._site.login_page("", request.rel_url.raw_path if request.method == "GET" else "")

    def _path(self, request: web.Request) -> str:
        """Which of our addresses is asked for, without the path of the public address."""
        return path_below(self._base, request.path)

    def _is_known(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given:
            return self._is_token(request, given.strip())
        cookie = request.cookies.get(COOKIE, "")
        return bool(cookie) and self._sessions.holds(cookie, self._snapshots.clock.monotonic())

    def _is_token(self, request: web.Request, given: str) -> bool:
        """Compared in a time that tells nothing; wrong ones are counted."""
        if hmac.compare_digest(_bytes(given), self._token.encode()):
            return True
        who = asker(request, self._settings.proxies)
        if self._throttle.wrong(who, self._snapshots.clock.monotonic()):
            self._limits.warn("token", f"more than {WRONG} wrong tokens for the page in a minute, from {who}")
            text = "too many wrong tokens from this address; wait a minute"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{MINUTE:.0f}"})
        return False

    async def _login(self, request: web.Request) -> web.StreamResponse:
        form = await form_of(request)
        given, wanted = form.get("token", ""), str(form.get("wanted", ""))
        if not self._token or not isinstance(given, str) or not self._is_token(request, given):
            return self._site.login_page("This is not the token.", wanted)
        cookie = self._sessions.begin(self._snapshots.clock.monotonic())
        response = web.Response(
            status=303, headers={"Location": wanted if _HERE.fullmatch(wanted) else f"{self._base}/"}
        )
        response.set_cookie(
            COOKIE, cookie, max_age=int(LASTS), httponly=True, samesite="Strict", secure=request.secure
        )
        return response

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        self._sessions.end(request.cookies.get(COOKIE, ""))
        response = web.Response(status=303, headers={"Location": f"{self._base}/"})
        response.del_cookie(COOKIE)
        return response


async def _with_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "watcher"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _bytes(text: str) -> bytes:
    """Headers may hold bytes that are no text; they come as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a fault is the server's. What cannot be read as HTTP is the caller's: it is answered with a
    400, and its text is not logged, since it may hold a token."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


requests.addFilter(_is_ours)


def _name_in(host: str) -> str:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]")


def _is_local(name: str) -> bool:
    return not name or is_loopback(name)


def _as_answer(request: web.Request, status: int, text: str) -> web.Response:
    if "/api/" in request.path:
        return web.json_response({"error": text}, status=status)
    return web.Response(status=status, text=text + "\n")
