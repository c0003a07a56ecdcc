"""`make bench`: what the daemon costs, beside its floor and its bars; or beside another state of the code.

Without arguments a quick set of ten minutes at most; `--all` adds 50,000 accounts, ten million rows of
history and memory over a long time. `--against TREE` compares polling with another checkout or a revision.
"""

from __future__ import annotations

import argparse
import compileall
import resource
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import hinting, history, idle, polling, product, results, sides
from benchmarks.processes import ROOT, Fake, fake, floor, process, resident
from benchmarks.product import Installation, Load, Variant

WALLETS_TOLD = 7
"""Wallets that are told of, each on a channel of its own, when the way to the webhook is measured."""
SECONDS = 20.0
ROWS = 10_000_000
FEW, MANY, MOST = Load(1000, "2s"), Load(10_000, "10s"), Load(50_000, "50s")
POLLING = "CPU of a poll, us an account"
LOOKING_BACK = "CPU of a poll where 3 rules look back, us an account"
MEMORY = "Memory, MiB"
START = "Start to the first request, ms"
TOLD = "Answer read to webhook, ms"
HELD = "Event loop held, ms"
IDLE = "CPU with nothing to do, % of a core"
HINT = "Hint told, us"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--all", action="store_true", help="half an hour more")
    parser.add_argument("--keep", action="store_true", help="keep the figures for the documentation's chart")
    parser.add_argument("--against", metavar="TREE", help="only polling, beside another checkout or revision")
    parser.add_argument("--rounds", type=int, default=4, help="with --against")
    parser.add_argument("--accounts", type=int, default=1500, help="with --against")
    chosen = parser.parse_args()
    if chosen.against:
        compare(chosen.against, chosen.rounds, Load(chosen.accounts))
        return
    for package in ("watcher", "benchmarks"):  # as an installation does; or each start may do it anew
        compileall.compile_dir(ROOT / package, quiet=1)
    found = results.Results()
    print(found.machine, flush=True)
    for part in (small, polls, rules, *((most, past, long) if chosen.all else ())):
        part(found)
        if chosen.keep:
            found.write(results.KEPT / "benchmarks.json")


def compare(against: str, number: int, load: Load) -> None:
    """This tree and another one, at once."""
    done = []
    print(results.python(), results.load(), sep="\n")
    print(f"{load.accounts:,} accounts x 20 assets, each polled every {load.every}", flush=True)
    with sides.sides(against) as both:
        for found in polling.rounds(both, load, number):
            done.append(found)
            print(f"round {len(done)} of {number}: {results.load()}", flush=True)
    print(*sides.table(done), sep="\n")


def small(found: results.Results) -> None:
    """What is measured with few accounts: hints, memory, the way to the webhook, a start."""
    hints = hinting.measure(MANY.accounts)
    found.add(HINT, "an account that is pending already", hints.pending, hints.bare, "<= 10")
    found.add(HINT, "a poll is planned", hints.new, hints.bare, "<= 200")
    with fake(WALLETS_TOLD) as far, tempfile.TemporaryDirectory() as folder:
        place = Installation(Path(folder), far)
        waiting(found, far.hook)
        place.configure(Load(WALLETS_TOLD, "1s"), channels=WALLETS_TOLD)
        telling(found, place)
        place.configure(Load(1, "1s"))
        starting(found, place, "nothing stored", "<= 800", empty=True)


def waiting(found: results.Results, hook: str) -> None:
    with idle.at_work([sides.HERE], idle.CASES[:2]) as daemons:
        used = idle.measure(daemons, 30.0)
        sizes = [resident(each.running.pid) for each in daemons]
    with process("-m", "benchmarks.floor", "idle", hook, listen=True) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        time.sleep(1)
        floors = (resident(bare.pid), None)
    names = [f"{each.case.accounts} account{'s' * (each.case.accounts > 1)}, waiting" for each in daemons]
    for name, size, least, bar in zip(names, sizes, floors, ("", "<= 55"), strict=True):
        found.add(MEMORY, name, size, least, bar)
    for name, (wakes, _, share) in zip(names, used, strict=True):
        found.add(IDLE, name, share, None, "<= 0.3")
        found.add(IDLE, f"{name}: wake-ups a second", wakes, None, "<= 1")


def telling(found: results.Results, place: Installation) -> None:
    words = ("tell", place.fake.url, place.fake.hook, str(WALLETS_TOLD))
    with process("-m", "benchmarks.floor", *words, listen=True):
        bare = product.telling(place.fake, WALLETS_TOLD)
    with place.daemon():
        ours = product.telling(place.fake, WALLETS_TOLD)
    many = WALLETS_TOLD * product.TOLD_AT_ONCE
    found.add(TOLD, f"median of {many}", ours["median"], bare["median"], "<= 20", clock=True)
    found.add(TOLD, f"longest of {many}", ours["longest"], bare["longest"], clock=True)


def starting(
    found: results.Results, place: Installation, what: str, bar: str = "", *, empty: bool = False
) -> None:
    """By the clock, which a busy machine stretches, and by CPU, which it does not; the floor has nothing
    stored."""
    took, used = _medians(place.start(empty=empty) for _ in range(5))
    bare, least = _medians(bare_start(place.fake) for _ in range(5)) if empty else (None, None)
    found.add(START, what, took, bare, bar, clock=True)
    found.add(START, f"{what}, by CPU", used, least)


def _medians(times: Iterable[tuple[float, float]]) -> tuple[float, ...]:
    return tuple(statistics.median(each) * 1e3 for each in zip(*times, strict=True))


def bare_start(far: Fake) -> tuple[float, float]:
    far.control(reset=True)
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    floor("start", far.url, far.hook)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return float(far.control()["first"]) - began, spent


def polls(found: results.Results) -> None:
    """Few accounts and many, of both APIs, and the floor, all at once; then the many alone."""
    variants = [
        Variant("few", FEW), Variant("many", MANY),
        Variant("TEOS", Load(1000, "2s", source="teos")), Variant("floor", FEW, floor=True),
    ]  # fmt: skip
    with polling.places(variants) as running:
        seen = polling.polled(running, seconds=SECONDS)
        for share in polling.SHARES:
            bare = polling.cpu_of(seen["floor"], share)
            for variant in variants[:2]:
                ours = polling.cpu_of(seen[variant.name], share)
                what = f"{variant.load.accounts:,} accounts, {changed(share)}"
                found.add(POLLING, what, ours, bare, f"<= 3 x: {ours / bare:.1f} x")
        for share in polling.SHARES:
            found.add(POLLING, f"TEOS, 5 assets each, {changed(share)}", polling.cpu_of(seen["TEOS"], share))
        sizes = {name: figures["memory, loaded, MiB"] for name, figures in seen.items()}
        found.add(MEMORY, f"{FEW.accounts:,} accounts, 5 rules", sizes["few"], sizes["floor"])
        found.add(MEMORY, f"{MANY.accounts:,} accounts", sizes["many"], None, "<= 130")
        many = [place for place in running if place.variant.name == "many"]
        stored(found, many[0], "<= 1200")
        held = polling.loops(many, seconds=SECONDS)["many"]
        for when, bar in (("start included", "<= 20"), ("steady", "<= 5")):
            found.add(HELD, f"{when}, by the clock", held[f"loop held, {when}, ms"], None, bar, clock=True)
            found.add(HELD, f"{when}, by CPU", held[f"loop held, {when}, CPU ms"])


def stored(found: results.Results, place: Installation, bar: str = "", what: str = "") -> None:
    """A start of what was read before; each account is due at once."""
    load = place.variant.load
    place.configure(Load(load.accounts, "1s", looks_back=load.looks_back))
    starting(found, place, what or f"{load.accounts:,} stored", bar)
    place.configure(load)


def rules(found: results.Results) -> None:
    numbers = (0, 5, 50, 500)
    variants = [Variant(f"{number} rules", Load(1000, "2s", number)) for number in numbers]
    with polling.places(variants) as running:
        seen = polling.polled(running, polling.SHARES[:1], SECONDS)
    for name, figures in seen.items():
        found.add(
            POLLING,
            f"{FEW.accounts:,} accounts, {name}, {changed(polling.SHARES[0])}",
            polling.cpu_of(figures, polling.SHARES[0]),
        )
    found.add(MEMORY, f"{FEW.accounts:,} accounts, 500 rules", seen["500 rules"]["memory, loaded, MiB"])


def changed(share: float) -> str:
    return f"{share * 100:.0f} % changed"


def most(found: results.Results) -> None:
    with polling.places([Variant("most", MOST)]) as running:
        seen = polling.polled(running, seconds=50.0)["most"]
        for share in polling.SHARES:
            what = f"{MOST.accounts:,} accounts, {changed(share)}"
            found.add(POLLING, what, polling.cpu_of(seen, share))
        found.add(MEMORY, f"{MOST.accounts:,} accounts", seen["memory, loaded, MiB"])
        stored(found, running[0])


def past(found: results.Results) -> None:
    """Three rules that look back, over ten million changes and over none, both at once."""
    load = Load(1000, "2s", looks_back=True)
    with polling.places([Variant("none", load), Variant("rows", load)]) as running:
        with running[1].daemon():
            polling.settle(running[1:], 1, 0.0)
        began = time.monotonic()
        history.fill(running[1].folder / "watcher.db", ROWS)
        size = (running[1].folder / "watcher.db").stat().st_size / 2**20
        print(f"  ({ROWS:,} rows written in {time.monotonic() - began:.0f} s: {size:,.0f} MiB)", flush=True)
        seen = polling.polled(running, seconds=SECONDS)
        for share in polling.SHARES:
            for name, what in (("none", "no past"), ("rows", "ten million rows")):
                used = polling.cpu_of(seen[name], share)
                found.add(LOOKING_BACK, f"{what}, {changed(share)}", used)
        found.add(
            MEMORY, f"{load.accounts:,} accounts, ten million rows", seen["rows"]["memory, loaded, MiB"]
        )
        stored(found, running[1], what=f"{load.accounts:,} and ten million rows stored")


def long(found: results.Results) -> None:
    """Memory at the end of five minutes, compared with its size after one."""
    with polling.places([Variant("long", Load(1000, "1s"))]) as running, running[0].daemon() as daemon:
        polling.settle(running, 60, 0.01)
        before = resident(daemon.pid)
        polling.settle(running, 240, 0.01)
        found.add(MEMORY, "growth over 240 polls of 1,000 accounts", resident(daemon.pid) - before, None, "0")


if __name__ == "__main__":
    main()
