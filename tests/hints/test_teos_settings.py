"""Settings of TEOS' events: addresses that a broker can have, and what is said without its library."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from tests.fakes import FakeClock
from watcher.domain.model import Account
from watcher.domain.values.errors import InputError
from watcher.hints.kind import HintContext
from watcher.hints.teos.settings import TeosHints

URL = "amqps://me:s3cret@teos-events.coreledger.net:5671"


def given(url: str = URL, **more: object) -> TeosHints:
    return TeosHints.model_validate({"kind": "teos", "source": "teos", "url": url, **more})


@pytest.mark.parametrize(
    "url",
    [
        URL, f"{URL}/", f"{URL}/tenant", f" {URL} ", "amqps://me:s3cret@[::1]", "amqp://me:s3cret@localhost/",
        "amqp://me:s3cret@127.0.0.1:5672", "amqps://me:s%3Acret@host",
    ],
)  # fmt: skip
def test_a_broker_is_reached_by_tls_or_is_on_this_machine(url: str) -> None:
    assert given(url).url.get_secret_value() == url.strip()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("amqp://me:s3cret@teos-events.coreledger.net", "must begin with amqps://"),
        ("https://me:s3cret@host", "must begin with amqps:// and name a host"),
        ("amqps://me:s3cret@", "must begin with amqps:// and name a host"),
        ("amqps://me:s3cret@host:port", "must begin with amqps:// and name a host"),
        ("amqps://host:5671", "has no user or no password"),
        ("amqps://me@host:5671", "has no user or no password"),
        (f"{URL}/?no_verify_ssl=1", "must end with the virtual host"),
        ("amqps://me:s3 cret@host", "has characters that an address cannot have"),
    ],
)
def test_any_other_address_is_a_mistake_that_shows_no_password(url: str, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        given(url)
    (error,) = caught.value.errors()
    assert error["loc"] == ("url",)
    assert what in error["msg"]
    assert "s3cret" not in error["msg"]


@pytest.mark.parametrize("queue", ["", "two words", "x" * 256])
def test_a_queue_has_a_name_that_a_broker_can_have(queue: str) -> None:
    with pytest.raises(ValidationError):
        given(queue=queue)


def test_it_covers_the_accounts_of_its_source() -> None:
    kind = given()
    assert kind.only_source == "teos"
    assert kind.covers(Account("teos", "teos", "0x1"))
    assert not kind.covers(Account("coinstats", "ethereum", "0x1"))


def test_without_its_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("source", "broker"):
        monkeypatch.delitem(sys.modules, f"watcher.hints.teos.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "aio_pika", None)
    with pytest.raises(InputError) as caught:
        given().build(HintContext("teos-events", (), FakeClock()))
    assert str(caught.value) == "needs aio-pika, which is not installed; pip install 'balance-watcher[amqp]'"
    assert caught.value.place == ("kind",)
