"""Each fault of the simulation does what its name says."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections import Counter
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.sim.conftest import Client
from watcher.sim import Simulation
from watcher.sim.faults import COINSTATS, REFUSALS, TEOS, TRANSPORT

EVM = "0x" + "ab" * 20
OTHER = "0x" + "cd" * 20
TOKEN = "0x" + "1f" * 20
ASSET = "0x0fc6e610b23b09fae00e10001"
ASK = f"/v1/wallet/balance/many?wallets=ethereum:{EVM},base-wallet:{EVM},binancesmartchain:{OTHER}"
PAIRS = f"Balances/GetAssetsBalances(Addresses=['{EVM}','{OTHER}'],UniqueAssetIds=['{ASSET}'])"


@pytest.fixture(autouse=True)
def _some_balances(sim: Simulation) -> None:
    sim.world.set_amount(EVM, "ethereum", "ETH", "1.25", price="3000", coin_id="ethereum")
    sim.world.set_amount(EVM, "ethereum", "USDC", "500", price="1", contract=TOKEN)
    sim.world.set_amount(EVM, "base-wallet", "ETH", "0.5", price="3000", coin_id="ethereum")
    sim.world.set_amount(OTHER, "binancesmartchain", "BNB", "7", price="600")
    sim.world.set_sparks(EVM, ASSET, 100)
    sim.world.set_sparks(OTHER, ASSET, 200)


async def spoiled(sim: Simulation, client: Client, name: str, **options: Any) -> Any:
    """The answer with one fault, as text where it is no JSON that Python reads exactly."""
    sim.faults.add(name, "coinstats", times=1, **options)
    answer = await client.coinstats(ASK)
    assert answer.status == 200
    assert sim.faults.active == []
    return json.loads(answer.text, parse_float=Decimal)


async def spoiled_pairs(sim: Simulation, client: Client, name: str, **options: Any) -> Any:
    sim.faults.add(name, "teos", times=1, **options)
    answer = await client.teos(PAIRS)
    assert answer.status == 200
    assert sim.faults.active == []
    return answer.json


def coins(groups: Any) -> list[dict[str, Any]]:
    return [coin for group in groups for coin in group["balances"]]


@pytest.mark.parametrize("name", sorted(REFUSALS))
async def test_a_refusal_has_its_status_and_charges_nothing(
    sim: Simulation, client: Client, name: str
) -> None:
    sim.faults.add(name, times=2)
    assert (await client.coinstats(ASK)).status == int(name[:3])
    assert (await client.teos(PAIRS)).status == int(name[:3])
    assert sim.coinstats.credits_used == 0
    assert (await client.coinstats(ASK)).status == 200


async def test_failed_answers_are_charged_when_switched_on(sim: Simulation, client: Client) -> None:
    sim.coinstats.charge_failed = True
    sim.faults.add("503", "coinstats")
    await client.coinstats(ASK)
    assert (sim.coinstats.credits_used, sim.coinstats.requests[-1].cost) == (120, 120)


async def test_credit_refusals_say_credits_and_throttling_does_not(sim: Simulation, client: Client) -> None:
    texts = []
    for name in ("406", "429-credits", "429"):
        sim.faults.add(name, "coinstats", times=1)
        texts.append((await client.coinstats(ASK)).json["message"].lower())
    assert ["credit" in text for text in texts] == [True, True, False]


async def test_a_fault_strikes_only_where_it_is_put(sim: Simulation, client: Client) -> None:
    sim.faults.add("500", "teos", path="GetAssetsBalances")
    assert (await client.coinstats(ASK)).status == 200
    assert (await client.teos("Ping")).status == 200
    assert (await client.teos(PAIRS)).status == 500
    sim.faults.clear()
    assert (await client.teos(PAIRS)).status == 200


async def test_chance_is_the_same_for_the_same_seed() -> None:
    runs = []
    for _ in range(2):
        async with Simulation(seed=3) as sim:
            fault = sim.faults.add("500", probability=0.5)
            runs.append([sim.faults.strike(fault) for _ in range(40)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {True, False}


def test_an_unknown_fault_is_a_mistake() -> None:
    sim = Simulation()
    with pytest.raises(ValueError, match="no fault is called"):
        sim.faults.add("five hundred")
    with pytest.raises(ValueError, match="teos has no fault"):
        sim.faults.add("omit-chain", "teos")
    with pytest.raises(ValueError, match="neither"):
        sim.faults.add("500", "elsewhere")


async def test_html_comes_with_status_200(sim: Simulation, client: Client) -> None:
    sim.faults.add("html", "coinstats", times=1)
    answer = await client.coinstats(ASK)
    assert (answer.status, answer.text[:9]) == (200, "<!doctype")
    assert sim.coinstats.credits_used == 0


async def test_truncated_json_is_sound_http_and_charged(sim: Simulation, client: Client) -> None:
    sim.faults.add("truncated", "coinstats", times=1)
    answer = await client.coinstats(ASK)
    with pytest.raises(ValueError, match="line 1"):
        json.loads(answer.text)
    assert sim.coinstats.credits_used == 120


@pytest.mark.parametrize(("name", "text"), [("not-json", "upstream error"), ("empty-body", "")])
async def test_a_body_that_is_no_json(sim: Simulation, client: Client, name: str, text: str) -> None:
    sim.faults.add(name, times=1)
    assert (await client.coinstats(ASK)).text == text


@pytest.mark.parametrize("name", ["cut-off", "reset"])
async def test_a_broken_connection_is_an_error_and_charged(
    sim: Simulation, client: Client, name: str
) -> None:
    sim.faults.add(name, "coinstats", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.coinstats(ASK)
    assert sim.coinstats.credits_used == 120
    assert (await client.coinstats(ASK)).status == 200


async def test_a_huge_body_is_valid_json_of_the_size_said(sim: Simulation, client: Client) -> None:
    sim.faults.add("huge", "coinstats", times=1, size=4 * 1024 * 1024)
    answer = await client.coinstats(ASK)
    assert len(answer.text) == 4 * 1024 * 1024 + 2
    assert json.loads(answer.text) == []


@pytest.mark.parametrize("name", ["huge", "endless", "gzip-bomb"])
async def test_a_stream_ends_when_the_client_leaves(sim: Simulation, client: Client, name: str) -> None:
    sim.faults.add(name, "coinstats", times=1, seconds=0.001)
    before = asyncio.all_tasks()
    url, headers = URL(sim.url + "/coinstats" + ASK, encoded=True), {"X-API-KEY": "cs-key"}
    async with client.session.get(url, headers=headers) as answer:
        await answer.content.readexactly(2 * 64)
        answer.close()
    if serving := asyncio.all_tasks() - before:
        _, unfinished = await asyncio.wait(serving, timeout=10)
        assert not unfinished
    assert (await client.coinstats(ASK)).status == 200


async def test_a_gzip_bomb_is_small_on_the_wire(sim: Simulation, client: Client) -> None:
    sim.faults.add("gzip-bomb", "coinstats", times=1)
    url, headers = URL(sim.url + "/coinstats" + ASK, encoded=True), {"X-API-KEY": "cs-key"}
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(auto_decompress=False, connector=connector) as session,
        session.get(url, headers=headers) as answer,
    ):
        packed = await answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 2 * 1024 * 1024
    some = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed[: len(packed) // 20])
    assert len(some) > 20 * len(packed)


async def test_slow_headers_never_come_to_an_end(sim: Simulation) -> None:
    sim.faults.add("slow-headers", "coinstats", seconds=0.001)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
    writer.write(f"GET /coinstats{ASK} HTTP/1.1\r\nHost: x\r\nX-API-KEY: cs-key\r\n\r\n".encode())
    lines = [await reader.readline() for _ in range(50)]
    assert lines[0].startswith(b"HTTP/1.1 200")
    assert b"\r\n" not in lines
    writer.close()
    await writer.wait_closed()


async def test_a_redirect_leads_to_a_stranger_who_remembers_what_reaches_him(
    sim: Simulation, client: Client
) -> None:
    sim.faults.add("redirect", "coinstats", times=1)
    answer = await client.coinstats(ASK)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(sim.stranger.url)
    assert sim.stranger.requests == []
    await client.get(answer.headers["Location"], {"X-API-KEY": "leaked"})
    assert sim.stranger.requests[0].headers["x-api-key"] == "leaked"


async def test_omit_chain_leaves_out_the_group_it_is_aimed_at(sim: Simulation, client: Client) -> None:
    assert [g["connectionId"] for g in await spoiled(sim, client, "omit-chain")] == [
        "base-wallet",
        "binancesmartchain",
    ]
    left = await spoiled(
        sim, client, "omit-chain", chain="base-wallet", address=EVM.upper().replace("X", "x")
    )
    assert [g["connectionId"] for g in left] == ["ethereum", "binancesmartchain"]


async def test_an_aimed_fault_waits_for_an_answer_it_fits(sim: Simulation, client: Client) -> None:
    sim.faults.add("omit-chain", "coinstats", times=1, chain="base-wallet", address=OTHER)
    assert len((await client.coinstats(ASK)).json) == 3
    assert len(sim.faults.active) == 1


async def test_omit_wallet_leaves_out_every_group_of_a_wallet(sim: Simulation, client: Client) -> None:
    assert [g["address"] for g in await spoiled(sim, client, "omit-wallet")] == [OTHER]


async def test_empty_answers(sim: Simulation, client: Client) -> None:
    assert await spoiled(sim, client, "empty-list") == []
    assert [g["balances"] for g in await spoiled(sim, client, "empty-balances")] == [[], [], []]
    assert isinstance(await spoiled(sim, client, "not-a-list"), dict)


async def test_missing_fields(sim: Simulation, client: Client) -> None:
    assert {coin["price"] for coin in coins(await spoiled(sim, client, "price-null"))} == {None}
    assert {coin["price"] for coin in coins(await spoiled(sim, client, "price-zero"))} == {0}
    assert not any("symbol" in coin for coin in coins(await spoiled(sim, client, "missing-symbol")))
    found = coins(await spoiled(sim, client, "missing-chain"))
    assert not any("chain" in coin or "connectionId" in coin for coin in found)


@pytest.mark.parametrize("field", ["price", "amount"])
async def test_a_number_times_a_factor(sim: Simulation, client: Client, field: str) -> None:
    plain = [coin[field] for coin in coins(await spoiled(sim, client, "unknown-fields"))]
    times = [coin[field] for coin in coins(await spoiled(sim, client, f"{field}-times", factor="1000"))]
    assert [float(each) for each in times] == pytest.approx([1000 * float(each) for each in plain])


async def test_a_field_fault_can_be_aimed_at_one_coin(sim: Simulation, client: Client) -> None:
    found = coins(await spoiled(sim, client, "price-null", token="USDC"))
    assert [coin["symbol"] for coin in found if coin["price"] is None] == ["USDC"]


async def test_contracts_in_other_guises(sim: Simulation, client: Client) -> None:
    def contracts(groups: Any) -> list[Any]:
        return [coin["contractAddress"] for coin in groups[0]["balances"]]

    assert contracts(await spoiled(sim, client, "contract-null")) == [None, None]
    assert contracts(await spoiled(sim, client, "contract-sentinel")) == ["0x" + "e" * 40, TOKEN]
    native, token = contracts(await spoiled(sim, client, "contract-checksum"))
    assert native is None
    assert token != TOKEN
    assert token.lower() == TOKEN


async def test_a_token_comes_twice(sim: Simulation, client: Client) -> None:
    found = Counter(coin["symbol"] for coin in coins(await spoiled(sim, client, "token-twice", token="USDC")))
    assert found["USDC"] == 2


async def test_amounts_in_other_guises(sim: Simulation, client: Client) -> None:
    async def text(name: str) -> list[str]:
        sim.faults.add(name, "coinstats", times=1)
        return re.findall(r'"amount":([^,]*)', (await client.coinstats(ASK)).text)

    plain = await text("unknown-fields")
    assert plain == ["1.25", "500", "0.5", "7"]
    scientific = await text("scientific")
    assert all("E" in one for one in scientific)
    assert [Decimal(one) for one in scientific] == [Decimal(one) for one in plain]
    long = await text("digits-17")
    assert long == ["1.2500000000000001", "500.00000000000001", "0.50000000000000001", "7.0000000000000001"]
    assert await text("negative") == ["-1.25", "-500", "-0.5", "-7"]
    assert await text("nan") == ["NaN"] * 4
    assert await text("amount-null") == ["null"] * 4


async def test_unknown_fields_are_added_at_every_level(sim: Simulation, client: Client) -> None:
    group = (await spoiled(sim, client, "unknown-fields"))[0]
    assert "labels" in group
    assert "tags" in group["balances"][0]


async def test_names_in_other_guises(sim: Simulation, client: Client) -> None:
    found = await spoiled(sim, client, "chain-spelling")
    assert [g["connectionId"] for g in found] == ["Ethereum", "base", "binacesmartchain"]
    found = await spoiled(sim, client, "address-case")
    assert found[0]["address"] != EVM
    assert found[0]["address"].lower() == EVM
    assert {g["connectionId"] for g in await spoiled(sim, client, "sweep-connection")} == {"all"}


async def test_pairs_left_out_or_added(sim: Simulation, client: Client) -> None:
    assert [row["Address"] for row in await spoiled_pairs(sim, client, "omit-pair")] == [OTHER]
    assert [row["Address"] for row in await spoiled_pairs(sim, client, "omit-pair", address=OTHER)] == [EVM]
    assert len(await spoiled_pairs(sim, client, "duplicate-pair")) == 4
    assert len(await spoiled_pairs(sim, client, "foreign-pair")) == 3
    assert await spoiled_pairs(sim, client, "empty-list") == []


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("negative", "-100"),
        ("nan", "NaN"),
        ("fraction", "1.5"),
        ("amount-null", None),
        ("amount-number", 100),
    ],
)
async def test_sparks_in_other_guises(
    sim: Simulation, client: Client, name: str, amount: str | int | None
) -> None:
    assert (await spoiled_pairs(sim, client, name))[0]["Amount"] == amount


async def test_an_asset_id_changes_its_leading_zero(sim: Simulation, client: Client) -> None:
    found = (await spoiled_pairs(sim, client, "leading-zero"))[0]["UniqueAssetId"]
    assert found == "0xfc6e610b23b09fae00e10001"


async def test_links_that_never_end_or_lead_away(sim: Simulation, client: Client) -> None:
    sim.teos.wrapped = True
    sim.faults.add("endless-pages", "teos")
    first = (await client.teos(PAIRS)).json["@odata.nextLink"]
    assert (await client.teos(first)).json["@odata.nextLink"] == first
    sim.faults.clear()
    sim.faults.add("foreign-next", "teos", times=1)
    assert (await client.teos(PAIRS)).json["@odata.nextLink"].startswith(sim.stranger.url)


async def test_an_error_in_pascal_case(sim: Simulation, client: Client) -> None:
    sim.faults.add("pascal-error", "teos", times=1)
    refused = await client.teos(PAIRS)
    assert (refused.status, refused.json["Code"], refused.json["Details"][0]["Code"]) == (
        400,
        "21000",
        "1001",
    )


@pytest.mark.parametrize("name", sorted((COINSTATS | TEOS) - TRANSPORT - {"endless-pages", "foreign-next"}))
async def test_every_content_fault_changes_an_answer(sim: Simulation, client: Client, name: str) -> None:
    for where, ask, faults in (
        ("coinstats", client.coinstats(ASK), COINSTATS),
        ("teos", client.teos(PAIRS), TEOS),
    ):
        if name not in faults:
            ask.close()
            continue
        sound = await ask
        sim.faults.add(name, where, times=1)
        again = await (client.coinstats(ASK) if where == "coinstats" else client.teos(PAIRS))
        assert again.text != sound.text
