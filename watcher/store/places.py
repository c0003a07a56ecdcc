"""Places of stores, as they are named on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from watcher.domain.values.errors import InputError
from watcher.store import KINDS
from watcher.system.files import first_bytes

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend

URLS = ("postgresql://", "postgres://")
FILE = "sqlite:"
MOST = 10_000
"""Bytes of a file with a URL."""


def backend_at(words: str, schema: str | None, config: Path) -> StoreBackend:
    """The store at `sqlite:FILE`, at the URL of a database, or at the URL that a file holds. `schema`: of a
    database. `config`: a file in the folder where relative paths begin. InputError says what is wrong."""
    if words.startswith(FILE):
        return _made("sqlite", {"path": Path(words.removeprefix(FILE))}, config)
    if words.startswith(URLS):
        if _has_password(words):
            raise InputError(
                "a password on a command line is seen by everybody on this machine",
                "write the URL into a file that only you can read, and name the file here",
            )
        url = words
    else:
        url = _url_in(config.parent / words)
    return _made("postgresql", {"url": url, **({} if schema is None else {"schema": schema})}, config)


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return parts.password is not None or "password=" in parts.query


def _url_in(path: Path) -> str:
    try:
        text = first_bytes(path, MOST, 5).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        remedy = f"write {FILE}FILE, the URL of a database, or the path of a file that holds one"
        raise InputError(f"{path} cannot be read: {why}", remedy) from None
    if not text.startswith(URLS):
        raise InputError(f"{path} holds no URL of a database", f"write {FILE}{path} if it is a store")
    return text


def _made(kind: str, said: dict[str, Any], config: Path) -> StoreBackend:
    try:
        return KINDS[kind].model_validate(said).backend(config)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        raise InputError(f"{first['loc'][0] if first['loc'] else kind}: {first['msg']}", "") from None
