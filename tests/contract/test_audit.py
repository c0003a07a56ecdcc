"""What every store promises of the audit log: who did what, when and from where."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.given import ETH, HOT, NOW, after, alert, delivery, keep, known, message
from watcher.commands.alerts import acknowledge, add_silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry, AuditFilter
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace
from watcher.ports.store import Store

ADA = Actor("Ada", "page", after(minutes=1), "10.0.0.7")
BOB = Actor("Bob", "command line", after(minutes=2))


def log(store: Store, wanted: AuditFilter | None = None, limit: int = 100, skip: int = 0) -> list[AuditEntry]:
    with store.queries() as reader:
        return reader.audit(wanted or AuditFilter(), limit, skip)


async def test_each_command_stands_in_the_log_with_who_when_from_where_and_what(store: Store) -> None:
    gave_up = replace(delivery("d1"), state=DeliveryState.GIVEN_UP)
    moved = replace(delivery("d2"), message=replace(message("e1", Kind.EVENT), title="hot: −5 ETH"))
    held = known(HOT, ethereum="1")
    await keep(
        store,
        accounts=(held,),
        symbols={ETH: "ETH"},
        alerts=(alert("a1", account=None),),
        deliveries=(gave_up, moved),
    )

    acknowledge(store, ADA, ["a1"], "on it")
    made = add_silence(store, ADA, timedelta(hours=1), "works", rules=("gas-*",), wallets=("hot",))
    commands = store.commands(BOB)
    commands.expire_silences([made.id])
    commands.retry(["d1"])
    commands.drop(["d1"])
    commands.hide([(HOT, ETH)], "spam")
    commands.release([(HOT, ETH)])
    commands.note(AuditAction.POLL, ["hot"], "40 credits")

    found = log(store)[::-1]
    assert [(each.actor, each.action, each.targets) for each in found] == [
        (ADA, AuditAction.ACKNOWLEDGE, ("a1",)),
        (ADA, AuditAction.SILENCE, (made.id,)),
        (BOB, AuditAction.END_SILENCE, (made.id,)),
        (BOB, AuditAction.RETRY, ("d1",)),
        (BOB, AuditAction.DROP, ("d1",)),
        (BOB, AuditAction.HIDE, ("ethereum/ethereum",)),
        (BOB, AuditAction.RELEASE, ("ethereum/ethereum",)),
        (BOB, AuditAction.POLL, ("hot",)),
    ]
    details = [each.detail for each in found]
    assert details[0] == "hot: ETH on ethereum: on it"
    assert details[1].startswith("rule gas-*, wallet hot, until 2026-03-10 13:01")
    assert details[1].endswith(": works")
    assert details[2] == "rule gas-*, wallet hot, of Ada"
    assert details[3] == details[4] == f"{gave_up.message.title} to ops"
    assert details[5:] == [f"{HOT.address} on ethereum: spam", f"{HOT.address} on ethereum", "40 credits"]
    assert [each.id for each in found] == sorted({each.id for each in found})


async def test_what_changed_nothing_leaves_no_entry(store: Store) -> None:
    await keep(store, alerts=(alert("a1", account=None),))
    acknowledge(store, ADA, ["a1"])

    acknowledge(store, BOB, ["a1", "nobody"])
    commands = store.commands(BOB)
    assert (commands.expire_silences(["x"]), commands.retry(["x"]), commands.drop(["x"])) == ([], [], [])
    commands.release([])

    assert [each.actor for each in log(store)] == [ADA]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AuditFilter(), ["two", "one", "ÄPFEL"]),
        (AuditFilter(since=after(minutes=2)), ["two"]),
        (AuditFilter(action=AuditAction.TEST), ["one"]),
        (AuditFilter(name="Ada"), ["one", "ÄPFEL"]),
        (AuditFilter(text="äpf"), ["ÄPFEL"]),
        (AuditFilter(text="bob"), ["two"]),
        (AuditFilter(text="nobody"), []),
    ],
)
async def test_the_log_is_asked_by_time_action_person_and_text(
    store: Store, wanted: AuditFilter, expected: list[str]
) -> None:
    store.commands(ADA).note(AuditAction.POLL, ["hot"], "ÄPFEL")
    store.commands(ADA).note(AuditAction.TEST, ["ops"], "one")
    store.commands(BOB).note(AuditAction.POLL, ["hot"], "two")

    assert [each.detail for each in log(store, wanted)] == expected
    assert [each.detail for each in log(store, wanted, 1, 1)] == expected[1:2]
    with store.queries() as reader:
        assert reader.count_audit(wanted) == len(expected)


async def test_an_entry_is_as_old_as_what_it_tells_of_and_is_never_dropped(store: Store) -> None:
    store.commands(ADA).note(AuditAction.POLL, ["hot"])

    while await store.tidy(NOW + timedelta(days=4000)):
        pass

    assert [each.actor.at for each in log(store)] == [after(minutes=1)]
