"""URLs of apprise: the parts that are no secret, those that are, and what a query says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from watcher.domain.values.errors import InputError

NO_SCHEME = "(no scheme)"


def scheme_of(url: SecretStr) -> str:
    """The part of a URL that is no secret, or a stand-in where there is none."""
    found = re.match(r"\s*([a-z][a-z0-9+.-]{0,30})://", url.get_secret_value(), re.IGNORECASE)
    return found[1].lower() if found else NO_SCHEME


def secrets_of(url: str) -> list[str]:
    """Every part of the URL that is long enough to give something away, longest first."""
    rest = url.partition("://")[2]
    bare = re.sub(r"(?<=[?&])[^=&]*=", "", rest)  # the names of parameters are no secret
    parts = {part for text in (bare, unquote(bare)) for part in re.split(r"[/:@?&=#,;+ ]", text)}
    return sorted((part for part in {url, rest, *parts} if len(part) >= 4), key=len, reverse=True)


def query_of(url: str, scheme: str) -> Mapping[str, str]:
    """The query's keys and values in lower case. InputError, without the URL, if it cannot be taken apart."""
    try:
        return {key.lower(): value.lower() for key, value in parse_qsl(urlsplit(url).query)}
    except ValueError:  # its words would show what stands in brackets, of a password say
        what = f"the {scheme} URL has [ or ] where no IPv6 address is"
    raise InputError(what, "write %5B and %5D")
