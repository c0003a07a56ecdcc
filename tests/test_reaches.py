"""Reaches into the inside of libraries: all of them are in one list, and each is still needed.

A test of a reason asks the plain library, in the version that is pinned, for what is unwanted here. When it
fails, the library has learned better: take the reach out, and its row from the list.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeGuard

import aiohttp
import apprise
import procrastinate
import pytest
from aiohttp import web
from jinja2.sandbox import ImmutableSandboxedEnvironment
from procrastinate.testing import InMemoryConnector

from tests.daemon.test_malloc import glibc_only, heaps
from tests.notify.services import SLACK_URL, TELEGRAM_URL
from watcher.daemon.run import TURN
from watcher.notify.apprise.plugins import load_all

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "watcher"
PAGE = ROOT / "docs" / "decisions" / "reaching-into-libraries.md"

DOCUMENTED = {"_replace", "_asdict", "_fields", "_make", "_exit"}
"""Names that begin with an underscore and are public all the same: of named tuples, and of `os`."""

WHOLE = {"ctypes", "gc"}
"""Modules of which any use is a reach: they change the process for everybody in it."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Reach(NamedTuple):
    """`name`: what is reached into, as the code calls it."""

    place: str
    name: str


class Row(NamedTuple):
    """One row of the list."""

    places: list[str]
    names: list[str]
    tests: list[str]


def rows() -> list[Row]:
    """The rows of the page's table: where, into what, what for, its worth, its tests."""
    cells = [line.strip("|").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [Row(quoted(each[0]), quoted(each[1]), re.findall(r"\btest_\w+", each[4])) for each in cells[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def found() -> set[Reach]:
    return {
        Reach(path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in reaches(ast.parse(path.read_text()))
    }


def reaches(module: ast.Module) -> Iterator[str]:
    """What a module reaches into: private names, what is changed from outside, and the whole process."""
    foreign, own = _imported(module), _own(module)
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and _private(node):
            yield str(node.module)
        elif isinstance(node, ast.Attribute):
            yield from _of_attribute(node, foreign, own)
        elif isinstance(node, ast.Call) and _name(node.func) == "logging.getLogger":
            if [_name(each) for each in node.args] != ["__name__"]:
                yield "logging.getLogger"
        elif isinstance(node, FUNCTIONS):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = {each.arg for each in arguments if each.annotation and _name(each.annotation) == "Any"}
            for part in ast.walk(node) if untyped else ():
                if _is_set(part) and _name(part.value) in untyped:
                    yield part.attr


def _of_attribute(node: ast.Attribute, foreign: set[str], own: set[str]) -> Iterator[str]:
    name, (root, _, _) = _name(node), _name(node).partition(".")
    if node.attr.startswith("_") and not node.attr.startswith("__") and node.attr not in DOCUMENTED:
        inherited = isinstance(node.value, ast.Call) and _name(node.value.func) == "super"
        if inherited or (root not in ("self", "cls") and node.attr not in own):
            yield node.attr
    elif root in WHOLE & foreign:
        yield root
    elif (root in foreign and _is_set(node)) or (root == "sys" and _of_the_process(node.attr)):
        yield name


def _of_the_process(attribute: str) -> bool:
    """Of the module `sys`: how imports go, and what is set for all threads."""
    return attribute in ("modules", "meta_path", "path_hooks", "path") or attribute.startswith("set")


def _is_set(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)


def _private(node: ast.ImportFrom) -> bool:
    ours = node.module == "__future__" or str(node.module).partition(".")[0] == "watcher"
    words = [*str(node.module).split("."), *(alias.name for alias in node.names)]
    return not ours and any(word.startswith("_") for word in words)


def _name(node: ast.AST) -> str:
    """A name with its dots; empty if it begins with anything else, such as a call."""
    if isinstance(node, ast.Attribute):
        before = _name(node.value)
        return before and f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imported(module: ast.Module) -> set[str]:
    """The names that stand for modules and classes of others."""
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {(each.asname or each.name).partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] != "watcher":
            names |= {each.asname or each.name for each in node.names}
    return names


def _own(module: ast.Module) -> set[str]:
    """The names that this module gives to attributes and methods of its own classes."""
    given = {node.attr for node in ast.walk(module) if _is_set(node) and _name(node.value) == "self"}
    return given | {node.name for node in ast.walk(module) if isinstance(node, FUNCTIONS)}


def test_all_reaches_are_in_the_list_and_the_list_has_no_others() -> None:
    listed = {
        Reach(place.removeprefix("watcher/"), name)
        for row in rows()
        for place in row.places
        for name in row.names
    }
    assert found() == listed


def test_each_row_names_a_place_that_is_there_and_the_tests_of_its_reason() -> None:
    here = {name for name, each in globals().items() if name.startswith("test_") and "plain" in name}
    assert here == {test for row in rows() for test in row.tests}
    for row in rows():
        assert row.places
        assert row.tests, row.places
        assert all((ROOT / place).is_file() for place in row.places), row.places


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import lib\nlib.Session.send = None", "lib.Session.send"),
        ("from lib import Session\nSession.send = None", "Session.send"),
        ("def f(session): session._retry = False", "_retry"),
        ("class A(B):\n def _f(self): super()._f()", "_f"),
        ("def f(plugin: Any):\n plugin.retry = 0", "retry"),
        ("from lib._inner import thing", "lib._inner"),
        ("import sys\nsys.modules.pop('x')", "sys.modules"),
        ("import sys\nsys.setrecursionlimit(9)", "sys.setrecursionlimit"),
        ("import gc\ngc.disable()", "gc"),
        ("import ctypes\nctypes.CDLL(None)", "ctypes"),
        ("import logging\nlogging.getLogger('lib').setLevel(30)", "logging.getLogger"),
    ],
)
def test_a_reach_is_found(code: str, name: str) -> None:
    assert list(reaches(ast.parse(code))) == [name]


def program(code: str, *arguments: str, folder: Path = ROOT) -> str:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).strip()


def test_plain_typer_loads_rich_to_complete_a_word() -> None:
    code = (
        "import atexit, sys, typer; app = typer.Typer(rich_markup_mode=None);"
        "atexit.register(lambda: print('rich' in sys.modules));"
        "app.command(help='One.')(lambda one=False: None); app.command('two', help='Two.')(lambda: None);"
        "import os; os.environ.update(_A_COMPLETE='complete_zsh', _TYPER_COMPLETE_ARGS='a t');"
        "app(prog_name='a')"
    )
    assert program(code).endswith("True")


@glibc_only
def test_plain_glibc_gives_a_thread_a_heap_of_its_own() -> None:
    assert heaps("as it is") > 1


def test_plain_apprise_loads_all_plugins_for_one_url() -> None:
    code = (
        "import sys, apprise; apprise.Apprise().add('json://localhost');"
        "print(sum(name.startswith('apprise.plugins.') for name in sys.modules))"
    )
    assert int(program(code)) > 100


def test_plain_apprise_does_not_say_which_services_an_http_proxy_can_reach() -> None:
    for url in ("json://localhost", "mailto://me:word@example.com"):
        assert not [name for name in dir(plugin(url)) if "proxy" in name or "proxies" in name]


def test_plain_apprise_does_not_keep_who_has_heard() -> None:
    service = plugin(TELEGRAM_URL)
    service.mark_delivered("12315544")
    assert not service.is_delivered("12315544")


def test_plain_apprise_repeats_follows_redirects_and_gives_services_too_little_time() -> None:
    service = plugin("json://localhost/?retry=3&optional=yes")
    assert (service.retry, service.optional, service.redirects) == (3, True, True)
    assert service.socket_connect_timeout == service.socket_read_timeout == 4
    assert plugin(TELEGRAM_URL).markdown_ver == "MARKDOWN", "the newer Markdown is the usual one now"
    blocks = plugin(f"{SLACK_URL.replace('#', '%23')}?blocks=yes")
    assert blocks.body_maxlen > 3000, "a section of Slack takes 3,000 characters"


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        words = b"the chat was closed"
        self.send_response(403)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def refusing() -> Iterator[str]:
    """Where a service that refuses everything listens."""
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_plain_apprise_keeps_no_word_of_an_answer() -> None:
    with refusing() as place:
        service = plugin(f"json://{place}")
        assert service.notify(body="words") is False
    assert "closed" not in str(vars(service))


def test_plain_apprise_and_urllib3_print_what_is_secret_in_a_url() -> None:
    code = (
        "import logging, sys, apprise; logging.basicConfig(level=0, stream=sys.stdout);"
        "print(apprise.Apprise(sys.argv[1]).notify(body='words'))"
    )
    with refusing() as place:
        said = program(code, f"json://{place}/hidden-word")
    for name in ("apprise", "urllib3"):
        assert [line for line in said.splitlines() if name in line and "/hidden-word" in line], name


BREAKING = """
import asyncio, logging, sys
import aiormq
from pamqp import commands, frame

def said(*frames): return b"".join(frame.marshal(each, 0) for each in frames)

async def broker(reader, writer):
    await reader.readexactly(8)
    writer.write(said(commands.Connection.Start(0, 9, {}, "PLAIN", "en_US")))
    await reader.read(65536)
    writer.write(said(commands.Connection.Tune(9, 9999, 60), commands.Connection.OpenOk()))
    await reader.read(65536)
    writer.transport.abort()

async def main():
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await aiormq.connect(f"amqp://guest:guest@127.0.0.1:{port}/")
    await asyncio.gather(connection.closing, return_exceptions=True)
    server.close()

logging.basicConfig(stream=sys.stdout)
asyncio.run(main())
"""


async def test_plain_procrastinate_logs_each_job_with_all_that_it_is_called_with(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = procrastinate.App(connector=InMemoryConnector())
    with caplog.at_level("INFO", logger="procrastinate"):
        async with app.open_async():
            await app.configure_task("ask").defer_async(accounts=["0xmine"])
    assert "0xmine" in str([vars(each) for each in caplog.records])


def test_plain_aiormq_logs_a_traceback_when_a_connection_breaks() -> None:
    assert "aiormq.connection" in (said := program(BREAKING))
    assert "Traceback" in said


def plugin(url: str) -> Any:
    """The object that sends, as apprise alone makes it."""
    load_all()
    service = apprise.Apprise.instantiate(url)
    assert service, url
    return service


OPSGENIE = "opsgenie://a3b2c1d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d/"
PAGERDUTY = "pagerduty://routing_key@api_key/Source/Component"


def posted(service: Any, monkeypatch: pytest.MonkeyPatch, kind: apprise.NotifyType) -> list[dict[str, Any]]:
    """What apprise alone sends for a message."""
    found: list[dict[str, Any]] = []

    class Taken:
        status_code, content = 202, b"{}"

    def post(_url: str, data: str, **_: Any) -> Taken:
        found.append(json.loads(data))
        return Taken()

    monkeypatch.setattr("requests.post", post)
    assert service.notify(title="the news", body="and the rest", notify_type=kind)
    return found


@pytest.mark.parametrize("url", [OPSGENIE, PAGERDUTY])
def test_plain_apprise_sleeps_between_two_incidents(url: str) -> None:
    assert plugin(url).request_rate_per_sec > 5


def test_plain_apprise_closes_no_incident_that_it_did_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posted(plugin(OPSGENIE), monkeypatch, apprise.NotifyType.SUCCESS) == []


def test_plain_apprise_makes_all_of_a_text_the_summary_of_an_incident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (sent,) = posted(plugin(PAGERDUTY), monkeypatch, apprise.NotifyType.WARNING)
    assert "the news" in sent["payload"]["summary"]
    assert "and the rest" in sent["payload"]["summary"]


def test_plain_sqlite_utils_loads_numpy_and_pandas(tmp_path: Path) -> None:
    for name in ("numpy", "pandas"):
        (tmp_path / f"{name}.py").write_text("print(f'loaded {__name__}')")
    said = program("import sqlite_utils", folder=tmp_path)
    assert set(re.findall(r"loaded (\w+)", said)) == {"numpy", "pandas"}


def test_plain_requests_loads_what_guesses_alphabets() -> None:
    assert program("import sys, requests; print('charset_normalizer' in sys.modules)") == "True"


async def test_plain_aiohttp_sends_a_get_again_that_the_provider_may_have_charged_for() -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The first request of a connection; the second one breaks it."""
        with closing(writer), suppress(asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            asked.append(await reader.readuntil(b"\r\n\r\n"))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(f"http://127.0.0.1:{port}") as response:
                assert response.status == 200
    assert len(asked) == 3


def test_plain_aiohttp_reads_whom_to_trust_twice_when_it_is_imported() -> None:
    code = (
        "import ssl; read = []; ssl.SSLContext.set_default_verify_paths = lambda each: read.append(each);"
        "import aiohttp; print(len(read))"
    )
    assert program(code) == "2"


def test_plain_aiohttp_has_no_bound_for_a_connection_that_says_nothing() -> None:
    offered = inspect.signature(web.RequestHandler).parameters
    bounds = {name for name in offered if re.search("timeout|limit", name)}
    assert bounds == {"keepalive_timeout", "timeout_ceil_threshold"}, "is there one for a request's head now?"


def test_plain_jinja_makes_much_of_little_in_its_sandbox() -> None:
    template = ImmutableSandboxedEnvironment().from_string("{{ '{:>1000000}'.format(1) }}")
    assert len(template.render()) == 1_000_000


WAITING = """
import statistics, sys, threading, time
def work():
    while True:
        pass

threading.Thread(target=work, daemon=True).start()
waits = []
for _ in range(20):
    began = time.perf_counter()
    time.sleep(0.001)  # the other thread has its turn
    waits.append(time.perf_counter() - began - 0.001)
print(sys.getswitchinterval(), statistics.median(waits))
"""


def test_plain_python_lets_a_thread_that_works_keep_the_others_waiting() -> None:
    interval, waited = map(float, program(WAITING).split())
    assert interval > TURN
    assert waited > TURN


def test_plain_python_looks_for_garbage_while_it_loads() -> None:
    code = (
        "import gc, watcher.daemon.run, watcher.web.server, watcher.notify.apprise.channel;"
        "print(sum(each['collections'] for each in gc.get_stats()))"
    )
    assert int(program(code)) > 40  # Python 3.13 looks less often
