"""The floor of a store on PostgreSQL: the SQL that nobody can spare, and nothing around it."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from typing import Any

import psycopg

from benchmarks.readings import HELD, Readings, Turns

COST, BATCH = 40, 50
SCHEMA = """\
CREATE SCHEMA IF NOT EXISTS floor;
CREATE TABLE IF NOT EXISTS floor.gate (source text PRIMARY KEY, starts timestamptz);
CREATE TABLE IF NOT EXISTS floor.spending (source text, hour timestamptz, credits bigint, calls bigint,
  PRIMARY KEY (source, hour));
CREATE TABLE IF NOT EXISTS floor.requests (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cost bigint,
  at timestamptz, ended timestamptz);
CREATE TABLE IF NOT EXISTS floor.accounts (id int PRIMARY KEY, version bigint, read timestamptz);
CREATE TABLE IF NOT EXISTS floor.balances (account int, asset int, amount numeric,
  PRIMARY KEY (account, asset));
CREATE TABLE IF NOT EXISTS floor.changes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account int,
  asset int, before numeric, after numeric, at timestamptz);
CREATE INDEX IF NOT EXISTS changes_by_holding ON floor.changes (account, asset, at);
INSERT INTO floor.gate VALUES ('coinstats', now()) ON CONFLICT DO NOTHING;
"""
LOCKED = "SELECT clock_timestamp() FROM floor.gate WHERE source = 'coinstats' FOR NO KEY UPDATE"
SPENT = "SELECT coalesce(sum(credits), 0) FROM floor.spending WHERE source = 'coinstats'"
BOOKED = "INSERT INTO floor.requests (cost, at) VALUES (%s, clock_timestamp()) RETURNING id"
COUNTED = (
    "INSERT INTO floor.spending VALUES ('coinstats', date_trunc('hour', now()), %s, 1)"
    " ON CONFLICT (source, hour) DO UPDATE"
    " SET credits = floor.spending.credits + excluded.credits, calls = floor.spending.calls + 1"
)


def prepare(url: str, accounts: int = 0) -> None:
    """The tables, with so many accounts that hold 20 assets each."""
    with psycopg.connect(url) as connection:
        connection.execute(SCHEMA)
        connection.execute(
            "INSERT INTO floor.accounts SELECT n, 0, now() FROM generate_series(0, %s) n"
            " ON CONFLICT DO NOTHING",
            (accounts - 1,),
        )
        connection.execute(
            "INSERT INTO floor.balances SELECT n, a, 1"
            " FROM generate_series(0, %s) n, generate_series(0, %s) a ON CONFLICT DO NOTHING",
            (accounts - 1, HELD - 1),
        )


def gate(wanted: dict[str, Any]) -> dict[str, Any]:
    """Book requests under one row's lock, in two waits."""
    from benchmarks.worker import cost, ready

    times, granted = [], 0
    with psycopg.connect(wanted["url"]) as connection:
        ready()
        end, used = time.monotonic() + wanted["seconds"], time.process_time()
        while time.monotonic() < end:
            began = time.perf_counter()
            _book(connection, COST)
            connection.commit()
            times.append(time.perf_counter() - began)
            granted += 1
        found = {"granted": granted, **cost(times, time.process_time() - used, granted)}
        ready()
        return found


def _book(connection: psycopg.Connection[Any], cost: int) -> int:
    with connection.pipeline() as pipeline:
        connection.execute(LOCKED)
        spent = connection.execute(SPENT)
        pipeline.sync()
        assert spent.fetchone()
        booked = connection.execute(BOOKED, (cost,))
        connection.execute(COUNTED, (cost,))
        pipeline.sync()
        row = booked.fetchone()
    assert row
    return int(row[0])


def rows(wanted: dict[str, Any]) -> dict[str, Any]:
    """Book, load, write and settle requests of 50 accounts, of which nothing is decided."""
    from benchmarks.worker import cost, ready

    chance, turns, took, used = random.Random(wanted["seed"]), Turns(wanted["share"]), [], 0.0
    world = Readings(0)
    before: dict[tuple[int, int], Decimal] = {}
    own = range(wanted["first"], wanted["first"] + wanted["of"])
    with psycopg.connect(wanted["url"]) as connection:
        ready()
        for _ in range(wanted["requests"]):
            numbers = sorted(chance.sample(own, BATCH))
            now = {
                (number, at): world.amount(number, at, turn)
                for number in numbers
                for at, turn in enumerate(turns.next(number))
            }
            changed = [
                (*key, before.get(key), amount) for key, amount in now.items() if before.get(key) != amount
            ]
            before.update(now)
            began, cpu = time.perf_counter(), time.process_time()
            _record(connection, numbers, changed)
            took.append(time.perf_counter() - began)
            used += time.process_time() - cpu
        ready()
    return cost(took, used, len(took) * BATCH)


def _record(connection: psycopg.Connection[Any], numbers: list[int], changed: list[Any]) -> None:
    request = _book(connection, COST * BATCH)
    connection.commit()
    columns = [list(each) for each in zip(*changed, strict=True)] or [[], [], [], []]
    with connection.pipeline() as pipeline:
        versions = connection.execute(
            "SELECT id, version FROM floor.accounts WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            (numbers,),
        )
        pipeline.sync()
        assert len(versions.fetchall()) == len(numbers)
        connection.execute(
            "UPDATE floor.accounts SET version = version + 1, read = clock_timestamp() WHERE id = ANY(%s)",
            (numbers,),
        )
        connection.execute(
            "INSERT INTO floor.changes (account, asset, before, after, at) SELECT *, clock_timestamp()"
            " FROM unnest(%s::int[], %s::int[], %s::numeric[], %s::numeric[])",
            columns,
        )
        connection.execute(
            "INSERT INTO floor.balances SELECT * FROM unnest(%s::int[], %s::int[], %s::numeric[])"
            " ON CONFLICT (account, asset) DO UPDATE SET amount = excluded.amount",
            (columns[0], columns[1], columns[3]),
        )
        connection.execute("UPDATE floor.requests SET ended = clock_timestamp() WHERE id = %s", (request,))
    connection.commit()
