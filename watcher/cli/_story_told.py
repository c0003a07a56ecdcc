"""What became of the story that two members watched: what was seen, told and paid, and what was promised."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from watcher.domain.messages.message import Severity
from watcher.domain.values.formatting import counted
from watcher.domain.values.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watcher.ports.queries import Queries
    from watcher.sim import Simulation
    from watcher.sim.inbox import Alert

TOLD = ("funds-moved", "issue-moved", "gas-low", "new-token", "emptied")
"""The rules that each have something to tell in the story."""


def entries(alerts: Sequence[Alert]) -> Iterator[tuple[str, str, str]]:
    """How bad, what and by which rules, of each thing that a message tells: two rules may tell the same."""
    for title in dict.fromkeys(alert["title"] for alert in alerts):
        same = [alert for alert in alerts if alert["title"] == title]
        over = same[0]["state"] == "resolved"
        mark = (
            "resolved"
            if over
            else min((Severity(each["severity"]) for each in same), key=lambda each: each.rank)
        )
        yield mark, clean(title), ", ".join(each["rule"] for each in same)


def verdict(reader: Queries, sim: Simulation, limit: int, *, whole: bool) -> tuple[list[str], bool]:
    """The last lines, and whether each promise was kept. `whole`: the story came to its end."""
    asked = reader.requests(100_000)
    booked = sum(each.cost if each.charged is None else each.charged for each in asked)
    cut = sum(each.cost for each in asked if each.ended_at is None)
    metered = sim.coinstats.credits_used
    ids = sim.inbox.deliveries
    twice = len(ids) - len(set(ids))
    broken = [
        *([f"{booked - limit:,} credits more than the plan were booked"] if booked > limit else []),
        *([f"{metered - booked:,} credits were spent and not booked"] if metered > booked else []),
        *(unseen(reader, sim) if whole else []),
        *(_lost(reader, sim.inbox.alerts) if whole else []),
    ]
    lines = [
        "",
        f"{counted(len(reader.history(1000)), 'change')} seen; {counted(len(set(ids)), 'alert')} told, "
        + (f"{twice} of them again under the same delivery id." if twice else "each once."),
        f"{counted(len(asked), 'request')}; {booked:,} credits booked, "
        f"{metered:,} metered by the simulated API"
        + (f"; {cut:,} stay booked for what died under way." if cut else "."),
        *(f"BROKEN: {each}" for each in broken),
    ]
    if whole and not broken:
        lines.append("One of two was killed: nothing was lost, and not a credit was overspent.")
    return lines, not broken


def untold(sim: Simulation) -> list[str]:
    """The rules that have something to tell in the story, and did not yet."""
    heard = {alert["rule"] for alert in sim.inbox.alerts}
    return [rule for rule in TOLD if rule not in heard]


def unseen(reader: Queries, sim: Simulation) -> list[str]:
    """The accounts of which something else is known than the simulated APIs show."""
    from watcher.sim.scenario import sample_wallets

    found = []
    known = {(each.chain, each.address): state for each, state in reader.past().accounts.items()}
    for wallet in sample_wallets():
        for chain in wallet.chains or ("teos",):
            state = known.get((chain, wallet.address))
            amounts = sorted(filter(None, state.amounts.values())) if state else []
            if amounts != sorted(filter(None, _true(sim, wallet.address, chain))):
                found.append(f"{wallet.name} on {chain} holds something else")
    return found


def _true(sim: Simulation, address: str, chain: str) -> Iterator[Decimal]:
    world = sim.world
    if chain != "teos":
        yield from (Decimal(coin.amount) for coin in world.shown(address, chain).values())
        return
    for (holder, number), sparks in world.sparks.items():
        if holder == address:
            yield Decimal(sparks) / Decimal(world.assets[number].spark_factor or "1")


def _lost(reader: Queries, alerts: list[Alert]) -> list[str]:
    """What was decided and did not arrive, arrived in two messages, or should have been decided."""
    told = {alert["delivery_id"]: alert for alert in alerts}
    owed = [each for state in ("sent", "pending", "given_up") for each in reader.deliveries(state, 1000)]
    said = [f"'{each.message.title}' did not arrive" for each in owed if each.id not in told]
    rules = {alert["rule"] for alert in alerts}
    said += [f"nobody was told of {rule}" for rule in TOLD if rule not in rules]
    states = Counter((each["dedup_key"], each["kind"]) for each in told.values() if each["alert_id"])
    said += [
        f"{key} was told {kind} by {counted(n, 'message')}" for (key, kind), n in states.items() if n > 1
    ]
    begun = {key for key, kind in states if kind == "firing"}
    return said + [f"{key} was over, and had not begun" for key, kind in states if key not in begun]
