"""Numbers as people write them: taken, or answered with the number that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV
from watcher.config.configuration import Configuration, configure
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.errors import ConfigurationError

CONFIG = """\
version: 1
sources:
  cs: {{kind: coinstats, api_key: k, credits: {{{credits}}}}}
wallets:
  - {{name: w, source: cs, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]{wallet}}}
rules: [rules.yaml]
"""


def read(
    folder: Path, bought: str = "limit: 20000", wallet: str = "", rule: str = "type: change, by: '1'"
) -> Configuration:
    (folder / "watcher.yaml").write_text(CONFIG.format(credits=bought, wallet=wallet))
    (folder / "rules.yaml").write_text(f"rules:\n  - {{id: a, {rule}}}\n")
    return configure(folder / "watcher.yaml", ENV, channels=False)


def said(folder: Path, **parts: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, **parts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("20k", 20_000), ("2M", 2_000_000), ("1.5M", 1_500_000), ("20_000", 20_000), ('"20000"', 20_000),
        ('"20,000"', 20_000), ("20 000", 20_000), ("20'000", 20_000),
    ],
)  # fmt: skip
def test_a_limit_is_taken_as_plan_takes_it(tmp_path: Path, written: str, limit: int) -> None:
    settings = read(tmp_path, bought=f"limit: {written}").settings
    assert settings.sources["cs"].credits.limit == limit  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"bought": "limit: 20,000"}, "write limit: 20000"),
        ({"bought": "limit: 1,200,reserve: 5%"}, "write limit: 1200"),
        ({"bought": "limit: twenty"}, "write it as in 20000, 20k or 2M"),
        ({"bought": "limit: 0.5"}, "must be a whole number"),
        ({"bought": "resets_on: '15'"}, "write 15"),
        ({"rule": 'type: threshold, below: "1,000"'}, 'write "1000"'),
        ({"rule": 'type: threshold, below: "1,234,567.5"'}, 'write "1234567.5"'),
        ({"rule": 'type: threshold, below: "0,5"'}, 'write "0.5"'),
        ({"rule": 'type: threshold, below: "$5000"'}, 'write "5000"'),
        ({"rule": 'type: threshold, below: "10k"'}, 'write "10000"'),
        ({"rule": "type: threshold, below: 1,000"}, "write below: 1000"),
        ({"rule": 'type: change, by: "5000 USD"'}, 'write "$5000"'),
        ({"rule": 'type: change, by: "$5,000"'}, 'write "$5000"'),
        ({"rule": 'type: change, by: "2,5%"'}, 'write "2.5%"'),
        ({"rule": "type: no_data, longer_than: 1h30m"}, "write 90m"),
        ({"rule": "type: no_data, longer_than: 5 min"}, "write 5m"),
        ({"wallet": ", every: 60"}, "60s"),
        ({"wallet": ", every: 2 hours"}, "write 2h"),
        ({"wallet": ", every: 1 week"}, "write 7d"),
    ],
)
def test_what_cannot_be_taken_is_answered_with_what_was_meant(
    tmp_path: Path, parts: dict[str, str], words: str
) -> None:
    assert words in said(tmp_path, **parts)


@pytest.mark.parametrize("text", ["10 %", "10%"])
def test_a_percentage_may_have_a_space(tmp_path: Path, text: str) -> None:
    read(tmp_path, bought=f"limit: 20k, reserve: {text}", rule=f'type: change, by: "{text}"')


@pytest.mark.parametrize("text", ["5x", "", "min", "5 m 3", "1.5s", "99999999 weeks", "h", "5 months"])
def test_nothing_is_guessed_of_what_nobody_can_tell(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole number and s, m, h or d"):
        parse_duration(text)


@pytest.mark.parametrize(("written", "meant"), [("010", 10), ("'08'", 8), ("0_20k", 20_000)])
def test_a_number_of_credits_with_a_zero_in_front_is_refused(
    tmp_path: Path, written: str, meant: int
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, bought=f"limit: {written}")
    (problem,) = caught.value.problems
    assert "must be a whole number without a zero in front" in problem.what
    assert problem.remedy == f"write {meant}"
