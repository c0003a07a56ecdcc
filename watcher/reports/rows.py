"""Rows: the shapes that scripts rely on, each written once.

The command line's `--json` and the API print them, tables and pages show them, and the description of the
API is made from them. Amounts are text with all their digits; a time is a `datetime` here and text with Z
once it is printed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, final

from pydantic import Field
from typing_extensions import TypedDict

from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.values.verdict import Answer
from watcher.reports.members import MemberRow

Count = Annotated[int, Field(ge=0)]
Size = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

Overall = Literal["ok", "warning", "critical", "unknown"]
AlertStatus = Literal["pending", "firing", "silenced", "inhibited", "resolved", "withdrawn", "event"]
HintStatus = Literal["heard", "silent", "not heard", "unknown"]
Visibility = Literal["visible", "newcomer", "quarantined", "hidden"]


class HoldingRow(TypedDict):
    """An asset of an account."""

    wallet: str
    source: str
    chain: str
    address: str
    asset: str
    symbol: str
    amount: Amount
    price_usd: Amount | None
    value_usd: Amount | None


class WalletBalanceRow(HoldingRow):
    """What an account holds of an asset, as last confirmed."""

    claimed: bool
    as_of: datetime | None


class AssetRow(HoldingRow):
    """What an account holds of an asset, and whether rules see it."""

    state: Visibility
    reason: str
    by: str
    since: datetime | None


class HistoryRow(TypedDict):
    """A change: what was held before and after."""

    wallet: str
    source: str
    chain: str
    asset: str
    symbol: str
    before: Amount | None
    after: Amount
    after_at: datetime
    before_at: datetime | None
    interest: bool


class PollRow(TypedDict):
    """A request: what came of it, and what it cost."""

    id: int
    source: str
    purpose: str
    accounts: Count
    readings: Count
    misses: Count
    credits: int
    charge_known: bool
    failure: str
    at: datetime
    ended: datetime | None


class DeliveryRow(TypedDict):
    """A message on its way to a channel."""

    id: str
    alert: str
    channel: str
    state: DeliveryState
    attempts: Count
    last_error: str
    created: datetime
    sent: datetime | None
    title: str


class AlertRow(TypedDict):
    """An alert: `silenced` or `inhibited` in place of `firing` while nobody is told, `withdrawn` in that of
    `resolved` where it did not resolve; or an `event`, a change that a rule told, which is over at once."""

    id: str
    rule: str
    subject: str
    wallet: str
    state: AlertStatus
    severity: Severity
    since: datetime
    because: str
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    held: str


class AlertMessageRow(DeliveryRow):
    """A message of one alert to one channel."""

    kind: Kind


class AlertDetailRow(AlertRow):
    """An alert with its course, and what each channel was told of it."""

    fired_at: datetime | None
    told_since: datetime | None
    told_at: datetime | None
    repeats: Count
    escalated_at: datetime | None
    resolved_at: datetime | None
    acknowledged_via: str
    comment: str
    facts: list[tuple[str, str]]
    deliveries: list[AlertMessageRow]


class SilenceRow(TypedDict):
    """A silence with what it matches."""

    id: str
    author: str
    comment: str
    created: datetime
    until: datetime
    in_force: bool
    rules: list[str]
    wallets: list[str]
    severities: list[str]
    tags: list[str]


class AccountRow(TypedDict):
    """An account: when it was read, when it is due, and what is wrong with it."""

    wallet: str
    source: str
    chain: str
    address: str
    last_reading: datetime | None
    next_poll: datetime | None
    misses: Count
    miss: str
    late: bool | None
    stale: bool
    held: list[str]
    quarantined: Count
    interval_seconds: Size | None
    expected_delay_seconds: Size | None


class FindsRow(TypedDict):
    """Changes found in a period, and the mean gap before them against the interval intended."""

    count: Count
    mean_gap_seconds: Size | None
    planned_gap_seconds: Size | None


class ProviderRow(TypedDict):
    """The provider's own count of credits."""

    limit: Count
    used: Count
    at: datetime
    renewed: datetime | None


class CreditsRow(TypedDict):
    """The credits of a source: the ledger, what the cadence plans, and the provider's own count."""

    limit: Count
    spent: int
    remaining: Count
    period_start: datetime
    period_end: datetime
    runs_out: datetime | None
    planned: Count | None
    stretch: Size | None
    finds: FindsRow | None
    configured_limit: Count
    provider: ProviderRow | None


class DeliveryCountsRow(TypedDict):
    """Deliveries by state."""

    pending: Count
    sent: Count
    given_up: Count


class HeldPriceRow(TypedDict):
    """A price in doubt, of an asset that is held."""

    chain: str
    asset: str
    symbol: str
    wallets: list[str]
    price_usd: Amount | None
    believed_usd: Amount | None
    since: datetime
    reason: str


class ChannelRow(TypedDict):
    """A channel that does not tell what it is owed, and why."""

    channel: str
    pending: Count
    since: datetime | None
    trouble: str


class NeverHeldRow(TypedDict):
    """A wallet in which nothing was ever seen, and since when it is read."""

    wallet: str
    since: datetime


class HintsTodayRow(TypedDict):
    """Hints of a day (UTC), by what came of them, and times for which some may be missing."""

    taken: Count
    gathered: Count
    late: Count
    duplicate: Count
    unknown: Count
    gaps: Count


class HintedSourceRow(TypedDict):
    """What a hint source does for one polled source: its polls of today (UTC), and what was learnt of it,
    null if that is not known yet. `wasted`: the credits of barren polls."""

    polls: Count
    confirmed: Count
    barren: Count
    credits: int
    wasted: int
    recall: Share | None
    precision: Share | None
    lag_seconds: float | None
    longest_lag_seconds: float | None


class HintSourceRow(TypedDict):
    """A hint source: how it fares, `since` when, and `why` it is not heard."""

    state: HintStatus
    since: datetime | None
    why: str
    last_hint: datetime | None
    accounts: Count
    today: HintsTodayRow
    sources: dict[str, HintedSourceRow]


class StatusRow(TypedDict):
    """The state of everything, and one word for it."""

    state: Overall
    accounts: list[AccountRow]
    credits: dict[str, CreditsRow]
    alerts: list[AlertRow]
    deliveries: DeliveryCountsRow
    held_prices: list[HeldPriceRow]
    channels: list[ChannelRow]
    never_held: list[NeverHeldRow]
    hints: dict[str, HintSourceRow]
    members: list[MemberRow]
    """None where one has the store alone."""


class HintWordRow(TypedDict):
    """Word upon which an account was polled: whose, when it was heard, and its id."""

    by: str
    at: datetime
    id: str


class _ReadingRow(TypedDict):
    at: datetime | None
    age_seconds: int | None
    misses: Count
    miss: str
    hint: HintWordRow | None


@final
class AccountReadingRow(_ReadingRow):
    """What a rule about accounts answers from."""


@final
class AssetReadingRow(_ReadingRow):
    """What a rule about assets answers from."""

    amount: Amount
    price_usd: Amount | None
    price_at: datetime | None
    waits: list[str]


@final
class SumReadingRow(TypedDict):
    """What a rule about sums answers from."""

    accounts: Count


@final
class CreditsReadingRow(TypedDict):
    """What a rule about credits answers from, in words."""

    credits: str
    period: str


ReadingRow = AssetReadingRow | AccountReadingRow | SumReadingRow | CreditsReadingRow


class LastAlertRow(TypedDict):
    """The alert before, which is over."""

    id: str
    state: AlertStatus
    since: datetime
    because: str
    resolved_at: datetime | None


class ToldRow(TypedDict):
    """A message that a channel was told."""

    kind: Kind
    state: DeliveryState
    at: datetime


class ToldChannelRow(TypedDict):
    """A channel of a rule: how it fares, and what it was told."""

    channel: str
    usual: bool
    quiet_until: datetime | None
    pending: Count
    trouble: str
    told: list[ToldRow]


class ExplanationRow(TypedDict):
    """Why a rule fired on a subject or did not."""

    rule: str
    condition: str
    subject: str
    wallet: str
    reading: ReadingRow
    answer: Answer
    because: str
    alert: AlertRow | None
    last: LastAlertRow | None
    clock: str
    suppressed_by: str
    event: bool
    channels: list[ToldChannelRow]
