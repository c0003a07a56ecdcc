"""The server: who may ask, what every answer carries, and how faults look from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from watcher.config.web import WebSettings
from watcher.domain.values.errors import StoreError
from watcher.ports.hints import Posting
from watcher.ports.on_demand import OnDemandPolls
from watcher.web import static_files
from watcher.web.access import FOR_SCRIPTS, NOT_HERE, ONLY_LOOK, OPEN, SAFE, SIGNED, Access
from watcher.web.ack_links import PATH as LINKS
from watcher.web.ack_links import AckLinks
from watcher.web.api import Api
from watcher.web.callers import CALLER, Caller
from watcher.web.connection_limits import ConnectionLimits, connection_of
from watcher.web.errors import ErrorPages, reads_html
from watcher.web.forms import Forms
from watcher.web.health import Health
from watcher.web.hints import HintPosts
from watcher.web.holdings import AllHoldings
from watcher.web.lanes import LANE, Lane, lane_of
from watcher.web.login import LoginPages
from watcher.web.parameters import path_below
from watcher.web.security_headers import secure
from watcher.web.site import Site
from watcher.web.snapshot import PageSnapshots

log = logging.getLogger(__name__)
requests = log.getChild("requests")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST = 32 * 1024
"""Bytes of a request body: what five hundred ticked boxes and a long comment take."""
AT_ONCE = 2
"""Answers that are made at the same time, in each lane."""

_NONE: Mapping[str, Posting] = MappingProxyType({})


class Server:
    """Listens from `start` to `stop`. OSError from `start` if the address cannot be had."""

    def __init__(
        self,
        snapshots: PageSnapshots,
        settings: WebSettings,
        postings: Mapping[str, Posting] = _NONE,
        polls: OnDemandPolls | None = None,
    ) -> None:
        """`postings`: the hint sources that are posted to, by their names. `polls`: who takes what people
        want read now; None where no daemon runs."""
        self._snapshots, self._settings = snapshots, settings
        self._base = settings.public_path
        self._limits = ConnectionLimits(snapshots.clock, settings.proxies, requests)
        self._access = Access(settings, snapshots.clock, self._limits)
        self._forms = Forms(self._base, possible=settings.guarded, proxies=settings.proxies)
        self._holdings = AllHoldings(snapshots)
        self._site = Site(snapshots, self._forms, self._holdings, base=self._base, polls=polls)
        self._logins = LoginPages(self._access, self._forms, self._site.bare, self._base)
        self._errors = ErrorPages(self._site.bare, self._site.ways)
        self._limits.broken = self._errors.broken
        self._links = AckLinks(snapshots, settings, self._limits, self._site.bare)
        self._paths = dict.fromkeys(("", self._base))
        self._posts = HintPosts(postings, snapshots.clock, self._limits, settings.proxies, snapshots.metrics)
        self._health = Health(snapshots)
        self._places = {lane: asyncio.Semaphore(AT_ONCE) for lane in Lane}
        self._runner: web.AppRunner | None = None
        self._warming: asyncio.Task[None] | None = None
        self.url = ""

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and address of all that is answered while it listens, below the base too."""
        app = self._runner.app if isinstance(self._runner, web.AppRunner) else None
        known = app.router.routes() if app is not None else ()
        return [(each.method, each.resource.canonical) for each in known if each.resource is not None]

    async def start(self) -> None:
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST)
        routes = [
            *self._health.routes(),
            *Api(self._snapshots, self._holdings, token=self._settings.guarded).routes(),
            *self._site.routes(),
            *self._links.routes(),
            *(self._logins.routes() if self._access.has_tokens else ()),
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
        self._limits.close()
        self._holdings.close()
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
            response = await self._admit(request) or await self._answered(request, handler)
            self._forms.keep_name(request, response, secure=self._access.is_https(request))
        except web.HTTPException as error:
            response = self._refusal(request, error)
            if error.status == web.HTTPTooManyRequests.status_code or not request.content.is_eof():
                response.force_close()  # what is still sent is not read
        except StoreError as error:
            response = self._errors.answer(request, 503, str(error))
        return response

    def _refusal(self, request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        if request.method == "OPTIONS" and isinstance(error, web.HTTPMethodNotAllowed):
            return web.Response(status=204, headers={"Allow": f"{error.headers['Allow']},OPTIONS"})
        again = self._logins.again_for(request, error)
        return again or self._errors.of(request, path_below(self._base, request.path), error)

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A few at a time in each lane: of a crowd that asks at once each would else take a turn of the loop
        before a poll or a delivery got its next one (benchmarks/crowd.py)."""
        lane = lane_of(request.method, path_below(self._base, request.path))
        LANE.set(lane)
        async with self._places[lane] if lane is not Lane.FREE else nullcontext():
            return await handler(request)

    async def _admit(self, request: web.Request) -> web.StreamResponse | None:
        """Find out who asks, and see that they may. None if they may; else an answer, or a refusal."""
        path = path_below(self._base, request.path)
        if request.path.startswith(SIGNED):
            return None
        self._access.check_host(request)
        if path.startswith(LINKS):
            return None
        acts = request.method not in SAFE
        if acts and self._access.is_foreign(request):
            raise web.HTTPForbidden(text="a page of another site sent this; open the page, and do it there")
        if path.startswith(OPEN):
            return None
        caller = self._access.caller(request)
        if caller is None:
            return await self._ask_who(request, path)
        request[CALLER] = caller
        if acts:
            await self._check_act(request, caller)
        return None

    async def _ask_who(self, request: web.Request, path: str) -> web.StreamResponse:
        if not self._access.has_tokens:
            raise web.HTTPForbidden(text="nobody says who you are; open the page by its sign-on")
        if path.startswith(FOR_SCRIPTS) or not reads_html(request):
            headers = {"WWW-Authenticate": "Bearer"}
            raise web.HTTPUnauthorized(text="a token is needed: Authorization: Bearer TOKEN", headers=headers)
        return await self._logins.instead(request)

    async def _check_act(self, request: web.Request, caller: Caller) -> None:
        """Whatever changes something: no page need think of it."""
        if request.match_info.http_exception is not None:
            return  # there is nothing to be changed at this address
        if not caller.may_act:
            raise web.HTTPForbidden(text=ONLY_LOOK if self._settings.guarded else NOT_HERE)
        await self._forms.check(request)


async def _with_headers(_request: web.Request, response: web.StreamResponse) -> None:
    secure(response)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a fault is the server's. What cannot be read as HTTP is the caller's: it is answered with a
    400, and its text is not logged, since it may hold a token."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


requests.addFilter(_is_ours)
