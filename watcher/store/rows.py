"""Rows of accounts, alerts and messages in tables, and back, whichever database keeps them: times are
milliseconds, and what is a list or a record within one row is JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from watcher.domain.alerts.events import Event
from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import EMPTY, Account, AccountState, Asset, PriceSuspicion, Suspect
from watcher.domain.values.formatting import moment
from watcher.store.codec import (
    canonical,
    from_ms,
    ms,
    number,
    optional,
    particulars_of,
    storable,
    time,
    to_ms,
)

STATE = (
    "last_reading", "last_attempt", "watched_since", "misses", "miss", "seen", "stale", "held", "unsettled",
    "omitted", "scales",
)  # fmt: skip
"""The columns of an account's state, in the order of `state_row`."""


def read_again(old: AccountState | None, new: AccountState) -> datetime | None:
    """When the account was read, if its row differs in nothing else: the common case, made cheap."""
    at = new.last_attempt
    if old is None or at is None or not (_ordinary(old) and _ordinary(new)):
        return None
    if new.scales is not old.scales and new.scales != old.scales:
        return None
    if new.watched_since != old.watched_since or new.seen[new.account.chain] != at:
        return None
    return at


def _ordinary(state: AccountState) -> bool:
    """Its one chain was read, and nothing is odd about it."""
    if state.misses or state.miss or state.stale or state.held or state.unsettled or state.omitted:
        return False
    return len(state.seen) == 1 and state.account.chain in state.seen


def state_row(state: AccountState) -> tuple[Any, ...]:
    """The columns of `STATE`. What is empty, or follows from the others, is NULL."""
    last = state.last_reading
    plain = not state.seen or (len(state.seen) == 1 and state.account.chain in state.seen)
    return (
        None if last is None else to_ms(last),
        None if state.last_attempt is None else to_ms(state.last_attempt),
        None if state.watched_since is None else to_ms(state.watched_since),
        state.misses,
        storable(state.miss),
        None if plain else _json({chain: to_ms(at) for chain, at in state.seen.items()}),
        _json([[*asset, to_ms(at)] for asset, at in state.stale.items()]),
        _json([_held_row(asset, held) for asset, held in state.held.items()]),
        _json([[*asset] for asset in sorted(state.unsettled)]),
        _json(dict(state.omitted)),
        _json([[*asset, str(scale)] for asset, scale in state.scales.items()]),
    )


class Times:
    """Times as they are read, each made once: accounts of one request have the same."""

    def __init__(self) -> None:
        self._times: dict[int, datetime] = {}
        self._seen: dict[tuple[str, int], Mapping[str, datetime]] = {}

    def at(self, value: int | None) -> datetime | None:
        if value is None:
            return None
        known = self._times.get(value)
        if known is None:
            known = self._times[value] = from_ms(value)
        return known

    def seen(self, chain: str, value: int | None) -> Mapping[str, datetime]:
        """That one chain was read then."""
        if value is None:
            return EMPTY
        known = self._seen.get((chain, value))
        if known is None:
            known = self._seen[chain, value] = {chain: self._times.get(value) or from_ms(value)}
        return known


def state_from(
    account: Account, amounts: Mapping[Asset, Decimal], row: tuple[Any, ...], times: Times
) -> AccountState:
    last, attempt, watched, misses, miss, seen, stale, held, unsettled, omitted, scales = row
    if seen is not None:
        seen_at: Mapping[str, datetime] = {chain: from_ms(at) for chain, at in json.loads(seen).items()}
    else:
        seen_at = times.seen(account.chain, last)
    return AccountState(
        account,
        amounts=amounts,
        seen=seen_at,
        stale={Asset(chain, token): from_ms(at) for chain, token, at in json.loads(stale)}
        if stale
        else EMPTY,
        held=_held(held) if held else EMPTY,
        unsettled=frozenset(Asset(*names) for names in json.loads(unsettled)) if unsettled else frozenset(),
        omitted=json.loads(omitted) if omitted else EMPTY,
        scales={Asset(chain, token): int(scale) for chain, token, scale in json.loads(scales)}
        if scales
        else EMPTY,
        last_attempt=times.at(attempt),
        misses=misses,
        miss=miss,
        watched_since=times.at(watched),
    )


def _held_row(asset: Asset, held: Suspect) -> list[Any]:
    return [*asset, canonical(held.amount), to_ms(held.since), held.reason, held.odd]


def _held(text: str) -> dict[Asset, Suspect]:
    return {
        Asset(chain, token): Suspect(Decimal(amount), from_ms(since), reason, *odd)
        for chain, token, amount, since, reason, *odd in json.loads(text)
    }


def doubt_text(doubt: PriceSuspicion | None) -> str | None:
    """A price in doubt as the column `assets.doubt` has it."""
    if doubt is None:
        return None
    return _json([optional(doubt.price), to_ms(doubt.since), doubt.reason, doubt.settled])


def doubt_from(text: str) -> PriceSuspicion:
    price, since, reason, settled = json.loads(text)
    return PriceSuspicion(number(price), from_ms(since), reason, settled)


def _json(value: Any) -> str | None:
    return json.dumps(value, separators=(",", ":")) if value else None


ALERT = (
    "id", "rule", "fingerprint", "subject", "label", "wallet", "source", "chain", "address", "severity",
    "state", "since", "because", "reads", "fired_at", "told_at", "resolved_at", "closed",
    "told", "told_since", "repeats", "clear_since", "acknowledged_by", "acknowledged_at", "comment", "held",
    "owed", "escalated_at", "acknowledged_via",
)  # fmt: skip


def alert_row(alert: Alert) -> tuple[Any, ...]:
    where, ack = alert.account or (None, None, None), alert.acknowledged
    return (
        alert.id, alert.rule, alert.fingerprint, alert.subject, alert.label, alert.wallet, *where,
        str(alert.severity), str(alert.state), to_ms(alert.since), alert.because, alert.reads,
        ms(alert.fired_at), ms(alert.told_at), ms(alert.resolved_at), alert.closed,
        None if alert.told is None else json.dumps(alert.told), ms(alert.told_since), alert.repeats,
        ms(alert.clear_since), ack.by if ack else None, to_ms(ack.at) if ack else None,
        ack.comment if ack else "", alert.held, None if alert.owed is None else str(alert.owed),
        ms(alert.escalated_at), ack.via if ack else "",
    )  # fmt: skip


def alert_from(row: tuple[Any, ...]) -> Alert:
    source, chain, address = row[6:9]
    by, acknowledged_at, comment = row[22:25]
    return Alert(
        id=row[0],
        rule=row[1],
        fingerprint=row[2],
        subject=row[3],
        label=row[4],
        wallet=row[5],
        account=Account(source, chain, address) if source is not None else None,
        severity=Severity(row[9]),
        state=AlertState(row[10]),
        since=from_ms(row[11]),
        because=row[12],
        reads=row[13],
        fired_at=time(row[14]),
        told_at=time(row[15]),
        resolved_at=time(row[16]),
        closed=bool(row[17]),
        told=None if row[18] is None else tuple(json.loads(row[18])),
        told_since=time(row[19]),
        repeats=row[20],
        clear_since=time(row[21]),
        acknowledged=Ack(by, from_ms(acknowledged_at), comment, row[28]) if by is not None else None,
        held=row[25],
        owed=None if row[26] is None else Kind(row[26]),
        escalated_at=time(row[27]),
    )


MESSAGE = "m.alert, m.kind, m.severity, m.rule, m.subject, m.wallet, m.title, m.facts, m.at, m.particulars"
"""The columns of a message, in the order of `message_from`."""


def message_from(row: tuple[Any, ...]) -> Message:
    return Message(
        id=row[0],
        kind=Kind(row[1]),
        severity=Severity(row[2]),
        rule=row[3],
        subject=row[4],
        wallet=row[5],
        title=row[6],
        facts=tuple((label, value) for label, value in json.loads(row[7])),
        at=from_ms(row[8]),
        particulars=particulars_of(row[9]),
    )


DELIVERY = (
    "d.id, d.channel, d.state, d.attempts, d.last_error, d.created, d.due, d.sent, d.heard, d.receipt,"
    f" CASE WHEN a.state = 'resolved' THEN a.resolved_at END, a.because, {MESSAGE}"
)
"""The columns of a delivery, its message and its alert, in the order of `delivery_from`."""


def delivery_from(row: tuple[Any, ...], thread: str | None) -> Delivery:
    """`thread`: how the service calls the first message about the same."""
    return Delivery(
        row[0], row[1], message_from(row[12:]), from_ms(row[5]), from_ms(row[6]), DeliveryState(row[2]),
        row[3], row[4], time(row[7]), frozenset(json.loads(row[8])) if row[8] else frozenset(),
        over=f"since {moment(from_ms(row[10]))}: {row[11]}" if row[10] is not None else "",
        receipt=row[9], thread=thread or "",
    )  # fmt: skip


def event_from(row: tuple[Any, ...]) -> Event:
    """Of the columns of a message, and those of its acknowledgement."""
    by, at, comment, via = row[-4:]
    return Event(message_from(row[:-4]), None if by is None else Ack(by, from_ms(at), comment, via))


SILENCE = ("id", "author", "comment", "created", "until", "rules", "wallets", "severities", "tags")


def silence_row(silence: Silence) -> tuple[Any, ...]:
    globs = (silence.rules, silence.wallets, silence.severities, silence.tags)
    return (
        silence.id, storable(silence.author), storable(silence.comment), to_ms(silence.created),
        to_ms(silence.until), *(storable(json.dumps(each, ensure_ascii=False)) for each in globs),
    )  # fmt: skip


def silence_from(row: tuple[Any, ...]) -> Silence:
    globs = (tuple(json.loads(each)) for each in row[5:9])
    return Silence(row[0], row[1], row[2], from_ms(row[3]), from_ms(row[4]), *globs)


def flap_row(key: tuple[str, str], flap: Flap) -> tuple[Any, ...]:
    times = [to_ms(at) for at in flap.times]
    return (*key, json.dumps(times), ms(flap.since), flap.said, times[-1] if times else 0)


def flap_from(row: tuple[Any, ...]) -> tuple[tuple[str, str], Flap]:
    times = tuple(from_ms(at) for at in json.loads(row[2]))
    return (row[0], row[1]), Flap(times, time(row[3]), bool(row[4]))
