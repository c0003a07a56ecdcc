"""What the tests that try to break it start from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chaos.members import MemberStand, members, server
from tests.chaos.stand import Stand, Zygote, stand
from tests.disk import disk
from tests.netspace import Netspace, netspace
from tests.postgresql import MISSING, Cluster, programs


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as zygote:
        yield zygote


@pytest.fixture
async def members_zygote() -> AsyncIterator[Zygote]:
    """Who starts lives that have a PostgreSQL."""
    async with Zygote("--members") as zygote:
        yield zygote


@pytest.fixture
def space() -> Iterator[Netspace]:
    """A machine of its own for one process, as far as the network sees it."""
    with netspace() as made:
        yield made


@pytest.fixture
def durable() -> Iterator[Cluster]:
    """A server of this test's own, which keeps what it confirmed: it may be stopped, frozen and filled."""
    if programs() is None:
        pytest.skip(MISSING)
    with server() as cluster:
        yield cluster


@pytest.fixture
async def two(tmp_path: Path, members_zygote: Zygote, durable: Cluster) -> AsyncIterator[MemberStand]:
    """Two members, neither of which runs yet."""
    async with members(tmp_path / "stand", members_zygote, 1, durable) as there:
        yield there


@pytest.fixture
async def there(tmp_path: Path, zygote: Zygote) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "stand", zygote, 1) as there:
        yield there


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with disk(folder):
        yield folder
