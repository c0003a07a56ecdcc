"""Signals to the daemon, from the first moment of the process that is ours to the last.

Python's own handlers raise wherever the program is, the kernel's end it, and those of an event loop go with
the loop. So the handlers here are set before anything large is loaded and stay until nothing is left to do.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

HEARD = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
LONGEST_END = 9
"""Seconds after which an end that hangs is cut off, by the exit code that was promised."""


class Signals:
    """What the process was asked for. Nothing asked for before somebody listens is lost."""

    def __init__(self) -> None:
        self._stop = self._reload = False
        self._on_stop: Callable[[], object] | None = None
        self._on_reload: Callable[[], object] | None = None

    def hold(self) -> None:
        """From now on SIGHUP is remembered; SIGTERM and Ctrl-C end the process: nothing is open yet."""
        if threading.current_thread() is threading.main_thread():
            for number in HEARD:
                signal.signal(number, self._came)

    @contextmanager
    def heard(
        self, loop: AbstractEventLoop, on_stop: Callable[[], None], on_reload: Callable[[], None]
    ) -> Iterator[None]:
        """Within it the loop calls these two, also for what was asked for before; after it nobody is asked.

        `on_reload` comes for each SIGHUP, `on_stop` once. An end that then takes too long is cut off.
        """
        self.hold()
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A signal that comes just before the loop goes to sleep would only be seen when it wakes.
        before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        loop.add_reader(woken, os.read, woken, 4096)
        self._on_stop = lambda: loop.call_soon_threadsafe(on_stop)
        self._on_reload = lambda: loop.call_soon_threadsafe(on_reload)
        if self._reload:
            on_reload()
        try:
            yield
        finally:
            self._on_stop = self._on_reload = lambda: None
            signal.set_wakeup_fd(before)
            loop.remove_reader(woken)
            os.close(woken)
            os.close(wake)

    def _came(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._reload = True
            if self._on_reload is not None:
                self._on_reload()
        elif self._on_stop is None:
            os._exit(0)
        elif not self._stop:
            self._stop = True
            signal.signal(signal.SIGALRM, _cut_off)
            signal.alarm(LONGEST_END)
            self._on_stop()


def ignore(*numbers: signal.Signals) -> None:
    """The end has begun, whoever asks for it: the exit code is known."""
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


def _cut_off(_number: int, _frame: object) -> None:
    os.write(2, b"the end took too long and was cut off\n")
    os._exit(0)


SIGNALS = Signals()
"""Those of this process."""
