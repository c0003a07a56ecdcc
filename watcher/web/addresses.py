"""Addresses: names in the path of a page, whatever signs they hold."""

from __future__ import annotations

import re
from urllib.parse import quote

_MARK = "~"
"""Stands before the two digits of a sign that would not arrive as it is: a browser goes up at `..`, proxies
turn `%2F` into a slash or refuse it, `.csv` asks for a table, and braces are not matched by a route."""
_ODD = re.compile(r"[~/\\%{}]|^\.|\.(?=csv$)")
_MARKED = re.compile(r"~([0-9A-F]{2})")


def path_part(name: str) -> str:
    """A name as one part of a path: with its slashes and dots it leads nowhere else."""
    plain = _ODD.sub(lambda found: f"{_MARK}{ord(found[0]):02X}", name)
    return quote(plain, safe="", errors="replace")


def name_in(part: str) -> str:
    """The name that stands in such a part."""
    return _MARKED.sub(lambda found: chr(int(found[1], 16)), part)


def asset_path(chain: str, token: str) -> str:
    """The page of an asset."""
    return f"/assets/{path_part(chain)}/{path_part(token)}"
