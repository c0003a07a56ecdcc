"""Probe of a TEOS key: asked once, before there is a store, by whoever sets things up."""

from __future__ import annotations

from watcher.sources.http import HttpFailure, get_once
from watcher.sources.setup import Probe, failed

CHECK_COST = "it is one call of the 300 a minute; TEOS sells no credits"


async def probe(base_url: str, version: str, key: str) -> Probe:
    """`GET /odata/v…/Ping`: 200, or 401 for a key that is not valid (TEOS docs)."""
    answer = await get_once(f"{base_url}/odata/v{version}/Ping", {"Authorization": f"Bearer {key}"}, key)
    if isinstance(answer, HttpFailure):
        return failed(answer)
    return Probe(sound=True, refused=False, text="TEOS takes it")
