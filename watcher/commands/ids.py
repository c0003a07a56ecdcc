"""Ids as people type them: whole, or how one begins."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.domain.values.errors import InputError


def only_one(text: str, found: Mapping[str, str], what: str) -> str:
    """The id that a person means by how it begins; the text itself if nothing begins so.

    `found`: what it may mean, id → label. InputError that names them if there is more than one.
    """
    if text not in found and len(found) > 1:
        names = "; ".join(f"{identity} ({label})" if label else identity for identity, label in found.items())
        raise InputError(f"'{text}' may mean several {what}: {names}")
    return text if text in found else next(iter(found), text)


def beginning_with(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """Of such ids with their labels those that a text may stand for."""
    text = text.strip().lower()
    return {each: label for each, label in known.items() if text and each.startswith(text)}
