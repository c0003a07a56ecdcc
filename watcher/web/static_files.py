"""What the pages load: style, scripts, icons; each asked for again only when it has changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from aiohttp import web

_KINDS = {
    "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "png": "image/png",
    "webmanifest": "application/manifest+json",
}  # fmt: skip
STYLE = "style.css"
"""One sheet, put together from the folder `style`."""


class StaticFile(NamedTuple):
    """A file as it is sent."""

    body: bytes
    kind: str
    tag: str


def routes() -> list[web.RouteDef]:
    return [web.get("/static/{name}", static)]


async def static(request: web.Request) -> web.Response:
    """One of the files, or 304 if whoever asks has it."""
    found = static_files().get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound(text="there is no such file")
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": "no-cache"}
    if any(each.value == found.tag for each in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    # A body that is text tells its character set.
    charset = "utf-8" if found.kind.startswith("text/") or "+" in found.kind else None
    return web.Response(body=found.body, content_type=found.kind, charset=charset, headers=headers)


@cache
def static_files() -> dict[str, StaticFile]:
    """All of them, read once: not by a thread of those that look up the names of hosts, for whoever asks."""
    return {name: _file(name, body) for name, body in _bodies()}


@cache
def build() -> str:
    """A word for all of them together, by which a page that is open since another version knows it."""
    return sha256("".join(sorted(each.tag for each in static_files().values())).encode()).hexdigest()[:16]


def _bodies() -> Iterator[tuple[str, bytes]]:
    folder = files("watcher.web") / "static"
    parts = sorted((folder / "style").iterdir(), key=lambda each: each.name)
    yield STYLE, b"".join(each.read_bytes() for each in parts)
    for each in folder.iterdir():
        if each.is_file():
            yield each.name, each.read_bytes()


def _file(name: str, body: bytes) -> StaticFile:
    return StaticFile(body, _KINDS[name.rpartition(".")[2]], sha256(body).hexdigest()[:16])
