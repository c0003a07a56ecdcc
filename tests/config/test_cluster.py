"""The part of a machine in a cluster: its name and roles; and none where one machine has the store."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.config.given import SOUND, line_of, load, mistakes
from watcher.config.models import ROLES

SHARED = SOUND.replace("kind: sqlite", "kind: shared")


def test_a_machine_that_says_nothing_of_itself_has_the_name_of_its_host_and_all_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "zrh_1.example.org")
    for text in (SHARED, SHARED + "cluster:\n", SHARED + "cluster: {}\n", SOUND):
        cluster = load(tmp_path, text).cluster
        assert (cluster.name, cluster.roles) == ("zrh_1.example.org", ROLES)


def test_a_host_with_a_name_that_no_member_can_have_gets_one_that_is_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "-büro/1" + "x" * 60)
    assert load(tmp_path, SHARED).cluster.name == "b-ro-1" + "x" * 44


def test_roles_are_kept_in_one_order_and_one_alone_needs_no_brackets(tmp_path: Path) -> None:
    cluster = load(tmp_path, SHARED + "cluster: {name: zrh-1, roles: [page, plan]}\n").cluster
    assert (cluster.name, cluster.roles) == ("zrh-1", ("plan", "page"))
    assert load(tmp_path, SHARED + "cluster: {roles: ask}\n").cluster.roles == ("ask",)


def test_a_cluster_over_the_store_of_one_machine_is_a_mistake_at_its_line(tmp_path: Path) -> None:
    text = SOUND + "cluster: {name: zrh-1}\n"
    (problem,) = mistakes(tmp_path, text)
    assert problem.place.line == line_of(text, "cluster:")
    assert problem.what == "the store is one machine's, so there are no others beside it"
    assert problem.remedy == (
        "leave 'cluster' out, or choose a store that several machines share: kind: postgresql"
    )


@pytest.mark.parametrize(
    ("written", "what", "remedy"),
    [
        ("{name: 'zrh 1'}", "'zrh 1' cannot be the name of a member", "use letters, digits and - _ ."),
        ("{name: " + "x" * 51 + "}", "cannot be the name of a member", "50 at most"),
        ("{roles: []}", "is empty: such a member would do nothing", "leave it out for all roles"),
        ("{roles: [plan, aks]}", "'aks' is not one of plan, ask, tell, page", "did you mean 'ask'?"),
        ("{role: [plan]}", "unknown key 'role'", "did you mean 'roles'?"),
        ("zrh-1", "must be a mapping", ""),
    ],
)
def test_what_is_wrong_with_a_cluster_is_told_with_a_remedy(
    tmp_path: Path, written: str, what: str, remedy: str
) -> None:
    (problem,) = mistakes(tmp_path, SHARED + f"cluster: {written}\n")
    assert what in problem.what
    assert remedy in problem.remedy
    assert problem.place.line == SHARED.count("\n") + 1
