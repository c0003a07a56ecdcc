"""Whatever an API answers: an outcome for each account asked, nothing false or unprintable, no crash."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz
from watcher.domain.model import Account, Outcome, Reading
from watcher.sources.coinstats.answer import read_answer
from watcher.sources.coinstats.names import RowNames
from watcher.sources.coinstats.wire import read_usage
from watcher.sources.json_repair import UnusableAnswerError
from watcher.sources.teos.wire import read_assets, read_balances

A, B = "0x9f114da25b61b77606d47eab414b9360f8783979", "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
NAMED = [Account("s", "ethereum", A), Account("s", "base-wallet", A), Account("s", "ethereum", B)]
SWEEP = [Account("s", "all", A)]
BOND = "0x0fc6e610b23b09fae00e10001"

texts = st.one_of(
    st.sampled_from(
        ["ethereum", "base-wallet", "all", A, A.upper(), B, BOND, "ETH", "1", "NaN", "1e400", "-0", ""]
    ),
    st.text(max_size=12),
    st.sampled_from(
        ["\x1b[31m", "\u202e", "\x00", "<b>", "@here", "'; DROP", "${HOME}", "{{ 7*7 }}", "\ud800"]
    ),
)
numbers = st.one_of(st.integers(), st.floats(allow_nan=False), st.sampled_from([0, -1, 10**400, 1e-320]))
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nearly as documented: any field may be missing, or be anything."""
    loose = {key: st.one_of(value, value, value, anything) for key, value in fields.items()}
    return st.one_of(st.fixed_dictionaries({}, optional=loose), st.fixed_dictionaries(loose), anything)


amounts = st.one_of(st.integers(0, 10**30), st.floats(0, 1e30), texts)
rows = objects(coinId=texts, amount=amounts, symbol=texts, price=amounts, contractAddress=texts, chain=texts)
groups = objects(blockchain=texts, address=texts, connectionId=texts, balances=st.lists(rows, max_size=4))
coinstats = st.one_of(st.lists(groups, max_size=4), anything)
pairs = objects(Address=texts, UniqueAssetId=texts, Amount=texts)
assets = objects(Id=texts, UniqueAssetId=texts, SparkFactor=texts, Name=texts, UnitOfMeasureCode=texts)
pages = st.one_of(
    st.lists(st.one_of(pairs, assets), max_size=4),
    objects(value=st.lists(st.one_of(pairs, assets), max_size=4), **{"@odata.nextLink": texts}),
    anything,
)
bodies = st.one_of(
    st.binary(max_size=200), st.text('[]{}",:0123456789.eE-+\\u nulltrefas', max_size=60).map(str.encode)
)


def written(value: Any, cut: int) -> bytes:
    """The JSON of a value, now and then cut off."""
    data = json.dumps(value).encode()
    return data[: len(data) - cut] if cut else data


cuts = st.sampled_from([0, 0, 0, 0, 1, 7])


def sound(outcomes: list[Outcome], accounts: list[Account]) -> None:
    assert [outcome.account for outcome in outcomes] == accounts
    for outcome in outcomes:
        if not isinstance(outcome, Reading):
            continue
        assert all(amount.is_finite() and amount >= 0 for amount in outcome.amounts.values())
        assert all(price.is_finite() and price > 0 for price in outcome.prices.values())
        assert not outcome.amounts.keys() & outcome.unclear.keys()
        assert all(symbol.isprintable() and len(symbol) <= 64 for symbol in outcome.symbols.values())
        for amount in outcome.amounts.values():
            assert Decimal(str(amount)) == amount


@fuzz
@given(st.one_of(bodies, st.builds(written, coinstats, cuts)), st.sampled_from([NAMED, SWEEP]))
@example(b"[" * 5000, NAMED)
@example(
    b'[{"connectionId":"ethereum","address":"%s","balances":[{"amount":1e999999999}]}]' % A.encode(), NAMED
)
def test_coinstats_balances(data: bytes, accounts: list[Account]) -> None:
    try:
        outcomes = read_answer(data, accounts, RowNames())
    except UnusableAnswerError:
        return
    sound(outcomes, accounts)


@fuzz
@given(st.one_of(bodies, st.builds(written, objects(totalCredits=amounts, usedCredits=amounts), cuts)))
@example(b'{"totalCredits":0.5,"usedCredits":0}')
def test_coinstats_usage(data: bytes) -> None:
    try:
        usage = read_usage(data)
    except UnusableAnswerError:
        return
    assert usage.used >= 0 < usage.total


@fuzz
@given(st.one_of(bodies, st.builds(written, pages, cuts)), st.sampled_from([None, (A, 1)]))
def test_teos_balances(data: bytes, only: tuple[str, int] | None) -> None:
    try:
        page = read_balances(data, only)
    except UnusableAnswerError:
        return
    assert all(sparks >= 0 for sparks in page.sparks.values())
    assert not page.sparks.keys() & page.unclear.keys()


@fuzz
@given(st.one_of(bodies, st.builds(written, pages, cuts)))
def test_teos_assets(data: bytes) -> None:
    try:
        found = list(read_assets(data))
    except UnusableAnswerError:
        return
    for _, facts in found:
        assert facts.spark_factor == "" or int(facts.spark_factor) > 0
        assert (facts.name + facts.unit).isprintable()
