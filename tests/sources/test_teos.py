"""TEOS: pages and pairs, exact sparks and units, refused assets, and what nobody reports is no zero."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.api import KEY, NOW, A, Api, B, missed, outcomes, poll, read, refused
from watcher.domain.credits.allowance import Window
from watcher.domain.model import Account, Miss, MissReason, Reading
from watcher.domain.values.decimals import units
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.refusals import Refused
from watcher.sources.teos.settings import TeosSettings
from watcher.sources.teos.source import TeosSource
from watcher.sources.teos.wire import asset_of

BOND = "0x0fc6e610b23b09fae00e10001"
GOLD = "0x5b80da7d2d7acd8e4a1e0001"
MINUTE = timedelta(minutes=1)
BOND_ASSET = asset_of(int(BOND, 16))
GOLD_ASSET = asset_of(int(GOLD, 16))
ACCOUNT = Account("teos", "teos", A)
OTHER = Account("teos", "teos", B)
CHECKED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""An address whose capitals are its checksum."""
BOTH = [WatchedWallet("a", A, assets=(BOND, GOLD)), WatchedWallet("b", B, assets=(BOND, GOLD))]
UNITS = {BOND: {"symbol": "BOND", "spark_factor": "1000", "price_usd": "99.5"}, GOLD: {"spark_factor": "1"}}


def settings(url: str = "https://teosapi.coreledger.net", **more: Any) -> TeosSettings:
    return TeosSettings.model_validate(
        {"kind": "teos", "api_key": KEY, "base_url": url, "units": UNITS, "timeout": "5s", **more}
    )


@pytest.fixture
async def source(api: Api) -> AsyncIterator[TeosSource]:
    source = settings(api.url).build("teos", BOTH)
    yield source
    await source.close()


class Ledger:
    """Answers as TEOS does, from a table of sparks. What is not in the table is left out."""

    def __init__(self, api: Api) -> None:
        self.sparks: dict[tuple[str, str], str] = {}
        self.hidden: set[tuple[str, str]] = set()
        self.single: Any = lambda row: row
        self.refuses: set[str] = set()
        self.status = 400
        self.assets: list[dict[str, Any]] = []
        api.answer = self.answer

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = unquote(request.raw_path)
        if any(text in path for text in self.refuses):
            return refused(self.status, '{"code": 21000, "details": [{"message": "asset unknown"}]}')
        if "/Assets" in path:
            return web.json_response({"value": [a for a in self.assets if a["Id"] in path]})
        bulk = re.search(r"Addresses=\[(.*)\],UniqueAssetIds=\[(.*)\]", path)
        if bulk is None:
            address, asset = re.findall(r"'([^']*)'", path)
            return web.json_response(self.single(self.row(address, asset)))
        addresses, assets = (re.findall(r"'([^']*)'", text) for text in bulk.groups())
        pairs = [(address, asset) for address in addresses for asset in assets]
        known = [pair for pair in pairs if pair in self.sparks and pair not in self.hidden]
        return web.json_response([self.row(*pair) for pair in known])

    def row(self, address: str, asset: str) -> dict[str, str]:
        return {"Address": address, "UniqueAssetId": asset, "Amount": self.sparks.get((address, asset), "0")}


@pytest.fixture
def ledger(api: Api) -> Ledger:
    ledger = Ledger(api)
    ledger.sparks = {(A, BOND): "25000", (A, GOLD): "3", (B, BOND): "1", (B, GOLD): "0"}
    return ledger


async def test_accounts_with_the_same_assets_share_one_request(
    api: Api, ledger: Ledger, source: TeosSource
) -> None:
    found = outcomes(await poll(source, [ACCOUNT, OTHER]))

    assert api.paths == [
        f"/odata/v1.0/Balances/GetAssetsBalances(Addresses=%5B%27{A}%27%2C%27{B}%27%5D,"
        f"UniqueAssetIds=%5B%27{BOND}%27%2C%27{GOLD}%27%5D)".replace(
            f"%27{BOND}%27%2C%27{GOLD}%27", f"%27{GOLD}%27%2C%27{BOND}%27"
        )
    ]
    assert api.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert isinstance(first := found[ACCOUNT], Reading)
    assert first.amounts == {BOND_ASSET: 25, GOLD_ASSET: 3}
    assert first.prices == {BOND_ASSET: Decimal("99.5")}
    assert first.symbols == {BOND_ASSET: "BOND", GOLD_ASSET: "0x5b80…0001"}
    assert first.chains == frozenset()
    assert isinstance(second := found[OTHER], Reading)
    assert second.amounts == {BOND_ASSET: Decimal("0.001"), GOLD_ASSET: 0}


async def test_thirty_digits_come_out_digit_for_digit(ledger: Ledger, source: TeosSource) -> None:
    ledger.sparks[A, BOND] = "123456789012345678901234567891"

    assert str((await read(source, ACCOUNT)).amounts[BOND_ASSET]) == "123456789012345678901234567.891"


@given(st.integers(0, 10**80), st.integers(0, 60), st.integers(0, 60))
def test_units_are_exact_where_the_quotient_ends(sparks: int, twos: int, fives: int) -> None:
    factor = 2**twos * 5**fives
    whole, point, decimals = format(units(sparks, factor), "f").partition(".")

    assert int(whole + decimals) * factor == sparks * 10 ** len(decimals if point else "")


def test_a_quotient_that_does_not_end_is_rounded_at_forty_places() -> None:
    assert str(units(10**50, 3)) == "3" * 50 + "." + "3" * 40
    assert str(units(2, 3)) == "0." + "6" * 39 + "7"


@pytest.mark.parametrize("wrapped", [True, False])
async def test_both_forms_of_a_collection_are_read(api: Api, source: TeosSource, wrapped: bool) -> None:
    rows = [
        {"Address": A[2:].upper(), "UniqueAssetId": BOND[2:].upper(), "Amount": "1000"},
        {"address": A, "uniqueAssetId": "0x000" + GOLD[2:], "amount": "2"},
        {"Address": "0xstranger", "UniqueAssetId": BOND, "Amount": "1"},
        {"Address": A, "UniqueAssetId": "0x77", "Amount": "1"},
        None,
    ]
    api.says(json.dumps({"@odata.context": "…", "value": rows} if wrapped else rows))

    assert (await read(source, ACCOUNT)).amounts == {BOND_ASSET: 1, GOLD_ASSET: 2}


async def test_pages_are_followed_to_the_last(api: Api, source: TeosSource) -> None:
    first = {"Address": A, "UniqueAssetId": BOND, "Amount": "1000"}
    api.says(
        json.dumps({"value": [], "@odata.nextLink": f"{api.url}/odata/v1.0/Balances?$skiptoken=1"}),
        json.dumps({"value": [first], "@odata.nextLink": "Balances?$skiptoken=2"}),
        json.dumps({"value": [{**first, "UniqueAssetId": GOLD}]}),
    )

    assert (await read(source, ACCOUNT)).amounts == {BOND_ASSET: 1, GOLD_ASSET: 1000}
    assert [path.rpartition("=")[2] for path in api.paths[1:]] == ["1", "2"]


ROWS = [
    {"Address": address, "UniqueAssetId": asset, "Amount": "1"}
    for address in (A, B)
    for asset in (BOND, GOLD)
]


@pytest.mark.parametrize(
    "link",
    [
        "http://internal:8080/odata/v1.0/Balances/Next?$skip=2",
        "https://127.0.0.1/odata/v1.0/Balances/Next?$skip=2",
        "http://localhost:9/behind/ODATA/v1.0/Balances/Next?$skip=2",
    ],
)
async def test_a_next_page_is_followed_on_our_own_host_whatever_host_it_names(
    api: Api, source: TeosSource, link: str
) -> None:
    api.says(json.dumps({"value": ROWS[:2], "@odata.nextLink": link}), json.dumps({"value": ROWS[2:]}))

    found = outcomes(await poll(source, [ACCOUNT, OTHER]))

    assert api.paths[1:] == ["/odata/v1.0/Balances/Next?$skip=2"]
    assert all(isinstance(each, Reading) and len(each.amounts) == 2 for each in found.values())


@pytest.mark.parametrize(
    "link", ["/elsewhere", "http://[", "https://127.0.0.1/odata/v9.9/x", "self", "refused"]
)
async def test_what_no_next_page_brings_is_asked_for_by_itself_and_pages_are_never_needed_again(
    api: Api, source: TeosSource, link: str
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        path = unquote(request.raw_path)
        if "Broken" in path:
            return refused(500)
        rows = [row for row in ROWS if row["Address"] in path and row["UniqueAssetId"] in path]
        where = {"self": request.raw_path, "refused": f"{api.url}/odata/v1.0/Broken"}.get(link, link)
        more = {"@odata.nextLink": where} if len(rows) > 2 or link == "self" else {}
        return web.json_response({"value": rows[:2], **more})

    api.answer = answer
    first = outcomes(await poll(source, [ACCOUNT, OTHER]))
    asked = len(api.paths)
    second = outcomes(await poll(source, [ACCOUNT, OTHER]))

    assert all(
        isinstance(each, Reading) and len(each.amounts) == 2 for each in (*first.values(), *second.values())
    )
    assert asked <= 3
    assert len(api.paths) - asked == 2, "two requests of two pairs, no page"


async def test_pages_that_bring_nothing_new_come_to_an_end(api: Api, source: TeosSource) -> None:
    pages = iter(range(1000))

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"value": [], "@odata.nextLink": f"{api.url}/odata/v1.0/again?{next(pages)}"}
        )

    api.answer = answer
    miss, _ = await missed(source, ACCOUNT)
    asked = len(api.paths)
    await missed(source, ACCOUNT)

    assert miss.reason is MissReason.OMITTED
    assert asked == 4, "the question, one more page, and each pair alone"
    assert len(api.paths) - asked == 2


async def test_a_missing_pair_is_asked_for_alone_before_it_is_zero(
    api: Api, ledger: Ledger, source: TeosSource
) -> None:
    del ledger.sparks[A, GOLD]

    first = await read(source, ACCOUNT)
    asked = [unquote(path) for path in api.paths]
    second = await read(source, ACCOUNT)

    assert first.amounts == second.amounts == {BOND_ASSET: 25, GOLD_ASSET: 0}
    assert asked[1:] == [f"/odata/v1.0/Balances(address='{A}',uniqueAssetId='{GOLD}')"]
    # Left out as the zero that it is: not asked for again.
    assert len(api.paths) == 3


async def test_a_pair_seen_with_value_is_asked_for_again_when_it_is_left_out(
    api: Api, ledger: Ledger, source: TeosSource
) -> None:
    del ledger.sparks[A, GOLD]
    await read(source, ACCOUNT)
    ledger.sparks[A, GOLD] = "9"
    await read(source, ACCOUNT)
    ledger.hidden.add((A, GOLD))

    found = await read(source, ACCOUNT)

    assert found.amounts[GOLD_ASSET] == 9
    assert len(api.paths) == 5


@pytest.mark.parametrize(
    "form",
    [
        lambda row: row,
        lambda row: {"value": row},
        lambda row: {"value": [row]},
        lambda row: [row],
        lambda row: {"@odata.context": "…", "Amount": row["Amount"]},
        lambda row: {"value": row["Amount"]},
    ],
)
async def test_the_answer_for_one_pair_is_read_in_every_form(
    ledger: Ledger, source: TeosSource, form: Any
) -> None:
    ledger.hidden.add((A, GOLD))
    ledger.single = form

    assert (await read(source, ACCOUNT)).amounts[GOLD_ASSET] == 3


@pytest.mark.parametrize(
    "form",
    [
        lambda _: [],
        lambda _: {},
        lambda _: {"value": None},
        lambda _: [{"Address": B, "UniqueAssetId": GOLD, "Amount": "5"}],
    ],
)
async def test_a_pair_that_nobody_reports_is_unknown_and_not_zero(
    api: Api, ledger: Ledger, source: TeosSource, form: Any
) -> None:
    ledger.hidden.add((A, GOLD))
    ledger.single = form

    found = await read(source, ACCOUNT)

    assert found.amounts == {BOND_ASSET: 25}
    assert found.chains == frozenset()
    assert "is not in this reading" in found.notes[0]
    # Every poll asks for the rest, and for this pair alone only now and then.
    asked = len(api.paths)
    await read(source, ACCOUNT, NOW + timedelta(minutes=9))
    assert len(api.paths) == asked + 1
    await read(source, ACCOUNT, NOW + timedelta(minutes=10))
    assert len(api.paths) == asked + 3


@pytest.mark.parametrize(
    "amount", ["-5", "NaN", "1.5", "", "1_000", " 7", "٣", None, -5, 5.0, 5e300, True, ["1"], "9" * 400]
)
async def test_an_amount_that_is_no_whole_number_is_unclear(
    ledger: Ledger, source: TeosSource, amount: Any
) -> None:
    ledger.sparks[A, GOLD] = amount

    found = await read(source, ACCOUNT)

    assert found.amounts == {BOND_ASSET: 25}
    assert found.unclear == {GOLD_ASSET: "its amount is not a whole number of sparks"}


async def test_a_pair_named_twice_with_two_amounts_is_unclear(api: Api, source: TeosSource) -> None:
    rows = [
        {"Address": A, "UniqueAssetId": text, "Amount": amount}
        for text, amount in ((GOLD, "1"), (BOND, "1"), (GOLD, "2"), (BOND, "1"))
    ]
    api.says(json.dumps(rows))

    found = await read(source, ACCOUNT)

    assert list(found.amounts) == [BOND_ASSET]
    assert found.unclear == {GOLD_ASSET: "it came twice, and not the same"}


@pytest.mark.parametrize("sparks", [0, 5000, 123456789012345678901234567891])
async def test_a_whole_number_of_json_is_as_exact_as_a_text(
    api: Api, source: TeosSource, sparks: int
) -> None:
    api.says(json.dumps([{**ROWS[0], "Amount": sparks}, ROWS[1]]))

    assert (await read(source, ACCOUNT)).amounts[BOND_ASSET] == units(sparks, 1000)


async def test_an_answer_without_one_usable_amount_is_no_reading(api: Api, source: TeosSource) -> None:
    api.says(json.dumps([{**row, "Amount": 1.5} for row in ROWS]))

    miss, _ = await missed(source, ACCOUNT)

    assert str(miss) == "unreadable: its amount is not a whole number of sparks"


@pytest.mark.parametrize(
    "spoilt", ['"FREE\\ud83d"', "NaN", '"\xff"'], ids=["half an emoji", "NaN", "no UTF-8"]
)
async def test_an_odd_row_that_nobody_asked_for_costs_no_amount(
    api: Api, source: TeosSource, spoilt: str
) -> None:
    text = "\ufeff" + json.dumps([*ROWS, {"Address": "?", "Amount": "1"}]).replace('"?"', spoilt)
    api.says(text.encode().replace("\xff".encode(), b"\xff"))

    assert (await read(source, ACCOUNT)).amounts == {BOND_ASSET: Decimal("0.001"), GOLD_ASSET: 1}


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_refused_asset_costs_no_other_and_is_left_alone_ever_longer(
    api: Api, ledger: Ledger, source: TeosSource, status: int
) -> None:
    ledger.refuses, ledger.status = {GOLD}, status

    found = await read(source, ACCOUNT)
    asked = []
    for minute in range(180):
        before = len(api.paths)
        again = await read(source, ACCOUNT, NOW + timedelta(minutes=minute, seconds=1))
        assert again.amounts == {BOND_ASSET: 25}
        if len(api.paths) > before + 1:
            asked.append(minute)

    assert found.amounts == {BOND_ASSET: 25}
    assert "answered" in found.notes[0]
    assert asked == [0, 1, 3, 7, 15, 31, 63, 123]
    ledger.refuses = set()
    later = await read(source, ACCOUNT, NOW + timedelta(hours=5))
    assert later.amounts == {BOND_ASSET: 25, GOLD_ASSET: 3}


async def test_what_is_refused_is_remembered_over_a_restart(
    api: Api, ledger: Ledger, source: TeosSource
) -> None:
    ledger.refuses = {GOLD}
    replies = [*await poll(source, [ACCOUNT]), *await poll(source, [ACCOUNT])]
    facts = {name: text for reply in replies for name, text in reply.facts.items()}
    asked = len(api.paths)
    again = settings(api.url).build("teos", BOTH)
    again.remember(facts)

    assert (await read(again, ACCOUNT)).amounts == {BOND_ASSET: 25}
    await again.close()
    assert len(api.paths) == asked + 1


def test_what_is_refused_is_forgotten_once_nobody_watches_it() -> None:
    one, other = ("ad", 1), ("be", 2)
    before, again = Refused(), Refused()
    for _ in range(2):
        before.note(one, NOW)
        before.note(other, NOW)
        before.note_asset(3, NOW)

    again.remember(before.facts(), {"ad": {1}, "be": {1, 4}})

    assert again.get(one) is not None
    assert again.get(other) is None
    assert not again.everywhere(3)


async def test_an_asset_that_the_refusal_names_is_found_at_once(
    api: Api, ledger: Ledger, source: TeosSource
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if GOLD in unquote(request.raw_path):
            said = f"Asset with unique Id '0x0{GOLD[2:].upper()}' does not exist"
            return refused(400, json.dumps({"code": "21000", "details": [{"code": "1001", "message": said}]}))
        return await ledger.answer(request)

    api.answer = answer
    found = outcomes(await poll(source, [ACCOUNT, OTHER]))
    asked = len(api.paths)
    await poll(source, [ACCOUNT, OTHER])
    again = len(api.paths)
    await poll(source, [ACCOUNT, OTHER])

    assert [dict(each.amounts) for each in found.values() if isinstance(each, Reading)] == [
        {BOND_ASSET: 25}, {BOND_ASSET: Decimal("0.001")}
    ]  # fmt: skip
    assert asked == 2
    assert len(api.paths) == again + 1


async def test_an_asset_refused_for_three_addresses_is_asked_for_by_one_of_all(api: Api) -> None:
    wallets = [WatchedWallet(str(n), f"0x{n:040x}", assets=(BOND,)) for n in range(1, 9)]
    source = settings(api.url).build("teos", wallets)
    accounts = [Account("teos", "teos", wallet.address) for wallet in wallets]
    ledger = Ledger(api)
    ledger.sparks = {(wallet.address, BOND): "1000" for wallet in wallets}
    ledger.refuses = {BOND}
    for account in accounts[:3]:
        await poll(source, [account])
    asked = len(api.paths)

    [reply] = await poll(source, accounts)

    assert {outcome.account for outcome in reply.outcomes} == set(accounts)
    assert reply.part == f"asset {BOND_ASSET.token}"
    assert len(api.paths) == asked + 1
    assert api.paths[-1].count("0x000") == 1
    ledger.refuses = set()
    found = outcomes(await poll(source, accounts))
    await source.close()
    assert all(isinstance(outcome, Reading) for outcome in found.values())


async def test_a_429_pauses_and_misses(api: Api, source: TeosSource) -> None:
    api.says(refused(429, '{"Message": "quota exceeded"}', Retry_After="17"))

    miss, reply = await missed(source, ACCOUNT)

    assert miss.reason is MissReason.RATE_LIMITED
    assert "quota exceeded" in miss.detail
    assert reply.pause == timedelta(seconds=17)
    assert len(api.paths) == 1


async def test_a_failure_on_the_way_keeps_what_was_read(api: Api, ledger: Ledger, source: TeosSource) -> None:
    ledger.hidden = {(A, GOLD), (A, BOND)}
    ledger.refuses, ledger.status = {f"uniqueAssetId='{BOND}'"}, 503

    replies = await poll(source, [ACCOUNT])

    found = outcomes(replies)[ACCOUNT]
    assert isinstance(found, Reading)
    assert found.amounts == {GOLD_ASSET: 3}
    assert "server error" in found.notes[0]
    assert "503" in replies[-1].failure


async def test_more_assets_than_one_request_holds_are_still_one_reading(api: Api) -> None:
    ids = [f"0x{n:024x}" for n in range(1, 121)]
    stated = {text: {"spark_factor": "10"} for text in ids}
    source = settings(api.url, units=stated, max_url_bytes=2000).build(
        "teos", [WatchedWallet("a", A, assets=tuple(ids))]
    )
    ledger = Ledger(api)
    ledger.sparks = {(A, text): "5" for text in ids}

    found = await read(source, ACCOUNT)
    await source.close()

    assert len(found.amounts) == 120
    assert set(found.amounts.values()) == {Decimal("0.5")}
    assert all(len(api.url + path) <= 2000 for path in api.paths)
    assert all(path.count("0x") - 1 <= 50 for path in api.paths)


async def test_requests_hold_at_most_fifty_pairs(api: Api) -> None:
    wallets = [WatchedWallet(str(n), f"0x{n:040x}", assets=(BOND, GOLD)) for n in range(60)]
    source = settings(api.url).build("teos", wallets)

    requests = source.plan([Account("teos", "teos", wallet.address) for wallet in wallets], NOW)

    assert [len(request.accounts) for request in requests] == [25, 25, 10]
    assert all(request.cost == 0 for request in requests)


async def test_spark_factors_are_looked_up_once_a_day_and_survive_a_restart(api: Api, ledger: Ledger) -> None:
    source = settings(api.url, units={}).build("teos", BOTH)
    ledger.assets = [
        {"Id": BOND, "Name": "Bond 2030", "SparkFactor": "1000", "UnitOfMeasureCode": "pcs"},
        {"Id": GOLD, "Name": None, "SparkFactor": None},
    ]

    assert source.plan([ACCOUNT], NOW)[0].lookup
    replies = await poll(source, [ACCOUNT, OTHER])
    found = outcomes(replies)[ACCOUNT]

    assert isinstance(found, Reading)
    assert found.amounts == {BOND_ASSET: 25, GOLD_ASSET: 3}
    assert found.symbols[BOND_ASSET] == "Bond 2030"
    facts = {key: text for reply in replies for key, text in reply.facts.items()}
    assert sorted(facts) == sorted([f"asset:{BOND_ASSET.token}", f"asset:{GOLD_ASSET.token}"])

    again = settings(api.url, units={}).build("teos", BOTH)
    again.remember({**facts, "asset:0x1": "{", "asset:zz": "{}", "other": "x"})
    assert not any(request.lookup for request in again.plan([ACCOUNT], NOW))
    assert any(request.lookup for request in again.plan([ACCOUNT], NOW + timedelta(days=1)))
    await source.close()
    await again.close()


async def test_amounts_without_a_factor_are_unknown_and_zero_is_zero(api: Api, ledger: Ledger) -> None:
    source = settings(api.url, units={}).build("teos", BOTH)
    ledger.assets = [{"Id": BOND, "SparkFactor": "0"}, {"Id": GOLD, "SparkFactor": "x"}]

    found = outcomes(await poll(source, [ACCOUNT, OTHER]))
    await source.close()

    assert isinstance(miss := found[ACCOUNT], Miss)
    assert miss.reason is MissReason.UNITS_UNKNOWN
    assert "state its `spark_factor` in `sources.teos.units`" in miss.detail
    assert isinstance(second := found[OTHER], Reading)
    assert second.amounts == {GOLD_ASSET: 0}
    assert list(second.unclear) == [BOND_ASSET]


async def test_a_failed_look_up_misses_nothing_else_and_is_tried_ever_more_rarely(
    api: Api, ledger: Ledger
) -> None:
    source = settings(api.url, units={GOLD: {"spark_factor": "1"}}).build("teos", BOTH)
    ledger.refuses, ledger.status = {"/Assets"}, 503

    replies = await poll(source, [ACCOUNT])
    found = outcomes(replies)[ACCOUNT]

    assert "503" in replies[0].failure
    assert isinstance(found, Reading)
    assert found.amounts == {GOLD_ASSET: 3}
    assert list(found.unclear) == [BOND_ASSET]
    tried = [minute for minute in range(120) for reply in await poll(source, [ACCOUNT], NOW + minute * MINUTE)
             if "503" in reply.failure]  # fmt: skip
    assert tried == [0, 1, 3, 7, 15, 31, 63]
    await source.close()


@pytest.mark.parametrize("answers", [400, 503])
async def test_what_is_known_of_an_asset_is_read_before_it_is_looked_up_again(
    api: Api, ledger: Ledger, answers: int
) -> None:
    source = settings(api.url, units={}).build("teos", BOTH)
    ledger.assets = [{"Id": asset, "SparkFactor": "1000"} for asset in (BOND, GOLD)]
    await poll(source, [ACCOUNT])
    ledger.refuses, ledger.status = {"/Assets"}, answers

    later = source.plan([ACCOUNT], NOW + timedelta(days=1))

    assert [request.lookup for request in later] == [False, True]
    asked = [
        len(await poll(source, [ACCOUNT], NOW + timedelta(days=1, minutes=minute))) for minute in range(60)
    ]
    await source.close()
    assert sum(asked) <= 60 + 1 + 3 * 7


async def test_a_factor_that_goes_missing_stays_and_another_one_is_believed_when_told_twice(
    api: Api, ledger: Ledger
) -> None:
    source = settings(api.url, units={GOLD: {"spark_factor": "1"}}).build("teos", BOTH)
    now, seen = NOW, []
    day = timedelta(days=1)
    told = [("1000", day), (None, day), ("10", MINUTE), ("1000", day), *[("100", MINUTE)] * 3]
    for said, wait in told:
        ledger.assets = [{"Id": BOND, "Name": "Bond\ud83d", "SparkFactor": said}]
        outcome = outcomes(await poll(source, [ACCOUNT], now))[ACCOUNT]
        assert isinstance(outcome, Reading)
        seen.append(outcome.amounts[BOND_ASSET])
        now += wait
    await source.close()
    assert seen == [25, 25, 25, 25, 25, 25, 250]
    assert isinstance(outcome, Reading)
    assert outcome.symbols[BOND_ASSET] == "Bond\ufffd"


@pytest.mark.parametrize("body", ["[[[", "17", "[" * 100_000, '"text"', "null", "{}x", b"\xff\xfe"])
async def test_an_answer_that_cannot_be_read_is_malformed(
    api: Api, source: TeosSource, body: str | bytes
) -> None:
    api.says(body)

    miss, reply = await missed(source, ACCOUNT)

    assert miss.reason is MissReason.MALFORMED
    assert reply.failure == str(miss)


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_version": 1.0},
        {"api_version": "one"},
        {"units": {BOND: {"spark_factor": 1.5}}},
        {"units": {BOND: {"spark_factor": "0"}}},
        {"units": {BOND: {"price_usd": 99.5}}},
        {"units": {BOND: {"price_usd": "NaN"}}},
        {"units": {BOND: {"price": "1"}}},
        {"units": {BOND: {}, "0x00" + BOND[2:]: {}}},
        {"units": {"bond": {}}},
        {"limits": {"per_minute": 0}},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (which field is the parameter)
        settings(**wrong)

    assert KEY not in str(caught.value)


def test_limits_become_windows() -> None:
    source = settings(limits={"per_minute": 30, "per_day": 1000}).build("teos", [])

    assert source.allowance.credits is None
    assert source.allowance.windows == (Window(30, 60), Window(1000, 86_400))
    assert source.spacing == 2


def test_a_wallet_is_one_account_whatever_way_its_address_is_written() -> None:
    assert settings().accounts("teos", WatchedWallet("w", CHECKED, assets=(BOND,)))
    spelled = [A, A[2:], "0x" + A[2:].upper(), "0X" + A[2:]]
    icp = "rrkah-fqaaa-aaaaa-aaaaq-cai"

    assert {settings().accounts("teos", WatchedWallet("w", text, assets=(BOND,)))[0] for text in spelled} == {
        ACCOUNT
    }
    assert settings().accounts("teos", WatchedWallet("w", icp, assets=(BOND,)))[0].address == icp


@pytest.mark.parametrize(
    ("wallet", "word"),
    [
        (WatchedWallet("w", A), "needs 'assets'"),
        (WatchedWallet("w", A, assets=("BOND",)), "hexadecimal"),
        (WatchedWallet("w", A, ("ethereum",), (BOND,)), "for CoinStats"),
        (WatchedWallet("w", "0x'", assets=(BOND,)), "no address has"),
        (WatchedWallet("w", CHECKED[:-1] + "e", assets=(BOND,)), "EIP-55"),
        (WatchedWallet("w", CHECKED[2:-1] + "e", assets=(BOND,)), "EIP-55"),
    ],
)
def test_a_wallet_that_cannot_be_asked_for_says_why(wallet: WatchedWallet, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        settings().accounts("teos", wallet)
