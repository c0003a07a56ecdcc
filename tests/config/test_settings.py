"""What a sound configuration means."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.config.given import ENV, KEY, KINDS, SOUND, FileStore, load, mistakes, write
from tests.configured import load_settings
from tests.fakes import FakeChannel
from watcher.config.models import Cron
from watcher.config.settings import Kinds, read_settings
from watcher.domain.model import Account, Asset
from watcher.notify.kind import ChannelKind
from watcher.ports.channel import PLAINLY, Presentation
from watcher.sources.coinstats.settings import CoinStatsSettings


def test_a_wallet_stands_for_one_account_per_chain(tmp_path: Path) -> None:
    settings = load(tmp_path)

    treasury, bonds = settings.wallets
    address = "0x9f114da25b61b77606d47eab414b9360f8783979"
    assert treasury.accounts == (
        Account("coinstats", "ethereum", address),
        Account("coinstats", "base-wallet", address),
    )
    assert bonds.accounts == (Account("teos", "teos", "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"),)
    assert treasury.tags == ("treasury",)
    assert bonds.watched.assets == ("0x0fc6e610b23b09fae00e10001",)
    assert bonds.asked == (Asset("teos", "0xfc6e610b23b09fae00e10001"),), (
        "rules over sums know what was asked for"
    )


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings.web is not None
    assert settings.web.listen == "127.0.0.1:8787"
    assert (settings.log.level, settings.log.format) == ("info", "console")
    assert settings.wallets[0].every == "auto"
    assert settings.wallets[0].weight == 1
    assert settings.rules == ()
    assert settings.channels["ops"].model_dump()["kind"] == "apprise"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(tmp_path)

    with pytest.raises(AttributeError):
        settings.web = None  # type: ignore[misc]
    with pytest.raises(AttributeError):
        settings.wallets[0].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("auto", "auto"),
        ("5m", timedelta(minutes=5)),
        ("1s", timedelta(seconds=1)),
        (
            '{cron: "*/10  9-17 * * mon-fri", timezone: Europe/Zurich}',
            Cron(cron="*/10 9-17 * * mon-fri", timezone="Europe/Zurich"),
        ),
        ('{cron: "0 6 * * *"}', Cron(cron="0 6 * * *", timezone="UTC")),
    ],
)
def test_a_cadence_is_auto_a_duration_or_a_calendar(tmp_path: Path, written: str, meant: object) -> None:
    assert load(tmp_path, SOUND.replace("every: 1m", f"every: {written}")).wallets[1].every == meant


@pytest.mark.parametrize(
    ("written", "promise"),
    [
        ("auto", None),
        ("auto\n    at_least_every: 6h", timedelta(hours=6)),
        ("5m", timedelta(minutes=5)),
        ('{cron: "0 6 * * *"}', None),
    ],
)
def test_a_wallet_tells_rules_how_often_it_is_read_at_least(
    tmp_path: Path, written: str, promise: timedelta | None
) -> None:
    wallet = load(tmp_path, SOUND.replace("every: 1m", f"every: {written}")).wallets[1]

    assert wallet.promise == promise


@pytest.mark.parametrize("chains", ["all", "[all]", "forceall"])
def test_one_word_is_a_list_of_one(tmp_path: Path, chains: str) -> None:
    settings = load(tmp_path, SOUND.replace("[ethereum, base-wallet]", chains))

    assert [account.chain for account in settings.wallets[0].accounts] == [chains.strip("[]")]


def test_rules_know_a_tag_that_stands_without_a_list(tmp_path: Path) -> None:
    text = SOUND.replace("tags: [treasury]", "tags: treasury")

    draft = read_settings(write(tmp_path, text), ENV, KINDS)

    assert [wallet.tags for wallet in draft.wallets or ()] == [("treasury",), ()]
    assert draft.settings is not None
    assert [each.tags for each in draft.settings.wallets] == [("treasury",), ()]


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "etc [1]"
    (folder / "rules").mkdir(parents=True)
    for name in ("b.yaml", "a.yaml", ".hidden.yaml"):
        (folder / "rules" / name).write_text("rules: []\n")
    monkeypatch.chdir(tmp_path)

    settings = load(folder, SOUND + "rules: [rules/*.yaml, rules/b.yaml]\n")

    assert isinstance(settings.store, FileStore)
    assert settings.store.path == folder / "data/watcher.db"
    assert settings.rules == (folder / "rules/a.yaml", folder / "rules/b.yaml")


def test_absolute_paths_stay(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.yaml").write_text("rules: []\n")
    (tmp_path / "here").mkdir()
    text = (
        SOUND.replace("data/watcher.db", "/var/lib/watcher.db") + f"rules: ['{tmp_path}/elsewhere/*.yaml']\n"
    )

    settings = load(tmp_path / "here", text)

    assert isinstance(settings.store, FileStore)
    assert settings.store.path == Path("/var/lib/watcher.db")
    assert settings.rules == (tmp_path / "elsewhere/a.yaml",)


def test_the_environment_decides_the_log_level(tmp_path: Path) -> None:
    text = SOUND + "log: {level: warning, format: json}\n"

    assert load(tmp_path, text).log.level == "warning"
    assert load(tmp_path, text, {**ENV, "WATCHER_LOG_LEVEL": "DEBUG"}).log.level == "debug"
    (problem,) = mistakes(tmp_path, text, {**ENV, "WATCHER_LOG_LEVEL": "verbos"})
    assert "WATCHER_LOG_LEVEL" in problem.what


def test_a_page_for_everybody_needs_a_token(tmp_path: Path) -> None:
    settings = load(tmp_path, SOUND + 'web: {listen: "[::1]:8787"}\n')
    assert settings.web is not None
    assert (settings.web.host, settings.web.port) == ("::1", 8787)

    (problem,) = mistakes(tmp_path, SOUND + 'web: {listen: "0.0.0.0:8787"}\n')
    assert "token" in problem.remedy
    (problem,) = mistakes(tmp_path, SOUND + 'web: {listen: "0.0.0.0:8787", token: abcdefghijklmno}\n')
    assert "15 characters" in problem.what
    assert "abcdef" not in str(problem)
    assert "16" in problem.remedy
    assert load(tmp_path, SOUND + 'web: {listen: "0.0.0.0:8787", token: abcdefghijklmnop}\n').web
    assert load(tmp_path, SOUND + 'web: {listen: "127.0.0.1:8787", token: short}\n').web
    assert load(tmp_path, SOUND + "web: null\n").web is None
    page = 'web: {listen: "0.0.0.0:8787", token: abcdefghijklmnop, proxies: ["10.0.0.5", somewhere]}\n'
    (problem,) = mistakes(tmp_path, SOUND + page)
    assert "'somewhere' is no IP address" in str(problem)
    found = load(tmp_path, SOUND + page.replace(", somewhere", ', "2001:db8::1"')).web
    assert found is not None
    assert [str(each) for each in found.proxies] == ["10.0.0.5", "2001:db8::1"]
    assert mistakes(tmp_path, SOUND + "web: {listen: 8787}\n")
    assert mistakes(tmp_path, SOUND + "web: {listen: localhost}\n")


def test_json_is_a_configuration_too(tmp_path: Path) -> None:
    text = (
        '{"version": 1,\n\t"sources": {"c": {"kind": "coinstats", "api_key": "k"}},\n\t"wallets": '
        '[{"name": "w", "source": "c", "chains": "all", '
        '"address": "0x9f114DA25b61b77606d47eAB414b9360f8783979"}]}'
    )

    assert load(tmp_path, text).wallets[0].accounts[0].chain == "all"


def test_a_new_kind_needs_no_other_edit(tmp_path: Path) -> None:
    class Pigeon(ChannelKind):
        loft: SecretStr
        range_km: int

        def build(self, name: str, shown: Presentation = PLAINLY) -> FakeChannel:
            return FakeChannel(name)

    kinds = Kinds(KINDS.stores, KINDS.sources, {**KINDS.channels, "pigeon": Pigeon})
    text = SOUND + "  bird: {kind: pigeon, loft: roof, range_km: 40}\n"
    channels = load_settings(write(tmp_path, text), ENV, kinds).channels

    assert isinstance(channels["bird"], Pigeon)
    assert channels["bird"].range_km == 40
    assert "did you mean" not in mistakes(tmp_path, text)[0].remedy


def test_nobody_to_tell_and_nothing_to_judge_is_allowed_with_a_warning(tmp_path: Path) -> None:
    settings = load(tmp_path, SOUND[: SOUND.index("channels:")])

    assert ["channels" in str(settings.warnings[0]), "rules" in str(settings.warnings[1])] == [True, True]


def test_a_configuration_never_shows_its_secrets(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert isinstance(settings.sources["coinstats"], CoinStatsSettings)
    assert settings.sources["coinstats"].api_key.get_secret_value() == KEY
    for shown in (repr(settings), str(settings)):
        assert not any(secret in shown for secret in ENV.values())
