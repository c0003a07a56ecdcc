"""Channels that name one another as fallback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV, SOUND, load, mistakes
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
