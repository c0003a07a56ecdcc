"""Every verb as its own process: exit codes, JSON shapes, exact digits."""

from __future__ import annotations

import asyncio
import json
import re

from tests.endtoend.bench import BOND, DESK, EVM, Installation, stop
from tests.notify.webhooks import SCHEMA as WEBHOOK_SCHEMA

BALANCES = [
    "wallet", "source", "chain", "address", "asset", "symbol", "amount", "price_usd", "value_usd",
    "claimed", "as_of",
]  # fmt: skip
HISTORY = ["wallet", "source", "chain", "asset", "symbol", "before", "after", "after_at", "before_at"]
STATUS = ["state", "accounts", "credits", "alerts", "deliveries"]
ACCOUNT = ["wallet", "source", "chain", "address", "last_reading", "next_poll", "misses"]
CREDITS = ["limit", "spent", "remaining", "period_start", "period_end", "runs_out"]
ALERT = ["rule", "subject", "state", "severity", "since", "because"]
OUTBOX = ["id", "alert", "channel", "state", "attempts", "last_error", "created", "sent"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_the_looking_verbs_have_the_shapes_that_scripts_rely_on(there: Installation) -> None:
    world = there.sim.world
    assert (await there.verb("poll"))[0] == 0
    world.set_amount(EVM, "ethereum", "ETH", "0.25")
    assert (await there.verb("poll"))[0] == 0
    verbs = ("balances", "history", "status", "outbox", "polls")
    balances, history, status, outbox, polls = await asyncio.gather(*(there.json(verb) for verb in verbs))
    assert list(balances[0]) == BALANCES
    eth = next(row for row in balances if row["wallet"] == "hot" and row["chain"] == "ethereum")
    assert (eth["amount"], eth["symbol"]) == ("0.25", "ETH")
    assert (eth["price_usd"], eth["value_usd"]) == ("3000", "750")
    assert TIME.fullmatch(eth["as_of"])
    assert list(history[0])[:9] == HISTORY
    assert (history[0]["before"], history[0]["after"]) == ("1.25", "0.25")
    assert TIME.fullmatch(history[0]["after_at"])
    assert TIME.fullmatch(history[0]["before_at"])
    assert list(status)[:5] == STATUS
    assert list(status["accounts"][0])[:7] == ACCOUNT
    assert TIME.fullmatch(status["accounts"][0]["last_reading"])
    assert list(status["credits"]["coinstats"])[:6] == CREDITS
    assert status["credits"]["coinstats"]["spent"] == there.sim.coinstats.credits_used
    assert set(ALERT) <= set(status["alerts"][0])
    assert TIME.fullmatch(status["alerts"][0]["since"])
    assert status["deliveries"] == {"pending": 0, "sent": 2, "given_up": 0}
    assert status["state"] == "critical"
    assert list(outbox[0])[:8] == OUTBOX
    assert {row["state"] for row in outbox} == {"sent"}
    assert TIME.fullmatch(outbox[0]["sent"])
    assert sum(row["credits"] for row in polls) == there.sim.coinstats.credits_used


async def test_amounts_come_out_digit_for_digit(there: Installation) -> None:
    there.sim.world.set_sparks(DESK, BOND, "123456789012345678901234567891")
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "12345.678901234567")
    assert (await there.verb("poll"))[0] == 0
    amounts = {(row["wallet"], row["chain"]): row["amount"] for row in await there.json("balances")}
    assert amounts["desk", "teos"] == "123456789012345678901234567.891"
    assert amounts["hot", "ethereum"] == "12345.678901234567"


async def test_before_the_first_poll_the_looking_verbs_say_what_to_do(there: Installation) -> None:
    for verb, wanted in (("status", 3), ("balances", 1), ("history", 1)):
        code, out, err = await there.verb(verb)
        assert code == wanted
        assert out == ""
        assert "watcher run" in err
        assert "Traceback" not in err
    code, out, _ = await there.verb("status", "--json")
    assert (code, json.loads(out)["state"]) == (3, "unknown")


async def test_wrong_usage_exits_2_and_says_what_was_expected(there: Installation) -> None:
    wrong = (
        ("nonsense",),
        ("status", "--nonsense"),
        ("balances", "--wallet", "nobody"),
        ("history", "--since", "yesterday"),
        ("polls", "--limit", "0"),
        ("outbox", "--state", "lost"),
        ("poll", "--wallet", "nobody"),
        ("send-test", "nobody"),
        ("demo", "--duration", "1s"),
        ("init", "--pack", "nobody"),
        ("backup",),
    )
    results = []
    for four in (wrong[:4], wrong[4:8], wrong[8:]):
        results += await asyncio.gather(*(there.verb(*words) for words in four))
    for words, (code, out, err) in zip(wrong, results, strict=True):
        assert code == 2, (words, err)
        assert out == ""
        assert err
        assert "Traceback" not in err


async def test_init_writes_what_check_finds_sound_and_overwrites_nothing(there: Installation) -> None:
    code, out, _ = await there.verb("init", "new")
    assert code == 0
    assert "watcher.yaml" in out
    there.env["SLACK_URL"] = "json://127.0.0.1:1/x"
    code, _, err = await there.verb("init", "new")
    assert code == 1
    assert "there already" in err
    code, _, err = await there.verb("init", "watcher.yaml/below-a-file")
    assert code == 1
    assert "Traceback" not in err


async def test_check_finds_the_configuration_sound(there: Installation) -> None:
    code, out, _ = await there.verb("check")
    assert code == 0
    assert "sound" in out
    summary = await there.json("check")
    assert (summary["accounts"], summary["rules"], summary["channels"]) == (4, 5, 1)


async def test_send_test_reaches_the_channel_and_says_when_it_does_not(there: Installation) -> None:
    code, out, _ = await there.verb("send-test", "ops")
    assert (code, out) == (0, "ops: sent\n")
    assert len(there.hook.received) == 1
    there.env["HOOK_URL"] = "json://127.0.0.1:9/secret-path-xyz"
    code, out, err = await there.verb("send-test")
    assert code == 1
    assert "not sent" in err
    assert "secret-path-xyz" not in out + err
    (row,) = await there.json("send-test", "ops")
    assert (row["channel"], row["sent"]) == ("ops", False)
    assert row["error"] == "127.0.0.1:9: connection refused"
    assert "secret-path-xyz" not in row["error"]


async def test_a_delivery_that_failed_is_retried_or_dropped_by_hand(there: Installation) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
    sound = there.env["HOOK_URL"]
    there.env["HOOK_URL"] = "json://127.0.0.1:9/x"
    await there.verb("poll")
    (row,) = await there.json("outbox", "--state", "pending")
    assert row["attempts"] >= 1
    assert row["last_error"] == "127.0.0.1:9: connection refused"
    _, out, _ = await there.verb("status")
    assert "channel ops: 1 message not told since" in " ".join(out.split())
    assert "127.0.0.1:9: connection refused" in " ".join(out.split())
    there.env["HOOK_URL"] = sound
    async with there.daemon() as daemon:
        await there.first_readings()
        code, _, _ = await there.verb("outbox", "--retry", row["id"][:8])
        assert code in (0, 1)  # 1: the daemon was faster
        await there.hook.told("eth-low")
        await there.polled()
        await stop(there, daemon)
    assert len(there.hook.received) == 1
    code, _, err = await there.verb("outbox", "--drop", row["id"][:8])
    assert code == 1  # what was sent is meant by no id
    code, _, err = await there.verb("outbox", "--drop", "no-such-id")
    assert code == 1
    assert "no-such-id" in err


async def test_backup_beside_the_daemon_is_a_whole_copy_and_overwrites_nothing(there: Installation) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        code, out, err = await there.verb("backup", "copy.db")
        assert code == 0, err
        assert "verified" in out
        assert (await there.verb("backup", "copy.db"))[0] == 1
        wrote = await there.json("backup", "second.db")
        assert wrote == {
            "path": "second.db",
            "bytes": there.file("second.db").stat().st_size,
            "verified": True,
        }
        await stop(there, daemon)
    there.edit("watcher.yaml", "path: watcher.db", "path: copy.db")
    assert {row["amount"] for row in await there.json("balances")} == {"1.25", "2", "7", "25"}


async def test_schema_and_version_print_what_they_say(there: Installation) -> None:
    code, out, _ = await there.verb("schema")
    assert code == 0
    assert "$schema" in json.loads(out) or "properties" in json.loads(out)
    assert await there.json("schema") == json.loads(out)
    assert await there.json("schema", "--webhook") == WEBHOOK_SCHEMA
    assert (await there.json("version"))["watcher"] in (await there.verb("version"))[1]
