"""What a web service answered to a plugin's request: status and the wait it asks for.

apprise keeps neither; its plugins all send through `requests`, so that is where one listens. Only
the thread that asked to hear is heard, and nothing of the request or of the answer is changed.
"""

from __future__ import annotations

import functools
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

LONGEST_WAIT = 3600.0
"""Seconds; a service that asks for more is asked again after an hour."""


@dataclass(slots=True)
class Heard:
    """The last refusal or fault of one send. `status` 0: no answer. `fault`: an exception's name."""

    status: int = 0
    retry_after: float | None = None
    fault: str = ""
    maybe_sent: bool = False


class _Ear(threading.local):
    heard: Heard | None = None


_ear = _Ear()


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear what this thread's requests meet."""
    heard = _ear.heard = Heard()
    try:
        yield heard
    finally:
        _ear.heard = None


def install() -> None:
    """Start listening, once a process."""
    original = requests.Session.send
    if getattr(original, "watcher_hears", False):
        return

    @functools.wraps(original)
    def send(self: requests.Session, request: Any, **options: Any) -> requests.Response:
        heard = _ear.heard
        if heard is None:
            return original(self, request, **options)
        try:
            response = original(self, request, **options)
        except requests.RequestException as error:
            heard.fault = type(error).__name__
            heard.maybe_sent = not _never_connected(error)
            raise
        if response.status_code >= 300:
            heard.status = response.status_code
            heard.retry_after = _retry_after(response)
        return response

    send.watcher_hears = True  # type: ignore[attr-defined]
    requests.Session.send = send  # type: ignore[method-assign]


def _never_connected(error: requests.RequestException) -> bool:
    """A connection that was never made carried nothing; anything later may have."""
    never = requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.InvalidURL
    if isinstance(error, never):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _retry_after(response: requests.Response) -> float | None:
    """Seconds: the header (RFC 9110, seconds or a date), or Telegram's `parameters.retry_after`."""
    header = response.headers.get("Retry-After", "").strip()
    seconds: float | None = None
    with suppress(ValueError, TypeError, OverflowError):
        seconds = float(header)
    if seconds is None and header:
        with suppress(ValueError, TypeError, OverflowError):
            seconds = (parsedate_to_datetime(header).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    if seconds is None and response.status_code == 429:
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            body = json.loads(response.content[:4096])
            seconds = float(body.get("parameters", body)["retry_after"])
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
