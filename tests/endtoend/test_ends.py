"""Who was told that an alert began is told how it ended, whatever ended it: by the real daemon."""

from __future__ import annotations

import signal
from typing import Any

from tests.endtoend.bench import EVM, Installation, stop, text_of

Alert = dict[str, Any]


async def fire(there: Installation) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
    await there.hook.told("eth-low")


async def only(there: Installation) -> Alert:
    (alert,) = await there.json("alerts")
    found: Alert = alert
    return found


async def test_an_edit_keeps_a_standing_alert_and_one_that_ends_it_says_so_once(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        await fire(there)
        before = await only(there)
        assert (await there.verb("ack", before["id"], "--by", "bob"))[0] == 0
        there.edit("rules.yaml", 'below: "0.5"', 'below: "0.6"')
        daemon.send_signal(signal.SIGHUP)
        await there.logged("reloaded ")
        await there.coinstats.recorded(2)
        after = await only(there)
        assert (after["id"], after["acknowledged_by"]) == (before["id"], "bob")
        assert len(there.hook.about("eth-low")) == 1

        there.edit("rules.yaml", 'below: "0.6"\n    clear_above: "0.8"', 'below: "0.3"')
        daemon.send_signal(signal.SIGHUP)
        await there.hook.until(lambda _: len(there.hook.about("eth-low")) == 2)
        text = text_of(there.hook.about("eth-low")[1])
        assert "withdrawn" in text
        assert "its rule was edited: 0.4 ETH is not below 0.3 ETH" in text
        assert "esolved" not in text
        await there.coinstats.recorded()
        assert len(there.hook.about("eth-low")) == 2
        assert await there.json("alerts") == []
        (over,) = await there.json("alerts", "--all")
        assert (over["id"], over["state"]) == (before["id"], "withdrawn")
        _, out, _ = await there.verb("explain", "eth-low", "hot")
        assert "withdrawn 20" in out
        await stop(there, daemon)


async def test_a_rule_that_was_removed_while_the_daemon_was_down_withdraws_its_alert(
    there: Installation,
) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        await fire(there)
        await stop(there, daemon)
    rules = there.file("rules.yaml").read_text()
    there.file("rules.yaml").write_text(rules.replace("eth-low", "eth-scarce"))
    async with there.daemon() as daemon:
        await there.hook.until(lambda _: len(there.hook.about("eth-low")) == 2)
        assert "its rule was removed" in text_of(there.hook.about("eth-low")[1])
        await stop(there, daemon)
    async with there.daemon() as daemon:
        await there.coinstats.recorded()
        assert len(there.hook.about("eth-low")) == 2, "once, over every start"
        await stop(there, daemon)
