"""Addresses: names in the path of a page, whatever signs they hold."""

from __future__ import annotations

from urllib.parse import quote

_MARK = "~"
"""Stands before a name that a browser would take for a way up (`..`), and behind one that ends as files of
tables do; and beside one that begins or ends with it."""
_ENDS = (".csv", _MARK)


def path_part(name: str) -> str:
    """A name as one part of a path: with its slashes and dots it leads nowhere else."""
    before, behind = (_MARK if it else "" for it in (name.startswith((".", _MARK)), name.endswith(_ENDS)))
    return quote(f"{before}{name}{behind}", safe="", errors="replace")


def name_in(part: str) -> str:
    """The name that stands in such a part."""
    return part.removeprefix(_MARK).removesuffix(_MARK)


def asset_path(chain: str, token: str) -> str:
    """The page of an asset."""
    return f"/assets/{path_part(chain)}/{path_part(token)}"
