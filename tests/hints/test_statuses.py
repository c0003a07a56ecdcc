"""What was told last is compared with what is: another status is an event, once, and under one id."""

from __future__ import annotations

from watcher.hints.statuses import KEY, TEXT, Statuses

LONG_KEY, LONG_TEXT = "k" * (KEY + 20), "t" * (TEXT + 20)


def kept(statuses: Statuses) -> dict[str, str]:
    return {name: fact for mark in statuses.bookmark() for name, fact in mark.facts.items()}


def test_the_first_status_and_the_same_again_are_no_events() -> None:
    statuses = Statuses()
    assert statuses.event("a", "1") == ""
    assert statuses.event("a", "1") == ""
    assert statuses.event("a", "2")


def test_a_status_that_comes_back_is_an_event_of_its_own() -> None:
    statuses = Statuses()
    statuses.event("a", "1")
    ids = [statuses.event("a", text) for text in ("2", "1", "2", "1")]
    assert len(set(ids)) == 4
    assert all(ids)


def test_an_event_has_the_same_id_after_a_crash_before_it_was_kept() -> None:
    first = Statuses()
    first.event("a", "1")
    facts = kept(first)
    again = Statuses()
    again.remember(["a", "b"], facts)
    assert again.event("a", "2") == first.event("a", "2") != ""
    assert again.event("b", "2") == ""


def test_only_what_changed_is_kept_again() -> None:
    statuses = Statuses()
    statuses.event("a", "1")
    statuses.event("b", "1")
    assert kept(statuses).keys() == {"a", "b"}
    assert statuses.bookmark() == []
    statuses.event("b", "2")
    assert kept(statuses) == {"b": "1 2"}


def test_ids_and_facts_are_bounded() -> None:
    statuses = Statuses()
    statuses.event(LONG_KEY, "1")
    assert len(statuses.event(LONG_KEY, LONG_TEXT)) <= KEY + TEXT + 12
    assert all(len(name) <= KEY and len(fact) <= TEXT + 12 for name, fact in kept(statuses).items())
    assert statuses.event(LONG_KEY, LONG_TEXT + "more") == "", "it is known by how it begins"
