"""Charts of a wallet: its amount and value over time, and its marks. Drawn as SVG, PNG and Braille."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from watcher.config.settings import Settings
from watcher.domain.history.timeline import (
    Gap,
    Point,
    Segment,
    idle,
    longest_wait,
    merged,
    segments,
    silences,
    summed,
    thinned,
    valued,
)
from watcher.domain.model import Asset
from watcher.domain.records import Record
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.ports.queries import AlertMark, ChartData, ChartQuery, Holding, Queries, ReadingTimes, Track
from watcher.reports import status

MOST_POINTS = 1500
"""Points that a line has at most."""
BEFORE = timedelta(seconds=1)
"""What happened with the first reading belongs to the chart too."""
SHORTEST = timedelta(minutes=1)
"""The time of a chart, however young the wallet is."""


class ChartLine(Record, frozen=True):
    """A line in pieces, with the gaps between them. The time before the first reading is no gap."""

    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    changes: tuple[Point, ...] = ()
    """Steps of the amount within the range, to be marked."""


class Chart(Record, frozen=True):
    """The chart of one wallet. It begins where something is known. `amount`: None for all assets together,
    whose amounts have no sum."""

    since: datetime
    until: datetime
    amount: ChartLine | None
    value: ChartLine
    symbol: str
    alert_marks: tuple[AlertMark, ...]
    exact_from: datetime | None
    """Before this time it is only partly known when accounts were read; None: it is known for all of it."""
    holdings: tuple[Holding, ...] = ()
    """All holdings of the wallet, shown or not."""

    @property
    def gaps(self) -> bool:
        """Whether there is a time of which nothing is known."""
        return any(line.gaps for line in (self.amount, self.value) if line is not None)


def wallet_chart(
    settings: Settings,
    reader: Queries,
    name: str,
    now: datetime,
    span: timedelta | None,
    asset: Asset | None = None,
) -> Chart:
    """The chart of a wallet's assets together (those that have a price), or of one of them.

    `span`: how far back from `now`; None: to the beginning. KeyError if there is no such wallet.
    """
    found = {
        account: wallet for wallet in settings.wallets if wallet.name == name for account in wallet.accounts
    }
    if not found:
        raise KeyError(name)
    since = now - span if span is not None else (reader.known_since(tuple(found)) or now) - BEFORE
    since = min(since, now - SHORTEST)
    tracks = reader.tracks(ChartQuery(tuple(found), since, now, asset, wallet=name))
    outlooks = {a.source: Outlook.load(reader.fact(a.source, OUTLOOK)) for a in found}
    expected = {a: status.interval_of(a, wallet, outlooks[a.source]) for a, wallet in found.items()}
    holdings = [_holding(track, tracks, expected[track.account], since, now) for track in tracks.tracks]
    begin = [max(since, looked.first or since) for looked in tracks.looked.values()]
    known = [looked.known_from or now for looked in tracks.looked.values()]
    amount = _line([each.amounts for each in holdings], holdings, since, now) if asset is not None else None
    value = _line([each.worth for each in holdings], [h for h in holdings if h.priced], since, now)
    return Chart(
        _begin([value, *([amount] if amount is not None else [])], since, now),
        now,
        amount,
        value,
        next((track.symbol for track in tracks.tracks if track.symbol), ""),
        tracks.told,
        max((at for at, start in zip(known, begin, strict=True) if at > start), default=None),
        tracks.held,
    )


class _Holding(Record, frozen=True):
    amounts: Sequence[Point]
    worth: Sequence[Point]
    gaps: Sequence[Gap]
    priced: bool


def _holding(
    track: Track, tracks: ChartData, expected: float | None, since: datetime, until: datetime
) -> _Holding:
    looked, prices = tracks.looked[track.account], tracks.prices[track.asset]
    readings = _settling(looked, track.asset)
    longest = longest_wait(None if expected is None else timedelta(seconds=expected), readings)
    start = max(since, looked.first or since)
    older = [*idle(tracks.runs, until), *track.spans, *looked.spells]
    found = silences(readings, older, looked.known_from, min(start, until), until, longest)
    # What is empty before and after counts for nothing: an answer about many chains may leave it out.
    holding = [gap for gap in found if _at(track.amounts, gap.since) or _at(track.amounts, gap.until)]
    return _Holding(track.amounts, valued(track.amounts, prices), holding, bool(prices))


def _settling(looked: ReadingTimes, asset: Asset) -> Sequence[datetime]:
    """The readings that said how much of the asset is held."""
    partly = [
        each.at for each in looked.partial if asset.chain not in each.chains and asset not in each.assets
    ]
    return sorted([*looked.readings, *partly]) if partly else looked.readings


def _at(steps: Sequence[Point], at: datetime) -> bool:
    """Whether something was held."""
    index = bisect_right(steps, at, key=_time)
    return bool(index and steps[index - 1].value)


def _time(point: Point) -> datetime:
    return point.at


def _begin(lines: Sequence[ChartLine], since: datetime, until: datetime) -> datetime:
    """Where something is known of one of them, or could have been."""
    known = [piece[0].at for line in lines for piece in line.segments]
    known += [gap.since for line in lines for gap in line.gaps]
    return min(max(since, min(known, default=since)), until - SHORTEST)


def _line(
    parts: Iterable[Sequence[Point]], holdings: Sequence[_Holding], since: datetime, until: datetime
) -> ChartLine:
    steps = summed(list(parts))
    found = merged(gap for each in holdings for gap in each.gaps)
    pieces = thinned(segments(steps, found, since, until), since, until, MOST_POINTS)
    return ChartLine(tuple(pieces), tuple(found), tuple(step for step in steps[1:] if step.at > since))
