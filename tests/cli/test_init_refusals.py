"""`watcher init` refuses: nothing is half written, nobody is told by mistake, nothing is quietly dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.endtoend.bench import COINSTATS_KEY, EVM, Installation

WALLET = f'  - {{source: coinstats, for: treasury, address: "{EVM}", chains: [ethereum]}}\n'


def answers(there: Installation, key: str = COINSTATS_KEY, more: str = "", wallets: str = WALLET) -> None:
    text = f"sources:\n  coinstats: {{key: {key!r}}}\nwallets:\n{wallets}{more}"
    there.file("answers.yaml").write_text(text)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("in_the_way", ["schemas", "credentials", "rules", "rules/tests"])
async def test_what_cannot_be_written_whole_is_taken_back_with_its_keys(
    there: Installation, in_the_way: str
) -> None:
    answers(there)
    path = there.file(f"new/{in_the_way}")
    path.parent.mkdir(parents=True)
    path.write_text("")
    before = files(there.file("new"))
    code, out, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 1
    assert in_the_way.split("/", maxsplit=1)[0] in err
    assert "wrote" not in out
    assert files(there.file("new")) == before


async def test_a_link_that_leads_nowhere_is_something_that_is_there(there: Installation) -> None:
    answers(there)
    there.file("new").mkdir()
    there.file("new/watcher.yaml").symlink_to("/nowhere/at/all")
    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert (code, "new/watcher.yaml is there already" in err) == (1, True)
    assert files(there.file("new")) == {"watcher.yaml"}


async def test_a_folder_that_takes_no_files_is_told_before_anything_is_sent(there: Installation) -> None:
    answers(there, more=f'channel: {{url: "{there.env["HOOK_URL"]}", test: true}}\n')
    there.file("new").write_text("")
    code, _, err = await there.verb("init", "new/deeper", "--answers", "answers.yaml")
    assert code == 1
    assert "it is no folder" in err
    assert there.hook.received == []


async def test_a_test_message_goes_to_no_stand_in_for_a_url_that_is_not_set(there: Installation) -> None:
    answers(there, more='channel: {url: "${NOBODY_SET_IT}", test: true}\n')
    code, out, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 78
    assert "NOBODY_SET_IT is not set" in err
    assert "ops:" not in out
    assert not there.file("new").exists()


async def test_answers_that_would_be_dropped_or_misread_are_mistakes(there: Installation) -> None:
    there.file("some.csv").write_text(f"Name,Address\nOne,{EVM}\n")
    again = "  - {source: coinstats, for: hot, file: some.csv, chains: [ethereum]}\n"
    answers(there, key="sk-${PART}", wallets=WALLET + again, more='timezone: "UTC, currency: EUR"\n')
    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 78
    for words in ("${VARIABLE} as a whole", "'UTC, currency: EUR' is no time zone"):
        assert words in err
    assert "sk-" not in err
    assert "/watcher-init-" not in err

    answers(there, wallets=WALLET + again)
    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 78
    assert "all its wallets stand before it" in err

    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml", "--pack", "gas")
    assert code == 2
    assert "without --pack" in err
    assert not there.file("new").exists()
