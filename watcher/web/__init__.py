"""The status page, JSON for machines, metrics and health: an HTTP server over what the store knows."""

from __future__ import annotations

from watcher.web.looking import Looker
from watcher.web.server import Server

__all__ = ["Looker", "Server"]
