"""Results of forms: what came of each is told on the page to which one returns."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from aiohttp import web
from multidict import MultiMapping

from watcher.domain.records import Record
from watcher.ports.clock import Clock

TOLD = "told"
"""The word of an address under which the result of a form is named."""
PLACE = "result"
"""The id of the part of a page that tells it."""
MOST = 200
LASTS = 600.0
"""Results that are kept, and for how many seconds."""

_BACK = re.compile(r"/(?!/)[!-~]{0,1500}")
_TOLD = re.compile(rf"([?&]){TOLD}=[0-9a-f]*&?")


class ActionResult(Record, frozen=True):
    """Result of one press of a button. `lines`: one for each thing that it was about, where it matters.

    `well`: all of it was done.
    """

    words: str
    lines: Sequence[str] = ()
    well: bool = True


class Results:
    """Results of late, by the names under which addresses hold them."""

    def __init__(self, clock: Clock, base: str = "") -> None:
        """`base`: the path below which people reach the pages."""
        self._clock, self._base = clock, base
        self._kept: dict[str, tuple[float, ActionResult]] = {}

    def of(self, name: str | None) -> ActionResult | None:
        """The result that has this name; None if it is not known, or not any more."""
        at, result = self._kept.get(name or "", (0.0, None))
        return result if self._clock.monotonic() - at < LASTS else None

    def back(self, form: MultiMapping[object], result: ActionResult, usual: str) -> web.Response:
        """The way back to where a form was sent from, which then tells the result. `usual`: where to, if the
        form does not say."""
        name = secrets.token_hex(8)
        while len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (self._clock.monotonic(), result)
        where = plain(str(form.get("back", "")), usual)
        joint = "&" if "?" in where else "?"
        return web.Response(
            status=303, headers={"Location": f"{self._base}{where}{joint}{TOLD}={name}#{PLACE}"}
        )


def plain(address: str, usual: str = "/") -> str:
    """An address of these pages without the result that it tells; `usual` if it is none of theirs."""
    address = address.partition("#")[0]
    if not _BACK.fullmatch(address) or "\\" in address:
        return usual
    return _TOLD.sub(lambda found: found[1], address).rstrip("?&")
