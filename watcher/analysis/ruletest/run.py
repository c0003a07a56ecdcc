"""Rule tests at work: each story through the production engine, and what came of it beside what should."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from watcher.analysis.ruletest.load import TestCase, TestSuite
from watcher.analysis.ruletest.models import Expectation, ExpectedAlert, ExpectedMessage
from watcher.analysis.ruletest.tracks import TestTracks, tracks_of
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Message
from watcher.domain.records import Record
from watcher.domain.values.formatting import MINUS
from watcher.service.replay import Notification, Replay
from watcher.store.memory.store import MemoryStore

E = TypeVar("E")
G = TypeVar("G")
Subjects = Mapping[str, tuple[str, str]]
NOBODY = ("", "")


class ComparisonRow(Record, frozen=True):
    """One line of a comparison; empty where one side has nothing to put beside the other."""

    expected: str
    got: str

    @property
    def agrees(self) -> bool:
        return bool(self.expected and self.got)


class TestFailure(Record, frozen=True):
    """An expectation that did not hold. `after`: time from the beginning of the test."""

    after: timedelta
    what: str
    rows: tuple[ComparisonRow, ...]


class TestResult(Record, frozen=True):
    """How one test ended; `timeline` is all that was told in it."""

    path: str
    line: int
    name: str
    failures: tuple[TestFailure, ...]
    timeline: tuple[tuple[timedelta, str], ...]

    @property
    def passed(self) -> bool:
        return not self.failures


class _Said(Record, frozen=True):
    """One message, and every channel that was told."""

    at: datetime
    message: Message
    channels: tuple[str, ...]


async def run_case(suite: TestSuite, case: TestCase) -> TestResult:
    """Play one test."""
    test, tracks = case.test, tracks_of(case.test, case.wallets)
    rules = Rules(suite.rules, tracks.wallets, suite.channels)
    store = MemoryStore()
    try:
        replay = Replay(store, rules, tracks.polls(), test.start, again=tracks.answer)
        return await _play(suite, case, replay, tracks)
    finally:
        await store.close()


async def _play(suite: TestSuite, case: TestCase, replay: Replay, tracks: TestTracks) -> TestResult:
    test, failures, heard = case.test, [], 0
    steps: list[tuple[timedelta, int, Any]] = [(each.at, 0, each) for each in test.expect]
    steps += [(each.at, 1, each) for each in test.restarts]
    for after, _, step in sorted(steps, key=lambda each: each[:2]):
        await replay.until(test.start + after)
        if not isinstance(step, Expectation):
            await replay.restart(test.start + step.until)
            continue
        if step.alerts is not None:
            alerts = sorted(await replay.alerts(), key=lambda alert: (alert.since, alert.rule, alert.label))
            failures += _compare(
                after, "alerts", step.alerts, alerts, _alert_fits(tracks.subjects), _alert_words
            )
        if step.told is not None:
            said, heard = _messages(replay.told[heard:]), len(replay.told)
            wanted = [each for each in step.told for _ in range(each.times)]
            failures += _compare(after, "told", wanted, said, _message_fits(tracks.subjects), _message_words)
    end = max(tracks.end, test.expect[-1].at)
    await replay.until(test.start + end)
    await replay.finish()
    if any(step.told is not None for step in test.expect) and len(replay.told) > heard:
        failures += _compare(
            end, "told", (), _messages(replay.told[heard:]), lambda *_: False, _message_words
        )
    timeline = tuple((each.at - test.start, _message_words(each)) for each in _messages(replay.told))
    return TestResult(str(suite.path), case.line, test.name, tuple(failures), timeline)


def _messages(told: Iterable[Notification]) -> list[_Said]:
    """The messages of notifications, each once, with every channel that had it."""
    found: dict[tuple[str, str, datetime], list[str]] = {}
    messages: dict[tuple[str, str, datetime], tuple[datetime, Message]] = {}
    for notification in told:
        for delivery in notification.deliveries:
            message = delivery.message
            key = (message.id, str(message.kind), message.at)
            messages.setdefault(key, (notification.at, message))
            found.setdefault(key, []).append(notification.channel)
    said = [_Said(*messages[key], tuple(channels)) for key, channels in found.items()]
    return sorted(said, key=lambda each: (each.at, each.message.rule, each.message.kind, each.message.title))


def _compare(
    after: timedelta,
    what: str,
    wanted: Sequence[E],
    got: Sequence[G],
    fits: Callable[[E, G], bool],
    words: Callable[[Any], str],
) -> list[TestFailure]:
    """Nothing if each wanted thing is there and nothing else is."""
    pairs = _paired(wanted, got, fits)
    if len(pairs) == len(wanted) == len(got):
        return []
    rows = [
        ComparisonRow(words(each), words(got[pairs[i]]) if i in pairs else "")
        for i, each in enumerate(wanted)
    ]
    rows += [ComparisonRow("", words(each)) for i, each in enumerate(got) if i not in pairs.values()]
    return [TestFailure(after, what, tuple(rows))]


def _paired(wanted: Sequence[E], got: Sequence[G], fits: Callable[[E, G], bool]) -> dict[int, int]:
    """As many pairs as can be: what fits two things goes to the one that leaves the other a place."""
    owner: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for other in range(len(got)):
            if other in tried or not fits(wanted[index], got[other]):
                continue
            tried.add(other)
            if other not in owner or place(owner[other], tried):
                owner[other] = index
                return True
        return False

    for index in range(len(wanted)):
        place(index, set())
    return {index: other for other, index in owner.items()}


def _alert_fits(subjects: Subjects) -> Callable[[ExpectedAlert, Alert], bool]:
    def fits(want: ExpectedAlert, got: Alert) -> bool:
        return (
            want.rule == got.rule
            and want.state == got.state
            and want.wallet in (None, got.wallet)
            and want.chain in (None, subjects.get(got.subject, NOBODY)[0])
            and want.asset in (None, subjects.get(got.subject, NOBODY)[1])
            and want.subject in (None, got.label)
            and (want.because is None or _plain(want.because) in _plain(got.because))
        )

    return fits


def _message_fits(subjects: Subjects) -> Callable[[ExpectedMessage, _Said], bool]:
    def fits(want: ExpectedMessage, got: _Said) -> bool:
        message = got.message
        texts = [message.title, *(f"{label}: {value}" for label, value in message.facts)]
        texts = [_plain(text) for text in texts]
        return (
            want.rule == message.rule
            and want.kind in (None, message.kind)
            and want.wallet in (None, message.wallet)
            and want.asset in (None, subjects.get(message.subject, NOBODY)[1])
            and (want.title is None or _plain(want.title) == _plain(message.title))
            and all(any(_plain(part) in text for text in texts) for part in want.says)
            and (want.channels is None or sorted(want.channels) == sorted(got.channels))
        )

    return fits


def _plain(text: str) -> str:
    """As a keyboard writes it: the minus sign and the narrow spaces of messages are on none."""
    return " ".join(text.replace(MINUS, "-").split())


def _alert_words(alert: ExpectedAlert | Alert) -> str:
    if isinstance(alert, Alert):
        return f"{alert.rule} {alert.state} {alert.label} ({alert.because})"
    words = (alert.rule, alert.state, alert.subject or alert.wallet, alert.chain, alert.asset)
    because = f" ({alert.because})" if alert.because else ""
    return " ".join(str(word) for word in words if word) + because


def _message_words(message: ExpectedMessage | _Said) -> str:
    if isinstance(message, _Said):
        said = message.message
        return f'{said.rule} {said.kind} "{said.title}" to {", ".join(message.channels)}'
    words = [message.rule, message.kind, message.wallet, message.asset]
    words += [f'"{text}"' for text in (message.title, *message.says) if text]
    words += [f"to {', '.join(message.channels)}"] if message.channels else []
    return " ".join(word for word in words if word)
