"""Whatever an API answers: nothing false is told, and the operator reads what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.endtoend.bench import (
    BOND,
    COINSTATS_KEY,
    DESK,
    EVM,
    HOOK_TOKEN,
    TEOS_KEY,
    Installation,
    here,
    stop,
    text_of,
)
from watcher.sim.faults import COINSTATS, REFUSALS, TEOS, TRANSPORT

WHOLE = {
    "400": "400",
    "401": "unauthorized",
    "403": "forbidden",
    "406": "",
    "429": "",
    "429-credits": "",
    "500": "500",
    "503": "503",
    "html": "web page",
    "truncated": "",
    "cut-off": "broke off",
    "huge": "longer than",
    "endless": "stopped in the middle",
    "slow-headers": "did not answer",
    "reset": "",
    "redirect": "redirect",
    "gzip-bomb": "longer than",
    "not-json": "",
    "empty-body": "",
    "pascal-error": "",
    "not-a-list": "",
}
"""Faults that spoil an answer as a whole → words that the operator then reads."""

LEFT_OUT = {"coinstats": {"omit-chain", "omit-wallet", "empty-list"}, "teos": {"omit-pair", "empty-list"}}
PARTLY = {
    "coinstats": {"negative", "nan", "amount-null", "empty-balances", "amount-times"},
    "teos": {"negative", "nan", "fraction", "amount-null", "endless-pages", "foreign-next"},
}
TRUE_CHANGES = {"digits-17"}
UNSEEN = {"omit-pair", "endless-pages", "foreign-next"}
"""What leaves no trace here: TEOS omits zeros, and these answers have one page."""

HARMLESS = {
    where: names - LEFT_OUT[where] - PARTLY[where] - TRUE_CHANGES - {"not-a-list"}
    for where, names in (("coinstats", COINSTATS), ("teos", TEOS))
}


@pytest.fixture
def tried(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Many faults, so the verbs run in this process: over real HTTP, on a real store."""
    there.write(timeout="1s")
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    return there


async def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What a verb prints, as JSON; of a status its accounts."""
    capsys.readouterr()
    await here(*words, "--json")
    found = json.loads(capsys.readouterr().out)
    rows: list[dict[str, Any]] = found["accounts"] if isinstance(found, dict) else found
    return rows


def test_every_fault_of_the_simulation_is_tried_here() -> None:
    known = set(WHOLE) | TRUE_CHANGES
    for where in ("coinstats", "teos"):
        known |= LEFT_OUT[where] | PARTLY[where] | HARMLESS[where]
    # 404, 409, 414 and 502 differ from the refusals above in their number only.
    assert (REFUSALS | TRANSPORT | COINSTATS | TEOS) - known == {"404", "409", "414", "502"}


@pytest.mark.parametrize("where", ["coinstats", "teos"])
@pytest.mark.parametrize("fault", sorted(WHOLE))
async def test_a_spoilt_answer_tells_nothing_and_status_says_why(
    tried: Installation, capsys: pytest.CaptureFixture[str], fault: str, where: str
) -> None:
    assert await here("poll") == 0
    before = await shown(capsys, "balances")
    tried.sim.faults.add(fault, where)
    # One account of each source: 400 makes a source halve its request, with a pause after each refusal.
    code = await here("poll", "--wallet", "solo", "--wallet", "desk")
    printed = "".join(capsys.readouterr())
    assert code == 1
    assert tried.hook.received == []
    assert await shown(capsys, "history") == []
    asked = {"coinstats": "solo", "teos": "desk"}[where]
    (struck,) = [row for row in await shown(capsys, "status") if row["wallet"] == asked]
    assert struck["misses"] == 1
    assert struck["miss"]
    assert WHOLE[fault] in str(struck["miss"])
    amounts = [(row["wallet"], row["chain"], row["amount"]) for row in await shown(capsys, "balances")]
    assert amounts == [(row["wallet"], row["chain"], row["amount"]) for row in before]
    assert tried.sim.stranger.requests.total == 0
    for secret in (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN):
        assert secret not in printed + str(struck)


@pytest.mark.parametrize(
    ("where", "fault"),
    sorted((where, fault) for where in LEFT_OUT for fault in LEFT_OUT[where] | PARTLY[where]),
)
async def test_what_is_missing_or_unreadable_in_an_answer_is_never_zero(
    tried: Installation, capsys: pytest.CaptureFixture[str], where: str, fault: str
) -> None:
    assert await here("poll") == 0
    before = await shown(capsys, "balances")
    tried.sim.faults.add(fault, where)
    await here("poll")
    assert tried.hook.received == []
    assert await shown(capsys, "history") == []
    after = await shown(capsys, "balances")
    assert [row["amount"] for row in after] == [row["amount"] for row in before]
    if fault not in UNSEEN:
        rows = [row for row in await shown(capsys, "status") if row["source"] == where]
        assert [row for row in rows if row["miss"] or row["held"]]


@pytest.mark.parametrize(
    ("where", "fault"), sorted((where, fault) for where in HARMLESS for fault in HARMLESS[where])
)
async def test_an_odd_spelling_changes_nothing(
    tried: Installation, capsys: pytest.CaptureFixture[str], where: str, fault: str
) -> None:
    assert await here("poll") == 0
    tried.sim.faults.add(fault, where)
    await here("poll")
    await here("poll")
    assert tried.hook.received == []
    assert await shown(capsys, "history") == []


async def test_after_faults_of_all_sorts_the_daemon_tells_the_next_change(there: Installation) -> None:
    faults, world = there.sim.faults, there.sim.world
    async with there.daemon() as daemon:
        await there.first_readings()
        for cs, teos in (("reset", "500"), ("omit-wallet", "truncated")):
            faults.add(cs, "coinstats", times=1)
            faults.add(teos, "teos", times=1)
            await there.polled()
        assert there.hook.received == []
        world.set_amount(EVM, "ethereum", "ETH", "2.5")
        world.set_sparks(DESK, BOND, 30000)
        await there.hook.told("hot", "2.5")
        assert "30" in text_of(await there.hook.told("desk"))
        assert len(there.hook.received) == 2
        await stop(there, daemon)
