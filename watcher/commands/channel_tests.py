"""Tests of channels by people: a message as loud and as full as an alert would be, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.config.settings import Settings
from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.audit import Actor, AuditAction
from watcher.domain.messages.delivery import Delivery, SendResult, Sent
from watcher.domain.messages.message import (
    Kind,
    Message,
    OfAccount,
    Particulars,
    Severity,
    change_facts,
    change_title,
)
from watcher.domain.model import EMPTY, Account, Asset, Change
from watcher.domain.records import Record
from watcher.domain.values.formatting import moment
from watcher.ports.channel import Channel
from watcher.ports.store import StoreAccess

_AMOUNT, _PRICE = Decimal("12.5"), Decimal("3160.54")
"""What a test alert says has left, and its price."""


class ChannelTest(Record, frozen=True):
    """Test message to a channel, and what came of it. `loudness`: what the service was told of how urgent it
    is, for people. `remarks`: what else they should know of the channel."""

    channel: str
    delivery: str
    severity: Severity | None
    result: SendResult
    loudness: str
    pictured: bool
    pictureless: bool
    """Whether pictures are wanted, and the service takes none."""

    @property
    def sent(self) -> bool:
        return isinstance(self.result, Sent)

    @property
    def error(self) -> str:
        """Why it was not sent, in the service's own words."""
        return "" if isinstance(self.result, Sent) else self.result.detail

    @property
    def words(self) -> str:
        """What came of it, and what the service was told."""
        return "; ".join(self._words())

    def _words(self) -> Iterator[str]:
        if not self.sent:
            yield f"not sent: {self.error}"
        else:
            how = f"sent as {self.severity.value}" if self.severity is not None else "sent"
            yield f"{how}, with a picture" if self.pictured else how
        if self.loudness:
            yield self.loudness
        if self.pictureless:
            yield "this service takes no pictures"
        yield from self.result.remarks.values()


async def send_test(
    settings: Settings,
    channel: Channel,
    severity: Severity | None,
    now: datetime,
    *,
    drawn: bool = False,
    facts: Mapping[str, str] = EMPTY,
) -> ChannelTest:
    """Tell a channel a test message, and close it. Without a severity it rings as a warning does.

    `drawn`: whether there is somebody who draws pictures. `facts`: what the channel has learnt before.
    """
    kind, identity = settings.channels[channel.name], short_id("test", channel.name, now.isoformat())
    delivery = Delivery(
        identity, channel.name, _message(settings, channel.name, identity, severity, now), now, now
    )
    try:
        channel.remember(facts)
        result = await channel.send([delivery])
    finally:
        await channel.close()
    wanted = drawn and kind.wants_pictures
    return ChannelTest(
        channel.name, identity, severity, result, kind.loudness([delivery]),
        pictured=wanted and kind.takes_pictures and "picture" not in result.remarks,
        pictureless=wanted and not kind.takes_pictures,
    )  # fmt: skip


def note_test(store: StoreAccess, actor: Actor, test: ChannelTest) -> None:
    """Note in the audit log that a channel was tried."""
    store.commands(actor).note(AuditAction.TEST, [test.channel], test.words)


def _message(
    settings: Settings, channel: str, identity: str, severity: Severity | None, now: datetime
) -> Message:
    """A few words; with a severity what an alert would be, about the first wallet that is watched."""
    meaning = ("Meaning", "alerts that name this channel arrive here")
    if severity is None:
        title, facts = f"Test message from watcher to channel {channel}", (("Sent", moment(now)), meaning)
        return Message(identity, Kind.TEST, Severity.WARNING, "watcher.test", "", "", title, facts, now)
    wallets = settings.wallets
    account = wallets[0].accounts[0] if wallets else Account("", "ethereum", "")
    asset, name = Asset(account.chain, "test"), wallets[0].name if wallets else "treasury"
    where = OfAccount(name, account, asset=asset, symbol="TEST")
    since = now - timedelta(minutes=5)
    change = Change(account, asset, where.symbol, _AMOUNT, Decimal(0), since, now, _PRICE, _PRICE)
    because = "this is a test: nothing has moved"
    return Message(
        identity,
        Kind.TEST,
        severity,
        "watcher.test",
        "",
        where.wallet,
        f"{severity.value}, test: {change_title(change, where)}",
        (*where.facts(), *change_facts(change), ("Because", because), meaning),
        now,
        Particulars(
            source=account.source,
            chain=account.chain,
            address=account.address,
            symbol=change.symbol,
            before=change.before,
            after=change.after,
            price_before=_PRICE,
            price_after=_PRICE,
            since=since,
            until=now,
            because=because,
        ),
    )
