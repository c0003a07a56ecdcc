"""Waiting for the store: one that several machines share may be away when this one starts."""

from __future__ import annotations

import asyncio
import logging
import random

from watcher.config.configuration import check_store
from watcher.config.settings import Settings
from watcher.daemon import systemd
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.store import Store

log = logging.getLogger(__name__)

FIRST, LONGEST = 1.0, 30.0
"""Seconds between two attempts: each wait is twice the one before, with jitter."""
SAID = 60.0
"""Seconds between two lines of the log."""


async def opened(settings: Settings, stopping: asyncio.Event) -> Store | None:
    """The store at work. One on a server is waited for while it is away; None: it is time to stop.

    ConfigurationError if it cannot be used as it is. A file that cannot be opened is no matter of time.
    """
    wait, said = FIRST, -SAID
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        try:
            await asyncio.to_thread(check_store, settings)
            return await settings.backend.open(exclusive=True)
        except StoreBusyError as error:
            if not settings.store.shared:
                raise
            if loop.time() - said >= SAID:
                said = loop.time()
                log.error("store: %s; nothing is asked or told until it is there", error)  # noqa: TRY400
            systemd.status(f"waits for the store: {error}")
        # It has started as far as it can: systemd would end a start that takes a minute, and give up.
        systemd.ready()
        systemd.watchdog()
        with_jitter = wait * random.uniform(0.5, 1.0)
        wait = min(wait * 2, LONGEST)
        await asyncio.wait({stopped := asyncio.ensure_future(stopping.wait())}, timeout=with_jitter)
        stopped.cancel()
    return None
