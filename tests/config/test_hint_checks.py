"""What `check` says of hint sources: who is named is there, who posts gets in, nothing is heard twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import SecretStr

from tests.config.given import ENV, KINDS, SOUND, write
from tests.configured import load_settings
from tests.hints.third import PigeonLoft, PigeonPost
from watcher import hints
from watcher.config.configuration import configure, hinted_accounts
from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account
from watcher.domain.values.errors import Advice, ConfigurationError, InputError, Problem
from watcher.hints.kind import AskingHintKind, HintContext, HintKind

RING = "ring-0123456789"


class Letterbox(HintKind):
    """Posted to: by strangers, or by a program on this machine."""

    kind: Literal["letterbox"]
    near: bool = False
    posted: ClassVar[bool] = True

    @property
    def from_afar(self) -> bool:
        return not self.near

    def covers(self, account: Account) -> bool:
        return True

    def build(self, context: HintContext) -> PigeonLoft:
        return PigeonLoft(context.name, [])


class Oracle(AskingHintKind):
    """Asks the API of a CoinStats access, and says what that costs."""

    kind: Literal["oracle"]
    url: SecretStr | None = None
    source_kind: ClassVar[str] = "coinstats"

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterable[Advice]:
        if asked.credits is not None:
            yield Advice(f"a look at {len(accounts)} of {asked.credits.limit} credits", "look more rarely")

    def build(self, context: HintContext) -> PigeonLoft:
        assert context.api is not None
        raise InputError("the oracle speaks in riddles", "pip install riddles", ("source",))


KNOWN: Mapping[str, type[HintKind]] = {"pigeon": PigeonPost, "letterbox": Letterbox, "oracle": Oracle}
NOBODY = "they concern no wallet; take this entry out, or add a wallet"
KINDS_ = KINDS._replace(hints=KNOWN)


def hinted(*entries: str, web: str = "") -> str:
    return SOUND + web + "hints:\n" + "".join(f"  {each}\n" for each in entries)


def mistakes(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(folder, text), ENV, KINDS_)
    return caught.value.problems


def placed(text: str, found: Iterable[Problem]) -> list[str]:
    """Each with its line in the section of hints."""
    first = text[: text.index("hints:\n")].count("\n") + 1
    return [f"{each.place.line - first}: {each.what}; {each.remedy}" for each in found]


def warnings(folder: Path, text: str) -> list[str]:
    found = load_settings(write(folder, text), ENV, KINDS_).warnings
    return placed(text, (each for each in found if "hints" in each.what))


def test_a_source_that_hints_name_is_there_and_of_the_kind_that_is_asked(tmp_path: Path) -> None:
    text = hinted(
        "a: {kind: oracle, source: coinstat}", "b: {kind: oracle, source: teos}", "c: {kind: pidgeon}"
    )
    other = "source 'teos' is of kind teos, and these hints come from one of kind coinstats"
    assert placed(text, mistakes(tmp_path, text)) == [
        "1: there is no source 'coinstat'; did you mean 'coinstats'?",
        f"2: {other}; name one of them: coinstats",
        "3: unknown kind 'pidgeon'; did you mean 'pigeon'?",
    ]


def test_a_chain_that_no_wallet_is_on_is_told_at_its_place(tmp_path: Path) -> None:
    text = hinted("loft:", "  kind: pigeon", f"  ring: {RING}", "  chains: [base, etherium]")
    assert warnings(tmp_path, text) == ["4: hints loft: no wallet is on etherium; did you mean 'ethereum'?"]


@pytest.mark.parametrize("chains", ["[ethereum, BASE-wallet]", "[]"])
def test_a_chain_may_be_named_in_each_of_its_spellings(tmp_path: Path, chains: str) -> None:
    assert warnings(tmp_path, hinted(f"loft: {{kind: pigeon, ring: {RING}, chains: {chains}}}")) == []


def test_a_wallet_of_all_chains_is_on_each_of_them(tmp_path: Path) -> None:
    text = hinted(f"loft: {{kind: pigeon, ring: {RING}, chains: [gnosis]}}")
    (said,) = warnings(tmp_path, text)
    assert said == "1: hints loft: no wallet is on gnosis; known here: base-wallet, ethereum, teos"
    text = text.replace("[ethereum, base-wallet]", "all")
    assert warnings(tmp_path, text) == [f"1: hints loft: {NOBODY}"]


def test_hints_that_concern_nobody_are_told(tmp_path: Path) -> None:
    text = hinted("box: {kind: letterbox, near: true}").replace("tags: [treasury]", "hints: false")
    text = text.replace("every: 1m", "every: 1m\n    hints: false")
    assert warnings(tmp_path, text) == [f"1: hints box: {NOBODY}"]


def test_a_wallet_that_is_left_out_is_not_covered(tmp_path: Path) -> None:
    text = hinted("box: {kind: letterbox, near: true}", "sibyl: {kind: oracle, source: coinstats}")
    settings = load_settings(write(tmp_path, text), ENV, KINDS_)
    assert [each.chain for each in hinted_accounts(settings, "box")] == ["ethereum", "base-wallet", "teos"]
    assert [each.chain for each in hinted_accounts(settings, "sibyl")] == ["ethereum", "base-wallet"]
    settings = load_settings(write(tmp_path, text.replace("every: 1m", "hints: false")), ENV, KINDS_)
    assert [each.chain for each in hinted_accounts(settings, "box")] == ["ethereum", "base-wallet"]


def test_nobody_can_post_without_a_web_server(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, hinted("box: {kind: letterbox}", web="web: null\n"))
    assert said.what == "hints box: nobody can post to it without a web server"
    assert said.remedy == "write 'web: {listen: \"127.0.0.1:8787\"}'"


@pytest.mark.parametrize(
    ("web", "near", "told"),
    [
        ("", "false", True),
        ("", "true", False),
        ('web: {listen: "[::1]:8787"}\n', "false", True),
        ('web: {listen: "127.0.0.1:8787", proxies: [127.0.0.1]}\n', "false", False),
        ('web: {listen: "0.0.0.0:8787", token: 0123456789abcdef}\n', "false", False),
    ],
)
def test_who_posts_from_afar_must_reach_the_web_server(
    tmp_path: Path, web: str, near: str, told: bool
) -> None:
    found = warnings(tmp_path, hinted(f"box: {{kind: letterbox, near: {near}}}", web=web))
    assert ["must reach the web server" in each for each in found] == [True] * told


def test_hints_that_are_heard_twice_are_told(tmp_path: Path) -> None:
    text = hinted(
        "a: {kind: oracle, source: coinstats, url: wss://one}",
        "b: {kind: oracle, source: coinstats, url: wss://one}",
        "c: {kind: oracle, source: coinstats}",
        "d: {kind: oracle, source: coinstats}",
        f"e: {{kind: pigeon, ring: {RING}}}",
        f"f: {{kind: pigeon, ring: {RING}}}",
    )
    found = [each for each in warnings(tmp_path, text) if "twice" in each]
    assert found == [
        "2: hints a and b hear the same: each hint comes twice; keep one of them",
        "4: hints c and d hear the same: each hint comes twice; keep one of them",
    ]


def test_a_kind_warns_of_what_it_knows(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, hinted("sibyl: {kind: oracle, source: coinstats}"))
    assert said == "1: hints sibyl: a look at 2 of 20000 credits; look more rarely"


def test_a_hint_source_that_cannot_be_built_is_a_mistake_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints.KINDS, "data", KNOWN)
    pigeon = f"loft: {{kind: pigeon, ring: {RING}}}"
    path = write(tmp_path, hinted("sibyl: {kind: oracle, source: coinstats}", pigeon))
    with pytest.raises(ConfigurationError) as caught:
        configure(path, ENV)
    (said,) = caught.value.problems
    assert (said.what, said.remedy) == ("hints sibyl: the oracle speaks in riddles", "pip install riddles")
    assert said.place.column == 33
    assert configure(path, ENV, channels=False).settings.hints, "who only looks builds none"
