"""The story of the demo: what is configured for it, and how it is told on the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from watcher.cli._tables import screen

if TYPE_CHECKING:
    from watcher.sim import Simulation
    from watcher.sim.scenario import Step

CONFIG = """\
version: 1
sources:
  coinstats:
    kind: coinstats
    api_key: ${{DEMO_COINSTATS_KEY}}
    base_url: {url}/coinstats
    credits: {{limit: {limit}}}
    requests_per_second: 10
  teos:
    kind: teos
    api_key: ${{DEMO_TEOS_KEY}}
    base_url: {url}/teos
    limits: {{per_day: 100000}}
    units: {units}
wallets:
{wallets}
rules: [rules.yaml]
"""

HINTS_KEY = "the-demo-signs-its-hints-with-this"
PLENTY = 10**9
"""Credits a month that allow for a poll every two seconds, as no plan on sale does."""

RULES = """\
rules:
  - {id: funds-moved, type: change, match: {tags: [coins]}, by: "$1000", severity: warning}
  - {id: issue-moved, type: change, match: {tags: [issued]}, severity: info}
  - id: gas-low
    type: threshold
    match: {wallets: [hot-wallet], chains: [base-wallet], assets: [ETH]}
    below: "0.1"
    clear_above: "0.3"
    severity: critical
  - {id: new-token, type: asset, event: appears, min_value_usd: "10", severity: info}
  - {id: emptied, type: asset, event: disappears, severity: critical}
  - {id: silent, type: no_data, longer_than: 5m}
"""


def keys_of(sim: Simulation) -> dict[str, str]:
    """What the configuration takes from the environment."""
    return {
        "DEMO_COINSTATS_KEY": sim.coinstats.key,
        "DEMO_TEOS_KEY": sim.teos.key,
        "DEMO_HINTS_KEY": HINTS_KEY,
    }


def write_configuration(folder: Path, sim: Simulation, more: str, *, hinted: bool) -> None:
    """The configuration that an operator would write for the story's wallets, with `more` about the house.
    `hinted`: hints play a part."""
    from watcher.sim.sample import COLD, GOLD, OPS, SOLAR
    from watcher.sim.scenario import sample_wallets

    every = {COLD: "every: 6h", OPS: "every: 2s"} if hinted else {}

    lines = []
    for wallet in sample_wallets():
        what = (
            f"chains: [{', '.join(wallet.chains)}]" if wallet.chains else f"assets: {_quoted(wallet.assets)}"
        )
        tag = "coins" if wallet.chains else "issued"
        lines.append(
            f'  - {{name: {wallet.name}, source: {wallet.source}, address: "{wallet.address}", '
            f"{what}, tags: [{tag}], {every.get(wallet, 'every: 2s, hints: false')}}}"
        )
    units = (
        f'{{"{SOLAR}": {{symbol: SOLAR, price_usd: "25"}}, "{GOLD}": {{symbol: GOLD, price_usd: "83.5"}}}}'
    )
    text = CONFIG.format(url=sim.url, limit=PLENTY, units=units, wallets="\n".join(lines))
    (folder / "watcher.yaml").write_text(text + more, encoding="utf-8")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")


def _quoted(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def tell_step(step: Step) -> None:
    say(f"... {step.caption}")
    if step.trap:
        say(step.trap, "    elsewhere: ")


def say(text: str, begin: str = "") -> None:
    """Print with the time of day, in the same form as the alerts."""
    from watcher.domain.values.text import clean

    typer.echo(screen().paint(f"{datetime.now(UTC):%H:%M:%S} {begin}{clean(text)}", "2"))
