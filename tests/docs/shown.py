"""What the pages show of rules: `make reference` fills it in anew, the tests compare.

A page's rules and their tests are fences of YAML. A comment of HTML above a fence says where its text is
from: `<!-- rules/cookbook/gas-tank.yaml -->` is a file, `<!-- told: gas-tank firing -->` the first message of
that kind that the page's own tests bring about, `<!-- told: gas-tank event 2 -->` the second, and
`<!-- ledger: credits -->` what a rule about credits says while 800 of 20,000 are spent a day.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.fakes import FakeClock
from watcher.analysis.ruletest.load import TestCase, TestSuite, load_suites
from watcher.analysis.ruletest.run import run_case
from watcher.analysis.ruletest.tracks import tracks_of
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.rules import Rule
from watcher.notify.markup import PLAIN, Space, render
from watcher.service.engine import RuleEngine
from watcher.service.replay import Notification, Replay
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.memory.store import MemoryStore

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RECIPES = ROOT / "rules" / "cookbook"
_FENCE = re.compile(r"(?ms)^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$")


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code of a page. `mark`: what the comment above it says; empty without one."""

    mark: str
    language: str
    text: str
    span: tuple[int, int]
    """Where its text stands in the page."""

    @property
    def kind(self) -> str:
        """`rules`, `tests`, or what else it is."""
        if self.language != "yaml":
            return self.language
        read = yaml.safe_load(self.text)
        if isinstance(read, dict) and "tests" in read:
            return "tests"
        listed = read.get("rules") if isinstance(read, dict) else None
        return "rules" if listed and all(isinstance(each, dict) for each in listed) else "yaml"


def fences(text: str) -> list[Fence]:
    """The blocks of code of a page, in their order."""
    return [
        Fence(each["mark"] or "", each["language"], each["text"], each.span("text"))
        for each in _FENCE.finditer(text)
    ]


def pages() -> list[Path]:
    """The pages that show rules with their tests, or what rules say."""
    shown = re.compile(r"(?m)^tests:$|^<!-- (?:told|ledger): |^<!-- rules/")
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    del texts[DOCS / "contributing.md"]  # it shows a type of rule that is yet to be made
    return [path for path, text in texts.items() if shown.search(text)]


def suites(text: str, folder: Path) -> list[TestSuite]:
    """The tests that a page shows, of all rules that stand above them there, written into a folder."""
    files: list[Path] = []
    rules = "rules:\n"
    for number, fence in enumerate(fences(text)):
        if fence.kind == "rules":
            rules += fence.text.partition("rules:\n")[2]
        if fence.kind == "tests":
            (name,) = yaml.safe_load(fence.text)["rules"]
            files.append(folder / f"{number}" / "tests" / "of-the-page.yaml")
            files[-1].parent.mkdir(parents=True)
            files[-1].write_text(fence.text, encoding="utf-8")
            (files[-1].parent / name).write_text(rules, encoding="utf-8")
    return load_suites(files)


async def told(suite: TestSuite, case: TestCase) -> list[Notification]:
    """All notifications of a test, as the channels had them."""
    test, tracks = case.test, tracks_of(case.test, case.wallets)
    store = MemoryStore()
    try:
        rules = Rules(suite.rules, tracks.wallets, suite.channels)
        replay = Replay(store, rules, tracks.polls(), test.start, again=tracks.answer)
        for each in test.restarts:
            await replay.until(test.start + each.at)
            await replay.restart(test.start + each.until)
        await replay.until(test.start + max(tracks.end, test.expect[-1].at))
        await replay.finish()
        return replay.told
    finally:
        await store.close()


async def failures(text: str, folder: Path) -> list[str]:
    """The tests of a page that do not pass."""
    results = [await run_case(suite, case) for suite in suites(text, folder) for case in suite.cases]
    return [f"{each.name}: {each.failures}" for each in results if not each.passed]


async def filled(text: str, folder: Path) -> str:
    """The page with every marked block as it has to be."""
    for fence in reversed(fences(text)):
        if fence.mark.startswith("rules/"):
            begin, end = fence.span
            text = text[:begin] + (ROOT / fence.mark).read_text(encoding="utf-8") + text[end:]
    marked = [each for each in fences(text) if each.mark.startswith(("told: ", "ledger: "))]
    heard = await _heard(text, folder, {each.mark.partition(":")[0] for each in marked})
    for fence in reversed(marked):
        begin, end = fence.span
        text = text[:begin] + _said(heard, fence.mark.partition(": ")[2].split()) + text[end:]
    return text


async def _heard(text: str, folder: Path, sources: set[str]) -> list[tuple[Delivery, ...]]:
    """All notifications of a page's tests, and of the ledger's story where a mark asks for it."""
    found = []
    for suite in suites(text, folder) if sources else ():
        if "ledger" in sources:
            found += await spending(suite.rules)
        for case in suite.cases:
            found += [each.deliveries for each in await told(suite, case)]
    return found


async def spending(rules: Sequence[Rule]) -> list[tuple[Delivery, ...]]:
    """What rules about credits say in a month in which each day costs more than it may."""
    clock, store, plan = FakeClock(datetime(2026, 1, 1, 12, tzinfo=UTC)), MemoryStore(), CreditPlan(20_000)
    engine = RuleEngine(store, Rules(rules, {}, ("ops",)), clock, running_since=clock.now())
    timers = TimeBasedEvaluation(engine, lambda: {"coinstats": plan})
    found: dict[str, tuple[Delivery, ...]] = {}
    for _ in range(24):
        await store.reserve(Booking("coinstats", 1, 800, Purpose.BY_HAND, clock.now()), Allowance(plan))
        await timers.once()
        found |= {each.id: (each,) for each in await store.due("ops", clock.now(), 100)}
        await clock.advance(timedelta(days=1).total_seconds())
    await store.close()
    return list(found.values())


def _said(heard: Sequence[tuple[Delivery, ...]], words: list[str]) -> str:
    rule, kind, number = [*words, "firing", "1"][:3] if len(words) == 1 else [*words, "1"][:3]
    found = [each for each in heard if any(_fits(one, rule, kind) for one in each)]
    if len(found) < int(number):
        raise LookupError(f"{len(found)} {kind} of {rule} are told on this page, not {number}")
    said = render(found[int(number) - 1], PLAIN, Space())
    return f"{said.title}\n{said.body}\n"


def _fits(delivery: Delivery, rule: str, kind: str) -> bool:
    return (delivery.message.rule, delivery.message.kind) == (rule, kind)


def main() -> None:
    """Fill every page in."""
    for path in pages():
        text = path.read_text(encoding="utf-8")
        with TemporaryDirectory() as folder:
            try:
                done = asyncio.run(filled(text, Path(folder)))
            except (LookupError, OSError, ValueError) as error:
                sys.exit(f"{path}: {error}")
        if done != text:
            path.write_text(done, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
