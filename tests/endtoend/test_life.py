"""Acknowledging and silencing by the verbs, over the whole product."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.endtoend.bench import EVM, Installation, here, stop, text_of
from watcher.cli._actor import login
from watcher.domain.alerts.lifecycle import Subject, Terms, advance, blind
from watcher.domain.decision import Decision
from watcher.domain.evaluation.builtin_notices import FAILING_RULE
from watcher.domain.evaluation.rule_index import BUILT_IN
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, Asset, subject_key
from watcher.domain.values.verdict import met
from watcher.store.sqlite.store import SqliteStore

ALERT = ["id", "rule", "subject", "wallet", "state", "severity", "since", "because", "acknowledged_by"]


@pytest.fixture
def installed(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    return there


async def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert await here(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def low(there: Installation, amount: str = "0.4") -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)


async def test_an_alert_is_listed_acknowledged_and_resolved(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    assert await printed(capsys, "alerts") == []
    low(installed)
    await here("poll")
    (row,) = await printed(capsys, "alerts")
    assert list(row)[:9] == ALERT
    assert (row["rule"], row["wallet"], row["state"], row["acknowledged_by"]) == (
        "eth-low", "hot", "firing", None,
    )  # fmt: skip
    assert await here("ack", row["id"], "--by", "bob", "--comment", "topping up") == 0
    assert [each["acknowledged_by"] for each in await printed(capsys, "alerts", "list")] == ["bob"]
    assert [each["acknowledged_by"] for each in (await installed.json("status"))["alerts"]] == ["bob"]
    low(installed, "0.9")
    await here("poll")
    assert await printed(capsys, "alerts") == []
    assert [each["state"] for each in await printed(capsys, "alerts", "--all")] == ["resolved"]
    (whole,) = await printed(capsys, "alerts", "show", row["id"])
    assert [(each["kind"], each["state"]) for each in whole["deliveries"]] == [
        ("firing", "sent"), ("resolved", "sent"),
    ]  # fmt: skip
    assert "by bob" in text_of(installed.hook.about("eth-low")[-1])
    assert "topping up" in text_of(installed.hook.about("eth-low")[-1])
    assert await here("ack", row["id"]) == 1
    assert "is resolved" in capsys.readouterr().err
    assert await here("ack", "nobody") == 1
    assert await here("alerts", "show", "nobody") == 1


async def test_the_ids_that_messages_show_and_what_they_begin_with_name_an_alert(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    low(installed)
    await here("poll")
    (row,) = await printed(capsys, "alerts")
    (delivery,) = (each for each in await printed(capsys, "outbox") if each["alert"] == row["id"])
    told = text_of(installed.hook.about("eth-low")[-1])
    assert f"alert {row['id'][:8]}" in told
    assert delivery["id"][:8] in told

    for each in (row["id"][:8], delivery["id"], delivery["id"][:8]):
        assert [one["id"] for one in await printed(capsys, "alerts", "show", each)] == [row["id"]]
        assert [one["rule"] for one in await printed(capsys, "explain", each)] == ["eth-low"]
        assert row["id"] in [one["id"] for one in await printed(capsys, "ack", each, "--by", "bob")]
    events = await printed(capsys, "alerts", "--events")
    assert [each["acknowledged_by"] for each in events] == ["bob"], "of the same move"
    made = await printed(capsys, "silence", "add", "--alert", row["id"][:8], "--for", "1h", "--by", "bob")
    assert (made["rules"], made["wallets"]) == (["eth-low"], ["hot"])
    assert [each["state"] for each in await printed(capsys, "alerts")] == ["silenced"]


async def notified(there: Installation, rule: str, subject: Subject) -> None:
    """A built-in notice fires."""
    alert = advance(
        None, met("so"), Terms(rule, BUILT_IN, Severity.WARNING), subject, datetime.now(UTC)
    ).alert
    assert alert is not None
    store = await SqliteStore.open(there.file("watcher.db"), exclusive=False)
    await store.conclude([], lambda _past, _recall: Decision(at=datetime.now(UTC), alerts=(alert,)))
    await store.close()


async def test_the_id_of_a_notice_that_a_rule_is_blind_names_that_rule_and_those_of_others_say_why_not(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    hot = Account("coinstats", "ethereum", EVM)
    asset = Asset("ethereum", "ethereum")
    await notified(installed, blind("eth-low"), Subject(subject_key(hot, asset), "hot: ETH", "hot", hot))
    await notified(installed, FAILING_RULE, Subject("coinstats", "coinstats", "", None))
    rows = {each["rule"]: each["id"] for each in await printed(capsys, "alerts")}

    blindness, failing = rows[blind("eth-low")], rows[FAILING_RULE]
    assert [one["rule"] for one in await printed(capsys, "explain", blindness[:8])] == ["eth-low"]
    made = await printed(capsys, "silence", "add", "--alert", blindness, "--for", "1h", "--by", "bob")
    assert made["rules"] == [blind("eth-low")]
    for words in (("explain", failing), ("silence", "add", "--alert", failing, "--for", "1h")):
        assert await here(*words) == 2
        assert FAILING_RULE in "".join(capsys.readouterr().err.split())


async def test_what_is_silenced_is_listed_as_silenced_and_told_when_that_ends(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    made = await printed(
        capsys, "silence", "add", "--rule", "eth-*", "--for", "2h", "--by", "bob", "--comment", "works"
    )
    assert [each["id"] for each in await printed(capsys, "silence", "list")] == [made["id"]]
    low(installed)
    await here("poll")
    assert installed.hook.about("eth-low") == []
    (row,) = await printed(capsys, "alerts")
    assert (row["state"], row["held"].endswith("works")) == ("silenced", True)
    assert (await installed.json("status"))["state"] == "ok"
    assert await here("silence", "expire", made["id"][:6]) == 0
    assert await here("silence", "expire", made["id"]) == 1
    async with installed.daemon() as daemon:
        await installed.hook.told("eth-low", "Held back")
        await stop(installed, daemon)
    assert await printed(capsys, "silence", "list") == []
    assert [each["in_force"] for each in await printed(capsys, "silence", "list", "--all")] == [False]


@pytest.mark.parametrize(
    "words",
    [
        ("silence", "add", "--for", "2h"),
        ("silence", "add", "--rule", "eth-low"),
        ("silence", "add", "--rule", "eth-lo", "--for", "2h"),
        ("silence", "add", "--wallet", "nobody", "--for", "2h"),
        ("silence", "add", "--severity", "loud", "--for", "2h"),
        ("silence", "add", "--rule", "*", "--for", "soon"),
        ("silence", "add", "--rule", "*", "--for", "400d"),
        ("silence", "add", "--rule", "*", "--for", "2h", "--comment", "a\nb"),
        ("alerts", "show"),
        ("alerts", "list", "x"),
        ("alerts", "drop"),
        ("ack",),
    ],
)
async def test_wrong_usage_exits_2(
    installed: Installation, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here(*words) == 2
    shown = capsys.readouterr()
    assert (shown.out, "Traceback" in shown.err) == ("", False)


async def test_what_waits_for_the_end_of_quiet_hours_is_no_trouble(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    path = installed.file("watcher.yaml")
    start, end = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (-1, 2))
    quiet = f'{{url: "${{HOOK_URL}}", quiet: {{from: "{start}", to: "{end}", timezone: UTC}}}}'
    text = path.read_text()
    path.write_text(text.replace('{url: "${HOOK_URL}"}', quiet))
    assert path.read_text() != text
    rules = installed.file("rules.yaml")
    rules.write_text(rules.read_text().replace("severity: critical", "severity: info"))
    assert await here("poll") == 0
    low(installed)
    assert await here("poll") == 0
    with sqlite3.connect(installed.file("watcher.db")) as conn:
        conn.execute("UPDATE deliveries SET created = created - 3600000")
    conn.close()
    status = await printed(capsys, "status")
    assert (status["state"], status["deliveries"]["pending"] > 0) == ("ok", True)
    assert installed.hook.received == []


async def test_explain_says_why_a_rule_fired_or_did_not(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    (row,) = [
        each
        for each in await printed(capsys, "explain", "eth-low", "hot")
        if each["subject"] == "hot: ETH on ethereum"
    ]
    assert (row["answer"], row["because"], row["alert"]) == (
        "not met", "1.25 ETH is not below 0.5 ETH", None,
    )  # fmt: skip
    assert (row["reading"]["amount"], row["reading"]["price_usd"]) == ("1.25", "3000")
    assert 0 <= row["reading"]["age_seconds"] < 60
    assert row["channels"][0]["told"] == []
    await here("silence", "add", "--wallet", "hot", "--for", "2h", "--by", "bob", "--comment", "works")
    low(installed)
    await here("poll")
    (row,) = await printed(capsys, "explain", "eth-low", "hot: ETH on ethereum")
    assert (row["answer"], row["alert"]["state"]) == ("met", "silenced")
    assert row["suppressed_by"].endswith("works")
    capsys.readouterr()
    assert await here("explain", "eth-low", "hot: ETH on ethereum") == 0
    shown = capsys.readouterr().out
    assert "0.4 ETH is below 0.5 ETH" in shown
    assert "silenced by bob" in shown
    assert "channel ops: told nothing of it" in shown


async def test_explain_names_the_alert_that_is_over(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    low(installed)
    assert await here("poll") == 0
    (fired,) = await printed(capsys, "explain", "eth-low", "hot: ETH on ethereum")
    assert (fired["alert"]["state"], fired["last"]) == ("firing", None)
    low(installed, "2")
    assert await here("poll") == 0
    (row,) = await printed(capsys, "explain", "eth-low", "hot: ETH on ethereum")
    assert (row["alert"], row["last"]["id"]) == (None, fired["alert"]["id"])
    assert row["last"]["resolved_at"] is not None


async def test_explain_knows_an_alert_on_an_asset_that_has_another_name_by_now(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    low(installed)
    assert await here("poll") == 0
    conn = sqlite3.connect(installed.folder / "watcher.db", isolation_level=None)
    conn.execute("UPDATE assets SET symbol = 'ETH2' WHERE symbol = 'ETH'")
    conn.close()
    (alert,) = await printed(capsys, "alerts")
    (row,) = await printed(capsys, "explain", "eth-low", alert["subject"])
    assert (row["subject"], row["alert"]["id"]) == ("hot: ETH2 on ethereum", alert["id"])


async def test_explain_knows_an_alert_on_an_asset_that_is_not_held(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    token, rules = "0x" + "1" * 40, installed.file("rules.yaml")
    named = f'{{assets: ["{token}"], chains: [ethereum], wallets: [hot]}}'
    rules.write_text(f'{rules.read_text()}\n  - {{id: none, type: threshold, match: {named}, below: "1"}}\n')
    assert await here("poll") == 0
    with sqlite3.connect(installed.file("watcher.db")) as conn:
        conn.execute("UPDATE accounts SET last_reading = last_reading - 60000")
    conn.close()
    assert await here("poll") == 0
    (alert,) = await printed(capsys, "alerts")
    (row,) = await printed(capsys, "explain", "none", alert["subject"])
    assert (row["answer"], row["reading"]["amount"], row["alert"]["id"]) == ("met", "0", alert["id"])


async def test_every_rule_explains_every_subject_that_it_has(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    more = """
  - {id: silent, type: no_data, longer_than: 30m}
  - {id: sum, type: threshold, per: wallet, match: {wallets: [hot], assets: [ETH]}, below: "100"}
  - {id: tank, type: runway, match: {wallets: [hot]}, shorter_than: 5d, trailing: 72h}
  - {id: drift, type: change, within: 1h, since: notified, by: "10%"}
"""
    rules = installed.file("rules.yaml")
    rules.write_text(rules.read_text() + more)
    assert await here("poll") == 0
    low(installed, "1.1")
    assert await here("poll") == 0
    answers = {}
    for rule in ("moved", "silent", "sum", "tank", "drift", "eth-low"):
        rows = await printed(capsys, "explain", rule, "hot")
        assert rows
        assert all(row["because"] and row["condition"] for row in rows)
        answers[rule] = {row["answer"] for row in rows}
    assert answers["sum"] == {"met"}
    assert answers["silent"] == {"not met"}
    assert "met" in answers["drift"]
    drifted = await printed(capsys, "explain", "drift", "hot")
    assert any("what follows counts from 1.1 as of" in row["because"] for row in drifted)
    (eth,) = [row for row in drifted if row["subject"].startswith("hot: ETH on ethereum")]
    assert [(each["channel"], [told["kind"] for told in each["told"]]) for each in eth["channels"]] == [
        ("ops", ["event"])
    ]
    for words in (("nobody", "hot"), ("eth-low", "nobody"), ("eth-low",)):
        assert await here("explain", *words) == 2


async def test_a_change_that_was_told_is_listed_shown_explained_and_acknowledged_once(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    low(installed, "0.9")
    await here("poll")
    (event,) = await printed(capsys, "alerts", "--events")
    assert (event["state"], event["rule"], event["acknowledged_by"]) == ("event", "moved", None)
    (delivery,) = (each for each in await printed(capsys, "outbox") if each["alert"] == event["id"])

    (row,) = await printed(capsys, "ack", delivery["id"][:8], "--by", "bob", "--comment", "mine")

    assert (row["id"], row["acknowledged_by"]) == (event["id"], "bob")
    (whole,) = await printed(capsys, "alerts", "show", event["id"][:9])
    assert (whole["acknowledged_via"], whole["comment"]) == (f"command line, user {login()}", "mine")
    assert whole["deliveries"][0]["id"] == delivery["id"]
    assert [each["rule"] for each in await printed(capsys, "explain", event["id"])] == ["moved"]
    assert await here("ack", event["id"], "--by", "eve") == 0
    assert f"{event['id']}: already acknowledged by bob at" in capsys.readouterr().err
    assert [each["acknowledged_by"] for each in await printed(capsys, "alerts", "--events")] == ["bob"]
    made = await printed(capsys, "silence", "add", "--alert", event["id"], "--for", "1h", "--by", "bob")
    assert (made["rules"], made["wallets"]) == (["moved"], ["hot"])
