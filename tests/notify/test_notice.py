"""What a notification says: the news in its title, then amount, reason, time and place, each once."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.notify.given import START
from watcher.domain.messages.ack_links import LinkSigner, masked
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.domain.messages.presentation import Display, Ways
from watcher.domain.records import replace
from watcher.notify.markup import HTML, MARKDOWN, PLAIN, Space, render
from watcher.notify.notice import notice
from watcher.notify.slack.blocks import posted
from watcher.notify.telegram.keyboard import keyboard_for
from watcher.ports.channel import Presentation

ADDRESS = "0x9f114da25b61b77606d47eab414b9360f8783979"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
EXPLORER = "https://e.example.org/1"


def low(number: int, held: str, kind: Kind = Kind.FIRING, **words: Any) -> Delivery:
    """gas-N holds so little ETH."""
    amount = Decimal(held)
    seen = Particulars(
        "coins", "ethereum", ADDRESS, "ethereum", "ETH", after=amount, price_after=Decimal(3000), since=START,
        because=f"{held} ETH is below 0.05 ETH", gravity=1 - amount / Decimal("0.05"),
    )  # fmt: skip
    facts = (
        ("Wallet", f"gas-{number}"), ("Chain", "ethereum"), ("Address", ADDRESS), ("Asset", "ETH (ethereum)"),
        ("Amount", f"{held} ETH"), ("Value", f"${amount * 3000:.2f} at $3,000.00"),
        ("Because", seen.because), ("Since", "2026-03-01 12:00:00 UTC"), ("Read", "2026-03-01 12:00:00 UTC"),
    )  # fmt: skip
    message = Message(
        f"alert-{number}", kind, Severity.CRITICAL, "gas-low", f"gas-{number}/ETH", f"gas-{number}",
        f"gas-{number}: {seen.because}", facts, START, seen,
    )  # fmt: skip
    return Delivery(f"dlv-{number}", "ops", replace(message, **words), START, START)


def moved(rule: str = "treasury-out", severity: Severity = Severity.CRITICAL, **words: Any) -> Delivery:
    """39,506.75 USDC leave the treasury."""
    until, one = START + timedelta(minutes=2), Decimal(1)
    seen = Particulars(
        "coins", "ethereum", ADDRESS, USDC, "USDC", ("treasury",),
        Decimal(40000), Decimal("493.25"), one, one,
        since=START, until=until, because=f"much, says {rule}", gravity=Decimal("39506.75"),
    )  # fmt: skip
    facts = (
        ("Wallet", "treasury"), ("Chain", "ethereum"), ("Address", ADDRESS), ("Asset", f"USDC ({USDC})"),
        ("Before", "40,000 USDC"), ("After", "493.25 USDC"), ("Moved", "−39,506.75 USDC (−98.76 %)"),
        ("Value", "$40,000.00 → $493.25: −$39,506.75"),
        ("When", "between 2026-03-01 12:00:00 UTC and 2026-03-01 12:02:00 UTC"), ("Because", seen.because),
    )  # fmt: skip
    message = Message(
        f"event-{rule}", Kind.EVENT, severity, rule, "treasury/USDC", "treasury",
        "−39,506.75 USDC ($39,506.75, −98.76 %) left treasury", facts, until, seen,
    )  # fmt: skip
    return Delivery(f"dlv-{rule}", "ops", replace(message, **words), until, until)


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        (Kind.FIRING, "critical: gas-1: "),
        (Kind.REPEAT, "critical, still firing: gas-1: "),
        (Kind.ESCALATION, "critical, escalated: gas-1: "),
        (Kind.RESOLVED, "resolved: gas-1: "),
        (Kind.WITHDRAWN, "withdrawn: gas-1: "),
    ],
)
def test_the_title_begins_with_how_bad_it_is_or_that_it_is_over(kind: Kind, begins: str) -> None:
    assert notice([low(1, "0.004", kind)]).title.startswith(begins)


def test_many_wallets_under_one_rule_are_counted_and_the_worst_is_named() -> None:
    many = [low(number, f"0.0{100 + number}") for number in range(1, 300)]

    said = notice([*many, low(300, "0.002")])

    assert said.title == "critical: gas-low on 300 wallets, worst gas-300 0.002 ETH"
    body = render([*many, low(300, "0.002")], PLAIN, Space(total=2000)).body
    assert "gas-low on 300 wallets, worst gas-300 0.002 ETH: gas-300 0.002 ETH, gas-1 0.0101 ETH, " in body
    assert "and 295 more" in body
    assert len(body) < 400


@pytest.mark.parametrize(
    ("because", "worst"),
    [
        ("$6.00 is below $10.00", "$6.00"),
        ("$3,000.00 is below $3,100.00", "ETH at $3,000.00"),
        ("0.002 ETH is below 0.05 ETH", "0.002 ETH"),
        ("worth less than it was", "0.002 ETH"),
    ],
)
def test_the_worst_of_many_is_named_by_what_the_rule_is_about(because: str, worst: str) -> None:
    seen = replace(low(1, "0.002").message.particulars, because=because)
    many = [low(number, "0.002", particulars=seen) for number in range(1, 5)]

    assert notice(many).title == f"critical: gas-low on 4 wallets, worst gas-1 {worst}"


def test_of_several_rules_the_worst_is_the_title_and_the_others_are_counted() -> None:
    other = low(2, "0.03", rule="x")

    title = notice([low(1, "0.02"), moved(subject="other"), other]).title

    assert title == "critical: −39,506.75 USDC ($39,506.75, −98.76 %) left treasury (+2 more)"


def test_what_the_title_says_is_not_said_again() -> None:
    (entry,) = notice([moved()]).entries

    assert entry.lines == (
        ("Moved", "40,000 → 493.25 USDC"),
        ("Value", "$40,000.00 → $493.25: −$39,506.75"),
        ("Because", "much, says treasury-out"),
        ("When", "between 2026-03-01 12:00:00 UTC and 2026-03-01 12:02:00 UTC"),
    )
    assert entry.place == f"USDC (0xa0b8…eb48) on ethereum, {ADDRESS}"
    (entry,) = notice([low(1, "0.004")]).entries
    assert entry.lines == (("Value", "$12.00 at $3,000.00"), ("When", "since 2026-03-01 12:00:00 UTC"))


def test_a_wallet_whose_name_is_a_part_of_another_word_of_the_title_is_named() -> None:
    (entry,) = notice([low(1, "0.004", facts=(("Wallet", "e"), ("Chain", "ethereum")))]).entries

    assert entry.place == "e, ETH on ethereum"


def test_rules_that_tell_one_move_share_an_entry_that_names_them() -> None:
    rules = {"treasury-out": Severity.WARNING, "large-out": Severity.CRITICAL, "any-move": Severity.INFO}

    said = notice([moved(rule, severity) for rule, severity in rules.items()])

    (entry,) = said.entries
    assert said.title == "critical: −39,506.75 USDC ($39,506.75, −98.76 %) left treasury"
    assert entry.rules == ("large-out", "treasury-out", "any-move")
    assert {each.id for each in entry.told} == {f"dlv-{rule}" for rule in rules}


def test_what_people_answer_to_a_shared_entry_is_about_the_rule_that_speaks_for_it() -> None:
    rules = {"treasury-out": Severity.WARNING, "large-out": Severity.CRITICAL, "any-move": Severity.INFO}
    told = [moved(rule, severity) for rule, severity in rules.items()]

    rows = keyboard_for(notice(told), answered=True)
    message = json.dumps(posted(told, Presentation(answered=True)))

    asked = [button["callback_data"].split()[1] for row in rows for button in row]
    assert asked == ["dlv-large-out"] * 4
    assert re.findall(r'"/(?:ack|silence|explain) ([\w-]+)', message) == ["dlv-large-out"] * 4


def test_moves_that_end_in_another_amount_do_not_share_an_entry() -> None:
    seen = replace(moved().message.particulars, after=Decimal(7))

    assert len(notice([moved("one"), moved("two", particulars=seen)]).entries) == 2


def test_an_alert_that_tells_the_same_move_keeps_its_own_id() -> None:
    alert = moved("usdc-low", Severity.WARNING, kind=Kind.FIRING, id="ea650b65aabbccdd")

    (entry,) = notice([moved(), alert]).entries

    assert ("Also", "usdc-low: much, says usdc-low (alert ea650b65)") in entry.lines


def test_what_each_rule_that_tells_a_move_wants_done_is_said() -> None:
    other = moved("any-move", Severity.INFO)
    facts = (*other.message.facts, ("Description", "ask the desk"), ("Runbook", "https://r.example.org/any"))

    (entry,) = notice([moved(), replace(other, message=replace(other.message, facts=facts))]).entries

    assert entry.lines[-2:] == (
        ("Description", "any-move: ask the desk"),
        ("Runbook", "any-move: https://r.example.org/any"),
    )


def test_of_what_is_over_it_is_said_how_long_it_lasted() -> None:
    facts = (("Since", "2026-03-01 11:00:00 UTC"), ("Resolved", "2026-03-01 12:00:00 UTC"))
    seen = Particulars(since=START - timedelta(hours=1))

    (entry,) = notice([low(1, "0.1", Kind.RESOLVED, facts=facts, particulars=seen)]).entries

    assert entry.lines == (("When", "from 2026-03-01 11:00:00 UTC to 2026-03-01 12:00:00 UTC, 1 h"),)


def test_since_when_it_is_an_alert_is_not_taken_for_since_when_it_is_so() -> None:
    title = "desk cannot be read since 2026-03-01 11:00:00 UTC"
    facts = (("Since", "2026-03-01 12:00:00 UTC"),)

    (entry,) = notice([low(1, "0.1", title=title, facts=facts)]).entries

    assert entry.lines == (("When", "alert since 2026-03-01 12:00:00 UTC"),)


def test_facts_that_belong_to_no_line_are_all_kept() -> None:
    facts = (("Credits", "5 of 10"), ("Before", "1 spark"), ("Now", "2 sparks"), ("Part", "a"), ("Part", "b"))

    (entry,) = notice([low(1, "0.1", Kind.NOTICE, facts=facts)]).entries

    assert sorted(entry.lines) == sorted(facts)


def test_times_are_local_and_money_stands_beside_the_dollars_with_its_rate_once() -> None:
    display = Display(
        lambda text: text.replace("UTC", "CET"),
        lambda usd: f"CHF {usd * Decimal('0.8')}",
        lambda: "1 USD = CHF 0.8",
    )

    said = notice([moved(), low(1, "0.004")], Presentation(display=display))

    assert said.note == "1 USD = CHF 0.8"
    assert dict(said.entries[0].lines)["Value"] == "$40,000.00 → $493.25: −$39,506.75 (CHF -31605.400)"
    assert "CET" in dict(said.entries[0].lines)["When"]
    body = render([moved(), low(1, "0.004")], PLAIN, Space(), Presentation(display=display)).body
    assert body.count("1 USD = CHF 0.8") == 1


@pytest.mark.parametrize(
    ("value", "prices", "shown"),
    [
        ("$12.00 at $3,000.00", {}, "$12.00 (CHF 12.000) at $3,000.00"),
        ("$12.00; before unknown (no price then)", {}, "$12.00 (CHF 12.000); before unknown (no price then)"),
        (
            "$24.00 → $12.00: −$12.00 (amount −$3.00, price −$9.00)",
            {"before": Decimal("0.005"), "price_before": Decimal(4800)},
            "$24.00 → $12.00: −$12.00 (CHF -12.000) (amount −$3.00, price −$9.00)",
        ),
        ("unknown: the asset has no price", {"price_after": None}, "unknown: the asset has no price"),
    ],
)
def test_the_other_currency_stands_beside_the_dollars_that_it_is_of_and_not_beside_a_price(
    value: str, prices: dict[str, Any], shown: str
) -> None:
    told = low(1, "0.004")
    seen = replace(told.message.particulars, **prices)
    message = replace(told.message, facts=(("Value", value),), particulars=seen)

    said = notice(
        [replace(told, message=message)], Presentation(display=Display(beside=lambda usd: f"CHF {usd}"))
    )

    assert dict(said.entries[0].lines)["Value"] == shown


def test_the_ways_on_are_links_and_nothing_else_is() -> None:
    links = {"Open": "https://w.example.org/alerts/1", "Acknowledge": "https://w.example.org/a/1?t=x"}
    ways = Ways(links["Open"], links["Acknowledge"], {"Etherscan": EXPLORER})
    shown = Presentation(ways=lambda _: ways)

    plain, markdown, markup = (
        render([moved()], each, Space(), shown).body for each in (PLAIN, MARKDOWN, HTML)
    )

    for label, url in {**links, "Etherscan": EXPLORER}.items():
        assert f"{label}: {url}" in plain
        assert f"[{label}]({url})" in markdown
        assert f'<a href="{url}">{label}</a>' in markup
    assert markup.count("<a ") == 3


def test_a_service_that_sends_back_what_it_was_sent_shows_nobody_the_word_of_a_link() -> None:
    word = LinkSigner("a-token-of-sixteen-characters").word("dlv-1", START)

    assert masked(f"400: /a/812deeb0?t={word} is no word") == "400: /a/812deeb0?t=… is no word"


def test_an_address_stands_whole_where_no_link_leads_to_it() -> None:
    linked = Presentation(
        ways=lambda _: Ways(explorers={"etherscan.io": f"https://etherscan.io/address/{ADDRESS}"})
    )

    assert notice([moved()]).entries[0].place.endswith(f"on ethereum, {ADDRESS}")
    assert notice([moved()], linked).entries[0].place.endswith("on ethereum, 0x9f11…3979")


def test_what_is_over_comes_before_what_asks_for_nobody_and_after_what_does() -> None:
    over, info = low(1, "0.1", Kind.RESOLVED), moved("treasury-in", Severity.INFO)
    warning = low(2, "0.01", severity=Severity.WARNING)

    kinds = [each.mark for each in notice([info, over, warning]).entries]

    assert kinds == ["warning", "resolved", "info"]


def test_a_rule_that_looks_back_to_an_older_amount_tells_the_same_move() -> None:
    older = replace(moved().message.particulars, before=Decimal(50_000))

    (entry,) = notice([moved("in-one-step"), moved("within-a-day", particulars=older)]).entries

    assert entry.rules == ("in-one-step", "within-a-day")
