"""`watcher.yaml` and the environment → frozen settings, or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from watcher.config.cross_checks import check_channels, check_rates, check_twice, read_assets
from watcher.config.document import Document, Node
from watcher.config.environment import Environment
from watcher.config.explorers import read_explorers
from watcher.config.models import LOG_LEVELS, ClusterSettings, HeartbeatSettings, LogSettings
from watcher.config.parts import read_whole, rule_files
from watcher.config.sections import STORE, SectionReader
from watcher.config.wallets import WalletSettings, read_wallets
from watcher.config.web import WebSettings
from watcher.domain.model import EMPTY, Wallet
from watcher.domain.readings.asset_policies import AssetEntry
from watcher.domain.records import Record, field
from watcher.domain.values.currencies import DOLLAR
from watcher.domain.values.errors import Place, Problem
from watcher.domain.values.spelling import nearest
from watcher.hints import KINDS as HINT_KINDS
from watcher.notify import KINDS as CHANNEL_KINDS
from watcher.notify.display import DisplaySettings
from watcher.sources import KINDS as SOURCE_KINDS
from watcher.store import KINDS as STORE_KINDS

if TYPE_CHECKING:
    from watcher.config.chat import ChatSettings, People
    from watcher.config.reports import ReportSettings
    from watcher.hints.kind import HintKind
    from watcher.notify.kind import ChannelKind
    from watcher.ports.store import StoreBackend
    from watcher.sources.kind import SourceKind
    from watcher.store.kind import StoreKind

KEYS = (
    *("version", "include", "store", "cluster", "sources", "wallets", "hints", "assets"),
    *("channels", "display", "explorers", "reports", "people", "chat", "rules", "web", "log", "heartbeat"),
)


class Kinds(NamedTuple):
    """The integrations that a configuration may name: the word after `kind:` → its settings model.
    All of this installation, if not told otherwise."""

    stores: Mapping[str, type[StoreKind]] = STORE_KINDS
    sources: Mapping[str, type[SourceKind]] = SOURCE_KINDS
    channels: Mapping[str, type[ChannelKind]] = CHANNEL_KINDS
    hints: Mapping[str, type[HintKind]] = HINT_KINDS
    store: str = STORE
    channel: str = "apprise"
    """The kinds that need not be written."""


class Settings(Record, frozen=True, kw_only=True):
    """What one configuration file says. `rules` are the rule files; paths are absolute."""

    path: Path
    store: StoreKind
    store_place: Place = field(default_factory=lambda: Place(""))
    """Where the file names the store."""
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    """What this machine is among those that share the store."""
    sources: dict[str, SourceKind]
    wallets: tuple[WalletSettings, ...]
    hints: dict[str, HintKind]
    assets: tuple[AssetEntry, ...] = ()
    channels: dict[str, ChannelKind]
    display: DisplaySettings
    explorers: Mapping[str, str]
    """The page of an account, by the one spelling of its chain."""
    reports: dict[str, ReportSettings]
    rules: tuple[Path, ...]
    parts: tuple[Path, ...]
    """Files that it is read from beside its own: those that it includes, and those of wallets."""
    web: WebSettings | None
    log: LogSettings
    heartbeat: HeartbeatSettings | None
    people: People = field(default_factory=lambda: EMPTY)
    """Who may answer, by the ids of services."""
    chat: ChatSettings | None = None
    """Where they may; None: nowhere, and nobody is listened to."""
    warnings: tuple[Problem, ...]
    """What is allowed and probably not meant."""

    @property
    def backend(self) -> StoreBackend:
        """The store that is named, whether or not it is there yet."""
        return self.store.backend(self.path, self.cluster.name)

    @property
    def rates_source(self) -> str | None:
        """The source that is asked for exchange rates; none where dollars alone are shown."""
        shown = [self.display, *(kind.display for kind in self.channels.values())]
        wanted = any(each is not None and each.currency not in (None, DOLLAR) for each in shown)
        return self.display.source if wanted else None


class PartialSettings(NamedTuple):
    """A configuration file as far as it can be read: what its rules are held against, and its mistakes."""

    settings: Settings | None
    """None if there is a mistake."""
    document: Document
    sound_channels: Mapping[str, ChannelKind]
    sound_hints: Mapping[str, HintKind]
    watch_list: tuple[WalletSettings, ...]
    rules: tuple[Path, ...]
    channels: tuple[str, ...] | None
    wallets: tuple[Wallet, ...] | None
    sources: tuple[str, ...]
    """All that are named, sound or not: a rule that names one of them is right. None: not all are known."""

    @property
    def problems(self) -> list[Problem]:
        return self.document.in_order()


def read_settings(
    path: Path,
    env: Mapping[str, str],
    kinds: Kinds | None = None,
    *,
    secrets: bool = True,
    more: Document | None = None,
) -> PartialSettings:
    """Read a configuration file as far as it goes; `secrets`: whether one that is not set is a mistake;
    `more`: wallets that are taken as if they were named too."""
    environment = Environment(env, path.absolute().parent, secrets=secrets)
    document = read_whole(path, environment.expand, more)
    if document.problems and document.root.value is None:
        return PartialSettings(None, document, {}, {}, (), (), (), (), ())
    loader = _Loader(document, environment, kinds or Kinds())
    settings = loader.settings(env)
    root = document.root
    channels, sources = (
        tuple(node.plain_keys()) if (node := root.get(section)) else () for section in ("channels", "sources")
    )
    sound = None if document.problems else settings
    return PartialSettings(
        sound,
        document,
        loader.channels,
        loader.hints,
        loader.wallets,
        loader.rules,
        channels if document.whole else None,
        loader.named if document.whole else None,
        sources,
    )


def _named_wallets(root: Node) -> Iterator[Wallet]:
    """Names and tags of all wallets, also of those with a mistake in them."""
    section = root.get("wallets")
    for _, node in section.children() if section else ():
        name, tags = node.get("name"), node.get("tags")
        words = tags.words() if tags else []
        yield Wallet(str(name.value) if name else "", "", "", tuple(words))


class _Loader(SectionReader):
    """Reads one document section by section; its mistakes gather in the document."""

    def __init__(self, document: Document, environment: Environment, kinds: Kinds) -> None:
        super().__init__(document, environment)
        self._kinds = kinds
        self._warnings: list[Problem] = []
        self.channels: dict[str, ChannelKind] = {}
        self.hints: dict[str, HintKind] = {}
        self.wallets: tuple[WalletSettings, ...] = ()
        self.rules: tuple[Path, ...] = ()
        self.named = tuple(_named_wallets(document.root))

    def settings(self, env: Mapping[str, str]) -> Settings | None:
        root = self._document.root
        if not self._top(root):
            return None
        store = self.kind_at(("store",), self._kinds.stores, self._kinds.store)
        cluster = self._cluster(store)
        sources = self._named("sources", self._kinds.sources, None)
        channels = self.channels = self._named("channels", self._kinds.channels, self._kinds.channel)
        self._warnings += check_channels(self._document, channels)
        display = self._section("display", DisplaySettings) or DisplaySettings()
        self._warnings += check_rates(self._document, display, channels, sources)
        wallets = self.wallets = read_wallets(self._document, sources)
        reports = self._reports() if self._document.whole else {}
        self._warnings += check_twice(self._document, sources, wallets)
        assets = read_assets(self._document, self.named, sources) if self._document.whole else ()
        explorers = read_explorers(self._document, wallets)
        self.rules = rule_files(self._document)
        web = self._web()
        log = self._log(env)
        heartbeat = self._section("heartbeat", HeartbeatSettings)
        self._listen(sources, wallets, web)
        people, chat = self._chat(channels)
        if self._document.problems or store is None or cluster is None or log is None:
            return None
        return Settings(
            path=self._document.path.absolute(),
            store=store,
            store_place=self._document.place(("store",)),
            cluster=cluster,
            sources=sources,
            wallets=wallets,
            hints=self.hints,
            assets=assets,
            channels=channels,
            display=display,
            explorers=explorers,
            reports=reports,
            rules=tuple(each.absolute() for each in self.rules),
            parts=tuple(each.path.absolute() for each in self._document.parts),
            web=web,
            log=log,
            heartbeat=heartbeat,
            people=people,
            chat=chat,
            warnings=(*self._document.warnings, *self._warnings),
        )

    def _cluster(self, store: StoreKind | None) -> ClusterSettings | None:
        """This machine's part; a store that is one machine's has no others to be told from."""
        node = self._document.root.get("cluster")
        if node is None or node.value is None:
            return ClusterSettings()
        if store is not None and not store.shared:
            what = "the store is one machine's, so there are no others beside it"
            remedy = "leave 'cluster' out, or choose a store that several machines share: kind: postgresql"
            self._document.report(("cluster",), what, remedy, key=True)
        cluster: ClusterSettings | None = self._section("cluster", ClusterSettings)
        return cluster

    def _listen(
        self,
        sources: Mapping[str, SourceKind],
        wallets: tuple[WalletSettings, ...],
        web: WebSettings | None,
    ) -> None:
        """The hint sources; of whom there is none, nothing is loaded."""
        if self._document.root.get("hints") is None:
            return
        from watcher.config.hint_checks import check_hints

        self.hints = self._named("hints", self._kinds.hints, None)
        self._warnings += check_hints(self._document, self.hints, sources, wallets, web)

    def _top(self, root: Node) -> bool:
        """Whether there are sections at all, after reporting what is wrong with them as a whole."""
        if not isinstance(root.value, dict):
            what = (
                "the file is empty" if root.value is None else "the file must be a mapping of keys to values"
            )
            self._document.report((), what, "'watcher init' writes one to start from")
            return False
        for key in root.plain_keys():
            if key not in KEYS:
                unused = [each for each in KEYS if root.get(each) is None]
                self._document.report((key,), f"unknown key '{key}'", nearest(key, unused), key=True)
        version = root.get("version")
        if version is None:
            self._document.report((), "'version' is missing", "add 'version: 1' at the top")
        elif version.value != 1 or isinstance(version.value, bool):
            self._document.report(("version",), "version must be 1", "this watcher reads 'version: 1'")
        for key, why in (("channels", "nobody will be told anything"), ("rules", "nothing will be judged")):
            node = root.get(key)
            if node is None or not node.value:
                place = Place(str(self._document.path))
                self._warnings.append(Problem(place, f"there are no {key}: {why}"))
        return True

    def _chat(self, channels: Mapping[str, ChannelKind]) -> tuple[People, ChatSettings | None]:
        """Who may answer, and where; without either section nothing of it is loaded."""
        if self._document.root.get("people") is None and self._document.root.get("chat") is None:
            return EMPTY, None
        from watcher.config.chat import read_chat, read_people, without_chat

        people = read_people(self._document, self._kinds.channels)
        chat = read_chat(self._document, channels, people)
        self._warnings += without_chat(self._document, people, chat)
        return people, chat

    def _reports(self) -> dict[str, ReportSettings]:
        """Of whom there is none, nothing is loaded."""
        node = self._document.root.get("reports")
        if node is None:
            return {}
        from watcher.config.reports import read_reports

        for name in node.plain_keys():
            self._must_be_name(("reports", name), name)
        found, warnings = read_reports(self._document, self.named)
        self._warnings += warnings
        return found

    def _web(self) -> WebSettings | None:
        if self._document.root.get("web") is None:
            return WebSettings()
        web: WebSettings | None = self._section("web", WebSettings)
        for said in web.doubts if web is not None else ():
            self._warnings.append(Problem(self._document.place(("web",)), said.what, said.remedy))
        return web

    def _log(self, env: Mapping[str, str]) -> LogSettings | None:
        log = self._section("log", LogSettings) if self._document.root.get("log") else LogSettings()
        log = log or (LogSettings() if not self._document.problems else None)
        level = env.get("WATCHER_LOG_LEVEL")
        if level and level.lower() not in LOG_LEVELS:
            remedy, problems = nearest(level.lower(), LOG_LEVELS), self._document.problems
            problems.append(Problem(Place("environment"), "WATCHER_LOG_LEVEL is not a log level", remedy))
            return None
        return log.model_copy(update={"level": level.lower()}) if level and log else log
