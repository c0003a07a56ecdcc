"""`electrum`: what a server of its protocol tells is told on, once; whatever the server does, and between two
connections."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority, self_signed
from tests.hints.electrum_server import ElectrumServer, an_electrum_server
from tests.hints.listening import listening
from tests.relay import relaying
from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account
from watcher.domain.values.errors import InputError
from watcher.domain.values.scripts import script_hash, script_of
from watcher.hints import json_rpc
from watcher.hints.electrum.settings import ElectrumHints
from watcher.hints.electrum.source import AT_ONCE, ElectrumSource, Patience
from watcher.hints.kind import HintContext
from watcher.hints.statuses import KEY
from watcher.ports.hints import Alive, Bookmark, Hint, Where
from watcher.service.clock import SystemClock

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
SEGWIT = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
BRISK = Patience(connect=5, answer=5, ping=0.05)
IMPATIENT = Patience(connect=0.2, answer=0.2, ping=0.05)


def hash_of(address: str) -> str:
    script = script_of(address, "bitcoin")
    assert script is not None
    return script_hash(script)


ONE, TWO = hash_of(GENESIS), hash_of(SEGWIT)
WATCHED = {ONE: [Where("bitcoin", GENESIS)], TWO: [Where("bitcoin", SEGWIT)]}


def a_source(port: int, patience: Patience = BRISK, **more: Any) -> ElectrumSource:
    scheme = "ssl" if "fingerprint" in more else "tcp"
    url = f"{scheme}://127.0.0.1:{port}"
    return ElectrumSource("home", url, more.pop("watched", WATCHED), SystemClock(), patience=patience, **more)


@pytest.fixture
async def server() -> AsyncIterator[ElectrumServer]:
    async with an_electrum_server() as found:
        yield found


async def test_a_payment_is_told_when_it_is_seen_and_when_it_is_in_a_block(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await heard.next(Alive)
        await server.until(calls=2)
        server.pay(ONE)
        seen = await heard.next(Hint)
        server.mine()
        mined = await heard.next(Hint)
        server.orphan()
        undone = await heard.next(Hint)
    assert seen.where == mined.where == undone.where == Where("bitcoin", GENESIS)
    assert len({seen.id, mined.id, undone.id}) == 3
    assert server.calls[0][0] == "server.version"


async def test_what_was_there_before_the_first_look_is_no_hint(server: ElectrumServer) -> None:
    server.pay(ONE)
    async with listening(a_source(server.port)) as heard:
        await heard.next(Bookmark)
        assert not heard.hints


async def test_a_cut_connection_loses_no_hint(server: ElectrumServer) -> None:
    async with relaying(server.port) as relay:
        source = a_source(relay.port)
        async with listening(source) as heard:
            await server.until(calls=2)
            server.pay(ONE)
            await heard.next(Hint)
            relay.cut()
            assert not (await heard.end()).refused
        server.pay(TWO)
        async with listening(source) as heard:
            assert (await heard.next(Hint)).where == Where("bitcoin", SEGWIT)
            await heard.next(Bookmark)
            assert len(heard.hints) == 1


async def test_a_restart_loses_no_hint_and_tells_none_twice(server: ElectrumServer) -> None:
    server.pay(TWO)
    facts: dict[str, str] = {}
    async with listening(a_source(server.port)) as heard:
        facts.update((await heard.next(Bookmark)).facts)
        server.pay(ONE)
        first = await heard.next(Hint)
        facts.update((await heard.next(Bookmark)).facts)
    server.pay(TWO)
    again = a_source(server.port)
    again.remember(facts)
    async with listening(again) as heard:
        assert (await heard.next(Hint)).where == Where("bitcoin", SEGWIT)
        server.mine()
        assert (await heard.next(Hint)).id != first.id


async def test_what_was_not_written_down_is_told_again_under_the_same_id(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        kept = dict((await heard.next(Bookmark)).facts)
        server.pay(ONE)
        first = await heard.next(Hint)
    again = a_source(server.port)
    again.remember(kept)
    async with listening(again) as heard:
        assert await heard.next(Hint) == first


async def test_a_status_that_comes_back_is_another_event(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        ids = set()
        for _ in range(3):
            name = server.pay(ONE)
            ids.add((await heard.next(Hint)).id)
            server.evict(ONE, name)
            ids.add((await heard.next(Hint)).id)
        assert len(ids) == 6


async def test_the_same_status_again_and_strangers_are_no_hints(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        server.pay(ONE)
        await heard.next(Hint)
        for _ in range(3):
            server.notify(ONE, server.status(ONE))
        odd: tuple[Any, ...] = (7, "nonsense", "\x1b[31m" + "0" * 59, ["a"], {})
        for status in odd:
            server.notify(ONE, status)
        server.notify("ff" * 32, "aa" * 32)
        server.say(b'{"jsonrpc": "2.0", "method": "server.ping", "params": ["noise"]}\n')
        server.say(b'{"method": "blockchain.scripthash.subscribe", "params": {"scripthash": 1}}\n{}\n')
        server.pay(TWO)
        assert (await heard.next(Hint)).where == Where("bitcoin", SEGWIT)
        assert len(heard.hints) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"garbage\n", "no JSON-RPC"),
        (b"[1, 2]\n", "no JSON-RPC"),
        (b"[" * 100_000 + b"\n", "no JSON-RPC"),
        (b"\xff\xfe\n", "no JSON-RPC"),
        (b'{"a": "' + b"x" * (1 << 21) + b'"}\n', "longer than 1 MB"),
    ],
)
async def test_what_is_no_message_ends_the_connection(
    server: ElectrumServer, data: bytes, words: str
) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        server.say(data)
        error = await heard.end()
        assert words in error.why
        assert not error.refused


async def test_a_server_that_hangs_up_is_named(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        server.hang_up()
        assert (await heard.end()).why == f"127.0.0.1:{server.port} closed the connection"


async def test_a_silent_server_is_found_out_by_its_ping(server: ElectrumServer) -> None:
    async with relaying(server.port) as relay, listening(a_source(relay.port, IMPATIENT)) as heard:
        await heard.next(Alive)
        await heard.next(Alive)
        relay.silent = True
        assert (await heard.end()).why == f"127.0.0.1:{relay.port} did not answer within 0.2 s"


async def test_a_server_that_takes_no_connection_is_named(server: ElectrumServer) -> None:
    async with relaying(server.port) as relay:
        relay.shut = True
        async with listening(a_source(relay.port)) as heard:
            assert (await heard.end()).why == f"127.0.0.1:{relay.port}: broke the connection"
    async with listening(a_source(1)) as heard:
        assert (await heard.end()).why == "127.0.0.1:1: connection refused"


async def test_an_address_with_too_long_a_history_costs_no_other(
    server: ElectrumServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.too_busy.add(ONE)
    source = a_source(server.port)
    for _ in range(2):
        async with listening(source) as heard:
            await heard.next(Alive)
            await server.until(calls=2)
            server.pay(TWO)
            assert (await heard.next(Hint)).where == Where("bitcoin", SEGWIT)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["home: 1 of 2 addresses refused: history too large"]


async def test_an_address_that_grows_too_long_is_told_once_and_named(
    server: ElectrumServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.pay(ONE)
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        server.too_busy.add(ONE)
        server.pay(ONE)
        assert (await heard.next(Hint)).where == Where("bitcoin", GENESIS)
        await server.until(calls=3)
        server.pay(TWO)
        assert (await heard.next(Hint)).where == Where("bitcoin", SEGWIT)
    assert "one address more is refused: history too large" in caplog.text


async def test_an_empty_status_is_believed_when_the_server_repeats_it(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        name = server.pay(ONE)
        await heard.next(Hint)
        server.evict(ONE, name)
        await heard.next(Hint)
        await server.until(calls=3)
        server.pay(ONE)
        await heard.next(Hint)
        assert len(heard.hints) == 3


async def test_more_addresses_than_a_server_takes_are_heard_as_far_as_it_takes_them(
    server: ElectrumServer, caplog: pytest.LogCaptureFixture
) -> None:
    many = {hashlib.sha256(bytes([n])).hexdigest(): [Where("bitcoin", f"{n}")] for n in range(3 * AT_ONCE)}
    server.most = AT_ONCE + 1
    async with listening(a_source(server.port, watched=many)) as heard:
        await server.until(calls=len(many))
        server.pay(list(many)[AT_ONCE])
        assert (await heard.next(Hint)).where == Where("bitcoin", f"{AT_ONCE}")
    assert "39 of 60 addresses refused: subscription limit reached" in caplog.text


@pytest.mark.parametrize("fault", ["no address", "another version"])
async def test_a_server_that_refuses_everything_needs_a_person(server: ElectrumServer, fault: str) -> None:
    if fault == "no address":
        server.too_busy |= {ONE, TWO}
    else:
        server.versions = ("1.7", "1.7")
    async with listening(a_source(server.port)) as heard:
        error = await heard.end()
        assert error.refused
        assert ("history too large" if fault == "no address" else "unsupported protocol") in error.why


async def test_a_flood_does_not_keep_the_ping_from_being_sent(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await server.until(calls=2)
        while server.times("server.ping") < 2:
            for _ in range(100):
                server.notify(ONE, hashlib.sha256(bytes([len(heard.told) % 251])).hexdigest())
            await asyncio.sleep(0)
        assert all(each.where == Where("bitcoin", GENESIS) for each in heard.hints)


async def test_a_flood_while_an_answer_is_awaited_is_bounded(
    server: ElectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rpc, "MOST_UNREAD", 100)
    server.deaf_to.add("server.ping")
    async with listening(a_source(server.port)) as heard:
        await server.until(1, "server.ping")
        for _ in range(200):
            server.notify(ONE, None)
        assert (await heard.end()).why == f"127.0.0.1:{server.port} tells more than can be read"


async def test_a_certificate_is_known_by_its_authority_or_by_its_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = self_signed(tmp_path)
    pem = (tmp_path / "server.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])
    async with an_electrum_server(context) as server:
        known = a_source(server.port, fingerprint=hashlib.sha256(der).hexdigest())
        async with listening(known) as heard:
            await heard.next(Alive)
        async with listening(a_source(server.port, fingerprint="00" * 32)) as heard:
            error = await heard.end()
            assert error.refused
            assert "another certificate" in error.why
        async with listening(a_source(server.port, fingerprint=None)) as heard:
            assert "signed by itself" in (await heard.end()).why
        async with listening(a_source(server.port)) as heard:
            assert (await heard.end()).why == f"127.0.0.1:{server.port} closed the connection"
    ours = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.file))
    async with (
        an_electrum_server(ours.serves()) as server,
        listening(a_source(server.port, fingerprint=None)) as heard,
    ):
        await heard.next(Alive)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "tcp://electrum.example:50001"}, "ssl://"),
        ({"url": "ssl://electrum.example"}, "a port"),
        ({"url": "https://electrum.example:443"}, "ssl://"),
        ({"url": "ssl://[:50002"}, "is not the address"),
        ({"chains": ["ethereum"]}, "no chain with Electrum servers"),
        ({"chains": ["bitcoin", "litecoin"]}, "one chain"),
        ({"fingerprint": "abc"}, "64 hexadecimal digits"),
    ],
)
def test_a_slip_in_the_settings_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((InputError, ValueError), match=words):
        ElectrumHints.model_validate(
            {"kind": "electrum", "url": "ssl://electrum.example:50002", "chains": "bitcoin", **wrong}
        )


def a_kind(**more: Any) -> ElectrumHints:
    settings = {"kind": "electrum", "url": "tcp://localhost:50001", "chains": "bitcoin", **more}
    return ElectrumHints.model_validate(settings)


def test_addresses_are_covered_whose_script_is_known() -> None:
    kind = a_kind()
    assert kind.covers(Account("s", "bitcoin", GENESIS))
    assert kind.covers(Account("s", "all", SEGWIT))
    assert not kind.covers(Account("s", "litecoin", GENESIS))
    assert not kind.covers(Account("s", "bitcoin", "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8Nq"))
    cash = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
    assert a_kind(chains="bitcoin-cash").covers(Account("s", "bitcoin_cash", cash))


async def test_one_script_stands_for_every_spelling_of_its_address(server: ElectrumServer) -> None:
    cash, old = "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu"
    accounts = [Account("s", "bitcoin_cash", cash), Account("s", "bitcoin_cash", old)]
    kind = a_kind(url=f"tcp://127.0.0.1:{server.port}", chains="bitcoin_cash")
    source = kind.build(HintContext("home", accounts, SystemClock()))
    async with listening(source) as heard:
        await heard.next(Bookmark)
        server.pay(server.calls[1][1][0])
        found = {(await heard.next(Hint)).where, (await heard.next(Hint)).where}
    assert found == {Where("bitcoin_cash", f"bitcoincash:{cash}"), Where("bitcoin_cash", old)}


def test_more_addresses_than_most_are_warned_of() -> None:
    accounts = [Account("s", "bitcoin", GENESIS), Account("s", "bitcoin", SEGWIT)]
    assert not list(a_kind().warnings(accounts, Allowance()))
    (advice,) = a_kind(most=1).warnings(accounts, Allowance())
    assert str(advice) == "only 1 of 2 addresses are subscribed to; raise most"


async def test_nothing_of_an_abandoned_connection_is_left(server: ElectrumServer) -> None:
    async with listening(a_source(server.port)) as heard:
        await heard.next(Alive)
        await server.until(calls=2)
    await server.until_alone()


def test_facts_out_of_shape_are_forgotten() -> None:
    source = a_source(1)
    source.remember({ONE[:KEY]: "²  abc", TWO[:KEY]: "", "other": "1 a"})
    assert not source._statuses._known
