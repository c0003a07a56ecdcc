"""Whatever the other end of a hint source sends: nothing, or what is fit to be compared; never a crash."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz
from tests.fuzz.test_answers import anything, bodies, cuts, numbers, objects, texts, written
from watcher.domain.values.scripts import SCRIPT_CHAINS, script_hash, script_of
from watcher.hints.coinstats_portfolio.source import coins_in, coins_kept, differing
from watcher.hints.electrum.source import SUBSCRIBE, notified
from watcher.hints.json_rpc import object_in, refusal_in
from watcher.hints.solana.wire import AccountNotice, Accounts, TokenAccounts, read_as
from watcher.hints.statuses import Status
from watcher.ports.hints import HintSourceError

SCRIPT = "8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161"
calls = objects(id=st.one_of(numbers, texts), method=texts, params=anything, result=anything, error=anything)
statuses = st.one_of(st.none(), st.just(SCRIPT), st.just("\x1b" + SCRIPT[1:]), anything)
context = objects(slot=numbers)
accounts = objects(
    lamports=numbers, owner=texts, data=st.one_of(texts, st.lists(texts, max_size=2)), rentEpoch=numbers
)
answers = st.one_of(
    objects(context=context, value=st.lists(st.one_of(st.none(), accounts), max_size=3)),
    objects(context=context, value=st.lists(objects(pubkey=texts, account=accounts), max_size=3)),
    objects(subscription=numbers, result=objects(context=context, value=accounts)),
)
coins = objects(
    result=st.lists(
        objects(count=st.one_of(numbers, texts), coin=objects(identifier=texts, symbol=texts)), max_size=4
    )
)


@fuzz
@given(st.one_of(bodies, st.builds(written, calls, cuts)))
@example(b"[" * 100_000)
@example(b'{"id": 1e400}')
@example(b'{"error": {"code": true, "message": "\\u202e"}}')
def test_json_rpc(data: bytes) -> None:
    try:
        found = object_in(data, "node.example")
    except HintSourceError:
        return
    refusal = refusal_in(found.get("error"))
    assert refusal.words.isprintable()
    assert 0 < len(refusal.words) <= 160


@fuzz
@given(st.one_of(anything, st.lists(statuses, max_size=3), st.tuples(st.just(SCRIPT), statuses).map(list)))
def test_electrum_notifications(params: Any) -> None:
    found = notified(SUBSCRIBE, params)
    assert found is None or found[1] in {None, "", SCRIPT}


@fuzz
@given(answers)
def test_solana_answers(value: Any) -> None:
    decoded = json.loads(json.dumps(value))
    seen = [read_as(Accounts, decoded), read_as(TokenAccounts, decoded), read_as(AccountNotice, decoded)]
    for found in seen:
        if isinstance(found, Accounts):
            assert all(each is None or each.value().isalnum() or not each.value() for each in found.value)


@fuzz
@given(st.one_of(bodies, st.builds(written, coins, cuts)))
@example(b'{"result":[{"count":1e999999999,"coin":{"identifier":"a"}}]}')
@example(b'{"result":[{"count":sNaN,"coin":{"identifier":"a"}}]}')
@example(b'{"result":[{"count":"sNaN","coin":{"identifier":"a"}}]}')
@example(b'{"result":[{"count":"NaN123456789012345","coin":{"identifier":"a"}}]}')
def test_coinstats_portfolios(data: bytes) -> None:
    try:
        found = coins_in(data)
    except HintSourceError:
        return
    kept = coins_kept(json.dumps(found))
    assert kept is not None
    assert not differing(found, kept)


@fuzz
@given(st.one_of(texts, st.text(max_size=80)))
def test_kept_facts(text: str) -> None:
    status = Status.kept(text)
    assert status is None or Status.kept(status.fact()) == status
    coins_kept(text)


@fuzz
@given(st.text(max_size=100), st.sampled_from(SCRIPT_CHAINS))
@example("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin")
@example("bitcoincash:pwqwzrf7z06m7nn58tkdjyxqfewanlhyrpxysack85xvf3mt0rv02l9dxc5uf", "bitcoin_cash")
@example("p:gpf8m4h7", "bitcoin_cash")
def test_scripts(address: str, chain: str) -> None:
    script = script_of(address, chain)
    assert script is None or (4 <= len(script) <= 42 and len(script_hash(script)) == 64)
