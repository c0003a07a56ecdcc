"""A template of a few characters takes little time and memory, whatever it says; useful ones still work."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from watcher.domain.messages.template_engine import LONGEST_TEMPLATE, check_template
from watcher.domain.messages.template_variables import LONGEST, TemplateFailedError
from watcher.domain.messages.templates import render
from watcher.domain.values.errors import InputError

GROWING = (
    "{% set a = a ~ a %}", "{% set a = a + a %}", "{% set a = [a, a] %}", "{% set a = (a, a) %}",
    "{% set a = {'x': a, 'y': a} %}", "{% set a = a.replace('x', a) %}", "{% set a = a|replace('', a) %}",
    "{% set a = a.join(a) %}", "{% set a = a|join(a) %}", "{% set a = '{0}{0}'.format(a) %}",
    "{% set a = '%s%s' % (a, a) %}", "{% set a = '%s%s'|format(a, a) %}",
)  # fmt: skip
HOSTILE = (
    *("{% set a = 'xx' %}" + each * 60 + "{{ a }}" for each in GROWING),
    "{% set a = [1] %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "{% set a = 9999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 900000000) }}",
    "{{ '{0:{1}}'.format(1, 900000000) }}",
    "{{ ('{:>' ~ '9999999999' ~ '}').format(1) }}",
    "{{ '{:>１００００００００}'.format(1) }}",
    "{{ '{:.999999999f}'.format(1.5) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (900000000, 1) }}",
    "{{ '%(a)1000000000d' % {'a': 1} }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%.999999999f'|format(1.5) }}",
    "{{ wallet.ljust(1000000000) }}",
    "{{ wallet|center(1000000000) }}",
    "{{ wallet|indent(1000000000) }}",
    "{{ wallet|tojson(indent=1000000000) }}",
    "{{ 'x'|map('center', 1000000000)|list }}",
    "{{ 'a\tb'.expandtabs(1000000000) }}",
    "{{ 1.5|round(1000000000, 'ceil') }}",
    "{{ '1'|amount(1000000000) }}",
    "".join(f"{{% for a{each} in 'abcdefghij' %}}" for each in range(12)) + "{% endfor %}" * 12,
    "{% for a in 'ab' recursive %}{{ loop('ab') }}{% endfor %}",
    "{% macro a(n) %}{{ a(n) }}{{ a(n) }}{% endmacro %}{{ a(1) }}",
    "{% set a %}{{ wallet }}{% endset %}{{ a }}",
    "{% filter upper %}x{% endfilter %}",
    "{{ " + "(" * 2400 + "1" + ")" * 2400 + " }}",
    "{{ " + "-" * 4500 + "1 }}",
    "{% if wallet %}" * 150 + "{% endif %}" * 150,
    "{{ wallet" + "|upper" * 700 + " }}",
    "x" * (LONGEST_TEMPLATE + 1),
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40])
def test_a_template_that_would_grow_without_bounds_is_refused_at_little_cost(text: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(InputError, match=r"^(is longer|unknown|not a valid|cannot be rendered)"):
            check_template("summary", text)
        took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < 5  # seconds of this process, under a tracer: some milliseconds without
    assert peak < 30_000_000


@pytest.mark.parametrize("text", [each for each in HOSTILE if len(each) <= LONGEST_TEMPLATE])
def test_such_a_template_costs_no_more_when_it_is_rendered(text: str) -> None:
    with pytest.raises(TemplateFailedError):
        render(text, {"wallet": "hot", "at": "2026-01-05 08:25:00 UTC"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ '%.2f' % (amount|float) }} {{ symbol }}", "1234.50 ETH"),
        ("{{ '{:,.2f}'.format(amount|float) }}", "1,234.50"),
        ("{{ '%8.1f'|format(amount|float) }}|", "1234.5|"),
        ("{{ symbol ~ ' on ' ~ chain|upper }}", "ETH on BASE"),
        ("{{ wallet + '!' }} {{ 2 * 3 + 1 }}", "hot! 7"),
        ("{% for tag in tags.split(', ') %}{{ loop.index }}:{{ tag }}{{ ';' if not loop.last }}{% endfor %}",
         "1:gas;2:hot"),
        ("{% set big = amount|float > 1000 %}{% if big and 'hot' in tags %}big{% else %}small{% endif %}",
         "big"),
        ("{{ wallet.replace('h', 'n')|title }}{{ ['a', 'b']|join('-') }}", "Nota-b"),
        ("{{ tags.split(', ')|map('upper')|sort|join('+') }}", "GAS+HOT"),
        ("{{ amount|float|round(-2, 'floor')|int }} {{ address[:4] }}…{{ address[-2:] }}", "1200 0x9f…79"),
        ("https://scan/{{ address|urlencode }}", "https://scan/0x9f79"),
        ("{{ 'x' if symbol in ['ETH', 'WETH'] else 'y' }}{{ {'a': 'b'}['a'] }}", "xb"),
    ],
)  # fmt: skip
def test_what_operators_write_still_works(text: str, shown: str) -> None:
    check_template("summary", text.replace("amount|float", "amount|float(0)"))
    values = {
        "amount": "1234.5", "symbol": "ETH", "chain": "base", "wallet": "hot", "tags": "gas, hot",
        "address": "0x9f79",
    }  # fmt: skip
    assert render(text, values) == shown


def test_what_is_shown_is_cut_while_it_is_made() -> None:
    assert len(render("{{ because }}", {"because": "y" * 999_999})) == LONGEST
    assert render("  \n{{ wallet }}  ", {"wallet": "hot"}) == "hot"
