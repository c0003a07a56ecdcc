"""What people may write in a chat, and what is said of the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.notify.given import message
from watcher.chat.orders import HELP, Order, Verb, read_order
from watcher.domain.messages.message import Kind
from watcher.domain.values.errors import InputError
from watcher.ports.chat import buttons

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("/status", Order(Verb.STATUS)),
        ("/alerts now please", Order(Verb.ALERTS)),
        ("/start", Order(Verb.HELP)),
        ("ack 1a2b", Order(Verb.ACKNOWLEDGE, "1a2b")),
        ("/ack 1a2b  on   it", Order(Verb.ACKNOWLEDGE, "1a2b", comment="on it")),
        ("/explain 1a2b", Order(Verb.EXPLAIN, "1a2b")),
        ("/silence 1a2b 1h", Order(Verb.SILENCE, "1a2b", HOUR)),
        (
            "/silence 1a2b 1h moving it, 2h at most",
            Order(Verb.SILENCE, "1a2b", HOUR, "moving it, 2h at most"),
        ),
        (
            "/silence rule=gas-* wallet=a wallet=b 1h why",
            Order(Verb.SILENCE, "", HOUR, "why", {"rule": ("gas-*",), "wallet": ("a", "b")}),
        ),
    ],
)
def test_an_order_is_read_as_it_is_written(text: str, order: Order) -> None:
    assert read_order(text) == order


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no such command"),
        ("/", "there is no such command"),
        ("/drop", "there is no such command"),
        ("/ack", "say which"),
        ("/silence", "say which"),
        ("/silence 1a2b", "say for how long"),
        ("/silence 1a2b 0s", "0s is not between 1s and 366d"),
        ("/silence 1a2b 367d", "367d is not between 1s and 366d"),
        ("/silence 1a2b 9999999d", "is longer than 100 years"),
        ("/silence 1h", "say one id"),
        ("/silence 1a2b 3c4d 1h", "say one id"),
        ("/silence wallet= 1h", "say one id"),
        ("/silence colour=red 1h", "say one id"),
        ("/silence rule=a 1a2b 1h", "say one id"),
        ("/ack 1a2b " + "x" * 501, "a comment is visible text of at most 500 characters"),
        ("/ack 1a2b \x1b[31m", "a comment is visible text"),
    ],
)
def test_what_is_no_order_is_told_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_order(text)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_button_says_an_order_and_fits_where_services_keep_it(kind: Kind) -> None:
    for button in buttons(message(1, kind=kind), "0123456789abcdef"):
        assert read_order(button.says).target == "0123456789abcdef"
        assert len(button.says.encode()) <= 64


def test_the_help_names_every_command() -> None:
    assert {each for each in Verb if f"/{each}" not in HELP} == {Verb.HELP}
    assert len(HELP.splitlines()) <= 15
