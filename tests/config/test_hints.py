"""The section `hints:`: each entry is read by its kind, and nothing of hints is loaded without one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from tests.config.given import ENV, KINDS, SOUND, write
from tests.configured import load_settings
from tests.hints.third import PigeonPost
from watcher.config.json_schema import json_schema
from watcher.config.settings import PartialSettings, Settings, read_settings
from watcher.domain.values.errors import ConfigurationError

A_RING = "add 'ring: …', or 'ring_file: …' with the path of a file that holds it"
RING = "ring-of-the-pigeon-42"
PIGEONS = KINDS._replace(hints={"pigeon": PigeonPost})

HEARD = """\
import json, sys
from pathlib import Path
import watcher.app.build, watcher.daemon.run, watcher.web.server
from watcher.config.configuration import configure
configure(Path(sys.argv[1]), {"COINSTATS_API_KEY": "k", "HOOK": "h"})
rooms = ("config", "service", "app")
new = ("aio_pika", "watcher.hints.", "watcher.domain.hints", *(f"watcher.{room}.hint" for room in rooms))
print(json.dumps([name for name in sys.modules if name.startswith(new)]))
"""


def hinted(entry: str = "{kind: pigeon, ring: ring-1}") -> str:
    return SOUND + f"hints:\n  loft: {entry}\n"


def load(folder: Path, text: str, env: Mapping[str, str] = ENV) -> Settings:
    return load_settings(write(folder, text), env, PIGEONS)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text)
    return [f"{each.what} | {each.remedy}" for each in caught.value.problems]


def test_who_has_no_hints_loads_nothing_of_them(tmp_path: Path) -> None:
    program = [sys.executable, "-c", HEARD, str(write(tmp_path, SOUND))]
    assert json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout) == []


@pytest.mark.parametrize("written", ["", "hints:\n", "hints: null\n", "hints: {}\n"])
def test_hints_may_be_left_out(tmp_path: Path, written: str) -> None:
    assert load(tmp_path, SOUND + written).hints == {}


def test_an_entry_is_read_by_the_kind_that_it_names(tmp_path: Path) -> None:
    (found,) = load(tmp_path, hinted("{kind: pigeon, ring: ring-1, chains: [ethereum]}")).hints.items()
    name, kind = found
    assert (name, type(kind), kind.named_chains) == ("loft", PigeonPost, ("ethereum",))


@pytest.mark.parametrize("ring", ["ring: '${RING}'", "ring_file: ring.txt"])
def test_its_secrets_come_from_the_environment_or_a_file(tmp_path: Path, ring: str) -> None:
    (tmp_path / "ring.txt").write_text(f"{RING}\n")
    kind = load(tmp_path, hinted(f"{{kind: pigeon, {ring}}}"), {**ENV, "RING": RING}).hints["loft"]
    assert isinstance(kind, PigeonPost)
    assert kind.ring.get_secret_value() == RING
    assert RING not in repr(kind)


def test_each_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    text = SOUND + "hints:\n  a: {kind: pidgeon}\n  b: {kind: pigeon}\n"
    text += "  c d: {kind: pigeon, ring: ring-1, fly: 1}\n  e: {ring: ring-1}\n"
    assert mistakes(tmp_path, text) == [
        "unknown kind 'pidgeon' | did you mean 'pigeon'?",
        f"'ring' is missing in hints.b | {A_RING}",
        "'c d' cannot be a name here | use letters, digits and - _ . and begin with a letter or digit",
        "unknown key 'fly' in hints.c d | known here: chains, kind, ring, spare",
        "'kind' is missing in hints.e | add 'kind: pigeon'",
    ]


def test_a_mistake_in_a_secret_names_its_place_though_the_name_is_part_of_the_secret(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, hinted("{kind: pigeon, ring: from-the-loft-123}"))
    assert said == "hints.loft.ring must begin with ring- | "


def test_a_list_is_no_section_of_hints(tmp_path: Path) -> None:
    assert mistakes(tmp_path, SOUND + "hints: [pigeon]\n") == [
        "hints must be a mapping | write 'NAME: {kind: …}' below it"
    ]


def test_a_secret_written_as_in_a_shell_is_told_and_not_shown(tmp_path: Path) -> None:
    found = load(tmp_path, hinted("{kind: pigeon, ring: ring-1, spare: [$RING_SECRET]}")).warnings
    (said,) = [each for each in found if "'$'" in each.what]
    assert said.what == "hints.loft.spare[0] is taken as it stands, '$' and all"


@pytest.mark.parametrize(
    "rings", ["ring: '${RING}'", "ring_file: /nowhere", "ring: '${A}', spare: ['${B}', known]"]
)
def test_who_only_looks_needs_no_secret_of_a_hint_source(tmp_path: Path, rings: str) -> None:
    text = hinted(f"{{kind: pigeon, {rings}, chains: [ethereum]}}")
    partial: PartialSettings = read_settings(write(tmp_path, text), {}, PIGEONS, secrets=False)
    assert partial.problems == []
    assert partial.settings is not None
    assert partial.settings.hints["loft"].named_chains == ("ethereum",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("40%", "0.4"), ("'12.5 %'", "0.125"), ("0%", "0"), ("100%", "1")],
)
def test_what_barren_polls_may_take_is_a_percentage(tmp_path: Path, written: str, meant: str) -> None:
    text = SOUND.replace("kind: coinstats\n", f"kind: coinstats\n    hint_waste: {written}\n")
    sources = load(tmp_path, text).sources
    assert (sources["coinstats"].hint_waste, sources["teos"].hint_waste) == (Decimal(meant), Decimal("0.4"))


@pytest.mark.parametrize("written", ["101%", "-1%", "40", "0.4", "half", "[40%]"])
def test_what_is_no_percentage_is_a_mistake(tmp_path: Path, written: str) -> None:
    text = SOUND.replace("kind: coinstats\n", f"kind: coinstats\n    hint_waste: {written}\n")
    (said,) = mistakes(tmp_path, text)
    assert said.endswith("hint_waste must be a percentage from 0% to 100%, in quotes or not: 40% | ")


def test_a_wallet_may_be_left_out_of_hints(tmp_path: Path) -> None:
    text = SOUND.replace("tags: [treasury]", "hints: false")
    assert [wallet.hints for wallet in load(tmp_path, text).wallets] == [False, True]


def test_the_schema_knows_hints(tmp_path: Path) -> None:
    schema = json_schema(PIGEONS)
    assert schema["properties"]["hints"]["additionalProperties"] == {
        "anyOf": [{"$ref": "#/$defs/PigeonPost"}]
    }
    found = schema["$defs"]["PigeonPost"]
    assert set(found["properties"]) == {"kind", "ring", "ring_file", "spare", "spare_file", "chains"}
    assert found["required"] == ["kind"]
