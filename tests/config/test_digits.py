"""Numbers are written in ASCII digits: a full-width or an Arabic one is refused, with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from watcher.analysis.ruletest.series import parse_series
from watcher.cli import main
from watcher.domain.readings.asset_policies import AssetEntry
from watcher.domain.rules import TYPES
from watcher.domain.values.cron import check_cron
from watcher.domain.values.decimals import number_in
from watcher.domain.values.durations import parse_duration

WIDE = "\uff11\uff12"
ARABIC = "\u0661\u0662"


def rule(**fields: Any) -> Any:
    return TYPES[fields.pop("type", "threshold")].model_validate({"id": "low", **fields})


@pytest.mark.parametrize("digits", [WIDE, ARABIC])
@pytest.mark.parametrize(
    "take",
    [
        number_in,
        parse_duration,
        lambda text: parse_duration(f"{text}m"),
        lambda text: check_cron(f"{text} * * * *"),
        lambda text: parse_series(text, timedelta(minutes=1)),
        lambda text: rule(below=text),
        lambda text: rule(below="1", reads=text),
        lambda text: rule(below="1", **{"for": f"{text}m"}),
        lambda text: rule(type="change", by=f"{text}%"),
        lambda text: rule(type="change", by=f"${text}"),
        lambda text: rule(type="budget", source="s", used=f"{text}%"),
        lambda text: AssetEntry.model_validate({"match": {}, "floor_usd": text}),
        lambda text: AssetEntry.model_validate({"match": {}, "jump": text}),
    ],
)
def test_digits_that_are_not_ascii_are_no_number(take: Callable[[str], Any], digits: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        take(digits)


def test_digits_of_an_option_that_are_not_ascii_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["alerts", "--all", "--limit", WIDE])
    assert ended.value.code == 2
    assert "write 0 to 9" in capsys.readouterr().err
