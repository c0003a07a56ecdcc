"""An answer about assets that are known is read in one go; it says what it would say the first time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from tests.sources.test_coinstats import ACCOUNT, ETH, USDC, answer, group, one, row, usdc
from watcher.domain.model import Asset
from watcher.sources.coinstats.names import RowNames
from watcher.sources.coinstats.settings import CoinStatsSettings

ROWS: list[dict[str, Any]] = [
    {"amount": "@0@"}, {"amount": "@-1@"}, {"amount": "NaN"}, {"amount": "sNaN"}, {"amount": None},
    {"amount": "@1e61@"}, {"amount": "@1e-400@"}, {"amount": "lots"}, {"price": None}, {"price": "@0@"},
    {"price": "NaN"}, {"price": "@2@"}, {"symbol": None}, {"symbol": ""}, {"symbol": "a\nb"},
    {"symbol": "E\u202eTH"}, {"coinId": None}, {"coinId": "other"}, {"contractAddress": ""},
]  # fmt: skip


@pytest.mark.parametrize("fields", ROWS, ids=str)
@pytest.mark.parametrize("alone", [True, False])
def test_a_row_means_the_same_the_first_time_and_later(fields: dict[str, Any], *, alone: bool) -> None:
    third = usdc(contractAddress="0x" + "1" * 40)
    text = answer(group(row(**fields)) if alone else group(usdc(), row(**fields), third))
    names = RowNames()
    one(answer(group(row("7", price="@9@"), usdc(), third)), ACCOUNT, names)

    assert one(text, ACCOUNT, names) == one(text, ACCOUNT, RowNames())


def test_an_answer_in_which_nothing_moved_gives_the_same_mapping_again() -> None:
    names = RowNames()
    one(answer(group(row(), usdc())), ACCOUNT, names)  # everything is new here, and read row by row
    first = one(answer(group(row("7"), usdc("2"))), ACCOUNT, names)
    same = one(answer(group(row("7.0", price="@9@"), usdc("2"))), ACCOUNT, names)
    moved = one(answer(group(row("7"), usdc("3"))), ACCOUNT, names)
    gone = one(answer(group(row("7"))), ACCOUNT, names)

    assert same.amounts is first.amounts
    assert first.amounts == {ETH: 7, USDC: 2}
    assert moved.amounts == {ETH: 7, USDC: 3}
    assert gone.amounts == {ETH: 7}


def test_a_coin_that_comes_with_and_without_its_contract_has_the_name_that_it_came_with_last() -> None:
    names = RowNames()
    said = []
    for contract, symbol in [(None, "ATOM"), ("uatom", "NEW"), ("uatom", "NEW"), (None, "ATOM")] * 3:
        coin = row("5", symbol=symbol, coinId="uatom", contractAddress=contract)
        found = one(answer(group(coin, usdc())), ACCOUNT, names)
        said.append(found.symbols[Asset("ethereum", "uatom")] == symbol)
    assert said == [True] * 12


def test_what_is_kept_of_last_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.sources.coinstats.names._MOST_ROWS", 25)
    names = RowNames()
    for number in range(7):
        account = ACCOUNT._replace(address=f"0x{number:040x}")
        said = one(answer(group(row(), usdc(), address=account.address)), account, names)
        assert said.amounts
    assert len(names.last) <= 2


def test_answers_that_threads_read_at_once_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    source = CoinStatsSettings.model_validate({"kind": "coinstats", "api_key": "k"}).build("coinstats", [])
    meeting, read = Barrier(2, timeout=0.1), RowNames.learn

    def learn(names: RowNames) -> None:
        with pytest.raises(BrokenBarrierError):
            meeting.wait()
        read(names)

    monkeypatch.setattr(RowNames, "learn", learn)
    with ThreadPoolExecutor(2) as threads:
        replies = [
            threads.submit(source._read, answer(group(row())).encode(), (ACCOUNT,), 40) for _ in range(2)
        ]
    assert [reply.result().failure for reply in replies] == ["", ""]
