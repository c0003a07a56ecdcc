"""Webhooks as Alertmanager sends them: whoever opens and closes by them closes what was opened, no more."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import jsonschema
import pytest

from tests.notify.given import HOSTILE, delivery
from tests.notify.test_webhook import MOVED, about
from tests.notify.webhooks import hook, machine
from watcher.domain.messages.delivery import Delivery, NotSent, Sent
from watcher.domain.messages.message import Kind, Particulars
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.ports.channel import PLAINLY, Presentation

WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
TEXT = {"type": "string"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
STATUS = {"enum": ["firing", "resolved"]}
ALERT = {
    "status": STATUS, "labels": WORDS, "annotations": WORDS, "startsAt": TIME, "endsAt": TIME,
    "generatorURL": TEXT, "fingerprint": TEXT,
}  # fmt: skip
BODY = {
    "version": {"const": "4"}, "groupKey": TEXT, "truncatedAlerts": {"type": "integer"}, "status": STATUS,
    "receiver": TEXT, "groupLabels": WORDS, "commonLabels": WORDS, "commonAnnotations": WORDS,
    "externalURL": TEXT,
    "alerts": {
        "type": "array", "minItems": 1,
        "items": {"properties": ALERT, "required": [*ALERT], "additionalProperties": False},
    },
}  # fmt: skip
"""From the documents of Alertmanager, `webhook_config`: names and types, none more and none less."""


async def posted(*sends: tuple[Delivery, ...], shown: Presentation = PLAINLY) -> list[dict[str, Any]]:
    async with machine(alertmanager=True) as here:
        channel = hook(here.url, shown, format="alertmanager")
        for deliveries in sends:
            assert await channel.send(deliveries) == Sent()
        await channel.close()
        assert here.wrong == []
        bodies = here.bodies()
    for body in bodies:
        jsonschema.validate(body, {"properties": BODY, "required": [*BODY], "additionalProperties": False})
        for alert in body["alerts"]:
            assert [
                name for name in alert["labels"] if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name)
            ] == []
            assert alert["labels"].items() >= body["commonLabels"].items() >= body["groupLabels"].items()
    return bodies


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


class OnCall:
    """A receiver that groups by `groupKey` and resolves by `status`, as Grafana OnCall's templates do."""

    def __init__(self, bodies: list[dict[str, Any]]) -> None:
        self.open: set[str] = set()
        for body in bodies:
            if body["status"] == "resolved":
                self.open.discard(body["groupKey"])
            else:
                self.open.add(body["groupKey"])


class Keep:
    """A receiver that knows alerts by their fingerprint."""

    def __init__(self, bodies: list[dict[str, Any]]) -> None:
        self.status = {each["fingerprint"]: each["status"] for body in bodies for each in body["alerts"]}


async def test_what_is_resolved_closes_what_it_opened_and_leaves_the_rest() -> None:
    fired = tuple(delivery(number, kind=Kind.FIRING, alert=f"a{number}") for number in (1, 2, 3))
    over = delivery(4, kind=Kind.RESOLVED, alert="a2"), delivery(5, kind=Kind.WITHDRAWN, alert="a3")
    bodies = await posted(fired, over)
    assert Keep(bodies).status == {"a1": "firing", "a2": "resolved", "a3": "resolved"}
    assert OnCall(bodies).open == {'{}:{alert="a1", alertname="hot-wallet-moved"}'}


async def test_what_changes_from_beginning_to_end_is_no_label() -> None:
    first = about(MOVED, Kind.FIRING)
    last = about(Particulars(), Kind.WITHDRAWN)  # its wallet is gone, and all that was known of it
    labels = [body["alerts"][0]["labels"] for body in await posted((first,), (last,))]
    assert labels[0] == labels[1]


async def test_two_changes_are_never_one_for_who_receives_them() -> None:
    bodies = await posted((delivery(1),), (delivery(2),), (delivery(3, kind=Kind.NOTICE, alert="alert-1"),))
    assert len({body["groupKey"] for body in bodies}) == 3 == len(Keep(bodies).status)
    assert len({tuple(body["alerts"][0]["labels"].items()) for body in bodies}) == 3


async def test_what_fired_and_resolved_before_it_could_be_told_is_resolved() -> None:
    (body,) = await posted(
        (delivery(1, kind=Kind.FIRING, alert="a"), delivery(2, kind=Kind.RESOLVED, alert="a"))
    )
    assert (body["status"], body["alerts"][0]["status"]) == ("resolved", "resolved")


@pytest.mark.parametrize("kind", Kind)
async def test_an_alert_ends_when_it_does_and_a_change_soon(kind: Kind) -> None:
    told = about(MOVED, kind)
    (body,) = await posted((told,))
    (alert,) = body["alerts"]
    ends = {Kind.RESOLVED: timedelta(0), Kind.WITHDRAWN: timedelta(0)}
    if kind.present:
        assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    else:
        assert at(alert["endsAt"]) == told.message.at + ends.get(kind, timedelta(minutes=5))
    began = MOVED.since if kind.present or kind.final else told.message.at
    assert at(alert["startsAt"]) == began


async def test_words_amounts_and_ways_on_are_annotations() -> None:
    ways = Ways("https://w.test/a", "https://w.test/k", {"Etherscan": "https://e.test"}, "https://r.test")
    (body,) = await posted((about(MOVED, Kind.FIRING),), shown=Presentation(ways=lambda _: ways))
    (alert,) = body["alerts"]
    notes = alert["annotations"]
    assert notes == body["commonAnnotations"]
    assert (notes["runbook_url"], notes["acknowledge_url"]) == ("https://r.test", "https://w.test/k")
    assert alert["generatorURL"] == body["externalURL"] == "https://w.test/a"
    assert (notes["amount_before"], notes["chain"], notes["tags"]) == (
        str(MOVED.before),
        "ethereum",
        "hot, gas",
    )
    assert notes["summary"]
    assert notes["description"]
    assert "" not in notes.values()


async def test_a_hostile_name_breaks_no_group() -> None:
    one = delivery(1, kind=Kind.FIRING)
    hostile = replace(one, message=replace(one.message, wallet=HOSTILE, subject='"} evil\n', rule='a"b'))
    (body,) = await posted((hostile,))
    assert body["groupKey"] == r'{}:{alert="alert-1", alertname="a\"b"}'
    assert "\n" not in body["commonLabels"]["subject"]


async def test_of_many_what_is_not_taken_is_told_and_all_is_posted_again() -> None:
    many = [delivery(number, kind=Kind.FIRING, alert=f"a{number}") for number in range(20)]
    async with machine(
        alertmanager=True, script=[(200, {}, "")] * 9 + [(503, {"Retry-After": "7"}, "")]
    ) as here:
        channel = hook(here.url, format="alertmanager")
        result = await channel.send(many)
        assert isinstance(result, NotSent)
        assert result.retry_after == 7
        assert len(here.posts) < 20, "who is in trouble is left alone"
        assert await channel.send(many) == Sent()
        await channel.close()
        assert here.taken.keys() == {each.id for each in many}
        assert here.wrong == []
