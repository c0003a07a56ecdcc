"""The simulated CoinStats keeps the documented contract."""

from __future__ import annotations

import pytest

from tests.sim.conftest import Client
from watcher.sim import Simulation

EVM = "0x" + "aB" * 20
OTHER = "0x" + "cd" * 20
BTC = "bc1qsample"
MANY = "/v1/wallet/balance/many"
FIELDS = {
    "chain", "connectionId", "coinId", "amount", "name", "symbol", "price", "priceBtc", "imgUrl", "pCh24h",
    "rank", "volume", "decimals", "contractAddress",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _some_coins(sim: Simulation) -> None:
    sim.world.set_amount(EVM, "ethereum", "ETH", "1.25", symbol="ETH", price="3000", coin_id="ethereum")
    sim.world.set_amount(EVM, "base-wallet", "USDC", "10", price="1", contract="0x" + "1f" * 20)
    sim.world.set_amount(BTC, "bitcoin", "BTC", "0.5", price="60000")


@pytest.mark.parametrize(
    ("query", "credits"),
    [
        (f"wallets=ethereum:{EVM}", 40),
        (f"wallets=ethereum:{EVM},polygon-wallet:{EVM},bitcoin:{BTC}", 120),
        (f"wallets=ethereum:{EVM},all:{OTHER}", 440),
        (f"wallets=all:{EVM},all:{OTHER}", 800),
        (f"wallets=forceall:{EVM}", 400),
        (f"address={EVM}&blockchain=ethereum,base-wallet", 80),
        (f"address={EVM}", 400),
        (f"wallets=ethereum:{EVM},base-wallet:{EVM}&blockchain=ethereum,base-wallet", 160),
    ],
)
async def test_credits_are_summed_over_pairs(
    sim: Simulation,
    client: Client,
    query: str,
    credits: int,  # noqa: A002
) -> None:
    answer = await client.coinstats(f"{MANY}?{query}")
    assert answer.status == 200
    assert sim.coinstats.credits_used == credits
    assert sim.coinstats.requests[-1].cost == credits


async def test_both_query_forms_give_the_same_groups(client: Client) -> None:
    pairs = await client.coinstats(f"{MANY}?wallets=ethereum:{EVM},base-wallet:{EVM}")
    single = await client.coinstats(f"{MANY}?address={EVM}&blockchain=ethereum,base-wallet")
    assert pairs.json == single.json
    assert [group["connectionId"] for group in pairs.json] == ["ethereum", "base-wallet"]
    assert [group["blockchain"] for group in pairs.json] == ["ethereum", "base"]
    assert all(set(coin) == FIELDS for group in pairs.json for coin in group["balances"])


@pytest.mark.parametrize(
    "digits", ["0.10000000000000001", "1e-7", "8.470329472543003e-22", "12345678901234567.0"]
)
async def test_amounts_keep_every_digit(sim: Simulation, client: Client, digits: str) -> None:
    sim.world.set_amount(EVM, "ethereum", "ETH", digits)
    answer = await client.coinstats(f"{MANY}?wallets=ethereum:{EVM}")
    assert f'"amount":{digits},' in answer.text


async def test_an_amount_that_is_no_number_is_refused_by_the_world(sim: Simulation) -> None:
    for wrong in ("NaN", "1,5", "", ".5", "+1"):
        with pytest.raises(ValueError, match="JSON number"):
            sim.world.set_amount(EVM, "ethereum", "ETH", wrong)


async def test_a_drained_and_an_unknown_wallet_are_groups_without_balances(
    sim: Simulation, client: Client
) -> None:
    sim.world.drain(EVM, "ethereum")
    answer = await client.coinstats(f"{MANY}?wallets=ethereum:{EVM},ethereum:{OTHER}")
    assert [(group["address"], group["balances"]) for group in answer.json] == [(EVM, []), (OTHER, [])]


async def test_all_brings_the_top_chains_and_every_chain_with_coins(sim: Simulation, client: Client) -> None:
    sim.world.set_amount(EVM, "gnosis-wallet", "xDAI", "3")
    answer = await client.coinstats(f"{MANY}?wallets=all:{EVM}")
    named = [group["connectionId"] for group in answer.json]
    assert len(named) == len(set(named)) == 11
    assert {"ethereum", "binancesmartchain", "gnosis-wallet"} <= set(named)


async def test_evm_addresses_are_one_in_every_case_and_echoed_as_asked(client: Client) -> None:
    answer = await client.coinstats(f"{MANY}?wallets=ethereum:{EVM.lower()}")
    assert answer.json[0]["address"] == EVM.lower()
    assert answer.json[0]["balances"][0]["symbol"] == "ETH"


async def test_a_changed_balance_or_price_is_in_the_next_answer(sim: Simulation, client: Client) -> None:
    ask = f"{MANY}?wallets=ethereum:{EVM}"
    await client.coinstats(ask)
    sim.world.set_amount(EVM, "ethereum", "ETH", "0.75")
    assert (await client.coinstats(ask)).json[0]["balances"][0]["amount"] == 0.75
    sim.world.set_price("ethereum", "ETH", None)
    coin = (await client.coinstats(ask)).json[0]["balances"][0]
    assert (coin["price"], coin["symbol"]) == (None, "ETH")
    sim.world.remove(EVM, "ethereum", "ETH")
    assert (await client.coinstats(ask)).json[0]["balances"] == []


async def test_the_single_wallet_call_is_a_flat_list_with_and_without_v1(
    sim: Simulation, client: Client
) -> None:
    for prefix in ("", "/v1"):
        answer = await client.coinstats(f"{prefix}/wallet/balance?address={EVM}&connectionId=ethereum")
        assert [coin["symbol"] for coin in answer.json] == ["ETH"]
    assert sim.coinstats.credits_used == 80


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_the_list_of_currencies_costs_one_and_is_counted_in_dollars(
    sim: Simulation, client: Client, prefix: str
) -> None:
    answer = await client.coinstats(f"{prefix}/currencies")

    assert answer.json["result"]["USD"] == 1
    assert '"CHF":0.8062450125737061' in answer.text.replace(" ", "")
    assert sim.coinstats.credits_used == 1


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_usage_is_free_and_the_list_of_chains_costs_one(
    sim: Simulation, client: Client, prefix: str
) -> None:
    chains = await client.coinstats(f"{prefix}/wallet/blockchains")
    assert {
        "name": "BNB Smart Chain",
        "connectionId": "binancesmartchain",
        "chain": "binance_smart",
    }.items() <= (chains.json[1].items())
    usage = await client.coinstats(f"{prefix}/usage/credits")
    assert usage.json == {
        "totalCredits": 20000,
        "usedCredits": 1,
        "remainingCredits": 19999,
        "subscription": "FREE",
    }


async def test_a_wrong_or_absent_key_is_401_and_free(sim: Simulation, client: Client) -> None:
    for headers in ({"X-API-KEY": "wrong"}, {"Accept": "*/*"}):
        answer = await client.get(f"/coinstats{MANY}?wallets=ethereum:{EVM}", headers)
        assert answer.status == 401
        assert set(answer.json) == {"statusCode", "message", "requestId", "path"}
        assert answer.json["message"] == "Unauthorized"
    assert sim.coinstats.credits_used == 0


@pytest.mark.parametrize(
    ("shape", "status", "message"),
    [("406", 406, "Credits limit reached"), ("429", 429, "Insufficient credits")],
)
async def test_over_the_plan_is_refused_whole_and_charges_nothing(
    sim: Simulation, client: Client, shape: str, status: int, message: str
) -> None:
    sim.coinstats.credits_limit, sim.coinstats.exhausted_shape = 100, shape
    assert (await client.coinstats(f"{MANY}?wallets=ethereum:{EVM},bitcoin:{BTC}")).status == 200
    refused = await client.coinstats(f"{MANY}?wallets=ethereum:{EVM}")
    assert (refused.status, sim.coinstats.credits_used) == (status, 80)
    assert refused.json["message"].startswith(message)
    assert "Retry-After" not in refused.headers
    sim.coinstats.reset_period()
    assert (await client.coinstats(f"{MANY}?wallets=ethereum:{EVM}")).status == 200


async def test_too_many_requests_a_second_are_429_without_a_hint(sim: Simulation, client: Client) -> None:
    sim.world.clock.freeze()
    sim.coinstats.requests_per_second = 2
    ask = f"{MANY}?wallets=ethereum:{EVM}"
    answers = [await client.coinstats(ask) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].json["message"] == "Rate limit exceeded"
    assert "Retry-After" not in answers[2].headers
    assert sim.coinstats.credits_used == 80
    sim.world.clock.advance(1)
    assert (await client.coinstats(ask)).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "",
        "wallets=nowhere:0x1",
        "wallets=ethereum",
        "wallets=kaspa-wallet:kaspa:qq",
        f"address={EVM}&blockchain=no",
    ],
)
async def test_what_cannot_be_read_is_400_and_free(sim: Simulation, client: Client, query: str) -> None:
    assert (await client.coinstats(f"{MANY}?{query}")).status == 400
    assert sim.coinstats.credits_used == 0


async def test_an_address_with_a_colon_is_answered_in_the_address_form(
    sim: Simulation, client: Client
) -> None:
    sim.world.set_amount("kaspa:qq", "kaspa-wallet", "KAS", "9")
    answer = await client.coinstats(f"{MANY}?address=kaspa%3Aqq&blockchain=kaspa-wallet")
    assert answer.json[0]["balances"][0]["amount"] == 9


async def test_a_refused_address_spoils_the_request_it_is_in(sim: Simulation, client: Client) -> None:
    sim.coinstats.refused.add(OTHER)
    assert (await client.coinstats(f"{MANY}?wallets=ethereum:{EVM},ethereum:{OTHER}")).status == 400
    assert (await client.coinstats(f"{MANY}?wallets=ethereum:{EVM}")).status == 200


async def test_both_spellings_of_bsc_are_answered_as_asked(sim: Simulation, client: Client) -> None:
    sim.world.set_amount(EVM, "binancesmartchain", "BNB", "2")
    for spelling in ("binacesmartchain", "binancesmartchain"):
        group = (await client.coinstats(f"{MANY}?wallets={spelling}:{EVM}")).json[0]
        assert (group["connectionId"], len(group["balances"])) == (spelling, 1)
