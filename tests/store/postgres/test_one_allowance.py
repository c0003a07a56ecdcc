"""Sixteen members book on one allowance, and some of them are killed in the middle: it is never exceeded."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import psycopg

from tests.store.postgres.booker import Round, rounds
from watcher.domain.credits.allowance import ASIDE, CHEAPEST, Purpose

ROOT = Path(__file__).parents[3]
PROCESSES, MEMBERS, ROUNDS = (16, 1, 20) if os.environ.get("CHAOS") else (4, 4, 5)
"""In `make test` a bounded share of what `make chaos` does: who shares a process is quick to begin."""
EARLY = 3
"""Requests after which the first process is killed: others may leave it few."""


def test_sixteen_members_never_book_more_than_is_allowed_and_meter_no_more_than_is_booked(
    database: str,
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    print(f"repeat with: CHAOS_SEED={seed}")
    orders = [
        json.dumps({
            "url": database, "seed": seed, "process": number, "members": MEMBERS, "rounds": ROUNDS,
            "killed": 0 if number else EARLY,
        })
        for number in range(PROCESSES)
    ]  # fmt: skip
    first = orders[0].replace(f'"rounds": {ROUNDS}', '"rounds": 0')
    subprocess.run([sys.executable, "-m", "tests.store.postgres.booker", first], cwd=ROOT, check=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.postgres.booker", order], cwd=ROOT,
            stdout=subprocess.PIPE, text=True,
        )
        for order in orders
    ]  # fmt: skip
    sent = _sent(running)

    assert [each.returncode for each in running] == [-9] + [0] * (PROCESSES - 1)
    with psycopg.connect(database) as connection:
        for each in rounds(seed, ROUNDS):
            _kept(connection, each, sent[each.source])


Sent = dict[str, list[tuple[Purpose, int, int]]]


def _sent(running: list[subprocess.Popen[str]]) -> Sent:
    """What each printed."""
    found: Sent = defaultdict(list)
    lines: list[str] = []
    for each in running:
        out, _ = each.communicate()
        lines += (out or "").splitlines()
    for line in lines:
        source, purpose, cost, charged = json.loads(line)
        found[source].append((Purpose(purpose), cost, charged))
    return found


def _kept(connection: psycopg.Connection, each: Round, sent: list[tuple[Purpose, int, int]]) -> None:
    (booked, calls) = connection.execute(
        "SELECT coalesce(sum(credits), 0)::bigint, coalesce(sum(calls), 0)::bigint FROM watcher.spending"
        " WHERE source = %s", (each.source,),
    ).fetchone() or (0, 0)  # fmt: skip
    assert sum(charged for _, _, charged in sent) <= booked
    assert len(sent) <= calls
    for window in each.allowance.windows:
        assert calls <= window.calls
    plan = each.allowance.credits
    if plan is None:
        return
    assert booked <= plan.limit
    (usual,) = connection.execute(
        "SELECT coalesce(sum(coalesce(charged, cost)), 0)::bigint FROM watcher.requests WHERE source = %s"
        " AND NOT purpose = ANY(%s)", (each.source, [each.value for each in ASIDE]),
    ).fetchone() or (0,)  # fmt: skip
    kept = max(plan.reserved - CHEAPEST + 1, 0)  # a rest that pays for nothing is not kept
    assert usual <= plan.limit - kept, f"{usual} of {plan.limit}, of which {kept} are kept in reserve"
