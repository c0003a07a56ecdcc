"""Where the database is and how it is reached, judged before anybody connects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import nearest

EXTRA = "pip install 'balance-watcher[cluster]'"
STAND_IN = "postgresql://unset.invalid/"
"""Begins what stands for a URL that this user may not read."""
LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps; the rest it drops in silence."""

_SCHEMES = ("postgresql://", "postgres://")
_EXAMPLE = "as in postgresql://watcher@db.example.org/watcher?sslmode=verify-full"
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PERHAPS = (None, "allow", "prefer")
"""With these nobody can say whether there will be TLS: a server, or who stands between, may do without."""
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")


def parameters_of(url: str) -> dict[str, str]:
    """What a URL says. InputError if it is none; what it holds is not shown, since it may be a password."""
    if not url.startswith(_SCHEMES):
        raise InputError("is no URL of a PostgreSQL database", _EXAMPLE)
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise InputError("needs psycopg, which is not installed", EXTRA) from None
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items()}
    except Error as error:
        what = "has a word after the '?' that PostgreSQL does not know"
        if "query parameter" not in str(error):
            what = "is no URL of a PostgreSQL database"
        remedy = f"{_EXAMPLE}; signs of a password are written with %: %40 for @, %25 for %"
        raise InputError(what, remedy) from None


def check_url(url: SecretStr) -> SecretStr:
    """The URL, if what it says is sound and its way to the database is safe."""
    if is_unknown(url):
        return url
    said = parameters_of(url.get_secret_value())
    mode = said.get("sslmode", os.environ.get("PGSSLMODE")) or None
    if mode is not None and mode not in _MODES:
        raise InputError("has an unknown sslmode", nearest(mode, _MODES))
    if mode in _PERHAPS and any(map(_is_elsewhere, _hosts(said, os.environ))):
        raise InputError(
            "must ask for TLS, since it leads to another machine",
            "add sslmode=verify-full, and sslrootcert=FILE with the authority that signed its certificate "
            "(sslmode=disable says that the network between is safe)",
        )
    return url


def is_unknown(url: SecretStr) -> bool:
    """Whether it only stands for a URL that this user may not read."""
    return url.get_secret_value().startswith(STAND_IN)


def place_of(url: SecretStr) -> str:
    """Where the database is, without who asks for it and by which password."""
    if is_unknown(url):
        return "PostgreSQL"
    said = parameters_of(url.get_secret_value())
    host, port = said.get("host", ""), said.get("port", "")
    where = f" at {host}" if host else ""
    return f"PostgreSQL, database {said.get('dbname', '')}{where}{f':{port}' if host and port else ''}"


def _hosts(said: Mapping[str, str], env: Mapping[str, str]) -> Iterator[str]:
    """Every host that may be connected to. Of a service file nobody knows what it says."""
    if "service" in said or "PGSERVICE" in env:
        yield "<service>"
    hosts = said.get("hostaddr") or said.get("host") or env.get("PGHOSTADDR") or env.get("PGHOST") or ""
    yield from hosts.split(",")


def _is_elsewhere(host: str) -> bool:
    """Whether a host is neither this machine nor a socket on it; none at all is libpq's own socket."""
    if host[:1] in ("", "/", "@") or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def check_schema(name: str) -> str:
    """The name of a schema that needs no quotes."""
    if not _SCHEMA.fullmatch(name) or len(name) > LONGEST_NAME:
        remedy = f"use small letters, digits and _ ({LONGEST_NAME} at most), and begin with a letter"
        raise InputError(f"'{name[:60]}' cannot be the name of a schema here", remedy)
    if name.startswith("pg_") or name == "information_schema":
        raise InputError(f"schema '{name}' is PostgreSQL's own", "choose another one, as in watcher")
    return name


DatabaseUrl = Annotated[SecretStr, AfterValidator(check_url)]
"""URL of a database as libpq reads it."""
SchemaName = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(check_schema)]
