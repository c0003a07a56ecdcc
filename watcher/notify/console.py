"""Channel to the terminal: what the demo shows, and a channel for trying rules out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from watcher.domain.messages.delivery import Delivery, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.values.formatting import moment
from watcher.domain.values.text import clean
from watcher.notify.kind import ChannelKind
from watcher.ports.channel import PLAINLY, UNGROUPED, Presentation

if TYPE_CHECKING:  # loaded only where there is such a channel
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from watcher.notify.notice import Entry

Cards = Literal["all", "first", "none"]

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold cyan"}
_ENDS = {Kind.RESOLVED: "bold green", Kind.WITHDRAWN: "bold cyan"}


class ConsoleSettings(ChannelKind):
    """Print to standard output. Colours only on a terminal, and never with NO_COLOR set."""

    kind: Literal["console"] = "console"
    cards: Cards = "all"
    """Which alerts are shown with all that is known of them; the others get one line each."""

    @property
    def hears_priority(self) -> bool:
        return False

    def build(self, name: str, shown: Presentation = PLAINLY) -> ConsoleChannel:
        from rich.console import Console

        console = Console(highlight=False, emoji=False, markup=False)
        return ConsoleChannel(name, console, shown, self.cards)


class ConsoleChannel:
    """Channel that prints each delivery. Nothing of a message reaches the terminal as a command to it."""

    burst = UNGROUPED

    def __init__(
        self, name: str, console: Console, shown: Presentation = PLAINLY, cards: Cards = "all"
    ) -> None:
        self.name, self._shown = name, shown
        self._console, self._cards = console, cards

    def remember(self, facts: Mapping[str, str]) -> None:
        """A screen learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        from rich.console import Group

        from watcher.notify.notice import notice

        try:
            said = notice(deliveries, self._shown)
            for entry in said.entries:
                head = _head(entry, self._clock(entry))
                if self._cards == "none":
                    self._console.print(head.append(f" · {_reference(entry)}", "dim"), soft_wrap=True)
                    continue
                self._console.print(Group(head, *_particulars(entry)))
                self._cards = "none" if self._cards == "first" else self._cards
            if said.note:
                self._console.print(f"{'':9}{clean(said.note)}", style="dim")
        except (OSError, ValueError) as error:
            return NotSent(f"cannot print: {type(error).__name__}")
        return Sent()

    def _clock(self, entry: Entry) -> str:
        """When it was decided: the time of day, or all of it in the zone that messages are shown in."""
        at = moment(entry.message.at)
        local = self._shown.display.localised(at)
        return f"{entry.message.at:%H:%M:%S}" if local == at else local

    async def close(self) -> None:
        """Standard output is not ours to close."""


def _head(entry: Entry, clock: str) -> Text:
    from rich.text import Text

    colour = _ENDS.get(entry.message.kind) or _COLOURS[entry.message.severity]
    return Text.assemble(
        (f"{clock} ", "dim"), (f"{clean(entry.mark)}: ", colour), (clean(entry.title), "bold")
    )


def _reference(entry: Entry) -> str:
    """The rules that speak, and the id by which people acknowledge."""
    parts = [f"rule {', '.join(entry.rules)}", f"alert {entry.id}" if entry.id else ""]
    return clean(" · ".join(part for part in parts if part))


def _particulars(entry: Entry) -> list[Padding]:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from watcher.notify.markup import ways_on

    facts = Table.grid(padding=(0, 2))
    for label, value in entry.lines:
        facts.add_row(Text(clean(label), style="dim"), Text(clean(value)))
    parts = [
        entry.place,
        _reference(entry),
        f"delivery {', '.join(entry.delivery_ids)}",
        *(f"{label}: {url}" for label, url in ways_on(entry.ways)),
    ]
    origin = Text(clean(" · ".join(part for part in parts if part)), style="dim")
    return [Padding(facts, (0, 0, 0, 9), expand=False), Padding(origin, (0, 0, 0, 9), expand=False)]
