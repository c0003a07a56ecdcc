"""CoinStats: requests within their bounds, exact answers, and what an answer leaves out is never a zero."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.api import KEY, NOW, A, Api, B, missed, outcomes, poll, refused
from watcher.domain.model import Account, Asset, Miss, MissReason, Reading
from watcher.sources import KINDS
from watcher.sources.coinstats.answer import read_answer
from watcher.sources.coinstats.names import RowNames
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.coinstats.source import CoinStatsSource
from watcher.sources.kind import WatchedWallet

ETH = Asset("ethereum", "ethereum")
USDC_CONTRACT = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
USDC = Asset("ethereum", USDC_CONTRACT)
ACCOUNT = Account("cs", "ethereum", A)
OTHER = Account("cs", "ethereum", B)


def settings(url: str = "https://openapiv1.coinstats.app", **more: Any) -> CoinStatsSettings:
    return CoinStatsSettings.model_validate(
        {"kind": "coinstats", "api_key": KEY, "base_url": url, "timeout": "5s", **more}
    )


@pytest.fixture
async def source(api: Api) -> AsyncIterator[CoinStatsSource]:
    source = settings(api.url).build("cs", [])
    yield source
    await source.close()


TON = "EQDKHZ7e70CzqdvZCC83Z4WVR8POC_ZB0J1Y4zo88G-zCXmC"
TON_RAW = "0:ca1d9edeef40b3a9dbd9082f3767859547c3ce0bf641d09d58e33a3cf06fb309"
TON_UNBOUNCEABLE = "UQDKHZ7e70CzqdvZCC83Z4WVR8POC_ZB0J1Y4zo88G-zCSRH"
SUBSTRATE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def row(amount: str = "1.5", /, **fields: Any) -> str:
    known = {
        "coinId": "ethereum",
        "symbol": "ETH",
        "price": "@3000.5@",
        "contractAddress": None,
        "chain": "ethereum",
    }
    text = json.dumps({**known, "amount": f"@{amount}@", **fields})
    return text.replace('"@', "").replace('@"', "")


def group(*rows: str, address: str = A, chain: str = "ethereum", **fields: str) -> str:
    known = {"blockchain": chain, "address": address, "connectionId": chain, **fields}
    return json.dumps(known)[:-1] + ', "balances": [' + ",".join(rows) + "]}"


def usdc(amount: str = "2", /, **fields: Any) -> str:
    return row(
        amount,
        **{
            "coinId": "usd-coin",
            "symbol": "USDC",
            "price": "@1@",
            "contractAddress": USDC_CONTRACT,
            **fields,
        },
    )


def answer(*groups: str) -> str:
    return "[" + ",".join(groups) + "]"


def one(text: str, account: Account = ACCOUNT, names: RowNames | None = None) -> Reading:
    outcome = read_answer(text.encode(), [account], names or RowNames())[0]
    assert isinstance(outcome, Reading), outcome
    return outcome


async def test_many_accounts_go_in_one_request_and_pay_for_each(api: Api, source: CoinStatsSource) -> None:
    api.says(answer(group(row()), group(row("7"), address=B)))

    replies = await poll(source, [ACCOUNT, OTHER])

    assert api.paths == [f"/v1/wallet/balance/many?wallets=ethereum:{A},ethereum:{B}"]
    assert api.headers[0]["X-API-KEY"] == KEY
    assert [reply.charged for reply in replies] == [80]
    readings = outcomes(replies)
    assert readings[ACCOUNT] == Reading(
        ACCOUNT,
        {ETH: Decimal("1.5")},
        {ETH: Decimal("3000.5")},
        {ETH: "ETH"},
        frozenset({"ethereum"}),
        natives=frozenset({ETH}),
    )
    assert isinstance(other := readings[OTHER], Reading)
    assert other.amounts == {ETH: 7}


@given(st.decimals(min_value=Decimal("1e-40"), max_value=Decimal("1e40"), allow_nan=False))
def test_an_amount_keeps_every_digit_of_the_wire(amount: Decimal) -> None:
    found = one(answer(group(row(str(amount)))))

    assert str(found.amounts[ETH]) == str(amount)


@pytest.mark.parametrize(
    "text", ["105.29550851642641", "0.12345678901234567", "8.470329472543003e-22", "12345678901234567"]
)
def test_seventeen_digits_and_scientific_notation_are_exact(text: str) -> None:
    assert one(answer(group(row(text)))).amounts[ETH] == Decimal(text)


def test_a_missing_wallet_is_a_miss_and_never_zero() -> None:
    found = read_answer(answer(group(row())).encode(), [ACCOUNT, OTHER], RowNames())

    assert isinstance(found[0], Reading)
    assert found[1] == Miss(OTHER, MissReason.OMITTED, "the answer does not mention it")


def test_an_empty_list_misses_everybody() -> None:
    assert [type(found) for found in read_answer(b"[]", [ACCOUNT, OTHER], RowNames())] == [Miss, Miss]


def test_a_wallet_that_holds_nothing_is_a_complete_reading() -> None:
    assert one(answer(group())) == Reading(ACCOUNT, {}, {}, {}, frozenset({"ethereum"}))


def test_a_chain_that_a_sweep_leaves_out_is_unknown() -> None:
    sweep = Account("cs", "all", A)
    found = one(answer(group(row()), group(usdc(), chain="base-wallet", blockchain="base")), sweep)

    assert found.chains == {"ethereum", "base"}
    assert found.amounts == {ETH: Decimal("1.5"), Asset("base", USDC_CONTRACT): 2}


def test_a_sweep_group_without_chain_is_read_by_its_rows_and_complete_for_none() -> None:
    found = one(answer(group(row(), row(chain=None), chain="all")), Account("cs", "all", A))

    assert found.amounts == {ETH: Decimal("1.5")}
    assert found.chains == frozenset()
    assert "without a chain" in found.notes[0]


@pytest.mark.parametrize("price", [None, "@0@", "@-1@", "NaN", "soon", "@1e999@", True])
def test_a_price_that_is_none_is_unknown(price: Any) -> None:
    found = one(answer(group(row(price=price), usdc())))

    assert found.amounts == {ETH: Decimal("1.5"), USDC: 2}
    assert found.prices == {USDC: 1}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount": "@-1@"}, "negative"),
        ({"amount": "NaN"}, "finite"),
        ({"amount": "-Infinity"}, "finite"),
        ({"amount": "@1e61@"}, "beyond all measure"),
        ({"amount": "@1e-400@"}, "beyond all measure"),
        ({"amount": None}, "not a number"),
        ({"amount": True}, "not a number"),
        ({"amount": {"x": [1]}}, "not a number"),
        ({"amount": "lots"}, "not a number"),
    ],
)
def test_an_amount_that_is_none_is_unclear_and_costs_no_other(fields: dict[str, Any], why: str) -> None:
    found = one(answer(group(usdc(), row(**fields))))

    assert found.amounts == {USDC: 2}
    assert why in found.unclear[ETH]
    assert found.chains == {"ethereum"}


def test_one_bad_row_or_group_never_loses_the_others() -> None:
    text = answer(
        group(row(symbol=5), "null", '"row"', usdc(contractAddress=["x"])), group(row("7"), address=B), "17"
    )
    first, second = read_answer(text.encode(), [ACCOUNT, OTHER], RowNames())

    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert first.amounts == {ETH: Decimal("1.5")}
    assert first.chains == frozenset()
    assert "does not say which asset" in first.notes[0]
    assert second.amounts == {ETH: 7}
    assert second.chains == {"ethereum"}


def test_a_row_without_identity_makes_its_chain_incomplete() -> None:
    found = one(answer(group(row(), row(coinId=None))))

    assert found.amounts == {ETH: Decimal("1.5")}
    assert found.chains == frozenset()


def test_a_token_named_twice_is_unclear() -> None:
    found = one(
        answer(group(row(), usdc("1"), usdc("2", contractAddress=USDC_CONTRACT.upper().replace("X", "x"))))
    )

    assert found.amounts == {ETH: Decimal("1.5")}
    assert found.unclear == {USDC: "it came twice"}


@pytest.mark.parametrize("contract", [None, "", "0x" + "eE" * 20, "0x" + "0" * 40])
def test_stand_in_contracts_mean_the_native_coin(contract: str | None) -> None:
    assert list(one(answer(group(row(contractAddress=contract)))).amounts) == [ETH]


def test_contracts_are_compared_without_case_where_they_are_hex_alone() -> None:
    names = RowNames()
    mixed = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"

    assert list(one(answer(group(usdc(contractAddress=mixed))), names=names).amounts) == [USDC]
    assert list(one(answer(group(usdc(contractAddress="EPjFWdd5"))), names=names).amounts) == [
        Asset("ethereum", "EPjFWdd5")
    ]


def test_a_token_that_loses_its_contract_is_unclear_and_not_another_token() -> None:
    names = RowNames()
    one(answer(group(usdc())), names=names)

    found = one(answer(group(row(), usdc(contractAddress=None))), names=names)

    assert found.amounts == {ETH: Decimal("1.5")}
    assert found.unclear == {USDC: "its contract is missing in the answer"}


@pytest.mark.parametrize(
    ("asked", "blockchain", "connection"),
    [
        ("binancesmartchain", "binance_smart", "binacesmartchain"),
        ("binacesmartchain", "binance_smart", None),
        ("base-wallet", "base", "base-wallet"),
        ("base-wallet", "base", None),
        ("polygon-wallet", "polygon-pos", "all"),
        ("ethereum", None, "ethereum"),
    ],
)
def test_another_spelling_of_a_chain_is_the_same_chain(asked: str, blockchain: str, connection: str) -> None:
    account = Account("cs", asked, A)
    found = one(answer(group(row(), blockchain=blockchain, connectionId=connection)), account)

    assert list(found.amounts) == [Asset(asked, "ethereum")]
    assert found.chains == {asked}


def test_evm_addresses_are_compared_without_case_and_others_exactly() -> None:
    solana = Account("cs", "solana", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU")
    text = answer(
        group(row(), address="0x" + A[2:].upper()),
        group(row(), address=solana.address.lower(), chain="solana"),
    )

    first, second = read_answer(text.encode(), [ACCOUNT, solana], RowNames())

    assert isinstance(first, Reading)
    assert isinstance(second, Miss)
    assert "nobody asked for" in first.notes[0]


@pytest.mark.parametrize(
    ("chain", "asked", "written"),
    [
        (
            "bitcoin",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        ("sui-wallet", "0x" + "0" * 60 + "0aBc", "0xabc"),
        ("aptos-wallet", "0xABC", "0x" + "0" * 61 + "abc"),
        ("ethereum", "0X" + A[2:].upper(), A),
        (
            "bitcoin_cash",
            "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        ),
        (
            "bitcoin_cash",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A",
        ),
        ("ton-wallet", TON, TON_RAW),
        ("ton-wallet", TON_RAW.upper(), TON.replace("_", "/").replace("-", "+")),
        ("ton-wallet", TON, TON_UNBOUNCEABLE),
        ("ethereum", "vitalik.eth", B),
        ("polkadot", "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5", SUBSTRATE),
        ("solana", "treasury.sol", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_an_address_that_the_answer_spells_in_another_way_is_the_same(
    chain: str, asked: str, written: str, *, alone: bool
) -> None:
    (account,) = settings().accounts("cs", WatchedWallet("w", asked, (chain,)))
    others = [] if alone else [Account("cs", "base-wallet", "0x" + f"{number:040x}") for number in range(49)]
    text = answer(
        *(group(row("7"), address=other.address, chain="base-wallet") for other in others),
        group(row(), address=written, chain=chain),
    )

    found = read_answer(text.encode(), [account, *others], RowNames())

    assert all(isinstance(outcome, Reading) for outcome in found)
    assert list(found[0].amounts.values()) == [Decimal("1.5")]  # type: ignore[union-attr]


def test_what_came_instead_is_taken_only_where_it_can_be_nothing_else() -> None:
    base = Account("cs", "base-wallet", B)
    name = Account("cs", "ethereum", "vitalik.eth")
    ours, other = group(row(), address=A), group(row("9"), address="0x" + "1" * 40)

    def outcomes(text: str, *accounts: Account) -> list[type]:
        return [type(outcome) for outcome in read_answer(text.encode(), accounts, RowNames())]

    assert outcomes(answer(other), ACCOUNT) == [Miss], "a whole address of another owner"
    assert outcomes(answer(ours, other), name) == [Miss], "two came"
    assert outcomes(answer(ours), name, OTHER) == [Miss, Miss], "two were asked on that chain"
    assert outcomes(answer(ours, other), name, ACCOUNT) == [Miss, Reading], "two were asked on that chain"
    stray = group(row("9"), address=B)
    assert outcomes(answer(stray), name, base) == [Miss, Miss], "the other one's address, on another chain"
    (found,) = read_answer(answer(ours).encode(), [name], RowNames())
    assert isinstance(found, Reading)
    assert found.notes == (f"the answer writes its address as {A}",)


def test_a_spelling_that_was_learnt_alone_is_known_among_others() -> None:
    name, names = Account("cs", "ethereum", "vitalik.eth"), RowNames()
    both = answer(group(row(), address=B), group(row("7"), address=A))
    assert [type(each) for each in read_answer(both.encode(), [name, ACCOUNT], names)] == [Miss, Reading]
    read_answer(answer(group(row(), address=B)).encode(), [name], names)
    found = read_answer(both.encode(), [name, ACCOUNT], names)
    assert [list(each.amounts.values()) for each in found if isinstance(each, Reading)] == [
        [Decimal("1.5")],
        [7],
    ]


def test_a_group_for_two_asked_chains_at_once_is_nobodys() -> None:
    base = Account("cs", "base-wallet", A)
    found = read_answer(
        answer(group(row(), connectionId="base-wallet")).encode(), [ACCOUNT, base], RowNames()
    )

    assert [outcome.reason for outcome in found if isinstance(outcome, Miss)] == [MissReason.OMITTED] * 2


def test_an_account_that_comes_twice_counts_only_if_both_agree() -> None:
    assert one(answer(group(row()), group(row()))).amounts == {ETH: Decimal("1.5")}

    found = read_answer(answer(group(row()), group(row("2"))).encode(), [ACCOUNT], RowNames())[0]
    assert isinstance(found, Miss)
    assert found.reason is MissReason.UNREADABLE


@pytest.mark.parametrize("field", ["coinId", "symbol"])
def test_words_from_the_chain_cannot_break_a_line(field: str) -> None:
    found = one(answer(group(row(**{field: "evil\u001b[31m\nname"}))))

    told = [*found.symbols.values(), *(asset.token for asset in found.amounts)]
    assert all(text.isprintable() for text in told)


def test_addresses_with_a_colon_go_alone_in_the_address_form() -> None:
    source = settings().build("cs", [])
    cash = Account("cs", "bitcoin-cash", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a")

    requests = source.plan([ACCOUNT, cash, OTHER], NOW)

    queries = [request.payload.query for request in requests]  # type: ignore[attr-defined]
    assert queries == [
        f"wallets=ethereum:{A},ethereum:{B}",
        "address=bitcoincash%3Aqpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a&blockchain=bitcoin-cash",
    ]


def test_requests_are_bounded_by_batch_and_by_bytes_and_sweeps_go_apart() -> None:
    source = settings(batch=7, max_url_bytes=500).build("cs", [])
    accounts = [Account("cs", "ethereum", f"0x{n:040x}") for n in range(30)]
    sweeps = [Account("cs", "all", f"0x{n:040x}") for n in range(3)]

    requests = source.plan([*accounts, *sweeps, accounts[0]], NOW)

    assert sorted(a for r in requests for a in r.accounts) == sorted(accounts + sweeps)
    assert all(len(r.accounts) <= 7 for r in requests)
    assert all(len(f"{source._endpoint}?{r.payload.query}") <= 500 for r in requests)  # type: ignore[attr-defined]
    assert requests[-1].accounts == tuple(sweeps)
    assert requests[-1].cost == 1200
    assert sum(r.cost for r in requests) == 30 * 40 + 1200


async def test_a_request_that_fails_is_a_miss_of_each_account_and_is_split_by_no_source(
    api: Api, source: CoinStatsSource
) -> None:
    accounts = [Account("cs", "ethereum", f"0x{n:040x}") for n in range(8)]
    api.says(refused(400, '{"message": "Bad Request"}'))

    [reply] = await poll(source, accounts)

    assert {outcome.account for outcome in reply.outcomes} == set(accounts)
    assert all(isinstance(outcome, Miss) for outcome in reply.outcomes)
    assert reply.more == ()


HALF, WHOLE_PAIR = "FREE\\ud83d", "\\ud83d\\ude00"
ODD = {
    "half an emoji in a symbol": (HALF, "FREE\ufffd"),
    "both halves": (WHOLE_PAIR, "\U0001f600"),
    "an escaped backslash before half an emoji": ("\\\\" + HALF[5:] + "\\udc00", "\\ud83d\ufffd"),
    "text that looks like half an emoji": ("\\\\ud83d", "\\ud83d"),
    "a byte that is no UTF-8": ("@", "\ufffd"),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_name_costs_no_amount(api: Api, source: CoinStatsSource, name: str) -> None:
    written, shown = ODD[name]
    text = answer(group(usdc(symbol="?")), group(row("7"), address=B)).replace('"?"', f'"{written}"')
    api.says(text.encode().replace(b'"@"', b'"\xff"'))

    found = outcomes(await poll(source, [ACCOUNT, OTHER]))

    assert isinstance(first := found[ACCOUNT], Reading)
    assert isinstance(second := found[OTHER], Reading)
    assert first.amounts == {USDC: 2}
    assert first.symbols[USDC] == shown
    assert second.amounts == {ETH: 7}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
async def test_a_word_that_json_does_not_have_costs_its_row(
    api: Api, source: CoinStatsSource, word: str
) -> None:
    api.says("\ufeff" + answer(group(row(word), usdc()), group(row("7"), address=B)))

    found = outcomes(await poll(source, [ACCOUNT, OTHER]))

    assert isinstance(first := found[ACCOUNT], Reading)
    assert isinstance(second := found[OTHER], Reading)
    assert first.amounts == {USDC: 2}
    assert list(first.unclear) == [ETH]
    assert second.amounts == {ETH: 7}


@pytest.mark.parametrize(
    ("status", "body", "reason", "exhausted", "charged"),
    [
        (401, '{"message": "Unauthorized"}', MissReason.UNAUTHORIZED, False, 0),
        (403, '{"message": "Forbidden"}', MissReason.FORBIDDEN, False, None),
        (406, '{"message": "Credits limit reached."}', MissReason.EXHAUSTED, True, 0),
        (429, '{"message": "Insufficient credits for this request"}', MissReason.EXHAUSTED, True, 0),
        (429, '{"message": "Rate limit exceeded"}', MissReason.RATE_LIMITED, False, 0),
        (404, "", MissReason.REJECTED, False, None),
        (409, "[" * 9000, MissReason.REJECTED, False, None),
        (500, "<html>", MissReason.SERVER_ERROR, False, None),
        (503, "{", MissReason.SERVER_ERROR, False, None),
    ],
)
async def test_a_refusal_is_a_miss_with_its_reason(
    api: Api,
    source: CoinStatsSource,
    status: int,
    body: str,
    reason: MissReason,
    exhausted: bool,
    charged: int | None,
) -> None:
    api.says(refused(status, body))

    miss, reply = await missed(source, ACCOUNT)

    assert miss.reason is reason
    assert str(status) in miss.detail
    assert (reply.exhausted, reply.charged) == (exhausted, charged)
    assert reply.failure == str(miss)
    assert (reply.pause is not None) == (reason is MissReason.RATE_LIMITED)


async def test_a_provider_that_repeats_our_key_does_not_leak_it(api: Api, source: CoinStatsSource) -> None:
    api.says(refused(403, json.dumps({"message": f"key {KEY} may not do this"})))

    miss, reply = await missed(source, ACCOUNT)

    assert KEY not in miss.detail + reply.failure
    assert "key *** may not do this" in miss.detail


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('[{"blockchain": "ethereum", "addr', "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        (answer(group(row(name="@" + "[" * 50_000 + "]" * 50_000 + "@"))), "nested too deeply"),
        ('{"message": "ok"}', "not a list"),
        ("", "not valid JSON"),
        (b"\xff\xfe[\x00", "not valid JSON"),
        ("[" + "{}," * 400_000 + "{}]", "not a list of balances"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_malformed_and_was_paid(
    api: Api, source: CoinStatsSource, body: str | bytes, word: str
) -> None:
    api.says(body)

    miss, reply = await missed(source, ACCOUNT)

    assert miss.reason is MissReason.MALFORMED
    assert word in miss.detail
    assert reply.charged == 40


def test_a_large_answer_reads_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = answer(group(row(), usdc()), group(usdc("7"), address=B)).encode()
    at_once = read_answer(text, [ACCOUNT, OTHER], RowNames())

    for size in (10, len(text) // 2):
        monkeypatch.setattr("watcher.sources.coinstats.wire.AT_ONCE", size)

        assert read_answer(text, [ACCOUNT, OTHER], RowNames()) == at_once


@pytest.mark.parametrize(
    "odd", [{"symbol": "a]},{"}, {"more": [{"of": [1]}, {"it": 2}]}, {"symbol": 7}], ids=str
)
def test_what_looks_like_the_end_of_a_group_ends_none(
    odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = answer(*(group(row(**odd), usdc("7"), address=each) for each in (A, B))).encode()
    at_once = read_answer(text, [ACCOUNT, OTHER], RowNames())
    assert [len(each.amounts) for each in at_once if isinstance(each, Reading)] == [2, 2]

    monkeypatch.setattr("watcher.sources.coinstats.wire._sparse", lambda _: None)  # these rows are short
    for size in range(10, len(text), 7):
        monkeypatch.setattr("watcher.sources.coinstats.wire.AT_ONCE", size)

        assert read_answer(text, [ACCOUNT, OTHER], RowNames()) == at_once


def test_a_number_of_more_digits_than_anything_held_is_no_amount() -> None:
    names = RowNames()
    one(answer(group(row("1"), usdc("7"))), names=names)  # from here on the assets are known

    for _ in range(2):
        reading = one(answer(group(row("1." + "3" * 300), usdc("7"))), names=names)

        assert list(reading.unclear.values()) == ["its amount is beyond all measure"]
        assert list(reading.amounts.values()) == [7]


def test_an_amount_that_was_read_with_care_is_told_again_when_it_moves() -> None:
    names = RowNames()
    one(answer(group(row("0.0"), usdc("7"))), names=names)

    same = one(answer(group(row("0.0"), usdc("7"))), names=names)
    moved = one(answer(group(row("0.5"), usdc("7"))), names=names)

    assert list(same.amounts.values()) == [0, 7]
    assert {asset.token: amount for asset, amount in moved.amounts.items()}["ethereum"] == Decimal("0.5")


def test_a_price_that_comes_back_in_the_same_digits_is_the_same_price() -> None:
    names = RowNames()
    prices = [one(answer(group(row("1", price=p))), names=names).prices for p in (2, 2, None, 2, 0, "x", 3)]

    assert [[*each.values()] for each in prices] == [[2], [2], [], [2], [], [], [3]]


def test_names_forget_and_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.sources.coinstats.names._MOST_NAMES", 3)
    names = RowNames()

    for number in range(20):
        contract = f"0x{number:040x}1"
        assert one(answer(group(usdc(contractAddress=contract))), names=names).amounts == {
            Asset("ethereum", contract): 2
        }
    assert len(names.of("ethereum")[0]) <= 8


@pytest.mark.parametrize(
    ("base", "endpoint"),
    [
        ("https://openapiv1.coinstats.app", "https://openapiv1.coinstats.app/v1/wallet/balance/many"),
        ("https://api.coinstats.app/v1/", "https://api.coinstats.app/v1/wallet/balance/many"),
        ("http://localhost:8080/coinstats", "http://localhost:8080/coinstats/v1/wallet/balance/many"),
    ],
)
def test_the_version_is_in_the_path_once(base: str, endpoint: str) -> None:
    assert settings(base).build("cs", [])._endpoint == endpoint


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://coinstats.example"},
        {"base_url": "ftp://coinstats.example"},
        {"base_url": "https://user:pass@coinstats.example"},
        {"base_url": "https://coinstats.example/?x=1"},
        {"api_key": ""},
        {"api_key": "two words"},
        {"api_key": "line\nbreak: x"},
        {"credits": {"reserve": "110%"}},
        {"credits": {"reserve": 0.1}},
        {"credits": {"resets_on": 32}},
        {"credits": {"period": "week"}},
        {"requests_per_second": 0},
        {"timeout": 30},
        {"timeout": "soon"},
        {"bach": 5},
    ],
)
def test_wrong_settings_are_refused_without_telling_the_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (which field is the parameter)
        CoinStatsSettings.model_validate({"kind": "coinstats", "api_key": KEY, **wrong})

    assert KEY not in str(caught.value)


def test_the_plan_bought_becomes_the_allowance() -> None:
    source = settings(
        credits={"limit": 1000, "period": "day", "reserve": "12.5%"}, requests_per_second=2
    ).build("cs", [])
    plan = source.allowance.credits

    assert plan is not None
    assert (plan.limit, plan.period, plan.reserved) == (1000, "day", 125)
    assert source.spacing == 0.5
    assert KEY not in repr(settings()) + repr(source) + repr(vars(source))


def test_a_wallet_is_an_account_for_each_chain() -> None:
    wallet = WatchedWallet("hot", "0x" + A[2:].upper(), ("ethereum", "base-wallet"))

    assert [*settings().accounts("cs", wallet)] == [ACCOUNT, Account("cs", "base-wallet", A)]


@pytest.mark.parametrize(
    ("wallet", "word"),
    [
        (WatchedWallet("w", A), "needs 'chains'"),
        (WatchedWallet("w", A, ("Ethereum",)), "not a chain id"),
        (WatchedWallet("w", A, ("ethereum", "ethereum")), "same chain"),
        (WatchedWallet("w", A, ("base", "base-wallet")), "same chain"),
        (WatchedWallet("w", A, ("all", "base")), "stand alone"),
        (WatchedWallet("w", A, ("base",), ("0x1",)), "for TEOS"),
        (WatchedWallet("w", "", ("base",)), "no address"),
        (WatchedWallet("w", "a,b", ("base",)), "no address has"),
        (WatchedWallet("w", "0x12xyz", ("base",)), "hexadecimal"),
    ],
)
def test_a_wallet_that_cannot_be_asked_for_says_why(wallet: WatchedWallet, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        settings().accounts("cs", wallet)


def test_each_kind_is_listed_once() -> None:
    assert set(KINDS) == {"coinstats", "teos"}


async def test_a_hanging_look_at_the_providers_count_holds_no_poll_back(
    api: Api, source: CoinStatsSource
) -> None:
    hanging, leaving = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if "usage" in request.path:
            hanging.set()
            await leaving.wait()
        return web.Response(text=f"[{group(row())}]", content_type="application/json")

    api.answer = answer
    looking = asyncio.create_task(source.send(source.usage()))
    await hanging.wait()

    async with asyncio.timeout(3):
        assert ACCOUNT in outcomes(await poll(source, [ACCOUNT]))
    leaving.set()
    await looking
