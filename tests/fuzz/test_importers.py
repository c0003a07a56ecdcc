"""Whatever stands in a file that is imported: it is taken, or each mistake is said, at little cost."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.config.given import ENV, KINDS, SOUND
from tests.configured import load_settings
from tests.fuzz.conftest import fuzz
from watcher.analysis.csv_import import read_history
from watcher.analysis.ruletest.load import load_suites
from watcher.analysis.ruletest.series import parse_series
from watcher.analysis.trace import TraceError, read_trace
from watcher.config.settings import Settings
from watcher.config.yaml_reader import read_document
from watcher.domain.values.errors import ConfigurationError

HISTORY = "time,wallet,chain,asset,symbol,amount,price_usd\n"
NUMBERS = ["1", "1.5", "0", "-1", "1e999999999", "1e-999999999", "9" * 200, "nan", "inf", "١", "²", "", "_"]
TIMES = [
    "2026-01-05T08:00:00Z", "1767600000", "1767600000.5", "9" * 200, "²", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2026-01-05", "", "1e9",
]  # fmt: skip
ODD = ["", "\0", '"', "\n", ",", "\ud83d", "é", "hot", "ethereum", "0X" + "f" * 40, "a" * 300]


@pytest.fixture(scope="module")
def settings() -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "watcher.yaml"
        path.write_text(SOUND)
        return load_settings(path, ENV, KINDS)


@contextlib.contextmanager
def file(data: bytes, name: str = "file") -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def little(work: Callable[[], object], megabytes: int = 400, seconds: float = 20) -> None:
    """Do it within so much memory and time of this process (under a tracer, which is slow)."""
    tracemalloc.start()
    began = time.process_time()
    try:
        work()
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
        assert time.process_time() - began < seconds
    finally:
        tracemalloc.stop()


rows = st.lists(
    st.tuples(
        st.sampled_from(TIMES), st.sampled_from(ODD), st.sampled_from(ODD), st.sampled_from(ODD),
        st.sampled_from(ODD), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS),
    ).map(",".join),
    max_size=4,
)  # fmt: skip


@fuzz
@given(rows)
@example(["2026-01-05T08:00:00Z,hot,ethereum,,ETH,1e999999999,1"])
@example(["2026-01-05T08:00:00Z,hot,ethereum,,ETH,1,1e999999999"])
@example(["²,hot,ethereum,,ETH,1,1"])
@example(["0001-01-01T00:00:00+14:00,hot,ethereum,,ETH,1,1"])
@example([f"2026-01-05T08:00:00Z,hot,ethereum,,{'E' * 200_000},1,1"])
def test_histories(settings: Settings, lines: list[str]) -> None:
    text = (HISTORY + "\n".join(lines)).encode("utf-8", "surrogatepass")
    with file(text, "history.csv") as path, contextlib.suppress(ConfigurationError):
        read_history(path, settings)


@fuzz
@given(st.one_of(st.binary(max_size=60), rows.map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))))
@example(b"w" * 200_000 + b",1\n")
@example(b"w,nan\nw,1e400\n")
@example(b"\xff\n")
def test_traces(data: bytes) -> None:
    head = b"wallet,unix_time\n"
    for each in (data, head + data, gzip.compress(head + data), gzip.compress(head + data)[:-3]):
        with file(each) as path, contextlib.suppress(TraceError):
            read_trace(path)


def test_a_trace_that_unpacks_to_a_gigabyte_is_refused_at_little_cost() -> None:
    bomb = gzip.compress(b"wallet,unix_time\n" + b"w,1\n" * 1000) + gzip.compress(bytes(1 << 20)) * 1024
    with file(bomb) as path:

        def unpack() -> None:
            with pytest.raises(TraceError, match="holds more than 128 MiB; cut it"):
                read_trace(path)

        little(unpack)


WORDS = [
    "1", "1.5x3", "10-0.5x4", "1e999-1e-999x10", "1e99", "1e-99+1e99x3", "9" * 200, "x9999999", "1x100001",
    "-", "?", "_", "!", ".", "@1m", "@36500d", "@0s", "@-1m", "@9999999999d", "١", "1x", "1-1x3", "",
]  # fmt: skip


@fuzz
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=6).map(" ".join))
@example("1e999-1e-999x10")
@example("@36500d 1x1000")
def test_series(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_series(text, timedelta(minutes=5))


TESTS = (Path(__file__).parents[2] / "rules" / "tests" / "gas.yaml").read_text()


@fuzz
@given(st.integers(0, 3000), st.integers(0, 12), st.one_of(st.sampled_from(WORDS), st.text(max_size=6)))
@example(0, 4000, "start: 0001-01-01T00:00:00+14:00\n")
def test_rule_tests(at: int, length: int, piece: str) -> None:
    text = TESTS[:at] + piece + TESTS[at + length :]
    data = text.encode("utf-8", "surrogatepass")
    with file(data, "tests.yaml") as path, contextlib.suppress(ConfigurationError):
        load_suites([path])


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "[" * 1_000_000,
        "{a: " * 300_000,
        '{"a":' * 300_000,
        "version: " + "9" * 1_000_000,
        '{"version": ' + "9" * 1_000_000 + "}",
        '{"version": 1, "' + "x" * 1_000_000 + '": 1}',
        "version: 1\na: &a {"
        + ",".join(f"k{n}: 1" for n in range(900))
        + "}\nb: {<<: ["
        + "*a," * 900
        + "]}",
    ],
    ids=lambda text: text[:20],
)
def test_a_configuration_that_would_grow_is_refused_at_little_cost(text: str) -> None:
    def read() -> None:
        with file(text.encode(), "watcher.yaml") as path:
            if not read_document(path).problems:
                with pytest.raises(ConfigurationError) as caught:
                    load_settings(path, ENV, KINDS)
                assert len(str(caught.value.problems[0])) < 3000

    little(read)
