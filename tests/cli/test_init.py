"""`watcher init` on a terminal: questions whose answers become files that `check` accepts."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cli.terminal import Terminal, terminal
from tests.endtoend.bench import BOND, COINSTATS_KEY, DESK, EVM, TEOS_KEY, Installation, here
from watcher.analysis.ruletest.load import load_suites
from watcher.analysis.ruletest.run import run_case
from watcher.config.json_schema import rules_schema
from watcher.config.starter import StarterDraft, drafted_files
from watcher.config.wishes import PACK_OF, WISHES, rule_files
from watcher.sources.coinstats.setup import PURPOSES
from watcher.sources.setup import WalletDraft

ONE, TWO = "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
NOTHING_MORE = (("leave out", ""), ("Time zone", ""), ("Currency", ""), ("Apprise URL", ""))


async def answer(shown: Terminal, *pairs: tuple[str, str | None]) -> None:
    """Wait for each text after the one before, and answer those that are questions."""
    at = 0
    for question, keys in pairs:
        at = await shown.until(question, after=at)
        if keys is not None:
            at = await shown.asked()
            shown.type(keys + "\n")


def urls(there: Installation) -> tuple[str, ...]:
    return ("--coinstats-url", f"{there.sim.url}/coinstats", "--teos-url", f"{there.sim.url}/teos")


async def test_the_answers_become_files_that_check_accepts(there: Installation) -> None:
    hook = there.env.pop("HOOK_URL")
    for name in ("COINSTATS_API_KEY", "TEOS_API_KEY"):
        del there.env[name]
    there.sim.coinstats.credits_limit = 50_000
    there.file("safe.csv").write_text(f"Name,Address\nOne,{ONE}\nTwo,{TWO}\n")
    async with terminal(
        "init", "new", *urls(there), folder=there.folder, env=there.env, columns=200
    ) as shown:
        await answer(
            shown,
            ("on CoinStats", "y"),
            ("CoinStats API key", "wrong-key"),
            ("seen to be free", "y"),
            ("CoinStats API key", COINSTATS_KEY),
            ("seen to be free", "y"),
            ("Credits a month", ""),
            ("Address", "hello-not-an-address"),
            ("A name", "main"),
            ("What it is", "hot"),
            ("Chains", "bsc"),
            ("did you mean 'binancesmartchain'?", None),
            ("Chains", "ethereum"),
            ("there it is 0x and 40 hexadecimal digits", None),
            ("Once more", None),
            ("Address", "vitalik.eth"),
            ("A name for it [main]", ""),
            ("[hot]", ""),
            ("[ethereum]", ""),
            ("write the address that it stands for", None),
            ("Once more", None),
            ("Address", EVM),
            ("A name for it [main]", ""),
            ("[hot]", ""),
            ("Chains", "?"),
            ("it costs 1 credit", "y"),
            ("Chains", "etherium"),
            ("did you mean 'ethereum'?", None),
            ("Chains", "ethereum,base-wallet"),
            ("Another wallet on CoinStats", "y"),
            ("Address", "nowhere.csv"),
            ("there is no such file", None),
            ("Address", "safe.csv"),
            ("What it is", "gas"),
            ("Chains", "ethereum"),
            ("2 wallets in safe.csv", None),
            ("Another wallet on CoinStats", ""),
            ("on CoreLedger TEOS", "y"),
            ("TEOS API key", TEOS_KEY),
            ("sells no credits", "y"),
            ("TEOS takes it", None),
            ("Address", DESK),
            ("A name", "desk"),
            ("UniqueAssetIds", BOND),
            ("Another wallet on TEOS", ""),
            ("of 50,000 credits a month are planned for 4 accounts", None),
            ("Hints from", ""),
            ("I want to know when", None),
            (" 1  hot: $10,000 or more leave at once", None),
            ("Numbers to leave out", "4, 14"),
            ("'14' is no number from 1 to 13", None),
            ("Numbers to leave out", "4, 12"),
            ("Time zone", "Europe/Zürich"),
            ("did you mean 'Europe/Zurich'", None),
            ("Time zone", "Europe/Zurich"),
            ("Currency", "chf"),
            ("Apprise URL", "nonsense"),
            ("the URL has no scheme", None),
            ("Apprise URL", "json://127.0.0.1:9/nobody"),
            ("Send a test", "y"),
            ("ops: not sent", None),
            ("Keep it", ""),
            ("Apprise URL", hook),
            ("Send a test", ""),
            ("ops: sent", None),
            ("Quiet hours", "at night"),
            ("write it as in 22:00-07:00", None),
            ("Quiet hours", "22:00-7:00"),
            ("watcher send-test", None),
        )
        assert await shown.ended() == 0
    assert "The key was refused" in shown.shown
    assert "0 of 50,000 credits are used" in shown.shown
    for secret in (COINSTATS_KEY, TEOS_KEY, hook, "wrong-key"):
        assert secret not in shown.shown
    folder = there.file("new/credentials")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    names = {"COINSTATS_API_KEY", "TEOS_API_KEY", "WATCHER_OPS_URL"}
    assert {file.name for file in folder.iterdir()} == names
    written = there.file("new/watcher.yaml").read_text()
    assert not any(secret in written for secret in (COINSTATS_KEY, TEOS_KEY, hook))
    assert "limit: 50000" in written
    assert there.sim.coinstats.credits_used == 1
    code, out, err = await there.verb("check", "-c", "new/watcher.yaml")
    assert (code, err) == (0, "")
    assert "2 sources, 4 wallets, 5 accounts" in out
    rules = there.file("new/rules/gas.yaml").read_text()
    assert "gas-refilled" not in rules
    assert "gas-silent" in rules
    assert "hot-wallet-silent" not in there.file("new/rules/hot-wallet.yaml").read_text()
    assert "display: {timezone: Europe/Zurich, currency: CHF, rates: coinstats}" in written
    assert 'quiet: {from: "22:00", to: "07:00", timezone: Europe/Zurich}' in written
    code, out, err = await there.verb("test", *map(str, there.folder.glob("new/rules/tests/*.yaml")))
    assert code == 0, out + err
    code, _, err = await there.verb("poll", "-c", "new/watcher.yaml")
    assert code == 0, err


async def test_an_interview_that_is_broken_off_writes_nothing(there: Installation) -> None:
    async with terminal("init", "new", folder=there.folder, env=there.env) as shown:
        await shown.until("on CoinStats")
        await shown.asked()
        assert await shown.interrupted() == 130
    assert not there.file("new").exists()


async def test_what_is_there_is_seen_before_anything_is_asked(there: Installation) -> None:
    async with terminal("init", folder=there.folder, env=there.env) as shown:
        assert await shown.ended() == 1
        await shown.until("there already")
    assert "CoinStats" not in shown.shown


async def test_without_a_key_or_a_network_the_interview_goes_on(there: Installation) -> None:
    nowhere = ("--coinstats-url", "http://127.0.0.1:9")
    async with terminal("init", "new", *nowhere, folder=there.folder, env=there.env, columns=200) as shown:
        await answer(
            shown,
            ("on CoinStats", ""),
            ("CoinStats API key", "some-key"),
            ("seen to be free", ""),
            ("Credits a month", "20000"),
            ("Address", EVM),
            ("A name", ""),
            ("What it is", ""),
            ("Chains", ""),
            ("Another wallet", ""),
            ("on CoreLedger TEOS", ""),
            ("Hints from", ""),
            *NOTHING_MORE,
        )
        assert await shown.ended() == 0
    assert "could not be checked" in shown.shown
    code, out, err = await there.verb("check", "-c", "new/watcher.yaml")
    assert (code, err) == (0, "")
    assert "1 channel" in out


async def test_with_defaults_nothing_is_asked_on_a_terminal_either(there: Installation) -> None:
    async with terminal("init", "new", "--defaults", folder=there.folder, env=there.env) as shown:
        assert await shown.ended() == 0
    assert there.file("new/rules/tests/gas.yaml").exists()
    assert not there.file("new/credentials").exists()


def test_every_kind_of_wallet_gets_rules_whose_tests_pass() -> None:
    for purpose in PURPOSES:
        wallet = WalletDraft("coinstats", "w", EVM, ("chains", ("ethereum",)), purpose)
        files = drafted_files(StarterDraft((wallet,)))
        assert len([name for name in files if name.startswith("rules/")]) == 2


async def test_a_wrong_answer_is_told_why_and_numbers_are_taken_as_people_write_them(
    there: Installation,
) -> None:
    async with terminal(
        "init", "new", *urls(there), folder=there.folder, env=there.env, columns=200
    ) as shown:
        await answer(
            shown,
            ("on CoinStats", "y"),
            ("CoinStats API key", ""),
            ("Credits a month", "plenty"),
            ("must be a whole number; write it as in 20000, 20k or 2M", None),
            ("Credits a month", "0"),
            ("must be more than nothing", None),
            ("Credits a month", "1,500k"),
            ("must be a whole number", None),
            ("Credits a month", "2M"),
            ("Address", "~nobody-of-this-name/wallets.csv"),
            ("there is no such file", None),
            ("Address", EVM),
            ("A name", "main"),
            ("What it is", "tresury"),
            ("'tresury' is none of treasury, hot, gas; did you mean 'treasury'?", None),
            ("What it is", "hot"),
            ("Chains", "ethereum"),
            ("Another wallet", ""),
            ("on CoreLedger TEOS", "n"),
            ("Hints from", ""),
            *NOTHING_MORE,
        )
        assert await shown.ended() == 0
    assert "limit: 2000000" in (there.folder / "new" / "watcher.yaml").read_text().replace("_", "")


async def test_hints_are_asked_for_once_and_their_keys_go_into_files(there: Installation) -> None:
    key = "signing-key-0123456789abcdef"
    async with terminal(
        "init", "new", *urls(there), folder=there.folder, env=there.env, columns=200
    ) as shown:
        await answer(
            shown,
            ("on CoinStats", "y"),
            ("CoinStats API key", ""),
            ("Credits a month", ""),
            ("Address", EVM),
            ("A name", ""),
            ("What it is", ""),
            ("Chains", "ethereum, base-wallet"),
            ("Another wallet", ""),
            ("on CoreLedger TEOS", "n"),
            ("Hints from", "pigeons"),
            ("'pigeons' is none of none, ", None),
            ("Hints from", "webhook"),
            ("Who posts", "alchemy"),
            ("Alchemy's name of ethereum", ""),
            ("Alchemy's name of base-wallet", ""),
            ("/hints/alchemy", None),
            ("Signing key", "short"),
            ("a key has 16 or more", None),
            ("Hints from", "webhook"),
            ("Who posts", "alchemy"),
            ("Alchemy's name of ethereum", ""),
            ("Alchemy's name of base-wallet", ""),
            ("Signing key", key),
            ("none: that is all", ""),
            *NOTHING_MORE,
        )
        assert await shown.ended() == 0
    assert key not in shown.shown
    assert there.file("new/credentials/ALCHEMY_SIGNING_KEY").read_text() == f"{key}\n"
    written = there.file("new/watcher.yaml").read_text()
    settings = "kind: webhook, scheme: alchemy, chains: {ETH_MAINNET: ethereum}, signing_key: "
    assert f'  alchemy: {{{settings}"${{ALCHEMY_SIGNING_KEY}}"}}\n' in written
    code, _, err = await there.verb("check", "-c", "new/watcher.yaml")
    assert code == 0
    assert err.count("warning") == 1, "who posts has to reach the server"


ANSWERS = """\
sources:
  coinstats: {{key: "${{MY_KEY}}", credits: 50k, url: "{url}/coinstats"}}
  teos: {{key: {teos}, url: "{url}/teos"}}
wallets:
  - {{source: coinstats, for: hot, name: main, address: "{evm}", chains: [ethereum, base-wallet]}}
  - {{source: coinstats, for: gas, file: safe.csv, chains: [ethereum]}}
  - {{source: teos, for: issued, name: desk, address: "{desk}", assets: ["{bond}"]}}
leave_out: [gas-refilled]
timezone: Europe/Zurich
channel: {{url: "{hook}", quiet: {{from: "22:00", to: "07:00"}}, test: true}}
"""


async def test_a_file_of_answers_does_what_the_interview_does(there: Installation) -> None:
    hook = there.env.pop("HOOK_URL")
    there.env["MY_KEY"] = COINSTATS_KEY
    there.file("safe.csv").write_text(f"Name,Address\nOne,{ONE}\nTwo,{TWO}\n")
    text = ANSWERS.format(url=there.sim.url, teos=TEOS_KEY, evm=EVM, desk=DESK, bond=BOND, hook=hook)
    there.file("answers.yaml").write_text(text)

    code, out, err = await there.verb("init", "new", "--answers", "answers.yaml")

    assert (code, err) == (0, "")
    assert "of 50,000 credits a month are planned for 4 accounts" in out
    assert "ops: sent" in out
    assert len(there.hook.received) == 1
    written = there.file("new/watcher.yaml").read_text()
    assert "api_key: ${MY_KEY}" in written, "a variable that is named stays where it is"
    assert {file.name for file in there.file("new/credentials").iterdir()} == {
        "TEOS_API_KEY",
        "WATCHER_OPS_URL",
    }
    code, out, err = await there.verb("check", "-c", "new/watcher.yaml")
    assert (code, err) == (0, "")
    code, _, err = await there.verb("poll", "-c", "new/watcher.yaml")
    assert code == 0, err


async def test_wrong_answers_are_all_told_at_their_place_and_nothing_is_written(there: Installation) -> None:
    there.file("answers.yaml").write_text(
        "sources:\n  coinstat: {}\n  teos: {}\nwallets:\n"
        f'  - {{source: teos, for: treasury, address: "{DESK}", assets: ["{BOND}"]}}\n'
        "  - {source: teos, for: issued}\n  - {source: teos, for: issued, file: none.csv}\n"
        "leave_out: [issued-move]\n"
    )
    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 78
    for line, words in {
        2: "there is no source 'coinstat'",
        5: "'treasury' is nothing that a wallet is for",
        6: "a wallet has an 'address', or a 'file' of many",
        7: "there is no file none.csv",
        8: "there is no rule 'issued-move'",
    }.items():
        assert any(f"answers.yaml:{line}:" in said and words in said for said in err.splitlines()), err

    there.file("answers.yaml").write_text(
        "sources: {teos: {}}\ntimezone: Europe/Zürich\nwallets:\n"
        f'  - {{source: teos, for: issued, address: "0x12", assets: ["{BOND}"]}}\n'
    )
    code, _, err = await there.verb("init", "new", "--answers", "answers.yaml")
    assert code == 78
    assert "did you mean 'Europe/Zurich'" in err
    assert not there.file("new").exists()


def test_every_rule_of_the_packs_is_a_wish_and_a_pack_without_some_is_sound() -> None:
    everything = rule_files(PACK_OF)
    for purpose, wishes in WISHES.items():
        ids = re.findall(r"(?m)^  - id: (\S+)", everything[f"{PACK_OF[purpose]}.yaml"])
        assert ids == list(wishes)
    assert rule_files(["gas"], WISHES["gas"]) == {}


@pytest.mark.parametrize(("purpose", "rule"), [(each, rule) for each in WISHES for rule in WISHES[each]])
async def test_a_pack_without_one_of_its_rules_passes_the_tests_that_are_left(
    tmp_path: Path, purpose: str, rule: str
) -> None:
    files = rule_files([purpose], [rule])
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    [suite] = load_suites([tmp_path / name for name in files if name.startswith("tests/")])
    assert rule not in {each.id for each in suite.rules}
    for case in suite.cases:
        assert (await run_case(suite, case)).passed, case.test.name


async def test_each_file_names_its_schema_in_its_first_line_and_follows_it(tmp_path: Path) -> None:
    assert await here("init", str(tmp_path), "--defaults") == 0
    written = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.yaml")))
    assert len(written) > 5
    for path in written:
        text = path.read_text()
        found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
        assert found is not None
        schema = json.loads((path.parent / found[1]).read_text())
        jsonschema.validate(yaml.safe_load(text), schema)


async def test_schemas_of_an_earlier_version_are_written_anew(tmp_path: Path) -> None:
    old = tmp_path / "schemas" / "rules.json"
    old.parent.mkdir()
    old.write_text("{}")
    assert await here("schema", "--write", str(tmp_path)) == 0
    assert json.loads(old.read_text()) == rules_schema()
    assert sorted(path.name for path in old.parent.iterdir()) == ["rules.json", "tests.json", "watcher.json"]
