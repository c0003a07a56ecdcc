"""Draw the pictures of docs/rules, and the life of an alert: `make pictures ARGS=rules`.

Each shows the story that the page's own test tells, drawn by the charts of the product: what is judged over
time, its levels, and when people were told. A test compares, so that page, rule and picture stay one.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.docs.shown import DOCS, spending, suites, told  # noqa: E402
from watcher.analysis.ruletest.load import TestCase, TestSuite  # noqa: E402
from watcher.analysis.ruletest.models import Series  # noqa: E402
from watcher.analysis.ruletest.series import Sign  # noqa: E402
from watcher.charts.plot import CLEARS, ChartMark, Plot, Ruler  # noqa: E402
from watcher.charts.svg import _Drawing as Drawing  # noqa: E402
from watcher.domain.history.timeline import Gap, Point, Segment  # noqa: E402
from watcher.domain.messages.delivery import Delivery  # noqa: E402

FOLDER = Path(__file__).parent / "rules"
SIZE = (760, 240)
ABOVE = 24
"""Room for the words over the marks."""
ZERO = Decimal(0)
DAY = timedelta(days=1)
WORDS = {"firing": "fires", "resolved": "resolves", "event": "told", "repeat": "again"}
STYLE = """
.rule { --paper: #fff; --ink: #1f2937; --soft: #5b6472; --line: #e2e5ea; --plot: #2563c9;
  --bad: #c22a1e; --good: #1d7a45; --warn: #a05a00; }
@media (prefers-color-scheme: dark) { .rule { --paper: #16191f; --ink: #e6e8ec; --soft: #a3abb8;
  --line: #333943; --plot: #7fb0ff; --bad: #ff8a7d; --good: #6fd39b; --warn: #f2b155; } }
.paper { fill: var(--paper); } text { font: 13px system-ui, sans-serif; fill: var(--soft); }
.axis.x text { text-anchor: middle; } .axis.y text { text-anchor: end; } .axis path { stroke: var(--line); }
.series .line { fill: none; stroke: var(--plot); stroke-width: 2.5; stroke-linejoin: round; }
.gap { fill: var(--soft); fill-opacity: .25; } .step { fill: var(--paper); stroke: var(--plot);
  stroke-width: 1.5; }
.mark line { stroke: currentColor; stroke-dasharray: 2 3; } .mark path { fill: currentColor; }
.mark text { fill: currentColor; font-weight: 600; text-anchor: middle; }
.mark { color: var(--warn); } .mark.fires { color: var(--bad); } .mark.resolves { color: var(--good); }
.ruler line { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 8 4; }
.ruler text { fill: currentColor; paint-order: stroke; stroke: var(--paper);
  stroke-width: 4px; }
.ruler.level { color: var(--bad); } .ruler.clears { color: var(--good); }
.ruler.clears line { stroke-dasharray: 2 4; }
"""

Seen = Iterator[tuple[timedelta, Decimal | None]]
Judged = Callable[[Sequence[Series], timedelta], Seen]
"""The series of a test, and its step → what the rule judges over time; None where nothing was read."""


def amounts(series: Sequence[Series], step: timedelta, number: int = 0) -> Seen:
    """The amount of one series."""
    for each in series[number].items(step):
        yield each.after, ZERO if each.value is Sign.ABSENT else _number(each.value)


def newcomer(series: Sequence[Series], step: timedelta) -> Seen:
    return amounts(series, step, 1)


def share(series: Sequence[Series], step: timedelta) -> Seen:
    """The second series in parts of the first amount of the first."""
    whole = _number(series[0].items(step)[0].value) or Decimal(1)
    for after, part in amounts(series, step, 1):
        yield after, None if part is None else part / whole


def days_left(series: Sequence[Series], step: timedelta) -> Seen:
    """How long the amount lasts at what went out within three days."""
    seen = [(after, value or ZERO) for after, value in amounts(series, step)]
    for at, held in seen:
        window = [each for each in seen if at - 3 * DAY <= each[0] <= at]
        out = sum((max(a[1] - b[1], ZERO) for a, b in pairwise(window)), ZERO)
        if at >= DAY and out:
            yield at, held * Decimal((at - window[0][0]) / DAY) / out


def spent(_series: Sequence[Series], _step: timedelta) -> Seen:
    """Credits that are used, at 800 a day."""
    for day in range(24):
        yield timedelta(days=day, hours=12), Decimal(800 * (day + 1))


def _number(value: Decimal | Sign) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


LIFE = "alert-life"
PICTURES: dict[str, tuple[Judged, str, tuple[tuple[str, str, str], ...]]] = {
    "threshold": (amounts, "ETH held", (("0.5", "level", "below 0.5"), ("0.8", CLEARS, "clear_above 0.8"))),
    "change": (amounts, "ETH held", ()),
    "runway": (
        days_left,
        "days that are left",
        (("5", "level", "shorter_than 5d"), ("8", CLEARS, "clear_longer_than 8d")),
    ),
    "ratio": (
        share,
        "reserves in parts of what was issued",
        (("1.02", "level", "below 1.02"), ("1.03", CLEARS, "clear_above 1.03")),
    ),
    "asset": (newcomer, "UNI held", ()),
    "no_data": (amounts, "ETH held", ()),
    LIFE: (amounts, "USDC held", (("5000", "level", "below 5000"), ("8000", CLEARS, "clear_above 8000"))),
    "budget": (spent, "credits used", (("16000", "level", "used 80% of 20,000"),)),
}


async def picture(name: str, folder: Path) -> str:
    """The picture of one rule type."""
    page = DOCS / ("concepts" if name == LIFE else "rules") / f"{name}.md"
    suite = suites(page.read_text(encoding="utf-8"), folder)[0]
    case = suite.cases[0]
    judged, what, levels = PICTURES[name]
    start = datetime.fromisoformat("2026-01-01T00:00:00+00:00") if name == "budget" else case.test.start
    seen = [(start + after, value) for after, value in judged(case.test.readings, case.test.every)]
    pieces, gaps = _pieces(seen)
    plot = Plot(
        seen[0][0],
        seen[-1][0],
        pieces,
        f"{name}: {what}",
        what,
        gaps,
        marks=await _marks(name, suite, case),
        rulers=[Ruler(Decimal(value), kind, words, words) for value, kind, words in levels],
    )
    return _dressed(str(Drawing(plot, SIZE).svg("", name)), what)


def _pieces(seen: Sequence[tuple[datetime, Decimal | None]]) -> tuple[list[Segment], list[Gap]]:
    pieces: list[list[Point]] = [[]]
    for at, value in seen:
        if value is not None:
            pieces[-1].append(Point(at, value))
        elif pieces[-1]:
            pieces.append([])
    whole = [tuple(piece) for piece in pieces if piece]
    return [*whole], [Gap(a[-1].at, b[0].at) for a, b in pairwise(whole)]


async def _marks(name: str, suite: TestSuite, case: TestCase) -> list[ChartMark]:
    """When people were told, and what, in one word."""
    heard: list[tuple[datetime, tuple[Delivery, ...]]]
    if name == "budget":
        heard = [(each[0].message.at, each) for each in await spending(suite.rules)]
    else:
        heard = [(each.at, each.deliveries) for each in await told(suite, case)]
    kinds = [(at, str(each.message.kind)) for at, deliveries in heard for each in deliveries]
    if name == LIFE:
        expected = ((one.at, each.state) for one in case.test.expect for each in one.alerts or ())
        kinds += [(case.test.start + after, state) for after, state in expected if state == "pending"]
    words = ((at, WORDS.get(kind, kind)) for at, kind in dict.fromkeys(kinds))
    return [ChartMark(at, word, word) for at, word in words]


def _dressed(svg: str, what: str) -> str:
    """The chart as a picture of its own: on paper, in its colours, with words over the marks."""
    inner = svg[svg.index("<svg") : svg.index("</svg>") + len("</svg>")]
    (wide, low), high = SIZE, SIZE[1] + ABOVE
    begins = f'<svg xmlns="http://www.w3.org/2000/svg" class="rule" viewBox="0 -{ABOVE} {wide} {high}"'
    inner = inner.replace(f'<svg class="plotted" viewBox="0 0 {wide} {low}"', begins)
    sheet = f'<rect class="paper" y="-{ABOVE}" width="{wide}" height="{high}" rx="6"/>'
    paper = f"<style>{STYLE}</style>{sheet}"
    inner = inner.replace("</desc>", f'</desc>{paper}<text x="10" y="-8">{what}</text>', 1)
    inner = re.sub(r'(<g class="ruler .*?<text x=")[\d.]+', r"\g<1>6", inner)  # where no line is in the way
    mark = re.compile(r'(<g class="mark (\w+)">.*?<line x1="([\d.]+)".*?)(</g>)')
    return mark.sub(r'\1<text x="\3" y="-4">\2</text>\4', inner).replace("><", ">\n<") + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            drawn = asyncio.run(picture(name, Path(folder)))
        (FOLDER / f"{name}.svg").write_text(drawn, encoding="utf-8")
        print(f"docs/pictures/rules/{name}.svg")


if __name__ == "__main__":
    main()
