"""One store for one configuration, from whichever folder and in whichever words it is named."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.endtoend.bench import Installation, here
from tests.store.given import by_hand, opened


@pytest.fixture
def sub(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below the present one, with the configuration; the process is beside it."""
    folder = there.folder / "sub"
    folder.mkdir()
    for name in ("watcher.yaml", "rules.yaml"):
        there.file(name).rename(folder / name)
    (there.folder / "link").symlink_to(folder)
    (there.folder / "far" / "away").mkdir(parents=True)
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    return folder


def stores(folder: Path) -> set[Path]:
    return {path.resolve() for path in folder.rglob("watcher.db")}


WAYS = (
    (".", "sub/watcher.yaml"),
    (".", "{folder}/sub/watcher.yaml"),
    (".", "link/watcher.yaml"),
    (".", "far/../sub/watcher.yaml"),
    ("sub", "watcher.yaml"),
    ("sub", "../sub/watcher.yaml"),
    ("link", "./watcher.yaml"),
    ("far/away", "../../sub/watcher.yaml"),
)


async def test_every_verb_finds_the_one_store_from_every_folder(
    there: Installation, sub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.sim.world.set_amount("0x9f114da25b61b77606d47eab414b9360f8783979", "ethereum", "ETH", "0.1")
    (sub / "tests.yaml").write_text(TESTS)
    for number, (folder, written) in enumerate(WAYS):
        monkeypatch.chdir(there.folder / folder)
        config = written.format(folder=there.folder)
        for verb in (
            ("poll",),
            ("status",),
            ("balances",),
            ("silence", "add", "--wallet", "solo", "--for", "1s"),
            ("ack", firing(sub)) if number else ("alerts",),
            ("backup", f"{there.folder}/copy{number}"),
            ("backtest", "--since", "1h"),
            ("check",),
        ):
            code = await here(*verb, "-c", config)
            assert code == (2 if verb == ("status",) else 0), (verb, folder, config)
        assert await here("test", str(Path(config).parent / "tests.yaml")) == 0
        assert stores(there.folder) == {sub / "watcher.db"}, (folder, config)
        assert (there.folder / f"copy{number}").is_file()


TESTS = """\
rules: [rules.yaml]
wallets:
  - {name: hot, chains: [ethereum]}
tests:
  - name: a low wallet is told
    every: 10m
    readings:
      - {wallet: hot, asset: ETH, amounts: "1 0.4"}
    expect:
      - {at: 10m, alerts: [{rule: eth-low}]}
"""


def firing(sub: Path) -> str:
    with by_hand(sub / "watcher.db") as conn:
        return str(conn.execute("SELECT id FROM alerts WHERE rule = 'eth-low'").fetchone()[0])


async def test_the_plan_is_spent_once_however_the_configuration_is_named(
    there: Installation, sub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (sub / "watcher.yaml").read_text()
    (sub / "watcher.yaml").write_text(text.replace(f"limit: {10**12}", "limit: 100, reserve: 0%"))
    for folder, written in WAYS:
        monkeypatch.chdir(there.folder / folder)
        await here("poll", "-c", written.format(folder=there.folder), "--wallet", "solo")
    assert 0 < there.sim.coinstats.credits_used <= 100


async def test_a_second_daemon_is_refused_however_the_store_is_named(there: Installation, sub: Path) -> None:
    (sub / "alias.db").symlink_to(sub / "watcher.db")
    text = (sub / "watcher.yaml").read_text()
    (sub / "alias.yaml").write_text(text.replace("path: watcher.db", "path: alias.db"))
    with (there.folder / "log").open("wb") as log:
        first = await there.spawn("run", "-c", "sub/watcher.yaml", stdout=log, stderr=log)
        try:
            await there.first_readings()
            assert stores(there.folder) == {sub / "watcher.db"}
            for config in (f"{sub}/watcher.yaml", "link/watcher.yaml", "sub/alias.yaml"):
                code, _, err = await there.verb("run", "-c", config)
                assert (code, f"process {first.pid}" in err) == (1, True), (config, err)
        finally:
            first.send_signal(signal.SIGTERM)
            assert await first.wait() == 0


async def test_a_store_with_two_names_is_refused_by_every_verb_that_opens_it(
    there: Installation, sub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll", "-c", "sub/watcher.yaml") == 0
    os.link(sub / "watcher.db", sub / "other.db")
    code, _, err = await there.verb("run", "-c", "sub/watcher.yaml")
    assert (code, "another name too" in err) == (1, True), err
    for verb in ("poll", "balances", "status"):
        capsys.readouterr()
        assert await here(verb, "-c", "sub/watcher.yaml") == (3 if verb == "status" else 1)
        assert "another name too (a hard link)" in capsys.readouterr().err
    (sub / "other.db").unlink()
    assert await here("poll", "-c", "sub/watcher.yaml") == 0


async def test_a_store_at_the_doubled_place_of_old_is_named_with_the_remedy_and_no_second_one_is_made(
    there: Installation, sub: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doubled = sub / "sub" / "watcher.db"
    async with opened(doubled):
        pass
    for folder, written in WAYS:
        monkeypatch.chdir(there.folder / folder)
        config = written.format(folder=there.folder)
        for verb, code in (("poll", 1), ("balances", 1), ("status", 3)):
            capsys.readouterr()
            assert await here(verb, "-c", config) == code, (verb, folder, config)
            err = capsys.readouterr().err
            assert "mv " in err
            assert "watcher.db* " in err
        assert stores(there.folder) == {doubled}
    code, _, err = await there.verb("run", "-c", "sub/watcher.yaml")
    assert (code, "mv " in err) == (1, True), err
    assert there.sim.coinstats.credits_used == 0
    doubled.rename(sub / "watcher.db")
    assert await here("poll", "-c", config) == 0


async def test_of_two_stores_it_is_said_which_is_used_and_what_the_other_holds(
    there: Installation, sub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll", "-c", "sub/watcher.yaml") == 0
    assert "warning" not in capsys.readouterr().err
    async with opened(sub / "sub" / "watcher.db"):
        pass
    for verb in ("poll", "check", "balances"):
        assert await here(verb, "-c", f"{sub}/watcher.yaml") == 0
        err = capsys.readouterr().err
        assert f"{sub}/watcher.db is the store in use; {sub}/sub/watcher.db is another one" in err
        assert "credits spent" in err


async def test_the_store_of_another_configuration_below_is_left_alone(
    there: Installation, sub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(sub / "sub" / "watcher.db"):
        (sub / "sub" / "watcher.yaml").write_text("version: 1\n")
    assert await here("poll", "-c", "sub/watcher.yaml") == 0
    assert "another one" not in capsys.readouterr().err


async def test_a_store_beside_the_file_that_a_linked_configuration_is_is_named(
    there: Installation, sub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll", "-c", "sub/watcher.yaml") == 0
    for name in ("watcher.yaml", "rules.yaml"):
        (there.folder / "far" / name).symlink_to(sub / name)
    assert await here("poll", "-c", "far/watcher.yaml") == 1
    assert f"kept one at {sub}/watcher.db" in capsys.readouterr().err
