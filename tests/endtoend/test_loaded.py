"""What the daemon has loaded once it has polled: what a small configuration uses, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tests.endtoend.bench import EVM, Installation, stop

TELL = """
import atexit, json, sys

def tell():
    places = {name: getattr(each, "__file__", None) or "" for name, each in list(sys.modules.items())}
    with open("loaded.json", "w") as file:
        json.dump(places, file)

atexit.register(tell)
"""

CLIENT = {
    *("aiohappyeyeballs", "aiohttp", "aiosignal", "attr", "frozenlist"),
    *("idna", "multidict", "propcache", "yarl"),
}
SETTINGS = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection", "yaml"}

TICKS = {"apscheduler", "tzlocal"}
SMALL = CLIENT | SETTINGS | TICKS | {"msgspec"}
APPRISE = {"apprise", "certifi", "requests", "urllib3"}
SCHEMA = {"click", "dateutil", "pluggy", "six", "sqlite_fts4", "sqlite_utils"}
ROOMS = {
    *("app", "cli", "commands", "config", "daemon", "domain", "notify", "ports", "queues", "service"),
    *("sources", "store", "system"),
}


async def loaded(there: Installation, *, ticking: bool = True, alerting: bool = False) -> dict[str, str]:
    """All modules of a daemon that has polled, by its ticks too, and told an alert, with their files."""
    there.file("sitecustomize.py").write_text(TELL)
    async with there.daemon(PYTHONPATH=f"{there.folder}:{there.env.get('PYTHONPATH', '')}") as process:
        await (there.polled() if ticking else there.coinstats.until(1))
        if alerting:
            there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.4")
            await there.hook.told("eth-low")
        await stop(there, process)
    found: dict[str, str] = json.loads(there.file("loaded.json").read_text())
    return found


def others(modules: dict[str, str]) -> set[str]:
    """Packages that were installed, by their names; none of Python's own."""
    names = {name.partition(".")[0] for name, file in modules.items() if "/site-packages/" in file}
    return {name for name in names - {"watcher"} if not name.startswith(("__editable__", "_distutils_hack"))}


def rooms(modules: Iterable[str]) -> set[str]:
    return {name.split(".")[1] for name in modules if name.startswith("watcher.") and name.count(".") > 1}


async def test_a_daemon_has_loaded_what_its_configuration_uses(there: Installation) -> None:
    first = await loaded(there)
    assert others(first) <= SMALL | APPRISE | SCHEMA
    assert rooms(first) <= ROOMS

    again = await loaded(there)
    assert others(again) <= SMALL | APPRISE, "the store has its tables"

    told = await loaded(there, alerting=True)
    more = {name for name in set(told) - set(again) if not name.startswith("encodings.")}
    assert not more, "what an alert needs was there before it"


async def test_neither_apprise_nor_apscheduler_is_loaded_where_none_is_used(there: Installation) -> None:
    there.write(every="auto")
    there.edit(
        "watcher.yaml", 'ops: {url: "${HOOK_URL}"}', 'ops: {kind: webhook, url: "http://127.0.0.1:9/"}'
    )
    found = await loaded(there, ticking=False)
    assert others(found) <= SMALL - TICKS | SCHEMA
