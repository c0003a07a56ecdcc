"""A message is shown whole, fits its service, and nothing in it acts."""

from __future__ import annotations

import re

import pytest

from tests.notify.given import HOSTILE, delivery
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import replace
from watcher.domain.values.text import clean
from watcher.notify.markup import HTML, MARKDOWN, PLAIN, STYLES, Space, Style, render
from watcher.notify.notice import tone
from watcher.ports.channel import Presentation

ALL = pytest.mark.parametrize("style", [PLAIN, MARKDOWN, HTML], ids=lambda style: style.name)


@ALL
def test_a_message_shows_its_facts_its_rule_and_its_delivery(style: Style) -> None:
    shown = render([delivery(7)], style, Space())

    assert shown.title == "warning: treasury-hot: ETH moved, number 7"
    for text in ("Before", "12.5 ETH", "After", "10 ETH", "hot-wallet-moved", "dlv-0007"):
        assert text in shown.body


@ALL
def test_what_fires_repeats_and_resolves_in_the_same_words_is_told_apart(style: Style) -> None:
    course = {Kind.FIRING: "critical", Kind.REPEAT: "critical, still firing"}
    course |= {Kind.ESCALATION: "critical, escalated", Kind.RESOLVED: "resolved"}
    for kind, word in course.items():
        one = delivery(kind=kind, severity=Severity.CRITICAL, title="gas-1 holds 0.4 ETH")
        assert render([one], style, Space()).title == f"{word}: gas-1 holds 0.4 ETH"


@ALL
def test_no_control_character_and_no_direction_mark_survives(style: Style) -> None:
    shown = render([delivery(1, title=HOSTILE, facts=((HOSTILE, HOSTILE + "\r\n\u2028x"),))], style, Space())

    for forbidden in ("\x1b", "\u202e", "\r", "\u2028", "@here", "http://"):
        assert forbidden not in shown.title + shown.body.replace("`", ""), forbidden
    assert "\n" not in shown.title


def test_html_in_a_name_is_text() -> None:
    shown = render([delivery(1, title=HOSTILE, facts=((HOSTILE, HOSTILE),))], HTML, Space(title=0))

    tags = set(re.findall(r"<[^>]*>", shown.title + shown.body))
    assert tags == {"<b>", "</b>", "<br>", "<code>", "</code>"}
    assert shown.body.count("<b>") == shown.body.count("</b>") == 1


def test_markdown_in_a_name_is_shown_as_code_and_cannot_leave_it() -> None:
    shown = render([delivery(1, facts=(("Symbol", HOSTILE),))], MARKDOWN, Space())

    line = shown.body.splitlines()[0]
    assert re.fullmatch(r"\*\*Symbol:\*\* `[^`]*`", line)


def test_markdown_in_a_title_that_joins_the_body_is_escaped() -> None:
    shown = render([delivery(1, title="a_b *c* [d](e) `f` <g>")], MARKDOWN, Space(title=0))

    assert shown.title == r"warning: a\_b \*c\* \[d\](e) \`f\` \<g\>"


def test_plain_words_and_amounts_are_left_as_they_are_in_markdown() -> None:
    value = "1,234.567 ETH → 0.5 ETH (−99.9 %), USDC.e, between 02:10 and 13:05"

    assert value in render([delivery(1, facts=(("Amount", value),))], MARKDOWN, Space()).body


def test_the_runbook_of_the_rule_is_a_link_that_works() -> None:
    url = "https://wiki.example.com/runbooks/gas?x=1"
    facts = (("Runbook", url), ("Symbol", url))

    shown = Presentation(ways=lambda _: Ways(runbook=url))

    plain, markdown, html = (
        render([delivery(1, facts=facts)], style, Space(), shown).body for style in STYLES.values()
    )

    assert plain.count(f"Runbook: {url}") == plain.count(url) == 1
    assert f"[Runbook]({url})" in markdown
    assert html.count(f'<a href="{url}">Runbook</a>') == html.count("<a ") == 1


@ALL
def test_several_deliveries_are_counted_and_told_most_severe_first(style: Style) -> None:
    several = [
        delivery(1, kind=Kind.RESOLVED),
        delivery(2, kind=Kind.FIRING, severity=Severity.CRITICAL),
        delivery(3, kind=Kind.EVENT, severity=Severity.INFO),
        delivery(4, kind=Kind.EVENT),
        delivery(5, kind=Kind.FIRING),
    ]

    shown = render(several, style, Space())

    assert shown.title == "critical: treasury-hot: ETH moved, number 2 (+4 more)"
    assert shown.body.startswith("•")
    ids = re.findall(r"dlv-\d{4}", shown.body)
    assert ids == ["dlv-0002", "dlv-0004", "dlv-0005", "dlv-0001", "dlv-0003"]


@ALL
def test_what_is_over_never_heads_a_merged_notification(style: Style) -> None:
    over = delivery(1, kind=Kind.RESOLVED, severity=Severity.CRITICAL)

    shown = render([over, delivery(2, kind=Kind.FIRING, severity=Severity.WARNING)], style, Space())

    assert shown.title == "warning: treasury-hot: ETH moved, number 2 (+1 more)"


@ALL
def test_each_alert_of_a_merged_notification_is_a_list_under_its_own_line(style: Style) -> None:
    shown = render([delivery(1), delivery(2)], style, Space())

    lines = [re.sub(r"<[^>]*>|\*\*|`", "", line) for line in shown.body.splitlines()]
    assert lines[:5] == [
        "• warning: treasury-hot: ETH moved, number 1",
        "Before: 12.5 ETH",
        "After: 10 ETH",
        "rule hot-wallet-moved · alert alert-1 · delivery dlv-0001",
        "",
    ]


@ALL
def test_of_many_alerts_it_is_said_first_how_many_of_each_there_are(style: Style) -> None:
    shown = render([delivery(number) for number in range(12)], style, Space())

    assert shown.body.startswith("12 alerts: 12 changes")


@ALL
@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.RESOLVED])
def test_the_short_id_of_an_alert_is_in_each_message_of_it(style: Style, kind: Kind) -> None:
    shown = render([delivery(1, kind=kind, alert="ea650b65aabbccdd")], style, Space())

    assert "alert ea650b65 · delivery" in re.sub(r"<[^>]*>|`", "", shown.body)


@ALL
@pytest.mark.parametrize("total", [500, 2000, 4096])
def test_a_long_message_is_cut_at_a_line_and_says_how_much_is_missing(style: Style, total: int) -> None:
    facts = tuple((f"Asset {number}", "moved a little") for number in range(400))

    shown = render([delivery(1, facts=facts)], style, Space(total=total))

    assert len(shown.title) + len(shown.body) <= total
    left = re.search(r"… and (\d+) more, see", shown.body)
    assert left
    assert shown.body.count("moved a little") == 400 - int(left[1])
    assert "dlv-0001" in shown.body
    assert shown.title == "warning: treasury-hot: ETH moved, number 1"


@ALL
@pytest.mark.parametrize("total", [500, 2000, 4096])
def test_a_burst_that_does_not_fit_is_counted_never_dropped(style: Style, total: int) -> None:
    burst = [delivery(number) for number in range(200)]
    each_its_own = [replace(one, message=replace(one.message, rule=one.id)) for one in burst]

    shown = render(each_its_own, style, Space(total=total))

    assert len(shown.title) + len(shown.body) <= total
    left = re.search(r"… and (\d+) more, see", shown.body)
    assert left
    assert len(re.findall(r"delivery \W*(?:<code>)?dlv-\d{4}", shown.body)) == 200 - int(left[1])


def test_room_is_measured_as_the_service_measures() -> None:
    facts = tuple((f"Asset {number}", "moved") for number in range(100))

    shown = render([delivery(1, facts=facts)], PLAIN, Space(total=1000, measure=lambda text: 3 * len(text)))

    assert 3 * (len(shown.title) + len(shown.body)) <= 1000


def test_a_title_that_its_place_cannot_hold_stands_whole_on_top_of_the_body() -> None:
    title = "wallet " * 60

    shown = render([delivery(1, title=title)], PLAIN, Space(title=250))

    assert len(shown.title) <= 250
    assert shown.body.startswith(f"warning: {title.strip()}")


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([(Kind.FIRING, Severity.CRITICAL), (Kind.EVENT, Severity.INFO)], "failure"),
        ([(Kind.EVENT, Severity.WARNING), (Kind.RESOLVED, Severity.CRITICAL)], "warning"),
        ([(Kind.RESOLVED, Severity.CRITICAL)], "success"),
        ([(Kind.TEST, Severity.INFO)], "info"),
    ],
)
def test_the_tone_is_that_of_the_worst_that_is_not_over(
    kinds: list[tuple[Kind, Severity]], expected: str
) -> None:
    assert (
        tone([delivery(n, kind=kind, severity=severity) for n, (kind, severity) in enumerate(kinds)])
        == expected
    )


def test_a_name_without_an_end_is_cut() -> None:
    assert len(clean("x" * 10**6)) == 1000


@pytest.mark.parametrize("title", [0, 45])
@pytest.mark.parametrize("number", [1, 3])
def test_a_short_message_is_never_longer_than_an_sms_and_begins_with_how_bad_it_is(
    title: int, number: int
) -> None:
    def measure(text: str) -> int:
        return len(text.encode("utf-16-le")) // 2

    for length in range(80, 200, 7):
        words = "x" * length + "\N{FIRE}\N{ZERO WIDTH JOINER}\N{FIRE}" * 60
        many = [
            delivery(each, kind=Kind.FIRING, severity=Severity.CRITICAL, title=words)
            for each in range(number)
        ]
        shown = render(many, PLAIN, Space(160, title, measure))

        assert shown.title.startswith("critical: xxx")
        assert measure(shown.body) + (0 if title else measure(shown.title)) <= 160
