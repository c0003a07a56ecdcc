"""Attachments of alerts: a picture of the subject's last week, the level of the rule, and the moment.

A picture never costs the message: what fails or takes too long is left out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec

from watcher.charts.chart import Chart, ChartLine, wallet_chart
from watcher.charts.levels import Level, fitting, levels_of
from watcher.charts.plot import CLEARS, ChartMark, Plot, Ruler
from watcher.charts.plot import MOMENT as AT
from watcher.config.configuration import Configuration, build_rules, wants_pictures
from watcher.config.settings import Settings
from watcher.domain.evaluation.rule_index import Names, Rules, other_names
from watcher.domain.history.timeline import Point, known_values
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.model import Asset, asset_of, subject_key
from watcher.domain.records import Record
from watcher.domain.values.formatting import amount, money
from watcher.domain.values.text import clean
from watcher.notify.notice import chief, gravest_first
from watcher.ports.channel import Attachment, Draw
from watcher.ports.store import StoreAccess

LOG = logging.getLogger(__name__)

LIMIT = 2.0
"""Seconds that a message waits for its pictures at most."""
SPAN = timedelta(days=7)
MOMENT = timedelta(seconds=1)
MARGIN = 50
"""The part of the width that is left free behind the moment, inverted."""
MOST = 3
"""Pictures of one notification."""
MOST_AT_ONCE = 3
"""Drawings under way; one that hangs counts until it comes back."""
_WITHOUT = frozenset({Kind.NOTICE, Kind.REPORT, Kind.TEST})


def painter(configuration: Configuration, store: StoreAccess) -> Painter | None:
    """The painter for these channels; None if none of them wants pictures, or nothing can draw them."""
    if not wants_pictures(configuration.settings) or find_spec("PIL") is None:
        return None
    return Painter(configuration.settings, build_rules(configuration), store)


def sample(settings: Settings, now: datetime) -> Draw | None:
    """A function that draws a test picture; None if no channel wants pictures, or nothing can draw them."""
    if not wants_pictures(settings) or find_spec("PIL") is None:
        return None

    def draw(_deliveries: Sequence[Delivery], display: Display) -> list[Attachment]:
        from watcher.charts.png import png

        since, level = now - SPAN, Ruler(Decimal(4), "critical", "", "")
        piece = tuple(Point(since + SPAN * step / 7, Decimal(9 - step)) for step in range(8))
        words = "no balance: this is what a picture looks like"
        shown = Plot(
            since, now, [piece], "Test picture", words, marks=[ChartMark(now, AT, "")],
            format_value=amount, rulers=[level], zone=display.zone,
        )  # fmt: skip
        return [_attachment(png(shown))]

    return draw


class _Subject(Record, frozen=True):
    wallet: str
    asset: Asset | None


class Painter:
    """Draws attachments in threads of its own. Not to be called in the thread of the event loop: it waits."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        store: StoreAccess,
        draw: Callable[[Plot], bytes] | None = None,
    ) -> None:
        from watcher.charts.png import png  # loads the library now, not when the first alert waits for it

        self._settings, self._rules, self._store = settings, rules, store
        self._draw = draw or png
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def __call__(
        self, deliveries: Sequence[Delivery], display: Display = UTC_AND_DOLLARS
    ) -> list[Attachment]:
        """Pictures of what these deliveries are about, those that were ready in time, in the order in which
        their notice tells it."""
        messages: dict[str, Message] = {}
        for message in map(chief, gravest_first(deliveries)):
            if message.kind not in _WITHOUT:
                messages.setdefault(message.subject, message)
        if not messages or not self._room.acquire(blocking=False):
            return []
        found: list[Attachment] = []
        done = threading.Event()

        def work() -> None:
            try:
                for message in list(messages.values())[:MOST]:
                    if done.is_set():
                        return
                    self._one(message, display, found)
            except Exception as error:  # noqa: BLE001 (top of this thread: a picture costs no message)
                LOG.warning("no picture: %s", type(error).__name__)
            finally:
                self._room.release()
                done.set()

        threading.Thread(target=work, name="picture", daemon=True).start()
        if not done.wait(LIMIT):
            LOG.warning("no picture within %g s: the message goes without", LIMIT)
            done.set()
        return found[:]

    def _one(self, message: Message, display: Display, found: list[Attachment]) -> None:
        subject = self._subject(message)
        picture = self._picture(message, subject, display) if subject is not None else None
        if picture is not None:
            found.append(_attachment(self._draw(picture), len(found) + 1))

    def _subject(self, message: Message) -> _Subject | None:
        """The wallet and asset that a message is about; None for what has no chart, a source, say."""
        wallets = {wallet.name: wallet for wallet in self._settings.wallets}
        wallet = wallets.get(message.wallet)
        if wallet is None:
            return None
        for account in wallet.accounts:
            asset = asset_of(message.subject, account)
            if asset is not None or message.subject == subject_key(account):
                return _Subject(wallet.name, asset)
        return _Subject(wallet.name, None) if message.subject == f"wallet:{wallet.name}" else None

    def _picture(self, message: Message, subject: _Subject, display: Display) -> Plot | None:
        with self._store.queries() as reader:
            until = message.at + MOMENT  # what was just read is a piece, however short
            chart = wallet_chart(self._settings, reader, subject.wallet, until, SPAN, subject.asset)
            also = other_names(*reader.other_names())
        level = self._level(message.rule, also, chart, subject)
        worth = chart.amount is None or not chart.amount.segments
        worth = worth or (level is not None and level.metric == "value_usd")
        line = chart.value if worth or chart.amount is None else chart.amount
        if not line.segments:
            return None
        name = clean(chart.symbol) or (subject.asset.token if subject.asset else "")
        what = f"of {name} on {subject.asset.chain}" if subject.asset else "of all that has a price"
        if level is not None and worth != (level.metric == "value_usd"):
            level = None
        rulers = _rulers(line, level)
        below = [f"{'value' if worth else 'amount'} {what}", *([level.text] if level is not None else [])]
        if level is not None and not any(each.value == level.level for each in rulers):
            below.append("too far to be drawn")
        return Plot(
            chart.since,
            until + (until - chart.since) / MARGIN,
            line.segments,
            display.localised(clean(message.title)),
            "; ".join(below),
            line.gaps,
            marks=[ChartMark(message.at, AT, "")],
            sign="$" if worth else "",
            format_value=money if worth else amount,
            rulers=rulers,
            zone=display.zone,
        )

    def _level(self, rule_id: str, also: Names, chart: Chart, subject: _Subject) -> Level | None:
        """What the rule compares, and with what, if it is one level of just what the chart is of."""
        found = levels_of(self._rules, chart.holdings, subject.asset, clean(chart.symbol), rule_id, also=also)
        return found[0] if found else None


def _attachment(picture: bytes, number: int = 1) -> Attachment:
    return Attachment(f"chart-{number}.png", "image/png", picture)


def _rulers(line: ChartLine, level: Level | None) -> list[Ruler]:
    """The level and where it clears, as far as there is a place for them; the first without the second, and
    never the second alone."""
    if level is None:
        return []
    fits = fitting(known_values(line.segments), level.values)
    kinds = [(value, level.severity if value == level.level else CLEARS) for value in level.values]
    return [Ruler(value, kind, "", level.text) for value, kind in kinds if {value, level.level} <= fits]
