"""A PostgreSQL of one's own answers at its URL, and leaves no process and no file behind."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.postgresql import MISSING, programs
from watcher.sim import postgresql
from watcher.sim.postgresql import NotInstalledError, own_postgresql


@pytest.mark.skipif(programs() is None, reason=MISSING)
def test_a_server_is_there_for_as_long_as_the_block_and_gone_afterwards() -> None:
    with pytest.raises(ZeroDivisionError), own_postgresql() as url:  # noqa: PT012
        with psycopg.connect(url) as connection:
            folder = Path(connection.info.host)
            (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        assert (folder / "data" / "postmaster.pid").exists()
        assert process
        postmaster = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        1 / 0  # noqa: B018
    assert not folder.exists()
    assert not Path(f"/proc/{postmaster}").exists()


def test_where_there_is_none_nothing_is_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    with pytest.raises(NotInstalledError), own_postgresql():
        pytest.fail("there is none")
