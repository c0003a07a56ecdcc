"""Channels: how each fares, and a test message to one of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from aiohttp import web

from watcher.app.presentations import kept_rates, presentations
from watcher.charts.attachments import sample
from watcher.commands.channel_tests import ChannelTest, note_test, send_test
from watcher.config.configuration import build_channels
from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Severity
from watcher.notify.kind import DAYS, QuietHours
from watcher.ports.store import facts_of
from watcher.web.forms import Forms, actor_of
from watcher.web.parameters import Parameters, refused
from watcher.web.results import ActionResult
from watcher.web.templating import PageView, Templating

HERE = "/channels"
A_MINUTE = 3
"""Test messages to one channel."""
MINUTE = 60.0
PATIENCE = 45.0
"""Seconds for which the page waits until a channel has answered."""


class ChannelLine(TypedDict):
    """A channel: what it is, when it last took something, what it is owed, and what troubles it.

    `since`: since when the oldest of what may be told now waits.
    """

    channel: str
    kind: str
    last: datetime | None
    waiting: int
    since: datetime | None
    trouble: str
    quiet: str
    quiet_until: datetime | None
    fallback: str


class ChannelPage:
    """`/channels`. Tests go through channels that are built for them, as those of the command line do."""

    def __init__(self, templating: Templating, forms: Forms) -> None:
        self._templating, self._snapshots, self._forms = templating, templating.snapshots, forms
        self._under_way: dict[str, asyncio.Task[ChannelTest]] = {}
        self._tested: dict[str, deque[float]] = {}

    def routes(self) -> list[web.RouteDef]:
        shown = [web.get(HERE, self.channels)]
        return [*shown, web.post(f"{HERE}/test", self.test)] if self._forms.possible else shown

    async def channels(self, request: web.Request) -> web.Response:
        chosen = Parameters(request.query, ("channel",)).one("channel") or ""

        def render(view: PageView) -> str:
            return self._templating.render(
                "channels.html", view, rows=self._lines(view), severities=list(Severity), chosen=chosen
            )

        return await self._templating.page(request, render)

    async def test(self, request: web.Request) -> web.Response:
        """A test message to one channel; what the service said of it is told on the page."""
        form = await self._forms.read(request)
        name, actor = str(form.get("channel", "")), actor_of(request, form, self._snapshots.clock.now())
        if name not in self._snapshots.settings.channels:
            raise web.HTTPNotFound(text=f"there is no channel '{name[:60]}'")
        chosen = str(form.get("severity", ""))
        if chosen and chosen not in list(Severity):
            raise refused(f"severity must be one of {', '.join(Severity)}")
        result = self._too_many(name)
        if result is None:
            result = await self._try(name, Severity(chosen) if chosen else None, actor)
        return self._templating.results.back(form, result, HERE)

    def _too_many(self, channel: str) -> ActionResult | None:
        """Why a channel is not tried now; None if it is."""
        now = self._snapshots.clock.monotonic()
        tested = self._tested.setdefault(channel, deque())
        while tested and now - tested[0] >= MINUTE:
            tested.popleft()
        if channel in self._under_way:
            words = f"{channel}: a test message is on its way; wait until it has been answered"
        elif len(tested) >= A_MINUTE:
            words = f"{channel}: {A_MINUTE} test messages were sent in the last minute; wait until it is over"
        else:
            tested.append(now)
            return None
        return ActionResult(words, well=False)

    async def _try(self, channel: str, severity: Severity | None, actor: Actor) -> ActionResult:
        task = self._under_way[channel] = asyncio.create_task(self._send(channel, severity, actor))
        task.add_done_callback(lambda done: self._ended(channel, done))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            words = f"{channel}: no answer for {PATIENCE:.0f} s; the message may still arrive"
            return ActionResult(words, well=False)
        test = task.result()
        return ActionResult(f"{channel}: test message {test.words}", well=test.sent)

    def _ended(self, channel: str, task: asyncio.Task[ChannelTest]) -> None:
        del self._under_way[channel]
        if not task.cancelled():
            task.exception()  # whoever waited is told; if nobody does any more, it is nobody's

    async def _send(self, channel: str, severity: Severity | None, actor: Actor) -> ChannelTest:
        settings, store = self._snapshots.settings, self._snapshots.store
        draw, rates = sample(settings, actor.at), await self._snapshots.work(lambda: kept_rates(settings))
        facts = await self._snapshots.ask(lambda reader: reader.facts(facts_of(channel)))
        present = presentations(settings, draw, told=lambda: rates, clock=self._snapshots.clock)
        (built,) = build_channels(settings, channel, present)
        test = await send_test(settings, built, severity, actor.at, drawn=draw is not None, facts=facts)
        await self._snapshots.work(lambda: note_test(store, actor, test))
        return test

    def _lines(self, view: PageView) -> Sequence[ChannelLine]:
        states = {each.name: each for each in view.snapshot.channels}
        lines: list[ChannelLine] = []
        with self._snapshots.store.queries() as reader:
            for name, kind in self._snapshots.settings.channels.items():
                state, period = states[name], kind.quiet_period
                last = reader.deliveries(DeliveryState.SENT, 1, channel=name)
                lines.append(
                    {
                        "channel": name,
                        "kind": getattr(kind, "kind", ""),
                        "last": last[0].sent if last else None,
                        "waiting": state.pending,
                        "since": state.oldest_pending,
                        "trouble": state.trouble,
                        "quiet": _hours(kind.quiet) if kind.quiet is not None else "",
                        "quiet_until": period.until(view.snapshot.at) if period is not None else None,
                        "fallback": kind.fallback or "",
                    }
                )
        return lines


def _hours(quiet: QuietHours) -> str:
    days = "" if quiet.days == DAYS else f", on {', '.join(quiet.days)}"
    return f"{quiet.from_} to {quiet.to}{days} ({quiet.timezone})"
