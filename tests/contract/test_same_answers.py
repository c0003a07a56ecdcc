"""Stores that lived through the same give the same answers: to decisions, to people, and to charts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contract.lives import Life, answers, by_id, live
from watcher.ports.store import Store
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore


@pytest.mark.parametrize("seed", range(4))
async def test_two_stores_that_saw_the_same_say_the_same(store: Store, seed: int) -> None:
    apart = (await store.load([])).apart
    lives = [Life(MemoryStore(State(apart=apart))), Life(store)]
    async for number in live(lives, seed):
        if number % 8 == 7:
            await same(lives)


async def same(lives: Sequence[Life]) -> None:
    found = []
    for life in lives:
        with life.store.queries() as queries:
            found.append(answers(queries, life.last))
    mine, theirs = found
    for question, answer in theirs.items():
        assert mine[question] == answer, question
    sent = [by_id(await life.store.due("phone", life.last, 9999)) for life in lives]
    assert sent[0] == sent[1]
