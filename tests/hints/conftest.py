"""A broker for the tests of a room: it starts with the first that needs it, and is shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broker import Broker, running_broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running
