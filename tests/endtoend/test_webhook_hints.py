"""What is posted about a wallet that is polled every six hours is an alert at once, by the real daemon."""

from __future__ import annotations

import socket

import pytest

from tests.endtoend.bench import EVM, Installation
from tests.endtoend.hints import Say, listening, told, told_at_once_and_after_a_time_without_daemon

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


async def test_a_signed_post_is_an_alert_within_a_second_also_one_that_is_posted_again_after_a_start(
    there: Installation, record_property: Say
) -> None:
    poster = there.sim.post_hints(posted_to(there), KEY)

    async def move(amount: str) -> None:
        there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)

    await told_at_once_and_after_a_time_without_daemon(
        there, "hot", move, record_property, again=lambda: poster.say(EVM, "ethereum")
    )
    assert poster.answers == {200: poster.answers.total() - 1, 0: 1}
    assert KEY not in there.log()
    assert "some may be missing" not in there.log()


async def test_people_are_told_that_an_account_was_polled_upon_a_hint_and_what_came_of_it(
    there: Installation,
) -> None:
    poster = there.sim.post_hints(posted_to(there), KEY)
    async with listening(there):
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.25")
        await told(there, "hot", "0.25")
        status, explained = await there.json("status"), await there.json("explain", "eth-low", "hot")
        polls = await there.json("polls", "--limit", "1000")
    assert poster.answers[200]

    chain = status["hints"]["chain"]
    assert (chain["state"], chain["accounts"]) == ("heard", 4)
    assert chain["sources"]["coinstats"]["confirmed"] == 1
    assert chain["sources"]["coinstats"]["recall"] in (None, pytest.approx(0.8, abs=0.2))
    assert explained[0]["reading"]["hint"]["by"] == "chain"
    assert "hinted" in {poll["purpose"] for poll in polls}
    _, said, _ = await there.verb("plan", "--source", "coinstats")
    assert "chain: " in said, said
