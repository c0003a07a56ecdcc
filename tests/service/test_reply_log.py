"""What is odd about readings stands in the log once for as long as it lasts, and so does its end."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from watcher.domain.model import Account, Asset, Miss, MissReason, Reading
from watcher.ports.source import Reply
from watcher.service.polling import ReplyLog

A, B = Account("teos", "teos", "0xa"), Account("teos", "teos", "0xb")
BOND = Asset("teos", "0xb0")


def read(account: Account, *notes: str, why: str = "") -> Reading:
    return Reading(
        account, {BOND: Decimal(1)}, {}, {BOND: "BOND"}, notes=notes,
        unclear={BOND: why} if why else {},
    )  # fmt: skip


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    words = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return words


def test_what_is_odd_is_said_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = ReplyLog("teos")
    for expected in (["teos: 0xa: GOLD is not in this reading"], [], []):
        log.take(Reply((read(A, "GOLD is not in this reading"), read(B))))
        assert said(caplog) == expected
    log.take(Reply((read(A, "GOLD is not in this reading", why="no units"),)))
    assert said(caplog) == ["teos: 0xa: BOND on teos: no units"]
    log.take(Reply((Miss(A, MissReason.UNREACHABLE, "no route"),)))
    assert said(caplog) == ["teos: 0xa on teos not read: unreachable: no route"]
    for expected in (["teos: 0xa: nothing is odd about its readings any more"], []):
        log.take(Reply((read(A),)))
        assert said(caplog) == expected
