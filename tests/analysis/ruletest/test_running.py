"""What a test file can say, and that a test fails when what it says does not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.ruletest.given import results, story, told, write

ETH = '[{wallet: main, asset: ETH, amounts: "%s"}]'


def test_a_test_that_says_what_happens_passes(tmp_path: Path) -> None:
    result = story(
        tmp_path,
        ETH % "2 1.9 0.5 3",
        "[{at: 10m, alerts: nothing, told: nothing},"
        " {at: 20m, alerts: [{rule: low}],"
        "  told: [{rule: low, kind: firing, channels: [phone, ops]}, {rule: moved}]},"
        " {at: 30m, alerts: nothing, told: [{rule: low, kind: resolved}]}]",
    )

    assert result.passed, result.failures
    assert told(result) == [(20, "low firing"), (20, "moved event"), (30, "low resolved")]


@pytest.mark.parametrize(
    "expect",
    [
        "[{at: 20m, alerts: nothing}]",
        "[{at: 20m, told: nothing}]",
        "[{at: 10m, alerts: [{rule: low}]}]",
        "[{at: 20m, alerts: [{rule: low}, {rule: silent}]}]",
        "[{at: 20m, alerts: [{rule: low, state: pending}]}]",
        "[{at: 20m, alerts: [{rule: low, wallet: wide}]}]",
        "[{at: 20m, alerts: [{rule: low, asset: USDC}]}]",
        "[{at: 20m, alerts: [{rule: low, chain: base}]}]",
        "[{at: 20m, alerts: [{rule: low, because: is above}]}]",
        '[{at: 20m, alerts: [{rule: low, subject: "main: ETH on base"}]}]',
        "[{at: 20m, told: [{rule: low}]}]",
        "[{at: 20m, told: [{rule: low}, {rule: moved}, {rule: moved}]}]",
        "[{at: 20m, told: [{rule: low, times: 2}, {rule: moved}]}]",
        "[{at: 20m, told: [{rule: low, kind: resolved}, {rule: moved}]}]",
        "[{at: 20m, told: [{rule: low, channels: [ops]}, {rule: moved}]}]",
        "[{at: 20m, told: [{rule: low, title: something else}, {rule: moved}]}]",
        "[{at: 20m, told: [{rule: low, says: [0.5 ETH, 0.6 ETH]}, {rule: moved}]}]",
        "[{at: 10m, told: nothing}]",  # what comes after the last expectation is not expected
        "[{at: 20m, told: [{rule: low}, {rule: moved}]}]",  # resolved at 30m
    ],
)
def test_a_test_that_says_what_does_not_happen_fails(tmp_path: Path, expect: str) -> None:
    assert not story(tmp_path, ETH % "2 2 0.5 3", expect).passed


def test_what_could_fit_two_things_is_given_where_it_is_needed(tmp_path: Path) -> None:
    readings = (
        '[{wallet: main, asset: ETH, amounts: "0.5"},'
        ' {wallet: wide, chain: base, asset: ETH, amounts: "0.5"}]'
    )

    assert story(tmp_path, readings, "[{at: 0s, alerts: [{rule: low}, {rule: low, wallet: main}]}]").passed
    assert story(tmp_path, readings, "[{at: 0s, alerts: [{rule: low, wallet: main}, {rule: low}]}]").passed


def test_a_comparison_shows_what_was_expected_beside_what_was_got(tmp_path: Path) -> None:
    result = story(tmp_path, ETH % "2 0.5", "[{at: 10m, told: [{rule: low}, {rule: silent}]}]")

    (failure,) = result.failures
    assert [(row.expected, row.got[:5]) for row in failure.rows] == [
        ("low", "low f"), ("silent", ""), ("", "moved"),
    ]  # fmt: skip


def test_a_miss_moves_nothing_and_is_a_miss_of_the_whole_account(tmp_path: Path) -> None:
    both = '[{wallet: main, asset: ETH, amounts: "2 0.5 2"}, {wallet: main, asset: USDC, amounts: "5 _ 5"}]'

    assert told(story(tmp_path, both, "[{at: 0s, alerts: nothing}]")) == []


def test_an_incomplete_answer_leaves_only_its_own_asset_unknown(tmp_path: Path) -> None:
    both = '[{wallet: main, asset: ETH, amounts: "2 0.5 2"}, {wallet: main, asset: USDC, amounts: "5 ? 4"}]'

    assert told(story(tmp_path, both, "[{at: 0s, alerts: nothing}]")) == [
        (10, "low firing"), (10, "moved event"), (20, "low resolved"), (20, "moved event"),
    ]  # fmt: skip


def test_zero_is_confirmed_after_twenty_seconds_and_a_contradiction_discards_it(tmp_path: Path) -> None:
    assert told(story(tmp_path, ETH % "2 - -", "[{at: 0s, alerts: nothing}]")) == [
        (10 + 20 / 60, "low firing"), (10 + 20 / 60, "moved event"),
    ]  # fmt: skip
    assert told(story(tmp_path, ETH % "2 - @20s 2", "[{at: 0s, alerts: nothing}]")) == []


def test_an_account_that_is_not_asked_for_falls_silent(tmp_path: Path) -> None:
    assert told(story(tmp_path, ETH % "2 .x10", "[{at: 0s, alerts: nothing}]")) == [(60.25, "silent firing")]


def test_an_account_left_out_for_long_is_told_as_no_longer_reported(tmp_path: Path) -> None:
    expect = "[{at: 40m, alerts: [{rule: watcher.unreported, wallet: main}]}]"

    assert story(tmp_path, ETH % "2 !x4", expect).passed


def test_series_of_one_account_share_a_poll_and_hold_their_values(tmp_path: Path) -> None:
    both = (
        '[{wallet: main, asset: ETH, amounts: "2 0.5"},'
        ' {wallet: main, asset: USDC, every: 5m, amounts: "9 9 9 1"}]'
    )

    assert told(story(tmp_path, both, "[{at: 0s, alerts: nothing}]")) == [
        (10, "low firing"), (10, "moved event"), (15, "moved event"),
    ]  # fmt: skip


def test_a_restart_forgets_nothing_and_polls_nothing_while_it_is_down(tmp_path: Path) -> None:
    more = "  restarts: [{at: 15m, until: 25m}, 35m]"
    result = story(tmp_path, ETH % "2 2 0.5 0.5 0.5", "[{at: 29m, alerts: nothing}]", more)

    assert told(result) == [(30, "low firing"), (30, "moved event")]


def test_a_wallet_that_sweeps_all_chains_has_its_assets_on_their_own(tmp_path: Path) -> None:
    more = "  wallets: [{name: fund, chains: [all]}]"
    readings = (
        '[{wallet: fund, chain: base, asset: ETH, amounts: "2 0.5"},'
        ' {wallet: fund, chain: solana, asset: SOL, amounts: "5 ?"}]'
    )
    expect = "[{at: 10m, alerts: [{rule: low, wallet: fund, chain: base, asset: ETH}]}]"

    assert story(tmp_path, readings, expect, more).passed


def test_prices_follow_the_readings(tmp_path: Path) -> None:
    readings = '[{wallet: main, asset: ETH, amounts: "2 0.5", prices: "100 110"}]'
    expect = '[{at: 10m, told: [{rule: low, says: "Value: $200.00 → $55.00"}, {rule: moved}]}]'

    assert story(tmp_path, readings, expect).passed


def test_a_test_begins_when_it_says(tmp_path: Path) -> None:
    more = '  start: "2026-03-29T03:30:00+02:00"'
    expect = '[{at: 0s, told: [{rule: low, says: "Since: 2026-03-29 01:30:00 UTC"}]}]'

    assert story(tmp_path, ETH % "0.5", expect, more).passed


SPAM_RULES = """\
rules:
  - {id: new, type: asset, event: appears}
  - {id: named, type: asset, event: appears, match: {assets: ["0x%s"]}}
""" % ("ab" * 20)


def test_a_token_that_nobody_asked_for_waits_as_it_does_in_the_daemon(tmp_path: Path) -> None:
    series = (
        '{wallet: main, asset: ETH, amounts: "1x4"},'
        ' {wallet: main, asset: SPAM, token: "0x%s", amounts: "- 1000x3", prices: "%s"}'
    )
    for token, price, heard in (
        ("cd", "0.0001", []),
        ("cd", "5", ["new event"]),
        ("ab", "0.0001", ["named event", "new event"]),
    ):
        head = "- name: story\n  every: 10m\n  expect: [{at: 1m, alerts: nothing}]\n"
        text = f"{head}  readings: [{series % (token * 20, price)}]\n"
        (result,) = results(write(tmp_path, text, SPAM_RULES))
        assert sorted(what for _, what in told(result)) == heard, (token, price)


def test_a_confirmation_under_way_survives_a_restart(tmp_path: Path) -> None:
    result = story(
        tmp_path,
        ETH % "2 0x3",
        "[{at: 30m, told: [{rule: low}, {rule: moved}]}]",
        "  restarts: [{at: 602s, until: 603s}]\n",
    )
    assert result.passed, result.failures
    assert {minutes for minutes, _ in told(result)} == {620 / 60}


def test_what_is_gathered_when_a_test_ends_was_told(tmp_path: Path) -> None:
    readings = '[{wallet: main, asset: ETH, amounts: "@5s 100 80 60 40 30 20 10"}]'
    result = story(tmp_path, readings, "[{at: 30s, alerts: nothing}]")
    assert [words for _, words in told(result)] == ["moved event"] * 6
    assert told(result)[-1][0] > 0.5
