"""The status page, JSON for machines, metrics and health: an HTTP server over what the store knows."""

from __future__ import annotations

from watcher.web.server import Server
from watcher.web.snapshot import PageSnapshots

__all__ = ["PageSnapshots", "Server"]
