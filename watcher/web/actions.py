"""What can be done about alerts and events from the page: acknowledge them, silence their rules on their
wallets, one or many at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from watcher.commands.alerts import Acknowledgement, Silencing, acknowledge, silence_alerts, silence_span
from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted, moment
from watcher.web.forms import Forms, actor_of, text_in
from watcher.web.parameters import refused
from watcher.web.results import ActionResult
from watcher.web.templating import Templating

MOST = 500
"""Things that one form is about."""
NOTHING = ActionResult("Nothing was chosen: tick what is meant, and press again.", well=False)

ALERTS = "/alerts"


class Actions:
    """Writes to the store as the command line does; the daemon sees it at its next decision."""

    def __init__(self, templating: Templating, forms: Forms) -> None:
        self._snapshots, self._results, self._forms = templating.snapshots, templating.results, forms

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/alerts/ack", self.ack), web.post("/alerts/silence", self.silence)]

    async def ack(self, request: web.Request) -> web.StreamResponse:
        """Whoever is named takes care of them."""
        form = await self._forms.read(request)
        ids, comment, store = chosen(form), text_in(form, "comment", needed=False), self._snapshots.store
        actor = actor_of(request, form, self._snapshots.clock.now())
        if not ids:
            return self._results.back(form, NOTHING, ALERTS)
        found = await self._snapshots.work(lambda: acknowledge(store, actor, ids, comment))
        return self._back(form, acknowledged(found, ids))

    async def silence(self, request: web.Request) -> web.StreamResponse:
        """Nobody is told of these rules on these wallets for a while."""
        form = await self._forms.read(request)
        ids, comment, store = chosen(form), text_in(form, "comment", needed=False), self._snapshots.store
        actor = actor_of(request, form, self._snapshots.clock.now())
        try:
            lasting = lasting_in(form)
        except InputError as error:
            raise refused(str(error)) from None
        if not ids:
            return self._results.back(form, NOTHING, ALERTS)
        found = await self._snapshots.work(lambda: silence_alerts(store, actor, ids, lasting, comment))
        return self._back(form, silenced(found))

    def _back(self, form: MultiMapping[object], result: ActionResult) -> web.Response:
        self._snapshots.forget()
        return self._results.back(form, result, ALERTS)


def chosen(form: MultiMapping[object]) -> list[str]:
    """The ids of what a form is about, each once."""
    ids = [each for each in dict.fromkeys(map(str, form.getall("id", []))) if each]
    if len(ids) > MOST:
        raise refused(f"at most {MOST} at once; tick fewer")
    return ids


def lasting_in(form: MultiMapping[object]) -> timedelta:
    """How long something is to last: as it was written, or else as it was chosen. InputError if that is no
    such time."""
    text = str(form.get("lasting", "")).strip() or str(form.get("for", ""))
    try:
        return silence_span(text)
    except InputError as error:
        raise InputError(f"for: {error}") from None


def acknowledged(found: Acknowledgement, ids: Iterable[str]) -> ActionResult:
    """What came of acknowledging, in words."""
    asked = set(ids)
    done = sorted(found.done, key=lambda each: each.id not in asked)
    lines = [
        f"{named(each)}: acknowledged" + ("" if each.id in asked else ", told in the same message")
        for each in done
    ]
    lines += [f"{named(each)}: acknowledged before, {each.acknowledged}" for each in found.already]
    lines += [f"{named(each)}: is {each.state}, there is nothing to acknowledge" for each in found.idle]
    lines += _missing(found.missing)
    words = (
        f"{len(done):,} acknowledged"
        if len(done) > 1
        else "Acknowledged"
        if done
        else "Nothing was acknowledged"
    )
    left = len(found.already) + len(found.idle) + len(found.missing)
    return _result(words, left, lines, well=not left)


def silenced(found: Silencing) -> ActionResult:
    """What came of silencing, in words."""
    lines = [f"{named(each)}: until {moment(made.until)}" for each, made in found.made]
    lines += [
        f"{named(each)}: silenced before, by {silence.author} until {moment(silence.until)}"
        for each, silence in found.already
    ]
    lines += [
        f"{named(each)}: is told once and once when it is over; no silence holds it" for each in found.unheld
    ]
    lines += _missing(found.missing)
    rules = f"{counted(len(found.made), 'rule')} silenced, each on one wallet"
    words = rules if len(found.made) > 1 else "Silenced" if found.made else "Nothing was silenced"
    left = len(found.already) + len(found.unheld) + len(found.missing)
    return _result(words, left, lines, well=not left)


def named(what: Acknowledgeable) -> str:
    """An alert or an event as people know it."""
    return f"{what.rule}, {what.label}"


def _missing(ids: Iterable[str]) -> list[str]:
    return [f"there is no alert or event {each[:40]}" for each in ids]


def _result(words: str, left: int, lines: list[str], *, well: bool) -> ActionResult:
    return ActionResult(f"{words}; {left:,} not" if left else words, lines, well=well)
