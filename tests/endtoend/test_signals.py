"""How the daemon ends, reloads, and tells systemd: signals to a real process."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator

import pytest

from tests.endtoend.bench import BOND, DESK, EVM, PATIENCE, Installation, stop, text_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_daemon_within_ten_seconds_also_while_everything_hangs(
    there: Installation, number: int
) -> None:
    there.hook.gate = asyncio.Event()
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    async with there.daemon() as daemon:
        await there.hook.told("eth-low")  # the channel hangs from here on
        await there.first_readings()
        there.sim.faults.add("slow-headers", "coinstats")
        there.sim.faults.add("endless", "teos")
        await asyncio.gather(*(log.until(log.polls + 1) for log in (there.coinstats, there.teos)))
        assert await there.ended(daemon, number) == 0
    assert "stopped" in there.log()
    assert "Traceback" not in there.log()
    assert there.query("SELECT state FROM deliveries") == [("pending",)]


async def test_a_reload_takes_the_new_file_and_keeps_the_alert_that_fires(there: Installation) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    async with there.daemon() as daemon:
        await there.hook.told("eth-low")
        await there.polled()
        there.edit("rules.yaml", "{id: moved, type: change, direction: both}", "{id: any, type: change}")
        there.edit("watcher.yaml", "log: {level: debug}", "log: {level: debug, format: logfmt}")
        daemon.send_signal(signal.SIGHUP)
        async for line in lines(there):
            if "reloaded" in line:
                break
        assert 'logger=watcher.daemon.run msg="reloaded' in there.log()
        await there.polled()
        there.sim.world.set_sparks(DESK, BOND, 26000)
        await there.hook.told("desk", "any")
        assert len(there.hook.received) == 2
        (noted,) = there.query("SELECT via, action, targets, detail FROM audit")
        rules = "added rule any; removed rule moved; changed log (format)"
        assert noted == ("SIGHUP", "reload", '["watcher.yaml"]', rules)
        await stop(there, daemon)


async def test_a_reload_reads_the_files_of_wallets_again(there: Installation) -> None:
    there.edit("watcher.yaml", "channels:", "  - more.csv\nchannels:")
    row = "more,coinstats,0x{0:040x},ethereum\n".format
    there.file("more.csv").write_text("name,source,address,chains\n" + row(7))
    async with there.daemon() as daemon:
        await there.first_readings()
        there.file("more.csv").write_text("name,source,address,chains\nmore,coinstat,oops,ethereum\n")
        daemon.send_signal(signal.SIGHUP)
        async for line in lines(there):
            if "refused" in line:
                break
        assert "more.csv:2:2: there is no source 'coinstat'; did you mean 'coinstats'?" in there.log()
        there.file("more.csv").write_text(
            "name,source,address,chains\n" + row(7) + row(8).replace("more", "8")
        )
        daemon.send_signal(signal.SIGHUP)
        async for line in lines(there):
            if "reloaded" in line:
                break
        assert "watching 6 accounts" in there.log()
        await stop(there, daemon)


async def test_a_bad_file_keeps_the_old_configuration_and_says_so(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        there.edit("rules.yaml", 'below: "0.5"', "below: nonsense")
        there.edit("watcher.yaml", "rules: [rules.yaml]", "rules: [rules.yaml]\nnonsense: 1")
        daemon.send_signal(signal.SIGHUP)
        async for line in lines(there):
            if "refused" in line:
                break
        assert "nonsense" in there.log()
        assert "rules.yaml:5" in there.log()
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
        await there.hook.told("eth-low")
        await stop(there, daemon)


async def lines(there: Installation) -> AsyncIterator[str]:
    """The log of the daemon, each time that there has been another poll."""
    while True:
        yield there.log()
        await there.teos.until(there.teos.polls + 1)


async def test_a_second_daemon_on_one_store_ends_with_a_clear_error(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        code, _, err = await there.verb("run")
        assert code == 1
        assert "another watcher daemon" in err
        assert str(daemon.pid) in err
        assert "Traceback" not in err
        await stop(there, daemon)


async def test_systemd_hears_ready_signs_of_life_status_and_stopping(there: Installation) -> None:
    path = there.file("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as heard:
        heard.bind(str(path))
        loop = asyncio.get_running_loop()
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1500000"}
        async with there.daemon(**environment) as daemon:
            told: list[str] = []
            async with asyncio.timeout(PATIENCE):
                while not (told and told[-1].startswith("STATUS=4 accounts, 0 alerts firing")):
                    told.append((await loop.sock_recv(heard, 4096)).decode())
                assert "READY=1" in told
                assert "WATCHDOG=1" in told
                sound = there.file("watcher.yaml").read_text()
                there.edit("watcher.yaml", "version: 1", "version: 2")
                daemon.send_signal(signal.SIGHUP)
                while not told[-1].startswith("STATUS=reload refused: 1 mistake; 4 accounts"):
                    told.append((await loop.sock_recv(heard, 4096)).decode())
                told.append((await loop.sock_recv(heard, 4096)).decode())
                assert told[-1] == "READY=1"
                there.file("watcher.yaml").write_text(sound)
                daemon.send_signal(signal.SIGHUP)
                told.append("")
                while told[-1] != "READY=1":
                    told.append((await loop.sock_recv(heard, 4096)).decode())
                assert sum(word.startswith("RELOADING=1\nMONOTONIC_USEC=") for word in told) == 2
                await stop(there, daemon)
                while told[-1] != "STOPPING=1":
                    told.append((await loop.sock_recv(heard, 4096)).decode())


async def test_polls_by_hand_beside_the_daemon_stay_in_the_budget_and_repeat_nothing(
    there: Installation,
) -> None:
    there.write(limit=700, every="2s")
    async with there.daemon() as daemon:
        await asyncio.gather(there.coinstats.until(1), there.teos.until(1))
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "2.5")
        results = await asyncio.gather(*(there.verb("poll") for _ in range(3)))
        assert {code for code, _, _ in results} <= {0, 1}
        await there.hook.told("2.5")
        await there.verb("poll", "--wallet", "hot")
        status = await there.json("status")
        assert there.sim.coinstats.credits_used <= status["credits"]["coinstats"]["spent"] <= 700
        assert len(there.hook.received) == 1
        assert len(await there.json("history")) == 1
        await stop(there, daemon)


async def test_a_hanging_channel_does_not_hold_the_other(there: Installation) -> None:
    there.edit("watcher.yaml", "channels:\n", 'channels:\n  stuck: {url: "${STUCK_URL}"}\n')
    gate, reached = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await gate.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with there.daemon(STUCK_URL=f"json://127.0.0.1:{port}/stuck") as daemon:
        await there.first_readings()
        for amount in ("2.5", "3.5"):
            there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)
            assert amount in text_of(await there.hook.told(amount))
        assert reached.is_set()
        began = time.monotonic()
        await stop(there, daemon)
        assert time.monotonic() - began < 10
    gate.set()
    server.close()
