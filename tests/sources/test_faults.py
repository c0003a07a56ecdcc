"""Each fault of the simulated APIs: what a rule then sees (nothing false), and what the operator reads."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.sources.api import KEY, NOW, A, B, outcomes, poll, read
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.ports.source import Reply, Source
from watcher.sim.faults import COINSTATS, REFUSALS, TEOS, TRANSPORT
from watcher.sim.server import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.coinstats.source import CoinStatsSource
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.settings import TeosSettings
from watcher.sources.teos.source import TeosSource

USDC_CONTRACT = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
ETH, USDC = Asset("ethereum", "ethereum"), Asset("ethereum", USDC_CONTRACT)
FIRST, SECOND = Account("cs", "ethereum", A), Account("cs", "ethereum", B)
BASE = Account("cs", "base-wallet", A)
TRUE = {
    FIRST: {ETH: Decimal("1.25"), USDC: Decimal("1000.000001")},
    SECOND: {ETH: Decimal(7)},
    BASE: {Asset("base-wallet", "ethereum"): Decimal("0.5")},
}

BOND, GOLD = "0x0fc6e610b23b09fae00e10001", "0x5b80da7d2d7acd8e4a1e0001"
BOND_ASSET, GOLD_ASSET = Asset("teos", hex(int(BOND, 16))), Asset("teos", hex(int(GOLD, 16)))
TEOS_FIRST, TEOS_SECOND = Account("teos", "teos", A), Account("teos", "teos", B)
TEOS_TRUE = {
    TEOS_FIRST: {BOND_ASSET: Decimal("123456789012345678901234567.891"), GOLD_ASSET: Decimal(3)},
    TEOS_SECOND: {BOND_ASSET: Decimal("0.001"), GOLD_ASSET: Decimal(0)},
}

Amounts = dict[Asset, Decimal]


@dataclass
class Watch:
    """A source on the simulation, polled once before anything goes wrong."""

    sim: Simulation
    source: Source
    truth: dict[Account, Amounts]

    async def poll(self) -> tuple[dict[Account, Outcome], list[Reply]]:
        replies = await poll(self.source, list(self.truth))
        found = outcomes(replies)
        assert set(found) == set(self.truth)
        return found, replies


def nothing_false(found: dict[Account, Outcome], truth: dict[Account, Amounts]) -> None:
    """Every amount that is stated is true, and what is complete leaves nothing out unsaid."""
    for account, outcome in found.items():
        if isinstance(outcome, Miss):
            continue
        known = truth[account]
        for asset, amount in outcome.amounts.items():
            assert known.get(asset) == amount
        for asset in known:
            if asset.chain in outcome.chains:
                assert asset in outcome.amounts or asset in outcome.unclear
        assert not set(outcome.amounts) & set(outcome.unclear)


def no_secret(found: dict[Account, Outcome], replies: list[Reply], caplog: pytest.LogCaptureFixture) -> None:
    told = f"{found} {replies} {caplog.text}"
    assert KEY not in told
    assert "?" not in "".join(reply.failure for reply in replies)


@pytest.fixture
async def sim() -> AsyncIterator[Simulation]:
    async with Simulation() as sim:
        sim.coinstats.key = sim.teos.key = KEY
        yield sim


@pytest.fixture
async def coinstats(sim: Simulation) -> AsyncIterator[Watch]:
    world = sim.world
    world.set_amount(A, "ethereum", "ETH", "1.25", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_amount(
        A,
        "ethereum",
        "USDC",
        "1000.000001",
        symbol="USDC",
        price="1",
        coin_id="usd-coin",
        contract=USDC_CONTRACT,
    )
    world.set_amount(B, "ethereum", "ETH", "7", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_amount(A, "base-wallet", "ETH", "0.5", symbol="ETH", price="3000", coin_id="ethereum")
    settings = CoinStatsSettings.model_validate(
        {
            "kind": "coinstats",
            "api_key": KEY,
            "base_url": f"{sim.url}/coinstats",
            "timeout": timedelta(milliseconds=700),
        }
    )
    source: CoinStatsSource = settings.build("cs", [])
    watch = Watch(sim, source, TRUE)
    found, _ = await watch.poll()
    assert {a: dict(o.amounts) for a, o in found.items() if isinstance(o, Reading)} == TRUE
    yield watch
    await source.close()


@pytest.fixture
async def teos(sim: Simulation) -> AsyncIterator[Watch]:
    sim.world.define_asset(BOND, "1000", "Bond 2030", "pcs")
    sim.world.define_asset(GOLD, None, "Gold")
    sim.world.set_sparks(A, BOND, "123456789012345678901234567891")
    sim.world.set_sparks(A, GOLD, 3)
    sim.world.set_sparks(B, BOND, 1)
    settings = TeosSettings.model_validate(
        {
            "kind": "teos",
            "api_key": KEY,
            "base_url": f"{sim.url}/teos",
            "timeout": timedelta(milliseconds=700),
        }
    )
    wallets = [WatchedWallet("a", A, assets=(BOND, GOLD)), WatchedWallet("b", B, assets=(BOND, GOLD))]
    source: TeosSource = settings.build("teos", wallets)
    watch = Watch(sim, source, TEOS_TRUE)
    found, _ = await watch.poll()
    assert {a: dict(o.amounts) for a, o in found.items() if isinstance(o, Reading)} == TEOS_TRUE
    yield watch
    await source.close()


WHOLE = {
    "400": (MissReason.REJECTED, "answered 400"),
    "401": (MissReason.UNAUTHORIZED, "Unauthorized"),
    "403": (MissReason.FORBIDDEN, "Forbidden"),
    "404": (MissReason.REJECTED, "Not Found"),
    "406": (MissReason.EXHAUSTED, "Credits limit reached"),
    "409": (MissReason.REJECTED, "not synced"),
    "414": (MissReason.REJECTED, "answered 414"),
    "429": (MissReason.RATE_LIMITED, "Rate limit exceeded"),
    "429-credits": (MissReason.EXHAUSTED, "Insufficient credits"),
    "500": (MissReason.SERVER_ERROR, "answered 500"),
    "502": (MissReason.SERVER_ERROR, "answered 502"),
    "503": (MissReason.SERVER_ERROR, "answered 503"),
    "html": (MissReason.MALFORMED, "web page instead of JSON"),
    "truncated": (MissReason.MALFORMED, "not valid JSON"),
    "cut-off": (MissReason.MALFORMED, "broke off"),
    "huge": (MissReason.TOO_LARGE, "longer than"),
    "endless": (MissReason.TIMEOUT, "in the middle of its answer"),
    "slow-headers": (MissReason.TIMEOUT, "did not answer within 0.7 s"),
    "reset": (MissReason.UNREACHABLE, "connection"),
    "redirect": (MissReason.REDIRECTED, "points elsewhere"),
    "gzip-bomb": (MissReason.TOO_LARGE, "longer than"),
    "not-json": (MissReason.MALFORMED, "not valid JSON"),
    "empty-body": (MissReason.MALFORMED, "not valid JSON"),
    "pascal-error": (MissReason.REJECTED, "One or more preconditions failed; Asset does not exist"),
}
TEOS_WHOLE = {
    **WHOLE,
    "401": (MissReason.UNAUTHORIZED, "UserId was not found"),
    "404": (MissReason.REJECTED, "Resource not found"),
    "406": (MissReason.REJECTED, "answered 406"),
    "409": (MissReason.REJECTED, "answered 409"),
    "429": (MissReason.RATE_LIMITED, "quota exceeded"),
    "429-credits": (MissReason.RATE_LIMITED, "quota exceeded"),
}


def test_no_fault_of_the_simulation_is_without_a_test() -> None:
    assert set(WHOLE) == REFUSALS | TRANSPORT
    assert (
        set(CONTENT) | {"empty-list", "not-a-list", "nan", "digits-17", "sweep-connection"} | WRONG
        == COINSTATS
    )
    assert set(TEOS_CONTENT) | {"not-a-list"} == TEOS


@pytest.mark.parametrize("fault", sorted(WHOLE))
async def test_a_request_that_fails_misses_every_account_and_says_why(
    fault: str, coinstats: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    coinstats.sim.faults.add(fault, "coinstats")

    found, replies = await coinstats.poll()

    reason, words = WHOLE[fault]
    for outcome in found.values():
        assert isinstance(outcome, Miss)
        assert outcome.reason is reason
        assert words in outcome.detail
        assert any(reply.failure == str(outcome) for reply in replies)
    assert any(reply.exhausted for reply in replies) == (reason is MissReason.EXHAUSTED)
    assert not coinstats.sim.stranger.requests
    no_secret(found, replies, caplog)


@pytest.mark.parametrize("fault", sorted(TEOS_WHOLE))
async def test_a_teos_request_that_fails_misses_every_account_and_says_why(
    fault: str, teos: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    teos.sim.faults.add(fault, "teos")

    found, replies = await teos.poll()

    reason, words = TEOS_WHOLE[fault]
    for outcome in found.values():
        assert isinstance(outcome, Miss)
        assert outcome.reason is reason
        assert words in outcome.detail
    assert words in " ".join(reply.failure for reply in replies)
    assert not any(reply.exhausted for reply in replies)
    assert not teos.sim.stranger.requests
    no_secret(found, replies, caplog)


WRONG = {"price-times", "amount-times"}
"""Numbers like any other: only who knows the ones before can doubt them."""

SOUND = {
    "price-null",
    "price-zero",
    "missing-symbol",
    "missing-chain",
    "contract-sentinel",
    "contract-checksum",
    "scientific",
    "unknown-fields",
    "chain-spelling",
    "address-case",
}
CONTENT: dict[str, Any] = {
    **dict.fromkeys(SOUND, None),
    "omit-chain": "does not mention it",
    "omit-wallet": "does not mention it",
    "empty-balances": None,
    "contract-null": "its contract is missing",
    "token-twice": "it came twice",
    "negative": "its amount is negative",
    "amount-null": "its amount is not a number",
}


@pytest.mark.parametrize("fault", sorted(SOUND))
async def test_an_odd_answer_that_says_everything_is_a_full_reading(fault: str, coinstats: Watch) -> None:
    coinstats.sim.faults.add(fault, "coinstats")

    found, replies = await coinstats.poll()

    assert {a: dict(o.amounts) for a, o in found.items() if isinstance(o, Reading)} == TRUE
    assert all(o.chains == {a.chain} for a, o in found.items() if isinstance(o, Reading))
    assert [reply.failure for reply in replies] == [""]
    if fault in ("price-null", "price-zero"):
        assert not any(o.prices for o in found.values() if isinstance(o, Reading))


@pytest.mark.parametrize("fault", sorted(set(CONTENT) - SOUND - {"empty-balances"}))
async def test_a_spoilt_account_is_missed_or_unclear_and_no_other(
    fault: str, coinstats: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {} if fault == "omit-wallet" else {"chain": "ethereum", "token": "USDC"}
    coinstats.sim.faults.add(fault, "coinstats", address=A, **options)

    found, replies = await coinstats.poll()

    nothing_false(found, TRUE)
    first, second = found[FIRST], found[SECOND]
    assert isinstance(second, Reading)
    assert second.amounts == TRUE[SECOND]
    if isinstance(first, Reading):
        assert CONTENT[fault] in first.unclear[USDC]
        assert first.amounts == {ETH: Decimal("1.25")}
    else:
        assert first.reason is MissReason.OMITTED
        assert CONTENT[fault] in first.detail
    no_secret(found, replies, caplog)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("empty-list", MissReason.OMITTED), ("not-a-list", MissReason.MALFORMED)],
)
async def test_an_answer_without_wallets_misses_everybody_and_was_paid(
    fault: str, reason: MissReason, coinstats: Watch
) -> None:
    coinstats.sim.faults.add(fault, "coinstats")

    found, replies = await coinstats.poll()

    assert {o.reason for o in found.values() if isinstance(o, Miss)} == {reason}
    assert [reply.charged for reply in replies] == [120]


async def test_amounts_that_are_nan_are_unclear_and_nothing_is_read(coinstats: Watch) -> None:
    coinstats.sim.faults.add("nan", "coinstats", chain="ethereum", token="USDC", address=A)

    found, _ = await coinstats.poll()

    assert isinstance(first := found[FIRST], Reading)
    assert first.unclear[USDC] == "its amount is not a number"
    assert first.amounts == {ETH: Decimal("1.25")}
    assert isinstance(second := found[SECOND], Reading)
    assert second.amounts == TRUE[SECOND]


async def test_an_emptied_account_is_a_complete_reading_of_nothing(coinstats: Watch) -> None:
    coinstats.sim.faults.add("empty-balances", "coinstats", address=A, chain="ethereum")

    found, _ = await coinstats.poll()

    assert found[FIRST] == Reading(FIRST, {}, {}, {}, frozenset({"ethereum"}))
    assert isinstance(other := found[BASE], Reading)
    assert other.amounts == TRUE[BASE]


async def test_seventeen_digits_are_read_digit_for_digit(coinstats: Watch) -> None:
    coinstats.sim.faults.add("digits-17", "coinstats")

    found, _ = await coinstats.poll()

    assert isinstance(first := found[FIRST], Reading)
    assert str(first.amounts[ETH]) == "1.2500000000000001"


async def test_a_sweep_reads_every_chain_that_came_and_no_other(coinstats: Watch) -> None:
    sweep = Account("cs", "all", A)
    everything = await read(coinstats.source, sweep)
    coinstats.sim.faults.add("omit-chain", "coinstats", chain="base-wallet")
    coinstats.sim.faults.add("sweep-connection", "coinstats")

    found = await read(coinstats.source, sweep)

    assert everything.amounts == {**TRUE[FIRST], Asset("base", "ethereum"): Decimal("0.5")}
    assert found.amounts == TRUE[FIRST]
    assert everything.chains - found.chains == {"base"}


async def test_the_credits_reserved_are_never_below_what_is_metered(coinstats: Watch) -> None:
    before = coinstats.sim.coinstats.credits_used
    accounts = [
        *TRUE,
        Account("cs", "all", B),
        Account("cs", "forceall", A),
        Account("cs", "kaspa-wallet", "kaspa:qq"),
    ]

    requests = coinstats.source.plan(accounts, NOW)
    for request in requests:
        assert (await coinstats.source.send(request)).charged == request.cost

    assert coinstats.sim.coinstats.credits_used - before == sum(r.cost for r in requests) == 960


@pytest.mark.parametrize("shape", ["406", "429"])
async def test_spent_credits_are_told_as_such(coinstats: Watch, shape: str) -> None:
    coinstats.sim.coinstats.credits_limit, coinstats.sim.coinstats.exhausted_shape = 130, shape

    found, replies = await coinstats.poll()

    assert {o.reason for o in found.values() if isinstance(o, Miss)} == {MissReason.EXHAUSTED}
    assert [(reply.exhausted, reply.charged) for reply in replies] == [(True, 0)]


TEOS_CONTENT: dict[str, Any] = {
    "omit-pair": None,
    "leading-zero": None,
    "unknown-fields": None,
    "empty-list": None,
    "address-case": None,
    "foreign-pair": None,
    "duplicate-pair": None,
    "endless-pages": None,
    "foreign-next": None,
    "negative": "not a whole number",
    "nan": "not a whole number",
    "fraction": "not a whole number",
    "amount-number": None,
    "amount-null": "not a whole number",
}


@pytest.mark.parametrize("fault", sorted(TEOS_CONTENT))
async def test_an_odd_teos_answer_is_read_or_unclear_and_never_false(
    fault: str, teos: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = fault in {"endless-pages", "foreign-next", "empty-list"}
    aim: dict[str, Any] = {} if whole else {"address": A, "asset": GOLD}
    teos.sim.faults.add(fault, "teos", **aim)

    found, replies = await teos.poll()

    nothing_false(found, TEOS_TRUE)
    no_secret(found, replies, caplog)
    assert not teos.sim.stranger.requests
    assert len(replies) < 60
    if fault == "empty-list":
        # What the answer leaves out is not told either when it is asked for alone.
        assert isinstance(found[TEOS_FIRST], Miss)
        return
    first, second = found[TEOS_FIRST], found[TEOS_SECOND]
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    if TEOS_CONTENT[fault]:
        assert TEOS_CONTENT[fault] in first.unclear[GOLD_ASSET]
        assert second.amounts == TEOS_TRUE[TEOS_SECOND]
    elif fault in {
        "amount-number",
        "leading-zero",
        "unknown-fields",
        "address-case",
        "foreign-pair",
        "duplicate-pair",
    }:
        assert first.amounts == TEOS_TRUE[TEOS_FIRST]
        assert not first.unclear


async def test_a_teos_answer_that_is_no_list_is_never_zero(teos: Watch) -> None:
    teos.sim.faults.add("not-a-list", "teos")

    found, _ = await teos.poll()

    nothing_false(found, TEOS_TRUE)


@pytest.mark.parametrize("zero", ["omit", "zero"])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("page_size", [1, 50])
async def test_teos_says_the_same_in_every_form(
    sim: Simulation, teos: Watch, zero: str, wrapped: bool, page_size: int
) -> None:
    sim.teos.zero, sim.teos.wrapped, sim.teos.page_size = zero, wrapped, page_size

    found, _ = await teos.poll()

    assert {a: dict(o.amounts) for a, o in found.items() if isinstance(o, Reading)} == TEOS_TRUE


async def test_teos_that_is_called_too_often_is_left_alone_for_as_long_as_it_says(
    sim: Simulation, teos: Watch
) -> None:
    sim.teos.per_minute = 1

    _, first = await teos.poll()
    found, replies = await teos.poll()

    assert {o.reason for o in found.values() if isinstance(o, Miss)} == {MissReason.RATE_LIMITED}
    pause = replies[-1].pause
    assert pause is not None
    assert timedelta(seconds=1) <= pause <= timedelta(seconds=61)
    assert first
