"""Accounts, states, alerts and deliveries to keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.decision import Decision, Question, Recalled, Snapshot
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Change
from watcher.ports.store import Recall, Store

NOW = datetime(2026, 3, 10, 12, 0, 0, 123000, tzinfo=UTC)
HOT = Account("coinstats", "ethereum", "0x9f114da25b61b77606d47eab414b9360f8783979")
COLD = Account("coinstats", "all", "0x0000000000000000000000000000000000000001")
ETH = Asset("ethereum", "ethereum")
USDC = Asset("base-wallet", "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913")
THIRTY = Decimal("123456789012345678901.234567891")
"""An amount of thirty digits."""


def after(**spans: float) -> datetime:
    return NOW + timedelta(**spans)


def by(at: datetime, name: str = "ann") -> Actor:
    """Somebody at the page."""
    return Actor(name, "page", at)


def plan(limit: int, reserve: str = "0") -> Allowance:
    return Allowance(CreditPlan(limit, reserve=Decimal(reserve)))


def changed(
    account: Account, asset: Asset, before: str | Decimal | None, to: str | Decimal, at: datetime = NOW
) -> Change:
    was = None if before is None else Decimal(before)
    return Change(account, asset, "", was, Decimal(to), None if before is None else NOW, at)


def known(account: Account, at: datetime = NOW, **amounts: str) -> AccountState:
    """A state whose only chain was read at `at`."""
    held = {Asset(account.chain, token): Decimal(amount) for token, amount in amounts.items()}
    return AccountState(account, held, {account.chain: at}, last_attempt=at, watched_since=NOW)


def alert(
    identity: str = "a1",
    *,
    account: Account | None = HOT,
    state: AlertState = AlertState.FIRING,
    closed: bool = False,
    subject: str = "s",
) -> Alert:
    return Alert(
        identity, "gas-low", "f1", subject, "hot: ETH on ethereum", "hot", account, Severity.WARNING, state,
        NOW, "0.4 is below 0.5", 2, NOW, after(minutes=1), None, closed,
    )  # fmt: skip


def message(identity: str = "a1", kind: Kind = Kind.FIRING, at: datetime = NOW) -> Message:
    facts = (("Wallet", "hot"), ("Amount", "0.4 ETH → 0.3 ETH"), ("Label twice", ""), ("Label twice", "x"))
    return Message(
        identity, kind, Severity.CRITICAL, "gas-low", "coinstats/ethereum/0x9f", "hot", "hot: ΔETH", facts, at
    )


def delivery(
    identity: str, channel: str = "ops", created: datetime = NOW, due: datetime | None = None
) -> Delivery:
    return Delivery(identity, channel, message(at=created), created, due or created)


def always(conclusion: Decision) -> Callable[[Snapshot, Recall], Decision]:
    return lambda _past, _recall: conclusion


async def keep(store: Store, **parts: object) -> None:
    """Conclude what is given, whatever the past."""
    conclusion = Decision(NOW, **parts)  # type: ignore[arg-type]
    await store.conclude([state.account for state in conclusion.accounts], always(conclusion))


async def recalled(store: Store, asked: Sequence[Question]) -> Mapping[Question, Recalled]:
    answers: Mapping[Question, Recalled] = EMPTY

    def deciding(_past: Snapshot, recall: Recall) -> Decision:
        nonlocal answers
        answers = recall(asked)
        return Decision(NOW)

    await store.conclude([], deciding)
    return answers


async def book(
    store: Store,
    cost: int,
    allowance: Allowance,
    at: datetime = NOW,
    *,
    source: str = "coinstats",
    purpose: Purpose = Purpose.SCHEDULED,
) -> Grant | None:
    """The grant, or None if the allowance had no room."""
    answer = await store.reserve(Booking(source, 1, cost, purpose, at), allowance)
    return answer if isinstance(answer, Grant) else None
