"""Draw the chart of docs/benchmarks.md and fill in its tables: `make pictures ARGS=figures`.

Both come from the figures that `make bench ARGS="--all --keep"` and `python -m benchmarks.lean --keep` leave
beside this file. A test compares, so that page, chart and figures stay one.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.results import short  # noqa: E402
from benchmarks.sides import ratios  # noqa: E402

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "benchmarks.md"
CHART = HERE / "benchmarks.svg"
DRAWN = (
    "CPU of a poll, us an account", "CPU of a poll where 3 rules look back, us an account", "Memory, MiB",
    "Start to the first request, ms",
)  # fmt: skip
WIDE, LEFT, RIGHT, STEP = 760, 330, 70, 24
STYLE = """
.bench { --paper: #fff; --ink: #1f2937; --soft: #5b6472; --ours: #2563c9; --floor: #a9b2c0; }
@media (prefers-color-scheme: dark) { .bench { --paper: #16191f; --ink: #e6e8ec; --soft: #a3abb8;
  --ours: #7fb0ff; --floor: #6b7688; } }
.paper { fill: var(--paper); } .ours { fill: var(--ours); } .floor { fill: var(--floor); }
text { font: 13px system-ui, sans-serif; fill: var(--soft); }
.what { text-anchor: end; } .value { fill: var(--ink); } .title { fill: var(--ink); font-weight: 600; }
"""


def figures(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def chart(found: Mapping[str, Any]) -> str:
    """Bars of what is counted in the same unit, the floor's below the daemon's."""
    parts, y = list(_legend()), 52
    rows = [row for row in found["rows"] if not row["clock"] and "growth" not in row["what"]]
    for section in DRAWN:
        if some := [row for row in rows if row["section"] == section]:
            parts.append(f'<text class="title" x="16" y="{y}">{escape(section)}</text>')
            largest = max(row["watcher"] for row in some)
            for row in some:
                y += STEP
                parts += _bars(row, y, (WIDE - LEFT - RIGHT) / largest)
            y += STEP + 14
    high = y - 14
    begins = f'<svg xmlns="http://www.w3.org/2000/svg" class="bench" role="img" viewBox="0 0 {WIDE} {high}">'
    title = "<title>What polling, memory and a start cost, beside the floor</title>"
    sheet = f'<rect class="paper" width="{WIDE}" height="{high}" rx="6"/>'
    return "\n".join((begins, title, f"<style>{STYLE}</style>", sheet, *parts, "</svg>", ""))


def _legend() -> Iterator[str]:
    for x, kind, word in ((LEFT, "ours", "watcher"), (LEFT + 110, "floor", "floor: a bare script")):
        yield f'<rect class="{kind}" x="{x}" y="14" width="12" height="12" rx="2"/>'
        yield f'<text x="{x + 18}" y="25">{word}</text>'


def _bars(row: Mapping[str, Any], y: int, scale: float) -> Iterator[str]:
    yield f'<text class="what" x="{LEFT - 10}" y="{y}">{escape(row["what"])}</text>'
    wide, low = row["watcher"] * scale, (row["floor"] or 0) * scale
    yield f'<rect class="ours" x="{LEFT}" y="{y - 12}" width="{wide:.1f}" height="9" rx="2"/>'
    if low:
        yield f'<rect class="floor" x="{LEFT}" y="{y - 2}" width="{low:.1f}" height="5" rx="2"/>'
    beside = LEFT + max(wide, low) + 6
    yield f'<text class="value" x="{beside:.1f}" y="{y - 3}">{short(row["watcher"])}</text>'


def table(found: Mapping[str, Any]) -> str:
    """All figures beside floor and bar."""
    loads = [row["load"] for row in found["rows"]]
    lines = [f"{found['machine']}. Programs that wanted a core: {min(loads):g} to {max(loads):g}.", ""]
    lines += ["| what | watcher | floor | bar |", "|---|---:|---:|---:|"]
    for section in dict.fromkeys(row["section"] for row in found["rows"]):
        lines.append(f"| **{section}** | | | |")
        for row in (each for each in found["rows"] if each["section"] == section):
            busy = row["clock"] and row["load"] > found["cores"]
            ours, floor = ("" if row[side] is None else short(row[side]) for side in ("watcher", "floor"))
            if busy:
                ours, floor = "busy", ""
            lines.append(f"| {row['what']} | {ours} | {floor} | {row['bar']} |")
    return "\n".join(lines)


def compared(found: Mapping[str, Any]) -> str:
    """Before, now, and the ratio within a round with its spread."""
    rounds: Sequence[Mapping[str, Mapping[str, float]]] = found["rounds"]
    now, before = rounds[0]
    lines = [f"{found['machine']}. Rounds: {len(rounds)}.", ""]
    lines += ["| what | before | now | ratio |", "|---|---:|---:|---:|"]
    for what in rounds[0][now]:
        middle = [short(statistics.median(each[name][what] for each in rounds)) for name in (before, now)]
        shares = ratios(rounds, what, now, before)  # type: ignore[arg-type]
        share = f"**{statistics.median(shares):.2f}** ({min(shares):.2f} to {max(shares):.2f})"
        lines.append(f"| {what.strip()} | {' | '.join(middle)} | {share if shares else ''} |")
    return "\n".join(lines)


def filled(page: str) -> str:
    """The page with each table between its marks."""
    for name, made in (("benchmarks", table), ("lean", compared)):
        begins, ends = f"<!-- {name}.json -->\n", f"\n<!-- end of {name}.json -->"
        start, end = page.index(begins) + len(begins), page.index(ends)
        page = f"{page[:start]}\n{made(figures(name))}\n{page[end:]}"
    return page


def main() -> None:
    CHART.write_text(chart(figures("benchmarks")), encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print("docs/pictures/benchmarks.svg, docs/benchmarks.md")


if __name__ == "__main__":
    main()
