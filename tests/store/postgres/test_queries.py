"""Questions to a store on PostgreSQL: all answers are of one moment, and what is long is thinned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from tests.contract.given import ETH, HOT, NOW, after
from tests.contract.lives import Life, live
from tests.store.given import opened as file
from tests.store.given import rows as rows_of_file
from tests.store.postgres.given import backend, rows
from tests.store.test_copying import file as file_backend
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.ports.queries import ChartQuery
from watcher.store.codec import canonical, to_ms
from watcher.store.copying import copy_store
from watcher.store.sqlite.views import COLUMNS

SECOND = timedelta(seconds=1)


@pytest.fixture
def made(database: str) -> str:
    """A database with the schema, in which nothing is."""
    with backend(database).filling():
        pass
    return database


def test_all_answers_of_a_block_are_of_one_moment(made: str) -> None:
    with backend(made).queries() as queries:
        assert queries.fact("s", "n") is None
        rows(made, "INSERT INTO facts VALUES ('s', 'n', 'later', 1)")
        assert queries.fact("s", "n") is None
    with backend(made).queries() as queries:
        assert queries.fact("s", "n") == "later"


def test_what_was_learnt_of_each_account_is_told_with_what_was_learnt_of_all(made: str) -> None:
    rows(made, "INSERT INTO facts VALUES ('coins', 'cadence', '{\"v\":1}', 1), ('coins', 'n', 'v', 1)")
    made_of = "INSERT INTO accounts (source, chain, address) VALUES (%s, 'ethereum', '0x1') RETURNING id"
    for source, text in (("coins", '{"rate":2}'), ("others", '{"rate":3}')):
        ((number,),) = rows(made, made_of, source)
        rows(made, "INSERT INTO cadence VALUES (%s, %s)", number, text)
    with backend(made).queries() as queries:
        assert queries.facts("coins") == {
            "n": "v", "cadence": '{"v":1,"accounts":{"ethereum:0x1":{"rate":2}}}',
        }  # fmt: skip
        assert queries.facts("others") == {}


def test_nothing_is_changed_by_asking(made: str) -> None:
    refused = pytest.raises(StoreError, match="replica or takes no writes")
    with backend(made).queries() as queries, refused, queries.asked() as conn:  # type: ignore[attr-defined]
        conn.execute("INSERT INTO facts VALUES ('s', 'n', 'v', 1)")


def test_after_a_question_that_failed_the_next_one_is_answered(made: str) -> None:
    with backend(made).queries() as queries:
        with pytest.raises(StoreError), queries.asked() as conn:  # type: ignore[attr-defined]
            conn.execute("SELECT 1 / 0")
        assert queries.facts("s") == {}


def test_a_connection_that_is_lost_between_two_questions_is_said_in_words(made: str) -> None:
    with backend(made).queries() as queries:
        assert queries.oldest() is None
        rows(
            made, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watcher'"
        )
        with pytest.raises(StoreBusyError):
            queries.oldest()


def test_a_store_that_is_not_there_yet_is_said_in_words(database: str) -> None:
    with pytest.raises(StoreError, match="there is no store yet"), backend(database).queries():
        pass


def test_who_asks_again_gets_the_same_connection(made: str) -> None:
    asked = backend(made)
    found = set()
    for _ in range(5):
        with asked.queries() as queries, queries.asked() as conn:  # type: ignore[attr-defined]
            found.add(conn.info.backend_pid)
    assert len(found) == 1


@pytest.fixture
def long(made: str) -> tuple[str, list[int]]:
    """Six thousand changes and prices of one asset, of which one is the lowest and one the highest."""
    count = 6000
    amounts = [1000 + number % 7 for number in range(count)]
    amounts[1234], amounts[4321] = 1, 10**25
    with psycopg.connect(made, options="-c search_path=watcher") as conn:
        conn.execute("INSERT INTO accounts (id, source, chain, address) VALUES (1, %s, %s, %s)", HOT)
        conn.execute("INSERT INTO assets (id, chain, token, price, price_at) VALUES (1, %s, %s, 3, 1)", ETH)
        conn.execute("INSERT INTO balances VALUES (1, 1, 5, 1)")
        with conn.cursor().copy(
            "COPY changes (account, asset, before, after, before_at, after_at) FROM STDIN"
        ) as copy:
            for number, amount in enumerate(amounts):
                at = to_ms(NOW + 10 * number * SECOND)
                copy.write_row((1, 1, 7, amount, at - (9999 if number == 3333 else 1), at))
        with conn.cursor().copy("COPY prices (asset, at, price) FROM STDIN") as copy:
            for number, amount in enumerate(amounts):
                copy.write_row((1, to_ms(NOW + 10 * number * SECOND), amount))
    return made, amounts


def test_a_long_history_is_thinned_and_keeps_its_extremes(long: tuple[str, list[int]]) -> None:
    url, amounts = long
    with backend(url).queries() as queries:
        found = queries.tracks(ChartQuery((HOT,), after(minutes=-1), NOW + 60_000 * SECOND))
    (track,) = found.tracks
    for points in (track.amounts, found.prices[ETH]):
        values = [point.value for point in points]
        assert len(values) < 4100
        assert min(value for value in values if value is not None) == 1
        assert max(value for value in values if value is not None) == 10**25
        assert values[-1] == amounts[-1]
        assert list(points) == sorted(points, key=lambda point: point.at)
    assert max(track.spans, key=lambda gap: gap.until - gap.since).until == NOW + 33_330 * SECOND


def test_a_short_history_is_whole(long: tuple[str, list[int]]) -> None:
    url, amounts = long
    with backend(url).queries() as queries:
        found = queries.tracks(ChartQuery((HOT,), NOW, NOW + 29_990 * SECOND))
    assert [point.value for point in found.tracks[0].amounts] == amounts[:3000]
    assert [point.value for point in found.prices[ETH]] == amounts[:3000]


@pytest.fixture
async def lived(tmp_path: Path, database: str) -> tuple[Path, str]:
    """A file to which much has happened, and a database with the same."""
    path = tmp_path / "watcher.db"
    async with file(path) as store:
        async for _ in live([Life(store)], seed=7):
            pass
    copy_store(file_backend(path), backend(database))
    return path, database


def test_views_have_the_columns_that_are_described(made: str) -> None:
    for view, columns in COLUMNS.items():
        found = rows(
            made,
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'watcher'"
            " AND table_name = %s ORDER BY ordinal_position",
            view,
        )
        assert [name for (name,) in found] == list(columns), view


def test_views_show_what_those_of_a_file_show(lived: tuple[Path, str]) -> None:
    path, url = lived
    for view in COLUMNS:
        everything = f"SELECT * FROM {view}"  # noqa: S608
        theirs = {tuple(_plain(each) for each in row) for row in rows(url, everything)}
        mine = {tuple(_plain(each) for each in row) for row in rows_of_file(path, everything)}
        assert mine == theirs, view
        assert mine or view in ("v_spells",), view


def _plain(value: object) -> object:
    """Amounts, times and flags as a file has them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return canonical(value)
    return int(value) if isinstance(value, bool) else value


def test_its_size_grows_with_what_is_in_it(made: str) -> None:
    with backend(made).queries() as queries:
        before = queries.size()
    rows(
        made,
        "INSERT INTO facts SELECT 's', i::text, repeat(md5(i::text), 30), 1 FROM generate_series(1, 999) i",
    )
    with backend(made).queries() as queries:
        after_it = queries.size()
    assert before is not None
    assert after_it is not None
    assert after_it > before + 500_000


def test_words_are_sorted_and_found_as_everywhere(made: str) -> None:
    """However people sort words where the database is: by their letters' numbers."""
    names = ["Zebra", "apple", "ähm", "b-1", "b1", "B2", "50%", "a_b"]
    for number, name in enumerate(names):
        rows(made, "INSERT INTO requests (source, purpose, accounts, cost, reserved_at, failure)"
                   " VALUES (%s, 'scheduled', 1, 40, %s, '')", name, number)  # fmt: skip
        rows(made, "INSERT INTO spending VALUES (%s, 1, 40, 1, 0)", name)
    with backend(made).queries() as queries:
        found = queries.statement([], datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert list(found.polls) == sorted(names)
