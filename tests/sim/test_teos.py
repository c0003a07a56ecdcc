"""The simulated TEOS keeps the documented contract."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.sim.conftest import Client
from watcher.sim import Simulation

ONE = "0x" + "9f" * 20
TWO = "0x" + "d9" * 20
CARBON = "0x0fc6e610b23b09fae00e10001"
GOLD = "0x5b80da7d2d7acd8e4a1e0001"


@pytest.fixture(autouse=True)
def _some_sparks(sim: Simulation) -> None:
    sim.world.define_asset(CARBON, spark_factor="1000", name="Carbon", unit="t")
    sim.world.define_asset(GOLD, name="Gold")
    sim.world.set_sparks(ONE, CARBON, 25000)
    sim.world.set_sparks(TWO, GOLD, "123456789012345678901234567890")


def many(addresses: list[str], assets: list[str]) -> str:
    def listed(items: list[str]) -> str:
        return "%5B" + "%2C".join(f"%27{item}%27" for item in items) + "%5D"

    return f"Balances/GetAssetsBalances(Addresses={listed(addresses)},UniqueAssetIds={listed(assets)})"


async def test_balances_are_sparks_as_text_digit_for_digit(client: Client) -> None:
    answer = await client.teos(many([ONE, TWO], [CARBON, GOLD]))
    assert answer.json == [
        {"Address": ONE, "UniqueAssetId": CARBON, "Amount": "25000"},
        {"Address": TWO, "UniqueAssetId": GOLD, "Amount": "123456789012345678901234567890"},
    ]


async def test_zero_pairs_are_left_out_or_present(sim: Simulation, client: Client) -> None:
    sim.teos.zero = "zero"
    rows = (await client.teos(many([ONE], [CARBON, GOLD]))).json
    assert [row["Amount"] for row in rows] == ["25000", "0"]


async def test_names_and_ids_are_read_in_every_case_and_with_or_without_prefix_and_zero(
    client: Client,
) -> None:
    address = ONE.upper().replace("X", "x")
    asset = "FC6E610B23B09FAE00E10001"
    call = f"balances/getassetsbalances(addresses=['{address}'],uniqueAssetIds=['{asset}'])"
    for version in ("v1.0", "v1.1"):
        answer = await client.get(f"/teos/odata/{version}/{call}", {"Authorization": "Bearer teos-key"})
        assert [row["Amount"] for row in answer.json] == ["25000"]


async def test_a_wrapped_answer_is_paged_by_links(sim: Simulation, client: Client) -> None:
    sim.teos.wrapped, sim.teos.page_size, sim.teos.zero = True, 3, "zero"
    found = []
    url, pages = many([ONE, TWO], [CARBON, GOLD]), 0
    while url:
        page = (await client.teos(url)).json
        found += page["value"]
        url, pages = page.get("@odata.nextLink"), pages + 1
    assert (pages, len(found)) == (2, 4)
    assert len({(row["Address"], row["UniqueAssetId"]) for row in found}) == 4


async def test_a_bare_answer_has_no_place_for_a_link_and_is_cut(sim: Simulation, client: Client) -> None:
    sim.teos.page_size, sim.teos.zero = 3, "zero"
    assert len((await client.teos(many([ONE, TWO], [CARBON, GOLD]))).json) == 3


async def test_one_pair_is_an_object_and_shows_zero(client: Client) -> None:
    answer = await client.teos(f"Balances(address='{ONE}',uniqueAssetId='{GOLD}')")
    assert answer.json == {"Address": ONE, "UniqueAssetId": GOLD, "Amount": "0"}


async def test_assets_tell_their_factor(sim: Simulation, client: Client) -> None:
    one = await client.teos(f"Assets('{CARBON}')?$select=Id,SparkFactor")
    assert one.json == {"Id": CARBON, "SparkFactor": "1000"}
    found = await client.teos(
        f"Assets?$filter=Id%20in%20('{CARBON}',%20'{GOLD}',%20'0x1')&$select=Id,SparkFactor"
    )
    assert found.json == [{"Id": CARBON, "SparkFactor": "1000"}, {"Id": GOLD, "SparkFactor": None}]
    sim.teos.wrapped = True
    assert len((await client.teos("Assets")).json["value"]) == 2
    assert (await client.teos("Assets('0x1')")).status == 404


async def test_errors_are_in_their_own_shape(sim: Simulation, client: Client) -> None:
    refused = await client.teos(many([ONE], ["0x12345"]))
    assert refused.status == 400
    assert set(refused.json) == {"code", "message", "target", "details", "clTraceId"}
    assert (refused.json["code"], refused.json["details"][0]["code"]) == ("21000", "1001")
    sim.teos.unknown_asset = "omit"
    assert (await client.teos(many([ONE], ["0x12345"]))).json == []
    for wrong in (
        "Balances/GetAssetsBalances(Addresses=[],UniqueAssetIds=[])",
        many([ONE], ["no hex"]),
        "Balances(x)",
    ):
        assert (await client.teos(wrong)).status == 400
    assert (await client.teos("Nothing")).status == 404
    assert (await client.get("/teos/odata/v0.1/Ping", {"Authorization": "Bearer teos-key"})).status == 404


async def test_the_key_is_checked(client: Client) -> None:
    assert (await client.teos("Ping")).status == 200
    for headers in ({"Authorization": "Bearer wrong"}, {"X-API-KEY": "teos-key"}):
        answer = await client.get("/teos/odata/v1.1/Ping", headers)
        assert (answer.status, answer.json["code"]) == (401, "11001")


async def test_a_url_that_is_too_long_is_414(client: Client) -> None:
    assert (await client.teos(many([ONE] * 200, [CARBON]))).status == 414


async def test_calls_over_a_limit_are_429_and_say_how_long(sim: Simulation, client: Client) -> None:
    sim.world.clock.freeze()
    sim.teos.per_minute = 2
    first = await client.teos("Ping")
    assert (first.headers["X-Rate-Limit-Limit"], first.headers["X-Rate-Limit-Remaining"]) == ("1d", "29999")
    assert datetime.fromisoformat(first.headers["X-Rate-Limit-Reset"]) > sim.world.clock.now()
    sim.world.clock.advance(20)
    await client.teos("Ping")
    refused = await client.teos("Ping")
    assert (refused.status, refused.headers["Retry-After"], refused.json["code"]) == (429, "60", "13000")
    sim.world.clock.advance(60)
    assert (await client.teos("Ping")).status == 200


async def test_a_call_while_blocked_lengthens_the_block(sim: Simulation, client: Client) -> None:
    sim.world.clock.freeze()
    sim.teos.per_minute = 1
    await client.teos("Ping")
    sim.world.clock.advance(50)
    assert (await client.teos("Ping")).status == 429
    sim.world.clock.advance(15)
    assert (await client.teos("Ping")).status == 429
    sim.world.clock.advance(60)
    assert (await client.teos("Ping")).status == 200


async def test_the_day_has_a_limit_of_its_own_and_both_can_be_switched_off(
    sim: Simulation, client: Client
) -> None:
    sim.teos.per_minute, sim.teos.per_day = None, 2
    assert [(await client.teos("Ping")).status for _ in range(3)] == [200, 200, 429]
    sim.teos.per_day = None
    answer = await client.teos("Ping")
    assert answer.status == 200
    assert "X-Rate-Limit-Limit" not in answer.headers
