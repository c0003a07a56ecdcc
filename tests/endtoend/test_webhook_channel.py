"""Webhooks by the real daemon: signed, by the schema, none lost when both ends die, no secret left behind."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

from tests.endtoend.bench import EVM, Installation, stop
from tests.notify.test_webhook_alertmanager import Keep, OnCall
from tests.notify.webhooks import SECRET, TOKEN, Machine, machine

CHANNELS = """\
channels:
  machine: {{kind: webhook, url: "${{MACHINE_URL}}", secret: "${{MACHINE_SECRET}}"{more}}}
"""


def wired(there: Installation, here: Machine, more: str = "") -> None:
    there.edit("watcher.yaml", "channels:\n", CHANNELS.format(more=more))
    there.env |= {"MACHINE_URL": here.url, "MACHINE_SECRET": SECRET}


def of_rule(rule: str, state: str, taken: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in taken if (each["rule"], each["state"]) == (rule, state)]


async def test_a_fall_and_its_end_reach_a_machine_in_numbers(there: Installation) -> None:
    async with machine() as here:
        wired(there, here)
        async with there.daemon() as daemon:
            await there.first_readings()
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
            await here.until(lambda taken: bool(of_rule("eth-low", "firing", taken)))
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.9")
            await here.until(lambda taken: bool(of_rule("eth-low", "resolved", taken)))
            await stop(there, daemon)
        taken = list(here.taken.values())
        (fired,), (over,) = of_rule("eth-low", "firing", taken), of_rule("eth-low", "resolved", taken)
        moved = of_rule("moved", "event", taken)[0]
        assert fired["dedup_key"] == fired["alert_id"] == over["alert_id"]
        assert (fired["amount_after"], over["amount_after"], moved["amount_after"]) == ("0.4", "0.9", "0.4")
        worth = Decimal(moved["amount_before"]) * Decimal(moved["price_before_usd"])
        assert Decimal(moved["value_before_usd"]) == worth > 0
        assert (fired["wallet"], fired["chain"], fired["symbol"]) == ("hot", "ethereum", "ETH")
        assert fired["severity"] == "critical"
        assert fired["because"]
        assert here.wrong == []


async def test_a_receiver_of_alertmanager_closes_what_it_opened(there: Installation) -> None:
    async with machine(alertmanager=True) as here:
        wired(there, here, ", format: alertmanager")

        def state(taken: list[dict[str, Any]]) -> str:
            found = [each["status"] for each in taken if each["labels"]["alertname"] == "eth-low"]
            return found[-1] if found else ""

        async with there.daemon() as daemon:
            await there.first_readings()
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
            await here.until(lambda taken: state(taken) == "firing")
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.9")
            await here.until(lambda taken: state(taken) == "resolved")
            await stop(there, daemon)
        low = [body for body in here.bodies() if body["groupLabels"]["alertname"] == "eth-low"]
        assert list(Keep(low).status.values()) == ["resolved"]
        assert OnCall(low).open == set()
        assert here.wrong == []


async def test_when_both_ends_die_nothing_is_lost_and_no_secret_is_left_behind(there: Installation) -> None:
    async with AsyncExitStack() as ends:
        first = await ends.enter_async_context(machine())
        wired(there, first)
        async with there.daemon() as daemon:
            await there.first_readings()
            await ends.aclose()
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
            await there.hook.told("eth-low")
            await there.logged("connection refused")
            assert await there.ended(daemon, signal.SIGKILL) == -signal.SIGKILL
        owed = {row["id"] for row in await there.json("outbox") if row["channel"] == "machine"}
        assert owed
        await there.verb("outbox", *(word for each in owed for word in ("--retry", each)))
        async with machine(port=first.port) as back, there.daemon() as daemon:
            await back.until(lambda taken: owed <= {each["delivery_id"] for each in taken})
            await there.polled()
            await stop(there, daemon)
            assert back.wrong == []
    kept = there.log() + there.file("watcher.db").read_bytes().decode("latin-1")
    assert [secret for secret in (TOKEN, SECRET) if secret in kept] == []


async def test_a_test_message_shows_the_whole_way(there: Installation) -> None:
    async with machine() as here:
        wired(there, here)
        code, out, err = await there.verb("send-test", "machine")
        assert (code, out) == (0, "machine: sent\n"), err
        (alert,) = here.taken.values()
        assert (alert["kind"], alert["state"]) == ("test", "test")
        here.script = [(404, {}, f"no such hook: {TOKEN}")]
        code, _, err = await there.verb("send-test", "machine")
        assert code == 1
        assert "the service answered HTTP 404: no such hook: ***" in err
        assert TOKEN not in err
