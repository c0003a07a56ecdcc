"""What is posted about a wallet that is polled every six hours is an alert at once, by the real daemon."""

from __future__ import annotations

import asyncio
import signal
import socket

from tests.endtoend.bench import EVM, Installation, stop, text_of

KEY = "hintskey-91ab44c07d1e5f"
HINTS = """\
hints:
  chain: {kind: webhook, scheme: generic, signing_key: "${HINTS_KEY}"}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def posted_to(there: Installation) -> str:
    """Where hints about the hot wallet, which is polled every six hours, are posted to."""
    port = free_port()
    chains = "chains: [ethereum, base-wallet], every"
    there.edit("watcher.yaml", f"{chains}: 1s", f"{chains}: 6h")
    there.edit("watcher.yaml", "web: null", f'web: {{listen: "127.0.0.1:{port}"}}')
    there.file("watcher.yaml").write_text(there.file("watcher.yaml").read_text() + HINTS)
    there.env["HINTS_KEY"] = KEY
    return f"http://127.0.0.1:{port}/hints/chain"


async def told(there: Installation, amount: str) -> float:
    """Seconds until the change is told."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)
    assert amount in text_of(await there.hook.told("hot", "moved", amount))
    return loop.time() - began


async def listening(there: Installation, times: int) -> None:
    """Wait until the web server was started so often."""
    while there.log().count("status page at") < times:
        await there.teos.until(there.teos.polls + 1)


async def test_a_signed_post_is_an_alert_within_a_second_after_a_reload_too(there: Installation) -> None:
    url = posted_to(there)
    async with there.daemon() as daemon:
        await listening(there, 1)
        await there.coinstats.recorded(2)
        poster = there.sim.post_hints(url, KEY)
        assert await told(there, "1.75") < 3, "some 0.2 s, on a machine that does nothing else"
        daemon.send_signal(signal.SIGHUP)
        await listening(there, 2)
        assert await told(there, "1.5") < 3
        assert set(poster.answers) == {200}
        await stop(there, daemon)
    assert KEY not in there.log()
    assert "some may be missing" not in there.log()
