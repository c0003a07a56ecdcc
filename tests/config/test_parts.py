"""Files that a configuration names: their wallets, channels and rules are as if they stood in it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from tests.config.given import ENV, KINDS, SOUND, load, write
from tests.configured import load_settings
from watcher.config.configuration import configure
from watcher.config.settings import Settings
from watcher.domain.values.errors import ConfigurationError, Problem

EVM = "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
OTHER = "0x52908400098527886e0f7030069857d2e4169ee7"
RULE = "rules:\n  - {id: gas-low, type: threshold, below: 1, match: {tags: [gas]}, notify: [duty]}\n"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def with_files(*texts: str) -> str:
    """The sound configuration with files among its wallets."""
    return SOUND.replace("channels:\n", "".join(f"  - {text}\n" for text in texts) + "channels:\n")


def including(*texts: str) -> str:
    return SOUND + f"include: {json.dumps(texts)}\n"


def problems_of(path: Path) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        configure(path, ENV)
    return caught.value.problems


def told(path: Path) -> list[str]:
    """Name of the file, line and column of each mistake, and what it is."""
    return [f"{str(each).removeprefix(f'{path.parent}/')}" for each in problems_of(path)]


def names(settings: Settings) -> list[str]:
    return [wallet.name for wallet in settings.wallets]


TEAM = f"""\
wallets:
  - {{name: gas, source: coinstats, address: "{EVM}", chains: [base-wallet], tags: [gas]}}
channels:
  duty: {{url_file: duty.url}}
rules: [rules.yaml]
"""


def test_what_an_included_file_holds_is_as_if_it_stood_in_the_configuration(tmp_path: Path) -> None:
    put(tmp_path, "teams/gas/team.yaml", TEAM)
    put(tmp_path, "teams/gas/duty.url", "json://127.0.0.1:9/gas\n")
    put(tmp_path, "teams/gas/rules.yaml", RULE)

    found = configure(write(tmp_path, including("teams/*/team.yaml")), ENV)

    assert names(found.settings) == ["treasury", "bonds", "gas"]
    assert list(found.settings.channels) == ["ops", "duty"]
    assert [rule.id for rule in found.rules] == ["gas-low"]
    assert found.settings.parts == (tmp_path / "teams/gas/team.yaml",)


def test_all_may_stand_in_parts(tmp_path: Path) -> None:
    top, _, rest = SOUND.partition("wallets:\n")
    put(tmp_path, "wallets.yaml", f"wallets:\n{rest}")
    settings = load(tmp_path, f"{top}include: [wallets.yaml]\n")
    assert names(settings) == ["treasury", "bonds"]
    assert list(settings.channels) == ["ops"]


@pytest.mark.parametrize("top", ["", "wallets:\n"])
@pytest.mark.parametrize("name", ["more.yaml", "more.json"])
def test_a_file_of_wallets_is_a_list_or_has_one(tmp_path: Path, name: str, top: str) -> None:
    wallet = {"name": "more", "source": "coinstats", "address": EVM, "chains": ["ethereum"]}
    put(tmp_path, name, json.dumps({"wallets": [wallet]} if top else [wallet]))
    assert names(load(tmp_path, with_files(name))) == ["treasury", "bonds", "more"]


def test_wallets_stand_in_the_order_of_the_file_and_a_pattern_is_sorted(tmp_path: Path) -> None:
    for name, address in (("b", EVM), ("a", OTHER)):
        put(
            tmp_path, f"more/{name}.csv", f"name,source,address,chains\n{name},coinstats,{address},ethereum\n"
        )
    text = SOUND.replace("  - name: treasury", "  - more/*.csv\n  - name: treasury")
    assert names(load(tmp_path, text)) == ["a", "b", "treasury", "bonds"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, "more.csv", f"name,source,address,chains\nmore,coinstats,{EVM},ethereum\n")
    assert names(load(tmp_path, with_files("more.csv", "'*.csv'"))).count("more") == 1


def test_a_pattern_that_finds_the_configuration_itself_includes_only_the_others(tmp_path: Path) -> None:
    put(tmp_path, "team.yaml", "channels:\n  duty: {kind: console}\n")
    assert list(load(tmp_path, including("*.yaml")).channels) == ["ops", "duty"]


def test_a_mistake_in_a_part_names_the_part_and_its_line(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "# teams\nwallets:\n  - {name: gas, source: coinstat, evry: 5m}\n")
    put(tmp_path, "b.yaml", "channels:\n  duty: {url: '${NO_SUCH}'}\nsources: {}\n")
    assert told(write(tmp_path, including("a.yaml", "b.yaml"))) == [
        "a.yaml:3:5: 'address' is missing; add 'address: …'",
        "a.yaml:3:25: there is no source 'coinstat'; did you mean 'coinstats'?",
        "a.yaml:3:35: unknown key 'evry'; did you mean 'every'?",
        (
            "b.yaml:2:15: the variable NO_SUCH is not set; set it in the environment, write it into "
            f"{tmp_path}/credentials/NO_SUCH, or write ${{NO_SUCH:-default}}"
        ),
        "b.yaml:3:1: unknown key 'sources' in an included file; known here: channels, rules, wallets",
    ]


def test_names_that_are_given_twice_are_told_with_both_places(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "channels:\n  ops: {kind: console}\n")
    put(tmp_path, "b.csv", f"name,source,address,chains\ntreasury,coinstats,{EVM},ethereum\n")
    path = write(tmp_path, including("a.yaml").replace("channels:\n", "  - b.csv\nchannels:\n"))
    assert told(path) == [
        (
            f"a.yaml:2:3: two channels are named 'ops' (first at {path}:21:3); "
            "give each channel a name of its own"
        ),
        (
            f"b.csv:2:1: two wallets are named 'treasury' (first at {path}:9:11); "
            "give each wallet a name of its own"
        ),
    ]


def test_an_account_that_two_files_have_is_told_with_both_places(tmp_path: Path) -> None:
    address = "0x9f114da25b61b77606d47eab414b9360f8783979"
    put(tmp_path, "b.csv", f"name,source,address,chains\nagain,coinstats,{address},ethereum\n")
    path = write(tmp_path, with_files("b.csv"))
    assert told(path) == [
        (
            f"b.csv:2: 'again' and 'treasury' (at {path}:9:11) are the same account on ethereum; "
            "keep one of them, or join their tags"
        )
    ]


@pytest.mark.parametrize("text", ["include: [none.yaml]\n", "include: ['teams/*.yaml']\n"])
def test_a_part_that_is_not_there_is_one_mistake_not_a_hundred(tmp_path: Path, text: str) -> None:
    put(tmp_path, "rules.yaml", RULE)
    (problem,) = problems_of(write(tmp_path, SOUND + text + "rules: [rules.yaml]\n"))
    assert problem.what.startswith("no file matches '")
    assert problem.place.line == 21


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("include: a.yaml\n", "include must be a list of files"),
        ("include: [1]\n", "an included file must be a path"),
        ("include: ['**/x.yaml']\n", "looks through too much"),
        ("include: ['**x/y.yaml']\n", "'**x/y.yaml' is no path"),
        (f"include: ['{'x' * 300}']\n", "is no path"),
        ("include: [list.yaml]\n", "the file must be a mapping"),
        ("include: [nested.yaml]\n", "unknown key 'include'"),
        ("include: [wallets.csv]\n", "is a table of wallets"),
        ("include: [inline.yaml]\n", "own, which 'rules:' names, not 'include:'"),
        ("include: [shape.yaml]\n", "channels must be a mapping"),
        ("include: [shape.yaml]\n", "rules must be a list"),
        ("include: [shape.yaml]\n", "wallets must be a list"),
    ],
)
def test_what_is_no_part_is_told(tmp_path: Path, text: str, what: str) -> None:
    put(tmp_path, "list.yaml", "- a\n")
    put(tmp_path, "nested.yaml", "include: [list.yaml]\n")
    put(tmp_path, "wallets.csv", "name\n")
    put(tmp_path, "inline.yaml", RULE)
    put(tmp_path, "shape.yaml", "channels: [a]\nrules: {a: b}\nwallets: {a: b}\n")
    found = problems_of(write(tmp_path, SOUND + text))
    assert any(what in str(each) for each in found), [str(each) for each in found]


def test_places_in_json_are_those_of_each_file(tmp_path: Path) -> None:
    """Both files are read the quick way first, which knows no places."""
    wallet = {"name": "a", "source": "nowhere", "address": EVM, "chains": ["ethereum"]}
    top = {
        "version": 1,
        "sources": {"coinstats": {"kind": "coinstats", "api_key": "k"}},
        "include": ["part.json"],
        "wallets": [wallet, "part2.json"],
        "channels": {"ops": {"url": "json://x", "nothing": 1}},
    }
    put(tmp_path, "part.json", json.dumps({"wallets": [wallet], "channels": {"b": {"no": 1}}}, indent=1))
    put(tmp_path, "part2.json", json.dumps([wallet], indent=1))
    path = tmp_path / "watcher.json"
    path.write_text(json.dumps(top, indent=1))
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {}, KINDS)
    where = [each.where.removeprefix(f"{tmp_path}/") for each in caught.value.problems]
    assert where == [
        "watcher.json:15:14",
        "watcher.json:26:4",
        "part.json:4:12",
        "part.json:5:14",
        "part.json:13:8",
        "part.json:14:4",
        "part2.json:3:11",
        "part2.json:4:13",
    ]


def test_a_link_to_a_part_is_followed_once(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "channels:\n  duty: {kind: console}\n")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert list(load(tmp_path, including("a.yaml", "b.yaml")).channels) == ["ops", "duty"]


def test_an_empty_part_is_allowed_with_a_warning(tmp_path: Path) -> None:
    put(tmp_path, "empty.yaml", "# later\n")
    settings = load_settings(write(tmp_path, including("empty.yaml")), ENV, KINDS)
    assert f"{tmp_path}/empty.yaml:1:1: there is nothing in this file" in map(str, settings.warnings)


def test_who_only_looks_needs_no_secret_of_a_part(tmp_path: Path) -> None:
    part = "channels:\n  duty: {url: '${NO_SUCH}'}\n  pager: {url_file: no.url}\n"
    put(tmp_path, "team.yaml", part)
    path = write(tmp_path, including("team.yaml"))
    assert list(configure(path, ENV, channels=False, secrets=False).settings.channels) == [
        "ops",
        "duty",
        "pager",
    ]
