"""Silences: of what nobody is told, who wanted that, and until when; a new one; and their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from aiohttp import web

from watcher.commands.alerts import add_silence, check_matchers, end_silences
from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.alerts.silences import Silence
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.normalization import one_form
from watcher.reports.alerts import AlertViews, silence_row
from watcher.reports.rows import AlertRow, SilenceRow
from watcher.web.actions import NOTHING, chosen, lasting_in
from watcher.web.forms import NAME, Forms, actor_of, text_in
from watcher.web.listing import Listing, list_routes, sheet_answer
from watcher.web.results import ActionResult
from watcher.web.templating import PageView, Templating

MATCHERS = ("rule", "wallet", "severity", "tag")
FIELDS = (*MATCHERS, "for", "lasting", "comment", NAME)
SHOWN = 20
"""Alerts that are named of those that a silence would hold."""
HERE = "/silences"
LIST = Listing(others=MATCHERS)

Globs = Mapping[str, tuple[str, ...]]


class SilenceLine(SilenceRow):
    """A silence with what it matches in words, and how many live alerts it holds now."""

    state: str
    matches: str
    live: int


class Draft(TypedDict):
    """Silence that is being written: the fields as they are, what is wrong with them, and what it would
    hold."""

    fields: Mapping[str, str]
    mistake: str
    held: Sequence[AlertRow] | None


class SilencePages:
    """`/silences`."""

    def __init__(self, templating: Templating, forms: Forms) -> None:
        self._templating, self._snapshots, self._forms = templating, templating.snapshots, forms

    def routes(self) -> list[web.RouteDef]:
        shown = list_routes(HERE, self.silences)
        if not self._forms.possible:
            return shown
        return [*shown, web.post(HERE, self.add), web.post(f"{HERE}/end", self.end)]

    async def silences(self, request: web.Request) -> web.Response:
        """All of them; with matchers in the address, what a silence of these would hold."""
        query = LIST.read(request, self._templating.base)
        if query.sheet:
            columns = SilenceRow.__annotations__
            return await sheet_answer(self._templating, request, columns, self._lines)
        return await self._page(request, query.others)

    async def add(self, request: web.Request) -> web.Response:
        """A new one by its matchers. What is wrong is said beside what was written."""
        form = await self._forms.read(request)
        actor = actor_of(request, form, self._snapshots.clock.now())
        comment, store = text_in(form, "comment", needed=False), self._snapshots.store
        fields = {name: str(form.get(name, "")) for name in FIELDS}
        try:
            globs, lasting = self._globs(fields), lasting_in(form)
        except InputError as error:
            return await self._page(request, fields, str(error))
        rules, wallets, severities, tags = (globs[name] for name in MATCHERS)
        made = await self._snapshots.work(
            lambda: add_silence(
                store, actor, lasting, comment, rules=rules, wallets=wallets, severities=severities, tags=tags
            )
        )
        self._snapshots.forget()
        words = f"Silenced until {moment(made.until)}: {made.matched}"
        return self._templating.results.back(form, ActionResult(words), HERE)

    async def end(self, request: web.Request) -> web.Response:
        """Silences that are over now."""
        form = await self._forms.read(request)
        ids, actor = chosen(form), actor_of(request, form, self._snapshots.clock.now())
        if not ids:
            return self._templating.results.back(form, NOTHING, HERE)
        store = self._snapshots.store
        found = await self._snapshots.work(lambda: end_silences(store, actor, ids))
        self._snapshots.forget()
        lines = [f"{each.matched}: ended" for each in found.done]
        lines += [f"silence {each[:40]} is not there, or over already" for each in found.missing]
        words = f"{counted(len(found.done), 'silence')} ended; what still fires is told now"
        if not found.done:
            words = "No silence was ended"
        return self._templating.results.back(form, ActionResult(words, lines, well=not found.missing), HERE)

    async def _page(self, request: web.Request, fields: Mapping[str, str], mistake: str = "") -> web.Response:
        query = LIST.read(request, self._templating.base)
        written = {name: fields.get(name, "") for name in FIELDS}

        def render(view: PageView) -> str:
            lines = self._lines(view)
            standing = [each for each in lines if each["in_force"]]
            over = [each for each in lines if not each["in_force"]]
            return self._templating.render(
                "silences.html", view, standing=standing, found=query.of(over, len(over)),
                draft=self._draft(view, written, mistake), shown=SHOWN,
            )  # fmt: skip

        answer = await self._templating.page(request, render, keep=not mistake)
        if mistake:
            answer.set_status(web.HTTPBadRequest.status_code)
        return answer

    def _lines(self, view: PageView) -> list[SilenceLine]:
        """Those in force first, and of these what ends soonest; then what ended last."""
        snapshot = view.snapshot
        with self._snapshots.store.queries() as reader:
            silences = reader.silences()
        views = AlertViews(self._snapshots.settings, (), snapshot.at)
        alerts, rows = (
            list(snapshot.past.alerts.values()),
            [silence_row(each, snapshot.at) for each in silences],
        )
        lines: list[SilenceLine] = [
            {
                **row,
                "state": "in force" if row["in_force"] else "over",
                "matches": each.matched,
                "live": len(views.matched(each, alerts)) if row["in_force"] else 0,
            }
            for each, row in zip(silences, rows, strict=True)
        ]
        return sorted(
            lines,
            key=lambda row: (not row["in_force"], row["until"].timestamp() * (1 if row["in_force"] else -1)),
        )

    def _draft(self, view: PageView, fields: Mapping[str, str], mistake: str) -> Draft:
        """What a silence of what is written would hold, if anything is."""
        if not any(fields[name] for name in MATCHERS):
            return {"fields": fields, "mistake": mistake, "held": None}
        try:
            globs = self._globs(fields)
        except InputError as error:
            return {"fields": fields, "mistake": str(error), "held": None}
        now, snapshot = view.snapshot.at, view.snapshot
        rules, wallets, severities, tags = (globs[name] for name in MATCHERS)
        drawn = Silence(short_id("draft"), "", "", now, now, rules, wallets, severities, tags)
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, now)
        held = views.rows(views.matched(drawn, list(snapshot.past.alerts.values())))
        return {"fields": fields, "mistake": mistake, "held": held}

    def _globs(self, fields: Mapping[str, str]) -> Globs:
        """What is written, read as the command line reads it. InputError for what cannot be meant."""
        globs = {name: _words(fields[name]) for name in MATCHERS}
        if not any(globs.values()):
            raise InputError("say what to silence: a rule, a wallet, a severity or a tag", "'*' is all")
        rules = self._templating.rules.by_id
        check_matchers(self._snapshots.settings.wallets, rules, globs)
        return globs


def _words(text: str) -> tuple[str, ...]:
    return tuple(one_form(each.strip()) for each in text.split(",") if each.strip())
