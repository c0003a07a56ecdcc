"""`watcher init` on a terminal: questions whose answers become files that `check` accepts."""

from __future__ import annotations

import stat

from tests.cli.terminal import Terminal, terminal
from tests.endtoend.bench import BOND, COINSTATS_KEY, DESK, EVM, TEOS_KEY, Installation
from watcher.config.starter import StarterDraft, drafted_files
from watcher.sources.coinstats.setup import PURPOSES
from watcher.sources.setup import WalletDraft


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
            ("Name of the first wallet", "main"),
            ("What it is", "hot"),
            ("Address", "hello-not-an-address"),
            ("Chains", "bsc"),
            ("did you mean 'binancesmartchain'?", None),
            ("Chains", "ethereum"),
            ("there it is 0x and 40 hexadecimal digits", None),
            ("Once more", None),
            ("Name of the first wallet", "main"),
            ("What it is", "hot"),
            ("Address", "vitalik.eth"),
            ("Chains", "ethereum"),
            ("write the address that it stands for", None),
            ("Once more", None),
            ("Name of the first wallet", "main"),
            ("What it is", "hot"),
            ("Address", EVM),
            ("Chains", "?"),
            ("it costs 1 credit", "y"),
            ("Chains", "etherium"),
            ("did you mean 'ethereum'?", None),
            ("Chains", "ethereum,base-wallet"),
            ("on CoreLedger TEOS", "y"),
            ("TEOS API key", TEOS_KEY),
            ("sells no credits", "y"),
            ("TEOS takes it", None),
            ("Name of the first TEOS wallet", "desk"),
            ("Address", DESK),
            ("UniqueAssetIds", BOND),
            ("Hints from", ""),
            ("Apprise URL", "nonsense"),
            ("the URL has no scheme", None),
            ("Apprise URL", hook),
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
    assert "2 sources, 2 wallets, 3 accounts" in out
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
            ("Name of the first wallet", ""),
            ("What it is", ""),
            ("Address", EVM),
            ("Chains", ""),
            ("on CoreLedger TEOS", ""),
            ("Hints from", ""),
            ("Apprise URL", ""),
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
            ("Name of the first wallet", "main"),
            ("What it is", "tresury"),
            ("'tresury' is none of treasury, hot, gas; did you mean 'treasury'?", None),
            ("What it is", "hot"),
            ("Address", EVM),
            ("Chains", "ethereum"),
            ("on CoreLedger TEOS", "n"),
            ("Hints from", ""),
            ("Apprise URL", ""),
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
            ("Name of the first wallet", ""),
            ("What it is", ""),
            ("Address", EVM),
            ("Chains", "ethereum, base-wallet"),
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
            ("Apprise URL", ""),
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
