"""A real RabbitMQ on loopback, as TEOS runs one: its exchange, a user that may read, plain and by TLS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel

from tests.certificates import Authority

EXCHANGE = "teos_events"
READER, ADMIN = ("reader", "reader-word"), ("admin", "admin-word")
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_LONGEST_START = 90.0


class Broker:
    """Process of a broker with its own folders, ports, cookie and name service. `stop` and `start` keep what
    is in it. `authority`: who signed its certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "the broker's authority")
        self.port, self.tls_port, self._between, self._names = _free_ports(4)
        self._running: list[subprocess.Popen[bytes]] = []
        self._write_files()

    def url(self, user: tuple[str, str] = READER, port: int = 0, scheme: str = "amqp") -> str:
        return f"{scheme}://{user[0]}:{user[1]}@127.0.0.1:{port or self.port}/"

    def start(self) -> None:
        # The names of Erlang's nodes are kept by a process of our own, or one would be left running.
        self._run("epmd", "-address", "127.0.0.1", "-port", str(self._names))
        server = self._run(str(_SERVER))
        until = time.monotonic() + _LONGEST_START
        while not _answers(self.port):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no broker: {(self.folder / 'out').read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        while self._running:
            process = self._running.pop()
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It does nothing, and its connections stay open, as when its machine hangs."""
        server = self._running[-1].pid
        os.killpg(server, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(server, signal.SIGCONT)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AbstractChannel]:
        """A channel of somebody who may do everything."""
        connection = await aio_pika.connect(self.url(ADMIN))
        try:
            yield await connection.channel()
        finally:
            await connection.close()

    def _write_files(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text("cookie")
        cookie.chmod(0o400)
        (self.folder / "plugins").write_text("[].")
        (self.folder / "definitions.json").write_text(json.dumps(_DEFINITIONS))
        certificate = self.authority.signs("127.0.0.1")
        (self.folder / "rabbitmq.conf").write_text(
            f"""
            listeners.tcp.1 = 127.0.0.1:{self.port}
            listeners.ssl.1 = 127.0.0.1:{self.tls_port}
            ssl_options.certfile = {certificate}
            ssl_options.keyfile = {certificate}
            ssl_options.versions.1 = tlsv1.2
            load_definitions = {self.folder}/definitions.json
            loopback_users = none
            """
        )

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "out").open("ab") as out:
            process = subprocess.Popen(
                command, env=self._environment(), cwd=self.folder, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        return process

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "ERL_EPMD_PORT": str(self._names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"watcher-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._between),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


async def publish(channel: AbstractChannel, *events: Mapping[str, Any] | bytes, tenant: str = "acme") -> None:
    """Publish events of accounts as TEOS does: a tenant's prefix, no time, no id."""
    exchange = await channel.get_exchange(EXCHANGE)
    await asyncio.gather(
        *(
            exchange.publish(
                aio_pika.Message(event if isinstance(event, bytes) else json.dumps(event).encode()),
                f"{tenant}.account.balance_changed",
            )
            for event in events
        )
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _answers(port: int) -> bool:
    """Whether somebody greets there: the port is open a moment before."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as there:
            there.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(there.recv(1))
    except OSError:
        return False


_DEFINITIONS = {
    "users": [
        {"name": name, "password": word, "tags": "", "limits": {}} for name, word in (READER, ADMIN)
    ],
    "vhosts": [{"name": "/"}],
    "permissions": [
        {"user": ADMIN[0], "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
        {"user": READER[0], "vhost": "/", "configure": "^amq[.]gen", "write": "^amq[.]gen",
         "read": "^(?!private)"},
    ],
    "exchanges": [
        {
            "name": EXCHANGE, "vhost": "/", "type": "topic", "durable": True, "auto_delete": False,
            "internal": False, "arguments": {},
        }
    ],
    "queues": [],
    "bindings": [],
}  # fmt: skip
