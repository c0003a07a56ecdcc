"""Hints from looks at TEOS, against the simulated API: what moved is told once, also over a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from pydantic import ValidationError

from tests.fakes import FakeClock
from watcher.domain.credits.allowance import Allowance, Window
from watcher.domain.model import Account
from watcher.hints.kind import HintContext
from watcher.hints.teos_poll.looks import MOST_PAGES
from watcher.hints.teos_poll.settings import TeosPollHints
from watcher.hints.teos_poll.source import TeosLooks
from watcher.ports.hints import Alive, Bookmark, Hint, HintCallRejectedError, HintGap, HintSourceError, Told
from watcher.ports.source import RawCall, Source
from watcher.sim.server import Simulation
from watcher.sources.teos.settings import TeosSettings

HOT = "0xe0450ce1e2ef73b15514ae6a003b90d0ebac8835"
COLD = "0x5f49ab3db8206fd430af21cffd9399721da55710"
STRANGER = "0x66d3a43207b1ea65d052a03b76665dad93cf2d44"
ASSET = "0x07649376d2ad894314e190001"
WINDOWS = Allowance(None, (Window(300, 60), Window(30_000, 86_400)))


class SimApi:
    """Access to the simulated TEOS by the source itself, without the ledger."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.calls: list[RawCall] = []

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        assert (method, cost) == ("GET", 0)
        self.calls.append(RawCall(method, path, tuple(query)))
        answer = await self._source.ask(self.calls[-1])
        if answer.rejected:
            raise HintCallRejectedError(answer.failure)
        if answer.failure:
            raise HintSourceError(answer.failure, refused=answer.refused)
        return answer.body


class Looking:
    """A source that looks at the simulation, and the time that passes between two looks."""

    def __init__(self, sim: Simulation, api: SimApi) -> None:
        self.sim, self.api = sim, api
        self.clock = FakeClock(sim.world.clock.now())

    def source(self, *addresses: str, **settings: object) -> TeosLooks:
        given = {"kind": "teos-poll", "source": "teos", **settings}
        accounts = [Account("teos", "teos", address) for address in addresses or (HOT, COLD)]
        kind = TeosPollHints.model_validate(given)
        return kind.build(HintContext("looks", accounts, self.clock, self.api))

    async def passes(self, seconds: float = 15) -> None:
        self.sim.world.clock.advance(seconds)
        await self.clock.advance(seconds)

    def moves(self, number: int = 1, sender: str = STRANGER, receiver: str = HOT) -> None:
        for _ in range(number):
            self.sim.world.transfer(sender, receiver, ASSET, 5)

    async def look(self, source: TeosLooks) -> list[Told]:
        """What one look tells. It looks the next time when it is asked for more, and is not."""
        async with aclosing(source.listen()) as told:  # type: ignore[type-var]
            found = [await anext(told)]
            self.clock.sleep = _asleep  # type: ignore[method-assign, assignment]
            with suppress(_AsleepError):
                while True:
                    found.append(await anext(told))
        return found


class _AsleepError(Exception):
    pass


async def _asleep(_seconds: float) -> None:
    raise _AsleepError


@pytest.fixture
async def looking() -> AsyncIterator[Looking]:
    async with Simulation() as sim:
        sim.world.clock.freeze()
        sim.world.define_asset(ASSET)
        given = {"kind": "teos", "api_key": sim.teos.key, "base_url": sim.teos.url}
        source = TeosSettings.model_validate(given).build("teos", [])
        yield Looking(sim, SimApi(source))
        await source.close()


def told(found: Sequence[Told]) -> list[str]:
    """Where the hints are about."""
    return [each.where.address for each in found if isinstance(each, Hint)]


def kept(found: Sequence[Told]) -> Bookmark:
    (bookmark,) = (each for each in found if isinstance(each, Bookmark))
    return bookmark


@pytest.fixture(params=["operations", "transactions"])
def by(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_the_first_look_tells_nothing_and_the_next_what_moved_since(looking: Looking, by: str) -> None:
    looking.moves(3)
    source = looking.source(by=by)
    first = await looking.look(source)
    assert first[0] == Alive()
    assert told(first) == []
    await looking.passes()
    looking.moves()
    await looking.passes(1)
    looking.moves(sender=COLD, receiver=STRANGER)
    assert told(await looking.look(source)) == [HOT, COLD]
    assert await looking.look(source) == [Alive()], "nothing moved since, and there is nothing to keep"


async def test_the_first_move_of_all_is_told(looking: Looking, by: str) -> None:
    source = looking.source(by=by)
    await looking.look(source)
    await looking.passes()
    looking.moves()
    assert told(await looking.look(source)) == [HOT]


async def test_both_sides_of_a_transfer_are_told_under_its_transaction(looking: Looking) -> None:
    source = looking.source()
    await looking.look(source)
    looking.moves(sender=HOT, receiver=COLD)
    hints = [each for each in await looking.look(source) if isinstance(each, Hint)]
    assert [each.where.address for each in hints] == [HOT, COLD]
    assert {each.where.chain for each in hints} == {"teos"}
    assert [each.id.partition(":")[0] for each in hints] == [f"0x{1:064x}"] * 2
    assert len({each.id for each in hints}) == 2


async def test_what_strangers_do_is_told_to_nobody(looking: Looking, by: str) -> None:
    source = looking.source(by=by)
    await looking.look(source)
    looking.moves(sender=STRANGER, receiver=STRANGER)
    assert told(await looking.look(source)) == []


async def test_what_moves_while_nobody_looks_is_told_after_a_restart_and_nothing_twice(
    looking: Looking, by: str
) -> None:
    source = looking.source(by=by)
    await looking.look(source)
    looking.moves()
    bookmark = kept(await looking.look(source))
    await looking.passes(3600)
    looking.moves(30, receiver=COLD)
    again = looking.source(by=by)
    again.remember(bookmark.facts)
    found = await looking.look(again)
    assert found[0] == Alive()
    assert told(found) == [COLD] * 30
    assert len({each.id for each in found if isinstance(each, Hint)}) == 30


async def test_more_than_a_look_can_read_is_a_gap(looking: Looking, by: str) -> None:
    source = looking.source(by=by)
    await looking.look(source)
    for _ in range(500):
        await looking.passes(1)
        looking.moves()
    found = await looking.look(source)
    assert isinstance(found[0], HintGap)
    assert len(told(found)) >= MOST_PAGES * 25
    assert len(looking.api.calls) <= MOST_PAGES + 1


async def test_a_hint_that_nobody_took_is_told_again(looking: Looking, by: str) -> None:
    source = looking.source(by=by)
    await looking.look(source)
    looking.moves()
    async with aclosing(source.listen()) as broken:  # type: ignore[type-var]
        while not isinstance(await anext(broken), Hint):
            pass
    assert told(await looking.look(source)) == [HOT]


async def test_what_is_listed_late_is_told_all_the_same(looking: Looking) -> None:
    source = looking.source()
    await looking.look(source)
    looking.moves()
    await looking.look(source)
    late = looking.sim.world.operations[-1]._replace(
        at=looking.sim.world.clock.seconds() - 300, transaction="0xa"
    )
    looking.sim.world.operations.append(late)
    assert told(await looking.look(source)) == [HOT]


async def test_a_time_that_cannot_be_hides_nothing_that_comes(looking: Looking) -> None:
    source = looking.source()
    await looking.look(source)
    looking.moves()
    operations = looking.sim.world.operations
    operations[-1] = operations[-1]._replace(at=4e9)
    assert told(await looking.look(source)) == [HOT]
    looking.moves(receiver=COLD)
    assert told(await looking.look(source)) == [COLD]


async def test_a_quiet_look_is_one_call_a_chunk(looking: Looking, by: str) -> None:
    many = [f"0x{number:040x}" for number in range(1, 400)]
    source = looking.source(HOT, *many, by=by)
    looking.moves()
    await looking.look(source)
    calls = len(looking.api.calls)
    assert calls == (1 if by == "transactions" else 4)
    assert all(len(each.path) + len(each.query) <= 6000 for each in looking.sim.teos.requests)
    await looking.look(source)
    assert len(looking.api.calls) == calls * 2


@pytest.mark.parametrize("form", ["call", "query"])
@pytest.mark.parametrize("wrapped", [True, False])
async def test_either_form_that_teos_documents_is_spoken(looking: Looking, form: str, wrapped: bool) -> None:
    looking.sim.teos.search_form, looking.sim.teos.wrapped = form, wrapped
    source = looking.source()
    await looking.look(source)
    looking.moves(40)
    assert told(await looking.look(source)) == [HOT] * 40
    assert all(("(" in each.path) == (form == "call") for each in looking.api.calls[1:])


async def test_oldest_first_shows_nothing_new_and_is_for_people(looking: Looking) -> None:
    looking.sim.teos.newest_first = False
    looking.moves()
    await looking.passes()
    looking.moves()
    with pytest.raises(HintSourceError, match="use 'by: transactions'") as caught:
        await looking.look(looking.source())
    assert caught.value.refused


async def test_a_refusal_ends_the_looks(looking: Looking, by: str) -> None:
    looking.sim.faults.add("401", where="teos")
    with pytest.raises(HintSourceError, match="401") as caught:
        await looking.look(looking.source(by=by))
    assert caught.value.refused
    assert len(looking.api.calls) == 1


async def test_a_search_that_is_served_in_no_form_is_for_people(looking: Looking) -> None:
    looking.sim.faults.add("404", where="teos")
    with pytest.raises(HintSourceError, match="404") as caught:
        await looking.look(looking.source())
    assert caught.value.refused
    assert ["(" in each.path for each in looking.api.calls] == [True, False]


@pytest.mark.parametrize("name", ["not-json", "html", "empty-body", "500", "reset"])
async def test_an_answer_that_is_none_ends_the_looks(looking: Looking, name: str, by: str) -> None:
    looking.sim.faults.add(name, where="teos")
    with pytest.raises(HintSourceError):
        await looking.look(looking.source(by=by))


async def test_it_looks_again_when_its_time_has_come(looking: Looking) -> None:
    source = looking.source(every="20s")
    clock = looking.clock
    asked: list[float] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock._elapsed += seconds

    clock.sleep = sleep  # type: ignore[method-assign]
    async with aclosing(source.listen()) as looks:  # type: ignore[type-var]
        while len(asked) < 3:
            if isinstance(await anext(looks), Alive):
                asked.append(clock.monotonic())
    assert slept == [20, 20]
    assert [after - before for before, after in pairwise(asked)] == [20, 20]


def advice(number: int, **settings: object) -> list[str]:
    kind = TeosPollHints.model_validate({"kind": "teos-poll", "source": "teos", **settings})
    accounts = [Account("teos", "teos", f"0x{each:040x}") for each in range(number)]
    return [str(each) for each in kind.warnings(accounts, WINDOWS)]


def test_looks_that_take_much_of_a_days_calls_are_warned_of() -> None:
    assert advice(100) == []
    assert advice(100, every="60s") == []
    (said,) = advice(200)
    assert said == (
        "looks alone take 11520 of the 30000 calls of a day; "
        "look more rarely, every 18s say (or 'by: transactions': one call a look)"
    )
    assert advice(200, every="18s") == []
    assert advice(200, by="transactions") == []
    assert advice(1, every="1s") == [
        "looks alone take 86400 of the 30000 calls of a day; look more rarely, every 9s say"
    ]


@pytest.mark.parametrize("wrong", [{"every": "0s"}, {"every": 15}, {"by": "balances"}, {"api_version": 1.1}])
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TeosPollHints.model_validate({"kind": "teos-poll", "source": "teos", **wrong})


def test_it_is_offered_to_who_watches_on_teos() -> None:
    offer = TeosPollHints.setup([Account("teos", "teos", HOT)])
    assert offer is not None
    assert "no credits" in offer.meaning
    assert TeosPollHints.setup([Account("coinstats", "ethereum", HOT)]) is None


def test_it_looks_every_fifteen_seconds_by_operations() -> None:
    kind = TeosPollHints.model_validate({"kind": "teos-poll", "source": "teos"})
    assert (kind.every, kind.by, kind.only_source) == (timedelta(seconds=15), "operations", "teos")
