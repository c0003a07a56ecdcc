"""The way in and out: the form that asks for a token leads back to where one was, with what one wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

from aiohttp import web
from multidict import MultiMapping

from watcher.web.access import SAFE, Access
from watcher.web.callers import CALLER, caller_of
from watcher.web.errors import reads_html, sentence
from watcher.web.forms import NAME, SENT, WORD, Forms, StaleFormError
from watcher.web.parameters import FORM, Parameters, form_of, path_below

_HERE = re.compile(
    r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,1000})?(?:\?[!-~]{0,1000})?"
)
"""A page of ours, as somebody asked for it before the login; never one of another host."""
_SECRET = ("t", "token")
"""Names in a query whose values are written nowhere."""
KEPT = "kept."
"""How the names of fields begin that were written into another form."""
MOST_KEPT = 600
_LABELS = {NAME: "Your name", "comment": "Comment", "for": "For", "lasting": "or as long as"}
"""The fields that people write into, as they are called; in the rest of a form nothing is to be mended."""

_DEEDS = {
    "/alerts/ack": "Acknowledge", "/alerts/silence": "Silence", "/silences": "Silence",
    "/silences/end": "End the silence", "/outbox/retry": "Send again", "/outbox/drop": "Drop",
    "/channels/test": "Send a test",
}  # fmt: skip
"""What the buttons of forms do, by where these go."""

Render = Callable[..., str]
Field = tuple[str, str]


class LoginPages:
    """`/login` and `/logout`, and the form in place of a page that is not for everybody."""

    def __init__(self, access: Access, forms: Forms, render: Render, base: str) -> None:
        """`render`: renders a template that shows nothing of the store."""
        self._access, self._forms, self._render, self._base = access, forms, render, base

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/login", self.ask), web.post("/login", self.log_in), web.post("/logout", self.log_out),
        ]  # fmt: skip

    async def ask(self, request: web.Request) -> web.Response:
        """The form, for whoever comes for it."""
        Parameters(request.query, ())
        return self._form("", f"{self._base}/", f"{self._base}/", [], status=200)

    async def instead(self, request: web.Request) -> web.Response:
        """The form in place of what was asked for, which it leads to, with what was written."""
        if _may_be_hidden(request):
            page = self._render("bounce.html", path=self._asked(request))
            return web.Response(text=page, content_type="text/html")
        if request.method in SAFE:
            return self._form("", self._asked(request), "", [])
        fields, before = list[Field](), self.before(request)
        if request.content_type == FORM and self._access.is_of_our_page(request):
            fields = _written(await form_of(request))
        return self._form("", self._asked(request) if fields else before, before, fields)

    async def log_in(self, request: web.Request) -> web.Response:
        form = await form_of(request)
        given, wanted, before = (str(form.get(name, "")) for name in ("token", "wanted", "before"))
        wanted = wanted if _is_here(wanted) else f"{self._base}/"
        before = before if _is_here(before) else f"{self._base}/"
        fields = [(name.removeprefix(KEPT), value) for name, value in _written(form) if name.startswith(KEPT)]
        found = self._access.log_in(request, given)
        if found is None:
            return self._form("This is not the token.", wanted, before, fields)
        request[CALLER], cookie = found
        if fields:
            why = "Your session had ended, and nothing was done."
            response = self._again(request, (wanted, before), fields, why)
        else:
            response = web.Response(status=303, headers={"Location": wanted})
        self._access.keep(request, response, cookie)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        # What the browser has kept of the pages goes, too: the way back leads to none of them.
        headers = {"Location": f"{self._base}/", "Clear-Site-Data": '"cache"'}
        response = web.Response(status=303, headers=headers)
        self._access.log_out(request, response)
        return response

    def again_for(self, request: web.Request, error: web.HTTPException) -> web.Response | None:
        """The form once more that was refused, with what was written; None if it was not one of ours."""
        if not reads_html(request):
            return None
        if isinstance(error, StaleFormError) and self._access.is_of_our_page(request):
            why, fields = "The form was too old, and nothing was done.", _written(error.form)
        elif error.status == web.HTTPBadRequest.status_code and (form := request.get(SENT)) is not None:
            why, fields = sentence(error.text or error.reason), _written(form)
        else:
            return None
        where = self._asked(request), self.before(request)
        return self._again(request, where, fields, why, status=error.status) if fields else None

    def _again(
        self,
        request: web.Request,
        where: tuple[str, str],
        fields: Sequence[Field],
        why: str,
        *,
        status: int = 200,
    ) -> web.Response:
        """What was written, to be sent with one press. `where`: where to, and where it was written."""
        caller, (path, before) = caller_of(request), where
        below = path_below(self._base, unquote(urlsplit(path).path))
        mine = [(name, value) for name, value in fields if not (caller.signed_on and name == NAME)]
        page = self._render(
            "again.html", deed=_DEEDS.get(below, "Send"), path=path, before=before, why=why,
            may=caller.may_act,
            word_field=WORD, word=self._forms.word(caller, below),
            written=[(_LABELS[name], name, value) for name, value in mine if name in _LABELS],
            chosen=[name for name, _ in mine].count("id"),
            rest=[(name, value) for name, value in mine if name not in _LABELS],
        )  # fmt: skip
        return web.Response(status=status, text=page, content_type="text/html")

    def before(self, request: web.Request) -> str:
        """The page of ours from which something was sent; the overview if it is not known."""
        parts = urlsplit(request.headers.get("Referer", ""))
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        ours = self._access.is_our_place(request, parts.netloc) and _is_here(path)
        return path if ours else f"{self._base}/"

    def _asked(self, request: web.Request) -> str:
        """What was asked for, below the base; without a query that holds a secret."""
        path = self._base + path_below(self._base, request.rel_url.raw_path)
        query = "" if set(_SECRET) & set(request.query) else request.rel_url.raw_query_string
        asked = f"{path}?{query}" if query else path
        return asked if _is_here(asked) else f"{self._base}/"

    def _form(
        self, wrong: str, wanted: str, before: str, fields: Sequence[Field], *, status: int = 401
    ) -> web.Response:
        kept = [(KEPT + name, value) for name, value in fields]
        page = self._render("login.html", wrong=wrong, wanted=wanted, before=before, fields=kept)
        headers = {"WWW-Authenticate": "Bearer"} if status == web.HTTPUnauthorized.status_code else {}
        return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def _may_be_hidden(request: web.Request) -> bool:
    """Whether a session may be there that the browser did not show: it comes from a link on another site."""
    told = [request.headers.get(f"Sec-Fetch-{name}") for name in ("Site", "Mode", "Dest")]
    return request.method == "GET" and told == ["cross-site", "navigate", "document"]


def _is_here(path: str) -> bool:
    return _HERE.fullmatch(path) is not None


def _written(form: MultiMapping[object]) -> list[Field]:
    """What somebody wrote into a form; nothing if it is more than people write."""
    fields = [(name, value) for name, value in form.items() if isinstance(value, str) and name != WORD]
    return fields if len(fields) <= MOST_KEPT else []
