"""Plugins of apprise: those that the channels need are loaded, the others stay on the disk.

apprise loads all of its some 180 plugins before it takes its first URL: 0.1 s of every start, and some
17 MiB of every daemon.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import apprise
import apprise.plugins

from watcher.notify.apprise.sending import recipient
from watcher.notify.markup import HTML, MARKDOWN, PLAIN, Space


def load(scheme: str) -> None:
    """Load the plugin of one scheme. One that is not found may be found by `load_all`."""
    manager = _manager()
    if manager and scheme in manager:
        return
    name = next(_claiming(scheme), None)
    if name is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="watcher-") as folder:
            # The manager takes the names of plugins from a folder's files, and their code from the package.
            (Path(folder) / f"{name}.py").touch()
            manager.load_modules(path=folder, name=apprise.plugins.__name__)
    except OSError:
        return  # nowhere to write: then all of them are loaded


def load_all() -> None:
    """Load every plugin: some tell by the whole URL whether it is theirs."""
    _manager().load_modules()


def over_http(service: Any) -> bool:
    """Whether a plugin sends by HTTP, which `requests` does for it."""
    return hasattr(sys.modules[type(service).__module__], "requests")


def preferred_format(service: Any) -> str:
    """Markdown for chats, HTML for mail, plain text for the rest and for programs."""
    declared = service.notify_format
    several = [declared] if isinstance(declared, str) else declared
    formats = [str(getattr(each, "value", each)) for each in several]
    if MARKDOWN.name in formats and (HTML.name not in formats or formats[0] != PLAIN.name):
        return MARKDOWN.name
    return HTML.name if formats[0] == HTML.name else PLAIN.name


def space_of(service: Any, style: str) -> Space:
    """What the service takes, measured as the plugin will send it, in UTF-16 units as Telegram counts."""

    def measure(text: str) -> int:
        sent = service.dialect_convert(text, apprise.NotifyFormat(style))
        return len(sent.encode("utf-16-le")) // 2

    return Space(total=service.body_maxlen or 32768, title=service.title_maxlen, measure=measure)


def public_parts(service: Any) -> set[str]:
    """Parts of a URL that are no secret although they are in it: who is written to, and where.

    A topic of ntfy is one: whoever knows it reads and writes there. Without a server it stands for the host.
    """
    known, topics = unquote(str(service.url(privacy=True))), set(getattr(service, "topics", ()))
    host = "" if service.host in topics else str(service.host or "")
    asked = [getattr(service, name, ()) for name in ("targets", "channels", "rooms")]
    names = {recipient(each) for group in asked if isinstance(group, list | tuple | set) for each in group}
    found = {part for name in names if name and name in known for part in (name, name.strip("#@+-"))}
    if host and re.search(rf"(?<=[/@]){re.escape(host)}(?=[:/?]|$)", known):
        found.add(host)
    return found | ({str(service.port)} if service.port else set())


PAGES = "https://appriseit.com/services/"
"""Where each service has a page that says how its URL is written."""


def advice(scheme: str) -> str:
    """Advice on what to write in place of a URL that apprise does not take, and where that is described.

    A scheme that is known gets its own page; another one the scheme that was probably meant: the one of
    a service of that name, else the one that is spelt most like it.
    """
    load_all()
    known: dict[str, str] = {}
    names: dict[str, str] = {}
    for plugin in _manager().plugins():
        own = [each for each in _schemes(plugin) if re.fullmatch(r"[a-z0-9]+", each)]
        page = str(plugin.setup_url or PAGES)
        known |= dict.fromkeys(own, page)
        if own:
            names.setdefault(re.sub(r"[^a-z0-9]", "", str(plugin.service_name).lower()), own[0])
    if scheme in known:
        return f"see {known[scheme]}"
    name = re.sub(r"[^a-z0-9]", "", scheme)
    near = [names[name]] if name in names else get_close_matches(scheme, known, 2, 0.75)
    if not near:
        return f"every service and its URL: {PAGES}"
    return f"did you mean {'://… or '.join(near)}://…, see {known[near[0]]}"


def _schemes(plugin: Any) -> list[str]:
    found: list[str] = []
    for each in (plugin.secure_protocol, plugin.protocol):
        found += [each] if isinstance(each, str) else [str(one) for one in each or ()]
    return found


def _manager() -> Any:
    """The one of this process."""
    return apprise.NotificationManager()  # type: ignore[no-untyped-call]


def _claiming(scheme: str) -> Iterator[str]:
    """The plugins that name this scheme as their own."""
    word = re.escape(scheme)
    quoted = (f'"{scheme}"'.encode(), f"'{scheme}'".encode())
    claim = re.compile(rf"""^    (?:secure_)?protocol = [^=]*?["']{word}["']""".encode(), re.MULTILINE)
    for place in sorted(Path(apprise.plugins.__file__ or "").parent.iterdir()):
        files = sorted(place.glob("*.py")) if place.is_dir() else [place]
        for file in files if place.is_dir() or place.suffix == ".py" else ():
            text = file.read_bytes()
            if any(each in text for each in quoted) and claim.search(text):
                yield place.stem
                break
