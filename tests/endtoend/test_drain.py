"""A wallet is drained: what people are told, by the rules as they ship."""

from __future__ import annotations

from pathlib import Path

from tests.endtoend.bench import EVM, Installation

NARROW = "\N{NARROW NO-BREAK SPACE}"
USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7"
PACKS = Path(__file__).parents[2] / "rules"


async def test_the_drain_of_a_wallet_with_two_coins_is_one_message_that_says_how_bad_how_much_and_whose(
    there: Installation,
) -> None:
    world = there.sim.world
    there.edit("watcher.yaml", "{name: hot,", "{name: operations, tags: [hot, treasury],")
    there.edit("watcher.yaml", "[rules.yaml]", f'["{PACKS}/hot-wallet.yaml", "{PACKS}/treasury.yaml"]')
    world.set_amount(EVM, "ethereum", "ETH", "12.5")
    world.set_amount(EVM, "ethereum", "USDT", "19381.13", price="1", contract=USDT)
    assert (await there.verb("poll"))[0] == 0
    before = len(there.hook.received)
    world.set_amount(EVM, "ethereum", "ETH", "0.05")
    world.set_amount(EVM, "ethereum", "USDT", "100")
    assert (await there.verb("poll"))[0] == 0

    told = there.hook.received[before:]
    assert len(told) == 1
    title, body = told[0]["title"], told[0]["message"]
    assert title == f"critical: −12.45 ETH ($37,350.00, −99.6{NARROW}%) left operations (+1 more)"
    assert title.index("operations") < 60
    eth, usdt = (block.splitlines() for block in body.split("\n\n")[1:])
    labels = [line.partition(":")[0] for line in eth[:-1]]
    assert labels == ["• critical", "Moved", "Value", "Because", "When"]
    assert eth[1] == "Moved: 12.5 → 0.05 ETH"
    for rule in ("hot-wallet-large-out", "treasury-large-out", "treasury-out"):
        assert rule in eth[-1], "who tells the same is named, and tells it once"
        assert rule in usdt[-1]
    assert "hot-wallet-too-empty: 100 USDT is below 1,000 USDT (alert " in usdt[-2]
    assert "price $0.00" not in body
