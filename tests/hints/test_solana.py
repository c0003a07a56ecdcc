"""`solana`: lamports and tokens that move are told once; what a node never told is found by looking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.hints.listening import listening
from tests.hints.solana_server import SolanaServer, a_solana_node
from tests.relay import relaying
from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account
from watcher.hints.kind import HintContext
from watcher.hints.solana import node as solana_node
from watcher.hints.solana.node import SolanaNode
from watcher.hints.solana.settings import SolanaHintKind, rpc_beside
from watcher.hints.solana.source import SolanaSource
from watcher.hints.solana.wire import TOKEN_PROGRAMS
from watcher.hints.web_socket import NodeAddress, NodeLimits
from watcher.ports.hints import Alive, Bookmark, Hint, Where
from watcher.service.clock import SystemClock

ONE, TWO = "CM78CPUeXjn8o3yroDHxUtKsZZgoy4GPkPPXfouKNH12", "A1TMhSGzQxMr1TboBKtgixKz1sS6REASMxPo1qsyTSJd"
USDC, BONK = "BGocb4GEpbTFm8UFV2VsDSaBXHELPfAXrvd4vtt8QWrA", "4kg8oh3jdNtn7j2wcS7TrUua31AgbLzDVkBZgTAe44aF"
QUICK = NodeLimits(connect=2.0, call=2.0, heartbeat=0.4)
ALL = "getMultipleAccounts"


def a_source(server: SolanaServer, port: int = 0, **more: Any) -> SolanaSource:
    wallets: Mapping[str, Where] = {each: Where("solana", each) for each in more.pop("wallets", (ONE, TWO))}
    place = f"127.0.0.1:{port or server.port}"
    socket = NodeAddress(SecretStr(f"ws://{place}/ws?api-key=s3cr3t-key"), None)
    rpc = NodeAddress(SecretStr(f"http://127.0.0.1:{server.port}/rpc"), None)
    settings: dict[str, Any] = {"look_every": timedelta(hours=1), "most": 100, "ping": 60.0} | more
    return SolanaSource("sol", SolanaNode(socket, rpc, QUICK), wallets, SystemClock(), **settings)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SolanaServer]:
    monkeypatch.setattr(solana_node, "PAUSES", (0.0, 0.0))
    async with a_solana_node() as found:
        found.lamports = {ONE: 10, TWO: 20}
        await found.hold(USDC, TWO, 500)
        yield found


async def test_lamports_that_move_are_told_once(server: SolanaServer) -> None:
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)
        await server.pay(ONE, 11)
        first = await heard.next(Hint)
        await server.tell(ONE, times=3)
        await server.pay(ONE, 10)
        second = await heard.next(Hint)
    assert first.where == second.where == Where("solana", ONE)
    assert first.id != second.id
    assert len(heard.hints) == 2


async def test_tokens_that_come_in_are_told(server: SolanaServer) -> None:
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)
        assert server.subscribed == [{ONE, TWO, USDC}]
        await server.hold(USDC, TWO, 501)
        assert (await heard.next(Hint)).where == Where("solana", TWO)
        await server.close_account(USDC)
        assert (await heard.next(Hint)).where == Where("solana", TWO)


async def test_a_new_token_account_is_found_by_the_next_look(server: SolanaServer) -> None:
    async with listening(a_source(server, look_every=timedelta(seconds=0.1), ping=0.05)) as heard:
        await heard.next(Bookmark)
        await server.hold(BONK, ONE, 7, TOKEN_PROGRAMS[1])
        assert (await heard.next(Hint)).where == Where("solana", ONE)
        await server.hold(BONK, ONE, 8, TOKEN_PROGRAMS[1])
        assert (await heard.next(Hint)).where == Where("solana", ONE)
        assert server.subscribed == [{ONE, TWO, USDC, BONK}]


async def test_what_was_never_told_is_found_by_the_next_look(server: SolanaServer) -> None:
    server.mute = True
    async with listening(a_source(server, look_every=timedelta(seconds=0.1), ping=0.05)) as heard:
        await heard.next(Bookmark)
        await server.pay(ONE, 11)
        assert (await heard.next(Hint)).where == Where("solana", ONE)
        await server.close_account(USDC)
        assert (await heard.next(Hint)).where == Where("solana", TWO)
        await server.until(server.calls.count(ALL) + 2, ALL)
        assert len(heard.hints) == 2


async def test_a_cut_connection_loses_no_hint(server: SolanaServer) -> None:
    async with relaying(server.port) as relay:
        source = a_source(server, relay.port)
        async with listening(source) as heard:
            await heard.next(Bookmark)
            relay.cut()
            assert not (await heard.end()).refused
        await server.pay(ONE, 11)
        await server.hold(USDC, TWO, 1)
        async with listening(source) as heard:
            await heard.next(Bookmark)
            assert [hint.where.address for hint in heard.hints] == [ONE, TWO]
            await server.hold(USDC, TWO, 2)
            await heard.next(Hint)


async def test_a_restart_loses_no_hint_and_tells_none_twice(server: SolanaServer) -> None:
    async with listening(a_source(server)) as heard:
        facts = (await heard.next(Bookmark)).facts
    await server.pay(TWO, 1)
    again = a_source(server)
    again.remember(facts)
    async with listening(again) as heard:
        await heard.next(Bookmark)
        assert [hint.where.address for hint in heard.hints] == [TWO]
        await server.pay(ONE, 11)
        await heard.next(Hint)


async def test_an_answer_from_a_node_that_is_behind_changes_nothing(server: SolanaServer) -> None:
    async with listening(a_source(server, look_every=timedelta(seconds=0.1), ping=0.05)) as heard:
        await heard.next(Bookmark)
        server.slot += 100
        await server.pay(ONE, 11)
        await heard.next(Hint)
        server.slot -= 100
        server.lamports[ONE] = 10
        await server.until(server.calls.count(ALL) + 2, ALL)
        assert len(heard.hints) == 1


async def test_a_silent_link_is_found_out(server: SolanaServer) -> None:
    async with relaying(server.port) as relay, listening(a_source(server, relay.port)) as heard:
        await heard.next(Bookmark)
        relay.silent = True
        assert (await heard.end()).why == "127.0.0.1 does not answer any more"


async def test_a_node_that_hangs_up_is_named_without_its_key(server: SolanaServer) -> None:
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)
        await server.hang_up(b"idle s3cr3t-key")
        error = await heard.end()
        assert error.why == "127.0.0.1 closed the connection (code 1000: idle ***)"
        assert not error.refused


async def test_a_ping_is_sent_that_idle_timers_count(server: SolanaServer) -> None:
    async with listening(a_source(server, ping=0.05)) as heard:
        await server.until(2, "accountUnsubscribe")
        await heard.next(Alive)
        assert server.subscribed == [{ONE, TWO, USDC}]


async def test_subscriptions_that_are_refused_are_looked_at_instead(
    server: SolanaServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.most = 1
    async with listening(a_source(server, look_every=timedelta(seconds=0.1), ping=0.05)) as heard:
        await heard.next(Bookmark)
        await server.pay(TWO, 21)
        assert (await heard.next(Hint)).where == Where("solana", TWO)
        await server.until(server.calls.count(ALL) + 2, ALL)
    said = [each.getMessage() for each in caplog.records if each.name.startswith("watcher")]
    assert len(said) == 1
    assert "Node subscription limit reached" in said[0]


async def test_more_accounts_than_most_are_compared_only(
    server: SolanaServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(a_source(server, most=2)) as heard:
        await heard.next(Bookmark)
        assert server.subscribed == [{ONE, TWO}]
    assert "more accounts than `most`: 2" in caplog.text


async def test_a_node_that_refuses_every_subscription_needs_a_person(server: SolanaServer) -> None:
    server.most = 0
    async with listening(a_source(server)) as heard:
        error = await heard.end()
        assert error.refused
        assert "refuses every subscription" in error.why


async def test_tokens_that_cannot_be_read_cost_no_lamports(
    server: SolanaServer, caplog: pytest.LogCaptureFixture
) -> None:
    words = "account excluded from account secondary indexes"
    server.refusal["getTokenAccountsByOwner"] = {"code": -32010, "message": words}
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)
        await server.pay(ONE, 11)
        assert (await heard.next(Hint)).where == Where("solana", ONE)
    assert caplog.text.count(words) == 1


@pytest.mark.parametrize(
    ("statuses", "words", "refused"),
    [
        ([500], "answered 500", False),
        ([429, 429, 429], "answered 429", False),
        ([401], "does not take the key", True),
        ([404], "is rpc_url right?", True),
        ([302], "is rpc_url right?", True),
    ],
)
async def test_a_look_that_fails_ends_the_connection(
    server: SolanaServer, statuses: list[int], words: str, refused: bool
) -> None:
    server.statuses = statuses
    async with listening(a_source(server)) as heard:
        error = await heard.end()
    assert words in error.why
    assert error.refused is refused


async def test_a_node_that_is_asked_too_often_is_asked_again(server: SolanaServer) -> None:
    server.statuses = [429, 429, 200]
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)


@pytest.mark.parametrize(
    "raw",
    [
        b"no JSON",
        b"[]",
        b'{"result": 7}',
        b'{"result": {"context": {"slot": "x"}, "value": []}}',
        b'{"result": {"context": {"slot": 1}, "value": [null]}}',
        b'{"result": {"context": {"slot": 1}, "value": [{"lamports": "1"}, null]}}',
    ],
)
async def test_an_answer_that_cannot_be_read_changes_nothing(server: SolanaServer, raw: bytes) -> None:
    source = a_source(server)
    async with listening(source) as heard:
        await heard.next(Bookmark)
    server.raw = raw
    async with listening(source) as heard:
        assert not (await heard.end()).refused
        assert not heard.hints


async def test_what_cannot_be_understood_is_passed_over_or_ends_the_connection(server: SolanaServer) -> None:
    async with listening(a_source(server)) as heard:
        await heard.next(Bookmark)
        await server.say('{"method": "slotNotification", "params": {"result": 1, "subscription": 0}}')
        await server.say('{"method": "accountNotification", "params": {"result": {}, "subscription": 0}}')
        await server.say('{"method": "accountNotification", "params": 7}')
        await server.say('{"method": "accountNotification", "params": {"subscription": 99, "result": null}}')
        await server.say('{"id": 4711, "result": {}}')
        await server.pay(ONE, 11)
        await heard.next(Hint)
        await server.say("nonsense")
        assert (await heard.end()).why == "127.0.0.1 sends what is no JSON-RPC"
        assert len(heard.hints) == 1


async def test_hundreds_of_wallets_are_read_by_the_hundred(server: SolanaServer) -> None:
    signs = "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    many = [f"{ONE[:-2]}{a}{b}" for a in signs for b in signs[:8]]
    source = a_source(server, wallets=many, most=5000)
    async with listening(source) as heard:
        await heard.next(Bookmark)
        assert server.calls.count(ALL) == 3
        await server.pay(many[-1], 5)
        assert (await heard.next(Hint)).where == Where("solana", many[-1])


def a_kind(**more: Any) -> SolanaHintKind:
    return SolanaHintKind.model_validate({"kind": "solana", "url": "wss://sol.example/?api-key=k", **more})


@pytest.mark.parametrize(
    ("socket", "rpc"),
    [
        ("wss://sol.example/?api-key=k", "https://sol.example/?api-key=k"),
        ("ws://127.0.0.1:8900", "http://127.0.0.1:8899"),
        ("wss://u:p@sol.example:8900/x", "https://u:p@sol.example:8899/x"),
        ("ws://[::1]:8900", "http://[::1]:8899"),
    ],
)
def test_the_http_address_is_beside_the_web_socket(socket: str, rpc: str) -> None:
    assert rpc_beside(SecretStr(socket)).get_secret_value() == rpc


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "ws://sol.example"}, "wss://"),
        ({"rpc_url": "http://sol.example"}, "must begin with https://"),
        ({"rpc_url": "https://[sol"}, "is not the address"),
        ({"rpc_url": "ftp://sol.example"}, "https://"),
        ({"chains": ["ethereum"]}, "not solana"),
        ({"commitment": "processed"}, "commitment"),
        ({"look_every": "10s"}, "1m to 1d"),
        ({"url": "ws://localhost:8900", "proxy": "http://proxy.example:1"}, "called directly"),
    ],
)
def test_a_slip_in_the_settings_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_kind(**wrong)


def test_accounts_on_solana_are_covered() -> None:
    kind = a_kind(rpc_url=SolanaHintKind.stand_in)
    assert kind.covers(Account("s", "solana", ONE))
    assert kind.covers(Account("s", "all", ONE))
    assert not kind.covers(Account("s", "ethereum", ONE))
    assert not kind.covers(Account("s", "solana", "vitalik.sol"))
    assert not kind.covers(Account("s", "all", "0x" + "a" * 40))
    both = [Account("s", "solana", ONE), Account("s", "all", ONE), Account("s", "solana", TWO)]
    assert not list(kind.warnings(both, Allowance()))
    assert len(list(a_kind(most=1).warnings(both, Allowance()))) == 1
    assert kind.build(HintContext("sol", both, SystemClock())).name == "sol"
