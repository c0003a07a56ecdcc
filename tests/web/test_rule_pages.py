"""The rules as a page: what each matches, what it says, and what is near its level."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import ETH, HOT, NOW, alert, changed, keep, known
from tests.web.given import CONFIG, NASTY, Page, cells, serving
from watcher.config.configuration import build_rules, configure
from watcher.domain.aggregates.index import AggregateIndex
from watcher.domain.model import AccountState, Asset, Quote
from watcher.domain.records import replace
from watcher.reports.explain import Explainer
from watcher.reports.watching import watched
from watcher.web.forms import Forms
from watcher.web.pages.wallet import WalletPage
from watcher.web.templating import Templating

SPAM = Asset("ethereum", "0xff000000000000000000000000000000000000ff")

RULES = """\
rules:
  - id: gas-low
    type: threshold
    match: {assets: [ETH, "0xff000000000000000000000000000000000000ff"]}
    below: "0.5"
  - id: much
    type: threshold
    match: {wallets: [hot], assets: [ETH]}
    metric: value_usd
    per: wallet
    above: "5000"
  - {id: moved, type: change, match: {wallets: [hot]}, by: "10%"}
  - {id: silent, type: no_data, longer_than: 1h}
  - {id: credits, type: budget, source: coinstats, used: "80%"}
  - {id: lasting, type: runway, match: {wallets: [hot]}, shorter_than: 5d}
  - id: cover
    type: ratio
    of: {match: {wallets: [hot]}, name: reserve}
    to: {match: {assets: [NONE]}, metric: amount, name: issued}
    below: "1"
  - {id: appears, type: asset, event: appears}
  - {id: nobody, type: threshold, match: {assets: ["0xnone"]}, below: "1"}
"""


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "rules.yaml").write_text(RULES)
    other = tmp_path / "with-rules.yaml"
    other.write_text(CONFIG + "rules: [rules.yaml]\n")
    configuration = configure(other, {})
    async with serving(tmp_path) as page:
        page.snapshots.rules = build_rules(configuration)
        state = AccountState(
            HOT, {ETH: Decimal("0.6"), SPAM: Decimal("0.1")}, {"ethereum": NOW}, last_attempt=NOW,
            watched_since=NOW,
        )  # fmt: skip
        firing = replace(alert(), subject="elsewhere", fingerprint=configuration.rules[0].fingerprint())
        await keep(
            page.store, accounts=(state,), symbols={ETH: "ETH", SPAM: NASTY},
            changes=(changed(HOT, ETH, "1", "0.6"), changed(HOT, SPAM, None, "0.1")),
            quotes={ETH: Quote(Decimal(3000), NOW)}, alerts=(firing,),
        )  # fmt: skip
        yield page


async def test_the_list_says_what_each_rule_matches_and_what_is_nearest_to_its_level(page: Page) -> None:
    status, text, _ = await page.get("/rules")
    assert status == 200
    rows = {row.split("</a>")[0]: row for row in text.split('<a href="/rules/')[1:]}
    gas = next(row for name, row in rows.items() if name.startswith("gas-low"))
    assert "1 met, 1 not met" in gas
    assert "1 firing" in gas
    much = next(row for name, row in rows.items() if name.startswith("much"))
    assert "64.0\u202f% below" in much  # $1,800 of $5,000
    moved = next(row for name, row in rows.items() if name.startswith("moved"))
    assert "300\u202f% above" in moved  # 40 % went out, 10 % are told
    assert "the largest move in 7 d" in moved
    assert '<td class="number warning">0</td>' in cells(rows[next(n for n in rows if n.startswith("nobody"))])


async def test_a_rule_lists_its_subjects_the_met_first_and_then_the_nearest(page: Page) -> None:
    _, text, _ = await page.get("/rules/gas-low")
    table = text[text.index("<h2>Subjects</h2>") :]
    assert table.index(">met<") < table.index(">not met<")
    assert "20.0\u202f% above" in table
    assert "0.6 ETH" in table


@pytest.mark.parametrize("name", ["much", "moved", "silent", "credits", "nobody"])
async def test_every_kind_of_rule_has_a_page_that_keeps_hostile_names_harmless(page: Page, name: str) -> None:
    status, text, _ = await page.get(f"/rules/{name}")
    assert status == 200
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert len(text) < 50_000


async def test_what_a_distance_is_of_or_why_there_is_none_is_said(page: Page) -> None:
    for name, words in (
        ("silent", "91.7\u202f% below"),  # five minutes of an hour
        ("lasting", "unknown: 5 min of what went out are known, 24 h are needed"),
        ("cover", "unknown: reserve: "),
        ("credits", "100\u202f% below (what is used)"),
        ("appears", "there is no level"),
    ):
        _, text, _ = await page.get(f"/rules/{name}")
        assert words in text, name
        await page.later()


async def test_what_explain_says_of_a_runway_is_what_the_daemon_knows(page: Page) -> None:
    """A balance that was first seen a moment ago has no rate yet, however long the window is."""
    _, text, _ = await page.get("/rules/lasting")
    assert ">unknown</td>" in text


def _many(count: int) -> AccountState:
    held = {Asset("ethereum", f"t{number}"): Decimal(1) for number in range(count)}
    return known(HOT)._replace(amounts=held)


async def test_the_list_judges_a_bounded_number_of_subjects_and_says_so(tmp_path: Path) -> None:
    rules = "".join(f'  - {{id: r{n}, type: change, by: "1"}}\n' for n in range(120))
    (tmp_path / "rules.yaml").write_text("rules:\n" + rules)
    (tmp_path / "with-rules.yaml").write_text(CONFIG + "rules: [rules.yaml]\n")
    configuration = configure(tmp_path / "with-rules.yaml", {})
    async with serving(tmp_path) as page:
        page.snapshots.rules = build_rules(configuration)
        await keep(page.store, accounts=(_many(300),))
        status, text, _ = await page.get("/rules")
        assert status == 200
        assert "of the first 5" in text
        assert "page 1 of 3" in text
        assert text.count('<a href="/rules/r') == 50
        assert len(text) < 300_000
        assert (await page.get("/rules?page=3"))[1].count('<a href="/rules/r') == 20


async def test_a_budget_rule_says_what_the_ledger_says(page: Page) -> None:
    _, text, _ = await page.get("/rules/credits")
    assert "of 20,000 credits are used" in text


async def test_a_rule_that_does_not_exist_is_not_found(page: Page) -> None:
    assert (await page.get("/rules/none"))[0] == 404
    assert (await page.get("/rules?x=1"))[0] == 400


async def test_without_rules_the_page_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await keep(page.store, accounts=(known(HOT, ethereum="1"),))
        assert "No rules are configured" in (await page.get("/rules"))[1]


async def test_an_alert_links_to_its_rule_and_its_wallet_if_they_have_a_page(page: Page) -> None:
    gone = replace(alert("a2"), rule="watcher.unreported", subject="other", wallet="sold")
    await keep(page.store, alerts=(gone,))
    _, known_, _ = await page.get("/alerts/a1")
    _, unknown, _ = await page.get("/alerts/a2")
    assert 'href="/rules/gas-low"' in known_
    assert 'href="/wallets/hot"' in known_
    assert "<dd>watcher.unreported</dd>" in unknown
    assert "<dd>sold</dd>" in unknown


async def test_subjects_are_filtered_sorted_and_had_as_csv(page: Page) -> None:
    _, text, _ = await page.get("/rules/gas-low?answer=met")
    assert "1 subject" in text
    assert "0.6 ETH" not in text
    _, text, _ = await page.get("/rules/gas-low?q=eth+on")
    assert "1 subject" in text
    assert "0.6 ETH" in text
    _, body, _ = await page.get("/rules/gas-low.csv")
    lines = body.splitlines()
    assert lines[0] == "subject,wallet,answer,because,distance,near,at,alert"
    assert [line.split(",")[2] for line in lines[1:] if line.startswith("hot: ETH")] == ["not met"]
    assert (await page.get("/rules/gas-low?answer=maybe"))[0] == 400


async def test_a_rules_page_tells_what_it_told_of_late_and_leads_to_all_of_it(page: Page) -> None:
    _, text, _ = await page.get("/rules/gas-low")
    assert 'id="alert-a1"' in text
    assert 'href="/alerts?rule=gas-low"' in text


async def test_what_is_found_out_at_the_start_spares_the_first_page_of_a_wallet(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    assert page.server._warming is not None
    await page.server._warming  # the server finds it out for itself, too

    class Counted(AggregateIndex):
        def __init__(self, *about: Any) -> None:
            made.append(self)
            super().__init__(*about)

    monkeypatch.setattr("watcher.domain.evaluation.memo.AggregateIndex", Counted)
    templating = Templating(page.snapshots, Forms())
    memo = templating.begin_with(await WalletPage(templating).found_out())
    assert templating.memo is memo
    past = replace(await page.snapshots.known(), revision=None)
    with page.store.queries() as reader:
        explainer = Explainer(
            page.snapshots.settings, page.snapshots.rules, reader, NOW, past, memo=templating.memo
        )
        rows = watched(explainer, "hot", [HOT]).rows
    assert {"much", "cover"} <= {row.rule.id for row in rows}
    assert len(made) == 1
