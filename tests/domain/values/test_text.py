"""What can be seen of a text, and what joins its signs as the scripts of the world use it."""

from __future__ import annotations

import pytest

from watcher.domain.values.text import is_visible, visible

NON_JOINER, JOINER = "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"
AS_THE_WORLD_WRITES = [
    f"می{NON_JOINER}خواهم",  # Persian
    f"ශ්{JOINER}රී ලංකා",  # Sinhala
    f"👩{JOINER}👩{JOINER}👧 on call",
    f"👩🏽{JOINER}💻",
    f"🏳\N{VARIATION SELECTOR-16}{JOINER}🌈",
    "10\N{NARROW NO-BREAK SPACE}000\N{NO-BREAK SPACE}€",
]


@pytest.mark.parametrize("text", AS_THE_WORLD_WRITES)
def test_what_joins_signs_is_kept_where_scripts_and_pictures_need_it(text: str) -> None:
    assert is_visible(text)
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"ad{JOINER}min", "admin"),
        (f"{JOINER}é", "é"),
        (f"é{NON_JOINER}", "é"),
        (f"é{JOINER}{JOINER}é", "éé"),
        (f"é {JOINER}é", "é é"),
        (f"é\u202e{JOINER}\u202eé", f"é{JOINER}é"),
        ("a\u202eb", "ab"),
        ("a\u200bb", "ab"),
        ("a\nb", "a b"),
        ("a\x1b[31mb", "a[31mb"),
    ],
)
def test_what_nobody_can_see_is_not_kept_and_not_shown(text: str, shown: str) -> None:
    assert not is_visible(text)
    assert visible(text) == shown
