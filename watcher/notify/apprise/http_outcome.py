"""HTTP answers to a plugin's requests, in the words of the service.

apprise keeps none of them; its plugins all send through `requests`, so that is where they are observed. Only
the requests of a thread that asked for it are, and nothing of a request or an answer is changed.
"""

from __future__ import annotations

import functools
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from watcher.domain.messages.delivery import Fault
from watcher.domain.records import Record, field
from watcher.notify.refusals import (
    LONGEST_BODY,
    ServiceRefusal,
    answered,
    refused_in_words,
    unreached,
)
from watcher.system.connections import turned_away

_TURNED_AWAY = re.compile(r"Tunnel connection failed: ([0-9]{3})")


class HttpOutcome(Record):
    """HTTP answers that one send met. `about`: for whom the next request is, if the plugin said so."""

    about: str = ""
    refusals: dict[str, ServiceRefusal] = field(default_factory=dict)
    """The last refusal of each recipient; under an empty name what concerns nobody in particular."""
    answer: ServiceRefusal | None = None
    """The last answer, whatever it was: what a plugin found no success may say why."""

    @property
    def last(self) -> ServiceRefusal | None:
        return next(reversed(self.refusals.values()), self.answer)

    def note(self, refusal: ServiceRefusal) -> None:
        self.refusals.pop(self.about, None)
        self.refusals[self.about] = refusal


class _Observation(threading.local):
    outcome: HttpOutcome | None = None
    proxy: str | None = None


_observation = _Observation()


@contextmanager
def observing(proxy: str | None = None) -> Iterator[HttpOutcome]:
    """Observe what this thread's requests meet, and send them through `proxy` if there is one."""
    outcome = _observation.outcome = HttpOutcome()
    _observation.proxy = proxy
    try:
        yield outcome
    finally:
        _observation.outcome = _observation.proxy = None


def install() -> None:
    """Replace the way `requests` sends by one that observes, once a process."""
    original = requests.Session.send
    if getattr(original, "watcher_observes", False):
        return

    @functools.wraps(original)
    def send(self: requests.Session, request: Any, **options: Any) -> requests.Response:
        outcome = _observation.outcome
        if outcome is None:
            return original(self, request, **options)
        if _observation.proxy is not None:
            options["proxies"] = {"http": _observation.proxy, "https": _observation.proxy}
        if options.get("verify") is True:
            # One variable for a private CA, for sources and for channels.
            options["verify"] = os.environ.get("SSL_CERT_FILE") or True
        try:
            response = original(self, request, **options)
        except requests.RequestException as error:
            outcome.note(_no_answer(error, request.url or ""))
            raise
        _note(outcome, response)
        return response

    send.watcher_observes = True  # type: ignore[attr-defined]
    requests.Session.send = send  # type: ignore[method-assign]


def _note(outcome: HttpOutcome, response: requests.Response) -> None:
    status, body = response.status_code, response.content[:LONGEST_BODY]
    refusal = answered(status, response.headers.get("Retry-After", ""), body)
    outcome.answer = refusal
    if status >= 300 or refused_in_words(body):
        outcome.note(refusal)


def _no_answer(error: requests.RequestException, url: str) -> ServiceRefusal:
    parts = urlsplit(url)
    through = " through the proxy" if _observation.proxy is not None else ""
    with suppress(ValueError):
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        where = f"{parts.hostname or 'the service'}:{port}" if port else f"{parts.hostname}"
        if isinstance(error, requests.ConnectTimeout):
            return ServiceRefusal(f"{where}: no connection in time{through}")
        if isinstance(error, requests.Timeout):
            return ServiceRefusal(f"{where}: no answer in time{through}", maybe_sent=True)
        if isinstance(error, requests.exceptions.InvalidURL):
            return ServiceRefusal(f"{where}: that is no address", Fault.CHANNEL)
        if isinstance(error, requests.exceptions.ProxyError):
            status = _TURNED_AWAY.search(str(error))
            words = turned_away(int(status[1]), where) if status else "the proxy cannot be reached"
            return ServiceRefusal(f"{where}: {words}", Fault.CHANNEL)
        found = unreached(error, where)
        never = _never_connected(error)
        return ServiceRefusal(
            found.words, found.fault, maybe_sent=not never and found.fault is not Fault.CHANNEL
        )
    return ServiceRefusal("that is no address", Fault.CHANNEL)


def _never_connected(error: requests.RequestException) -> bool:
    """A connection that was never made carried nothing; anything later may have."""
    if isinstance(error, requests.exceptions.SSLError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
