"""A webhook takes what is signed by whom it should be, once, and tells it in order; whatever else comes."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.fakes import START, FakeClock
from tests.hints.webhooks import (
    KEY,
    NONCE,
    OTHER_KEY,
    SOL,
    STRANGER,
    A,
    B,
    activity,
    alchemy,
    as_json,
    generic,
    hints,
    mac,
    post,
    quicknode,
    spent,
    webhook,
)
from watcher.domain.model import Account
from watcher.hints.webhook import inbox
from watcher.hints.webhook.source import EVERY, MISSED, Webhook
from watcher.ports.hints import Alive, Bookmark, Hint, HintGap, HintSourceError, Told, Where

ETHEREUM, SECOND = "ethereum", timedelta(seconds=1)


async def told(stream: AsyncIterator[Told], most: int = 100) -> list[Told]:
    """What is told without time passing."""
    found: list[Told] = []
    while len(found) < most:
        waiting = asyncio.ensure_future(anext(stream))
        for _ in range(20):
            await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            break
        found.append(await waiting)
    return found


async def places(hook: Webhook) -> list[Where]:
    return [each.where for each in await told(hook.listen()) if isinstance(each, Hint)]


def test_a_request_that_is_signed_is_taken_and_told_once() -> None:
    hook, body = webhook(), hints(A, chain=ETHEREUM)
    receipts = [post(hook, body, generic(body, START), START) for _ in range(2)]
    assert [(each.status, each.said) for each in receipts] == [
        (200, "1 hint taken"),
        (200, "this came before"),
    ]
    assert asyncio.run(places(hook)) == [Where(ETHEREUM, A)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-watcher-signature", "sha256=" + "0" * 64),
        ("x-watcher-signature", ""),
        ("x-watcher-signature", "sha256="),
        ("x-watcher-signature", "md5=abc"),
        ("x-watcher-signature", "sha256=\udcff\udcfe"),
        ("x-watcher-nonce", "another-nonce-1"),
        ("x-watcher-nonce", "short"),
        ("x-watcher-nonce", ""),
        ("x-watcher-nonce", "with.a.point.in.it"),
        ("x-watcher-timestamp", ""),
        ("x-watcher-timestamp", "now"),
        ("x-watcher-timestamp", "٣٣٣"),
        ("x-watcher-timestamp", "1e9"),
        ("x-watcher-timestamp", "9" * 400),
        ("x-watcher-timestamp", str(int(START.timestamp()) + 1)),
    ],
)
def test_a_changed_header_is_no_signature(name: str, value: str) -> None:
    hook, body = webhook(), hints(A)
    assert post(hook, body, generic(body, START) | {name: value}, START).status == 401
    assert asyncio.run(places(hook)) == []


def test_one_bit_of_the_body_that_is_another_is_not_signed() -> None:
    hook, body = webhook(), hints(A)
    for bit in range(0, 8 * len(body), 7):
        other = bytearray(body)
        other[bit // 8] ^= 1 << bit % 8
        assert post(hook, bytes(other), generic(body, START), START).status == 401


@pytest.mark.parametrize(
    ("seconds", "status"), [(-301, 401), (-300, 200), (0, 200), (300, 200), (301, 401), (86400, 401)]
)
@pytest.mark.parametrize("scheme", ["generic", "quicknode"])
def test_a_clock_may_be_five_minutes_ahead_or_behind_and_no_more(
    scheme: str, seconds: int, status: int
) -> None:
    hook, body, at = webhook(scheme), hints(A), START + timedelta(seconds=seconds)
    headers = generic(body, at) if scheme == "generic" else quicknode(body, at)
    assert post(hook, body, headers, START).status == status


def test_a_request_that_is_sent_again_after_five_minutes_is_too_old() -> None:
    hook, body = webhook(), hints(A)
    headers = generic(body, START)
    found = [post(hook, body, headers, START + timedelta(seconds=each)).status for each in (0, 299, 301)]
    assert found == [200, 200, 401]


def test_after_a_restart_a_request_of_the_last_five_minutes_is_one_more_hint_with_the_same_id() -> None:
    body = hints(A)
    headers, ids = generic(body, START), []
    for _ in range(2):
        hook = webhook()
        assert post(hook, body, headers, START).said == "1 hint taken"
        ids += [each.id for each in asyncio.run(told(hook.listen())) if isinstance(each, Hint)]
    assert ids[0] == ids[1]


def test_an_old_key_and_a_new_one_are_taken_side_by_side() -> None:
    hook = webhook("alchemy", key=[OTHER_KEY, KEY])
    for number, key in enumerate((KEY, OTHER_KEY)):
        body = activity(A, B, tx=f"0x{number}")
        assert post(hook, body, alchemy(body, key), START).status == 200
    assert post(hook, b"{}", alchemy(b"{}", "a-third-key-that-nobody-knows"), START).status == 401


def test_digits_that_move_from_the_nonce_to_the_timestamp_make_no_new_request() -> None:
    """QuickNode signs nonce and timestamp without anything between them."""
    hook, body, seconds = webhook("quicknode"), as_json([{"from": A}]), str(int(START.timestamp()))
    signature = mac(f"n0{seconds}".encode() + body)
    for nonce, timestamp in (("n0", seconds), ("n", f"0{seconds}")):
        headers = {"x-qn-nonce": nonce, "x-qn-timestamp": timestamp, "x-qn-signature": signature}
        assert post(hook, body, headers, START).status == 200
    assert len(asyncio.run(places(hook))) == 1


def test_without_a_signature_the_word_of_helius_is_what_proves_it() -> None:
    hook, body = webhook("helius"), as_json([{"feePayer": SOL}])
    found = [
        post(hook, body, {"Authorization": each}, START).status for each in ("", "Bearer", KEY + "x", KEY)
    ]
    assert found == [401, 401, 401, 200]
    assert asyncio.run(places(hook)) == [Where("solana", SOL)]


@pytest.mark.parametrize("signed_packed", [True, False])
@pytest.mark.parametrize("scheme", ["generic", "quicknode", "alchemy"])
def test_a_packed_body_is_signed_packed_or_unpacked(scheme: str, signed_packed: bool) -> None:
    hook, body = webhook(scheme), hints(A, B) if scheme == "generic" else activity(A, B)
    packed = gzip.compress(body)
    signed = packed if signed_packed else body
    headers = {
        "generic": generic(signed, START),
        "quicknode": quicknode(signed, START),
        "alchemy": alchemy(signed),
    }[scheme]
    assert post(hook, packed, headers | {"content-encoding": "gzip"}, START).said == "2 hints taken"


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip", "deflate"])
def test_what_cannot_be_unpacked_is_refused(encoding: str) -> None:
    hook = webhook()
    for body in (
        b"no gzip",
        gzip.compress(bytes(2**21)),
        gzip.compress(b"{}")[:-3],
        gzip.compress(b"{}") * 2,
    ):
        headers = generic(body, START) | {"content-encoding": encoding}
        assert post(hook, body, headers, START).status == 413


async def test_what_is_posted_while_nobody_listens_waits_once_for_each_place() -> None:
    hook = webhook()
    for number in range(50):
        body = hints(A, B, chain=ETHEREUM)
        post(hook, body, generic(body, START, f"{NONCE}-{number}"), START)
    assert await places(hook) == [Where(ETHEREUM, A), Where(ETHEREUM, B)]


async def test_when_too_many_wait_all_of_one_address_are_one_and_strangers_are_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "CROWD", 10)
    hook = webhook()
    post_all(hook, *(hints(STRANGER[:-4] + f"{number:04x}") for number in range(200)))
    post_all(hook, *(hints(A, B, chain=f"chain-{number}") for number in range(200)))
    found = await places(hook)
    assert len(found) == 12
    assert found[-2:] == [Where("", A), Where("", B)]


def post_all(hook: Webhook, *bodies: bytes) -> None:
    for body in bodies:
        post(hook, body, generic(body, START), START)


async def test_who_listens_is_told_at_once_and_of_a_bookmark_every_ten_seconds() -> None:
    clock = FakeClock()
    hook = webhook(clock=clock)
    stream = hook.listen()
    assert await told(stream, 2) == [Alive(), Bookmark({"until": START.isoformat()})]
    waiting = asyncio.ensure_future(anext(stream))
    await clock.settle()
    post_all(hook, hints(A))
    assert [await waiting, await anext(stream)] == [Alive(), Hint(Where("", A), f"{A}  {NONCE}")]
    waiting = asyncio.ensure_future(anext(stream))
    await clock.advance(EVERY)
    assert await waiting == Bookmark({"until": (START + timedelta(seconds=EVERY)).isoformat()})


@pytest.mark.parametrize(
    ("until", "first"),
    [
        ({}, Alive()),
        ({"until": "rubbish"}, Alive()),
        ({"until": "2026-03-10T11:59:30"}, Alive()),
        ({"until": (START - MISSED).isoformat()}, Alive()),
        (
            {"until": (START - MISSED - SECOND).isoformat()},
            HintGap(START - MISSED - SECOND, "nothing was here to be posted to"),
        ),
        (
            {"until": (START + SECOND).isoformat()},
            HintGap(START, "nothing was here to be posted to"),
        ),
    ],
)
async def test_after_a_while_in_which_nothing_ran_something_may_have_been_missed(
    until: dict[str, str], first: Told
) -> None:
    hook = webhook()
    hook.remember(until)
    assert (await told(hook.listen(), 1)) == [first]
    assert (await told(hook.listen(), 1)) == [Alive()]


async def test_a_used_up_quota_is_trouble_until_the_next_hint_and_then_a_gap() -> None:
    clock = FakeClock()
    hook = webhook("alchemy", clock=clock)
    stream = hook.listen()
    await told(stream, 2)
    assert post(hook, spent(), alchemy(spent()), START).status == 200
    with pytest.raises(HintSourceError, match="Monthly capacity limit exceeded") as caught:
        await anext(stream)
    assert caught.value.refused
    again = hook.listen()
    waiting = asyncio.ensure_future(anext(again))
    await clock.advance(20 * EVERY)
    assert not waiting.done()
    body = activity(A, B)
    post(hook, body, alchemy(body), clock.now())
    gap = await waiting
    assert isinstance(gap, HintGap)
    assert (gap.since, "Monthly capacity" in gap.why) == (START, True)
    assert [each for each in await told(again) if isinstance(each, Hint)] != []


def test_a_body_of_no_known_shape_is_taken_from_a_provider_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook = webhook("alchemy")
    for body in (b"", b"secret-text", b"1", b"[" * 100_000, b'"x"', b"\xff"):
        assert post(hook, body, alchemy(body), START).status == 200
    assert caplog.text.count("of no use") == 1
    assert "secret-text" not in caplog.text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "truncated"),
        (b"{}", "missing required field `hints`"),
        (b'{"hints": [{"address": 7}]}', r"\$.hints\[0\].address"),
        (b'{"hints": [{"address": ""}]}', "length >= 1"),
        (b'{"hints": [{"address": "0x1", "happened": "2026-01-01T00:00:00"}]}', "happened"),
        (b'{"hints": [{"address": "0x1", "happened": 12}]}', "happened"),
        (hints(A, happened="1999-12-31T23:59:59Z"), "a time that cannot be"),
        (hints(*[A] * 5_001), "more than 5,000 hints"),
        (b"[" * 50_000, "deep|Expected"),
    ],
)
def test_whoever_wrote_a_script_is_told_what_is_wrong_with_its_body(body: bytes, why: str) -> None:
    receipt = post(webhook(), body, generic(body, START), START)
    assert receipt.status == 400
    assert receipt.said.startswith("of no use: ")
    assert receipt.said.isprintable()
    assert re.search(why, receipt.said), receipt.said


async def test_an_address_is_known_in_each_of_its_spellings() -> None:
    cash = Account("s", "bitcoin-cash", "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a")
    hook = webhook(accounts=(Account("s", ETHEREUM, A), cash))
    post_all(hook, hints(A.upper().replace("0X", "0x"), cash.address.removeprefix("bitcoincash:")))
    assert await places(hook) == [Where("", A), Where("", cash.address)]
