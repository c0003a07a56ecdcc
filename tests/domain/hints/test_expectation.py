"""What is expected of hints is what was learnt of their sources, and nothing where nothing was."""

from __future__ import annotations

import pytest

from watcher.domain.hints.expectation import ASSUMED_LAG, HintExpectation, expected
from watcher.domain.hints.persistence import HintStandings, SourceStanding

NODE = SourceStanding(0.9, 0.95, 14.0, 40.0, None)
POSTER = SourceStanding(0.5, 0.99, 6.0, 9.0, None)
NEW = SourceStanding(0.0, 0.8, None, None, None)
SILENT = SourceStanding(0.9, 0.95, 14.0, 40.0, 1000.0)


def standings(**sources: SourceStanding) -> HintStandings:
    return HintStandings(sources, {"known": 0.25})


@pytest.mark.parametrize("known", [None, standings(), standings(new=NEW)])
def test_nothing_is_expected_of_what_was_never_confirmed(known: HintStandings | None) -> None:
    found = expected(known, "known", ["new"])
    assert found == HintExpectation(("new",))
    assert found.changes is None


def test_an_account_has_its_own_share_once_it_is_known() -> None:
    found = expected(standings(node=NODE), "known", ["node"])
    assert (found.told, found.true, found.shown_after) == (0.75, 0.95, 14.0)


def test_an_account_that_is_not_known_yet_has_that_of_its_sources_together() -> None:
    found = expected(standings(node=NODE, poster=POSTER, new=NEW), "other", ["node", "poster", "new"])
    assert found.told == pytest.approx(0.95)
    assert (found.true, found.shown_after) == (0.99, 6.0)
    alone = expected(standings(node=NODE, poster=POSTER), "other", ["node"])
    assert alone.told == pytest.approx(0.9)


def test_a_silent_source_tells_nothing() -> None:
    assert expected(standings(node=SILENT), "other", ["node"]).told == 0.0


def test_some_changes_are_always_expected_to_go_untold() -> None:
    sure = SourceStanding(0.9999, 0.9999, 1.0, 2.0, None)
    assert expected(standings(node=sure), "other", ["node"]).told == pytest.approx(0.98)


@pytest.mark.parametrize(("lag", "delay"), [(None, ASSUMED_LAG), (-20.0, 0.0), (14.0, 14.0)])
def test_told_changes_are_seen_once_the_provider_shows_them(lag: float | None, delay: float) -> None:
    changes = HintExpectation(("node",), 0.9, 0.95, lag).changes
    assert changes is not None
    assert (changes.share, changes.true, changes.delay) == (0.9, 0.95, delay)
