"""`make bench`: each figure beside its floor from the same run."""

from __future__ import annotations

import argparse
import compileall
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import hinting, machine, polling, product, sides
from benchmarks.processes import ROOT, Fake, fake, floor, process, resident

WALLETS_TOLD = 7
"""Wallets that are told of, each on a channel of its own, when the way to the webhook is measured."""


def row(what: str, product_side: str, floor_side: str, bar: str = "") -> None:
    print(f"{what:<46} {product_side:>24} {floor_side:>24}   {bar}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--cycles", type=int, default=12, help="cycles of the steady measurement")
    parser.add_argument("--every", type=int, default=2, help="seconds of a cycle; the daemon must keep up")
    parser.add_argument("--quick", action="store_true", help="1,000 accounts, 10 cycles")
    parser.add_argument(
        "--full", action="store_true", help="1,000 cycles as fast as it goes: memory over a long run"
    )
    parser.add_argument(
        "--against", metavar="TREE", help="another checkout or a revision: only polling, both at once"
    )
    parser.add_argument("--rounds", type=int, default=4, help="with --against")
    chosen = parser.parse_args()
    print(f"{machine.python()}\n{machine.load()}", flush=True)
    if chosen.against:
        compare(chosen.against, chosen.rounds, polling.Load(min(chosen.accounts, 1500)))
        return
    for package in ("watcher", "benchmarks"):  # as an installation does; or each start may do it anew
        compileall.compile_dir(ROOT / package, quiet=1)
    accounts = 1000 if chosen.quick else chosen.accounts
    cycles = 1000 if chosen.full else 10 if chosen.quick else chosen.cycles
    print(f"{accounts:,} accounts x 20 assets, {cycles} cycles", flush=True)
    row("", "watcher", "floor", "bar")
    hints(accounts)
    with fake(accounts) as far, tempfile.TemporaryDirectory() as folder:
        small = product.Installation(Path(folder) / "small", far)
        small.folder.mkdir()
        large = product.Installation(Path(folder) / "large", far)
        large.folder.mkdir()
        small.configure(1, "1h")
        seconds = 1 if chosen.full else chosen.every
        large.configure(accounts, f"{seconds}s")
        idle(small, far)
        small.configure(WALLETS_TOLD, "1s", channels=WALLETS_TOLD)
        telling(small, far)
        small.configure(1, "1s")
        start(small, far, "nothing stored", "<= 0.8 s", empty=True)
        steady(large, far, accounts, cycles, seconds)
        start(large, far, f"{accounts:,} stored", "<= 1.2 s")
        blocked(large, accounts)


def compare(against: str, number: int, load: polling.Load) -> None:
    """This tree and another one, at once: polling, a table after each round."""
    done = []
    with sides.sides(against) as both:
        print(f"{load.accounts:,} accounts x 20 assets, each polled every {load.every} s", flush=True)
        for found in polling.rounds(both, load, number):
            done.append(found)
            print(f"round {len(done)} of {number}: {machine.load()}", flush=True)
    print(*sides.table(done), sep="\n")


def hints(accounts: int) -> None:
    found = hinting.measure(accounts)
    row(
        "hint told, its account pending already",
        f"{found.pending:.1f} us",
        f"{found.bare:.1f} us",
        "<= 10 us",
    )
    row("hint told, a poll is planned", f"{found.new:.1f} us", f"{found.bare:.1f} us", "<= 200 us")


def idle(place: product.Installation, far: Fake) -> None:
    ours, share = product.idle(place)
    with process("-m", "benchmarks.floor", "idle", far.hook, listen=True) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        time.sleep(1)
        row("memory, idle", f"{ours:.0f} MiB", f"{resident(bare.pid):.0f} MiB", "<= 80 MiB")
        assert bare.stdin is not None
        bare.stdin.close()
        bare.wait(10)
    row("CPU, idle", f"{share:.2f} % of a core", "", "<= 0.3 %")


def telling(place: product.Installation, far: Fake) -> None:
    with process("-m", "benchmarks.floor", "tell", far.url, far.hook, str(WALLETS_TOLD), listen=True):
        bare = product.telling(far, WALLETS_TOLD)
    with place.daemon():
        ours = product.telling(far, WALLETS_TOLD)
    ours_text, bare_text = (f"{side['median']:.1f} ms (max {side['longest']:.0f})" for side in (ours, bare))
    many = WALLETS_TOLD * product.TOLD_AT_ONCE
    row(f"answer read to webhook, median of {many}", ours_text, bare_text, "<= 20 ms")


def start(place: product.Installation, far: Fake, what: str, bar: str, *, empty: bool = False) -> None:
    ours = statistics.median(place.start(empty=empty)[0] for _ in range(3))
    bare = statistics.median(bare_start(far) for _ in range(3))
    row(f"start to first request, {what}", f"{ours:.2f} s", f"{bare:.2f} s", bar)


def bare_start(far: Fake) -> float:
    far.control(reset=True)
    began = time.monotonic()
    floor("start", far.url, far.hook)
    return float(far.control()["first"]) - began


def steady(place: product.Installation, far: Fake, accounts: int, cycles: int, seconds: int) -> None:
    """The floor before and after: the machine may have changed meanwhile."""

    def bare(changed: float, mode: str) -> Any:
        far.control(changed=changed, reset=True)
        rest = [str(seconds)] if mode == "spread" else []
        return floor(mode, far.url, str(accounts), "5", *rest)

    shares = (0.01, 1.0)
    kinds = [(share, mode) for share in shares for mode in ("cycle", "spread")]
    before = [bare(*kind) for kind in kinds]
    few, many = product.steady(place, accounts, cycles)
    after = [bare(*kind) for kind in kinds]
    costs = [(first["cpu_us"] + second["cpu_us"]) / 2 for first, second in zip(before, after, strict=True)]
    for share, ours, cost, spread in zip(shares, (few, many), costs[::2], costs[1::2], strict=True):
        own = ours["cpu_us"]
        row(
            f"CPU an account, {share:.0%} changed",
            f"{own:.1f} us",
            f"{cost:.1f} us",
            f"<= 3 x: {own / cost:.1f} x",
        )
        row(
            f"  the floor with history, spread over {seconds} s",
            "",
            f"{spread:.1f} us",
            f"{own / spread:.1f} x",
        )
    row(
        "  balances changed in a cycle",
        "",
        f"{after[0]['changes']:.0f} / {after[2]['changes']:.0f}",
        "",
    )
    row("  accounts a request", f"{few['a_request']:.1f}", "50.0", "")
    row("  notifications (none is due)", f"{few['told'] + many['told']}", "", "0")
    row("accounts a second and core, 1 % changed", f"{1e6 / few['cpu_us']:,.0f}", "", ">= 20,000")
    most = max(few["sizes"] + many["sizes"])
    row("memory, loaded", f"{most:.0f} MiB", f"{after[0]['rss']:.0f} MiB", "<= 130 MiB")
    grown = few["sizes"][-1] - few["sizes"][1]
    row(f"  growth over the last 80 % of {few['cycles']} cycles", f"{grown:+.1f} MiB", "", "flat")
    hold = after[0]["blocked"][0] if after[0]["blocked"] else (0.0, 0.0)
    row("event loop held, floor, steady", "", f"{hold[0] * 1e3:.0f} ms (CPU {hold[1] * 1e3:.0f})", "")


def blocked(place: product.Installation, accounts: int) -> None:
    ever, during = product.blocked(place, accounts, 10)
    for what, hold, bar in (("ever", ever, "<= 50 ms"), ("steady", during, "<= 5 ms")):
        ours = f"{hold[0] * 1e3:.0f} ms (CPU {hold[1] * 1e3:.0f})"
        row(f"event loop held, {what}", ours, "", f"{bar}; in {hold[3]}")


if __name__ == "__main__":
    main()
