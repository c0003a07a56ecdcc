"""What every source promises: one suite over each API, real HTTP included, and over the fake."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.contract.sources import OVER_HTTP, SOURCES, Case
from tests.sources.api import KEY, NOW, outcomes, poll
from watcher.domain.model import Miss, Reading
from watcher.ports.source import RawCall, Reply


@pytest.fixture(params=SOURCES)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with SOURCES[request.param]() as case:
        yield case
        for source in case.built:
            await source.close()


over_http = pytest.mark.parametrize("case", OVER_HTTP, indirect=True)


def facts_of(replies: list[Reply]) -> dict[str, str]:
    return {name: value for reply in replies for name, value in reply.facts.items()}


# Plan and cost


async def test_each_account_stands_in_one_request_however_often_it_is_named(case: Case) -> None:
    requests = case.source().plan([*case.accounts, *case.accounts], NOW)
    asked = Counter(account for request in requests for account in request.accounts)
    assert asked == dict.fromkeys(case.accounts, 1)


async def test_nothing_is_planned_for_nobody(case: Case) -> None:
    assert case.source().plan([], NOW) == []


async def test_a_request_costs_what_its_accounts_cost_and_a_look_up_nothing(case: Case) -> None:
    source = case.source()
    for request in source.plan(case.accounts, NOW):
        assert request.cost == sum(map(source.cost, request.accounts))
        assert request.calls >= 1
        assert bool(request.accounts) is not request.lookup


async def test_credits_are_asked_for_only_where_they_are_sold(case: Case) -> None:
    source = case.source()
    sells = source.allowance.credits is not None
    assert sells or source.usage() is None
    assert sells or not any(source.cost(account) for account in case.accounts)
    assert case.kind is None or case.kind.sells_credits is sells


async def test_a_source_has_the_name_that_it_was_given_and_its_accounts_too(case: Case) -> None:
    source = case.source()
    assert {account.source for account in case.accounts} == {source.name}
    assert source.spacing >= 0


# Send


async def test_each_account_gets_its_outcome_once(case: Case) -> None:
    found = outcomes(await poll(case.source(), case.accounts))
    assert set(found) == set(case.accounts)
    assert all(isinstance(outcome, Reading) for outcome in found.values())


async def test_a_reply_says_what_was_charged_and_never_less_than_nothing(case: Case) -> None:
    source = case.source()
    for request in source.plan(case.accounts, NOW):
        reply = await source.send(request)
        assert reply.charged is not None
        assert 0 <= reply.charged <= request.cost
        assert not reply.failure
        whole = reply.read()
        assert (whole.charged, whole.failure) == (reply.charged, "")


@over_http
async def test_each_send_is_one_request(case: Case) -> None:
    source, waiting = case.source(), []
    waiting = source.plan(case.accounts, NOW)
    while waiting:
        before = case.requests
        reply = await source.send(waiting.pop())
        assert case.requests == before + 1
        waiting += reply.more


@over_http
async def test_nothing_is_asked_before_the_first_send(case: Case) -> None:
    source = case.source()
    source.plan(case.accounts, NOW)
    source.usage()
    assert case.requests == 0


@over_http
@pytest.mark.parametrize(
    "fault",
    ["400", "401", "403", "404", "429", "500", "503", "html", "truncated", "cut-off", "reset", "redirect",
     "not-json", "empty-body", "not-a-list", "slow-headers"],
)  # fmt: skip
async def test_whatever_the_api_does_is_a_miss_for_each_account_and_shows_no_secret(
    case: Case, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    case.spoil(fault)
    replies = await poll(case.source(), case.accounts)
    found = outcomes(replies)
    assert set(found) == set(case.accounts)
    assert all(isinstance(outcome, Miss) for outcome in found.values()), found
    failures = [reply.failure for reply in replies if reply.failure]
    assert failures
    shown = f"{found} {replies} {caplog.text}"
    assert KEY not in shown
    assert not any("?" in failure or "\n" in failure for failure in failures)


@over_http
@pytest.mark.parametrize(
    "fault", ["400", "401", "404", "429", "500", "html", "reset", "redirect", "slow-headers"]
)
async def test_any_other_request_is_one_request_and_its_failure_is_words_without_a_secret(
    case: Case, fault: str
) -> None:
    case.spoil(fault)
    answer = await case.source().ask(RawCall("POST", "/v1/anything", (("of", KEY),)))
    assert answer.failure
    assert answer.body == b""
    assert answer.refused is (fault == "401")
    assert KEY not in answer.failure
    assert case.requests == 1


async def test_any_other_request_never_raises(case: Case) -> None:
    answer = await case.source().ask(RawCall("GET", "/v1/anything"))
    assert bool(answer.failure) or answer.charged in (None, 0)


@over_http
async def test_an_api_that_cannot_be_reached_charges_nothing(case: Case) -> None:
    source = case.source()
    assert case.sim is not None
    await case.sim.stop()
    for reply in await poll(source, case.accounts):
        assert (reply.charged, bool(reply.failure)) == (0, True)


@over_http
async def test_a_key_that_is_refused_is_charged_nothing(case: Case) -> None:
    case.spoil("401")
    assert {reply.charged for reply in await poll(case.source(), case.accounts)} == {0}


@over_http
async def test_who_is_asked_to_wait_is_told_for_how_long(case: Case) -> None:
    case.spoil("429")
    pauses = [reply.pause for reply in await poll(case.source(), case.accounts) if reply.outcomes]
    assert all(pause is not None and pause > timedelta(0) for pause in pauses)


async def test_what_the_provider_counts_is_free_of_charge(case: Case) -> None:
    source = case.source()
    request = source.usage()
    if request is None:
        return
    reply = await source.send(request)
    assert (request.accounts, request.cost, reply.charged) == ((), 0, 0)
    assert reply.usage is not None
    assert reply.usage.total >= reply.usage.used >= 0


async def test_a_reading_says_whether_its_source_tells_of_all_that_is_held(case: Case) -> None:
    found = outcomes(await poll(case.source(), case.accounts)).values()
    asks = case.kind is not None and any(case.kind.asked(wallet) is not None for wallet in case.wallets)
    assert {outcome.names_all for outcome in found if isinstance(outcome, Reading)} == {not asks}


# Remember and close


async def test_what_was_learnt_is_asked_for_no_more_after_a_start(case: Case) -> None:
    first = case.source()
    replies = await poll(first, case.accounts)
    second = case.source()
    second.remember(facts_of(replies))
    assert [each for each in second.plan(case.accounts, NOW) if each.lookup] == []
    again = outcomes(await poll(second, case.accounts))
    assert again == outcomes(replies)


async def test_facts_that_cannot_be_read_do_no_harm(case: Case) -> None:
    known = facts_of(await poll(case.source(), case.accounts))
    for junk in ("", "junk", "{}", "[1]", "null", '{"at": 5}'):
        source = case.source()
        source.remember(dict.fromkeys((*known, "usage", "refused", "asset:", "of another source"), junk))
        assert set(outcomes(await poll(source, case.accounts))) == set(case.accounts)


async def test_a_source_is_closed_as_often_as_one_likes_used_or_not(case: Case) -> None:
    used, unused = case.source(), case.source()
    await poll(used, case.accounts)
    for source in (used, unused, used):
        await source.close()
