"""The simulated TEOS tells of the past: transfers and transactions in its pages, and where events wait."""

from __future__ import annotations

import pytest

from tests.sim.conftest import Client
from watcher.sim import Simulation

ONE, TWO, THREE = "0x" + "9f" * 20, "0x" + "d9" * 20, "0x" + "aa" * 20
GOLD = "0x5b80da7d2d7acd8e4a1e0001"
ENUM = "Teos.Api.Model.Enums.SparkOperationDirection"


@pytest.fixture(autouse=True)
def _transfers(sim: Simulation) -> None:
    """Thirty from one to two, a second apart; then one back."""
    sim.world.clock.freeze()
    sim.world.set_sparks(ONE, GOLD, 1000)
    for number in range(30):
        sim.world.clock.advance(1)
        sim.world.transfer(ONE, TWO, GOLD, number + 1)
    sim.world.clock.advance(1)
    sim.world.transfer(TWO, ONE, GOLD, 500)


def search(direction: str = "All", more: str = "", address: str = TWO) -> str:
    return f"SparkOperations/Search(addresses=%5B%27{address}%27%5D,direction={ENUM}%27{direction}%27{more})"


async def test_a_transfer_moves_sparks_and_is_listed_newest_first_in_pages(client: Client) -> None:
    first = (await client.teos(search())).json
    assert [row["Sparks"] for row in first] == ["500", *map(str, range(30, 6, -1))]
    assert (first[0]["Sender"], first[0]["Receiver"], first[0]["UniqueAssetId"]) == (TWO, ONE, GOLD)
    second = (await client.teos(search(more=",pageNumber=2,pageSize=25"))).json
    assert [row["Sparks"] for row in second] == list(map(str, range(6, 0, -1)))
    assert len({row["BlockchainTransactionId"] for row in first + second}) == 31


@pytest.mark.parametrize(("direction", "count"), [("Sent", 1), ("Received", 25), ("All", 25)])
async def test_a_direction_is_kept_to(client: Client, direction: str, count: int) -> None:
    assert len((await client.teos(search(direction))).json) == count


async def test_nobodys_operations_are_none(client: Client) -> None:
    assert (await client.teos(search(address=THREE))).json == []


async def test_it_takes_the_one_form_that_it_is_told_to_take(sim: Simulation, client: Client) -> None:
    query = f"SparkOperations/Search?addresses=%5B%27{TWO}%27%5D&direction=All&pageNumber=1&pageSize=10"
    assert (await client.teos(query)).status == 400
    sim.teos.search_form = "query"
    assert len((await client.teos(query)).json) == 10
    assert (await client.teos(search())).status == 400


async def test_transactions_are_those_that_were_updated_after_a_time_the_oldest_first(client: Client) -> None:
    rows = (await client.teos("Transactions")).json
    assert [row["SignedBy"] for row in rows[-2:]] == [ONE, TWO]
    after = (await client.teos(f"Transactions?$filter=OnUpdated%20gt%20{rows[-3]['OnUpdated']}")).json
    assert after == rows[-2:]
    assert TWO in after[0]["DataAsJson"]


async def test_a_queue_of_events_is_given_out_where_a_broker_has_one(sim: Simulation, client: Client) -> None:
    headers = {"Authorization": "Bearer teos-key"}
    path = f"{sim.url}/teos/api/v1.1/events/queue?eventRoutingKey=%23"
    assert (await client.session.post(path, headers=headers)).status == 404
    sim.teos.queue = "teos-events-1"
    answer = await client.session.post(path, headers=headers)
    assert (await answer.json())["QuorumQueueName"] == "teos-events-1"
    assert (await client.session.post(path)).status == 401
    assert (await client.session.get(path, headers=headers)).status == 404
