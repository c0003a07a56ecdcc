"""The structured webhook: what is posted, who can tell that it is genuine, and what becomes of a refusal."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from tests.certificates import Authority
from tests.notify.given import HOSTILE, START, HandClock, Scripted, delivering, delivery, receiver
from tests.notify.test_bad_days import fired, made, resolved
from tests.notify.test_proxies import service
from tests.notify.webhooks import SCHEMA, SECRET, TOKEN, Machine, hook, machine, paper
from tests.proxy import proxying
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Particulars, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.notify.webhook.channel import WebhookChannel
from watcher.notify.webhook.message import MOST, message_schema
from watcher.ports.channel import PLAINLY, Channel, Presentation
from watcher.service.delivery import Deliverer
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

DIGITS = "123456789012345678901234567890.000000000000000001"
MOVED = Particulars(
    "coins", "ethereum", "0xab", "0xcd", "USDC", ("hot", "gas"), Decimal(DIGITS), Decimal("1E+3"), Decimal(2),
    Decimal("1.0001"), since=START - timedelta(minutes=5), until=START, because="it moved",
)  # fmt: skip


@pytest.fixture
async def here() -> AsyncIterator[Machine]:
    async with machine() as here:
        yield here
        assert here.wrong == []


def about(particulars: Particulars, kind: Kind = Kind.EVENT) -> Delivery:
    plain = delivery(1, kind=kind)
    return replace(plain, message=replace(plain.message, particulars=particulars))


async def told(here: Machine, *deliveries: Delivery, shown: Presentation = PLAINLY) -> list[dict[str, Any]]:
    channel = hook(here.url, shown)
    assert await channel.send(deliveries) == Sent()
    await channel.close()
    return [alert for body in here.bodies() for alert in body["alerts"]]


async def answered(url: str, **words: Any) -> SendResult:
    channel = hook(url, **words)
    result = await channel.send([delivery(1)])
    await channel.close()
    return result


# What is posted


def test_the_published_schema_is_that_of_what_is_posted() -> None:
    assert message_schema() == SCHEMA, "watcher schema --webhook > docs/reference/webhook-message.schema.json"


def test_the_body_that_the_paper_shows_is_one() -> None:
    (shown,) = re.findall(r"(?ms)^```json\n(.*?)^```", paper())
    jsonschema.validate(json.loads(shown), SCHEMA)
    assert json.loads(shown)["alerts"][0].keys() == SCHEMA["$defs"]["WebhookAlert"]["properties"].keys()


async def test_numbers_are_posted_as_text_with_every_digit(here: Machine) -> None:
    (alert,) = await told(here, about(MOVED))
    assert {key: each for key, each in alert.items() if key.startswith(("amount", "price", "value"))} == {
        "amount_before": DIGITS,
        "amount_after": "1000",
        "price_before_usd": "2",
        "price_after_usd": "1.0001",
        "value_before_usd": "246913578024691357802469135780.000000000000000002",
        "value_after_usd": "1000.1",
    }


async def test_what_is_not_known_is_null_and_never_zero(here: Machine) -> None:
    (alert,) = await told(here, about(Particulars(after=Decimal(0)), Kind.FIRING))
    assert alert["amount_after"] == "0"
    unknown = ("amount_before", "price_after_usd", "value_after_usd", "chain", "symbol", "since", "because")
    assert [alert[name] for name in unknown] == [None] * 7


async def test_who_computes_gets_places_and_times_in_fields_of_their_own(here: Machine) -> None:
    (alert,) = await told(here, moved := about(MOVED))
    assert datetime.fromisoformat(alert["at"]) == moved.message.at
    names = ("source", "chain", "address", "asset", "symbol", "tags", "because", "since", "until")
    assert [alert[name] for name in names] == [
        "coins", "ethereum", "0xab", "0xcd", "USDC", ["hot", "gas"], "it moved",
        "2026-03-01T11:55:00Z", "2026-03-01T12:00:00Z",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
async def test_what_ends_has_an_id_to_acknowledge_and_a_state_until_then(here: Machine, kind: Kind) -> None:
    (alert,) = await told(here, delivery(1, kind=kind))
    ends = {Kind.FIRING: "firing", Kind.REPEAT: "firing", Kind.ESCALATION: "firing"}
    ends |= {Kind.RESOLVED: "resolved", Kind.WITHDRAWN: "resolved"}
    assert (alert["kind"], alert["state"]) == (kind.value, ends.get(kind, kind.value))
    assert alert["alert_id"] == ("alert-1" if kind in ends else None)
    assert alert["dedup_key"] == "alert-1"


async def test_the_ways_on_stand_in_the_body(here: Machine) -> None:
    ways = Ways("https://w.test/a", "https://w.test/k", {"Etherscan": "https://e.test"}, "https://r.test")
    (alert,) = await told(here, delivery(1), shown=Presentation(ways=lambda _: ways))
    assert alert["links"] == {
        "page": "https://w.test/a",
        "acknowledge": "https://w.test/k",
        "explorers": {"Etherscan": "https://e.test"},
        "runbook": "https://r.test",
    }


async def test_urgency_is_as_the_channel_has_it(here: Machine) -> None:
    channel = hook(here.url, priority={"warning": "high"})
    await channel.send([delivery(1, severity=severity) for severity in Severity])
    await channel.close()
    assert [each["urgency"] for each in here.bodies()[0]["alerts"]] == ["silent", "high", "emergency"]


async def test_a_hostile_name_is_one_line_without_commands(here: Machine) -> None:
    alerts = await told(here, about(replace(MOVED, symbol=HOSTILE)), delivery(2, title=HOSTILE))
    for text in (alerts[0]["symbol"], alerts[1]["title"]):
        assert "EVIL" in text
        assert not {"\x1b", "\u202e", "\n"} & set(text)


async def test_nothing_is_left_out_of_many_and_no_body_is_huge(here: Machine) -> None:
    many = [delivery(number) for number in range(2 * MOST + 50)]
    alerts = await told(here, *many)
    assert [each["delivery_id"] for each in alerts] == [each.id for each in many]
    assert [len(body["alerts"]) for body in here.bodies()] == [MOST, MOST, 50]
    assert max(len(body) for _, body in here.posts) < 500_000


# Who sent it


async def test_another_secret_or_another_body_is_seen(here: Machine) -> None:
    namespace: dict[str, Any] = {}
    (shown,) = re.findall(r"(?ms)^```python\n(.*?)^```", paper())
    exec(shown, namespace)  # noqa: S102
    genuine: Callable[..., bool] = namespace["is_genuine"]
    await told(here, delivery(1))
    headers, body = here.posts[0]
    early = {**headers, "Watcher-Timestamp": str(int(headers["Watcher-Timestamp"]) - 1)}
    assert genuine(SECRET, headers, body)
    assert not genuine("another-secret-0123456789", headers, body)
    assert not genuine(SECRET, headers, body.replace(b"warning", b"info"))
    assert not genuine(SECRET, early, body)
    assert not genuine(SECRET, {**headers, "Watcher-Signature": "v1=é"}, body)


async def test_without_a_secret_nothing_is_signed() -> None:
    async with receiver() as open_one:
        channel = hook(f"http://127.0.0.1:{open_one.port}/x", secret=None)
        assert await channel.send([delivery(1)]) == Sent()
        await channel.close()
    assert open_one.payloads[0]["alerts"][0]["delivery_id"] == "dlv-0001"


# What becomes of a refusal


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        *((status, Fault.CHANNEL) for status in (401, 403, 404, 410)),
        *((status, Fault.PASSING) for status in (408, 429, 500, 502, 503)),
        (413, Fault.MESSAGE),
        *((status, Fault.UNCLEAR) for status in (400, 409, 422)),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(here: Machine, status: int, fault: Fault) -> None:
    here.script = [(status, {}, f"no {TOKEN}\nhere: quota")]
    result = await answered(here.url)
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (fault, False)
    assert f"127.0.0.1:{here.port}: " in result.detail
    assert f"HTTP {status}" in result.detail
    assert "here: quota" in result.detail
    assert TOKEN not in result.detail
    assert "\n" not in result.detail
    assert len(here.posts) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(here: Machine, status: int) -> None:
    here.script = [(status, {"Location": "/elsewhere"}, "")]
    result = await answered(here.url)
    assert isinstance(result, NotSent)
    assert (result.fault, f"HTTP {status}" in result.detail) == (Fault.CHANNEL, True)
    assert len(here.posts) == 1


@pytest.mark.parametrize(("status", "wait"), [(429, "120"), (503, "120")])
async def test_who_asks_to_wait_is_given_the_time(here: Machine, status: int, wait: str) -> None:
    here.script = [(status, {"Retry-After": wait}, "")]
    result = await answered(here.url)
    assert isinstance(result, NotSent)
    assert result.retry_after == 120


async def test_who_says_that_it_is_not_ok_has_not_taken_it(here: Machine) -> None:
    here.script = [(200, {}, '{"ok": false, "error": "the queue is full"}')]
    result = await answered(here.url)
    assert isinstance(result, NotSent)
    assert "the queue is full" in result.detail


async def test_a_password_in_the_address_goes_to_the_receiver_and_into_no_words(here: Machine) -> None:
    here.script = [(503, {}, "pa55word of user1 is known"), (204, {}, "")]
    url = here.url.replace("://", "://user1:pa55word@")
    result = await answered(url)
    assert isinstance(result, NotSent)
    assert "*** of *** is known" in result.detail
    assert result.detail.startswith(f"127.0.0.1:{here.port}: ")
    assert await answered(url) == Sent()
    assert {head["Authorization"] for head, _ in here.posts} == {
        f"Basic {b64encode(b'user1:pa55word').decode()}"
    }


async def test_no_answer_in_time_may_have_arrived_and_is_said_without_the_address(here: Machine) -> None:
    async with receiver(gate=asyncio.Event()) as slow:
        result = await answered(f"http://127.0.0.1:{slow.port}/{TOKEN}", timeout=timedelta(seconds=0.2))
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (Fault.PASSING, True)
    assert TOKEN not in result.detail


async def test_a_port_without_a_receiver_took_nothing() -> None:
    async with machine() as gone:
        url = gone.url
    result = await answered(url)
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (Fault.CHANNEL, False)
    assert "connection refused" in result.detail
    assert TOKEN not in result.detail
    assert not {SECRET, TOKEN} & set(re.findall(r"[\w-]+", repr(hook(url).__dict__)))


async def test_it_goes_through_its_proxy_in_a_tunnel_and_trusts_no_stranger(tmp_path: Path) -> None:
    async with service(Authority(tmp_path)) as (host, heard), proxying() as proxy:
        result = await answered(f"https://{host}/{TOKEN}", proxy=proxy.url)
    assert isinstance(result, NotSent)
    assert (result.fault, result.maybe_sent) == (Fault.CHANNEL, False)
    assert "the issuer of its certificate is not trusted" in result.detail
    assert proxy.heads[0].startswith(f"CONNECT {host} ")
    assert TOKEN.encode() not in proxy.read
    assert heard == []


# Through the deliverer, out of a real store


class Days:
    """A deliverer over a store on disk, its clock by hand, and one webhook."""

    def __init__(self, store: SqliteStore, path: Path, clock: HandClock, deliverer: Deliverer) -> None:
        self.store, self.path, self.clock, self.deliverer = store, path, clock, deliverer

    async def owes(self, *deliveries: Delivery) -> None:
        owed = Decision(at=self.clock.now(), deliveries=deliveries)
        await self.store.conclude([], lambda _past, _recall: owed)
        self.deliverer.wake()
        assert await self.deliverer.drain(within=20)

    async def passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        assert await self.deliverer.drain(within=20)

    def states(self) -> dict[str, tuple[str, int]]:
        with SqliteQueries(self.path) as reader:
            return {each.id: (str(each.state), each.attempts) for each in reader.deliveries(None, 1000)}


@asynccontextmanager
async def days(folder: Path, channel: WebhookChannel, *others: Channel, **words: Any) -> AsyncIterator[Days]:
    path, clock = folder / "watcher.db", HandClock()
    store = await SqliteStore.open(path, exclusive=True)
    async with delivering(store, clock, channel, *others, **words) as deliverer:
        yield Days(store, path, clock, deliverer)
    await channel.close()
    await store.close()


async def test_three_attempts_are_one_delivery_by_its_ids(here: Machine, tmp_path: Path) -> None:
    here.script = [(503, {}, "not now"), (503, {}, "not now")]
    async with days(tmp_path, hook(here.url)) as day:
        await day.owes(fired(1, "a"))
        await day.passes(60)
        await day.passes(60)
        assert day.states() == {"dlv-0001": ("sent", 3)}
    headers = [headers["Watcher-Delivery"] for headers, _ in here.posts]
    alerts = [body["alerts"][0] for body in here.bodies()]
    assert headers == ["dlv-0001"] * 3
    assert [each["delivery_id"] for each in alerts] == ["dlv-0001"] * 3
    assert alerts[0] == alerts[1] == alerts[2]
    assert list(here.taken) == ["dlv-0001"]


async def test_an_answer_that_was_lost_is_a_repeat_that_its_id_tells(here: Machine, tmp_path: Path) -> None:
    here.vanish = 1
    async with days(tmp_path, hook(here.url)) as day:
        await day.owes(fired(1, "a"))
        await day.passes(60)
        assert day.states() == {"dlv-0001": ("sent", 2)}
    assert (len(here.taken), here.repeats) == (1, 1)


async def test_a_receiver_that_dies_meanwhile_gets_all_in_order_once_it_is_back(tmp_path: Path) -> None:
    async with machine() as here:
        url, port = here.url, here.port
    async with days(tmp_path, hook(url)) as day:
        async with machine(port=port) as first:
            await day.owes(fired(1, "a"))
        await day.owes(fired(2, "b"), fired(3, "c"))
        await day.owes(resolved(4, "a"), resolved(5, "b"))
        assert {state for state, _ in day.states().values()} == {"sent", "pending"}
        async with machine(port=port) as back:
            for _ in range(3):
                await day.passes(60)
            assert {state for state, _ in day.states().values()} == {"sent"}
        assert list(first.taken) == ["dlv-0001"]
        later = list(back.taken)
        assert sorted(later) == ["dlv-0002", "dlv-0003", "dlv-0004", "dlv-0005"]
        assert later.index("dlv-0002") < later.index("dlv-0005"), "no end before its beginning"
        assert (first.wrong, back.wrong, back.repeats) == ([], [], 0)


async def test_what_a_machine_does_not_take_its_fallback_is_told_once(tmp_path: Path) -> None:
    second = Scripted("second")
    async with machine() as here:
        here.script = [(404, {}, "no such hook")] * 100
        async with days(tmp_path, hook(here.url), second, fallbacks={"ops": "second"}) as day:
            await day.owes(fired(1, "a"))
            for _ in range(20):
                await day.passes(60)
            assert [len(each) for each in second.sent] == [1]
            here.script = []
            await day.passes(900)
        assert list(here.taken) == ["dlv-0001"], "it is tried on"


async def test_in_quiet_hours_a_machine_is_told_what_is_critical_and_the_rest_after_them(
    tmp_path: Path,
) -> None:
    quiet = QuietPeriod(time(11), time(14), ZoneInfo("UTC"), frozenset(range(7)))
    critical = made(1, "a", Kind.FIRING, "gone", 0)
    critical = replace(critical, message=replace(critical.message, severity=Severity.CRITICAL))
    async with machine() as here, days(tmp_path, hook(here.url), quiet={"ops": quiet}) as day:
        await day.owes(critical, fired(2, "b"), fired(3, "c"))
        assert list(here.taken) == ["dlv-0001"]
        await day.passes(2 * 3600)
        assert list(here.taken) == ["dlv-0001", "dlv-0002", "dlv-0003"]
        assert len(here.posts) == 2, "what was kept is one notification"
        assert here.wrong == []


async def test_one_message_that_is_never_taken_holds_up_no_other(tmp_path: Path) -> None:
    async with machine() as here, days(tmp_path, hook(here.url)) as day:
        here.refuses = "poison"
        await day.owes(fired(1, "a"), fired(2, "b", title="poison"), fired(3, "c"))
        for _ in range(20):
            await day.passes(900)
        states = {name: state for name, (state, _) in day.states().items()}
    assert states.pop("dlv-0002") in ("given_up", "pending")
    assert set(states.values()) == {"sent"}
    assert "dlv-0002" not in here.taken
