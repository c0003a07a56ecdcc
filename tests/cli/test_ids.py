"""Ids that people type: whole, or how one begins."""

from __future__ import annotations

import pytest
import typer

from watcher.cli._common import the_one
from watcher.commands.ids import beginning_with

KNOWN = {"5d1c07aa11": "migration", "5d1cffff00": "works"}


@pytest.mark.parametrize(
    ("text", "meant"), [("5d1c0", "5d1c07aa11"), (" 5D1CF", "5d1cffff00"), ("zzz", "zzz"), ("", "")]
)
def test_an_id_is_known_by_how_it_begins(text: str, meant: str) -> None:
    assert the_one(text, beginning_with(text, KNOWN), "silences") == meant


def test_what_may_mean_several_is_a_mistake_that_names_them() -> None:
    with pytest.raises(
        typer.BadParameter, match=r"'5d1c' may mean several silences: 5d1c07aa11 \(migration\); 5d1cf"
    ):
        the_one("5d1c", beginning_with("5d1c", KNOWN), "silences")


def test_a_whole_id_is_meant_even_where_another_begins_so() -> None:
    assert the_one("ab", {"ab": "", "abc": ""}, "deliveries") == "ab"
