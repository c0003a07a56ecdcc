"""Who may what: everything that a request says of who sent it, and whether that is believed.

A token is compared in a time that tells nothing, and wrong ones are counted. A session stands for the token
that it began with, and ends with it. A reverse proxy's word for who asks is believed of the proxy itself,
the other end of the connection, and of nobody who claims to come from there.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from aiohttp import web

from watcher.config.web import Credential, SignOnSettings, WebSettings
from watcher.domain.values.normalization import one_form
from watcher.ports.clock import Clock
from watcher.system.addresses import is_loopback
from watcher.web.callers import Caller, How
from watcher.web.connection_limits import ConnectionLimits
from watcher.web.login_throttle import MINUTE, WRONG, LoginThrottle, asker, is_proxy
from watcher.web.own_name import is_name, remembered
from watcher.web.sessions import LASTS, key_of, sessions

COOKIE = "watcher"
OPEN = ("/healthz", "/login", "/logout", "/static/", "/a/")
"""What is answered whoever asks; the pages are not. A link to acknowledge brings its own word."""
FOR_SCRIPTS = ("/api/", "/metrics", "/readyz", "/news")
"""What no person opens: there is no login in place of it."""
SIGNED = "/hints/"
"""What is answered under any name of this machine, too: each request there is signed."""
SAFE = ("GET", "HEAD", "OPTIONS")
ONLY_LOOK = "you may look here, and not act"
NOT_HERE = "nothing can be done from a page that asks nobody who they are; set a token under web:"


class Login(NamedTuple):
    """A token as it is compared: its digest, whose it is, and what it lets them do."""

    key: bytes
    credential: Credential

    def caller(self, how: How, own_name: str = "") -> Caller:
        name, may_act = self.credential.name, self.credential.may == "act"
        own = own_name if may_act else ""
        return Caller(own or name, may_act, ".".join(self.credential.place[:2]), how)


class Access:
    """Finds out who asks, lets in who may come, and ends what has ended."""

    def __init__(self, settings: WebSettings, clock: Clock, limits: ConnectionLimits) -> None:
        self._settings, self._clock, self._limits = settings, clock, limits
        self._logins = [Login(key_of(each.secret.get_secret_value()), each) for each in settings.credentials]
        self._sign_on, self._proxies = settings.sign_on, settings.proxies
        self._throttle = LoginThrottle()

    @property
    def has_tokens(self) -> bool:
        """Whether there is anything that somebody could log in with."""
        return bool(self._logins)

    def caller(self, request: web.Request) -> Caller | None:
        """Who asks; None if it is not known, and has to be. 4xx if what they say of it is wrong."""
        if not self._settings.guarded:
            return Caller()
        name = self._signed_on(request)
        if name and self._sign_on is not None:
            return Caller(name, _may_act(self._sign_on, name), f"sign-on {name}", How.SIGN_ON)
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given:
            login = self._login(request, given.strip())
            return login.caller(How.TOKEN) if login is not None else None
        login = self._session(request)
        return login.caller(How.SESSION, remembered(request)) if login is not None else None

    def check_host(self, request: web.Request) -> None:
        """421 if an open page is asked for under a strange name: a page of another site can make a browser
        ask here under that site's name, and would then read the answer."""
        name = _name_in(request.host)
        if not self._settings.guarded and not (_is_local(name) or name.lower() == self._settings.public_host):
            raise web.HTTPMisdirectedRequest(text="ask by the address that this page listens on")

    def is_foreign(self, request: web.Request) -> bool:
        """Whether a browser sends what a page of another site made it send. What no browser sent has no word
        for it."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = request.headers.get("Origin")
        return origin is not None and not self.is_our_place(request, _place_in(origin))

    def is_our_place(self, request: web.Request, place: str) -> bool:
        """Whether host and port are those by which somebody asks, or those of the public address."""
        return bool(place) and place.lower() in (request.host.lower(), _place_in(self._settings.url or ""))

    def is_of_our_page(self, request: web.Request) -> bool:
        """Whether a browser says that a page of ours made it send this."""
        told = any(name in request.headers for name in ("Sec-Fetch-Site", "Origin"))
        return told and not self.is_foreign(request)

    def is_https(self, request: web.Request) -> bool:
        """Whether who asks does so over https: to this machine, or to the proxy before it."""
        public = (self._settings.url or "").startswith("https:")
        told = request.headers.get("X-Forwarded-Proto") == "https" and is_proxy(request, self._proxies)
        # A browser that says that it came by http, past the proxy, would not keep such a cookie.
        plain = request.headers.get("Origin", "").startswith("http:")
        return request.secure or ((public or told) and not plain)

    def log_in(self, request: web.Request, token: str) -> tuple[Caller, str] | None:
        """Who shows this token, and the cookie of their new session; None if it is not one of ours."""
        login = self._login(request, token)
        if login is None:
            return None
        cookie = sessions().begin(login.key, self._clock.monotonic())
        return login.caller(How.SESSION, remembered(request)), cookie

    def keep(self, request: web.Request, response: web.StreamResponse, cookie: str) -> None:
        """Have the browser keep a session."""
        path, secure = f"{self._settings.public_path}/", self.is_https(request)
        response.set_cookie(
            COOKIE, cookie, max_age=int(LASTS), path=path, httponly=True, samesite="Strict", secure=secure
        )

    def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """End a session, and have the browser forget it."""
        sessions().end(request.cookies.get(COOKIE, ""))
        for path in dict.fromkeys((f"{self._settings.public_path}/", "/")):
            response.del_cookie(COOKIE, path=path)

    def _signed_on(self, request: web.Request) -> str:
        """Who asks by the word of a proxy; empty if none says so. 400 if it is not clear."""
        if self._sign_on is None or not (given := request.headers.getall(self._sign_on.header, [])):
            return ""
        if not is_proxy(request, self._proxies):
            who = asker(request)
            told = f"{self._sign_on.header} is not believed of {who}, which is not under web.proxies"
            self._limits.warn("sign-on", told)
            return ""
        name = one_form(given[0].strip())
        if len(given) > 1 or "," in name:
            text = f"{self._sign_on.header} came twice; the proxy must set it, and not add to what was sent"
            raise web.HTTPBadRequest(text=text)
        if name and not is_name(name):
            raise web.HTTPBadRequest(text=f"{self._sign_on.header} holds no name that can be kept")
        return name

    def _session(self, request: web.Request) -> Login | None:
        cookie = request.cookies.get(COOKIE, "")
        key = sessions().token(cookie, self._clock.monotonic()) if cookie else None
        return next((each for each in self._logins if each.key == key), None)

    def _login(self, request: web.Request, given: str) -> Login | None:
        """Compared with every token, in a time that tells nothing; wrong ones are counted."""
        key, found = key_of(given), None
        for each in self._logins:
            if hmac.compare_digest(key, each.key):
                found = each
        if found is None:
            who = asker(request, self._proxies)
            if self._throttle.wrong(who, self._clock.monotonic()):
                told = f"more than {WRONG} wrong tokens for the page in a minute, from {who}"
                self._limits.warn("token", told)
                text = "too many wrong tokens from this address; wait a minute"
                raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{MINUTE:.0f}"})
        return found


def _may_act(sign_on: SignOnSettings, name: str) -> bool:
    return sign_on.may == "act" or name in sign_on.act


def _place_in(address: str) -> str:
    """Host and port of an address, as a browser writes them."""
    _, _, rest = address.partition("://")
    return rest.partition("/")[0].lower()


def _name_in(host: str) -> str:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]")


def _is_local(name: str) -> bool:
    return not name or is_loopback(name)
