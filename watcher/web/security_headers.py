"""What every answer carries, whoever asked and whatever came of it."""

from __future__ import annotations

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""The own site alone is told where somebody came from: its forms then say of which site they are."""


def secure(response: web.StreamResponse) -> None:
    """Add what is not there yet."""
    response.headers["Server"] = "watcher"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
