"""What one who tells a channel leaves to the next, so that no minute and no pause begins anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from watcher.ports.channel_lane import ChannelLane, LaneState, ToldThen
from watcher.ports.clock import Clock
from watcher.service.delivery_policy import ChannelSession, SentAt


def resume(session: ChannelSession, last: LaneState, clock: Clock) -> None:
    """Go on where another left off. Times to come are no farther off than they were for who set them."""
    now, ticks = clock.now(), clock.monotonic()

    def since(at: datetime) -> float:
        return ticks + (at - now).total_seconds()

    session.sent_at = [SentAt(min(since(each.at), ticks), *each[1:]) for each in last.told]
    session.paused_until = since(last.paused_until) if last.paused_until is not None else None
    session.asked_to_wait, session.failures = last.asked_to_wait, last.failures
    session.apart = set(last.apart)
    session.tried = max((each.at for each in session.sent_at), default=ticks if last.failures else 0.0)
    session.kept = _key(session)


async def keep(session: ChannelSession, lane: ChannelLane, clock: Clock) -> None:
    """Leave what has changed."""
    if (key := _key(session)) != session.kept:
        await lane.keep(_state(session, clock))
        session.kept = key


def _state(session: ChannelSession, clock: Clock) -> LaneState:
    now, ticks = clock.now(), clock.monotonic()

    def at(then: float) -> datetime:
        return now + timedelta(milliseconds=round((then - ticks) * 1000))

    return LaneState(
        told=tuple(ToldThen(at(each.at), each.happenings, each.critical) for each in session.sent_at),
        paused_until=at(session.paused_until) if session.paused_until is not None else None,
        asked_to_wait=session.asked_to_wait,
        failures=session.failures,
        apart=frozenset(session.apart),
    )


def _key(session: ChannelSession) -> object:
    """What it is about; that a minute has passed since something went out is nothing new."""
    paused = session.paused_until, session.asked_to_wait, session.failures
    return session.sends, paused, frozenset(session.apart)
