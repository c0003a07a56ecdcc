"""Files of a message go with it once; those of a report as long as somebody may still take them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.notify.given import PICTURE, delivery
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace
from watcher.notify.files import DRAWING, MOST_WITH_FILES, files_for, making
from watcher.ports.channel import MAKING, PLAINLY, Attachment, Presentation


class Maker:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Attachment]:
        self.asked.append([each.id for each in deliveries])
        return [PICTURE]


def tried(number: int, attempts: int, kind: Kind = Kind.FIRING) -> Delivery:
    found = delivery(number)
    return replace(found, attempts=attempts, message=replace(found.message, kind=kind))


@pytest.mark.parametrize(
    ("attempts", "kind", "goes"),
    [
        (0, Kind.FIRING, True), (1, Kind.FIRING, False), (0, Kind.REPORT, True), (1, Kind.REPORT, True),
        (MOST_WITH_FILES - 1, Kind.REPORT, True), (MOST_WITH_FILES, Kind.REPORT, False),
    ],
)  # fmt: skip
def test_files_go_as_long_as_they_are_no_likely_fault(attempts: int, kind: Kind, goes: bool) -> None:
    assert bool(files_for([tried(1, attempts, kind)], Presentation(Maker()))) is goes


def test_of_several_that_were_refused_only_the_reports_keep_theirs() -> None:
    maker = Maker()
    report = tried(2, 1, Kind.REPORT)
    assert files_for([tried(1, 1), report], Presentation(maker)) == [PICTURE]
    assert maker.asked == [[report.id]]


def test_people_wait_for_a_report_longer_than_for_a_picture_and_for_nothing_not_at_all() -> None:
    shown = Presentation(Maker())
    assert making([tried(1, 0)], shown) == DRAWING
    assert making([tried(1, 0), tried(2, 0, Kind.REPORT)], shown) == MAKING
    assert making([tried(1, 0)], PLAINLY) == 0
    assert files_for([tried(1, 0)], PLAINLY) == ()
