"""The word in a link: for one delivery, for one purpose, until one moment, by one key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watcher.domain.messages.ack_links import LASTS, LinkFault, LinkSigner

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
UNTIL = NOW + LASTS
SIGNER = LinkSigner("a-long-enough-token")
WORD = SIGNER.word("d1", UNTIL)


def test_the_right_word_is_taken_until_its_moment_and_not_then() -> None:
    assert SIGNER.fault("d1", WORD, NOW) is None
    assert SIGNER.fault("d1", WORD, UNTIL - timedelta(seconds=1)) is None
    assert SIGNER.fault("d1", WORD, UNTIL) is LinkFault.EXPIRED


def test_it_is_for_no_other_delivery_purpose_key_or_time() -> None:
    others = (
        LinkSigner("another-long-token").word("d1", UNTIL),
        SIGNER.word("d2", UNTIL),
        SIGNER.word("d1", UNTIL, "silence"),
        WORD[:-8] + SIGNER.word("d1", UNTIL + timedelta(days=1))[-8:],
    )
    assert [SIGNER.fault("d1", each, NOW) for each in others] == [LinkFault.FORGED] * 4


STRANGE = ("", "x", "é" * 40, WORD.upper(), WORD + "0", WORD[:-1], " " * 40, WORD[:-8] + "ffffffff")


@pytest.mark.parametrize("word", STRANGE)
def test_what_is_no_such_word_is_forged(word: str) -> None:
    assert SIGNER.fault("d1", word, NOW) is LinkFault.FORGED


def test_a_forged_word_is_forged_whatever_time_it_names() -> None:
    assert SIGNER.fault("d1", "0" * 40, NOW) is LinkFault.FORGED


def test_the_same_delivery_has_the_same_word_and_it_shows_nothing_of_the_key() -> None:
    assert LinkSigner("a-long-enough-token").word("d1", UNTIL) == WORD
    assert set(WORD) <= set("0123456789abcdef")
    assert "token" not in repr(SIGNER)
