"""Channel: one way to reach people, and what it promises to a deliverer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from watcher.domain.messages.delivery import Delivery, SendResult
from watcher.domain.messages.presentation import NO_WAYS, UTC_AND_DOLLARS, Display, Ways
from watcher.domain.records import Record

UNGROUPED = 1_000_000
"""The `burst` of a channel for which nothing is gathered: a screen, say, and not people's telephones."""


class Attachment(Record, frozen=True):
    """File that goes with a message: a picture, a table. `name`: what it is saved as."""

    name: str
    mime: str
    """As in `image/png`."""
    content: bytes

    @property
    def is_picture(self) -> bool:
        """Whether it can be shown in its place, and need not be opened."""
        return self.mime.startswith("image/")


def data_url(file: Attachment) -> str:
    """A file as an address that holds all of it: so a page shows a picture that is nowhere else."""
    return f"data:{file.mime};base64,{b64encode(file.content).decode()}"


LONGEST_PAGE = 90_000
"""Bytes of a page that mail programs show whole: Gmail cuts off what is longer than 102 KB."""

MAKING = 20.0
"""Seconds that the files of a report may take to be made; pictures of alerts take two."""

Attach = Callable[[Sequence[Delivery]], Sequence[Attachment]]
"""Files that go with deliveries, made when they are sent; none if there are none to be had in time."""


Draw = Callable[[Sequence[Delivery], Display], Sequence[Attachment]]
"""Files as one channel shows times and money."""


class Presentation(Record, frozen=True):
    """Presentation of all that one channel tells: what goes with it, whose time and money, and ways on."""

    attach: Attach | None = None
    display: Display = UTC_AND_DOLLARS
    ways: Callable[[Delivery], Ways] = lambda _delivery: NO_WAYS
    answered: bool = False
    """Whether people may answer in the channel: what it tells has buttons."""


PLAINLY = Presentation()


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str: ...

    @property
    def burst(self) -> int:
        """So many notifications may go out one after another; more than that are merged into one.

        Below `UNGROUPED` a channel gets a handful of notifications a minute anyway, and the rest gathered.
        """
        ...

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the facts kept from an earlier run, before the first `send`."""
        ...

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """Tell one or several deliveries in one notification. Never raises for the service's faults.

        All of them have the same `delivered_to` and `only`.
        """
        ...

    async def close(self) -> None: ...
