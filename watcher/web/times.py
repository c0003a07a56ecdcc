"""Times as the pages show them: how long ago something was, and its exact time in the zone of `display`."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from watcher.domain.messages.presentation import Display
from watcher.domain.values.formatting import iso, moment

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))
_TIME = Markup('<time class="{}" datetime="{:%Y-%m-%dT%H:%M:%SZ}" title="{}">{}</time>')
_BESIDE = Markup('{} <span class="exact">{}</span>')


class PageTimes:
    """Times of one page, seen from the moment that it shows."""

    def __init__(self, display: Display, now: datetime) -> None:
        self._display, self.now = display, now

    @property
    def zone(self) -> str:
        """Its name, as people write it: `Europe/Zurich`."""
        return str(self._display.zone)

    @property
    def stamp(self) -> str:
        """The moment, for scripts."""
        return iso(self.now)

    def local(self, text: str) -> str:
        """A text with its times in the zone."""
        return self._display.localised(text)

    def moment(self, at: datetime | None) -> str:
        """The exact time."""
        return self.local(moment(at))

    def when(self, at: datetime | None, *, beside: bool = False) -> str:
        """`4 min ago`, which goes on by itself while the page is open, with the exact time as its title.

        `beside`: and that shortly after it, for all to read.
        """
        if at is None:
            return "never"
        shown = self._time("ago", at, apart(at, self.now))
        return _BESIDE.format(shown, self._short(at)) if beside else shown

    def age(self, at: datetime | None) -> str:
        """`4 min`: since then."""
        return "ever" if at is None else self._time("age", at, span(abs((self.now - at).total_seconds())))

    def _time(self, kind: str, at: datetime, text: str) -> Markup:
        return _TIME.format(kind, at.astimezone(UTC), self.moment(at), text)

    def _short(self, at: datetime) -> str:
        """The time of today, the day and the minute of what is older."""
        zone = self._display.zone
        local, today = at.astimezone(zone), self.now.astimezone(zone)
        if local.date() == today.date():
            return f"{local:%H:%M:%S}"
        return f"{local:%-d %b, %H:%M}" if local.year == today.year else f"{local:%-d %b %Y, %H:%M}"


def apart(at: datetime, now: datetime) -> str:
    """How far a time is from now: `4 min ago`, or `in 4 min`."""
    seconds = (now - at).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """A length of time in the largest unit that it has two of."""
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
