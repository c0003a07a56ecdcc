"""A machine of one's own for a process, as far as the network sees it: its packets can really be dropped.

Linux network namespaces with a pair of virtual cables; needs root, `ip` and `iptables`. The rules that drop
packets are inside of the namespace, and go with it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

CLONE_NEWNET = 0x4000_0000
_NUMBERS = itertools.count(1)


class Netspace:
    """`here`: the address of the outside as it sees it. `path`: what `enter` takes."""

    def __init__(self, number: int) -> None:
        self.name = f"watch{os.getpid() % 100_000}-{number}"
        self._net = f"10.{213 + number % 40}.{os.getpid() % 256}"
        self.here = f"{self._net}.1"
        self.path = Path("/run/netns") / self.name
        self._outer, self._inner = (
            f"wo{os.getpid() % 100_000}-{number}",
            f"wi{os.getpid() % 100_000}-{number}",
        )

    def make(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._outer, "type", "veth", "peer", "name", self._inner, "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", self._outer)
        _ip("link", "set", self._outer, "up")
        inside = ("netns", "exec", self.name, "ip")
        _ip(*inside, "addr", "add", f"{self._net}.2/30", "dev", self._inner)
        _ip(*inside, "link", "set", self._inner, "up")
        _ip(*inside, "link", "set", "lo", "up")

    def drop(self) -> None:
        """From now on each packet from and to it is gone, without a word."""
        for chain, way in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self._tables("-A", chain, way, self._inner, "-j", "DROP")

    def mend(self) -> None:
        self._tables("-F")

    def unmake(self) -> None:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)

    def _tables(self, *words: str) -> None:
        _ip("netns", "exec", self.name, "iptables", *words)


def enter(path: str) -> None:
    """This process is in it from now on."""
    with Path(path).open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def netspace() -> Iterator[Netspace]:
    """One, which is gone afterwards. CalledProcessError where none can be made."""
    made = Netspace(next(_NUMBERS))
    try:
        made.make()
        yield made
    finally:
        made.unmake()


@cache
def can_make() -> bool:
    """Whether this user may: root mostly, but not in every container."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("iptables")):
        return False
    try:
        with netspace() as made:
            made.drop()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
