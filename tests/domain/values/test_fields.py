"""A duration, a zone and a list of words mean the same in every file, and their mistakes read the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import watcher
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Words, Zone, duration_of, zone_named


class Written(BaseModel):
    """Something with all shared fields."""

    every: Duration = timedelta(seconds=1)
    words: Words = ()
    zone: Zone = "UTC"


@pytest.mark.parametrize("value", [5, 0, 1.5])
def test_a_bare_number_is_no_duration_in_any_file(value: float) -> None:
    with pytest.raises(InputError, match=f"^is a bare number; write its unit too, as in {value}s$"):
        duration_of(value)


@pytest.mark.parametrize(("written", "read"), [("a", ("a",)), (["a", "b"], ("a", "b")), ([], ())])
def test_one_word_needs_no_brackets(written: Any, read: tuple[str, ...]) -> None:
    assert Written(words=written).words == read


def test_a_zone_that_is_none_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(InputError) as caught:
        zone_named("Europe/Zuerich")
    assert (caught.value.what, caught.value.remedy) == (
        "'Europe/Zuerich' is no time zone",
        "did you mean 'Europe/Zurich'?",
    )
    with pytest.raises(ValidationError):
        Written(zone="../etc/passwd")


def test_a_zone_like_none_is_answered_with_how_zones_are_written() -> None:
    with pytest.raises(InputError) as caught:
        zone_named("17 QQ")
    assert caught.value.remedy == "write its IANA name, as in Europe/Zurich"


@pytest.mark.parametrize("words", ["is a bare number", "is no time zone"])
def test_the_shared_fields_are_read_in_one_place(words: str) -> None:
    """A second reader of bare numbers, or of zones that are none, would soon say something else."""
    house = Path(watcher.__file__).parent
    found = [path.relative_to(house) for path in house.rglob("*.py") if words in path.read_text()]
    assert found == [Path("domain/values/fields.py")]
