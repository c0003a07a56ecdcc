"""A real terminal for a real process: a pty, and what the process wrote to it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PATIENCE = 30.0


class Terminal:
    """The far end of the pty: what was shown, and a keyboard."""

    def __init__(self, keyboard: int, process: asyncio.subprocess.Process) -> None:
        self._keyboard, self.process = keyboard, process
        self.shown = ""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(keyboard, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._keyboard, 65536)
        except OSError:  # the other end was closed
            piece = b""
        if not piece:
            asyncio.get_running_loop().remove_reader(self._keyboard)
        self.shown += piece.decode(errors="replace")
        self._more.set()

    async def until(self, words: str, *, after: int = 0) -> int:
        """Wait until these words were shown; where they end."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := self.shown.find(words, after)) < 0:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{words!r} was not shown; at last: {self.shown[after:]!r}") from None
        return found + len(words)

    async def asked(self) -> int:
        """Wait until it stands behind a question; what is typed earlier may be thrown away."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not self.shown.endswith(": "):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"there is no question: {self.shown[-300:]!r}") from None
        return len(self.shown)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    async def interrupted(self) -> int:
        """Ctrl-C until it ends: one that comes just before Python reads is heard with the next key only."""
        for _ in range(int(PATIENCE)):
            self.type("\x03")
            with suppress(TimeoutError):
                return await asyncio.wait_for(self.process.wait(), 1)
        raise AssertionError(f"Ctrl-C did not end it; at last: {self.shown[-300:]!r}")

    async def ended(self) -> int:
        """Wait for the end; the exit code."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def terminal(
    *words: str,
    folder: Path,
    env: Mapping[str, str],
    columns: int = 80,
    lines: int = 24,
    term: str = "xterm-256color",
) -> AsyncIterator[Terminal]:
    """Run `watcher` on a terminal of its own, in a session of its own."""
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    claim = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    program = f"{claim}; from watcher.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *words),
        stdin=screen, stdout=screen, stderr=screen, cwd=folder, start_new_session=True,
        env={**env, "TERM": term},
    )  # fmt: skip
    os.close(screen)
    far = Terminal(keyboard, process)
    try:
        yield far
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(keyboard)
        os.close(keyboard)
