"""A wallet is drained: what people are told, by the rules as they ship."""

from __future__ import annotations

from pathlib import Path

from tests.endtoend.bench import EVM, Installation
from tests.notify import phones
from tests.notify.bot_api import GROUP, TOKEN, telegram_server
from tests.notify.phones import ringing

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
    eth, usdt = (block.splitlines() for block in body.split("\n\n"))
    labels = [line.partition(":")[0] for line in eth[:-1]]
    assert labels == ["• critical", "Moved", "Value", "Because", "When"]
    assert eth[1] == "Moved: 12.5 → 0.05 ETH"
    for rule in ("hot-wallet-large-out", "treasury-large-out", "treasury-out"):
        assert rule in eth[-1], "who tells the same is named, and tells it once"
        assert rule in usdt[-1]
    assert "hot-wallet-too-empty: 100 USDT is below 1,000 USDT (alert " in usdt[-2]
    assert "price $0.00" not in body


async def test_a_drain_rings_on_ntfy_and_telegram_and_what_comes_in_is_silent(
    there: Installation,
) -> None:
    world = there.sim.world
    async with ringing(phones.ntfy) as phone, telegram_server() as telegram:
        chat = f'{{kind: telegram, token: "{TOKEN}", chat: "{GROUP}", api_url: "{telegram.url}"}}'
        more = f'\n  phone: {{url: "ntfy://127.0.0.1:{phone.port}/alerts"}}\n  chat: {chat}'
        there.edit("watcher.yaml", 'ops: {url: "${HOOK_URL}"}', f'ops: {{url: "${{HOOK_URL}}"}}{more}')
        there.edit("watcher.yaml", "{name: hot,", "{name: operations, tags: [treasury],")
        there.edit("watcher.yaml", "[rules.yaml]", f'["{PACKS}/treasury.yaml"]')
        world.set_amount(EVM, "ethereum", "ETH", "12.5")
        world.set_amount(EVM, "ethereum", "USDT", "19381.13", price="1", contract=USDT)
        assert (await there.verb("poll"))[0] == 0
        assert phone.told == []
        world.set_amount(EVM, "ethereum", "ETH", "0.05")
        world.set_amount(EVM, "ethereum", "USDT", "100")
        assert (await there.verb("poll"))[0] == 0
        world.set_amount(EVM, "ethereum", "ETH", "3")
        assert (await there.verb("poll"))[0] == 0

    drain, refill = phone.told
    assert (drain["priority"], drain["tags"]) == (5, ["rotating_light"])
    assert drain["title"].startswith("critical: −12.45 ETH ($37,350.00")
    assert (refill["priority"], refill["tags"]) == (1, ["information_source"])
    silent = [each.get("disable_notification", False) for each in telegram.made("sendMessage")]
    assert silent == [False, True]
    assert telegram.wrong == phone.refused == []
