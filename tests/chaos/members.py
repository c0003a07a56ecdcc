"""Members on one PostgreSQL under attack, each with relays of its own to it, the APIs and the channels.

So a member can be cut off from one of them or from all, and who asked or told is known by the port.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.chaos.database import free_port
from tests.chaos.stand import CHANNELS, Life, Stand, Zygote, furnished
from tests.netspace import Netspace
from tests.postgresql import USER, Cluster, running_postgresql
from tests.relay import Relay, relaying
from watcher.domain.model import EMPTY

STORE = """\
store: {kind: postgresql, url: "${STORE_URL}", schema: watcher}
cluster: {name: "${MEMBER}"}
"""
HEARD = {"wal_level": "replica", "max_wal_senders": "4", "max_replication_slots": "4", "hot_standby": "on"}


def server(**settings: str) -> AbstractContextManager[Cluster]:
    """A server that is reached by TCP too, keeps what it confirmed, and can be copied."""
    found = {"listen_addresses": "127.0.0.1", **HEARD, **settings}
    return running_postgresql(durable=True, port=free_port(), settings=found)


@dataclass
class Member:
    """One machine: its ways to the database, the APIs and the channels, and the life that it has now."""

    name: str
    database: Relay
    apis: Relay
    channels: Relay
    space: Netspace | None = None
    """The machine that it has to itself; then it reaches the database without a relay."""
    life: Life | None = None

    @property
    def host(self) -> str:
        """Where its relays are."""
        return self.space.here if self.space else "127.0.0.1"

    @property
    def ways(self) -> tuple[Relay, Relay, Relay]:
        return self.database, self.apis, self.channels

    @property
    def alive(self) -> bool:
        return self.life is not None and not self.life.ended.done()


@dataclass
class MemberStand(Stand):
    """An installation of several members. What is read of the store is read around all relays."""

    cluster: Cluster | None = None
    database: str = ""
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def server(self) -> Cluster:
        assert self.cluster is not None
        return self.cluster

    def write(self, *, limit: int | None = None, more: str = "") -> None:
        super().write(**({} if limit is None else {"limit": limit}), more=STORE + more)

    def env_of(self, member: Member) -> dict[str, str]:
        hooks = {
            f"{name.upper()}_URL": f"json://{member.host}:{member.channels.port}/{name}" for name in CHANNELS
        }
        port = self.server.port if member.space else member.database.port
        return {
            **self.env, **hooks, "MEMBER": member.name,
            "API_URL": f"http://{member.host}:{member.apis.port}",
            "STORE_URL": f"postgresql://postgres@{member.host}:{port}/{self.database}?sslmode=disable",
        }  # fmt: skip

    async def begin(self, name: str, *words: str, **order: Any) -> Life:
        """A life of a member, or a verb on its machine."""
        member = self.members[name]
        if member.space:
            order["netspace"] = str(member.space.path)
        env = {**self.env_of(member), **order.pop("env", {})}
        folder = order.pop("folder", self.folder)
        life = await self.zygote.start(
            cwd=str(folder), env=env, log=str(self.log_of(name)), words=words or ["run"], **order
        )
        if not words:
            member.life = life
        return life

    async def begin_all(self) -> None:
        await asyncio.gather(*(self.begin(name) for name in self.members))

    async def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        life = self.members[name].life
        assert life is not None
        return await self.zygote.kill(life, number)

    def freeze(self, name: str) -> None:
        """The machine stands still, and what it holds stays held."""
        life = self.members[name].life
        assert life is not None
        self.zygote.tell(life, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        life = self.members[name].life
        assert life is not None
        self.zygote.tell(life, signal.SIGCONT)

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log(self) -> str:
        """What all members have logged, member by member."""
        found = [self.log_of(name) for name in self.members]
        return "".join(f"--- {each.stem}\n{each.read_text()}" for each in found if each.exists())

    async def asked(self, sql: str) -> list[Any]:
        """The same while members are at work, whose relays are in this loop: what it waits for may wait for
        them."""
        return await asyncio.to_thread(self.query, sql)

    def query(self, sql: str) -> list[Any]:
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            connection.execute("SET search_path TO watcher")
            rows = connection.execute(sql.encode()).fetchall()
        return [tuple(_text(value) if isinstance(value, Decimal) else value for value in row) for row in rows]

    def execute(self, sql: str) -> None:
        """What somebody else does to the store."""
        with psycopg.connect(self.server.url(self.database), autocommit=True) as connection:
            connection.execute("SET search_path TO watcher")
            connection.execute(sql.encode())

    def damage(self) -> list[str]:
        """Keys and constraints are the server's; that its files are whole, its own tool says."""
        program = self.server.programs / "pg_amcheck"
        words: list[str | Path] = [
            program,
            "--install-missing",
            "-d",
            self.database,
            "-h",
            self.server.folder,
            "-U",
            USER,
        ]
        done = subprocess.run(
            [*words, "-p", str(self.server.port)], check=False, capture_output=True, text=True
        )
        return [] if done.returncode == 0 else [done.stdout + done.stderr]

    async def until_recorded(self, chain: str, address: str, count: int) -> None:
        """As the ledger says it: requests booked from now on, and settled with a reading of the account."""
        source = "teos" if chain == "teos" else "coinstats"
        after, address = int(time.time() * 1000), address.lower()
        sql = (
            "SELECT count(*) FROM requests r WHERE r.ended_at IS NOT NULL"  # noqa: S608
            f" AND r.reserved_at > {after} AND r.source = '{source}' AND EXISTS"
            f" (SELECT 1 FROM accounts a WHERE a.source = '{source}' AND lower(a.address) = '{address}'"
            f" AND a.chain LIKE '{chain or '%'}' AND r.outcomes::jsonb->'r' @> to_jsonb(a.id))"
        )
        while await self._count(sql) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # nothing in this process knows when another one has written

    async def _count(self, sql: str) -> int:
        """None, where there is no store yet, or its server has a bad day."""
        try:
            return int((await self.asked(sql))[0][0])
        except psycopg.Error:
            return 0

    def told_by(self, name: str, since: float = 0.0) -> list[tuple[float, str]]:
        """When this member told something, and its first words."""
        to = f"{self.members[name].host}:{self.members[name].channels.port}"
        taken = [each for far in self.fars.values() for each in far.taken if each.to == to]
        return sorted((each.at, each.text.partition("\n")[0]) for each in taken if each.at > since)

    def asked_by(self, name: str, since: float = 0.0) -> list[float]:
        """When this member asked an API for balances."""
        host = f"{self.members[name].host}:{self.members[name].apis.port}"
        return sorted(
            at for log in (self.coinstats, self.teos) for at, by in log.asked if by == host and at > since
        )

    async def until(self, sql: str, wanted: Any = True, within: float = 30.0) -> None:
        """Until a question to the store has this answer."""
        try:
            async with asyncio.timeout(within):
                while await self.asked(sql) != [(wanted,)]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{sql}: not {wanted}\n{self.log()[-3000:]}") from None


def _text(value: Decimal) -> str:
    """As the file has it."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


@asynccontextmanager
async def members(
    folder: Path, zygote: Zygote, seed: int, cluster: Cluster, names: Sequence[str] = ("one", "two"),
    refusing: float = 0.0, database: str = "", spaces: Mapping[str, Netspace] = EMPTY,
) -> AsyncIterator[MemberStand]:  # fmt: skip
    """An installation of these members, none of which runs yet. `database`: one that is there already.
    `spaces`: machines that some of them have to themselves."""
    name = database or f"watched_{seed}"
    if not database:
        cluster.create(name)
    try:
        async with furnished(folder, zygote, seed, refusing, MemberStand) as there, AsyncExitStack() as stack:
            there.cluster, there.database = cluster, name
            api = urlsplit(there.sim.url).port
            assert api is not None
            for member_name in names:
                space = spaces.get(member_name)
                listen = space.here if space else "127.0.0.1"
                ways = [
                    await stack.enter_async_context(relaying(port, listen=listen))
                    for port in (cluster.port, api, there.port)
                ]
                there.members[member_name] = Member(member_name, ways[0], ways[1], ways[2], space)
            try:
                yield there
            finally:
                for member in there.members.values():
                    for way in member.ways:
                        way.mend()
                    if member.alive:
                        await there.kill(member.name)
    finally:
        if not database:
            cluster.drop(name)
