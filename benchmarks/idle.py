"""The daemon while it waits: `python -m benchmarks.idle [--seconds 120] [--against TREE]`.

Every case runs at once, with each tree: a daemon that has read all its accounts and waits for the next poll.
A wake-up is a voluntary switch of one of its threads, as the kernel counts them: whoever sleeps until
something is due has no other. Figures of two trees stand beside each other, from the same minutes.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.processes import Fake, fake, process, resident, switches, threads
from benchmarks.product import Installation, Load
from benchmarks.sides import Figures, Side, sides

LOOKS = 2.0
"""Seconds between two questions of an open page."""
SETTLED = 20.0
"""Seconds after its first request in which what a start brings with it is over."""


@dataclass(frozen=True, slots=True)
class Case:
    """One daemon: what is configured, and what is connected to it."""

    name: str
    accounts: int
    every: str
    page: bool = False
    is_open: bool = False
    answers: bool = False
    """Hints are posted to it, and people answer in a chat."""
    service: bool = False
    """systemd wants its signs of life."""


CASES = (
    Case("1 account, `1h`", 1, "1h"),
    Case("100 accounts, `auto`", 100, "auto"),
    Case("the same, a service of systemd", 100, "auto", service=True),
    Case("the same, with the page", 100, "auto", page=True),
    Case("the same, one page open", 100, "auto", page=True, is_open=True),
    Case("the same, with hints and a chat", 100, "auto", page=True, answers=True),
    Case("100 accounts, `5m`, with the page", 100, "5m", page=True),
)


class Bot(BaseHTTPRequestHandler):
    """A Bot API in whose chat nobody says anything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        asked = self.path.endswith("/getUpdates")
        time.sleep(25 if asked else 0)
        body = json.dumps({"ok": True, "result": [] if asked else {"id": 1, "username": "bot"}}).encode()
        with suppress(BrokenPipeError):  # the daemon has ended
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """It says nothing."""


@dataclass(slots=True)
class Waiting:
    """A daemon at work. `page`: the connection of an open page."""

    case: Case
    running: subprocess.Popen[str]
    page: HTTPConnection

    def used(self) -> tuple[float, ...]:
        """So far: switches of all threads, those of the loop's, and CPU in per cent of a second."""
        found = switches(self.running.pid)
        spent = sum(threads(self.running.pid).values())
        return sum(found.values()), found[self.running.pid], spent * 100

    def memory(self) -> str:
        """Resident, proportional and private memory in MiB."""
        rows = Path(f"/proc/{self.running.pid}/smaps_rollup").read_text().splitlines()[1:]
        kib = {name: int(rest.split()[0]) for name, _, rest in (row.partition(":") for row in rows)}
        private = kib["Private_Clean"] + kib["Private_Dirty"]
        return f"{resident(self.running.pid):.0f} / {kib['Pss'] / 1024:.0f} / {private / 1024:.0f}"

    def threads(self) -> str:
        return str(len(threads(self.running.pid)))

    def look(self) -> None:
        """What an open page asks, by the connection that its browser keeps."""
        self.page.request("GET", "/news")
        self.page.getresponse().read()


def configure(case: Case, place: Installation, bot: int) -> int:
    """Write its configuration; the port of its page."""
    place.configure(Load(case.accounts, case.every))
    path = place.folder / "watcher.yaml"
    config: dict[str, Any] = json.loads(path.read_text())
    # A plan of a million credits: some 25,000 polls a month, so that polls themselves wake it seldom.
    config["sources"]["coinstats"]["credits"] = {"limit": 1_000_000, "period": "month", "resets_on": 1}
    port = 0
    if case.page:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        config["web"] = {"listen": f"127.0.0.1:{port}"}
    if case.answers:
        config["hints"] = {"chain": {"kind": "webhook", "scheme": "generic", "signing_key": "k" * 32}}
        url, token = f"http://127.0.0.1:{bot}", "123456:" + "a" * 35
        config["channels"]["ops"] = {"kind": "telegram", "token": token, "chat": -5, "api_url": url}
        config["chat"] = {"channels": ["ops"]}
        config["people"] = {"alice": {"telegram": "11"}}
    path.write_text(json.dumps(config))
    return port


@contextmanager
def waiting(case: Case, side: Side, folder: Path, far: Fake, bot: int) -> Iterator[Waiting]:
    """The daemon of a case; it ends with the block."""
    folder.mkdir()
    port = configure(case, Installation(folder, far), bot)
    env = dict(side.env)
    with ExitStack() as stack:
        if case.service:
            env |= {"WATCHDOG_USEC": "120000000", "NOTIFY_SOCKET": str(folder / "notify")}
            ear = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            ear.bind(env["NOTIFY_SOCKET"])
            threading.Thread(target=_drain, args=(ear,), daemon=True).start()
        words = ("-m", "watcher", "run", "-c", str(folder / "watcher.yaml"))
        running = stack.enter_context(process(*words, env=env, log=folder / "log"))
        yield Waiting(case, running, HTTPConnection("127.0.0.1", port, timeout=10))


def _drain(ear: socket.socket) -> None:
    with suppress(OSError):
        while True:
            ear.recv(4096)


def measure(found: list[Waiting], seconds: float) -> list[tuple[float, ...]]:
    """What each used a second: wake-ups, those of the loop, and per cent of a core."""
    before = [each.used() for each in found]
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for each in found:
            if each.case.is_open:
                each.look()
        time.sleep(min(LOOKS, left))
    after = [each.used() for each in found]
    pairs = [zip(now, then, strict=True) for now, then in zip(after, before, strict=True)]
    return [tuple((now - then) / seconds for now, then in each) for each in pairs]


def show(found: list[Waiting], rows: list[tuple[float, ...]], count: int) -> None:
    """The table, as Markdown."""
    print(f"{results.python()}; {'before → now' if count > 1 else 'now'}, all at once\n")
    print("| | wake-ups a second | of the loop | CPU, % of a core | threads | RSS / PSS / private MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for start in range(0, len(found), count):
        some, used = found[start : start + count], rows[start : start + count]
        columns = [[f"{row[place]:.{digits}f}" for row in used] for place, digits in ((0, 2), (1, 2), (2, 3))]
        columns += [[each.threads() for each in some], [each.memory() for each in some]]
        print(f"| {some[0].case.name} | {' | '.join(' → '.join(each) for each in columns)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--against", metavar="TREE", help="another checkout, or a revision, beside this one")
    chosen = parser.parse_args()
    with sides(chosen.against) as both, at_work(both[::-1], CASES) as found:
        show(found, measure(found, chosen.seconds), len(both))


def compared(order: Sequence[Side], seconds: float = 60.0) -> dict[str, Figures]:
    """One round of 100 accounts on `auto`: what the daemon of each side uses while it waits."""
    with at_work(order, CASES[1:2]) as found:
        used = measure(found, seconds)
        return {
            side.name: {
                "idle, wake-ups a second": each[0], "idle, CPU, % of a core": each[2],
                "idle, 100 accounts, MiB": resident(one.running.pid),
            }
            for side, one, each in zip(order, found, used, strict=True)
        }  # fmt: skip


@contextmanager
def at_work(order: Sequence[Side], cases: Sequence[Case]) -> Iterator[list[Waiting]]:
    """Each case with each side, all at once, when what a start brings with it is over."""
    bot = ThreadingHTTPServer(("127.0.0.1", 0), Bot)
    threading.Thread(target=bot.serve_forever, daemon=True).start()
    with ExitStack() as stack:
        far = stack.enter_context(fake(100))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = [
            stack.enter_context(waiting(case, side, folder / f"{row}-{at}", far, bot.server_port))
            for row, case in enumerate(cases)
            for at, side in enumerate(order)
        ]
        far.until(lambda told: told["answered"] >= sum(case.accounts for case in cases) * len(order))
        time.sleep(SETTLED)
        yield found


if __name__ == "__main__":
    main()
