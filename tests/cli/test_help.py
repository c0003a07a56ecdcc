"""Every verb explains itself, with examples that work."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from watcher.cli._app import VERBS, build, loaded
from watcher.cli._help import PAGES

GROUPS = ("silence", "import", "store")
COMMAND: Any = typer.main.get_command(build())
COMMAND.commands |= {name: loaded(name) for name in VERBS}


def verb(name: str) -> Any:
    found = COMMAND
    for word in name.split():
        found = found.commands[word]
    return found


def all_verbs() -> list[str]:
    nested = [f"{group} {name}" for group in GROUPS for name in verb(group).commands]
    return [*COMMAND.commands, *nested]


def help_of(name: str) -> str:
    context = verb(name).make_context(f"watcher {name}", [], resilient_parsing=True)
    return str(verb(name).get_help(context))


def test_every_verb_has_its_page_and_no_page_is_left_over() -> None:
    assert set(all_verbs()) == set(PAGES)


@pytest.mark.parametrize("name", all_verbs())
def test_the_help_of_every_verb_ends_with_examples(name: str) -> None:
    text = help_of(name)
    examples = text[text.index("Examples:") :]
    assert f"watcher {name}" in examples


@pytest.mark.parametrize(
    "command", [command for page in PAGES.values() for command, _ in page.examples], ids=str
)
def test_every_example_is_a_command_that_is_understood(command: str) -> None:
    words = shlex.split(re.split(r" [|>] ", command)[0])
    assert words[0] == "watcher"
    name = f"{words[1]} {words[2]}" if words[1] in GROUPS else words[1]
    rest = words[1 + len(name.split()) :]
    verb(name).make_context(name, rest)  # raises what wrong usage raises


@pytest.mark.parametrize("name", all_verbs())
def test_every_option_says_what_it_is_for(name: str) -> None:
    for parameter in verb(name).params:
        assert parameter.help, f"{name} {parameter.name}"


def test_nothing_in_the_list_of_verbs_is_cut() -> None:
    text = str(COMMAND.get_help(COMMAND.make_context("watcher", [], resilient_parsing=True)))
    assert "..." not in text.split("Commands:")[1]
    assert max(map(len, text.splitlines())) <= 86


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_an_option_too(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    from watcher import __version__
    from watcher.cli import _run

    assert _run([option]) == 0
    assert capsys.readouterr().out.startswith(f"watcher {__version__} (Python ")
