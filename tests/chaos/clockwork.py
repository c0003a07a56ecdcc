"""A time of day that the harness sets: the real one, and an offset that is read from a file.

Like a machine's clock that somebody sets: monotonic time knows nothing of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self


def install(path: str) -> None:
    """From now on the daemon's time of day is off by the seconds written in `path`."""
    file = Path(path)

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            real: Any = datetime.now(tz) + timedelta(seconds=float(file.read_text() or 0))
            return real  # type: ignore[no-any-return]

    import apscheduler.schedulers.base

    import watcher.service.clock
    import watcher.store.postgres.clock as database_clock

    modules: tuple[Any, ...] = (watcher.service.clock, apscheduler.schedulers.base)
    for module in modules:
        module.datetime = Stepped
    database_clock.time_of_day = lambda: Stepped.now(UTC).timestamp()
