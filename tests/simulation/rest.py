"""What a store must have come to: once nothing hinders it any more, and at the end of it all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.invariants import POOR, RICH
from tests.simulation.truth import ETH
from watcher.domain.alerts.flapping import CALM
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.model import Account

if TYPE_CHECKING:
    from tests.simulation.world import World

LATE = 1800.0
"""Seconds after which what is kept has led to what it must."""
JUST_NOW = 900.0
"""Seconds in which what was owed just before the end may be told."""
WAITS = 600.0


def judged(world: World) -> None:
    """In peace sums are judged, and waiting ends."""
    expect, watched, cache = world.watched.expect, world.watched, world.state.cache
    since, known = world.loop.time() - LATE, [cache.states.get(each) for each in world.fund]
    if all(each and not each.held and watched.moved.get(each.account, 0.0) < since for each in known):
        worth = world.worth()
        fires = any(rule == "poor" for rule, _ in cache.alerts)
        wrong = worth > RICH if fires else worth < POOR
        expect(not wrong, f"the fund is worth {worth}, and `poor` is {'' if fires else 'not '}live")
    for alert in cache.alerts.values():
        waits = alert.rule == "low-for" and alert.state is AlertState.PENDING and alert.reads > 1
        late = world.now() - alert.since > timedelta(seconds=WAITS + LATE)
        expect(not (waits and late), f"{alert.rule} is pending since {alert.since}")


def at_rest(world: World) -> None:
    """At the end nothing is owed, and what is kept is true."""
    watched, state = world.watched, world.state
    expect, late = watched.expect, world.now() - timedelta(seconds=JUST_NOW)
    for each in state.deliveries.values():
        words = f"delivery {each.id} to {each.channel} is {each.state} at rest: {each.message.title}"
        expect(each.state is DeliveryState.SENT or each.created > late, words)
    for identity, owed in watched.owed.items():
        arrived = identity in world.fars[owed.channel].arrived
        expect(arrived or owed.created > late, f"never arrived: {owed.message.title}")
    flapping = world.now() - CALM - timedelta(seconds=WAITS)
    for end in state.cache.owing.values():
        held = bool(end.held) and end.resolved_at is not None and end.resolved_at > flapping
        expect(held, f"an end is owed at rest: {end}")
    for (account, asset), holding in world.truth.holdings.items() if not world.scenario.scarce else ():
        known = state.cache.states.get(account)
        expect(known is not None and not known.held, f"{account} is held at rest: {known}")
        kept = known.amounts.get(asset, 0) if known is not None else None
        expect(kept == holding.amount, f"{account} {asset} is {holding.amount}, and {kept} is kept")
    for alert in state.alerts.values():
        if alert.live and alert.rule in ("low", "low-for"):
            low = world.truth.holdings[Account("coins", "ethereum", "hot"), ETH].amount < 1 / 2
            expect(low, f"{alert.rule} is {alert.state} at rest: {alert.because}")
        elif alert.live and not world.scenario.scarce:
            expect(alert.rule == "poor", f"{alert.rule} is {alert.state} at rest: {alert.because}")
