"""Jobs: what runs for ever, each in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

Job = tuple[str, Callable[[], Coroutine[Any, Any, None]]]
"""The name of a task, and what makes its coroutine."""


def start_jobs(jobs: Iterable[Job]) -> list[asyncio.Task[None]]:
    """Their tasks; one that ends by itself is a fault."""
    return [asyncio.create_task(work(), name=name) for name, work in jobs]


async def stop_jobs(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End them, and wait until they have."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
