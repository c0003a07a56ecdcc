"""One simulated installation by its seed: what is watched and how, and which faults strike when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.faults import DAY, HOUR, MINUTE, Fault, planned
from tests.simulation.kinds import KINDS
from tests.simulation.truth import EACH
from watcher.config.configuration import Configuration
from watcher.config.rule_files import load_rules
from watcher.config.settings import read_settings
from watcher.domain.values.errors import ConfigurationError

RULES = """\
rules:
  - id: low
    type: threshold
    match: {wallets: [hot], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
    repeat: 6h
  - id: low-for
    type: threshold
    match: {wallets: [hot]}
    below: "0.5"
    clear_above: "0.8"
    for: 10m
    reads: 2
  - {id: moved, type: change, direction: both}
  - {id: new, type: asset, event: appears}
  - {id: gone, type: asset, event: disappears}
  - {id: silent, type: no_data, longer_than: 13h, repeat: 24h}
  - id: poor
    type: threshold
    match: {tags: [fund]}
    metric: value_usd
    per: tag
    below: "1500"
    clear_above: "2500"
  - {id: credits, type: budget, source: coins, runs_out_within: 3d}
"""


@dataclass
class Scenario:
    """What a seed stands for. `members`: so many processes over one store."""

    seed: int
    days: float = 2.0
    members: int = 1
    peace: bool = True
    """Whether it goes on in the end until all has come to rest."""
    chance: random.Random = field(init=False)
    period: str = field(init=False)
    limit: int = field(init=False)
    scarce: bool = field(init=False)
    every: dict[str, float] = field(init=False)
    """Wallets at fixed intervals, in seconds."""
    burst: int = field(init=False)
    concurrency: int = field(init=False)
    rate: float = field(init=False)
    moves_every: float = field(init=False)
    faults: list[Fault] = field(init=False)
    slowed: int = field(init=False)
    """By how much all that members do to hear of each other is slower than it is: days would take hours."""

    def __post_init__(self) -> None:
        chance = self.chance = random.Random(f"scenario {self.seed}")
        self.period = chance.choice(("day", "day", "month"))
        self.scarce = chance.random() < 0.4
        minutes = chance.choice(((10, 20, 30), (15, 30, 60), (30, 60, 120)))
        self.every = dict(zip(("hot", "base", "solo"), (each * MINUTE for each in minutes), strict=True))
        a_day = sum(DAY / each for each in self.every.values()) * EACH * 1.4 + 20 * EACH * 3
        share = chance.uniform(0.25, 0.7) if self.scarce else 1.2
        self.limit = int(a_day * share * (1 if self.period == "day" else 31))
        self.burst = chance.choice((1, 3, 1_000_000))
        self.concurrency = chance.choice((1, 1, 2, 3))
        self.rate = chance.choice((0.5, 0.5, 2, 20))
        self.moves_every = chance.choice((1, 2, 4)) * HOUR
        self.faults = planned(chance, self.days, self.names)
        self.slowed = chance.choice((30, 120, 120)) if self.members > 1 else 1

    @property
    def names(self) -> list[str]:
        return ["a", "b", "c", "d", "e", "f"][: self.members]

    def configuration(self) -> Configuration:
        """Read as any configuration is, from files."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "watcher.yaml"
            path.write_text(self._text())
            (Path(folder) / "rules.yaml").write_text(RULES)
            partial = read_settings(path, {}, KINDS)
            book = load_rules(partial.rules, partial.channels, partial.wallets, partial.sources)
        if partial.settings is None:
            raise ConfigurationError(partial.problems)
        return Configuration(partial.settings, book.rules)

    def _text(self) -> str:
        hot, base, solo = (f"{seconds / MINUTE:.0f}m" for seconds in self.every.values())
        return f"""\
version: 1
sources:
  coins:
    kind: simulated
    limit: {self.limit}
    period: {self.period}
    concurrency: {self.concurrency}
    requests_per_second: {self.rate}
wallets:
  - {{name: hot, source: coins, address: hot, chains: [ethereum], every: {hot}}}
  - {{name: base, source: coins, address: base, chains: [ethereum, base], every: {base}, tags: [fund]}}
  - {{name: solo, source: coins, address: solo, chains: [ethereum], every: {solo}}}
  - {{name: cold, source: coins, address: cold, chains: [ethereum, base], at_least_every: 6h, tags: [fund]}}
channels:
  ops: {{kind: simulated, burst: {self.burst}}}
  pager: {{kind: simulated, burst: 1000000}}
rules: [rules.yaml]
web: null
"""
