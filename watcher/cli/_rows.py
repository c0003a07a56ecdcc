"""Rows that only the command line prints; the others are those of `watcher.reports.rows`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from watcher.domain.messages.message import Kind, Severity


class ProblemRow(TypedDict):
    """A mistake in a file."""

    where: str
    what: str
    remedy: str
    docs: str


class MistakesRow(TypedDict):
    """A configuration that cannot be used."""

    mistakes: list[ProblemRow]


class FindingRow(TypedDict):
    """Something odd about the rules."""

    lint: str
    rule: str
    what: str
    remedy: str
    subjects: tuple[str, ...]


class CountsRow(TypedDict):
    """How much a configuration names."""

    sources: int
    wallets: int
    accounts: int
    channels: int
    rules: int
    hint_sources: int
    hinted_accounts: int


class CheckRow(CountsRow):
    """A configuration that is sound."""

    path: str
    files: list[str]
    """What it is read from beside `path`."""
    mistakes: list[ProblemRow]
    warnings: list[str]
    lints: list[FindingRow]


class BackupRow(TypedDict):
    """A copy of the store."""

    path: str
    bytes: int
    verified: bool


class MigratedRow(TypedDict):
    """The store after it was brought to this version."""

    store: str
    made: bool


class TableRow(TypedDict):
    """One table that is in two stores alike. `digest`: of all its rows, whatever their order."""

    table: str
    rows: int
    digest: str


class CopiedRow(TypedDict):
    """A store that was copied into another one."""

    source: str
    target: str
    tables: list[TableRow]


class UnreadableRow(TypedDict):
    """A store that cannot be read: the status is unknown."""

    state: Literal["unknown"]
    error: str


class PolledRow(TypedDict):
    """What came of a poll by hand."""

    wallet: str
    source: str
    chain: str
    address: str
    result: str


class SentTestRow(TypedDict):
    """What came of a test message."""

    channel: str
    delivery: str
    sent: bool
    error: str
    loudness: str
    """What the service was told of how urgent it is; empty if nothing."""
    remarks: list[str]


class ExpiredRow(TypedDict):
    """A silence that was to end."""

    id: str
    ended: bool


class PointRow(TypedDict):
    """A point of a line."""

    at: datetime
    value: str


class GapRow(TypedDict):
    """A time of which nothing is known."""

    since: datetime
    until: datetime


class ChartRow(TypedDict):
    """A line over time. `chain`, `asset`, `symbol`: null if it is of all assets."""

    wallet: str
    chain: str | None
    asset: str | None
    symbol: str | None
    of: Literal["value_usd", "amount"]
    since: datetime
    until: datetime
    segments: list[list[PointRow]]
    gaps: list[GapRow]


class PlannedSourceRow(TypedDict):
    """What a source will cost. `hints_per_period`: what polls upon hints take of that."""

    limit_per_period: int | None
    planned_per_period: int
    fits: bool
    hints_per_period: NotRequired[int]


class PlannedHintsRow(TypedDict):
    """What hints are expected to tell of an account: shares of its changes and of the hints, null if that is
    not known yet."""

    by: list[str]
    told: float | None
    true: float | None
    shown_after_seconds: float | None


class PlannedAccountRow(TypedDict):
    """What an account will cost, and how soon a change is seen."""

    wallet: str
    source: str
    chain: str
    credits_per_poll: float
    interval_seconds: float | None
    expected_delay_seconds: float | None
    hints: NotRequired[PlannedHintsRow]


class PlanRow(TypedDict):
    """What the configuration will cost."""

    sources: dict[str, PlannedSourceRow]
    accounts: list[PlannedAccountRow]


class SimulationRow(TypedDict):
    """What a plan would have shown of past changes."""

    polls: int
    credits: float
    mean_delay_seconds: float
    median_delay_seconds: float
    p95_delay_seconds: float
    changes: int
    hint_polls: int
    barren_polls: int


class ExpectationRow(TypedDict):
    """What a rule test expected beside what it got."""

    expected: str | None
    got: str | None


class TestFailureRow(TypedDict):
    """Where a rule test failed."""

    after_seconds: str
    what: str
    rows: list[ExpectationRow]


class ToldAfterRow(TypedDict):
    """A message in a rule test."""

    after_seconds: str
    message: str


class RuleTestRow(TypedDict):
    """The result of a rule test."""

    file: str
    line: int
    name: str
    passed: bool
    failures: list[TestFailureRow]
    told: list[ToldAfterRow]


class BacktestMessageRow(TypedDict):
    """A message that would have been sent."""

    at: datetime
    night: bool
    channels: list[str]
    severity: Severity
    kind: Kind
    rule: str
    wallet: str
    subject: str
    title: str


class FiredBeforeRow(TypedDict):
    """An alert that fired before the time that was played."""

    rule: str
    subject: str


class RuleSetRow(TypedDict):
    """What a set of rules would have sent."""

    name: str
    rules: int
    polls: int
    messages: list[BacktestMessageRow]
    notifications: dict[str, int]
    by_rule: dict[str, int]
    at_night: int
    fired_before: list[FiredBeforeRow]


class ComparedRow(TypedDict):
    """Two sets of rules beside each other."""

    both: int
    only_first: list[BacktestMessageRow]
    only_second: list[BacktestMessageRow]


class BacktestRow(TypedDict):
    """What rules would have sent over the past. `compared`: of two sets."""

    since: datetime
    until: datetime
    timezone: str
    not_known: list[str]
    sets: list[RuleSetRow]
    compared: NotRequired[ComparedRow]


class ImportedWalletRow(TypedDict):
    """A wallet as it is written; `line`: where the other file has it first."""

    line: int
    name: str
    source: str
    address: str
    chains: list[str]
    assets: list[str]
    tags: list[str]
    label: str
    note: str


class ImportRow(TypedDict):
    """What came of a file of another program. `written`: null if nothing was."""

    file: str
    written: str | None
    columns: dict[str, str]
    ignored: list[str]
    wallets: list[ImportedWalletRow]
    left_out: list[ProblemRow]
    mistakes: list[ProblemRow]
    before: PlannedSourceRow | None
    after: PlannedSourceRow | None
