"""Another currency beside dollars: exactly the rate's digits, cut and never rounded, and never a bare `$`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.messages.presentation import Currency
from watcher.domain.values.currencies import DIGITS
from watcher.domain.values.exchange_rates import ExchangeRates, is_rate
from watcher.domain.values.formatting import NumberStyle, in_currency, money

AMOUNTS = st.decimals(min_value=-(10**18), max_value=10**18, allow_nan=False, places=24)
RATES = st.decimals(min_value="0.000000000001", max_value=10**6, allow_nan=False, places=16).filter(is_rate)
NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
SWISS = NumberStyle("\N{RIGHT SINGLE QUOTATION MARK}", ".")
INDIAN = NumberStyle(",", ".", (3, 2))
GERMAN = NumberStyle(".", ",")


def currency(
    code: str = "CHF", rate: str | None = "0.8012", of: date = date(2026, 11, 29), by: str = "configured"
) -> Currency:
    rates = None if rate is None else ExchangeRates({code: Decimal(rate)}, of, by)
    return Currency(code, lambda: rates, lambda: NOW)


@pytest.mark.parametrize(
    ("value", "code", "style", "shown"),
    [
        ("31605.40", "CHF", NumberStyle(), "CHF 31,605.40"),
        ("31605.409", "CHF", SWISS, "CHF 31\N{RIGHT SINGLE QUOTATION MARK}605.40"),
        ("31605.409", "EUR", GERMAN, "EUR 31.605,40"),
        ("123456789.5", "INR", INDIAN, "INR 12,34,56,789.50"),
        ("-31605.409", "CHF", NumberStyle(), "\N{MINUS SIGN}CHF 31,605.40"),
        ("31605.999", "JPY", NumberStyle(), "JPY 31,605"),
        ("0.5129", "JPY", NumberStyle(), "JPY 0.51\N{HORIZONTAL ELLIPSIS}"),
        ("31605.9999", "KWD", NumberStyle(), "KWD 31,605.999"),
        ("0.0012999", "CHF", NumberStyle(), "CHF 0.0012\N{HORIZONTAL ELLIPSIS}"),
        ("0.0012999", "EUR", GERMAN, "EUR 0,0012\N{HORIZONTAL ELLIPSIS}"),
        ("0", "CHF", NumberStyle(), "CHF 0.00"),
        ("999", "CHF", SWISS, "CHF 999.00"),
    ],
)
def test_money_is_cut_to_the_smallest_unit_of_its_currency(
    value: str, code: str, style: NumberStyle, shown: str
) -> None:
    assert in_currency(Decimal(value), code, DIGITS[code], style) == shown


@given(AMOUNTS)
def test_dollars_written_as_a_currency_have_the_digits_that_money_has(value: Decimal) -> None:
    assert in_currency(value, "USD", 2).replace("USD ", "$") == money(value)


@given(AMOUNTS, RATES, st.sampled_from(["CHF", "JPY", "KWD", "CLF"]))
def test_what_is_shown_is_the_product_cut_and_never_rounded(usd: Decimal, rate: Decimal, code: str) -> None:
    exact = abs(Fraction(usd) * Fraction(rate))

    shown = currency(code, str(rate)).beside(usd)

    sign, _, digits = shown.rpartition(f"{code} ")
    assert sign == ("\N{MINUS SIGN}" if usd < 0 else "")
    number = Fraction(digits.replace(",", "").rstrip("\N{HORIZONTAL ELLIPSIS}"))
    places = len(digits.rstrip("\N{HORIZONTAL ELLIPSIS}").partition(".")[2])
    assert 0 <= exact - number < Fraction(1, 10**places)
    assert places >= DIGITS[code] or number == exact
    assert number or not exact


@given(st.integers(0, 10**30), st.sampled_from([SWISS, INDIAN, GERMAN]))
def test_no_style_of_numbers_changes_a_digit(value: int, style: NumberStyle) -> None:
    shown = style.written(f"{value:,}")

    assert shown.replace(style.group, "") == str(value)


def test_the_rate_is_told_with_every_digit_its_day_and_who_says_so() -> None:
    assert currency().note() == "1 USD = CHF 0.8012 of 2026-11-29 (configured)"
    told = currency(rate="0.8062450125737061", by="coinstats").note()
    assert told == "1 USD = CHF 0.8062450125737061 of 2026-11-29 (coinstats)"


@pytest.mark.parametrize(
    ("day", "old"),
    [(27, ""), (26, ", 4 days old"), (1, ", 29 days old"), (30, "")],
    ids=["3 d", "4 d", "29 d", "0 d"],
)
def test_a_rate_of_more_than_three_days_ago_is_called_old(day: int, old: str) -> None:
    told = currency(of=date(2026, 11, day)).note()

    assert told == f"1 USD = CHF 0.8012 of 2026-11-{day:02} (configured{old})"


def test_a_rate_of_a_day_that_is_still_to_come_is_not_passed_off_as_fresh() -> None:
    assert currency(of=date(2027, 11, 29)).note().endswith(" (configured, a day that is still to come)")
    assert currency(of=date(2026, 12, 1)).note().endswith(" of 2026-12-01 (configured)")


@pytest.mark.parametrize("given_", [currency(rate=None), Currency("EUR", currency().rates, lambda: NOW)])
def test_without_a_rate_there_are_dollars_alone_and_it_says_so(given_: Currency) -> None:
    assert given_.beside(Decimal("39506.75")) == ""
    assert given_.note() == f"no {given_.code} rate"


def test_rates_are_kept_with_every_digit_and_what_cannot_be_read_is_none() -> None:
    rates = ExchangeRates({"CHF": Decimal("0.8062450125737061"), "VND": Decimal("1E+4")}, NOW.date(), "cs")

    assert ExchangeRates.load(rates.dump(), "cs") == rates
    for text in (None, "", "null", "{", "[]", '{"of": "x", "rates": {}}', '{"of": "2026-11-29", "rates": 1}'):
        assert ExchangeRates.load(text, "cs") is None


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "1e999999", "1e-999999", "1." + "1" * 99])
def test_a_rate_that_cannot_be_is_none(rate: str) -> None:
    assert not is_rate(Decimal(rate))


def test_every_currency_has_a_code_of_three_letters_and_a_unit() -> None:
    assert len(DIGITS) > 150
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DIGITS)
    assert {code: DIGITS[code] for code in ("CHF", "EUR", "JPY", "KWD", "CLF")} == {
        "CHF": 2, "EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4,
    }  # fmt: skip
