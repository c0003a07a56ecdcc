"""Channels that name one another as fallback, and how loudly they ring."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV, SOUND, line_of, load, mistakes
from watcher.config.configuration import configure, fallbacks
from watcher.domain.values.errors import ConfigurationError


def channels(more: str) -> str:
    other = f'  second: {{url: "json://127.0.0.1:9/b"{more}}}'
    return SOUND.replace('HOOK}"}', 'HOOK}", fallback: second}') + other + "\n"


def test_a_fallback_is_another_channel(tmp_path: Path) -> None:
    assert fallbacks(load(tmp_path, channels(""))) == {"ops": "second"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", fallback: opps", ["there is no channel 'opps'"]),
        (", fallback: ops", ["the fallback leads back to this channel"] * 2),
        (", fallback: second", ["the fallback leads back to this channel"]),
    ],
)
def test_a_fallback_that_leads_nowhere_is_a_mistake(tmp_path: Path, more: str, said: list[str]) -> None:
    assert [problem.what for problem in mistakes(tmp_path, channels(more))] == said


def test_a_proxy_that_a_service_cannot_use_is_a_mistake_at_its_own_place(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    post = '  post:\n    url: "mailto://w:pw@mail.test?to=a@mail.test"\n    proxy: "http://proxy.test:3128"\n'
    text = SOUND.rstrip("\n") + "\n" + post
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        configure(path, {"HOOK": "json://127.0.0.1:9/a"}, channels=True, secrets=False)
    (problem,) = refusal.value.problems
    line = text[: text.index("proxy:")].count("\n") + 1
    assert problem.what == "mailto goes through no HTTP proxy"
    assert f":{line}:" in problem.where


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ", fallback: ops",
            "channels ops and second have the same URL: where one is out of reach its fallback is too",
        ),
        ("", "channels ops and second have the same URL: by both one is told twice"),
    ],
)
def test_two_channels_of_one_url_are_a_warning(tmp_path: Path, more: str, said: str) -> None:
    path = tmp_path / "watcher.yaml"
    second = f'  second: {{url: "json://127.0.0.1:9/${{HOOK}}"{more}}}'
    path.write_text(SOUND + second + "\n")

    warnings = configure(path, {"HOOK": "s3cr3t"}, channels=True, secrets=False).warnings
    assert [each for each in warnings if "URL" in each] == [said]
    assert "s3cr3t" not in "".join(warnings)


def test_a_url_that_is_none_is_told_together_with_every_other_mistake(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    (tmp_path / "rules.yaml").write_text("rules: [{id: a, type: oops}]\n")
    text = (
        SOUND.replace("every: 1m", "every: 1 fortnight")
        + '  post: {url: "nowhere://x"}\nrules: [rules.yaml]\n'
    )
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        configure(path, ENV)
    said = [problem.what for problem in refusal.value.problems]
    assert ["is not a duration" in said[0], "nowhere URL" in said[1], "rule type" in said[2]] == [True] * 3, (
        said
    )


def test_of_a_url_whose_variable_is_not_set_only_that_is_said(tmp_path: Path) -> None:
    """`check` takes a credential that is closed to it for no mistake if nothing else is wrong."""
    path = tmp_path / "watcher.yaml"
    path.write_text(SOUND)
    with pytest.raises(ConfigurationError) as refusal:
        configure(path, {"COINSTATS_API_KEY": "key", "TEOS_API_KEY": "key"})
    assert [problem.what for problem in refusal.value.problems] == ["the variable HOOK is not set"]


SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
CRITICAL = "{id: low, type: threshold, metric: amount, below: '1', severity: critical}"
INFO = "{id: moved, type: change, severity: info}"
DUMB = "channel phone: this service has no priorities: critical rings like info"


def told(tmp_path: Path, url: str, *rules: str, more: str = "", key: str = "") -> list[str]:
    """What `check` says of priorities."""
    phone = f'  phone: {{url: "{url}"{key}}}{more}'
    text = SOUND.replace('  ops: {url: "json://127.0.0.1:9/${HOOK}"}', phone)
    (tmp_path / "rules.yaml").write_text(f"rules: [{', '.join(rules)}]\n")
    (tmp_path / "watcher.yaml").write_text(text + "rules: [rules.yaml]\n")
    found = configure(tmp_path / "watcher.yaml", ENV, channels=True, secrets=False).warnings
    return [each for each in found if "priorities" in each]


def test_a_channel_in_which_critical_rings_like_the_rest_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, SLACK, CRITICAL, INFO) == [DUMB]


@pytest.mark.parametrize("url", ["ntfy://127.0.0.1/a", "mailto://w:pw@mail.test", "json://127.0.0.1:9/a"])
def test_a_service_with_priorities_and_a_program_are_not(tmp_path: Path, url: str) -> None:
    assert told(tmp_path, url, CRITICAL, INFO) == []


@pytest.mark.parametrize("rules", [(CRITICAL,), (INFO,)])
def test_nor_is_a_channel_that_hears_of_one_severity(tmp_path: Path, rules: tuple[str, ...]) -> None:
    assert told(tmp_path, SLACK, *rules) == []


def test_nor_one_beside_which_another_rings(tmp_path: Path) -> None:
    more = '\n  loud: {url: "ntfy://127.0.0.1/a"}'
    assert told(tmp_path, SLACK, CRITICAL, INFO, more=more) == []
    only = CRITICAL.replace("}", ", notify: [phone]}")
    assert told(tmp_path, SLACK, only, INFO, more=more) == [DUMB]


@pytest.mark.parametrize(
    ("url", "heard"), [(SLACK, False), ("json://127.0.0.1:9/a", False), ("ntfy://127.0.0.1/a", True)]
)
def test_a_priority_that_a_service_cannot_hear_is_told(tmp_path: Path, url: str, heard: bool) -> None:
    found = told(tmp_path, url, CRITICAL, INFO, key=", priority: {critical: high}")
    words = "channel phone: this service has no priorities, `priority` changes nothing: leave it out"
    assert found == ([] if heard else [words])


def test_a_priority_names_severities_and_levels(tmp_path: Path) -> None:
    text = SOUND.replace('HOOK}"}', 'HOOK}", priority: {critcal: high, info: loud}}')
    first, second = mistakes(tmp_path, text)
    assert f":{line_of(text, 'critcal')}:" in first.where
    assert first.what == "unknown key 'critcal' in channels.ops.priority"
    assert first.remedy == "did you mean 'critical'?"
    assert second.what == (
        "channels.ops.priority.info: 'loud' is not one of silent, low, normal, high, emergency"
    )
