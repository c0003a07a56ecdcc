"""Where messages lead: the page's public address, the key of links, explorers; and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import SOUND, load, mistakes

TOKEN = "a-long-enough-token"
URL = "https://watch.example.org"


def web(settings: str) -> str:
    return f"{SOUND}web: {{{settings}}}\n"


def told(folder: Path, text: str) -> list[str]:
    return [each.what for each in load(folder, text).warnings if "rules" not in each.what]


def test_the_public_address_may_have_a_path_and_needs_nothing_else(tmp_path: Path) -> None:
    found = load(tmp_path, web(f"url: {URL}/watcher/, token: {TOKEN}")).web
    assert found is not None
    assert (found.listen, found.url, found.public_host) == (
        "127.0.0.1:8787", f"{URL}/watcher", "watch.example.org",
    )  # fmt: skip
    assert (found.public_path, found.link_secret) == ("/watcher", TOKEN)


@pytest.mark.parametrize(
    "url",
    [
        "watch.example.org", "ftp://watch.example.org", "https://", "https://u:p@watch.example.org",
        f"{URL}?a=b", f"{URL}/#here", f"{URL}/a b", f"{URL}:99999", f"{URL}//evil", "https://wätch.example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_a_mistake_with_its_place(tmp_path: Path, url: str) -> None:
    (problem,) = mistakes(tmp_path, web(f'url: "{url}", token: {TOKEN}'))
    assert "web.url must be the web address" in problem.what
    assert "as in https://watch.example.org" in problem.remedy
    assert problem.place.line == len(web("").splitlines())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (f"url: {URL}, token: {TOKEN}", []),
        (f"url: http://watch.example.org, token: {TOKEN}", ["'url' is http"]),
        (f"url: http://192.168.1.5:8787, token: {TOKEN}", []),
        (f"url: http://nas.local, token: {TOKEN}", []),
        (f"url: {URL}", ["there is no 'token'", "nothing to sign it with"]),
        (f"url: {URL}, ack_links: false", ["there is no 'token'"]),
        ("url: http://127.0.0.1:8787, link_key: 0123456789abcdef", []),
        ('url: "http://[::1]:8787", link_key: 0123456789abcdef', []),
        ("url: http://127.0.0.1:8787, token: short", ["can be guessed", "nothing to sign it with"]),
        ("listen: 127.0.0.1:1", []),
    ],
)
def test_what_is_probably_not_meant_is_told_once(tmp_path: Path, settings: str, said: list[str]) -> None:
    found = told(tmp_path, web(settings))
    assert [word in text for word, text in zip(said, found, strict=True)] == [True] * len(said)


def test_links_are_signed_with_their_own_key_or_the_token_where_there_are_any(tmp_path: Path) -> None:
    key = "another-key-for-links"
    secrets = []
    for settings in (
        f"url: {URL}, token: {TOKEN}, link_key: {key}", f"url: {URL}, link_key: {key}",
        f"url: {URL}, token: {TOKEN}, ack_links: false", f"token: {TOKEN}",
    ):  # fmt: skip
        found = load(tmp_path, web(settings)).web
        assert found is not None
        secrets.append(found.link_secret)
        assert key not in repr(found)
    assert secrets == [key, key, "", ""]


def test_a_key_of_links_may_stand_in_a_file_and_is_long(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef\n")
    found = load(tmp_path, web(f"url: {URL}, link_key_file: key")).web
    assert found is not None
    assert found.link_secret == "0123456789abcdef"
    (problem,) = mistakes(tmp_path, web(f"url: {URL}, link_key: q7-zz-81"))
    assert "web.link_key is too short" in problem.what
    assert "q7-zz" not in str(problem)


def test_explorers_are_added_and_replaced_by_their_chains(tmp_path: Path) -> None:
    own = "https://eth.blockscout.com/address/{address}"
    found = load(
        tmp_path, f'{SOUND}explorers: {{ethereum: "{own}", base-wallet: "http://base/{{address}}?x=1"}}'
    )
    assert (found.explorers["ethereum"], found.explorers["base"]) == (own, "http://base/{address}?x=1")
    assert found.explorers["polygon"].startswith("https://polygonscan.com/")


def test_an_explorer_of_the_chain_of_a_wallet_is_right_whatever_its_chain(tmp_path: Path) -> None:
    assert load(tmp_path, SOUND + 'explorers: {teos: "https://teos.example/{address}"}').explorers["teos"]


@pytest.mark.parametrize(
    ("explorers", "what", "remedy"),
    [
        ('{ethereun: "https://x.org/{address}"}', "there is no chain 'ethereun'", "ethereum"),
        ('{ethereum: "https://x.org/address"}', "must have {address} in it", "as in https"),
        ('{ethereum: "https://x.org/{adress}"}', "must have {address} in it", "as in https"),
        ('{ethereum: "https://x.org/{address}/{address}"}', "must have {address} in it", "as in https"),
        ('{ethereum: "javascript:alert({address})"}', "must be a web address", "as in https"),
        ('{ethereum: "https://{address}"}', "must be a web address", "as in https"),
        ("{ethereum: 5}", "must be a web address", "as in https"),
        ("[x]", "explorers must be a mapping", "CHAIN"),
    ],
)
def test_a_mistake_in_explorers_is_told_with_its_place(
    tmp_path: Path, explorers: str, what: str, remedy: str
) -> None:
    (problem,) = mistakes(tmp_path, f"{SOUND}explorers: {explorers}\n")
    assert what in problem.what
    assert remedy in problem.remedy
    assert problem.place.line == len(SOUND.splitlines()) + 1
